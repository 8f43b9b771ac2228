"""DeepSpeed's settings for a run, made from its configuration: ZeRO-2 and ZeRO-3 (Rajbhandari et al., SC 2020)."""

from collections.abc import Mapping
from typing import Any

from training.workbench.config import DeepSpeed

_STAGES = {DeepSpeed.ZERO2: 2, DeepSpeed.ZERO3: 3}


def deepspeed_settings(kind: DeepSpeed) -> Mapping[str, Any] | None:
    """What transformers' Trainer is given; `auto` stands for the run's own values. None where DeepSpeed is not asked for."""
    if kind is DeepSpeed.NONE:
        return None
    return {
        "zero_optimization": {"stage": _STAGES[kind], "stage3_gather_16bit_weights_on_model_save": True},
        "train_batch_size": "auto",
        "train_micro_batch_size_per_gpu": "auto",
        "gradient_accumulation_steps": "auto",
        "gradient_clipping": "auto",
        "bf16": {"enabled": "auto"},
    }
