"""The frozen base model: quantised matrix by matrix as it is read, on one device or spread over several GPUs.

A quantised base is not loaded by `from_pretrained`, which quantises no expert (see `experts`), but tensor by tensor from where the caller
says: the files of a model hub, or random numbers in the benchmark. No more than one matrix at a time is held in 16 bits.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import torch
from bitsandbytes.nn.modules import Linear4bit, Params4bit
from safetensors import SafetensorError, safe_open
from torch import nn
from transformers import MixtralConfig, MixtralForCausalLM

from training.qlora.errors import TrainingFailed
from training.qlora.experts import SeparateExperts
from training.qlora.memory import Part, check_quantised, parameter_bytes, part_of
from training.qlora.recipe import Compute, Product, Recipe

DTYPES = {Compute.BF16: torch.bfloat16, Compute.FP32: torch.float32}
WEIGHTS_FILE, INDEX_FILE = "model.safetensors", "model.safetensors.index.json"
QUANTISED = {Part.ATTENTION: 0.52, Part.EXPERTS: 0.52}
"""Parts that are quantised, and bytes a weight for planning."""
BLOCK = 64
"""Weights that share a scale, bitsandbytes' default."""

Source = Callable[[str], torch.Tensor]
"""A tensor by its name in the files, on the CPU. Raises: KeyError where there is none."""


def load_base(recipe: Recipe) -> MixtralForCausalLM:
    """The base model of a recipe, frozen.

    Raises:
        TrainingFailed: the directory holds no Mixtral, a tensor is missing, or the GPUs have no room.
        NotQuantised: parts that should be quantised are not.
    """
    dtype = DTYPES[recipe.compute]
    try:
        config = MixtralConfig.from_pretrained(str(recipe.base), local_files_only=True)
    except (OSError, ValueError) as error:
        raise TrainingFailed(f"the base model's configuration can't be read ({type(error).__name__})") from error
    if config.model_type != "mixtral":
        raise TrainingFailed("the base model is no Mixtral")
    if recipe.quantise:
        model = load_quantised(config, files_of(recipe.base), places_for(config, recipe.gpu_bytes), dtype, recipe.experts)
    else:
        device = "cuda" if torch.cuda.is_available() else "cpu"
        model = MixtralForCausalLM.from_pretrained(str(recipe.base), dtype=dtype, local_files_only=True).to(device)
    model.requires_grad_(False)
    model.config.use_cache = False
    return model


def load_quantised(
    config: MixtralConfig, source: Source, places: Mapping[str, torch.device], dtype: torch.dtype, product: Product
) -> MixtralForCausalLM:
    """A Mixtral whose attention and experts are NF4, each block on its place; the rest is of `dtype`."""
    model = empty_model(config)
    for name, parameter in list(model.named_parameters()):
        place = next(device for block, device in places.items() if name.startswith(f"{block}."))
        try:
            tensor = source(name_on_disk(name))
        except KeyError:
            raise TrainingFailed(f"the base model's files lack {name_on_disk(name)}") from None
        if tensor.shape != parameter.shape:
            raise TrainingFailed(f"{name_on_disk(name)} has the shape {list(tensor.shape)}, not {list(parameter.shape)}")
        put(model, name, tensor.to(dtype), place)
    check_quantised(parameter_bytes(model))
    for layer in model.model.layers:
        layer.mlp.experts.product = product
    devices = list(dict.fromkeys(places.values()))
    model.model.rotary_emb.to(devices[0])
    model.is_loaded_in_4bit = True  # PEFT then takes its layers for quantised linear ones
    if len(devices) > 1:
        from accelerate import dispatch_model  # type: ignore[import-untyped]  # it publishes no types

        model = dispatch_model(model, {**places, "model.rotary_emb": devices[0]})
    model.eval()
    return model


def empty_model(config: MixtralConfig) -> MixtralForCausalLM:
    """A Mixtral with separate experts whose parameters take no memory yet; buffers are real."""
    from accelerate import init_empty_weights

    with init_empty_weights(include_buffers=False):
        model = MixtralForCausalLM(config)
        for layer in model.model.layers:
            layer.mlp.experts = SeparateExperts(config)
    return model


def name_on_disk(name: str) -> str:
    """What a parameter is called in Mixtral's files, which keep the names that the model had when it came out."""
    return name.replace(".mlp.", ".block_sparse_moe.")


def files_of(directory: Path) -> Source:
    """Reads tensors from the safetensors files of a model directory.

    Raises:
        TrainingFailed: there are none.
    """

    @cache
    def opened(file: str) -> Any:
        try:
            return safe_open(str(directory / file), framework="pt")
        except (OSError, SafetensorError) as error:
            raise TrainingFailed(f"the base model's file {file} can't be read ({type(error).__name__})") from error

    if (directory / INDEX_FILE).exists():
        where: Mapping[str, str] = json.loads((directory / INDEX_FILE).read_text())["weight_map"]
    else:
        where = dict.fromkeys(opened(WEIGHTS_FILE).keys(), WEIGHTS_FILE)

    def read(name: str) -> torch.Tensor:
        tensor: torch.Tensor = opened(where[name]).get_tensor(name)
        return tensor

    return read


def places_for(config: MixtralConfig, gpu_bytes: int | None) -> dict[str, torch.device]:
    """The device of each block of a quantised model, by name; all on the CPU where there is no GPU.

    Raises:
        TrainingFailed: the GPUs have no room for it.
    """
    blocks = block_bytes(config)
    if not torch.cuda.is_available():
        return dict.fromkeys(blocks, torch.device("cpu"))
    count = torch.cuda.device_count()
    budgets = [gpu_bytes or int(0.9 * torch.cuda.mem_get_info(device)[0]) for device in range(count)]
    return {block: torch.device("cuda", device) for block, device in spread(blocks, budgets).items()}


def block_bytes(config: MixtralConfig) -> dict[str, int]:
    """The bytes of each block of a quantised model, in the order in which data flows through them."""
    sizes = {"model.embed_tokens": 0.0, **{f"model.layers.{layer}": 0.0 for layer in range(config.num_hidden_layers)}}
    sizes |= {"model.norm": 0.0, "lm_head": 0.0}
    for name, parameter in empty_model(config).named_parameters():
        block = next(block for block in sizes if name.startswith(f"{block}."))
        sizes[block] += parameter.numel() * QUANTISED.get(part_of(name), 2)
    return {block: int(size) for block, size in sizes.items()}


def spread(blocks: Mapping[str, int], budgets: Sequence[int]) -> dict[str, int]:
    """The index of the device of each block: blocks stay in order, and each device is filled in proportion to its budget in bytes.

    Raises:
        TrainingFailed: a device would have to hold more than its budget.
    """
    total, room = sum(blocks.values()), sum(budgets)
    edges = [sum(budgets[: place + 1]) / room for place in range(len(budgets))]
    placed: dict[str, int] = {}
    used, before = [0] * len(budgets), 0
    for block, size in blocks.items():
        middle = (before + size / 2) / total if total else 0.0
        place = next(index for index, edge in enumerate(edges) if middle <= edge or index == len(edges) - 1)
        placed[block], used[place], before = place, used[place] + size, before + size
    for have, budget in zip(used, budgets, strict=True):
        if have > budget:
            raise TrainingFailed(f"a GPU would have to hold {have / 1e9:.1f} GB of the base model, and has room for {budget / 1e9:.1f}")
    return placed


def put(model: nn.Module, name: str, tensor: torch.Tensor, place: torch.device) -> None:
    """Sets a parameter of the empty model, quantised where its part is.

    Raises:
        TrainingFailed: a row of the matrix is no whole number of blocks.
    """
    path, _, last = name.rpartition(".")
    if part_of(name) not in QUANTISED:
        setattr(model.get_submodule(path), last, nn.Parameter(tensor.to(place), requires_grad=False))
        return
    outputs, inputs = tensor.shape
    if inputs % BLOCK:  # no Mixtral that was published has one; bitsandbytes 0.50 on a CPU gives its weights wrong scales without a word
        raise TrainingFailed(f"{name_on_disk(name)} is {inputs} wide, and can't be quantised in blocks of {BLOCK}")
    layer: Any = Linear4bit(  # type: ignore[no-untyped-call]  # bitsandbytes has types in part
        inputs, outputs, bias=False, compute_dtype=tensor.dtype, quant_type="nf4", device="meta"
    )
    # On CPUs with AVX512-BF16, bitsandbytes repacks the weights in place at the first evaluation; later gradients are then dropped
    # without a word.
    layer.support_avx512bf16_for_cpu = False
    weight: Any = Params4bit(tensor, requires_grad=False, compress_statistics=True, quant_type="nf4", module=layer)
    layer.weight = weight.to(place)
    layer.quant_state = layer.weight.quant_state
    model.set_submodule(path, layer)
