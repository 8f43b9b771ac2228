"""`/phyassist …`: one word decides who answers. A feature's listeners bring their words along; `listeners.py` joins them."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond

from bot.domain.audit import AuditAction, AuditEntry
from bot.domain.formats import note_formats
from bot.slack import views
from bot.slack.blocks import escape
from bot.slack.night_listeners import ADMIN_WORDS
from bot.slack.parts import Parts
from bot.slack.status_views import model_line, status_blocks, status_text
from bot.slack.texts import texts
from bot.workflow.incoming import Summarize
from bot.workflow.ports import Notice, Sign
from bot.workflow.status import model_now, status_of
from inference.note import Language

Json = dict[str, Any]
GUARD_S = 1.0

Command = Callable[[AsyncAck, AsyncRespond, Json], Awaitable[None]]
"""Answers one word, entered in a case channel by one of its members; `command` is what Slack sent, `rest_of` it what follows the word."""


class Commands:
    """The slash command. Each word of `words` is for members of a fit channel; the admins' words are heard everywhere, and so are those of
    `everywhere`, which may be two words."""

    def __init__(self, parts: Parts, words: Mapping[str, Command], everywhere: Mapping[str, Command] | None = None) -> None:
        self._parts, self._words, self._everywhere = parts, words, everywhere or {}

    def register(self, app: AsyncApp) -> None:
        """Registers the slash command."""
        app.command("/phyassist")(self.command)

    async def command(self, ack: AsyncAck, respond: AsyncRespond, command: Json) -> None:
        """Anything unknown is answered with the help text."""
        word = (command.get("text") or "").split(maxsplit=1)[:1]
        if self._parts.night and word and word[0] in ADMIN_WORDS:
            await self._parts.night.command(ack, respond, command)
        elif heard := self._everywhere.get(" ".join((command.get("text") or "").split()[:2])) or self._everywhere.get("".join(word)):
            await heard(ack, respond, command)
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
        """Says what waits in the case, which questions are open, and whether the model is available."""
        store, team_id = self._parts.store, command["team_id"]
        status, model = await status_of(store, team_id, command["channel_id"]), await model_now(self._parts.model, self._parts.learning)
        if status is None:
            language = self._parts.default_language
            await ack(texts(language).no_case.format(model=model_line(model, language)))
            return
        case = status.overview.case
        async with store.begin() as uow:
            await uow.record(AuditEntry(datetime.now(UTC), team_id, case.id, command["user_id"], AuditAction.VIEWED, "", "status"))
        url = await self._parts.home.workspace_url() if self._parts.home else ""
        await ack(text=status_text(status), blocks=status_blocks(status, model, url))


def rest_of(command: Json) -> str:
    """What follows the word, such as a format or a name."""
    return (command.get("text") or "").strip().partition(" ")[2].strip()


async def language_of(parts: Parts, command: Json) -> Language:
    """The language of the channel's case; of the workspace, where it has none."""
    async with parts.store.begin() as uow:
        case = await uow.case_of(command["team_id"], command["channel_id"])
    return case.language if case else parts.default_language
