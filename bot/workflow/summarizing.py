"""What a session's final note is made from."""

from collections.abc import Sequence

from bot.domain.note import Item, Note, Origin, Purpose, same_text


def session_notes(notes: Sequence[Note]) -> tuple[Note, ...]:
    """Of a case's notes, oldest first, those that are new or were changed since the last approved summary was drafted."""
    approved = [index for index, note in enumerate(notes) if note.purpose is Purpose.SUMMARY and note.approval]
    end = approved[-1] if approved else -1
    drafted_at = notes[end].revisions[0].created_at if approved else None
    return tuple(
        note
        for index, note in enumerate(notes)
        if note.purpose is Purpose.ANSWER and note.current and (drafted_at is None or index > end or note.current.created_at > drafted_at)
    )


def session_items(notes: Sequence[Note]) -> tuple[Item, ...]:
    """The items of a session's notes, each said once, in the order of their notes.

    Where two notes say the same, a counselor's words win over the model's.
    """
    found: list[Item] = []
    for note in session_notes(notes):
        for item in note.items:
            _collect(found, item)
    return tuple(found)


def dropped_in_session(notes: Sequence[Note]) -> tuple[str, ...]:
    """Texts that counselors took out of the session's notes and that stand in none of them now."""
    session = session_notes(notes)
    standing = {item.text for note in session for item in note.items}
    return tuple(text for note in session for text in note.dropped_texts() if text not in standing)


def _collect(found: list[Item], item: Item) -> None:
    for index, other in enumerate(found):
        if item.origin is other.origin is Origin.COUNSELOR and item.text != other.text:
            continue  # "on Monday" and "on Sunday" look alike, and both are somebody's words
        if same_text(item.text, other.text):
            if item.origin is Origin.COUNSELOR:
                found[index] = item
            return
    found.append(item)
