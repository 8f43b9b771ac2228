"""Training rows in the four forms that today's trainers read, and the folders that hold them.

    FOLDER/train.jsonl  dev.jsonl  test.jsonl     one JSON object a line; only `train` must be there
           train.csv    …                         the same rows for spreadsheets, where asked for and the form is flat
           manifest.json                          kind "rows": `made` has the form, sources with hashes, counts, drops by reason, seed

The column names are those of TRL 1.16 (its page "Dataset formats and types"), so a file can be given to other tools as it is.
"""

import csv
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from training.workbench.artifacts import Manifest, new_folder, read_manifest, write_manifest
from training.workbench.errors import WorkbenchError

KIND = "rows"
BROKEN = "a text holds half a character (a lone surrogate), which can't be written: mend it where it comes from"


class Split(StrEnum):
    """What rows are for: to learn from, to choose the best checkpoint by, to be measured on once."""

    TRAIN = "train"
    DEV = "dev"
    TEST = "test"


@dataclass(frozen=True)
class Turn:
    """One message of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True)
class PromptCompletion:
    """A prompt and its answer; the loss is on the answer."""

    prompt: str
    completion: str


@dataclass(frozen=True)
class Conversation:
    """Turns in order, users' and assistants' in alternation after at most one of the system; the loss is on the assistant's."""

    id: str
    messages: tuple[Turn, ...]


@dataclass(frozen=True)
class Text:
    """Running text with whatever markers it has; the loss is on all of it."""

    text: str


@dataclass(frozen=True)
class Comparison:
    """A prompt with a better and a worse answer, for reward models and preference training."""

    prompt: str
    chosen: str
    rejected: str


Row = PromptCompletion | Conversation | Text | Comparison
FORMS: Mapping[str, type[Row]] = {
    "prompt-completion": PromptCompletion,
    "conversation": Conversation,
    "text": Text,
    "comparison": Comparison,
}
"""Rows by the name of their form, as manifests and configurations have it."""


@dataclass(frozen=True)
class Source:
    """A file that rows were read from."""

    name: str
    sha256: str
    rows: int
    licence: str | None = None
    """Under which it is published, as the hub names it, with what its authors ask for besides; None where nobody said."""


@dataclass(frozen=True)
class Origin:
    """Where rows come from. `dropped` counts rows that were left out, by reason; `settings` are those of the command."""

    command: str
    sources: Sequence[Source]
    dropped: Mapping[str, int] = field(default_factory=Counter)
    repaired: Mapping[str, int] = field(default_factory=Counter)
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class RowFolder:
    """The rows of a folder, verified, by what they are for."""

    manifest: Manifest
    form: str
    splits: Mapping[Split, tuple[Row, ...]]


def write_rows(target: Path, splits: Mapping[Split, Sequence[Row]], origin: Origin, spreadsheet: bool = False) -> Manifest:
    """Writes a new folder of rows, all of one form.

    Raises:
        WorkbenchError: there are no rows to learn from, forms are mixed, conversations were to go into a spreadsheet, a text holds half a
            character, or nothing could be written at `target`.
    """
    splits = {split: rows for split, rows in splits.items() if rows}
    kinds = {type(row) for rows in splits.values() for row in rows}
    if not splits.get(Split.TRAIN):
        raise WorkbenchError(f"no row is left to learn from{_most(origin.dropped)}")
    if len(kinds) > 1:
        raise WorkbenchError(f"rows of one folder have one form, not {', '.join(sorted(kind.__name__ for kind in kinds))}")
    form = next(name for name, kind in FORMS.items() if kinds == {kind})
    if any(_broken(text) for rows in splits.values() for row in rows for text in _texts(row)):
        raise WorkbenchError(BROKEN)
    with new_folder(target) as folder:
        for split, rows in splits.items():
            with (folder / f"{split}.jsonl").open("w", encoding="utf-8") as file:
                file.writelines(json.dumps(asdict(row), ensure_ascii=False) + "\n" for row in rows)
            if spreadsheet:
                _write_csv(folder / f"{split}.csv", rows)
        counts = {str(split): len(rows) for split, rows in splits.items()}
        return write_manifest(folder, KIND, {"form": form, "rows": counts, **asdict(origin)})


def read_rows(folder: Path) -> RowFolder:
    """The rows of a folder, after its files were verified.

    Raises:
        WorkbenchError: there are none, they were changed, or a line has not the columns of the form.
    """
    manifest = read_manifest(folder, KIND)
    form = str(manifest.made.get("form"))
    if form not in FORMS:
        raise WorkbenchError(f"the manifest of {folder.name} names no form of rows: make the folder again")
    splits = {split: read_file(folder / f"{split}.jsonl", form) for split in Split if f"{split}.jsonl" in manifest.files}
    return RowFolder(manifest, form, splits)


def licences(rows: Manifest) -> str | None:
    """Those of the files that a folder of rows was made of, each once; None where nobody said one, or not of all."""
    found = [source.get("licence") for source in rows.made.get("sources", ())]
    return "; ".join(sorted(set(found))) if found and all(found) else None


def read_file(path: Path, form: str) -> tuple[Row, ...]:
    """Rows of a file of JSON lines which need not be ours.

    Raises:
        WorkbenchError: it is missing, not UTF-8, or a line is no JSON object with the columns of the form; the message names the line.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):
        raise WorkbenchError(f"there is no file {path.name}") from None
    except IsADirectoryError:
        raise WorkbenchError(f"{path.name} is a folder: give a file of JSON lines") from None
    except PermissionError:
        raise WorkbenchError(f"{path.name} may not be read: change its permissions") from None
    except UnicodeDecodeError:
        raise WorkbenchError(f"{path.name} is not UTF-8: convert it first (`phyassist data --help`)") from None
    return tuple(_row(line, form, f"line {number} of {path.name}") for number, line in enumerate(text.split("\n"), start=1) if line.strip())


def _row(line: str, form: str, where: str) -> Row:
    try:
        found = json.loads(line)
    except json.JSONDecodeError:
        raise WorkbenchError(f"{where} is no JSON") from None
    kind = FORMS[form]
    wanted = {one.name for one in fields(kind)}
    missing = wanted - set(found) if isinstance(found, dict) else wanted
    if missing:
        raise WorkbenchError(f"{where} lacks {', '.join(sorted(missing))}: rows of the form {form} have {', '.join(sorted(wanted))}")
    values = {name: found[name] for name in wanted}
    if kind is Conversation:
        values["messages"] = _turns(values["messages"], where)
    wrong = [name for name, value in values.items() if name != "messages" and not isinstance(value, str)]
    if wrong:
        raise WorkbenchError(f"{where}: {', '.join(sorted(wrong))} must be text")
    row = kind(**values)
    if any(map(_broken, _texts(row))):
        raise WorkbenchError(f"{where}: {BROKEN}")
    return row


def _texts(row: Row) -> Iterable[str]:
    """All texts of a row."""
    return (row.id, *(turn.content for turn in row.messages)) if isinstance(row, Conversation) else asdict(row).values()


def _broken(text: str) -> bool:
    return not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text)


def _turns(found: Any, where: str) -> tuple[Turn, ...]:
    try:
        turns = tuple(Turn(turn["role"], turn["content"]) for turn in found)
    except (TypeError, KeyError):
        raise WorkbenchError(f"{where}: messages are a list of objects with role and content") from None
    if any(turn.role not in {"system", "user", "assistant"} or not isinstance(turn.content, str) for turn in turns):
        raise WorkbenchError(f"{where}: roles are system, user or assistant, and contents are text")
    return turns


def _write_csv(path: Path, rows: Iterable[Row]) -> None:
    columns = [asdict(row) for row in rows]
    if any("messages" in row for row in columns):
        raise WorkbenchError("conversations don't fit into a spreadsheet: leave out CSV, or choose the form prompt-completion")
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(columns[0]) if columns else ["prompt", "completion"])
        writer.writeheader()
        writer.writerows(columns)


def _most(dropped: Mapping[str, int]) -> str:
    told = ", ".join(f"{count} {reason}" for reason, count in Counter(dropped).most_common(3))
    return f": dropped were {told}" if told else ""
