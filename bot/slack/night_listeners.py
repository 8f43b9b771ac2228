"""What admins say about nights and adapters: commands, and the buttons under a night's report. Each press asks again who is an admin.

Slack gets its acknowledgement as soon as that is known; what takes longer is answered later, to the admin alone.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond

from bot.slack import night_views
from bot.slack.blind_listeners import BlindNotes
from bot.slack.blocks import escape, moment
from bot.slack.night_desk import NightDesk, say
from bot.slack.night_texts import night_texts
from bot.slack.roles import Role
from bot.workflow.nights import Start, name_by_hand
from inference.errors import InferenceError
from inference.note import Language
from inference.registry import RESERVED_NAMES, Pointer

log = logging.getLogger(__name__)

Json = dict[str, Any]
RETRAIN, ADAPTERS, PROMOTE, ROLLBACK = "retrain", "adapters", "promote", "rollback"
ADMIN_WORDS = frozenset({RETRAIN, ADAPTERS, PROMOTE, ROLLBACK})


class NightListeners:
    """The admins' commands and buttons."""

    def __init__(self, desk: NightDesk, admins: Role, language: Language) -> None:
        self._desk, self._admins, self._language = desk, admins, language
        self._words = night_texts(language)
        self._changing = asyncio.Lock()
        self._blind = BlindNotes(desk, admins, language)

    def register(self, app: AsyncApp) -> None:
        """Registers the buttons; the commands are told in `listeners.py`."""
        app.action(night_views.PROMOTE_ACTION)(self.promote_pressed)
        app.action(night_views.ROLL_BACK_ACTION)(self.roll_back_pressed)
        app.action(night_views.LEAVE_ACTION)(self.leave_pressed)
        self._blind.register(app)

    async def help(self, user_id: str) -> str:
        """What admins read below everybody's help; nothing for others."""
        return "\n\n" + self._words.help if await self._admins.includes(user_id) else ""

    async def command(self, ack: AsyncAck, respond: AsyncRespond, command: Json) -> None:
        """One of the admins' words."""
        if not await self._admins.includes(command["user_id"]):
            await ack(self._words.admins_only)
            return
        word, _, rest = (command.get("text") or "").strip().partition(" ")
        name = rest.strip().strip("`")
        if word == PROMOTE and not name:
            await ack(self._words.name_missing)
            return
        await ack(self._words.working if word in {PROMOTE, ROLLBACK} else "")
        match word:
            case "retrain":
                said = await self._retrain(command["user_id"])
            case "adapters":
                listing, pointer = await self._desk.adapters.listing(), await self._desk.adapters.pointer()
                said = night_views.adapter_list(listing, pointer, self._language)
            case "promote":
                wanted = None if name in RESERVED_NAMES else name
                said = await self._change(lambda: self._desk.adapters.promote(wanted))
            case _:
                said = await self._change(self._desk.adapters.rollback)
        await say(respond, said)

    async def promote_pressed(self, ack: AsyncAck, respond: AsyncRespond, body: Json, action: Json) -> None:
        """Puts the night's adapter into service; pressed again, it changes nothing."""
        await self._pressed(ack, respond, body, action, lambda name: self._change(lambda: self._desk.adapters.promote(name)))

    async def roll_back_pressed(self, ack: AsyncAck, respond: AsyncRespond, body: Json, action: Json) -> None:
        """Takes the night's adapter out of service; pressed again, it changes nothing."""
        await self._pressed(ack, respond, body, action, lambda name: self._change(lambda: self._desk.adapters.take_out(name)))

    async def leave_pressed(self, ack: AsyncAck, respond: AsyncRespond, body: Json, action: Json) -> None:
        """Changes nothing; the message says who decided so. The adapter can still be promoted."""
        await self._pressed(ack, respond, body, action, self._left)

    async def _pressed(self, ack: AsyncAck, respond: AsyncRespond, body: Json, action: Json, act: Callable[[str], Awaitable[str]]) -> None:
        await ack()
        user_id, name = body["user"]["id"], str(action["value"])
        if not await self._admins.includes(user_id):
            await say(respond, self._words.admins_only)
            return
        said = await act(name)
        await say(respond, said)
        await self._desk.show_end(name, self._words.by_whom.format(what=said, who=f"<@{user_id}>", when=moment(datetime.now(UTC))))

    async def _left(self, name: str) -> str:
        return night_views.left_alone(name, await self._desk.adapters.pointer(), self._language)

    async def _retrain(self, user_id: str) -> str:
        name = name_by_hand(self._desk.timezone, datetime.now(UTC))
        start = await self._desk.nights.start(name, user_id)
        log.info("%s asked for %s: %s", user_id, name, start)
        return self._words.starts[Start(start)].format(name=name)

    async def _change(self, change: Callable[[], Awaitable[Pointer]]) -> str:
        """What holds afterwards, or why nothing was done."""
        try:
            async with self._changing:
                return night_views.in_service(await change(), self._language)
        except InferenceError as error:
            log.warning("a change of adapters was refused: %s", error)
            return self._words.cannot.format(reason=escape(str(error)))
