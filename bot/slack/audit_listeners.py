"""`/phyassist audit`: an admin gets the audit as files, in their own conversation with the bot, and whether its chain is sound."""

import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncRespond
from slack_sdk.errors import SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.audit import AuditAction, AuditEntry, Head
from bot.slack.audit_texts import audit_texts
from bot.slack.calls import SlackRefused, call
from bot.slack.night_desk import say
from bot.slack.roles import Role
from bot.workflow.audit_export import Export, NoSelection, Selection, export_audit, read_selection
from bot.workflow.deleting import DeletionStore
from inference.note import Language

log = logging.getLogger(__name__)

Json = dict[str, Any]


@dataclass(frozen=True)
class Audits:
    """The admins' word for the audit; `kept` reads the heads that were kept beside the database."""

    store: DeletionStore
    admins: Role
    client: AsyncWebClient
    kept: Callable[[], Awaitable[Iterable[Head]]]
    language: Language

    async def command(self, ack: AsyncAck, respond: AsyncRespond, command: Json) -> None:
        """Checks the chain, says the result, and sends the rows that are wanted. Who asked, and who was refused, is audited first."""
        words, user_id = audit_texts(self.language), command["user_id"]
        if not await self.admins.includes(user_id):
            await self._record(command, AuditAction.REFUSED, command["channel_id"], "audit:admins_only")
            await ack(words.admins_only)
            return
        entered = (command.get("text") or "").strip().partition(" ")[2]
        try:
            selection = read_selection(entered, await self._codes(command["team_id"]))
        except NoSelection:
            await ack(words.unclear)
            return
        await ack(words.working)
        await self._record(command, AuditAction.AUDIT_EXPORTED, selection.case_id or "", _period(selection))
        export = await export_audit(self.store, selection, await self.kept(), datetime.now(UTC), user_id)
        said = self._result(export)
        sent = await self._send(user_id, export, said)
        await say(respond, f"{said}\n{words.sent if sent else words.not_sent}")

    def _result(self, export: Export) -> str:
        words = audit_texts(self.language)
        if export.broken:
            log.error("the audit is not sound: row %d %s", export.broken.number, export.broken.fault)
            said = words.broken.format(number=export.broken.number, fault=words.faults[export.broken.fault])
        else:
            said = words.sound.format(number=export.head.number, hash=export.head.hash)
        return f"{said}\n{words.rows.format(number=export.rows)}"

    async def _send(self, user_id: str, export: Export, said: str) -> bool:
        name = f"audit-{datetime.now(UTC):%Y%m%d-%H%M%S}"
        files = [{"content": export.csv, "filename": f"{name}.csv"}, {"content": export.about, "filename": f"{name}.json"}]
        try:
            answer = await call("conversations.open", partial(self.client.conversations_open, users=user_id))
            channel_id = answer["channel"]["id"]
            await call("files.upload", partial(self.client.files_upload_v2, file_uploads=files, channel=channel_id, initial_comment=said))
        except (SlackRefused, SlackClientError) as error:
            log.error("the audit can't be sent: %s", error if isinstance(error, SlackRefused) else type(error).__name__)
            return False
        return True

    async def _codes(self, team_id: str) -> dict[str, str]:
        """The ids of all cases by their codes, those of deleted ones included."""
        deleted = {one.code: one.case_id for one in await self.store.deletions() if one.team_id == team_id}
        async with self.store.begin() as uow:
            return deleted | {case.code: case.id for case in await uow.cases() if case.team_id == team_id}

    async def _record(self, command: Json, action: AuditAction, subject: str, detail: str) -> None:
        entry = AuditEntry(datetime.now(UTC), command["team_id"], None, command["user_id"], action, subject, detail)
        async with self.store.begin() as uow:
            await uow.record(entry)


def _period(selection: Selection) -> str:
    return f"{selection.since[:10]}..{selection.until[:10]}" if selection.since else ""
