"""DeepSpeed's settings for a run: ZeRO-2 and ZeRO-3 (Rajbhandari et al., SC 2020), from the files in `deepspeed/`.

In those files `auto` stands for what the run's own configuration says. ZeRO-3 writes whole weights into checkpoints, so that they load
without DeepSpeed.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from training.workbench.config import DeepSpeed

FILES = Path(__file__).with_name("deepspeed")
STAGES: Mapping[DeepSpeed, int | None] = {DeepSpeed.NONE: None, DeepSpeed.ZERO2: 2, DeepSpeed.ZERO3: 3}


def deepspeed_settings(kind: DeepSpeed) -> dict[str, Any] | None:
    """What transformers' Trainer is given. None where DeepSpeed is not asked for."""
    if kind is DeepSpeed.NONE:
        return None
    settings: dict[str, Any] = json.loads((FILES / f"{kind}.json").read_text(encoding="utf-8"))
    return settings


def tell_deepspeed_of_all() -> None:
    """Has DeepSpeed know how many processes there are before a model is read, since ZeRO-3 shares weights out while that happens. On GPUs
    transformers' arguments do it; on CPUs DeepSpeed would take the world for one process until it trains."""
    from deepspeed import comm

    if not comm.is_initialized():
        comm.init_distributed(auto_mpi_discovery=False, verbose=False)
