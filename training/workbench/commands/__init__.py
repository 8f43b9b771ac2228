"""`phyassist data | train | eval | chat`: what is asked for on the command line, handed to the modules that do it.

Nothing heavy is imported before a command runs: `--help` takes no model library.
"""

from importlib import import_module

MODULES = {
    "data": ("data_prepare", "data_convert", "data_questions"),
    "train": (
        "demo_model",
        "train_sft",
        "train_reward",
        "train_reinforce",
        "train_tiny",
        "train_vocabulary",
        "train_launch",
        "train_combine",
        "train_merge",
        "train_delta",
        "train_publish",
    ),
    "eval": ("eval_predict", "eval_loss", "eval_imhi", "eval_compare", "side_by_side"),
    "chat": ("chat",),
}
"""The modules of this folder that add commands to a group, in the order in which `--help` lists them."""


def load(group: str) -> None:
    """Import the modules of a group, so that their commands are there."""
    for module in MODULES[group]:
        import_module(f"{__name__}.{module}")
