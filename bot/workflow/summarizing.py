"""What a session's final note is made from."""

from collections.abc import Sequence

from bot.domain.note import Item, Note, Origin, Purpose, same_text


def session_items(notes: Sequence[Note]) -> tuple[Item, ...]:
    """The items of all notes since the last approved summary, each said once, kinds in order of their notes.

    Where two notes say the same, a counselor's words win over the model's.
    """
    since = 0
    for index, note in enumerate(notes):
        if note.purpose is Purpose.SUMMARY and note.approval:
            since = index + 1
    found: list[Item] = []
    for note in notes[since:]:
        if note.purpose is Purpose.ANSWER:
            for item in note.items:
                _collect(found, item)
    return tuple(found)


def _collect(found: list[Item], item: Item) -> None:
    for index, other in enumerate(found):
        if item.origin is other.origin is Origin.COUNSELOR and item.text != other.text:
            continue  # "on Monday" and "on Sunday" look alike, and both are somebody's words
        if same_text(item.text, other.text):
            if item.origin is Origin.COUNSELOR:
                found[index] = item
            return
    found.append(item)
