"""How the demo reads notes off the screen, and fills in forms."""

from dataclasses import replace

from bot.domain.evidence import Source
from bot.domain.note import Origin
from bot.slack.edit_form import edit_modal, read_form
from bot.slack.evidence_views import Cited
from bot.slack.permalinks import message_url
from bot.slack.views import pages
from bot.workflow.ports import NoteView
from deploy.demo.scene import entries, items_of
from deploy.sandbox.seen import Posted
from inference.note import Kind, Language, NoteItem
from tests.support.builders import a_counselor, a_note, a_revision, an_item

SOURCE = Source("1700000001.000100", "note", "1700000000.000100")
CITED = {SOURCE.id: Cited(1, message_url("https://team.slack.com", "C0CASE", SOURCE))}
MINE = an_item("My own words <b> & more.", Kind.ADVICE, Origin.COUNSELOR)
ITEMS = (replace(an_item("Sleep is short."), evidence=(SOURCE.id,)), replace(MINE, evidence=(SOURCE.id,)), an_item("Why?", Kind.QUESTION))
NOTE = a_note(a_revision(*ITEMS[:1]), a_revision(*ITEMS, number=2, by=a_counselor()))
WORDS = tuple(NoteItem(item.kind, item.text) for item in ITEMS)


def test_items_are_read_without_the_marks_after_them() -> None:
    """Whose words they are and what they rest on is none of their text: what is handed back are the same items."""
    blocks = [block for page in pages(NoteView(NOTE, Language.ENGLISH), CITED) for block in page.blocks]
    shown = Posted.of({"ts": "1.0", "text": "", "blocks": blocks})
    assert "|[1]>" in str(shown.blocks)
    assert items_of(shown) == WORDS


def test_a_form_keeps_what_is_wished() -> None:
    """Lines that stay are left as they are, others emptied, new ones added."""
    view = edit_modal(NOTE, NOTE.current, Language.ENGLISH, "C0CASE")
    wished = (*WORDS[1:], NoteItem(Kind.ADVICE, "One more."))
    entered = entries(view, wished)
    assert [text for block_id, text in entered.items() if text and ":add" not in block_id] == [item.text for item in WORDS[1:]]
    assert set(read_form(ITEMS, entered)) == set(wished)
