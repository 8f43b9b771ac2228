"""A plugin that vLLM loads in each of its processes: lets the CPU engine serve Mixtral with a LoRA adapter.

With LoRA on, vLLM 0.32 takes the Triton kernel for the experts of a mixture model without asking whether the platform has
Triton; on a CPU the server then starts, reports itself healthy, and dies of the first request. PhyAssist's adapters touch attention
only (`--lora-target-modules`), so the experts never carry LoRA weights and the ordinary CPU kernel is right for them.

Found by vLLM through the entry point `vllm.general_plugins`; does nothing on GPUs.
"""

import copy
import importlib
from typing import Any

NAME = "phyassist_cpu_moe_lora"
"""The entry point's name in pyproject.toml."""

_METHOD_MODULE = "vllm.model_executor.layers.fused_moe.unquantized_fused_moe_method"
_SELECT = "select_unquantized_moe_backend"


def register() -> None:
    """Wrap the choice of the expert kernel, once per process."""
    platforms = importlib.import_module("vllm.platforms")  # by name: the bot's environment checks types without vllm
    if not platforms.current_platform.is_cpu():
        return
    method = importlib.import_module(_METHOD_MODULE)
    select = getattr(method, _SELECT)
    if getattr(select, "_without_lora", False):
        return
    setattr(method, _SELECT, _without_lora(select))


def _without_lora(select: Any) -> Any:
    """`select`, told that the experts have no LoRA, which is the truth here."""

    def wrapped(moe_config: Any, *args: Any, **kwargs: Any) -> Any:
        if moe_config.is_lora_enabled:
            moe_config = copy.copy(moe_config)
            moe_config.is_lora_enabled = False
        return select(moe_config, *args, **kwargs)

    wrapped._without_lora = True  # type: ignore[attr-defined]  # the mark that it is already wrapped
    return wrapped
