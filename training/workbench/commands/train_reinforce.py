"""`phyassist train reinforce`."""

from typing import Annotated

import typer

from training.workbench.commands.groups import train
from training.workbench.commands.train_sft import Adapter, Changes, ModelPath, Out, Rows, Source, configured, start
from training.workbench.config import Task

RewardRun = Annotated[str | None, typer.Option("--reward", help="Folder of the run that made the reward model.")]


@train.command("reinforce")
def reinforce(
    config: Source,
    out: Out,
    model: ModelPath = None,
    adapter: Adapter = None,
    reward: RewardRun = None,
    data: Rows = None,
    changes: Changes = None,
) -> None:
    """Reinforce what a reward model likes, over a fine-tuned adapter and not far from it (RLOO, or GRPO by a setting)."""
    named = () if reward is None else (f"reinforce.reward={reward}",)
    result = start(configured(Task.REINFORCE, config, model, adapter, data, [*named, *(changes or ())]), out)
    before, after = result.more["before"], result.more["after"]
    print(
        f"answers to {result.more['prompts']} {result.more['prompts_of']} prompts, before and after: {before['tokens']:.1f} and "
        f"{after['tokens']:.1f} tokens, {before['characters']:.1f} and {after['characters']:.1f} characters, "
        f"reward {before['reward']:.2f} and {after['reward']:.2f}; {result.more['nats_an_answer']:.2f} nats an answer from the reference"
    )
    if result.more["ended_by"] == "kl_budget":
        print("it ended before its last step: the policy was further from the reference than reinforce.kl_budget")
