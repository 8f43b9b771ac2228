"""What admins say about nights and adapters: commands, and the buttons under a night's report. Each press asks again who is an admin.

Slack gets its acknowledgement as soon as that is known; what takes longer is answered later, to the admin alone.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond
from slack_sdk.errors import SlackClientError

from bot.slack import night_views
from bot.slack.blocks import escape, moment
from bot.slack.night_report import AdminChannel
from bot.slack.roles import Admins
from bot.slack.texts import texts
from bot.workflow.adapters import Adapters
from bot.workflow.night_ports import NightStore
from bot.workflow.nights import Nights, Start, name_by_hand
from inference.errors import InferenceError
from inference.note import Language
from inference.registry import RESERVED_NAMES, Pointer
from training.night.outcome import read_outcome

log = logging.getLogger(__name__)

Json = dict[str, Any]
RETRAIN, ADAPTERS, PROMOTE, ROLLBACK = "retrain", "adapters", "promote", "rollback"
ADMIN_WORDS = frozenset({RETRAIN, ADAPTERS, PROMOTE, ROLLBACK})


@dataclass(frozen=True)
class NightDesk:
    """What admins work with; built in `bot.app`."""

    nights: Nights
    adapters: Adapters
    report: AdminChannel
    store: NightStore
    home: Path
    timezone: str


class NightListeners:
    """The admins' commands and buttons."""

    def __init__(self, desk: NightDesk, admins: Admins, language: Language) -> None:
        self._desk, self._admins, self._language = desk, admins, language
        self._words = texts(language).night
        self._changing = asyncio.Lock()

    def register(self, app: AsyncApp) -> None:
        """Registers the buttons; the commands are told in `listeners.py`."""
        app.action(night_views.PROMOTE_ACTION)(self.promote_pressed)
        app.action(night_views.ROLL_BACK_ACTION)(self.roll_back_pressed)

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
        await _say(respond, said)

    async def promote_pressed(self, ack: AsyncAck, respond: AsyncRespond, body: Json, action: Json) -> None:
        """Puts the night's adapter into service; pressed again, it changes nothing."""
        await self._pressed(ack, respond, body, action, self._desk.adapters.promote)

    async def roll_back_pressed(self, ack: AsyncAck, respond: AsyncRespond, body: Json, action: Json) -> None:
        """Takes the night's adapter out of service; pressed again, it changes nothing."""
        await self._pressed(ack, respond, body, action, self._desk.adapters.take_out)

    async def _pressed(
        self, ack: AsyncAck, respond: AsyncRespond, body: Json, action: Json, change: Callable[[str], Awaitable[Pointer]]
    ) -> None:
        await ack()
        user_id, name = body["user"]["id"], str(action["value"])
        if not await self._admins.includes(user_id):
            await _say(respond, self._words.admins_only)
            return
        said = await self._change(lambda: change(name))
        await _say(respond, said)
        await self._update(name, self._words.by_whom.format(what=said, who=f"<@{user_id}>", when=moment(datetime.now(UTC))))

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

    async def _update(self, name: str, remark: str) -> None:
        """The night's message shows who did what, and the button that fits now."""
        night = await self._desk.store.night(name)
        outcome = await asyncio.to_thread(read_outcome, self._desk.home / "nights" / name)
        if night and outcome:
            await self._desk.report.show_end(night, outcome, remark)


async def _say(respond: AsyncRespond, text: str) -> None:
    """To the person alone, by the address that came with the act, which needs no membership of the channel."""
    try:
        await respond(text=text, response_type="ephemeral", replace_original=False)
    except (aiohttp.ClientError, SlackClientError, TimeoutError, ConnectionError) as error:
        log.warning("an admin could not be answered: %s", type(error).__name__)
