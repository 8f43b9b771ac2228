"""Following an approved note line by line: each line counts once, and what a model says after a line is compared with what stands there."""

import asyncio
from collections.abc import Callable, Sequence
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.likelihood import Likelihood, Tokens
from inference.note import Kind, NoteItem, dump_note, parse_additions, parse_partial
from inference.prompt import Message
from training.data.examples import Example, Source
from training.measure.followed import Followed, beginnings, followed

PROMPT = (0,)
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20).map(str.strip).filter(bool)
NOTES = st.lists(st.builds(NoteItem, st.sampled_from(Kind), TEXTS), max_size=6).map(lambda items: parse_additions(dump_note(items)))

NOTE = dump_note(
    [
        NoteItem(Kind.ANALYSIS, "Trouble sleeping since the move."),
        NoteItem(Kind.ADVICE, 'Suggest a diary: "when did I wake?"'),
        NoteItem(Kind.QUESTION, "夜里几点醒来？"),
    ]
)


class Characters:
    """A server whose tokens are characters, and whose model writes what `goes_on` says behind what stands."""

    def __init__(self, goes_on: Callable[[str], str], context: int = 10_000) -> None:
        self._goes_on, self._context = goes_on, context

    async def tokens(self, model: str, messages: Sequence[Message], answer: str = "") -> Tokens:
        return Tokens(PROMPT, tuple(map(ord, answer)), self._context)

    async def plain_tokens(self, model: str, text: str) -> tuple[int, ...]:
        return tuple(map(ord, text))

    async def continued(self, model: str, ids: Sequence[int], max_tokens: int) -> str:
        assert 0 < max_tokens <= self._context - len(ids)
        return self._goes_on("".join(map(chr, ids[len(PROMPT) :])))[:max_tokens]


def follow(answer: str, goes_on: Callable[[str], str], context: int = 10_000) -> Followed:
    """What is measured of a model that goes on so."""
    example = Example("case-1", (Message(role="user", content="Sleeps badly."),), answer, Source.EDIT, "night-1")
    return asyncio.run(followed(cast(Likelihood, Characters(goes_on, context)), "any", example))


@given(NOTES)
def test_each_beginning_holds_one_line_more(note: tuple[NoteItem, ...]) -> None:
    """Nothing first, then a line each, whole but for its closing mark."""
    begun = beginnings(dump_note(note))
    assert [parse_partial(beginning) for beginning in begun] == [note[:count] for count in range(len(note) + 1)]


@given(NOTES)
def test_who_writes_what_was_approved_has_nothing_to_change(note: tuple[NoteItem, ...]) -> None:
    """Every proposal stands there, and behind the last line nothing more is proposed."""
    answer = dump_note(note)
    assert follow(answer, lambda begun: answer[len(begun) :]) == Followed(0.0, 1.0)


def test_one_other_line_costs_once() -> None:
    """A first line that says something else spoils nothing behind it, since what follows is asked behind the approved one."""
    other = '{"analysis":["Quarrels about money.","Who decides?"],"advice":[],"questions":[]}'
    found = follow(NOTE, lambda begun: NOTE[len(begun) :] if begun else other)
    assert 0 < found.distance < 0.7
    assert found.kept_item_rate == pytest.approx(2 / 3)


def test_one_line_too_many_is_seen_where_a_list_ends() -> None:
    """The team wants one analysis, the model always has a second one."""
    more = '","And there is a second thing."],"advice":[],"questions":[]}'
    found = follow(NOTE, lambda begun: more if begun.endswith("move.") else NOTE[len(begun) :])
    assert 0 < found.distance < 1
    assert found.kept_item_rate == pytest.approx(2 / 3)


def test_more_behind_the_end_is_seen() -> None:
    """The approved note is over, and the model has another question."""
    found = follow(NOTE, lambda begun: '","And then?"]}' if begun.endswith("？") else NOTE[len(begun) :])
    assert 0 < found.distance < 0.5
    assert found.kept_item_rate == pytest.approx(3 / 4)


def test_who_writes_nothing_that_can_be_read_lacks_everything() -> None:
    """Prose behind a line is no next line."""
    found = follow(NOTE, lambda _: " I think, well, let me see")
    assert found.distance > 0.8


def test_the_context_is_never_exceeded() -> None:
    """Where no room is left, nothing is asked and nothing proposed."""
    context = len(NOTE) + len(PROMPT) - 10
    found = follow(NOTE, lambda begun: NOTE[len(begun) :], context)
    assert found.kept_item_rate == 1
    assert 0 <= found.distance < 1
