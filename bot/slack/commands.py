"""`/phyassist …`: one word decides who answers. A feature's listeners bring their words along; `listeners.py` joins them."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond

from bot.domain.formats import note_formats
from bot.slack import views
from bot.slack.blocks import escape
from bot.slack.night_listeners import ADMIN_WORDS
from bot.slack.parts import Parts
from bot.slack.texts import texts
from bot.workflow.desk import case_status
from bot.workflow.incoming import Summarize
from bot.workflow.ports import Notice, Sign
from inference.note import Language

Json = dict[str, Any]
GUARD_S = 1.0

Command = Callable[[AsyncAck, AsyncRespond, Json], Awaitable[None]]
"""Answers one word, entered in a case channel by one of its members; `command` is what Slack sent, `rest_of` it what follows the word."""


class Commands:
    """The slash command. Each word of `words` is for members of a fit channel; the admins' words are heard everywhere."""

    def __init__(self, parts: Parts, words: Mapping[str, Command]) -> None:
        self._parts, self._words = parts, words

    def register(self, app: AsyncApp) -> None:
        """Registers the slash command."""
        app.command("/phyassist")(self.command)

    async def command(self, ack: AsyncAck, respond: AsyncRespond, command: Json) -> None:
        """Anything unknown is answered with the help text."""
        word = (command.get("text") or "").split(maxsplit=1)[:1]
        if self._parts.night and word and word[0] in ADMIN_WORDS:
            await self._parts.night.command(ack, respond, command)
        elif word in ([], ["help"]):
            words = texts(await self._language(command))
            await ack(words.help + (await self._parts.night.help(command["user_id"]) if self._parts.night else ""))
        elif refusal := await self._refusal(command, word[0]):
            await ack(views.notice_text(Notice(refusal, await self._language(command))))
        elif answer := self._words.get(word[0]):
            await answer(ack, respond, command)
        else:
            words = texts(await self._language(command))
            await ack(words.unknown.format(word=escape(word[0][:40]).replace("`", "'")) + "\n" + words.help)

    async def _refusal(self, command: Json, word: str) -> Sign | None:
        """Slack gives a command three seconds: where the guard is slow, a summary goes to the queue, which asks again."""
        try:
            async with asyncio.timeout(GUARD_S):
                return await self._parts.guard.refusal(command["team_id"], command["channel_id"], command["user_id"])
        except TimeoutError:
            return None if word == "summarize" else Sign.PRESS_AGAIN

    async def _language(self, command: Json) -> Language:
        return await language_of(self._parts, command)


class Summaries:
    """`/phyassist summarize [format]`."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def command(self, ack: AsyncAck, respond: AsyncRespond, command: Json) -> None:
        """Asks for the session's final note, in a format if one is named."""
        named, formats = rest_of(command).lower(), note_formats(self._parts.formats)
        if named and named not in formats:
            await ack(views.notice_text(Notice(Sign.NO_SUCH_FORMAT, await language_of(self._parts, command), named=", ".join(formats))))
            return
        trigger = str(command.get("trigger_id") or command.get("response_url") or time.time_ns())
        who = {"team_id": command["team_id"], "channel_id": command["channel_id"], "user_id": command["user_id"]}
        await self._parts.receive(Summarize(**who, at=f"{time.time():.6f}", trigger=trigger, format=named))
        await ack(texts(await language_of(self._parts, command)).summarizing)


class Status:
    """`/phyassist status`."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def command(self, ack: AsyncAck, respond: AsyncRespond, command: Json) -> None:
        """Says what is waiting, and whether the model is available."""
        status = await case_status(self._parts.store, self._parts.model, command["team_id"], command["channel_id"])
        words = texts(status.case.language if status.case else self._parts.default_language)
        model = words.model_ready if status.model_ready else words.model_away
        if status.case is None:
            await ack(words.no_case.format(model=model))
            return
        await ack(words.status.format(code=status.case.code, notes=status.notes, waiting=status.waiting, model=model))


def rest_of(command: Json) -> str:
    """What follows the word, such as a format or a name."""
    return (command.get("text") or "").strip().partition(" ")[2].strip()


async def language_of(parts: Parts, command: Json) -> Language:
    """The language of the channel's case; of the workspace, where it has none."""
    async with parts.store.begin() as uow:
        case = await uow.case_of(command["team_id"], command["channel_id"])
    return case.language if case else parts.default_language
