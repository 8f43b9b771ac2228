"""python -m training.qlora.bench [--shape tiny|small|mixtral-8x7b] [--layers N] [--sequence N] [--steps N] [--ways …] [--json FILE]

One QLoRA step with random weights, several ways side by side, each in a process of its own:

    loop       experts quantised matrix by matrix, computed one expert after the other
    grouped    the same weights, all experts of a layer in one grouped product
    plain      what today's libraries make of the usual recipe, which leaves the experts in 16 bits

On a GPU the peak is that of torch's allocator, on a CPU what the process grew by from before the base was made; both take in loading.
`mixtral-8x7b` is the true shape, made on the device matrix by matrix, so that no more than the base itself is ever held.
"""

import argparse
import json
import multiprocessing
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import MixtralConfig, MixtralForCausalLM

from inference.adapters import AttentionShape
from training.qlora import base
from training.qlora.adapter import add_adapter, trainable
from training.qlora.memory import Part, parameter_bytes, part_of, peak_bytes
from training.qlora.objectives import Likelihood
from training.qlora.recipe import Product, Recipe
from training.qlora.rows import Sample, collate

SMALL = {"hidden_size": 1024, "intermediate_size": 3584, "num_hidden_layers": 2, "num_attention_heads": 8, "num_key_value_heads": 2}
TINY = {"hidden_size": 128, "intermediate_size": 256, "num_hidden_layers": 1, "num_attention_heads": 4, "num_key_value_heads": 1}
SHAPES: Mapping[str, dict[str, int]] = {
    "tiny": {**TINY, "vocab_size": 512},
    "small": {**SMALL, "vocab_size": 8192},
    "mixtral-8x7b": {"vocab_size": 32000},
}
LIBRARIES = ("bitsandbytes", "peft", "torch", "transformers")
AIM_BYTES, AIM_SPEED = 40e9, 1000.0
"""At the true shape, 1,024 tokens, batch 1."""


class Way(StrEnum):
    """What is measured."""

    LOOP = "loop"
    GROUPED = "grouped"
    PLAIN = "plain"


@dataclass(frozen=True)
class Task:
    """What each way is to do. `sequence` is in tokens, batch 1; `steps` are timed, after one that is not; `layers` None is all of them."""

    shape: str
    sequence: int
    steps: int
    layers: int | None = None

    @property
    def config(self) -> MixtralConfig:
        """Of the model."""
        layers = {} if self.layers is None else {"num_hidden_layers": self.layers}
        config = MixtralConfig(**{**SHAPES[self.shape], **layers})
        config.use_cache = False
        return config


@dataclass(frozen=True)
class Figures:
    """Bytes a class of parameters, the most bytes in use while loading and in all, seconds to load and a step, and tokens a second."""

    bytes: Mapping[str, int]
    bytes_a_weight: Mapping[str, float]
    loading_peak: int
    peak: int
    loading_s: float
    step_s: float
    speed: float


def random_source(config: MixtralConfig, device: torch.device, dtype: torch.dtype) -> base.Source:
    """Any tensor by its name: random numbers, the same for all of a shape, since they take minutes to make and change no figure."""
    shapes = {base.name_on_disk(name): parameter.shape for name, parameter in base.empty_model(config).named_parameters()}
    made: dict[torch.Size, torch.Tensor] = {}

    def read(name: str) -> torch.Tensor:
        shape = shapes[name]
        if shape not in made:
            made[shape] = torch.randn(shape, device=device, dtype=dtype) * 0.02
        return made[shape].clone()

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


def measure(way: Way, task: Task) -> Figures:
    """One way."""
    torch.manual_seed(0)
    config = task.config
    device, dtype = torch.device("cuda:0" if torch.cuda.is_available() else "cpu"), torch.bfloat16
    before = 0 if torch.cuda.is_available() else peak_bytes()
    began = _now()
    model = add_adapter(_base(way, config, device, dtype), Recipe(base=Path(), dataset=Path()), AttentionShape.of(config.to_dict()))
    loading_s, loading_peak = _now() - began, peak_bytes() - before
    model.train()
    optimizer = torch.optim.AdamW(trainable(model).values(), lr=1e-4)
    ids = tuple(torch.randint(3, config.vocab_size, (task.sequence,)).tolist())
    batch, loss = collate([(Sample(ids, (0.0, *[1.0] * (task.sequence - 1))),)], 0), Likelihood()
    started = 0.0
    for step in range(task.steps + 1):
        if step == 1:  # the first one warms up
            started = _now()
        torch.autograd.backward(loss(model, batch) / task.sequence)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    step_s = (_now() - started) / task.steps
    sizes = parameter_bytes(model)
    each = {str(part): size.bytes for part, size in sizes.items()}
    shares = {str(part): size.bytes / size.weights for part, size in sizes.items()}
    return Figures(each, shares, loading_peak, peak_bytes() - before, loading_s, step_s, task.sequence / step_s)


def main() -> None:
    """Prints all ways side by side, as a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", choices=SHAPES, default="small")
    parser.add_argument("--layers", type=int, help="fewer layers than the shape has, where there is no room for all of them")
    parser.add_argument("--sequence", type=int, default=256, help="tokens, batch 1 (default 256; 1024 is what the aims are for)")
    parser.add_argument("--steps", type=int, default=3, help="steps that are timed, after one that is not")
    parser.add_argument("--ways", choices=[*Way], nargs="+", default=[*Way])
    parser.add_argument("--json", type=Path, help="write all figures to this file too")
    given = parser.parse_args()
    task = Task(given.shape, given.sequence, given.steps, given.layers)
    made: dict[str, Any] = {"device": _device(), "versions": {name: version(name) for name in LIBRARIES}, "task": asdict(task), "ways": {}}
    print(f"{given.shape}, {given.sequence} tokens, {made['device']}", flush=True)
    for way in given.ways:
        figures = _apart(Way(way), task)
        made["ways"][way] = figures if isinstance(figures, str) else asdict(figures)
        print(f"{way}: {figures if isinstance(figures, str) else 'measured'}", flush=True)
        if given.json is not None:  # after each way: whatever ends a later one, what was measured is there
            given.json.write_text(json.dumps(made, indent=1) + "\n")
    print("\n" + table(made["ways"], task))


def table(made: Mapping[str, Any], task: Task) -> str:
    """Figures, or the reason why there are none, as a Markdown table, one line a way."""
    lines = ["| | weights | of that experts | bytes an expert's weight | peak while loading | peak | a step | tokens/s |", "|---" * 8 + "|"]
    for way, one in made.items():
        if isinstance(one, str):
            lines.append(f"| {way} | {one} |" + " |" * 6)
            continue
        weights, experts = sum(one["bytes"].values()) / 1e9, one["bytes"]["experts"] / 1e9
        sizes = f"{weights:.2f} GB | {experts:.2f} GB | {one['bytes_a_weight']['experts']:.2f}"
        peaks = f"{one['loading_peak'] / 1e9:.2f} GB | {one['peak'] / 1e9:.2f} GB"
        lines.append(f"| {way} | {sizes} | {peaks} | {one['step_s'] * 1000:.0f} ms | {one['speed']:.0f} |")
    if (task.shape, task.sequence, task.layers) == ("mixtral-8x7b", 1024, None):
        lines += ["", f"Aims: at most {AIM_BYTES / 1e9:.0f} GB, at least {AIM_SPEED:.0f} tokens/s."]
    return "\n".join(lines)


def _base(way: Way, config: MixtralConfig, device: torch.device, dtype: torch.dtype) -> MixtralForCausalLM:
    """Frozen."""
    if way is Way.PLAIN:
        model = plain_base(config, device, dtype)
    else:
        places = dict.fromkeys(base.block_bytes(config), device)
        model = base.load_quantised(config, random_source(config, device, dtype), places, dtype, Product(way))
    model.requires_grad_(False)
    return model


def _apart(way: Way, task: Task) -> Figures | str:
    """The figures of a way, measured in a process of its own, or why there are none: one that fails keeps no other from being measured."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        try:
            return pool.submit(measure, way, task).result()
        except Exception as error:  # noqa: BLE001  # no memory, no kernel for this device, killed: all of it is a result
            return f"failed: {type(error).__name__}: {str(error)[:300]}".replace("\n", " ")


def _now() -> float:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def _device() -> str:
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"CPU, {torch.get_num_threads()} thread(s)"


if __name__ == "__main__":
    from training.qlora.bench import main as run  # by the module's name, which the other processes know it by

    run()
