"""Where models and adapters lie: a folder, a finished run, or the hub. And what tells one model from another. Imports no model library."""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

from training.workbench.errors import WorkbenchError

MODEL_CONFIG, ADAPTER_CONFIG, ADAPTER_WEIGHTS = "config.json", "adapter_config.json", "adapter_model.safetensors"
ADAPTER, MODEL = "adapter", "model"
"""Kinds of folders, as their manifests have them."""
RUN_CONFIG, OUTPUT = "config.yaml", "output"
_HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")
_NEEDED = ("*.json", "*.jinja", "*.model", "*.safetensors", "*.txt", "*.py")
_SAMPLES, _SAMPLE_BYTES = 64, 4096


def model_folder(path: str | Path) -> Path:
    """The folder of a model's files, from its own folder, that of a run which made it, or a name on the hub (offline: from the cache).

    Raises:
        WorkbenchError: there is none, it holds no model, or the run did not finish.
    """
    folder = _of_run(Path(path))
    if folder.is_dir():
        if (folder / MODEL_CONFIG).is_file():
            return folder
        if (folder / ADAPTER_CONFIG).is_file():
            raise WorkbenchError(f"{folder.name} holds an adapter: name its base as the model, and this one under adapters")
        raise WorkbenchError(f"{folder.name} holds no model: there is no {MODEL_CONFIG} in it")
    if _HUB_NAME.fullmatch(str(path)) and not folder.parent.is_dir():
        return _from_hub(str(path))
    raise WorkbenchError(f"there is no model folder {path}")


def adapter_folder(path: str | Path) -> Path:
    """The folder of an adapter's files, from its own folder or that of a run which made it.

    Raises:
        WorkbenchError: there is none, it holds no adapter, or the run did not finish.
    """
    folder = _of_run(Path(path))
    if not folder.is_dir():
        raise WorkbenchError(f"there is no adapter folder {path}")
    if not (folder / ADAPTER_CONFIG).is_file() or not (folder / ADAPTER_WEIGHTS).is_file():
        raise WorkbenchError(f"{folder.name} holds no adapter: {ADAPTER_CONFIG} or {ADAPTER_WEIGHTS} is missing")
    return folder


def fingerprint(folder: Path) -> str:
    """What tells a model's weights from others: the SHA-256 of its weight files' names and sizes and of 64 samples of each, evenly spread.

    It reads a few megabytes of a model of any size: another training, merge or base changes practically all weights.

    Raises:
        WorkbenchError: there are no weights in safetensors files.
    """
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise WorkbenchError(f"{folder.name} has no weights in safetensors files")
    digest = hashlib.sha256()
    for path in files:
        size = path.stat().st_size
        digest.update(f"{path.name} {size}\n".encode())
        with path.open("rb") as file:
            for sample in range(_SAMPLES):
                file.seek(size * sample // _SAMPLES)
                digest.update(file.read(_SAMPLE_BYTES))
    return digest.hexdigest()


def base_fingerprint(model: Path, adapters: Sequence[Path] = ()) -> str:
    """The same of a base with adapters on it: of what a new adapter is trained on."""
    if not adapters:
        return fingerprint(model)
    return hashlib.sha256(" ".join([fingerprint(model), *map(fingerprint, adapters)]).encode()).hexdigest()


def _of_run(path: Path) -> Path:
    if not (path / RUN_CONFIG).is_file():
        return path
    if (path / OUTPUT).is_dir():
        return path / OUTPUT
    raise WorkbenchError(f"the run {path.name} has no output yet: `phyassist train resume {path.name}` goes on with it")


def _from_hub(name: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled

    try:
        return Path(snapshot_download(name, allow_patterns=list(_NEEDED)))
    except (LocalEntryNotFoundError, OfflineModeIsEnabled, ConnectionError):
        raise WorkbenchError(
            f"{name} is no folder here, and the hub can't be reached to fetch it: give the folder of a model that is on this machine"
        ) from None
    except HfHubHTTPError as error:
        code = error.response.status_code
        raise WorkbenchError(
            f"the hub does not give {name} ({code}): check the name, or log in where its licence must be accepted"
        ) from None
