"""What a model is asked while it is measured: prompts, each with the answer that it is compared with."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from training.workbench.errors import WorkbenchError
from training.workbench.rows import FORMS, Comparison, Conversation, PromptCompletion, Row, Split, Turn, read_file, read_rows

Prompt = str | tuple[Turn, ...]
"""A text that the model goes on from as it is, or turns that its chat template puts together."""


@dataclass(frozen=True)
class Question:
    """A prompt and its reference answer.

    `group` names what belongs together, such as questions on one post: rows of a group are drawn together for intervals. `set` is the
    benchmark's set, empty for rows of one's own.
    """

    id: str
    prompt: Prompt
    reference: str
    group: str
    set: str = ""

    @property
    def prompt_sha256(self) -> str:
        """A hash of the prompt, by which rows of two measurements are matched."""
        return prompt_hash(self.prompt)


def prompt_hash(prompt: Prompt) -> str:
    """SHA-256 of a prompt's text, or of its roles and texts."""
    text = prompt if isinstance(prompt, str) else json.dumps([(turn.role, turn.content) for turn in prompt], ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def hash_of(questions: Sequence[Question]) -> str:
    """SHA-256 of questions with their references, in order."""
    lines = (f"{one.id} {one.set} {one.prompt_sha256} {hashlib.sha256(one.reference.encode()).hexdigest()}" for one in questions)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def load_rows(path: Path, split: Split | None = None, form: str | None = None) -> tuple[Row, ...]:
    """Rows of a folder, those to measure on unless a split is named, or of a file of JSON lines.

    Raises:
        WorkbenchError: there are none, or the file's form isn't known.
    """
    if not path.is_dir():
        rows = read_file(path, form or _form(path))
        if not rows:
            raise WorkbenchError(f"{path.name} holds no row")
        return rows
    splits = read_rows(path).splits
    for one in (split,) if split else (Split.TEST, Split.DEV):
        if splits.get(one):
            return splits[one]
    there = ", ".join(f"{one} ({len(rows)})" for one, rows in splits.items())
    asked = f"no row for {split}" if split else "no row to measure on"
    raise WorkbenchError(f"{path.name} has {asked}; it has {there}: choose one with --split")


def questions_of(rows: Sequence[Row], marker: str | None = None, limit: int | None = None) -> tuple[Question, ...]:
    """A question for each row, or for the first `limit`. Of a conversation it is the last answer, of a comparison the better one; a text is
    cut behind its last `marker`.

    Raises:
        WorkbenchError: a row has no answer to compare with.
    """
    found = []
    for place, row in enumerate(rows[:limit]):
        prompt, reference = split_row(row, marker, place)
        found.append(Question(row_id(place), prompt, reference, prompt_hash(prompt)))
    return tuple(found)


def row_id(place: int) -> str:
    """A row's id: its place in the file, from 0."""
    return f"{place:06d}"


def split_row(row: Row, marker: str | None, place: int) -> tuple[Prompt, str]:
    """A row's prompt and its answer; `place` is for the message. Raises: WorkbenchError."""
    if isinstance(row, PromptCompletion):
        prompt, reference = row.prompt, row.completion
    elif isinstance(row, Comparison):
        prompt, reference = row.prompt, row.chosen
    elif isinstance(row, Conversation):
        return _last_answer(row, place)
    else:
        if not marker:
            raise WorkbenchError('rows of running text have no answer of their own: say where it begins, as with --marker "<assistant>:"')
        before, found, reference = row.text.rpartition(marker)
        if not found:
            raise WorkbenchError(f"row {place} has no {marker}: another --marker, or rows of another form")
        prompt, reference = before + found, reference.strip()
    if not reference.strip():
        raise WorkbenchError(f"row {place} has an empty answer, with which nothing can be compared: drop it from the rows")
    return prompt, reference


def _last_answer(row: Conversation, place: int) -> tuple[Prompt, str]:
    last = next((number for number in reversed(range(len(row.messages))) if row.messages[number].role == "assistant"), 0)
    if not last or not row.messages[last].content.strip():
        raise WorkbenchError(f"row {place} has no answer of the assistant with which one could be compared: drop it from the rows")
    return row.messages[:last], row.messages[last].content


def _form(path: Path) -> str:
    """The form whose columns the first line has."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            columns = set(json.loads(next((line for line in file if line.strip()), "{}")))
    except FileNotFoundError:
        raise WorkbenchError(f"there is nothing at {path.name}") from None
    except (UnicodeDecodeError, ValueError, TypeError):
        raise WorkbenchError(f"{path.name} is no file of JSON lines in UTF-8") from None
    for form, kind in FORMS.items():
        if set(kind.__dataclass_fields__) - {"id"} <= columns:
            return form
    raise WorkbenchError(f"{path.name} has none of the forms of rows ({', '.join(FORMS)}): make rows with `phyassist data`")
