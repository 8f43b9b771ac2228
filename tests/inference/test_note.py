"""The note format: written, streamed, cut off, repaired."""

import contextlib
import json
import re
import unicodedata

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.errors import InvalidNote
from inference.note import (
    Kind,
    NoteItem,
    NoteLimits,
    clean_text,
    dump_note,
    list_note,
    note_schema,
    parse_additions,
    parse_note,
    parse_partial,
    repair_note,
)

NOTE = (
    NoteItem(Kind.ANALYSIS, "Sleep is short."),
    NoteItem(Kind.ADVICE, "Keep a sleep diary."),
    NoteItem(Kind.QUESTION, "Since when?"),
    NoteItem(Kind.QUESTION, "What helps?"),
)

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60).filter(lambda text: bool(clean_text(text)))
notes = st.lists(st.builds(NoteItem, st.sampled_from(Kind), texts.map(clean_text)), min_size=1, max_size=12).map(
    lambda items: tuple(sorted(items, key=lambda item: list(Kind).index(item.kind)))
)


@given(notes)
def test_a_note_survives_writing_and_reading(note: tuple[NoteItem, ...]) -> None:
    """What is written can be read, item by item, whatever signs it holds."""
    assert parse_note(dump_note(note)) == note


@given(notes, st.data())
def test_a_note_grows_while_it_streams(note: tuple[NoteItem, ...], data: st.DataObject) -> None:
    """At every cut, what can be read is a beginning of the note; only its last item may be cut short."""
    whole = dump_note(note)
    partial = parse_partial(whole[: data.draw(st.integers(0, len(whole)))])
    assert partial[:-1] == note[: max(0, len(partial) - 1)]
    if partial:
        last = note[len(partial) - 1]
        assert partial[-1].kind is last.kind
        # a cut may fall into an escape, or leave a space at the end
        assert last.text.startswith(partial[-1].text.strip())


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Whatever a model writes, reading it gives items or the one error, and a preview never fails."""
    parse_partial(text)
    with contextlib.suppress(InvalidNote):
        assert parse_note(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Sleep is short.",
        "[]",
        "null",
        '"text"',
        '{"analysis": ["x"], "advice": ["y"]}',
        '{"analysis": [], "advice": [], "questions": []}',
        '{"analysis": [" \\n "], "advice": [], "questions": [""]}',
        '{"analysis": ["x"], "advice": ["y"], "questions": ["z"',
        '{"analysis": "x", "advice": 3, "questions": null}',
    ],
)
def test_what_is_no_note_is_refused(text: str) -> None:
    """Other text, other JSON, missing lists, empty notes and cut notes are refused."""
    with pytest.raises(InvalidNote):
        parse_note(text)


def test_control_characters_become_spaces() -> None:
    """Raw control characters inside a string, which some decoders emit, don't spoil the note; the text is one line."""
    note = parse_note('{"analysis": ["Sleep\tis\nshort. "], "advice": [], "questions": []}')
    assert note == (NoteItem(Kind.ANALYSIS, "Sleep is short."),)


def test_what_is_not_text_is_passed_over() -> None:
    """Numbers and lists among the items are passed over, the rest is kept."""
    note = parse_note('{"analysis": [1, "Sleep is short.", ["x"], null], "advice": {}, "questions": []}')
    assert note == (NoteItem(Kind.ANALYSIS, "Sleep is short."),)


def test_adding_nothing_is_allowed_where_asked() -> None:
    """An answer to an edited note may be empty, but not malformed."""
    assert parse_additions('{"analysis":[],"advice":[],"questions":[]}') == ()
    assert parse_additions(dump_note(NOTE)) == NOTE
    with pytest.raises(InvalidNote):
        parse_additions("nothing to add")


def test_a_cut_note_is_repaired_without_its_last_item() -> None:
    """The item that was being written is dropped; with two kinds begun, the rest is a note."""
    cut = dump_note(NOTE)[:-12]
    assert repair_note(cut) == NOTE[:3]
    with pytest.raises(InvalidNote, match="too early"):
        repair_note('{"analysis":["Sleep is short.","It be')


def test_headings_only_for_kinds_that_are_there() -> None:
    """The list shown in prompts has a heading for each kind with items."""
    assert list_note(NOTE[:2]) == "analysis:\n- Sleep is short.\nadvice:\n- Keep a sleep diary."


@given(notes)
def test_the_schema_takes_what_is_written(note: tuple[NoteItem, ...]) -> None:
    """Notes within the limits fit the schema; a note without its advice, or with more, doesn't."""
    schema = note_schema(min_items=0)
    value = json.loads(dump_note(note))
    fits = all(len(items) <= NoteLimits().items_per_kind and all(len(text) >= 2 for text in items) for items in value.values())
    assert jsonschema.Draft202012Validator(schema).is_valid(value) == fits
    assert not jsonschema.Draft202012Validator(schema).is_valid({**value, "diagnosis": []})
    assert not jsonschema.Draft202012Validator(schema).is_valid({key: value[key] for key in ("analysis", "questions")})


@given(st.text(st.sampled_from("ab睡。 \u3000\u00a0\u200b\u2028\n\t\x00\x85\ud800🙂"), max_size=12) | st.text(max_size=12))
def test_a_text_is_cleaned_sign_by_sign(text: str) -> None:
    """Control signs and line ends become spaces, runs of spaces one, the ideographic space aside; what holds nothing to see is empty."""
    kinds = [unicodedata.category(sign) for sign in text]
    spaced = "".join(" " if kind in {"Cc", "Zl", "Zp"} else sign for sign, kind in zip(text, kinds, strict=True))
    expected = re.sub(r"[^\S\u3000]+", " ", spaced).strip() if any(kind[0] not in "CZ" for kind in kinds) else ""
    assert clean_text(text) == expected


def test_chinese_spacing_stays() -> None:
    """The ideographic space is kept; doubled ASCII spaces are not."""
    assert clean_text(" 睡眠\u3000很差  了\u2028") == "睡眠\u3000很差 了"
