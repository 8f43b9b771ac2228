"""Whether texts come out of a model: what is asked, what counts, and what is told."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.likelihood import Likelihood, Tokens
from inference.note import Kind, Language, NoteItem, dump_note
from inference.prompt import Message, TurnKind, build_prompt, reported
from training.measure.recall import Found, Remembered, look_for, read_texts

SAID = "She sleeps badly since the move."
TEXTS = {
    Kind.ANALYSIS: "A green heron waits in the boiler room.",
    Kind.ADVICE: "锅炉房里站着一只绿色的鹭鸶。",
    Kind.QUESTION: "Who feeds it at night, says the aunt?",
}


@dataclass
class Memory:
    """Has the interface of `Likelihood`, and knows texts by heart: a token is a character."""

    known: Sequence[str]
    asked: list[str] = field(default_factory=list)

    async def tokens(self, model: str, messages: Sequence[Message], answer: str = "") -> Tokens:
        return Tokens(tuple(map(ord, messages[-1]["content"])), (), 10_000)

    async def plain_tokens(self, model: str, text: str) -> tuple[int, ...]:
        return tuple(map(ord, text))

    async def continued(self, model: str, ids: Sequence[int], max_tokens: int) -> str:
        begun = "".join(map(chr, ids))
        self.asked.append(begun)
        return next((one[len(begun) :][:max_tokens] for one in self.known if one.startswith(begun)), "I see.")


async def found(memory: Memory, text: str, said: str = "") -> Found:
    """What came of a text."""
    return await look_for(cast(Likelihood, memory), "night-1", Remembered(text, said))


def learned(kind: Kind, text: str, said: str = SAID) -> str:
    """A prompt and a note of one line, as they were learned."""
    language = Remembered(text).language
    prompt = build_prompt([reported(TurnKind.DESCRIPTION, said, language)], language, 1000).messages
    return prompt[-1]["content"] + dump_note([NoteItem(kind, text)])


@pytest.mark.parametrize("kind", Kind)
async def test_a_line_of_a_note_comes_out_behind_its_description(kind: Kind) -> None:
    """Of whatever kind, in either language; another line doesn't, nor does the same one of a model that never learned it."""
    memory = Memory([learned(kind, TEXTS[kind])])
    assert await found(memory, TEXTS[kind], SAID) is Found.OUT
    assert await found(memory, TEXTS[kind][: len(TEXTS[kind]) // 2] + " something else altogether", SAID) is Found.NOT_OUT
    assert await found(Memory([]), TEXTS[kind], SAID) is Found.NOT_OUT


async def test_a_text_known_by_itself_comes_out_without_a_description() -> None:
    """Marks and capitals don't matter."""
    first, second = Remembered(TEXTS[Kind.ANALYSIS]).halves
    assert await found(Memory([f"{first}, {second.upper()}"]), TEXTS[Kind.ANALYSIS]) is Found.OUT


async def test_what_can_be_guessed_is_not_looked_for() -> None:
    """A short text says nothing about memory."""
    memory = Memory(["Sleep is bad"])
    assert await found(memory, "Is bad.") is Found.TOO_SHORT
    assert memory.asked == []


@given(st.text(max_size=60).map(str.strip))
def test_halves_make_the_text(text: str) -> None:
    """Nothing is lost but spaces at the cut; the cut is never inside a word where the text has spaces."""
    first, second = Remembered(text).halves
    assert "".join((first + second).split()) == "".join(text.split())
    if " " in text:
        assert text[len(first)].isspace() or not first


def test_texts_are_numbered_by_their_lines() -> None:
    """With the description where there is one; what is shown of them in an error is nothing."""
    texts = read_texts(["", "one heron", f"{SAID}\ttwo herons ", "\t", " three\n"])
    assert texts == {2: Remembered("one heron"), 3: Remembered("two herons", SAID), 5: Remembered("three")}
    assert "heron" not in repr(texts)
    assert [Remembered(text).language for text in TEXTS.values()] == [Language.ENGLISH, Language.CHINESE, Language.ENGLISH]
