"""Content without blocks: whatever a note holds, no word is lost, and Slack takes every message, new or updated."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.note import Item, Origin, Purpose
from bot.slack.plain_pages import plain_pages
from bot.slack.views import Page, pages
from bot.workflow.ports import NoteView, Notice, Sign
from deploy.sandbox.methods.chat import LONGEST_UPDATE
from inference.note import Kind, Language
from tests.bot.test_views import LONG_NOTES, SPEECH, a_view, unescaped
from tests.support.builders import a_note, a_revision, an_item

HINT = "It has no buttons."


def joined(found: tuple[Page, ...]) -> str:
    """All that the messages show, without spaces."""
    assert all(page.text and len(page.text) <= LONGEST_UPDATE and not page.blocks for page in found)
    return re.sub(r"\s", "", unescaped("".join(page.text for page in found)))


@pytest.mark.parametrize("name", LONG_NOTES)
@pytest.mark.parametrize("purpose", list(Purpose))
def test_no_word_is_lost(name: str, purpose: Purpose) -> None:
    """Every item, and at the end why there are no buttons."""
    items = LONG_NOTES[name]
    said = joined(plain_pages(pages(a_view(*items, purpose=purpose)), HINT))
    for item in items:
        assert re.sub(r"\s", "", item.text) in said
    assert said.endswith(HINT.replace(" ", ""))


@given(st.lists(st.tuples(st.sampled_from(Kind), st.text(min_size=1, max_size=400)), max_size=40), st.sampled_from(Language))
@settings(max_examples=80, deadline=None)
def test_any_note_fits(lines: list[tuple[Kind, str]], language: Language) -> None:
    """Slack takes whatever a note may hold."""
    note = a_note(a_revision(*[Item(kind, text, Origin.COUNSELOR) for kind, text in lines]))
    joined(plain_pages(pages(NoteView(note, language)), HINT))


def test_nothing_comes_to_life() -> None:
    """Mentions, links and channel calls stay escaped."""
    (page,) = plain_pages(pages(a_view(an_item(SPEECH))), HINT)
    assert not re.search(r"<[!@#h]", page.text)
    assert SPEECH in unescaped(page.text)


def test_a_sentence_without_buttons_has_no_excuse() -> None:
    """Only what had a button says that it has none."""
    notice = pages(Notice(Sign.WAITING, Language.ENGLISH))
    assert HINT not in plain_pages(notice, HINT)[0].text
    assert HINT in plain_pages(pages(Notice(Sign.LEARNING, Language.ENGLISH)), HINT)[0].text
