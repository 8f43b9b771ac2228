"""A plugin that vLLM loads in each of its processes: what its CPU engine needs to serve Mixtral with LoRA, and to start quickly.

1. With LoRA on, vLLM 0.32 takes the Triton kernel for the experts of a mixture model without asking whether the platform has
   Triton; on a CPU the server then starts, reports itself healthy, and dies of the first request. PhyAssist's adapters touch
   attention only (`--lora-target-modules`), so the experts never carry LoRA weights and the ordinary CPU kernel is right for them.
2. On CPUs vLLM starts its engine in a new interpreter, which imports everything again: 10 to 25 s. Where the server asks for it
   (`FORK`), the engine is forked from the API process instead, as vLLM does on GPUs; the API process has computed nothing by then,
   so there is no OpenMP pool that a fork could break. With several workers vLLM binds threads per process and must not be forked.

3. On CPUs vLLM 0.32 looks up the adapter of a token without one at index -1, which is the last adapter: where requests to the bare base
   are computed together with requests to adapters, the base answers with whatever adapter stands last (vllm pull request 48421, open).

Found by vLLM through the entry point `vllm.general_plugins`; does nothing on GPUs.
"""

import copy
import importlib
import multiprocessing
import os
from multiprocessing.context import BaseContext
from typing import Any

NAME = "phyassist_cpu_moe_lora"
"""The entry point's name in pyproject.toml."""

FORK = "PHYASSIST_FORK_ENGINE"
"""The environment variable that asks for a forked engine."""

_LORA_MODULES = ("vllm.lora.ops.torch_ops.lora_ops", "vllm.lora.punica_wrapper.punica_cpu")
"""Both have the function by its name: the one that defines it, and the one that imports it."""
_SHRINK = "bgmv_shrink"
_METHOD_MODULE = "vllm.model_executor.layers.fused_moe.unquantized_fused_moe_method"
_SELECT = "select_unquantized_moe_backend"


def register() -> None:
    """Put all changes in place, once per process."""
    # modules by name: types are checked in environments without vllm, too
    if not importlib.import_module("vllm.platforms").current_platform.is_cpu():
        return
    method = importlib.import_module(_METHOD_MODULE)
    select = getattr(method, _SELECT)
    if not getattr(select, "_without_lora", False):
        setattr(method, _SELECT, _without_lora(select))
    lora = [importlib.import_module(name) for name in _LORA_MODULES]
    shrink = getattr(lora[0], _SHRINK)
    if not getattr(shrink, "_spares_base", False):
        for module in lora:
            setattr(module, _SHRINK, _sparing_base(shrink))
    if os.environ.get(FORK) and hasattr(os, "fork"):
        engine: Any = importlib.import_module("vllm.v1.engine.utils")
        engine.get_mp_context = _fork_context


def _fork_context() -> BaseContext:
    return multiprocessing.get_context("fork")


def _sparing_base(shrink: Any) -> Any:
    """`shrink`, the first half of what an adapter adds, which gives nothing for tokens that have none."""

    def wrapped(inputs: Any, weights: Any, output: Any, indices: Any, scaling: float = 1.0) -> None:
        shrink(inputs, weights, output, indices, scaling)
        output[indices < 0] = 0

    wrapped._spares_base = True  # type: ignore[attr-defined]  # the mark that it is already wrapped
    return wrapped


def _without_lora(select: Any) -> Any:
    """`select`, told that the experts have no LoRA, which is the truth here."""

    def wrapped(moe_config: Any, *args: Any, **kwargs: Any) -> Any:
        if moe_config.is_lora_enabled:
            moe_config = copy.copy(moe_config)
            moe_config.is_lora_enabled = False
        return select(moe_config, *args, **kwargs)

    wrapped._without_lora = True  # type: ignore[attr-defined]  # the mark that it is already wrapped
    return wrapped
