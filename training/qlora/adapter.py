"""The LoRA adapter: put around the base, read from and written to the form that the server takes."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
from safetensors.torch import load_file, save_file
from transformers import MixtralForCausalLM

from inference.adapters import CONFIG_FILE, WEIGHTS_FILE, AttentionShape, check_adapter
from training.qlora.errors import TrainingFailed
from training.qlora.recipe import Recipe

Weights = dict[str, torch.Tensor]
"""Trainable parameters by name, copies on the CPU."""


def add_adapter(base: MixtralForCausalLM, recipe: Recipe, shape: AttentionShape) -> PeftModel:
    """The base with an adapter, fresh from the recipe's seed or with the numbers of the one it begins with.

    Its parameters are float32 from the start: optimizers keep them so, and a training that goes on from a checkpoint is then the same
    to the bit. Raises: BadAdapter, TrainingFailed when the adapter to begin with doesn't fit.
    """
    torch.manual_seed(recipe.seed)
    config = LoraConfig(
        r=recipe.rank,
        lora_alpha=recipe.alpha,
        lora_dropout=recipe.dropout,
        target_modules=list(recipe.modules),
        task_type="CAUSAL_LM",
    )
    model = get_peft_model(base, config)
    if recipe.begin is not None:
        _check_beginning(recipe.begin, recipe, shape)
        loaded = set_peft_model_state_dict(model, load_file(recipe.begin / WEIGHTS_FILE))
        if loaded.unexpected_keys:
            raise TrainingFailed("the adapter to begin with has parameters that this one lacks")
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
    if recipe.checkpointing:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        model.enable_input_require_grads()
    return model


def trainable(model: torch.nn.Module) -> dict[str, torch.nn.Parameter]:
    """The adapter's parameters by name."""
    return {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}


def copy_weights(model: torch.nn.Module) -> Weights:
    """The adapter's numbers as they are now."""
    return {name: parameter.detach().cpu().clone() for name, parameter in trainable(model).items()}


def set_weights(model: torch.nn.Module, weights: Mapping[str, torch.Tensor]) -> None:
    """Puts an adapter's numbers back."""
    with torch.no_grad():
        for name, parameter in trainable(model).items():
            parameter.copy_(weights[name])


@contextmanager
def with_weights(model: torch.nn.Module, weights: Mapping[str, torch.Tensor]) -> Iterator[None]:
    """The model as it is with other numbers in its adapter and without dropout; afterwards it is as it was. For use without gradients."""
    own = {name: parameter.data for name, parameter in trainable(model).items()}
    was_training = model.training
    for name, parameter in trainable(model).items():
        parameter.data = weights[name].to(parameter.device)
    model.eval()
    try:
        yield
    finally:
        for name, parameter in trainable(model).items():
            parameter.data = own[name]
        model.train(was_training)


def write_adapter(model: PeftModel, folder: Path, base: Path) -> str:
    """Writes the adapter into a new folder; the SHA-256 of its weights. The same numbers give the same bytes."""
    folder.mkdir(mode=0o700)
    state = get_peft_model_state_dict(model)
    save_file({name: tensor.detach().cpu().contiguous() for name, tensor in sorted(state.items())}, folder / WEIGHTS_FILE, {"format": "pt"})
    config: dict[str, Any] = model.peft_config["default"].to_dict()
    config |= {"base_model_name_or_path": base.name, "inference_mode": True}
    (folder / CONFIG_FILE).write_text(json.dumps(config, indent=2, sort_keys=True, default=sorted))  # of sets, whose order is chance
    return sha256_of(folder / WEIGHTS_FILE)


def sha256_of(path: Path) -> str:
    """The hash of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_beginning(begin: Path, recipe: Recipe, shape: AttentionShape) -> None:
    facts = check_adapter(begin, shape, max_rank=512)
    if (facts.rank, facts.alpha, set(facts.modules)) != (recipe.rank, recipe.alpha, set(recipe.modules)):
        raise TrainingFailed(
            f"the adapter to begin with has rank {facts.rank}, alpha {facts.alpha:g} and modules {', '.join(facts.modules)}; "
            f"the recipe says {recipe.rank}, {recipe.alpha} and {', '.join(recipe.modules)}"
        )
    if json.loads((begin / CONFIG_FILE).read_text()).get("use_rslora"):
        raise TrainingFailed("the adapter to begin with is scaled otherwise (rsLoRA)")
