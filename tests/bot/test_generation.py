"""From a prompt to an answer, whatever the model server does meanwhile."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from bot.workflow import generation
from bot.workflow.generation import Answer, NoAnswer, Request, generate, when_ready
from inference.client import Delta, Finished, FinishReason, Usage
from inference.errors import InferenceError, ModelRefused, ModelUnavailable, StreamBroken
from inference.note import Kind, NoteItem, note_schema
from inference.prompt import Message
from tests.support.fakes import ScriptedModel

WHOLE = '{"analysis":["One","Two"],"advice":["Three"],"questions":["Four?"]}'
ITEMS = (
    NoteItem(Kind.ANALYSIS, "One"), NoteItem(Kind.ANALYSIS, "Two"), NoteItem(Kind.ADVICE, "Three"), NoteItem(Kind.QUESTION, "Four?"),
)  # fmt: skip


@dataclass
class StubbornModel(ScriptedModel):
    """A scripted model whose reasons to stop are scripted as well, and which is away for a number of questions."""

    finishes: list[FinishReason | None] = field(default_factory=list)
    away: int = 0
    questions: int = 0
    limits_given: list[int] = field(default_factory=list)

    async def stream(
        self, messages: Sequence[Message], *, model: str, max_tokens: int, schema: Mapping[str, Any] | None,
        priority: int = 0, cache_salt: str | None = None, temperature: float | None = None,
    ) -> AsyncIterator[Delta | Finished]:  # fmt: skip
        self.limits_given.append(max_tokens)
        reason = self.finishes.pop(0) if self.finishes else FinishReason.STOP
        async for event in super().stream(messages, model=model, max_tokens=max_tokens, schema=schema):
            if isinstance(event, Delta):
                yield event
            elif reason is not None:
                yield Finished(reason, Usage(1, 7, None))

    async def ready(self) -> bool:
        self.questions += 1
        return self.questions > self.away


@dataclass
class Watcher:
    """Remembers what it was told, in order."""

    told: list[str] = field(default_factory=list)

    def wrote(self, text: str) -> None:
        if self.told[-1:] != ["wrote"]:
            self.told.append("wrote")

    async def waiting(self) -> None:
        self.told.append("waiting")

    async def interrupted(self) -> None:
        self.told.append("interrupted")


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for seconds here."""
    monkeypatch.setattr(generation, "POLL_S", (0.01, 0.02))


def a_request(may_be_empty: bool = False) -> Request:
    """A request for a note, or for additions to one."""
    return Request([Message(role="user", content="…")], "phyassist", 100, note_schema(0 if may_be_empty else 1), may_be_empty)


async def answer_of(*answers: object, may_be_empty: bool = False, **model: Any) -> tuple[Answer, Watcher, StubbornModel]:
    """The answer, what the watcher was told, and the model."""
    stubborn, watcher = StubbornModel(list(answers), **model), Watcher()  # type: ignore[arg-type]  # tests script freely
    return await generate(stubborn, a_request(may_be_empty), watcher), watcher, stubborn


async def test_a_whole_answer_is_taken_as_it_is() -> None:
    """One stream, one note, with the length which the server counted."""
    answer, watcher, model = await answer_of(WHOLE)
    assert answer == Answer(ITEMS, Usage(1, 7, None))
    assert watcher.told == ["wrote"]
    assert len(model.prompts) == 1


@pytest.mark.parametrize("broken", [StreamBroken("gone"), None])
async def test_a_broken_stream_is_written_again(broken: Exception | None) -> None:
    """Whether the connection breaks or the stream just ends, what came is withdrawn and the same prompt is asked again."""
    finishes = [None, FinishReason.STOP] if broken is None else []
    answer, watcher, model = await answer_of(broken or '{"analysis":["Half', WHOLE, finishes=finishes, away=2)
    assert answer.items == ITEMS
    assert watcher.told == ["wrote", "interrupted", "wrote"]
    assert model.questions == 3
    assert model.prompts[0] == model.prompts[1]


async def test_a_prompt_that_breaks_the_server_each_time_is_given_up() -> None:
    """The third break in a row ends in an honest error rather than in a server that is brought down for ever."""
    with pytest.raises(NoAnswer):
        await answer_of(*[StreamBroken("gone")] * 5)


@pytest.mark.parametrize("bad", ["no json", '{"analysis":[]}', '{"analysis":[],"advice":[],"questions":[]}', "[]", "", '"text"', "null"])
async def test_an_unreadable_answer_is_written_once_more(bad: str) -> None:
    """One bad answer is withdrawn and repeated with more room; the second ends it."""
    answer, watcher, model = await answer_of(bad, WHOLE)
    assert answer.items == ITEMS
    assert "interrupted" in watcher.told
    assert model.limits_given == [100, 200]
    with pytest.raises(NoAnswer):
        await answer_of(bad, bad, WHOLE)


async def test_an_answer_cut_off_keeps_its_whole_items() -> None:
    """The token limit costs the item that was being written and nothing else."""
    answer, watcher, _ = await answer_of('{"analysis":["One","Two"],"advice":["Three"],"questions":["Fo', finishes=[FinishReason.LENGTH])
    assert answer.items == ITEMS[:3]
    assert "interrupted" not in watcher.told


async def test_an_answer_that_ends_exactly_at_the_limit_is_whole() -> None:
    """A complete note loses no item, even if the server says that the limit ended it."""
    answer, _, _ = await answer_of(WHOLE, finishes=[FinishReason.LENGTH])
    assert answer.items == ITEMS


async def test_an_answer_cut_off_too_early_is_written_with_more_room() -> None:
    """A beginning that is no note is not passed off as one."""
    answer, _, model = await answer_of('{"analysis":["On', WHOLE, finishes=[FinishReason.LENGTH])
    assert answer.items == ITEMS
    assert model.limits_given == [100, 200]


async def test_additions_may_be_none() -> None:
    """After an edited answer the model may have nothing to add; a note without items is still no note."""
    nothing = '{"analysis":[],"advice":[],"questions":[]}'
    answer, _, _ = await answer_of(nothing, may_be_empty=True)
    assert answer.items == ()
    with pytest.raises(NoAnswer):
        await answer_of(nothing, nothing)


@pytest.mark.parametrize("error", [ModelUnavailable("down"), ModelRefused("too long")])
async def test_what_is_not_its_business_is_passed_on(error: InferenceError) -> None:
    """A server that is away and a request that is refused are for others to handle."""
    with pytest.raises(type(error)):
        await answer_of(error)


async def test_a_server_that_is_away_is_waited_for() -> None:
    """However long the server is down, the question is asked when it is back, and people are told meanwhile."""
    model, watcher, tries = StubbornModel([], away=5), Watcher(), iter([ModelUnavailable("down"), ModelUnavailable("starting"), None])

    async def ask() -> str:
        error = next(tries)
        if error:
            raise error
        return "answer"

    assert await when_ready(model, watcher, ask) == "answer"
    assert watcher.told == ["waiting", "waiting"]
    assert model.questions >= 6


async def test_json_and_orders_inside_an_item_stay_text() -> None:
    """Brackets, quotes and control characters inside an item neither break the reading nor reach the page."""
    text = '{"analysis":["He said \\"{\\\\\\"advice\\\\\\": []}\\""],"advice":["a\\u0000b\\nc"],"questions":["Ｗｈｙ？"]}'
    answer, _, _ = await answer_of(text)
    assert [item.text for item in answer.items] == ['He said "{\\"advice\\": []}"', "a b c", "Ｗｈｙ？"]
