"""The card of a model or adapter that the workbench made, in the hub's form: metadata on top, then what it is, in plain words.

Like the card of a night's adapter (`training.release.card`) it follows Mitchell et al., Model Cards for Model Reporting (FAT* 2019).
Everything in it comes from manifests: what no manifest says is said to be unknown, and is left to the person who publishes it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.release.card import markdown_table
from training.weights.origin import DataSource, Lineage, lineage_of, manifest_of, shown
from training.workbench.errors import WorkbenchError
from training.workbench.places import ADAPTER, ADAPTER_CONFIG, MODEL_CONFIG, OUTPUT

CARD = "README.md"
RESULT, DELTA = "result.json", "delta.json"
UNKNOWN = "unknown"
KINDS = {"train merge": "merge", "train combine": "merge", "train delta apply": "finetune"}
"""How the hub calls what a command makes of its base; an adapter is "adapter" and other models "finetune"."""

_CARD = """\
# {name}

{what}

## Intended use

Drafts for psychological counselors, read and corrected by them. Not for patients, not for diagnosis, not for emergencies, and not without a
person who reads every word.

## What it was made of

{made}

{data}

## Scores

{scores}

## Limits

- It repeats what is in its data and in its base, mistakes and prejudices too; nothing here measures that.
- Scores are of small sets of their own kind, and say little about other languages, questions or people.
- A danger that somebody mentions can go unnoticed. No answer replaces a person who is responsible.
{limits}"""


@dataclass(frozen=True)
class Published:
    """What only the person who publishes can say: the licence, by the hub's name of it, languages by their codes, and the base's name on
    the hub where it has one."""

    licence: str
    languages: tuple[str, ...] = ("en",)
    base: str | None = None


def write_card(folder: Path, said: Published) -> Path:
    """Writes the card into the folder of a model or adapter.

    Raises:
        WorkbenchError: there is a card already, or the folder holds no model, no adapter and no delta.
    """
    path = folder / CARD
    if path.exists():
        raise WorkbenchError(f"{folder.name} has a {CARD} already: edit it, or remove it for a new one")
    path.write_text(card_of(folder, said), encoding="utf-8")
    return path


def card_of(folder: Path, said: Published) -> str:
    """The card as Markdown, with its metadata as YAML.

    Raises:
        WorkbenchError: the folder holds no model, no adapter and no delta, or the metadata are none that the hub knows.
    """
    from huggingface_hub import ModelCard, ModelCardData

    adapter, delta = (folder / ADAPTER_CONFIG).is_file(), (folder / DELTA).is_file()
    if not adapter and not delta and not (folder / MODEL_CONFIG).is_file():
        raise WorkbenchError(f"{folder.name} holds no model, no adapter and no delta, so that there is nothing to describe")
    manifest, lineage = manifest_of(folder), lineage_of(folder, "self")
    made = manifest.get("made", {})
    base = said.base or _base(folder, made)
    try:
        data = ModelCardData(
            license=said.licence,
            language=list(said.languages),
            base_model=base,
            base_model_relation=ADAPTER if adapter else KINDS.get(str(made.get("command")), "finetune"),
            library_name="peft" if adapter else "transformers",
            pipeline_tag="text-generation",
            tags=["phyassist", *(["lora"] if adapter else [])],
            model_name=shown(folder),
        )
    except ValueError as error:
        raise WorkbenchError(f"the hub knows no such metadata: {error}") from error
    text = _CARD.format(
        name=shown(folder),
        what=_what(base, adapter, delta),
        made=_made(made, manifest.get("versions", {})),
        data=_data(lineage),
        scores=_scores(folder, made),
        limits=_limits(lineage),
    )
    return str(ModelCard(f"---\n{data.to_yaml()}\n---\n\n{text}"))


def problems_of(folder: Path) -> tuple[str, ...]:
    """What the card of a folder lacks before it can be published; nothing where it lacks nothing."""
    from huggingface_hub import ModelCard
    from yaml import YAMLError

    path = folder / CARD
    if not path.is_file():
        return (f"there is no {CARD}: `phyassist train card {folder}` makes one",)
    try:
        card = ModelCard.load(path)
    except (ValueError, YAMLError):
        return (f"the metadata on top of {CARD} are no YAML",)
    lacking = [name for name in ("license", "language", "library_name", "base_model") if not getattr(card.data, name, None)]
    sections = [title for title in ("Intended use", "What it was made of", "Limits") if f"## {title}" not in card.text]
    found = [f"its metadata lack {', '.join(lacking)}"] if lacking else []
    return (*found, *([f"it lacks the sections {', '.join(sections)}"] if sections else []))


def _what(base: str, adapter: bool, delta: bool) -> str:
    if adapter:
        return f"A LoRA adapter for the model {base}."
    if delta:
        return f"What turns the model {base} into a tuned one: `phyassist train delta apply` makes it, bit by bit, for who has {base}."
    return f"A causal language model, made of {base}."


def _base(folder: Path, made: Mapping[str, Any]) -> str:
    if made.get("model"):
        return str(made["model"])
    if (folder / ADAPTER_CONFIG).is_file():
        config = json.loads((folder / ADAPTER_CONFIG).read_text(encoding="utf-8"))
        return Path(str(config.get("base_model_name_or_path") or UNKNOWN)).name
    bases = [parent["name"] for parent in made.get("parents", ()) if parent.get("role") == "base"]
    return str(bases[0]) if bases else UNKNOWN


def _made(made: Mapping[str, Any], versions: Mapping[str, str]) -> str:
    rows: list[tuple[str, str]] = [("what", "which")]
    rows += [(name, str(made[name])) for name in ("command", "model", "method", "weights", "rank", "dtype", "seed", "step") if name in made]
    rows += [(f"SHA-256: {name.removesuffix('_sha256')}", str(made[name])) for name in made if name.endswith("_sha256")]
    for parent in made.get("parents", ()):
        rows.append((str(parent["role"]), f"{parent['name']} ({parent['sha256'] or 'without a manifest'})"))
    rows += [(f"version of {name}", str(version)) for name, version in versions.items()]
    return markdown_table(rows) if len(rows) > 1 else "Unknown: there is no manifest."


def _data(lineage: Lineage) -> str:
    if not lineage.data:
        return "No manifest names the data."
    return "Data:\n\n" + markdown_table([("file", "rows", "licence", "SHA-256"), *map(_source, lineage.data)])


def _source(one: DataSource) -> tuple[str, str, str, str]:
    return one.name, str(one.rows or UNKNOWN), one.licence or UNKNOWN, one.sha256 or UNKNOWN


def _scores(folder: Path, made: Mapping[str, Any]) -> str:
    rows: list[tuple[str, str]] = [("what", "value")]
    result = folder.parent / RESULT if folder.resolve().name == OUTPUT else folder / RESULT
    if result.is_file():
        found = json.loads(result.read_text(encoding="utf-8"))
        names = {"steps": "steps", "dev_before": "loss on held-out rows before, nats a token", "dev_after": "loss on held-out rows after"}
        rows += [(told, f"{found[name]:.4g}") for name, told in names.items() if found.get(name) is not None]
    if "error" in made:
        rows.append(("relative error against the sum of the adapters", f"{made['error']:.2g}"))
    for proof in made.get("proofs", ()):
        rows.append(
            (f"largest difference of a logit after merging, {proof['step']}", f"{proof['difference']:.2g} of {proof['largest']:.3g}")
        )
    return markdown_table(rows) if len(rows) > 1 else "None were measured."


def _limits(lineage: Lineage) -> str:
    told: Sequence[str] = (
        [f"- Where {', '.join(lineage.unknown)} is from, and under which licence, is in no manifest.\n"] if lineage.unknown else []
    )
    return "".join(told)
