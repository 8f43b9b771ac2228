"""`phyassist train launch-command`."""

from typing import Annotated

import typer

from training.workbench.commands.groups import train
from training.workbench.commands.train_sft import Changes, ModelPath, Out, Rows, Source, Zero
from training.workbench.config import load_config


@train.command("launch-command")
def launch_command(
    config: Source,
    out: Out,
    nodes: Annotated[int, typer.Option(help="How many machines.", min=2)],
    gpus: Annotated[int, typer.Option(help="GPUs of each.", min=1)],
    address: Annotated[str, typer.Option(help="Name or address of the first machine, as the others reach it.")],
    model: ModelPath = None,
    data: Rows = None,
    deepspeed: Zero = None,
    changes: Changes = None,
) -> None:
    """Begin a run for several machines and print what to start on each; all must see its folder, model and rows in one place."""
    from training.workbench.distributed import deepspeed_command, hostfile, launch_commands
    from training.workbench.runs import begin

    settings = {name: {"path": path} for name, path in {"model": model, "data": data}.items() if path is not None}
    spread = [f"distributed.nodes={nodes}", f"distributed.processes={gpus}"]
    zero = [] if deepspeed is None else [f"distributed.deepspeed={deepspeed}"]
    run = begin(out, load_config(config, [*spread, *zero, *(changes or ())], settings))
    print(f"# {out} is begun. With PhyAssist installed on {nodes} machines which all see {run.folder}:")
    for number, command in enumerate(launch_commands(run.folder, run.config, address), start=1):
        print(f"# on machine {number}{f', {address}' if number == 1 else ''}\n{command}")
    print(f"# or on {address} alone, if it reaches the others by SSH without a password, with these lines in hosts.txt:")
    print("".join(f"#   {line}\n" for line in hostfile(run.config, address).splitlines()) + deepspeed_command(run.folder, address))
