"""What a person can mend is told in a sentence, without a traceback."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

WRONG_SETTINGS = 2
FAILED = 1
# Packages that live behind an extra, and which one brings them.
EXTRAS = {
    "deepspeed": "deepspeed",
    "vllm": "cpu",
    "torch": "train",
    "transformers": "train",
    "peft": "train",
    "trl": "train",
    "datasets": "train",
    "matplotlib": "train",
}


@contextmanager
def explained() -> Iterator[None]:
    """Turn the errors that name their own remedy into one line on standard error and an exit status."""
    from bot.settings import SettingsError
    from bot.store.errors import StoreError
    from inference.errors import InferenceError

    try:
        yield
    except SettingsError as error:
        help_for_all = "`.env.example` explains every setting; `phyassist doctor` tries them."
        _stop(f"These settings need attention:\n{error}\n{help_for_all}", WRONG_SETTINGS)
    except (StoreError, InferenceError) as error:
        _stop(f"{type(error).__name__}: {error}", FAILED)


@contextmanager
def extras_explained() -> Iterator[None]:
    """Say which extra brings a package that is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in EXTRAS:
            raise
        print(
            f"This command needs the package {package}, which is not installed. In a checkout: make setup. "
            f"Elsewhere: pip install 'phyassist[{EXTRAS[package]}]'",
            file=sys.stderr,
        )
        sys.exit(FAILED)


def _stop(text: str, status: int) -> None:
    typer.echo(text, err=True)
    raise typer.Exit(status)
