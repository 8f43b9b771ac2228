"""A model and a Slack that do what a test says, with the same interfaces as the real ones."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.domain.case import Case, Suspension
from bot.domain.note import Note
from bot.domain.shared_file import SharedFile
from bot.workflow.ports import Content, Notice, PartialNote, Sign
from inference.client import Delta, Finished, FinishReason, ModelLimits, Usage
from inference.errors import StreamBroken
from inference.note import Language, NoteItem, dump_note
from inference.prompt import Message


@dataclass
class ScriptedModel:
    """Answers with `answers` in turn: items, raw text, or an error to raise in mid-stream."""

    answers: list[Sequence[NoteItem] | str | Exception]
    context_tokens: int = 4096
    prompts: list[Sequence[Message]] = field(default_factory=list)
    read_ahead: list[Sequence[Message]] = field(default_factory=list)
    """Prompts that were only to be read, for later."""
    finish: FinishReason = FinishReason.STOP
    asked: list[str] = field(default_factory=list)
    """Names of the models that were to answer."""
    schemas: list[Mapping[str, Any] | None] = field(default_factory=list)
    """What each answer was held to."""
    temperatures: list[float | None] = field(default_factory=list)

    async def stream(
        self,
        messages: Sequence[Message],
        *,
        model: str,
        max_tokens: int,
        schema: Mapping[str, Any] | None,
        priority: int = 0,
        cache_salt: str | None = None,
        temperature: float | None = None,
    ) -> AsyncIterator[Delta | Finished]:
        if max_tokens == 1:
            self.read_ahead.append(messages)
            yield Finished(FinishReason.LENGTH, None)
            return
        self.prompts.append(messages)
        self.asked.append(model)
        self.schemas.append(schema)
        self.temperatures.append(temperature)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            if isinstance(answer, StreamBroken):
                yield Delta('{"analysis":["Half an')
            raise answer
        text = answer if isinstance(answer, str) else dump_note(answer)
        for start in range(0, len(text), 16):
            yield Delta(text[start : start + 16])
        yield Finished(self.finish, Usage(len(str(messages)) // 4, len(text) // 4, None))

    async def count_tokens(self, text: str) -> int:
        return len(text) // 4

    async def limits(self, model: str) -> ModelLimits:
        return ModelLimits(self.context_tokens, (model,))

    async def ready(self) -> bool:
        return True


@dataclass
class SeenChannel:
    """Remembers what people would see: the newest content of each slot, and every notice."""

    shown: dict[str, Content] = field(default_factory=dict)
    notices: list[Sign] = field(default_factory=list)
    partials: list[PartialNote] = field(default_factory=list)
    signs: list[Sign] = field(default_factory=list)
    greetings: list[Sign] = field(default_factory=list)
    """What the whole channel was told, once each."""
    warnings: list[tuple[str | None, Sign]] = field(default_factory=list)

    async def show(self, case: Case, note: Note, slot: str, content: Content) -> None:
        self.shown[slot] = content
        if isinstance(content, Notice):
            self.signs.append(content.sign)

    async def show_partial(self, case: Case, note: Note, slot: str, content: PartialNote) -> None:
        self.shown[slot] = content
        self.partials.append(content)

    async def tell(self, channel_id: str, user_id: str, notice: Notice, thread_ts: str | None = None) -> None:
        self.notices.append(notice.sign)

    async def greet(self, channel_id: str, greeting_id: str, notice: Notice) -> None:
        self.greetings.append(notice.sign)

    async def warn(self, user_id: str | None, notice: Notice) -> None:
        self.warnings.append((user_id, notice.sign))

    async def language_of(self, user_id: str) -> Language | None:
        return None

    async def working(self, channel_id: str, thread_ts: str | None, language: Language) -> None:
        pass


class NoPeople:
    """Nobody's name is known."""

    async def name(self, user_id: str) -> str:
        return ""


class NoFiles:
    """No file is taken."""

    async def share(self, case: Case, note: Note, files: Sequence[SharedFile], comment: Notice) -> bool:
        return False


class NoRoles:
    """Everybody is a counselor."""

    async def is_admin(self, user_id: str) -> bool:
        return False

    async def is_supervisor(self, user_id: str) -> bool:
        return False


_STANDING = {
    Sign.NOT_INVITED: Suspension.REMOVED,
    Sign.NOT_PRIVATE: Suspension.PUBLIC,
    Sign.SHARED: Suspension.SHARED,
    Sign.GUEST_MEMBER: Suspension.GUEST,
    Sign.ARCHIVED: Suspension.ARCHIVED,
}


class OpenGuard:
    """Lets everybody in, or refuses everybody with one sign."""

    def __init__(self, sign: Sign | None = None) -> None:
        self.sign = sign

    async def refusal(self, team_id: str, channel_id: str, user_id: str) -> Sign | None:
        return self.sign

    async def standing(self, channel_id: str) -> Suspension | None:
        return _STANDING.get(self.sign) if self.sign else None
