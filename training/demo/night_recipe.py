"""How adapters of the demo model are trained at night: the numbers of `phyassist demo` and of the simulation of many nights.

The model has 8 million parameters and runs on CPUs: nothing is quantised, nothing recomputed to save memory.
"""

from typing import Any

RECIPE: dict[str, Any] = {
    "quantise": False,
    "compute": "fp32",
    "checkpointing": False,
    "dropout": 0.0,
    "learning_rate": 5e-4,
    "epochs": 2,
    "max_steps": 30,
    "accumulation": 2,
    "evaluate_every": 10,
    "save_every": 15,
    "preference": "none",
    "tracker": "none",
}
"""Settings of `training.qlora.recipe.Recipe` that differ from its defaults."""

MIXING: dict[str, Any] = {"earlier": 0.2, "base": 0.3}
"""Settings of `training.data.settings.Settings` that differ from its defaults: much of the base set, as a small model forgets quickly."""
