"""A conversation with a model: its memory, its answers as they come, and how they end. Nothing of it is kept anywhere but here.

    dialogue = Dialogue(model, style(None, model.has_template), ChatSettings())
    async for event in dialogue.ask("…"):
        match event:
            case Delta(text): …          # the next piece
            case Forgot(): …             # once: the beginning of the conversation no longer fits
            case Answered(text): …       # the last event; `text` is what the answer is from now on

Terminals and web pages show the same; neither is known here.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from itertools import count

from inference.client import Delta, Finished, FinishReason, Usage
from inference.trimming import UntilMarker, without_unfinished_sentence
from training.workbench.chatting.models import LanguageModel
from training.workbench.chatting.settings import ChatSettings
from training.workbench.chatting.styles import Exchange, Prompt, Style
from training.workbench.errors import WorkbenchError

_STOPPED = Finished(FinishReason.STOP, None)


@dataclass(frozen=True)
class Forgot:
    """The first turns of the conversation no longer fit into what the model can take; said once."""


@dataclass(frozen=True)
class Answered:
    """The whole answer: what was streamed, less an unfinished last sentence."""

    text: str
    trimmed: bool
    reason: FinishReason
    usage: Usage | None


@dataclass
class Dialogue:
    """A conversation of one person with one model."""

    model: LanguageModel
    style: Style
    settings: ChatSettings
    system: str = ""
    exchanges: list[Exchange] = field(default_factory=list)
    _forgot: bool = False

    async def ask(self, question: str) -> AsyncGenerator[Delta | Forgot | Answered]:
        """The answer to `question` as it is written. An answer that is left in the middle is remembered as far as it came.

        Raises:
            WorkbenchError: the question alone is too long.
            InferenceError: the model's server failed; the question is then as if it had not been asked.
        """
        question = question.encode(errors="replace").decode()  # halves of surrogate pairs, as a terminal may give, are no text
        limit = self.answer_tokens
        prompt, forgot = await self._prompt(question, self.model.context_tokens - limit)
        if forgot and not self._forgot:
            self._forgot = True
            yield Forgot()
        answer, end = "", _STOPPED
        try:
            async with aclosing(self._written(prompt, limit)) as events:
                async for event in events:
                    if isinstance(event, Finished):
                        end = event
                    else:
                        answer += event.text
                        yield event
        except (GeneratorExit, asyncio.CancelledError):
            self._remember(question, answer.rstrip())
            raise
        answered = self._ended(answer, end)
        self._remember(question, answered.text)
        yield answered

    @property
    def answer_tokens(self) -> int:
        """Tokens of an answer at most: as the settings say, and no more than half of what the model takes."""
        return min(self.settings.max_tokens, self.model.context_tokens // 2)

    def undo(self) -> bool:
        """Forget the last question and its answer; whether there was one."""
        if self.exchanges:
            self.exchanges.pop()
            return True
        return False

    def clear(self) -> None:
        """Forget all that was said."""
        self.exchanges.clear()
        self._forgot = False

    async def _prompt(self, question: str, room: int) -> tuple[Prompt, bool]:
        """The prompt with as many of the last turns as the settings and `room` tokens allow, and whether `room` was what left some out."""
        remembered = self.exchanges[-self.settings.memory :] if self.settings.memory else []
        for left_out in count():
            prompt = self.style.prompt(self.system, remembered[left_out:], question)
            tokens = await self.model.count(prompt)
            if tokens <= room:
                break
            if left_out >= len(remembered):
                raise WorkbenchError(
                    f"that message is {tokens} tokens long, and {room} have room beside the answer: shorten it, or lower max_tokens"
                )
        return prompt, left_out > 0

    async def _written(self, prompt: Prompt, limit: int) -> AsyncGenerator[Delta | Finished]:
        """What the model writes, from its first sign that isn't blank to a marker of the next turn."""
        until, begun = UntilMarker(self.style.stops), False
        sampling = self.settings.model_copy(update={"max_tokens": limit})
        async with aclosing(self.model.stream(prompt, sampling)) as events:
            async for event in events:
                text = until.rest() if isinstance(event, Finished) else until.feed(event.text)
                text = text if begun else text.lstrip()
                if text:
                    begun = True
                    yield Delta(text)
                if isinstance(event, Finished):
                    yield event
                elif until.reached:
                    yield _STOPPED
                    return

    def _ended(self, answer: str, end: Finished) -> Answered:
        whole = answer.rstrip()
        cut = self.settings.trim and end.reason is FinishReason.LENGTH
        text = without_unfinished_sentence(whole) if cut else whole
        return Answered(text, text != whole, end.reason, end.usage)

    def _remember(self, question: str, answer: str) -> None:
        """Keep the exchange, unless nothing was answered: chat templates take no empty turn."""
        if answer:
            self.exchanges.append(Exchange(question, answer))
