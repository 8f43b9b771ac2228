"""How adapters of the demo model are trained at night: the numbers of `phyassist demo` and of the simulation of many nights.

The model has 8 million parameters and runs on CPUs: nothing is quantised, nothing recomputed to save memory.
"""

from typing import Any

RECIPE: dict[str, Any] = {
    "quantise": False,
    "compute": "fp32",
    "checkpointing": False,
    "dropout": 0.0,
    "learning_rate": 3e-4,
    "epochs": 2,
    "max_steps": 24,
    "accumulation": 2,
    "evaluate_every": 8,
    "save_every": 12,
    "preference": "none",
    "tracker": "none",
}
"""Settings of `training.qlora.recipe.Recipe` that differ from its defaults. Gentle: a night of `phyassist demo` has to pass the real gate,
and to show."""

STRONG: dict[str, Any] = RECIPE | {"learning_rate": 5e-4, "max_steps": 30, "evaluate_every": 10, "save_every": 15}
"""What the simulation takes, whose nights may be refused: after one demo in several, an adapter trained so fails one safety test of 28."""

MIXING: dict[str, Any] = {"earlier": 0.2, "base": 0.4}
"""Settings of `training.data.settings.Settings` that differ from its defaults: much of the base set, as a small model forgets quickly."""

STRONG_MIXING: dict[str, Any] = {"earlier": 0.2, "base": 0.3}
"""What goes with `STRONG`."""
