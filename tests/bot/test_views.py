"""Messages and modals, checked as Slack checks them: limits, escaping, and every item whole."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.note import Item, Origin, Purpose
from bot.domain.reading import Reading
from bot.slack.blocks import escape
from bot.slack.final_views import ADDENDUM_ACTION
from bot.slack.texts import texts
from bot.slack.views import ACCEPT_ACTION, EDIT_ACTION, REREAD_ACTION, Page, notice_text, pages
from bot.workflow.ports import NoteView, Notice, PartialNote, Sign
from deploy.sandbox.validate import checked_blocks
from inference.note import Kind, Language, NoteItem
from tests.support.builders import NOW, a_counselor, a_note, a_revision, an_item

SPEECH = "<!channel> <@U0LI> <https://evil.example|click> *bold* `code` & &amp; :tada: > quote"
LONG_LINE = "She says that work is too much and nights are too short. " * 9
CHINESE_LINE = "来访者说工作太多、夜晚太短，醒来以后再也睡不着。" * 20


def items_of(*lines: str, origin: Origin = Origin.MODEL) -> tuple[Item, ...]:
    """Items with these texts, kinds in turn."""
    kinds = list(Kind)
    found = [Item(kinds[number % 3], line, origin) for number, line in enumerate(lines)]
    return tuple(sorted(found, key=lambda item: kinds.index(item.kind)))


def a_view(*items: Item, purpose: Purpose = Purpose.ANSWER, language: Language = Language.ENGLISH, **fields: Any) -> NoteView:
    """What a message shows of a note with these items."""
    return NoteView(a_note(a_revision(*items), purpose=purpose), language, **fields)


def shown_text(found: tuple[Page, ...]) -> str:
    """All text of the sections, in order."""
    return "\n".join(block["text"]["text"] for page in found for block in page.blocks if block["type"] == "section")


def unescaped(text: str) -> str:
    """What Slack shows for escaped text."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def check(found: tuple[Page, ...]) -> tuple[Page, ...]:
    """Holds every page to Slack's rules."""
    assert found
    for page in found:
        checked_blocks(list(page.blocks))
        assert page.text
        assert len(page.text) < 4000
    return found


LONG_NOTES = {
    "60 long items": items_of(*[f"{number}: {LONG_LINE}" for number in range(60)]),
    "60 long items of a counselor": items_of(*[f"{number}: {LONG_LINE}" for number in range(60)], origin=Origin.COUNSELOR),
    "one item of 100,000 characters": (an_item("word " * 20_000 + "end"),),
    "one word of 100,000 characters": (an_item("x" * 100_000),),
    "100,000 characters to escape": (an_item("&<>" * 33_333),),
    "long Chinese items": items_of(*[f"{number}：{CHINESE_LINE}" for number in range(24)]),
    "one Chinese item of 20,000 characters": (an_item("睡" * 20_000),),
    "200 short items": items_of(*[f"item {number}" for number in range(200)]),
    "emoji": items_of("🙂" * 5000, "עברית " * 900),
}


@pytest.mark.parametrize("name", LONG_NOTES)
@pytest.mark.parametrize("purpose", list(Purpose))
def test_however_long_a_note_is_slack_takes_all_of_it(name: str, purpose: Purpose) -> None:
    """Each page is valid, no word is lost, and buttons stand under the last page only."""
    items = LONG_NOTES[name]
    found = check(pages(a_view(*items, purpose=purpose)))
    letters = re.sub(r"\s", "", unescaped(shown_text(found)))
    for item in items:
        assert re.sub(r"\s", "", item.text) in re.sub(r"(?<!\d)\d+\.$", "", letters)
    with_buttons = [any(block["type"] == "actions" for block in page.blocks) for page in found]
    assert with_buttons == [False] * (len(found) - 1) + [True]


def test_items_of_usual_length_are_never_cut() -> None:
    """Sixty items of several lines are spread over sections and pages with every item in one piece, numbered within its kind."""
    items = LONG_NOTES["60 long items"]
    sections = [block["text"]["text"] for page in pages(a_view(*items)) for block in page.blocks if block["type"] == "section"]
    lines = [line for section in sections for line in section.splitlines() if not line.startswith("*")]
    expected = [f"{number}. {item.text}".strip() for kind in Kind for number, item in enumerate([i for i in items if i.kind is kind], 1)]
    assert [line.strip() for line in lines] == expected


WITH_A_NUMBER = {
    Sign.QUESTIONS_LEFT,
    Sign.TOO_LONG,
    Sign.CONSENT_HOLDS,
    Sign.CONSENT_OFF,
    Sign.CONSENT_WITHDRAWN,
    Sign.FILE_TOO_LARGE,
    Sign.FILE_TOO_MANY,
}


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("sign", list(Sign))
def test_every_notice_is_a_sentence_that_slack_takes(sign: Sign, language: Language) -> None:
    """In both languages, without a placeholder left in it."""
    notice = Notice(sign, language, 1700, "note", "7", NOW.date())
    check(pages(notice))
    assert not re.search(r"[{}]", notice_text(notice))
    assert ("1,700" in notice_text(notice)) is (sign in WITH_A_NUMBER)
    assert ("2026-03-02" in notice_text(notice)) is (sign in {Sign.CONSENT_HOLDS, Sign.EXPORTED, Sign.DRAFT_EXPORTED})


def test_an_answer_that_failed_can_be_tried_again() -> None:
    """The button names the note and the failure; without a note there is none."""
    button = pages(Notice(Sign.NO_ANSWER, Language.ENGLISH, note_id="n", failed_at="7"))[0].blocks[1]["elements"][0]
    assert json.loads(button["value"]) == ["n", "7"]
    assert len(pages(Notice(Sign.NO_ANSWER, Language.ENGLISH))[0].blocks) == 1


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("purpose", list(Purpose))
@pytest.mark.parametrize("reading", [None, *Reading])
@pytest.mark.parametrize("approved", [False, True])
def test_every_kind_of_note_is_valid(language: Language, purpose: Purpose, reading: Reading | None, approved: bool) -> None:
    """Answers and summaries, in both languages, as read either way, by model or counselor, approved or not."""
    first, second = a_revision(*items_of("a", "b", "c")), a_revision(*items_of("d", origin=Origin.COUNSELOR), number=2, by=a_counselor())
    note = a_note(first, second, purpose=purpose)
    approved = approved and purpose is Purpose.SUMMARY  # nothing else can be
    note = note.approve("U0ANNA", second.id, NOW) if approved else note
    found = check(pages(NoteView(note, language, reading, "9.9")))
    everything = json.dumps([page.blocks for page in found], ensure_ascii=False)
    assert (ADDENDUM_ACTION in everything) is approved
    assert (EDIT_ACTION in everything) is not approved
    assert (second.content_hash[:12] in everything) is approved
    for heading in {texts(language).headings[item.kind] for item in second.items}:
        assert f"*{heading}*" in everything


def test_the_approve_button_names_the_revision_that_is_shown() -> None:
    """Whoever clicks approves what they see, after a question whether they are sure."""
    view = a_view(an_item(), purpose=Purpose.SUMMARY)
    button = pages(view)[-1].blocks[-1]["elements"][1]
    assert view.note.current
    assert json.loads(button["value"]) == [view.note.id, view.note.current.id]
    assert button["confirm"]


def buttons_of(view: NoteView) -> list[Any]:
    """The buttons below a note."""
    return [element for block in pages(view)[-1].blocks if block["type"] == "actions" for element in block["elements"]]


@pytest.mark.parametrize(("reading", "other"), [(Reading.EDITED, Reading.INFORMATION), (Reading.INFORMATION, Reading.EDITED)])
def test_the_other_reading_is_offered(reading: Reading, other: Reading) -> None:
    """Under an answer to a reply there is a button for having meant it the other way; under a first answer there is none."""
    view = a_view(an_item(), reading=reading, reply_ts="9.9")
    assert view.note.current
    (reread,) = [button for button in buttons_of(view) if button["action_id"] == REREAD_ACTION]
    assert json.loads(reread["value"]) == ["note", "9.9", other, view.note.current.id]
    assert REREAD_ACTION not in json.dumps(pages(a_view(an_item(), reading=Reading.DESCRIPTION, reply_ts="9.9"))[-1].blocks)


@pytest.mark.parametrize("language", list(Language))
def test_an_answer_can_be_accepted_and_then_says_who_did(language: Language) -> None:
    """The button names the revision that is shown; once accepted, the message says so instead, until there is a later revision."""
    view = a_view(an_item(), language=language)
    assert view.note.current
    (accept,) = [button for button in buttons_of(view) if button["action_id"] == ACCEPT_ACTION]
    assert json.loads(accept["value"]) == [view.note.id, view.note.current.id]
    accepted = view.note.accept("U0LI", view.note.current.id, NOW)
    shown = json.dumps(check(pages(replace(view, note=accepted)))[-1].blocks)
    assert ACCEPT_ACTION not in shown
    assert "<@U0LI>" in shown
    read = json.dumps(pages(NoteView(accepted, language, Reading.EDITED, "9.9"))[-1].blocks, ensure_ascii=False)
    assert texts(language).readings[Reading.EDITED] in read
    assert REREAD_ACTION in read
    later = replace(accepted, revisions=(*accepted.revisions, a_revision(an_item("Walks."), number=2)))
    shown = json.dumps(check(pages(replace(view, note=later)))[-1].blocks)
    assert ACCEPT_ACTION in shown
    assert "<@U0LI>" not in shown


@pytest.mark.parametrize("purpose", list(Purpose))
def test_there_is_nothing_to_accept_in_a_summary_or_an_empty_note(purpose: Purpose) -> None:
    """A summary is approved instead."""
    items = () if purpose is Purpose.ANSWER else (an_item(),)
    assert ACCEPT_ACTION not in json.dumps([page.blocks for page in pages(a_view(*items, purpose=purpose))])


def test_nothing_in_a_note_comes_to_life() -> None:
    """Mentions, links and channel calls in anybody's words are shown, not done; the notification holds no case text."""
    for view in (
        a_view(an_item(SPEECH), an_item(SPEECH, Kind.ADVICE, Origin.COUNSELOR)),
        PartialNote((NoteItem(Kind.ANALYSIS, SPEECH),), (NoteItem(Kind.ADVICE, SPEECH),), Language.ENGLISH),
    ):
        for page in check(pages(view)):
            body = shown_text((page,))
            assert not re.search(r"<[!@#h]", body)
            assert SPEECH in unescaped(body)
            assert "evil" not in page.text


def test_a_note_without_items_is_still_a_message() -> None:
    """Nothing to show gives a valid page all the same."""
    check(pages(a_view()))
    check(pages(NoteView(a_note(), Language.ENGLISH)))
    check(pages(PartialNote((), (), Language.CHINESE)))


@pytest.mark.parametrize("name", LONG_NOTES)
def test_a_note_that_is_still_being_written_fits_one_message(name: str) -> None:
    """However much has come, the live message stays within Slack's limits."""
    items = tuple(NoteItem(item.kind, item.text) for item in LONG_NOTES[name])
    half = len(items) // 2
    assert len(check(pages(PartialNote(items[:half], items[half:], Language.ENGLISH)))) == 1


@given(st.lists(st.tuples(st.sampled_from(Kind), st.text(min_size=1, max_size=400)), max_size=40), st.sampled_from(Language))
@settings(max_examples=80, deadline=None)
def test_any_note_is_valid(lines: list[tuple[Kind, str]], language: Language) -> None:
    """Slack takes whatever a note may hold."""
    note = a_note(a_revision(*[Item(kind, text, Origin.COUNSELOR) for kind, text in lines]))
    check(pages(NoteView(note, language)))


def test_escaping_covers_what_slack_interprets() -> None:
    """The three characters, each once."""
    assert escape("<&>&amp;") == "&lt;&amp;&gt;&amp;amp;"
