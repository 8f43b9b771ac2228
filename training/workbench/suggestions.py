"""Questions that a description leaves open, proposed by a model that learned to ask about documents; a counselor decides which are good.

    FOLDER/suggestions.jsonl    one JSON object a line: id, description, note (the note format, with questions alone), approved: false
           manifest.json        kind "suggestions": which model was asked, and how

A person opens the file, removes or rewrites questions, and writes `"approved": true` where the rest may be learned from. Only such lines
become training rows (`phyassist data approved-questions`). Nothing goes to a patient, and nothing is learned that nobody read.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from inference.errors import InvalidNote
from inference.note import Kind, NoteItem, NoteLimits, clean_text, dump_note, parse_note
from training.corpora.questions import question_prompt, question_row
from training.evaluation.questions import Question
from training.evaluation.source import Source
from training.workbench.artifacts import Manifest, new_folder, read_manifest, sha256_of, write_manifest
from training.workbench.errors import WorkbenchError
from training.workbench.rows import Origin, Split, write_rows
from training.workbench.rows import Source as File

KIND = "suggestions"
FILE = "suggestions.jsonl"
QUESTION_MARKS = ("?", "？")
LIMITS = NoteLimits()


class Suggestion(BaseModel):
    """A line of the file: a description, and what might be asked about it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    description: str
    note: dict[str, list[str]]
    approved: bool = False


@dataclass(frozen=True)
class Proposed:
    """What a model proposed, and how many of its answers were left out, by reason."""

    suggestions: tuple[Suggestion, ...]
    left_out: Counter[str]


def read_descriptions(path: Path) -> tuple[str, ...]:
    """Descriptions of a file, one a line.

    Raises:
        WorkbenchError: there is no such file, it is not UTF-8, or has none.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        raise WorkbenchError(f"there is no file {path.name}") from None
    except UnicodeDecodeError:
        raise WorkbenchError(f"{path.name} is not UTF-8: convert it first, for example with `iconv -f GB18030 -t UTF-8`") from None
    found = tuple(filter(None, map(clean_text, lines)))
    if not found:
        raise WorkbenchError(f"{path.name} has no description: write one a line")
    return found


def propose(source: Source, descriptions: Sequence[str], each: int, limits: NoteLimits = LIMITS) -> Proposed:
    """Asks the model `each` times about each description and keeps what is a question, once, as items of a note."""
    asked = [
        Question(f"{place:06d}-{turn}", question_prompt(text), "", f"{place:06d}")
        for place, text in enumerate(descriptions)
        for turn in range(each)
    ]
    answers = {one.id: answer.text for batch in source.plan(asked) for one, answer in zip(batch, source.answers(batch), strict=True)}
    left_out = Counter[str]()
    found = []
    for place, text in enumerate(descriptions):
        items = _items([answers[one.id] for one in asked if one.group == f"{place:06d}"], limits, left_out)
        found.append(Suggestion(id=f"{place:06d}", description=text, note=json.loads(dump_note(items))))
    return Proposed(tuple(found), left_out)


def write_suggestions(target: Path, proposed: Proposed, made: dict[str, Any]) -> Manifest:
    """Writes a new folder for a person to go through. Raises: WorkbenchError, as `new_folder`."""
    with new_folder(target) as folder:
        lines = (json.dumps(one.model_dump(), ensure_ascii=False) + "\n" for one in proposed.suggestions)
        (folder / FILE).write_text("".join(lines), encoding="utf-8")
        return write_manifest(folder, KIND, {**made, "left_out": dict(proposed.left_out)})


def approved_rows(folder: Path, target: Path) -> Manifest:
    """Writes a folder of rows, description to question, from the lines that a person has approved.

    Raises:
        WorkbenchError: none is approved, or a line is no longer what it should be.
    """
    made = read_manifest(folder, KIND, verify=False).made
    path = folder / FILE
    try:
        lines = [line for line in path.read_text(encoding="utf-8-sig").split("\n") if line.strip()]
    except (FileNotFoundError, UnicodeDecodeError):
        raise WorkbenchError(f"{FILE} of {folder.name} is missing, or not UTF-8 any more: save it as UTF-8") from None
    read = [_read(line, f"line {number} of {path.name}") for number, line in enumerate(lines, start=1)]
    rows = [question_row(one.description, text) for one, texts in read if one.approved for text in texts]
    dropped = Counter({"not approved": sum(not one.approved for one, _ in read)})
    origin = Origin(
        "data approved-questions", [File(path.name, sha256_of(path), len(read))], dropped, settings={"model": made.get("model")}
    )
    return write_rows(target, {Split.TRAIN: rows}, origin)


def _items(answers: Sequence[str], limits: NoteLimits, left_out: Counter[str]) -> list[NoteItem]:
    texts: list[str] = []
    for answer in answers:
        text = clean_text(answer.strip().partition("\n")[0])
        if not text.endswith(QUESTION_MARKS) or not 2 <= len(text) <= limits.item_chars:
            left_out["no question"] += 1
        elif text.casefold() in map(str.casefold, texts):
            left_out["repeated"] += 1
        else:
            texts.append(text)
    return [NoteItem(Kind.QUESTION, text) for text in texts[: limits.items_per_kind]]


def _read(line: str, where: str) -> tuple[Suggestion, list[str]]:
    try:
        one = Suggestion.model_validate_json(line)
        items = parse_note(json.dumps(one.note)) if any(one.note.values()) else ()
    except (ValidationError, InvalidNote):
        raise WorkbenchError(
            f"{where} is no suggestion any more: it needs id, description, note and approved, as the program wrote them"
        ) from None
    return one, [item.text for item in items if item.kind is Kind.QUESTION]
