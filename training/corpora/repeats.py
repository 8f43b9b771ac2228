"""Rows that say nothing new: exact repetitions, dialogues that are the beginning of another one, and near-duplicates where asked for."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from training.corpora.tally import Tally
from training.workbench.rows import Comparison, Conversation, PromptCompletion, Row, Text

PART, NEAR = "the beginning of a longer dialogue", "nearly repeats a row before it"


class Repeats:
    """Tells rows that were there before; holds 16 bytes a row."""

    def __init__(self) -> None:
        self._seen: set[bytes] = set()

    def is_new(self, row: Row) -> bool:
        """Whether no row with the same texts came before; ids don't count."""
        key = _digest(texts_of(row))
        new = key not in self._seen
        self._seen.add(key)
        return new


def without_parts(rows: Sequence[Row], tally: Tally) -> list[Row]:
    """Rows less the dialogues that another row begins with. The loss is on every answer, so those would only be learned twice.

    The COVID doctor's files have each dialogue once for every answer in it, with the turns before in `history`.
    """
    parts = {part for row in rows if isinstance(row, Conversation) for part in _beginnings(row)}
    kept = [row for row in rows if not isinstance(row, Conversation) or _digest(texts_of(row)) not in parts]
    tally.dropped[PART] += len(rows) - len(kept)
    return kept


def without_near_repeats(rows: Sequence[Row], threshold: float, tally: Tally) -> list[Row]:
    """Rows less those that share `threshold` of their runs of three words (Jaccard; each Han character is a word) with one before them."""
    from training.data.mixing import Seen, shingles

    seen = Seen(threshold)
    kept = [row for row in rows if seen.add(shingles("\n".join(texts_of(row))))]
    tally.dropped[NEAR] += len(rows) - len(kept)
    return kept


def texts_of(row: Row) -> tuple[str, ...]:
    """All that a row says, in order; of conversations with who says it."""
    match row:
        case Conversation():
            return tuple(part for turn in row.messages for part in (turn.role, turn.content))
        case PromptCompletion():
            return row.prompt, row.completion
        case Comparison():
            return row.prompt, row.chosen, row.rejected
        case Text():
            return (row.text,)


def answers_of(row: Row) -> tuple[str, ...]:
    """What is learned from a row: the assistant's turns, the completion, the better answer; nothing of running text."""
    match row:
        case Conversation():
            return tuple(turn.content for turn in row.messages if turn.role == "assistant")
        case PromptCompletion():
            return (row.completion,)
        case Comparison():
            return (row.chosen,)
        case Text():
            return ()


def _beginnings(row: Conversation) -> Iterator[bytes]:
    for end, turn in enumerate(row.messages[:-1], start=1):
        if turn.role == "assistant":
            yield _digest(texts_of(Conversation("", row.messages[:end])))


def _digest(texts: Iterable[Any]) -> bytes:
    return hashlib.blake2b("\0".join(texts).encode(errors="surrogatepass"), digest_size=16).digest()
