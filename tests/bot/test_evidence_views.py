"""How evidence looks: numbered links after items, a quiet mark on general ones, within Slack's limits, and gone again when copied back."""

import re
from dataclasses import replace

import pytest

from bot.domain.evidence import Source
from bot.domain.note import Item, Origin, Purpose
from bot.domain.reading import GENERAL_MARK, Reading, read_items, read_reply
from bot.slack.evidence_views import Cited
from bot.slack.payloads import plain_text
from bot.slack.permalinks import message_url
from bot.slack.plain_pages import plain_pages
from bot.slack.texts import texts
from bot.slack.views import pages
from bot.workflow.ports import NoteView
from deploy.sandbox.render import plain_blocks
from deploy.sandbox.validate import checked_blocks
from inference.note import Kind, Language, NoteItem
from tests.support.builders import a_counselor, a_note, a_revision, an_item

WORKSPACE = "https://a-counseling-team.slack.com"
CHANNEL = "C0123456789"
SOURCES = [Source(f"17000000{place:02}.000100", "note", "1700000000.000100") for place in range(40)]
CITED = {source.id: Cited(place, message_url(WORKSPACE, CHANNEL, source)) for place, source in enumerate(SOURCES, start=1)}


def cites(item: Item, *places: int) -> Item:
    """The item resting on the descriptions at these places of the case."""
    return replace(item, evidence=tuple(SOURCES[place - 1].id for place in places))


MENU = "  [⋯]"
"""Of each line; copying leaves it behind."""


def shown(*items: Item, language: Language = Language.ENGLISH, cited: dict[str, Cited] | None = CITED) -> str:
    """A note as people read it."""
    view = NoteView(a_note(a_revision(*items)), language)
    return plain_blocks([block for page in pages(view, cited) for block in page.blocks]).replace(MENU, "")


def test_marks_stand_after_the_words() -> None:
    """Links in the order of the case; general only what is the model's and no question; a counselor's mark comes first."""
    mine = an_item("Mine.", Kind.ADVICE, Origin.COUNSELOR)
    question = an_item("Since when?", Kind.QUESTION)
    text = shown(
        cites(an_item("Two."), 12, 3), an_item("None."), mine, cites(replace(mine, text="Mine, too."), 1), question, cites(question, 2)
    )
    assert "1. Two. [3] [12]\n" in text
    assert f"2. None. {GENERAL_MARK}\n" in text
    assert "1. Mine. ✎\n" in text
    assert "2. Mine, too. ✎ [1]\n" in text
    assert "1. Since when?\n" in text
    assert "2. Since when? [2]\n" in text
    assert text.count(texts(Language.ENGLISH).general) == 1


def test_the_legend_explains_only_marks_that_are_there() -> None:
    """Numbers where a line rests on something, the ring where one is general."""
    words = texts(Language.ENGLISH)
    assert words.rests_on in shown(cites(an_item("One."), 1))
    assert words.rests_on not in shown(an_item("One."))
    assert GENERAL_MARK not in shown(cites(an_item("One."), 1), an_item("Since when?", Kind.QUESTION))


def test_a_deleted_description_is_not_named() -> None:
    """Its link is gone the next time the note is shown, and what rested on it alone rests on nothing."""
    left = {id_: each for id_, each in CITED.items() if id_ != SOURCES[0].id}
    text = shown(cites(an_item("One."), 1), cites(an_item("Both."), 1, 2), cited=left)
    assert f"1. One. {GENERAL_MARK}\n" in text
    assert "2. Both. [2]\n" in text


def test_without_the_workspaces_address_numbers_stay() -> None:
    """A note does not wait for its links; and where evidence is not asked for, nothing is marked."""
    assert "1. One. [1]\n" in shown(cites(an_item("One."), 1), cited={SOURCES[0].id: Cited(1)})
    assert "1. One.\n" in shown(cites(an_item("One."), 1), cited=None)
    assert GENERAL_MARK not in shown(an_item("One."), cited=None)


def test_addresses_are_those_that_slack_gives() -> None:
    """A message of the channel, and one in a thread."""
    assert message_url(WORKSPACE, "C1", Source("1700000000.000100", "n", "1700000000.000100")).endswith("/archives/C1/p1700000000000100")
    reply = message_url(WORKSPACE, "C1", Source("1700000009.000100", "n", "1700000000.000100"))
    assert reply.endswith("/archives/C1/p1700000009000100?thread_ts=1700000000.000100&cid=C1")


@pytest.mark.parametrize("purpose", list(Purpose))
@pytest.mark.parametrize(
    "line", ["She says that work is too much. " * 12, "来访者说工作太多、夜晚太短，醒来以后再也睡不着。" * 130, "x" * 2700]
)
def test_sixty_items_with_three_links_each_fit(line: str, purpose: Purpose) -> None:
    """Every page is valid, no link is cut in two, none is lost."""
    items = [cites(an_item(f"{place}: {line}", list(Kind)[place % 3]), 38, 39, 40) for place in range(60)]
    found = pages(NoteView(a_note(a_revision(*items), purpose=purpose), Language.ENGLISH), CITED)
    for page in found:
        checked_blocks(list(page.blocks))
    text = "\n".join(block["text"]["text"] for page in found for block in page.blocks if block["type"] == "section")
    assert len(re.findall(r"<https://[^<>|\s]+\|\[\d+\]>", text)) == text.count("<") == 180
    plain = "\n".join(page.text for page in plain_pages(found, "No buttons."))
    assert plain.count("|[40]>") == 60


@pytest.mark.parametrize("as_copied", ["plainly", "with links"])
@pytest.mark.parametrize(
    ("words", "language"),
    [
        (("Sleep is short.", "Keep a diary.", "Since when?"), Language.ENGLISH),
        (("睡眠不足。", "请写睡眠日记。", "从什么时候开始？"), Language.CHINESE),
    ],
)
def test_a_copied_note_leaves_its_marks_behind(words: tuple[str, str, str], language: Language, as_copied: str) -> None:
    """Copied out of Slack and sent back, as text or with its links, the note is the same note."""
    texts = [words[0], words[1], f"{words[1]}2", words[2]]
    items = [cites(an_item(texts[0]), 1, 2), an_item(texts[1], Kind.ADVICE), cites(an_item(texts[2], Kind.ADVICE, Origin.COUNSELOR), 3)]
    items.append(cites(an_item(texts[3], Kind.QUESTION), 2))
    note = a_note(a_revision(*items[:2]), a_revision(*items, number=2, by=a_counselor()))
    blocks = [block for page in pages(NoteView(note, language), CITED) for block in page.blocks]
    linked = "\n".join(
        block["text"]["text"] if block["type"] == "section" else block["elements"][0]["text"]
        for block in blocks
        if block["type"] != "actions"
    )
    copied = (
        plain_blocks([block for block in blocks if block["type"] != "actions"]).replace(MENU, "")
        if as_copied == "plainly"
        else plain_text(linked)
    )
    assert GENERAL_MARK in copied
    assert "[3]" in copied
    assert [item.text for item in read_items(copied, items)] == texts
    assert read_reply(copied, items) is Reading.EDITED


def test_brackets_of_a_counselor_stay_where_the_note_shows_no_numbers() -> None:
    """Only in an answer to a note with numbered links is a number in brackets a mark."""
    assert read_items("- See the leaflet [2]", (an_item(),)) == (NoteItem(Kind.ADVICE, "See the leaflet [2]"),)
    assert read_items("- See the leaflet [2]", (cites(an_item(), 1),)) == (NoteItem(Kind.ADVICE, "See the leaflet"),)
