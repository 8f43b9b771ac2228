"""Several LoRA adapters of one base become one, by PEFT's `add_weighted_adapter`.

Of its ways only `cat` is exact: ranks add up, and what comes out is the weighted sum of the adapters. `svd` is the best approximation of
that sum at a given rank. `linear` adds the factors A and B separately, and is far off. `ties` (Yadav et al., NeurIPS 2023) and `dare` (Yu
et al., ICML 2024) leave entries out on purpose, so that adapters disturb each other less. No sum of adapters is what one training on all
data would have found: where the data are at hand, train on them together.

No weight of the base is needed: PEFT gets a model of the base's shapes that takes no memory.
"""

import warnings
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel, get_peft_model_state_dict, set_peft_model_state_dict
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM

from training.weights.adapters import Adapter, padded, served_rank
from training.workbench.errors import WorkbenchError

COMBINED = "combined"


class Method(StrEnum):
    """PEFT's names of the ways to combine."""

    CAT = "cat"
    SVD = "svd"
    LINEAR = "linear"
    TIES = "ties"
    DARE_LINEAR = "dare_linear"
    DARE_TIES = "dare_ties"


SAME_RANK = {Method.LINEAR, Method.TIES, Method.DARE_LINEAR, Method.DARE_TIES}
"""They add A to A and B to B, so that all adapters must have one rank."""
SPARSE = {Method.TIES, Method.DARE_LINEAR, Method.DARE_TIES}


@dataclass(frozen=True)
class Combination:
    """How adapters are combined. `density` is the share of entries that `ties` and `dare` keep: their papers keep 0.2 and 0.1 of whole
    models' weights; factors of low rank have less to spare. `rank` is for `svd`; the seed for `dare`, which draws what stays."""

    method: Method = Method.CAT
    weights: tuple[float, ...] = ()
    """One for each adapter; 1 for all where there are none."""
    density: float = 0.5
    rank: int | None = None
    seed: int = 0


def combine(adapters: Sequence[Adapter], base: str, how: Combination) -> Adapter:
    """One adapter of a rank that the server takes; ranks in between are padded with zeros, which changes nothing.

    Args:
        adapters: two or more, of one base.
        base: the base's folder, or its name on the hub; only its configuration is read.
        how: the way, with its settings.

    Raises:
        WorkbenchError: a setting makes no sense, an adapter does not fit the base, or the rank is too large for the server.
    """
    weights = _check(adapters, how)
    if how.method is Method.CAT:
        served_rank(sum(adapter.rank for adapter in adapters))
    if how.method in SAME_RANK and len({adapter.rank for adapter in adapters}) + sum(bool(one.config.rank_pattern) for one in adapters) > 1:
        adapters = [padded(adapter, max(one.rank for one in adapters)) for adapter in adapters]
    model = _loaded(adapters, base)
    names = [f"adapter{place}" for place in range(len(adapters))]
    sparse = {"density": how.density} if how.method in SPARSE else {}
    rank = how.rank or served_rank(max(adapter.rank for adapter in adapters))
    torch.manual_seed(how.seed)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The density .* no pruning")  # 1 is meant
        model.base_model.add_weighted_adapter(
            names, list(weights), COMBINED, combination_type=str(how.method), svd_rank=rank, svd_full_matrices=False, **sparse
        )
    config = model.peft_config[COMBINED]
    # PEFT scales before it adds, for a rank and an alpha that are equal; it would keep the first adapter's rslora
    config.use_rslora, config.base_model_name_or_path = False, base  # PEFT looks there for the size of the vocabulary
    tensors = {name: tensor.contiguous() for name, tensor in get_peft_model_state_dict(model, adapter_name=COMBINED).items()}
    config.base_model_name_or_path = adapters[0].base or base  # a name; where the base lies on this machine is nobody's business
    result = Adapter(COMBINED, config, tensors)
    return padded(result, served_rank(max(result.rank, config.r)))


def relative_error(adapters: Sequence[Adapter], weights: Sequence[float], combined: Adapter) -> float:
    """How far the combined adapter is from the weighted sum: the Frobenius norm of the difference over that of the sum, all layers."""
    wrong = right = 0.0
    modules = dict.fromkeys(module for adapter in (*adapters, combined) for module in adapter.modules)
    for module in modules:
        changes = [(weight, adapter.change(module)) for weight, adapter in zip(weights, adapters, strict=True)]
        total = sum((weight * change for weight, change in changes if change is not None), start=torch.zeros(()))
        found = combined.change(module)
        wrong += float(torch.sum((total - (0 if found is None else found)) ** 2))
        right += float(torch.sum(total**2))
    return (wrong / right) ** 0.5 if right else 0.0


def _check(adapters: Sequence[Adapter], how: Combination) -> tuple[float, ...]:
    """The weights, one for each adapter."""
    weights = how.weights or (1.0,) * len(adapters)
    if len(adapters) < 2:
        raise WorkbenchError("there must be two adapters or more to combine")
    if len(weights) != len(adapters):
        raise WorkbenchError(f"there are {len(adapters)} adapters and {len(weights)} weights: give one weight for each, in the same order")
    if not 0 < how.density <= 1:
        raise WorkbenchError(f"the density is a share between 0 and 1, not {how.density}")
    if how.rank is not None and (how.method is not Method.SVD or served_rank(how.rank) != how.rank):
        raise WorkbenchError("a rank is for the method svd alone, and must be one that the model server takes: 8, 16, 32, 64, 128, …")
    return weights


def _loaded(adapters: Sequence[Adapter], base: str) -> Any:
    """A PEFT model with the adapters, named by their place, on a base without numbers."""
    model: Any = None
    for place, adapter in enumerate(adapters):
        name, config = f"adapter{place}", copy(adapter.config)
        config.base_model_name_or_path = base  # a run's adapter has the base's name alone, and PEFT looks for its files
        try:
            if model is None:
                model = PeftModel(_shapes_of(base), config, adapter_name=name)
            else:
                model.add_adapter(name, config)
        except ValueError as error:
            raise WorkbenchError(f"{adapter.name} changes layers that {Path(base).name} does not have: it has another base") from error
        wrong = list(_unlike(get_peft_model_state_dict(model, adapter_name=name), adapter))
        if wrong:
            raise WorkbenchError(
                f"{adapter.name} does not fit {Path(base).name}: {wrong[0]}; {len(wrong)} tensors in all. It has another base"
            )
        set_peft_model_state_dict(model, dict(adapter.tensors), adapter_name=name)
    return model


def _unlike(expected: dict[str, torch.Tensor], adapter: Adapter) -> Iterator[str]:
    for name in expected.keys() | adapter.tensors.keys():
        if name not in expected:
            yield f"{name} belongs to no layer of the base"
        elif name not in adapter.tensors:
            yield f"{name} is missing"
        elif expected[name].shape != adapter.tensors[name].shape:
            yield f"{name} is {list(adapter.tensors[name].shape)} and should be {list(expected[name].shape)}"


def _shapes_of(base: str) -> Any:
    """A model of the base's layers whose matrices are one zero each, seen everywhere: PEFT looks at their shapes alone."""
    try:
        config = AutoConfig.from_pretrained(base)
    except (OSError, ValueError) as error:
        raise WorkbenchError(f"the configuration of the base {base} can't be read: say with --base where it is") from error
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    for module in model.modules():
        for name, parameter in list(module.named_parameters(recurse=False)):
            setattr(module, name, nn.Parameter(torch.zeros(()).expand(parameter.shape), requires_grad=False))
    return model
