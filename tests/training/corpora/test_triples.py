"""Triples become the very prompts that the bot asks with, and notes that the server's schema allows."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from inference.note import Kind, Language, NoteItem, note_schema, parse_note
from inference.prompt import TurnKind, build_prompt, reported
from training.corpora.triples import note_items, note_prompt, read_triples
from training.workbench.errors import WorkbenchError

TRIPLE = {
    "problem": "The client wakes at four and worries about work.",
    "analysis": ["Sleep is short.", "Worry takes the early hours."],
    "advice": "- Agree on a fixed time to get up.\n2. Write worries down before going to bed. Leave them there.",
}
NOTE = (
    NoteItem(Kind.ANALYSIS, "Sleep is short."),
    NoteItem(Kind.ANALYSIS, "Worry takes the early hours."),
    NoteItem(Kind.ADVICE, "Agree on a fixed time to get up."),
    NoteItem(Kind.ADVICE, "Write worries down before going to bed. Leave them there."),
)


def write(path: Path, *triples: dict[str, Any]) -> Path:
    """A file of triples, in the notation of its name; in a table lists are lines."""
    if path.suffix == ".csv":
        flat = [
            {key: "\n".join(f"- {one}" for one in said) if isinstance(said, list) else said for key, said in row.items()} for row in triples
        ]
        cells = ["problem,analysis,advice", *(",".join(f'"{row[key]}"' for key in ("problem", "analysis", "advice")) for row in flat)]
        path.write_text("\n".join(cells), encoding="utf-8")
    elif path.suffix == ".yaml":
        path.write_text(yaml.safe_dump(list(triples), allow_unicode=True), encoding="utf-8")
    else:
        path.write_text("\n".join(map(json.dumps, triples)), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["triples.csv", "triples.jsonl", "triples.yaml"])
def test_all_notations_give_the_same_note(tmp_path: Path, name: str) -> None:
    """A triple is the same note from a table, from JSON lines and from YAML, asked for as the bot asks for it."""
    (piece,) = read_triples(write(tmp_path / name, TRIPLE)).pieces
    assert parse_note(piece.answer) == NOTE
    turn = reported(TurnKind.DESCRIPTION, str(TRIPLE["problem"]), Language.ENGLISH)
    (message,) = build_prompt([turn], Language.ENGLISH, 4000).messages
    assert piece.prompt == message["content"]


def test_the_language_is_said_or_seen(tmp_path: Path) -> None:
    """Chinese script asks in Chinese, unless the triple says otherwise; a danger is pointed out as in service."""
    rows = [
        {**TRIPLE, "problem": "来访者说他想自杀。", "analysis": "首先是安全。睡眠不足。", "advice": "先谈安全。"},
        {**TRIPLE, "problem": "Says 你好.", "language": "zh"},
    ]
    first, second = read_triples(write(tmp_path / "a.jsonl", *rows)).pieces
    assert first.prompt == note_prompt("来访者说他想自杀。", Language.CHINESE)
    assert "先写安全" in first.prompt.rpartition("描述")[2]
    assert [item.text for item in parse_note(first.answer)] == ["首先是安全。", "睡眠不足。", "先谈安全。"]
    assert second.prompt.startswith("你协助")


@pytest.mark.parametrize(
    ("said", "items"),
    [
        ("Sleep is short. Dr. Quill, e.g. in May, said so! Why?", ["Sleep is short.", "Dr. Quill, e.g. in May, said so!", "Why?"]),
        ("* one\n• two. Three.\n\n3) four\n(5) five", ["one", "two. Three.", "four", "five"]),
        (["one. Two.", " ", "a\nb"], ["one. Two.", "a b"]),
        ("10 hours of sleep. 3.5 cups.", ["10 hours of sleep.", "3.5 cups."]),
        ("", []),
    ],
)
def test_texts_become_items(said: Any, items: list[str]) -> None:
    """Lines with bullets are items as they are, other lines are cut into sentences, entries of a list stay whole."""
    assert [item.text for item in note_items(Kind.ADVICE, said)] == items


def test_long_texts_are_joined_into_few_items() -> None:
    """More sentences than a note may have are joined, neighbours with neighbours, as far as an item holds them."""
    found = note_items(Kind.ANALYSIS, " ".join(f"This is sentence number {place} of them." for place in range(30)))
    assert 2 < len(found) <= 8
    assert all(len(item.text) <= 400 for item in found)
    assert " ".join(item.text for item in found).split()[-4:] == ["number", "29", "of", "them."]


@given(
    st.fixed_dictionaries(
        {name: st.text(max_size=80) | st.lists(st.text(max_size=30), max_size=9) for name in ("analysis", "advice", "questions")}
        | {"problem": st.text(st.characters(exclude_categories=["Cs"]), max_size=40)}
    )
)
def test_whatever_is_kept_is_a_note(tmp_path_factory: pytest.TempPathFactory, triple: dict[str, Any]) -> None:
    """A triple is a note that the schema of the server allows, or it is counted as left out."""
    found = read_triples(write(tmp_path_factory.mktemp("triples") / "a.jsonl", triple))
    assert len(found.pieces) + sum(found.dropped.values()) == 1
    for piece in found.pieces:
        assert parse_note(piece.answer)
        note = json.loads(piece.answer)
        assert all(len(note[name]) <= 8 and all(len(text) <= 400 for text in note[name]) for name in ("analysis", "advice", "questions"))


def test_a_full_triple_is_what_the_server_allows(tmp_path: Path) -> None:
    """With questions, the note keeps to the schema that guides the model."""
    (piece,) = read_triples(write(tmp_path / "a.jsonl", {**TRIPLE, "questions": ["What helped before?"]})).pieces
    jsonschema.validate(json.loads(piece.answer), note_schema())


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"advice": None}, None),
        ({"problem": " "}, None),
        ({"analysis": ["x" * 500]}, None),
        ({"analysis": ["short"] * 9}, None),
        ({"problem": 3}, "entry 1 of a.jsonl: problem must be text"),
        ({"analysis": {"a": 1}}, "entry 1 of a.jsonl: analysis must be text, or a list of texts"),
        ({"advice": ["a", 2]}, "advice must be text, or a list of texts"),
        ({"language": "fr"}, "language is en or zh"),
    ],
)
def test_what_is_no_note_is_counted_or_named(tmp_path: Path, change: dict[str, Any], told: str | None) -> None:
    """Empty and over-full triples are counted; fields of the wrong kind stop the reading, by number and name."""
    path = write(tmp_path / "a.jsonl", {**TRIPLE, **change})
    if told is None:
        found = read_triples(path)
        assert not found.pieces
        assert sum(found.dropped.values()) == 1
        return
    with pytest.raises(WorkbenchError, match=told):
        read_triples(path)


def test_a_missing_field_is_named(tmp_path: Path) -> None:
    """In JSON lines and in a table."""
    (tmp_path / "a.csv").write_text("problem,analysis\na,b\n")
    for path in (write(tmp_path / "a.jsonl", {"problem": "x", "analysis": "y"}), tmp_path / "a.csv"):
        with pytest.raises(WorkbenchError, match=r"lacks.* advice"):
            read_triples(path)
