"""A case's history: every note once, in order, with all that happened to it, within what Slack takes and however long the case is."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.case import Case, CaseState
from bot.domain.note import Author, Item, Note, Origin, Purpose, Revision
from bot.domain.reading import Reading
from bot.slack.history_views import Place, history_modal
from bot.store.database import Database
from bot.workflow.history import Revised, Told, events
from bot.workflow.ports import PastNote, Report, Step
from deploy.sandbox.render import plain_view
from deploy.sandbox.validate import checked_view
from deploy.sandbox.validate.check import Surface
from inference.note import Kind, Language
from tests.bot.test_store import a_database
from tests.support.builders import NOW, a_counselor, a_revision, an_item

A_CASE = Case("case", "T1", "C1", "C-1", Language.ENGLISH, CaseState.OPEN, NOW)


def a_report(
    ts: str = "1700000000.000100", version: str | None = None, reading: Reading = Reading.DESCRIPTION, text: str = "Bad sleep."
) -> Report:
    """What a counselor wrote."""
    return Report("case", "note", ts, version or ts, "U0ANNA", reading, text)


def a_past(
    *revisions: Revision, reports: tuple[Report, ...] = (), purpose: Purpose = Purpose.ANSWER, number: int = 2, of: int = 3
) -> PastNote:
    """The second of three notes."""
    note = Note("note", "case", purpose, "1700000000.000100", revisions)
    return PastNote(note, reports, number, number, of)


def shown(past: PastNote, part: int = 0, language: Language = Language.ENGLISH) -> str:
    """What somebody reads."""
    return plain_view(checked_view(history_modal(replace(A_CASE, language=language), past, events(past), part), Surface.MODAL))


# what happened


def test_a_note_is_told_in_the_order_in_which_it_happened() -> None:
    """Description, answer, an edit of the description, more information, an answer again; an edited list shows as its revision alone."""
    start = NOW.timestamp()
    reports = (
        a_report(f"{start:.6f}"),
        a_report(f"{start:.6f}", f"{start + 120:.6f}", Reading.INFORMATION, "Bad sleep and appetite."),
        a_report(f"{start + 180:.6f}", None, Reading.EDITED, "- Sleep is short."),
        a_report(f"{start + 300:.6f}", None, Reading.INFORMATION, "Since March."),
    )
    first = replace(a_revision(an_item()), created_at=NOW + timedelta(seconds=60))
    second = replace(a_revision(an_item("Sleep is very short."), number=2, by=a_counselor()), created_at=NOW + timedelta(seconds=200))
    told = events(a_past(first, second, reports=reports))
    assert [(type(event), getattr(event, "again", None)) for event in told] == [
        (Told, False),
        (Revised, None),
        (Told, True),
        (Revised, None),
        (Told, False),
    ]


def test_a_reply_that_was_read_another_way_later_counts_as_it_was_read_last() -> None:
    """It is told once, or, as an edited list, not at all."""
    information, edited = a_report(reading=Reading.INFORMATION), a_report(reading=Reading.EDITED)
    assert events(a_past(reports=(information, edited))) == []
    assert len(events(a_past(reports=(edited, information)))) == 1


# the modal


def test_a_page_reads_as_what_was_changed() -> None:
    """Who, when, which model, what was cut and what is new; and how the note stands."""
    first = a_revision(an_item("Sleep is short."), an_item("Walk for ten minutes.", Kind.ADVICE), an_item("Since when?", Kind.QUESTION))
    items = (
        an_item("Sleep is short."),
        an_item("Walk for twenty minutes.", Kind.ADVICE, Origin.COUNSELOR),
        an_item("Why now?", Kind.ADVICE),
    )
    second = a_revision(*items, number=2, by=a_counselor())
    past = a_past(first, second, reports=(a_report(),))
    past = replace(past, note=past.note.accept("U0LI", second.id, NOW))
    text = shown(past)
    assert "NOTE 2 OF 3" in text
    assert "*Description* · @U0ANNA" in text
    assert "Bad sleep." in text
    assert "model phyassist" in text
    assert "*Version 2* · @U0ANNA" in text
    assert "kept: 1 · dropped: 1 · rewritten: 1 · added: 1" in text
    assert "• Walk for ~ten~*twenty* minutes. ✎" in text
    assert "• ~Since when?~" in text
    assert "• *Why now?*" in text
    assert "Accepted by @U0LI" in text
    assert "[Older]  [Newer]  [Go to a day ▾]" in text


@pytest.mark.parametrize(("language", "words"), [
    (Language.ENGLISH, ("Final note · 2 of 3".upper(), "Draft, waiting for approval", "Approved by @U0LI", "version 1")),
    (Language.CHINESE, ("最终记录 · 第 2 份，共 3 份", "草稿，等待定稿", "由 @U0LI 于", "第 1 版")),
])  # fmt: skip
def test_a_final_note_says_whether_it_is_approved_by_whom_and_which_content(language: Language, words: tuple[str, ...]) -> None:
    """A draft says so; an approved one names person, time, version and hash."""
    revision = a_revision(an_item())
    past = a_past(revision, purpose=Purpose.SUMMARY)
    assert all(word in shown(past, language=language) for word in words[:2])
    approved = replace(past, note=past.note.approve("U0LI", revision.id, NOW))
    text = shown(approved, language=language)
    assert all(word in text for word in (words[0], *words[2:], revision.content_hash[:12]))
    assert words[1] not in text


def test_what_is_at_the_end_has_no_button_beyond() -> None:
    """The only note has none at all, the oldest only Newer, the newest only Older."""
    revision = a_revision(an_item())
    assert "[Older]" not in shown(a_past(revision, number=1))
    assert "[Newer]" not in shown(a_past(revision, number=3))
    assert "[" not in shown(a_past(revision, number=1, of=1)).replace("[Close]", "")
    assert "No note was written yet." in shown(a_past(reports=(a_report(),)))


long_texts = st.text(st.sampled_from("睡a &\n<~*"), min_size=1, max_size=20).map(lambda text: (text * 400)[:6000])
long_items = st.builds(Item, st.sampled_from(Kind), long_texts.filter(lambda text: bool(text.strip())), st.sampled_from(Origin))
revisions = st.lists(st.lists(long_items, max_size=12), min_size=1, max_size=4)


def every_part(past: PastNote, language: Language) -> list[dict[str, Any]]:
    """All parts of a note, each as Slack takes it."""
    case = replace(A_CASE, language=language)
    view = checked_view(history_modal(case, past, events(past), 0), Surface.MODAL)
    found = [view]
    while "history_part_after" in json.dumps(view):
        part = Place.read(view["private_metadata"]).part + 1
        view = checked_view(history_modal(case, past, events(past), part), Surface.MODAL)
        found.append(view)
    return found


@settings(max_examples=25, deadline=None)
@given(revisions, st.sampled_from(Language), long_texts)
def test_any_note_fits_into_slack_and_no_word_is_lost(contents: list[list[Item]], language: Language, said: str) -> None:
    """Blocks, characters and bytes of each part, and the newest revision's items whole in all of them together."""
    made = [a_revision(*items, number=number) for number, items in enumerate(contents, start=1)]
    past = a_past(*made, reports=(a_report(text=said),))
    parts = every_part(past, language)
    texts = [
        element["text"]
        for view in parts
        for block in view["blocks"]
        if block["type"] == "rich_text"
        for group in block["elements"]
        if group["type"] == "rich_text_list"
        for section in group["elements"]
        for element in section["elements"]
        if not element.get("style", {}).get("strike")
    ]
    whole = "".join(texts)
    assert all(item.text in whole for item in contents[-1])


def test_a_note_of_sixty_items_and_twenty_revisions_comes_in_parts() -> None:
    """Each part says which it is, has a button on and one back, and a part that is gone is the last one."""
    made = []
    for number in range(1, 21):
        items = [an_item(f"Item {index} of the note, as it stands in version {number}.", list(Kind)[index % 3]) for index in range(60)]
        made.append(a_revision(*items, number=number, by=a_counselor() if number % 2 else Author(Origin.MODEL, "night-2026-03-01")))
    past = a_past(*made)
    parts = every_part(past, Language.CHINESE)
    assert len(parts) > 1
    assert f"第 2 部分，共 {len(parts)} 部分" in plain_view(parts[1])
    assert "[上一部分]" in plain_view(parts[1])
    assert "[下一部分]" not in plain_view(parts[-1])
    assert Place.read(history_modal(A_CASE, past, events(past), 99)["private_metadata"]).part == len(parts) - 1


# the database


@pytest.fixture
async def database(store_url: str) -> AsyncIterator[Database]:
    """A new database."""
    async with a_database(store_url) as database:
        yield database


async def test_five_hundred_notes_are_walked_through_one_by_one(database: Database) -> None:
    """From the newest to the oldest and back each is met once, with its own reports; days are found; nothing lies beyond the ends."""
    async with database.begin() as uow:
        case = await uow.open_case("T1", "C1", Language.ENGLISH, NOW)
        for number in range(500):
            ts = f"{1_700_000_000 + number * 86_400}.000100"
            note = Note(f"note-{number}", case.id, Purpose.ANSWER, ts)
            await uow.add_note(note)
            await uow.add_report(Report(case.id, note.id, ts, ts, "U0ANNA", Reading.DESCRIPTION, f"Day {number}."))
    async with database.begin() as uow:
        past = await uow.past_note(case.id, Step.NEWEST)
        walked = []
        while past:
            walked.append(past.note.id)
            assert [report.text for report in past.reports] == [f"Day {past.number - 1}."]
            assert past.of == 500
            past = await uow.past_note(case.id, Step.OLDER, past.position)
        assert walked == [f"note-{number}" for number in reversed(range(500))]
        first = await uow.past_note(case.id, Step.HERE, 1)
        assert first
        second = await uow.past_note(case.id, Step.NEWER, first.position)
        assert second
        assert second.note.id == "note-1"
        assert await uow.position_since(case.id, f"{1_700_000_000 + 250 * 86_400 - 5}.000000") == 251
        assert await uow.position_since(case.id, "1999999999.000000") is None
        assert await uow.past_note(case.id, Step.HERE, 501) is None
