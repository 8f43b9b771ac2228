"""Tiny random models for the workbench's tests: one folder for each architecture, built once a session and never changed."""

from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest

from training.workbench.tiny import Architecture, make_tiny_model


@cache
def _models() -> Path:
    return Path(mkdtemp(prefix="phyassist-tiny-"))


def tiny_model(architecture: Architecture = Architecture.LLAMA, seed: int = 0, **sizes: Any) -> Path:
    """The folder of a tiny model with tokenizer and chat template. Copy it before you change a file of it."""
    name = "-".join([str(architecture), str(seed), *(f"{key}-{value}" for key, value in sorted(sizes.items()))])
    folder = _models() / name
    return folder if folder.exists() else make_tiny_model(folder, architecture, seed, **sizes)


@pytest.fixture(scope="session")
def tiny_llama() -> Path:
    """A tiny Llama, where the architecture doesn't matter."""
    return tiny_model(Architecture.LLAMA)
