"""Adapters are merged into their base, and the saved model is shown to answer as base and adapter did.

The proof is made with the files that were saved: they are loaded again, and their logits on a few prompts are compared with those of the
base with the adapter on top. A base in 4 bits is refused: merging into it rounds a third of an adapter away (DECISIONS.md), while an
adapter that was trained on it fits the original as well.
"""

import json
import math
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from training.weights.origin import lineage_of, made_of, shown
from training.workbench.adapters import BASE, check_fits, check_same_base
from training.workbench.artifacts import new_folder, write_manifest
from training.workbench.config import Dtype
from training.workbench.config import Model as Settings
from training.workbench.errors import WorkbenchError
from training.workbench.models import DTYPES, load_base, load_tokenizer
from training.workbench.places import MODEL, MODEL_CONFIG, adapter_folder, base_fingerprint, model_folder

PROMPTS = (
    "For three weeks she has been waking at four and worrying about the rent. What should the counselor ask first?",
    "来访者说自己最近总是失眠，白天没有精力，也不愿意和朋友见面。",
    "Summarize in one sentence why a model is tested on more than one prompt.",
)
"""What logits are compared on where nothing else is given: free of anything that a counselor wrote."""
TOLERANCE = {Dtype.FP32: 1e-4, Dtype.BF16: 0.05}
"""The largest difference of a logit that passes, as a share of the largest logit. float32 shows about 1e-6; in bfloat16 each changed weight
is rounded to 8 bits, and so is what flows between layers: README.md has what was measured."""
BESIDE = (
    "tokenizer*", "special_tokens_map.json", "added_tokens.json", "chat_template*", "vocab*", "merges.txt", "*.model",
    "generation_config.json", "*.py",
)  # fmt: skip
"""Files that belong to a model beside weights and configuration; they are copied as they are."""

Told = Callable[[str], None]
"""Gets a line about how far it is."""


@dataclass(frozen=True)
class Proof:
    """How far outputs are apart: the largest difference of a logit, the largest logit, and the share of places where both would write the
    same token next. `step` names the adapter that was merged, or the files that were saved."""

    step: str
    difference: float
    largest: float
    same_token: float

    @property
    def relative(self) -> float:
        """The difference as a share of the largest logit."""
        return self.difference / self.largest if self.largest else self.difference


@dataclass(frozen=True)
class Merging:
    """Settings of a merge. `dtype` None is that of the base's files (of float16, float32: it holds every number of it)."""

    dtype: Dtype | None = None
    prompts: tuple[str, ...] = PROMPTS
    tolerance: float | None = None
    shard_size: str = "5GB"


def merge(model: str | Path, adapters: Sequence[str | Path], target: Path, how: Merging, told: Told = lambda _: None) -> tuple[Proof, ...]:
    """Writes a model with one adapter, or several that were trained on top of each other in this order, merged into its weights.

    Raises:
        WorkbenchError: the base is quantised or another one, the outputs differ by more than the tolerance, or nothing can be written.
    """
    base, folders = model_folder(model), [adapter_folder(adapter) for adapter in adapters]
    dtype = how.dtype or own_dtype(base)
    _check_stack(base, folders)
    tokenizer_of = next((folder for folder in reversed(folders) if (folder / "tokenizer_config.json").is_file()), base)
    inputs = _inputs(tokenizer_of, how.prompts)
    merged = load_base(Settings(path=str(base), dtype=dtype)).eval()
    untied = _untie(merged, folders)
    proofs = []
    for folder in folders:
        told(f"merging {shown(folder)}")
        merged, expected, proof = _merged(merged, folder, inputs)
        proofs.append(_passed(proof, dtype, how))
    with new_folder(target) as made:
        told("saving")
        merged.save_pretrained(str(made), max_shard_size=how.shard_size)
        _copy_beside(base, tokenizer_of, made)
        del merged  # a second one would take its memory again
        told("loading what was saved, and comparing")
        saved = load_base(Settings(path=str(made), dtype=dtype)).eval()
        proofs.append(_passed(_compared("the saved files", expected, _logits(saved, inputs)), dtype, how))
        parents = [lineage_of(base, "base"), *(lineage_of(folder, "adapter") for folder in folders)]
        settings = {
            "model": base.name,
            "adapters": [shown(folder) for folder in folders],
            BASE: base_fingerprint(base),
            "dtype": str(dtype),
            "untied": untied,
            "prompts": len(how.prompts),
            "proofs": [asdict(proof) for proof in proofs],
        }
        write_manifest(made, MODEL, {**made_of("train merge", parents), **settings})
    return tuple(proofs)


def _check_stack(base: Path, folders: Sequence[Path]) -> None:
    if not folders:
        raise WorkbenchError("name one adapter to merge, or more")
    quantised = json.loads((base / MODEL_CONFIG).read_text(encoding="utf-8")).get("quantization_config")
    if quantised:
        method = quantised.get("quant_method", "few bits")
        raise WorkbenchError(
            f"{base.name} is stored quantised ({method}): merging into it rounds a third of the adapter away. Merge into the original of "
            "16 or 32 bits that it was made of; an adapter that was trained on the quantised one fits it"
        )
    for place, folder in enumerate(folders):
        try:
            check_same_base(folder, base, folders[:place])
        except WorkbenchError:
            if place and _belongs(folder, base):
                raise WorkbenchError(
                    f"{folder.name} was trained on {base.name} alone, not on top of {folders[place - 1].name}: combine adapters that stand "
                    "beside each other first (`phyassist train combine`), and merge what comes of it"
                ) from None
            raise


def _belongs(adapter: Path, base: Path) -> bool:
    try:
        check_same_base(adapter, base)
    except WorkbenchError:
        return False
    return True


def _merged(model: Any, folder: Path, inputs: Sequence[torch.Tensor]) -> tuple[Any, list[torch.Tensor], Proof]:
    """The model with an adapter merged, the logits with the adapter on top, and how far both are apart."""
    from peft import PeftModel

    check_fits(model, folder)
    with_adapter = PeftModel.from_pretrained(model, str(folder)).eval()
    expected = _logits(with_adapter, inputs)
    try:
        merged = with_adapter.merge_and_unload(safe_merge=True).eval()
    except ValueError as error:
        raise WorkbenchError(f"{folder.name} can't be merged: numbers of it are not finite, or its kind can't be ({error})") from error
    return merged, expected, _compared(shown(folder), expected, _logits(merged, inputs))


def _logits(model: Any, inputs: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """One (tokens, vocabulary) for each prompt."""
    with torch.no_grad():
        return [model(input_ids=ids, use_cache=False).logits[0].float() for ids in inputs]


def _compared(step: str, expected: Sequence[torch.Tensor], found: Sequence[torch.Tensor]) -> Proof:
    difference = max(float((one - other).abs().max()) for one, other in zip(expected, found, strict=True))
    same = [(one.argmax(-1) == other.argmax(-1)).float() for one, other in zip(expected, found, strict=True)]
    return Proof(step, difference, max(float(one.abs().max()) for one in expected), float(torch.cat(same).mean()))


def _passed(proof: Proof, dtype: Dtype, how: Merging) -> Proof:
    tolerance = how.tolerance if how.tolerance is not None else TOLERANCE[dtype]
    if not math.isfinite(proof.relative) or proof.relative > tolerance:
        raise WorkbenchError(
            f"outputs are not the same after merging ({proof.step}): a logit differs by {proof.difference:.3g}, which is "
            f"{proof.relative:.2g} of the largest one; allowed is {tolerance:.2g}. Try --dtype fp32, or allow more with --tolerance"
        )
    return proof


def _inputs(folder: Path, prompts: Sequence[str]) -> list[torch.Tensor]:
    tokenizer = load_tokenizer(folder)
    return [tokenizer(prompt, return_tensors="pt")["input_ids"] for prompt in prompts]


def _untie(model: Any, folders: Sequence[Path]) -> bool:
    """Gives a model whose head is its embedding a head of its own where an adapter changes one of them alone; whether it did."""
    head, embedding = model.get_output_embeddings(), model.get_input_embeddings()
    if head is None or head.weight is not embedding.weight:
        return False
    names = {name.rpartition(".")[2] for name, part in model.named_modules() if part is head or part is embedding}
    if not any(names & _changed(folder) for folder in folders):
        return False
    head.weight = nn.Parameter(embedding.weight.detach().clone(), requires_grad=False)
    model.config.tie_word_embeddings = False
    model._tied_weights_keys = None  # save_pretrained would leave the head out
    return True


def _changed(folder: Path) -> set[str]:
    """The last names of the layers that an adapter changes by LoRA."""
    from safetensors import safe_open

    with safe_open(str(folder / "adapter_model.safetensors"), framework="pt") as file:
        return {name.split(".lora_")[0].rpartition(".")[2] for name in file.keys() if ".lora_" in name}  # noqa: SIM118  # it is no mapping


def own_dtype(base: Path) -> Dtype:
    """The type of a model's files; float32 for float16, all of whose numbers it holds."""
    config = json.loads((base / MODEL_CONFIG).read_text(encoding="utf-8"))
    name = config.get("dtype") or config.get("torch_dtype")
    return next((dtype for dtype, kind in DTYPES.items() if str(kind) == f"torch.{name}"), Dtype.FP32)


def _copy_beside(base: Path, tokenizer_of: Path, target: Path) -> None:
    """The base's files beside its weights, and the tokenizer of the adapter where it brings one."""
    for folder in dict.fromkeys((base, tokenizer_of)):
        for path in sorted({path for pattern in BESIDE for path in folder.glob(pattern) if path.is_file()}):
            shutil.copyfile(path, target / path.name)
