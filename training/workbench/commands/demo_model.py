"""`phyassist train demo-model`."""

import typer

from training.workbench.commands.groups import train


@train.command("demo-model", context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
def demo_model(context: typer.Context) -> None:
    """Make the demo model and its adapter again, from the grammar, with the loss curve as a picture."""
    from training.demo.build import main as build

    build(context.args)
