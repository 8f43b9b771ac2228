"""Pieces as rows of the workbench: in which form, and how much of them."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import product

from training.corpora.pieces import Piece, key_of
from training.workbench.rows import Comparison, Conversation, PromptCompletion, Row, Text, Turn

HUMAN, ASSISTANT = "<HUMAN>:", "<ASSISTANT>:"
"""The markers of running text, as the mental-health chatbot set has them on the hub. The trainer adds the end-of-sequence token."""
PAIRS_A_QUESTION = 4
"""Comparisons that one question gives at most: a question with 20 answers would else give 190."""


def as_prompt_completion(piece: Piece) -> Row:
    """For today's trainers: the loss is on the answer."""
    return PromptCompletion(piece.prompt, piece.answer)


def as_text(piece: Piece) -> Row:
    """Running text with markers for who speaks, as the Falcon path learns it: the loss is on all of it."""
    return Text(f"{HUMAN} {piece.prompt}\n{ASSISTANT} {piece.answer}")


def as_conversation(piece: Piece) -> Row:
    """A conversation of one question and one answer."""
    return Conversation(piece.id, (Turn("user", piece.prompt), Turn("assistant", piece.answer)))


FORMS: Mapping[str, Callable[[Piece], Row]] = {
    "prompt-completion": as_prompt_completion,
    "text": as_text,
    "conversation": as_conversation,
}
"""Rows of one piece each, by the name of their form; `pairs_by_votes` makes those of the form `comparison`."""


def pairs_by_votes(pieces: Iterable[Piece], most: int = PAIRS_A_QUESTION) -> list[tuple[Piece, Piece]]:
    """Two answers to one question, of which readers found the first more helpful; per question those with the widest margins.

    They are biased: votes go to longer answers, and to earlier ones.
    """
    groups: defaultdict[str, list[Piece]] = defaultdict(list)
    for piece in pieces:
        if piece.votes is not None:
            groups[piece.group].append(piece)
    return [pair for group in groups.values() for pair in _widest(group, most)]


def as_comparison(better: Piece, worse: Piece) -> Row:
    """The two answers to the first one's question."""
    return Comparison(better.prompt, better.answer, worse.answer)


def _widest(group: Sequence[Piece], most: int) -> list[tuple[Piece, Piece]]:
    found = [
        (better, worse, margin)
        for better, worse in product(group, group)
        if (margin := (better.votes or 0) - (worse.votes or 0)) > 0 and key_of(better.answer) != key_of(worse.answer)
    ]
    return [(better, worse) for better, worse, _ in sorted(found, key=lambda pair: -pair[2])[:most]]
