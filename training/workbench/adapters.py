"""LoRA adapters on disk: whether one belongs to a model, and its change to a matrix of the model."""

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from training.workbench.artifacts import MANIFEST
from training.workbench.errors import WorkbenchError
from training.workbench.places import ADAPTER_CONFIG, ADAPTER_WEIGHTS, base_fingerprint

BASE = "base_sha256"
"""In the manifest of an adapter: the fingerprint of what it was trained on."""
_PREFIX, _DOWN, _UP = "base_model.model.", ".lora_A.weight", ".lora_B.weight"

Source = Callable[[str], torch.Tensor]


def check_same_base(adapter: Path, model: Path, below: Sequence[Path] = ()) -> None:
    """Where the adapter's manifest says on which weights it was trained: that they are these.

    Raises:
        WorkbenchError: it was trained on others; the message names them.
    """
    try:
        made = json.loads((adapter / MANIFEST).read_text(encoding="utf-8"))["made"]
        trained_on = made[BASE]
    except (FileNotFoundError, KeyError, json.JSONDecodeError):
        return
    if trained_on != base_fingerprint(model, below):
        on = f" with {', '.join(path.name for path in below)} on it" if below else ""
        raise WorkbenchError(
            f"the adapter {adapter.name} was trained on other weights than those of {model.name}{on} "
            f"(it names {made.get('model', 'no model')}{_listed(made.get('adapters'))}): choose the base that it belongs to"
        )


def check_fits(model: Any, adapter: Path) -> None:
    """That every matrix of an adapter has its place in a model.

    Raises:
        WorkbenchError: a layer is missing, or of another size: the adapter belongs to another base.
    """
    for name, shape in _shapes(adapter).items():
        side = next((one for one in (_DOWN, _UP) if name.endswith(one)), None)
        if side is None:
            continue
        path = name.removeprefix(_PREFIX).removesuffix(side).replace(".base_layer", "")  # which is PEFT's, around fused experts
        try:
            layer = model.get_submodule(path)
        except AttributeError:
            raise WorkbenchError(f"the adapter {adapter.name} belongs to another base: this model has no {path}") from None
        width = getattr(layer, "in_features" if side == _DOWN else "out_features", None)
        meant = shape[1] if side == _DOWN else shape[0]
        if width is not None and width != meant:
            raise WorkbenchError(f"the adapter {adapter.name} belongs to another base: {path} is {width} wide here, and {meant} there")


def with_deltas(source: Source, adapters: Sequence[Path]) -> Source:
    """A source of a model's tensors with adapters merged into them as they are read, in float32.

    Raises:
        WorkbenchError: an adapter is not plain LoRA on matrices, or has a matrix that the model lacks.
    """
    deltas = [_Deltas(adapter) for adapter in adapters]
    for one in deltas:
        for path in one.paths:
            try:
                shape = source(f"{path}.weight").shape
            except KeyError:
                raise WorkbenchError(f"the adapter {one.name} belongs to another base: this model has no {path}") from None
            if shape != one.of(path).shape:
                raise WorkbenchError(f"the adapter {one.name} belongs to another base: {path} is of another size there")

    def read(name: str) -> torch.Tensor:
        tensor, path = source(name), name.removesuffix(".weight")
        changes = [one.of(path) for one in deltas if path in one.paths]
        return (tensor.float() + sum(changes)).to(tensor.dtype) if changes else tensor

    return read


class _Deltas:
    """What an adapter adds to each matrix: scale x up x down."""

    def __init__(self, adapter: Path) -> None:
        self.name = adapter.name
        self._config = json.loads((adapter / ADAPTER_CONFIG).read_text(encoding="utf-8"))
        odd = [
            name for name in ("use_dora", "target_parameters", "modules_to_save", "rank_pattern", "alpha_pattern") if self._config.get(name)
        ]
        if self._config.get("peft_type") != "LORA" or odd:
            raise WorkbenchError(f"the adapter {adapter.name} is more than plain LoRA ({', '.join(odd)}): merge it into its base first")
        with _opened(adapter) as file:
            self._tensors = {name.removeprefix(_PREFIX): file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118  # no mapping
        self.paths = {name.removesuffix(_DOWN) for name in self._tensors if name.endswith(_DOWN)}

    def of(self, path: str) -> torch.Tensor:
        """The change of a matrix, (outputs, inputs)."""
        rank: int = self._config["r"]
        scale = self._config["lora_alpha"] / (math.sqrt(rank) if self._config.get("use_rslora") else rank)
        result: torch.Tensor = scale * (self._tensors[path + _UP] @ self._tensors[path + _DOWN])
        return result


def _shapes(adapter: Path) -> dict[str, list[int]]:
    with _opened(adapter) as file:
        return {name: file.get_slice(name).get_shape() for name in file.keys()}  # noqa: SIM118  # it is no mapping


def _opened(adapter: Path) -> Any:
    try:
        return safe_open(str(adapter / ADAPTER_WEIGHTS), framework="pt")
    except (OSError, SafetensorError) as error:
        raise WorkbenchError(f"the weights of the adapter {adapter.name} can't be read: the file is damaged or incomplete") from error


def _listed(adapters: Any) -> str:
    return f" with {', '.join(adapters)} on it" if adapters else ""
