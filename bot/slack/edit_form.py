"""The form behind Edit: a field for each line of a note, on as many pages as it takes, and what somebody entered in it.

Slack takes 100 blocks and 250 kB of JSON a view, and 3,000 characters a field. A line that is longer has several fields. Pages are shown
in one view, one after the other; what was typed on the others is kept sealed in the store, because Slack sends only what is on the page.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.domain.note import Item, Note, Purpose, Revision
from bot.slack.blocks import INPUT_CHARS, Block, button, context, plain, text_input
from bot.slack.edit_texts import edit_texts
from bot.slack.texts import texts
from inference.note import Kind, Language, NoteItem, clean_text

EDIT_VIEW, LINE_VIEW = "edited_note", "edited_line"
PAGE_ACTION = "turn_page"
LINES_A_PAGE = 40
PAGE_BYTES = 150_000
"""Of all fields of a page as JSON, other alphabets escaped."""

Values = Mapping[str, Mapping[str, Mapping[str, Any]]]
Typed = Mapping[str, str]
"""What stands in fields, by their block ids."""
AS_IT_WAS: Typed = {}


@dataclass(frozen=True)
class LineField:
    """A field: the piece of a line that it holds, or, with no `place`, room for new lines of a kind."""

    kind: Kind
    place: int | None
    piece: int = 0
    text: str = ""
    number: int = 0
    """Of the line within its kind, counted from 1."""

    @property
    def block_id(self) -> str:
        """Its name."""
        return add_id(self.kind) if self.place is None else line_id(self.kind, self.place, self.piece)


def line_id(kind: Kind, place: int, piece: int = 0) -> str:
    """The field of a line, or of a piece of a long one; `place` counts the revision's items from 0."""
    return f"{kind}:{place}:{piece}"


def add_id(kind: Kind) -> str:
    """The field for new lines of a kind."""
    return f"{kind}:add"


def edit_modal(
    note: Note, revision: Revision | None, language: Language, channel_id: str, page: int = 0, typed: Typed = AS_IT_WAS
) -> Block:
    """A page of the form, on a revision of the note; `typed` is what stands in fields by now."""
    words, buttons = edit_texts(language), texts(language)
    pages = form_pages(revision.items if revision else (), language, typed)
    page = min(max(page, 0), len(pages) - 1)
    about = {"note": note.id, "channel": channel_id, "revision": revision.id if revision else None, "language": language, "page": page}
    help_text = words.help_answer if note.purpose is Purpose.ANSWER else words.help
    several = [context(words.pages.format(number=page + 1, of=len(pages)))] if len(pages) > 1 else []
    turns = [(page - 1, words.back, page > 0), (page + 1, words.next, page + 1 < len(pages))]
    turning = [button(f"{PAGE_ACTION}:{to}", text, str(to)) for to, text, possible in turns if possible]
    return {
        "type": "modal",
        "callback_id": EDIT_VIEW,
        "title": plain(words.title),
        "submit": plain(buttons.save),
        "close": plain(buttons.cancel),
        "notify_on_close": len(pages) > 1,
        "private_metadata": json.dumps(about),
        "blocks": [context(help_text), *several, *pages[page], *([{"type": "actions", "elements": turning}] if turning else [])],
    }


def line_modal(note: Note, revision: Revision, place: int, language: Language, channel_id: str) -> Block:
    """The form for one line. `place` counts the revision's items from 0."""
    words, buttons = edit_texts(language), texts(language)
    about = {"note": note.id, "channel": channel_id, "revision": revision.id, "language": language, "place": place}
    fields = [field for field in form_fields(revision.items) if field.place == place]
    blocks = [_block(field, language, AS_IT_WAS) for field in fields]
    return {
        "type": "modal",
        "callback_id": LINE_VIEW,
        "title": plain(words.one_title),
        "submit": plain(buttons.save),
        "close": plain(buttons.cancel),
        "private_metadata": json.dumps(about),
        "blocks": [*blocks[:-1], blocks[-1] | {"hint": plain(words.one_hint)}],
    }


def typed_in(values: Values) -> dict[str, str]:
    """What stands in the fields of a page, `values` being Slack's `view.state.values`; other fields of the view are left out."""
    found = ((block_id, action) for block_id, actions in values.items() for action in actions.values())
    return {block_id: action.get("value") or "" for block_id, action in found if _is_field(block_id)}


def read_form(items: Sequence[Item], typed: Typed) -> tuple[NoteItem, ...]:
    """The note as it was handed back: the lines of the revision unless fields say otherwise, and new ones after those of their kind."""
    return tuple(NoteItem(kind, line) for kind in Kind for line in _lines_of(kind, items, typed))


def read_line(items: Sequence[Item], place: int, typed: Typed) -> tuple[str, ...]:
    """What became of one line: itself, others, or none."""
    pieces = [field for field in form_fields(items) if field.place == place]
    entered = [typed.get(field.block_id, field.text) for field in pieces]
    if entered == [field.text for field in pieces]:
        return (items[place].text,)
    spaced = (
        text + " " if field.text.endswith(" ") and not text.endswith(" ") else text for field, text in zip(pieces, entered, strict=True)
    )
    return _clean("".join(spaced))


def form_fields(items: Sequence[Item]) -> tuple[LineField, ...]:
    """All fields in order: kind by kind the lines, then room for more."""
    found: list[LineField] = []
    for kind in Kind:
        places = [place for place, item in enumerate(items) if item.kind is kind]
        for number, place in enumerate(places, start=1):
            found += [LineField(kind, place, piece, text, number) for piece, text in enumerate(_pieces(items[place].text))]
        found.append(LineField(kind, None))
    return tuple(found)


def form_pages(items: Sequence[Item], language: Language, typed: Typed) -> list[list[Block]]:
    """The fields as blocks, in pages that Slack takes."""
    pages: list[list[Block]] = [[]]
    lines = used = 0
    for field in form_fields(items):
        # room is taken for the text of the revision and for what was typed, so that a field stays on its page whatever is typed in it
        block = _block(field, language, typed)
        size = len(json.dumps(_block(field, language, AS_IT_WAS)))
        if field.place is not None and pages[-1] and (lines == LINES_A_PAGE or used + size > PAGE_BYTES):
            pages.append([])
            lines = used = 0
        pages[-1].append(block)
        lines += field.place is not None
        used += size
    return pages


def _block(field: LineField, language: Language, typed: Typed) -> Block:
    words, heading = edit_texts(language), texts(language).headings[field.kind]
    text = typed.get(field.block_id, field.text)
    if field.place is None:
        return text_input(field.block_id, words.add.format(heading=heading), text) | {"hint": plain(words.add_hint)}
    return text_input(field.block_id, words.line.format(heading=heading, number=field.number), text)


def _pieces(text: str) -> Iterable[str]:
    """A line in pieces that fit a field; joined they are the line. Between words where it can be, each then with the space after it."""
    while len(text) > INPUT_CHARS:
        cut = text.rfind(" ", INPUT_CHARS // 2, INPUT_CHARS) + 1 or INPUT_CHARS
        yield text[:cut]
        text = text[cut:]
    yield text


def _lines_of(kind: Kind, items: Sequence[Item], typed: Typed) -> Iterable[str]:
    for place, item in enumerate(items):
        if item.kind is kind:
            yield from read_line(items, place, typed)
    yield from _clean(typed.get(add_id(kind), ""))


def _clean(text: str) -> tuple[str, ...]:
    return tuple(line for raw in text.splitlines() if (line := clean_text(raw)))


def _is_field(block_id: str) -> bool:
    return block_id.split(":", maxsplit=1)[0] in set(Kind) and ":" in block_id
