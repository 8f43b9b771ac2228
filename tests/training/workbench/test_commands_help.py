"""The four groups of commands explain themselves, and quickly: `--help` loads no model library."""

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.support.walkthroughs import ROOT

HEAVY = (
    "torch",
    "transformers",
    "peft",
    "trl",
    "datasets",
    "accelerate",
    "deepspeed",
    "matplotlib",
    "sacrebleu",
    "vllm",
    "pandas",
    "slack_sdk",
)
ASK_ALL = f"""
import contextlib, io, json, sys
from typer.main import get_command
from training.workbench import commands
from training.workbench.commands.groups import GROUPS

def pages(command, path):
    if hasattr(command, "commands"):
        for name, inner in command.commands.items():
            yield from pages(inner, [*path, name])
        return
    passes_on = command.context_settings.get("help_option_names") == []
    page = io.StringIO()
    with contextlib.redirect_stdout(page):
        status = 0 if passes_on else command(["--help"], prog_name=" ".join(path), standalone_mode=False)
    unexplained = [param.name for param in command.params if not getattr(param, "help", None) and not passes_on]
    yield {{"path": path, "help": command.help, "unexplained": unexplained, "page": page.getvalue(), "passes_on": passes_on}}

found = []
for group in GROUPS:
    commands.load(group)
    if GROUPS[group].registered_commands:
        found += pages(get_command(GROUPS[group]), ["phyassist", group])
print(json.dumps({{"pages": found, "heavy": [name for name in {HEAVY} if name in sys.modules]}}))
"""


@pytest.fixture(scope="module")
def told() -> Any:
    """The help page of every command, and what was imported to print them, by a process that did nothing else."""
    done = subprocess.run([sys.executable, "-c", ASK_ALL], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_every_command_and_option_is_explained(told: Any) -> None:
    """Each command says what it does, each argument and option what it is for."""
    assert told["pages"]
    for page in told["pages"]:
        assert page["help"], page["path"]
        assert not page["unexplained"], page["path"]
        assert page["passes_on"] or "Usage:" in page["page"], page["path"]


def test_help_loads_no_model_library(told: Any) -> None:
    """All help pages of all groups are printed without torch, or anything else that takes seconds to import."""
    assert told["heavy"] == []
