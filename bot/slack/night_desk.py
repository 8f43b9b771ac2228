"""What admins work with, and how they are answered."""

import asyncio
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
from slack_bolt.async_app import AsyncRespond
from slack_sdk.errors import SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.audit import AuditAction, AuditEntry
from bot.slack.night_report import AdminChannel
from bot.workflow.adapters import Adapters
from bot.workflow.night_ports import NightStore
from bot.workflow.nights import Nights
from training.night.outcome import read_outcome

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class By:
    """Who did something."""

    team_id: str
    user_id: str


@dataclass(frozen=True)
class NightDesk:
    """What admins work with; built in `bot.app`."""

    nights: Nights
    adapters: Adapters
    report: AdminChannel
    store: NightStore
    home: Path
    timezone: str
    client: AsyncWebClient

    async def record(self, by: By, action: AuditAction, subject: str, detail: str = "") -> None:
        """One row of the audit."""
        async with self.store.begin() as uow:
            await uow.record(AuditEntry(datetime.now(UTC), by.team_id, None, by.user_id, action, subject, detail))

    async def show_end(self, name: str, remark: str = "") -> None:
        """The message of a night that ended shows what holds now; a `remark` says who did what, and stays until the next one."""
        if remark:
            await self.store.night_remark(name, remark)
        night = await self.store.night(name)
        outcome = await asyncio.to_thread(read_outcome, self.home / "nights" / name)
        if night and outcome:
            await self.report.show_end(night, outcome)


async def say(respond: AsyncRespond, text: str) -> None:
    """To the person alone, by the address that came with the act, which needs no membership of the channel."""
    try:
        await respond(text=text, response_type="ephemeral", replace_original=False)
    except (aiohttp.ClientError, SlackClientError, TimeoutError, ConnectionError) as error:
        log.warning("an admin could not be answered: %s", type(error).__name__)
