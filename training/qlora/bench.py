"""python -m training.qlora.bench [--shape tiny|small|mixtral-8x7b] [--sequence N] [--steps N]

One QLoRA step with random weights: experts quantised matrix by matrix, beside what today's libraries make of the usual recipe, which leaves
them in 16 bits. Each way runs in a process of its own. On a GPU the peak is that of the allocator, on a CPU what the process grew by
from before the base was made. `mixtral-8x7b` is the true shape, made layer by layer, so that no more than the base itself is ever held.
"""

import argparse
import multiprocessing
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from transformers import MixtralConfig, MixtralForCausalLM

from inference.adapters import AttentionShape
from training.qlora import base
from training.qlora.adapter import add_adapter, trainable
from training.qlora.memory import Part, parameter_bytes, part_of, peak_bytes
from training.qlora.objectives import Likelihood
from training.qlora.recipe import Recipe
from training.qlora.rows import Sample, collate

SMALL = {"hidden_size": 1024, "intermediate_size": 3584, "num_hidden_layers": 2, "num_attention_heads": 8, "num_key_value_heads": 2}
TINY = {"hidden_size": 128, "intermediate_size": 256, "num_hidden_layers": 1, "num_attention_heads": 4, "num_key_value_heads": 1}
SHAPES: Mapping[str, dict[str, int]] = {
    "tiny": {**TINY, "vocab_size": 512},
    "small": {**SMALL, "vocab_size": 8192},
    "mixtral-8x7b": {"vocab_size": 32000},
}
WAYS = ("separate", "plain")


@dataclass(frozen=True)
class Figures:
    """Bytes a class of parameters, the most in use, and tokens a second of a whole step."""

    bytes: Mapping[str, int]
    bytes_a_weight: Mapping[str, float]
    peak: int
    speed: float


def random_source(config: MixtralConfig, device: torch.device, dtype: torch.dtype) -> base.Source:
    """Any tensor by its name: random numbers, one matrix for all of a shape, since its values cost minutes and change no figure."""
    shapes = {base.name_on_disk(name): parameter.shape for name, parameter in base.empty_model(config).named_parameters()}
    made: dict[torch.Size, torch.Tensor] = {}

    def read(name: str) -> torch.Tensor:
        shape = shapes[name]
        if shape not in made:
            made[shape] = torch.randn(shape, device=device, dtype=dtype) * 0.02
        return made[shape]

    return read


def plain_base(config: MixtralConfig, device: torch.device, dtype: torch.dtype) -> MixtralForCausalLM:
    """What `from_pretrained` makes with a 4-bit configuration: linear layers of attention in NF4, fused experts in 16 bits."""
    from accelerate import init_empty_weights  # type: ignore[import-untyped]  # it publishes no types

    with init_empty_weights(include_buffers=False):
        model = MixtralForCausalLM(config)
    for name, parameter in list(model.named_parameters()):
        tensor = torch.randn(parameter.shape[-2:], device=device, dtype=dtype) * 0.02
        if part_of(name) is Part.ATTENTION:
            base.put(model, name, tensor, device)
        else:
            path, _, last = name.rpartition(".")
            whole = tensor.expand(parameter.shape).clone()
            setattr(model.get_submodule(path), last, nn.Parameter(whole, requires_grad=False))
    model.model.rotary_emb.to(device)
    model.is_loaded_in_4bit = True
    return model


def measure(way: str, shape: str, sequence: int, steps: int) -> Figures:
    """One way at one shape."""
    torch.manual_seed(0)
    config = MixtralConfig(**SHAPES[shape])
    config.use_cache = False
    device, dtype = torch.device("cuda" if torch.cuda.is_available() else "cpu"), torch.bfloat16
    before = 0 if torch.cuda.is_available() else peak_bytes()
    if way == "separate":
        places = dict.fromkeys(base.block_bytes(config), device)
        plain = base.load_quantised(config, random_source(config, device, dtype), places, dtype)
    else:
        plain = plain_base(config, device, dtype)
    plain.requires_grad_(False)
    model = add_adapter(plain, Recipe(base=Path(), dataset=Path()), AttentionShape.of(config.to_dict()))
    model.train()
    optimizer = torch.optim.AdamW(trainable(model).values(), lr=1e-4)
    ids = tuple(torch.randint(3, config.vocab_size, (sequence,)).tolist())
    batch, loss = collate([(Sample(ids, (0.0, *[1.0] * (sequence - 1))),)], 0), Likelihood()
    started = 0.0
    for step in range(steps + 1):
        if step == 1:  # the first one warms up
            started = _now()
        torch.autograd.backward(loss(model, batch) / sequence)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    speed = steps * sequence / (_now() - started)
    sizes = parameter_bytes(model)
    each = {str(part): size.bytes for part, size in sizes.items()}
    return Figures(each, {str(part): size.bytes / size.weights for part, size in sizes.items()}, peak_bytes() - before, speed)


def main() -> None:
    """Prints both ways side by side."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", choices=SHAPES, default="small")
    parser.add_argument("--sequence", type=int, default=256, help="tokens, batch 1 (default 256; 1024 is what the aims are for)")
    parser.add_argument("--steps", type=int, default=3, help="steps that are timed, after one that is not")
    given = parser.parse_args()
    for way in WAYS:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            figures = pool.apply(measure, (way, given.shape, given.sequence, given.steps))
        print(f"{way}: peak {figures.peak / 1e9:.2f} GB, {figures.speed:.0f} tokens/s", flush=True)
        for part, size in figures.bytes.items():
            print(f"  {part:10s} {size / 1e9:8.3f} GB  {figures.bytes_a_weight[part]:.2f} bytes a weight", flush=True)


def _now() -> float:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


if __name__ == "__main__":
    main()
