"""LoRA adapters as configuration and tensors: read, checked, brought to a rank exactly, written.

An adapter changes each matrix W of its base to W + s B A, with s = alpha / rank (or alpha / sqrt(rank), "rslora"; Kalajdzievski 2023). Rows
of zeros added to A and columns of zeros to B leave B A what it is; so a rank can always be raised, as long as s stays.
"""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftConfig
from peft.utils.other import get_pattern_key
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from inference.adapters import CONFIG_FILE, NOT_LORA, WEIGHTS_FILE
from inference.profiles import ALLOWED_RANKS
from training.weights.origin import shown
from training.workbench.errors import WorkbenchError

NO_SUM = tuple(name for name in NOT_LORA if name not in {"rank_pattern", "alpha_pattern"})
"""Settings with which an adapter is more than a sum of B A: it can be merged into its base, but not combined with others."""
CHANGES_BASE = ("pissa", "olora", "corda", "loftq", "lora_ga")
"""Ways to begin a training that change the base as well."""


@dataclass(frozen=True)
class Adapter:
    """A LoRA adapter on the CPU. Tensors have PEFT's names: `….lora_A.weight` is (rank, inputs), `….lora_B.weight` (outputs, rank)."""

    name: str
    config: Any
    tensors: Mapping[str, torch.Tensor]

    @property
    def modules(self) -> tuple[str, ...]:
        """The layers that it changes, by the names that they have in the base."""
        return tuple(name.removeprefix(PREFIX).rsplit(".lora_", 1)[0] for name in self.tensors if _is_first(name))

    @property
    def rank(self) -> int:
        """The largest rank of its layers."""
        return max(tensor.shape[0] for name, tensor in self.tensors.items() if _is_first(name))

    @property
    def base(self) -> str:
        """The base that its training named."""
        return str(self.config.base_model_name_or_path or "")

    def scale(self, module: str) -> float:
        """s of a layer."""
        rank = self.config.rank_pattern.get(get_pattern_key(self.config.rank_pattern.keys(), module), self.config.r)
        alpha = self.config.alpha_pattern.get(get_pattern_key(self.config.alpha_pattern.keys(), module), self.config.lora_alpha)
        return float(alpha / (sqrt(rank) if self.config.use_rslora else rank))

    def change(self, module: str) -> torch.Tensor | None:
        """s B A in float32, (outputs, inputs); of an embedding (width, tokens). None where the layer stays as it is."""
        for first, second in PAIRS:
            a = self.tensors.get(f"{PREFIX}{module}.{first}")
            if a is not None:
                return self.scale(module) * (self.tensors[f"{PREFIX}{module}.{second}"].float() @ a.float())
        return None


PREFIX = "base_model.model."
PAIRS = (("lora_A.weight", "lora_B.weight"), ("lora_embedding_A", "lora_embedding_B"))


def read_adapter(folder: Path) -> Adapter:
    """The adapter in a folder.

    Raises:
        WorkbenchError: there is none, or it is damaged, or no plain LoRA adapter.
    """
    name = shown(folder)
    try:
        config = PeftConfig.from_pretrained(str(folder))
        tensors = load_file(folder / WEIGHTS_FILE)
    except (OSError, ValueError, SafetensorError, KeyError, TypeError):
        raise WorkbenchError(f"{name} holds no adapter: {CONFIG_FILE} and {WEIGHTS_FILE} must be there, and whole") from None
    if not isinstance(config, LoraConfig):
        raise WorkbenchError(f"{name} is an adapter of the kind {config.peft_type}: only LoRA can be combined")
    if config.bias != "none":
        raise WorkbenchError(f"{name} trains biases as well, which can't be combined: merge it into its base (`phyassist train merge`)")
    more = [setting for setting in NO_SUM if getattr(config, setting, None)]
    if str(config.init_lora_weights).startswith(CHANGES_BASE):
        more.append("init_lora_weights")
    if more:
        raise WorkbenchError(
            f"{name} has {', '.join(more)}, and is more than a sum of low ranks: merge it into its base (`phyassist train merge`)"
        )
    if not any(map(_is_first, tensors)):
        raise WorkbenchError(f"{WEIGHTS_FILE} of {name} has no LoRA tensors")
    return Adapter(name, config, tensors)


def padded(adapter: Adapter, rank: int) -> Adapter:
    """The same adapter with all its layers of this rank; exact but for a rounding of the scale."""
    scales = {module: adapter.scale(module) for module in adapter.modules}
    config = deepcopy(adapter.config)
    config.r, config.rank_pattern, config.use_rslora = rank, {}, False
    alphas = {module: scale * rank for module, scale in scales.items()}
    config.lora_alpha = _whole(next(iter(alphas.values())))
    config.alpha_pattern = {} if len(set(scales.values())) == 1 else {module: _whole(alpha) for module, alpha in alphas.items()}
    return Adapter(adapter.name, config, {name: _wider(name, tensor, rank) for name, tensor in adapter.tensors.items()})


def served_rank(rank: int) -> int:
    """The smallest rank that the model server takes and that has room for this one.

    Raises:
        WorkbenchError: it is too large for the server.
    """
    found = next((allowed for allowed in ALLOWED_RANKS if allowed >= rank), None)
    if found is None:
        raise WorkbenchError(
            f"the rank would be {rank}, and the model server takes {ALLOWED_RANKS[-1]} at most: use the method svd with a smaller rank, or "
            "merge the adapters into the base (`phyassist train merge`)"
        )
    return found


def write_adapter(adapter: Adapter, folder: Path) -> None:
    """Writes configuration and tensors into a folder that is there."""
    adapter.config.inference_mode = True
    adapter.config.save_pretrained(str(folder))
    save_file({name: tensor.contiguous() for name, tensor in adapter.tensors.items()}, folder / WEIGHTS_FILE, metadata={"format": "pt"})


def _is_first(name: str) -> bool:
    return name.endswith((PAIRS[0][0], PAIRS[1][0]))


def _wider(name: str, tensor: torch.Tensor, rank: int) -> torch.Tensor:
    missing = rank - tensor.shape[0 if _is_first(name) else 1]
    return torch.nn.functional.pad(tensor, (0, 0, 0, missing) if _is_first(name) else (0, missing))


def _whole(alpha: float) -> float:
    """PEFT's own files have whole numbers where they can."""
    return int(alpha) if alpha == int(alpha) else alpha
