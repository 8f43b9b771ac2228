"""Questions to ask: a model proposes them, a person approves them, and only then are they learned from."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from inference.note import Kind, parse_note
from training.corpora.questions import document_of
from training.evaluation.predictions import Answer
from training.evaluation.questions import Question
from training.workbench.errors import WorkbenchError
from training.workbench.rows import PromptCompletion, Split, read_rows
from training.workbench.suggestions import FILE, Proposed, approved_rows, propose, read_descriptions, write_suggestions

DESCRIPTIONS = ("来访者每晚两点醒来。", "The client avoids the motorway.")
ANSWERS = (
    "醒来以后在想什么？",
    " 醒来以后在想什么？\n因为……",
    "睡前喝酒吗？",
    "记录睡眠。",
    "Since when?",
    "since WHEN?",
    "",
    "Who drives now?",
)


class Told:
    """A model that gives answers in order."""

    def plan(self, questions: Sequence[Question]) -> list[Sequence[Question]]:
        """Two batches, the later questions first, as a real source may have it."""
        return [questions[4:], questions[:4]]

    def answers(self, batch: Sequence[Question]) -> list[Answer]:
        """Those of a batch."""
        return [Answer(ANSWERS[4 * int(one.group) + int(one.id[-1])], None, cut=False) for one in batch]


@pytest.fixture
def proposed() -> Proposed:
    """What such a model proposes."""
    return propose(Told(), DESCRIPTIONS, each=4)


def test_only_questions_are_proposed_and_each_once(proposed: Proposed) -> None:
    """Answers become items of a note, with what is no question, or was asked already, left out and counted."""
    notes = [parse_note(json.dumps(one.note)) for one in proposed.suggestions]
    assert [[item.text for item in note] for note in notes] == [["醒来以后在想什么？", "睡前喝酒吗？"], ["Since when?", "Who drives now?"]]
    assert {item.kind for note in notes for item in note} == {Kind.QUESTION}
    assert proposed.left_out == {"repeated": 2, "no question": 2}


def test_nothing_is_learned_that_nobody_approved(proposed: Proposed, tmp_path: Path) -> None:
    """Rows are made of the lines that a person has approved, as edited; without any there are none."""
    write_suggestions(tmp_path / "suggestions", proposed, {"command": "test", "model": "m"})
    with pytest.raises(WorkbenchError, match="2 not approved"):
        approved_rows(tmp_path / "suggestions", tmp_path / "rows")
    file = tmp_path / "suggestions" / FILE
    first, second = map(json.loads, file.read_text(encoding="utf-8").splitlines())
    edited = first | {"note": first["note"] | {"questions": ["两点醒来前做梦吗？"]}, "approved": True}
    file.write_text("\n".join(json.dumps(one, ensure_ascii=False) for one in (edited, second)), encoding="utf-8")
    approved_rows(tmp_path / "suggestions", tmp_path / "rows")
    (row,) = read_rows(tmp_path / "rows").splits[Split.TRAIN]
    assert isinstance(row, PromptCompletion)
    assert (document_of(row.prompt), row.completion) == (DESCRIPTIONS[0], "两点醒来前做梦吗？")


def test_a_broken_line_is_named_without_its_text(proposed: Proposed, tmp_path: Path) -> None:
    """An edit that broke a line is told by the line's number; so is a file without descriptions."""
    write_suggestions(tmp_path / "suggestions", proposed, {})
    file = tmp_path / "suggestions" / FILE
    file.write_text(file.read_text(encoding="utf-8").replace('"approved"', '"aproved"'), encoding="utf-8")
    with pytest.raises(WorkbenchError, match=f"line 1 of {FILE} is no suggestion any more") as told:
        approved_rows(tmp_path / "suggestions", tmp_path / "rows")
    assert DESCRIPTIONS[0] not in str(told.value)
    (tmp_path / "empty.txt").write_text("\n \n")
    with pytest.raises(WorkbenchError, match="one a line"):
        read_descriptions(tmp_path / "empty.txt")
