"""Rows in their four forms: what is written is read back, and what can't be read is said."""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from datasets import load_dataset
from hypothesis import given, settings
from hypothesis import strategies as st

from training.workbench.artifacts import MANIFEST
from training.workbench.errors import WorkbenchError
from training.workbench.rows import (
    FORMS,
    Comparison,
    Conversation,
    Origin,
    PromptCompletion,
    Row,
    Source,
    Split,
    Text,
    Turn,
    read_file,
    read_rows,
    write_rows,
)

ORIGIN = Origin("a test", [Source("file.csv", "0" * 64, 2)], {"too long": 3, "empty": 5}, settings={"seed": 0})
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
turns = st.builds(Turn, st.sampled_from(["system", "user", "assistant"]), texts)
rows_of: Mapping[str, st.SearchStrategy[Row]] = {
    "prompt-completion": st.builds(PromptCompletion, texts, texts),
    "conversation": st.builds(Conversation, texts, st.lists(turns, max_size=4).map(tuple)),
    "text": st.builds(Text, texts),
    "comparison": st.builds(Comparison, texts, texts, texts),
}


def test_every_form_is_covered() -> None:
    """A form that is added is tested too."""
    assert set(rows_of) == set(FORMS)


@settings(max_examples=40)
@given(st.sampled_from(sorted(FORMS)).flatmap(lambda form: st.lists(rows_of[form], min_size=1, max_size=4)), st.data())
def test_rows_come_back_as_they_were(tmp_path_factory: pytest.TempPathFactory, rows: Sequence[Row], data: st.DataObject) -> None:
    """Any characters, line ends and quotes among them, in each form and split; CSV holds the same."""
    folder = tmp_path_factory.mktemp("rows") / "out"
    spreadsheet = data.draw(st.booleans()) and not isinstance(rows[0], Conversation)
    splits = {Split.TRAIN: rows, Split.DEV: rows[:1], Split.TEST: []}
    write_rows(folder, splits, ORIGIN, spreadsheet)
    found = read_rows(folder)
    assert found.splits == {Split.TRAIN: tuple(rows), Split.DEV: tuple(rows[:1])}
    assert FORMS[found.form] is type(rows[0])
    if spreadsheet:
        with (folder / "train.csv").open(encoding="utf-8", newline="") as file:
            lines: list[dict[str, Any]] = list(csv.DictReader(file))
        assert [type(rows[0])(**line) for line in lines] == list(rows)


def test_a_manifest_says_where_rows_come_from(tmp_path: Path) -> None:
    """Sources with hashes, counts, drops by reason and settings are in the manifest, and no text of a row."""
    write_rows(tmp_path / "out", {Split.TRAIN: [PromptCompletion("secret words", "other words")]}, ORIGIN)
    made = read_rows(tmp_path / "out").manifest.made
    assert made["sources"] == [{"name": "file.csv", "sha256": "0" * 64, "rows": 2, "licence": None}]
    assert (made["rows"], made["dropped"], made["settings"]) == ({"train": 1}, {"too long": 3, "empty": 5}, {"seed": 0})
    assert "words" not in (tmp_path / "out" / MANIFEST).read_text()


def test_datasets_reads_the_files_as_they_are(tmp_path: Path) -> None:
    """Hugging Face's datasets, which the trainers use, reads the same rows."""
    rows = [PromptCompletion("How?\n\u2028", "So,\r\n“so”."), PromptCompletion("", "x")]
    write_rows(tmp_path / "out", {Split.TRAIN: rows}, ORIGIN)
    files = str(tmp_path / "out" / "train.jsonl")
    loaded = load_dataset("json", data_files=files, split="train", cache_dir=str(tmp_path / "cache"))
    assert [PromptCompletion(**row) for row in loaded] == rows


@pytest.mark.parametrize(
    ("splits", "told"),
    [
        ({}, "no row is left to learn from: dropped were 5 empty, 3 too long"),
        ({Split.DEV: [Text("a")]}, "no row is left to learn from"),
        ({Split.TRAIN: [Text("a")], Split.DEV: [PromptCompletion("a", "b")]}, "one form, not PromptCompletion, Text"),
        ({Split.TRAIN: [Text("half \ud83d")]}, "half a character"),
        ({Split.TRAIN: [Conversation("1", (Turn("user", "\udc00"),))]}, "half a character"),
    ],
)
def test_what_can_not_be_written_is_said(tmp_path: Path, splits: dict[Split, list[Row]], told: str) -> None:
    """No rows, mixed forms and broken characters are refused before a folder is begun."""
    with pytest.raises(WorkbenchError, match=told):
        write_rows(tmp_path / "out", splits, ORIGIN)
    assert list(tmp_path.iterdir()) == []


def test_conversations_fit_in_no_spreadsheet(tmp_path: Path) -> None:
    """CSV of conversations is refused, and nothing is left behind."""
    with pytest.raises(WorkbenchError, match="don't fit into a spreadsheet"):
        write_rows(tmp_path / "out", {Split.TRAIN: [Conversation("1", (Turn("user", "a"),))]}, ORIGIN, spreadsheet=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("form", "line", "told"),
    [
        ("text", "no json", "line 2 of rows.jsonl is no JSON"),
        ("text", '["a"]', "lacks text"),
        ("comparison", '{"prompt": "a", "chosen": "b"}', "lacks rejected: rows of the form comparison have chosen, prompt, rejected"),
        ("prompt-completion", '{"prompt": "a", "completion": 3}', "completion must be text"),
        ("text", '{"text": null}', "text must be text"),
        ("text", '{"text": "\\ud83d"}', "half a character"),
        ("conversation", '{"id": "1", "messages": "hello"}', "a list of objects with role and content"),
        ("conversation", '{"id": "1", "messages": [{"role": "user"}]}', "a list of objects with role and content"),
        ("conversation", '{"id": "1", "messages": [{"role": "therapist", "content": "a"}]}', "roles are system, user or assistant"),
        ("conversation", '{"id": "1", "messages": [{"role": "user", "content": 1}]}', "contents are text"),
    ],
)
def test_a_line_that_is_no_row_is_named(tmp_path: Path, form: str, line: str, told: str) -> None:
    """The message has the line's number and what is wrong, and nothing that the line says."""
    good: dict[str, Any] = {"id": "0", "text": "x", "prompt": "x", "completion": "x", "chosen": "x", "rejected": "x", "messages": []}
    (tmp_path / "rows.jsonl").write_text(f"{json.dumps(good)}\n{line}\n", encoding="utf-8")
    with pytest.raises(WorkbenchError, match=told) as raised:
        read_file(tmp_path / "rows.jsonl", form)
    assert "line 2" in str(raised.value)
    assert "hello" not in str(raised.value)


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    """Another encoding, a folder and nothing at all: each its own sentence. A byte order mark, blank lines and more columns do no harm."""
    (tmp_path / "gb.jsonl").write_text('{"text": "你好"}\n', encoding="gb18030")
    (tmp_path / "good.jsonl").write_text('\ufeff{"text": "a", "more": 1}\n\n \n{"text": "b"}', encoding="utf-8")
    for name, told in (("gb.jsonl", "is not UTF-8"), ("", "is a folder"), ("nothing.jsonl", "there is no file nothing.jsonl")):
        with pytest.raises(WorkbenchError, match=told):
            read_file(tmp_path / name, "text")
    assert read_file(tmp_path / "good.jsonl", "text") == (Text("a"), Text("b"))


def test_a_manifest_without_a_form_is_refused(tmp_path: Path) -> None:
    """The manifest isn't hashed itself, so what it says of the form is checked."""
    write_rows(tmp_path / "out", {Split.TRAIN: [Text("a")]}, ORIGIN)
    path = tmp_path / "out" / MANIFEST
    path.write_text(path.read_text().replace('"form": "text"', '"form": "poem"'))
    with pytest.raises(WorkbenchError, match="names no form of rows"):
        read_rows(tmp_path / "out")
