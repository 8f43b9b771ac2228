"""What a training depends on, and whether that is still what it was. Imports no model library, so a finished training is read at once."""

import hashlib
import json
import platform
from importlib.metadata import version
from pathlib import Path

from inference.adapters import CONFIG_FILE, WEIGHTS_FILE
from training.data.dataset import MANIFEST
from training.qlora.errors import TrainingFailed
from training.qlora.recipe import Recipe
from training.qlora.result import Result, read_result

INPUTS_FILE = "inputs.json"
LIBRARIES = ("accelerate", "bitsandbytes", "peft", "safetensors", "torch", "transformers")


def finished(folder: Path, recipe: Recipe) -> Result | None:
    """The result of a training that is done, if it was made from what is there now. Raises: TrainingFailed, as `inputs_of`."""
    return read_result(folder) if unchanged(folder, recipe) else None


def unchanged(folder: Path, recipe: Recipe) -> bool:
    """Whether what is in a folder was made from what is there now, with the same libraries. Raises: TrainingFailed, as `inputs_of`."""
    path = folder / INPUTS_FILE
    return path.exists() and path.read_text() == _text(recipe)


def note_inputs(folder: Path, recipe: Recipe) -> None:
    """Writes down what the training in a folder is made from. Raises: TrainingFailed, as `inputs_of`."""
    partial = (folder / INPUTS_FILE).with_suffix(".partial")
    partial.write_text(_text(recipe))
    partial.replace(folder / INPUTS_FILE)


def inputs_of(recipe: Recipe) -> dict[str, str]:
    """Hashes of all that a training depends on: its settings, dataset, base and beginning. Of a base's weights their names and sizes
    count, since reading 90 GB takes minutes.

    Raises:
        TrainingFailed: something of it is missing.
    """
    try:
        inputs = {"recipe": recipe.sha256, "dataset": _sha256(recipe.dataset / MANIFEST), "base": _sha256(recipe.base / "config.json")}
        weights = sorted((path.name, path.stat().st_size) for path in recipe.base.glob("*.safetensors"))
        inputs |= {"base_files": json.dumps(weights)}
        if recipe.begin is not None:
            inputs |= {f"begin_{name}": _sha256(recipe.begin / name) for name in (CONFIG_FILE, WEIGHTS_FILE)}
    except OSError as error:
        missing = Path(error.filename).name if error.filename else "a file"
        raise TrainingFailed(f"{missing} of the dataset, the base model or the adapter to begin with can't be read") from None
    return inputs


def versions() -> dict[str, str]:
    """Of Python and of the libraries that the numbers depend on."""
    return {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}}


def _text(recipe: Recipe) -> str:
    return json.dumps({**inputs_of(recipe), **versions()}, indent=1, sort_keys=True)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
