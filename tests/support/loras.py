"""LoRA adapters of random numbers for any model, made by PEFT itself."""

from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

from training.workbench.adapters import BASE
from training.workbench.artifacts import write_manifest
from training.workbench.places import ADAPTER, base_fingerprint


def a_lora(folder: Path, base: Path, seed: int = 0, below: tuple[Path, ...] = (), manifest: bool = True, **settings: Any) -> Path:
    """An adapter that changes what the model says; `settings` are LoraConfig's, `below` the adapters that it was trained on."""
    torch.manual_seed(seed)
    given = {"r": 8, "lora_alpha": 16, "target_modules": ["q_proj", "v_proj"], "init_lora_weights": False, "task_type": "CAUSAL_LM"}
    config = LoraConfig(**{**given, **settings})
    get_peft_model(AutoModelForCausalLM.from_pretrained(str(base), dtype=torch.float32), config).save_pretrained(str(folder))
    (folder / "README.md").unlink(missing_ok=True)
    if manifest:
        made = {"model": base.name, "adapters": [one.name for one in below], BASE: base_fingerprint(base, below)}
        write_manifest(folder, ADAPTER, made)
    return folder
