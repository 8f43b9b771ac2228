"""`/phyassist case delete`: the form is opened for supervisors and admins, and what somebody submits goes to the inbox.

It is heard in every channel: a case must be deletable when its channel is archived, shared or gone. So a code can be named, too.
"""

import json
import logging
import time
from datetime import UTC, datetime
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond

from bot.domain.audit import AuditAction, AuditEntry
from bot.domain.case import Case
from bot.slack.blocks import escape
from bot.slack.calls import SlackRefused, attempt
from bot.slack.commands import rest_of
from bot.slack.deletion_texts import deletion_texts
from bot.slack.deletion_views import CODE, DELETION_VIEW, deletion_modal, typed_code
from bot.slack.night_desk import say
from bot.slack.parts import Parts
from bot.slack.texts import texts
from bot.workflow.deleting import may_delete
from bot.workflow.incoming import DeleteCase, deletion_queue
from bot.workflow.ports import Sign
from inference.note import Language

log = logging.getLogger(__name__)

Json = dict[str, Any]


class CaseDeletions:
    """The command and its form."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def register(self, app: AsyncApp) -> None:
        """Registers the form; the command itself is told in `listeners.py`."""
        app.view(DELETION_VIEW)(self.submitted)

    async def command(self, ack: AsyncAck, respond: AsyncRespond, command: Json) -> None:
        """Opens the form for the case of the channel, or for the one whose code is named."""
        case, code = await self._found(command)
        language = case.language if case else self._parts.default_language
        words = deletion_texts(language)
        if not await may_delete(self._parts.roles, command["user_id"]):
            await self._refused(command, case)
            await ack(texts(language).signs[Sign.NOT_SUPERVISOR])
        elif case is None:
            await ack(words.unknown_code.format(code=f"`{escape(code[:40])}`".replace("``", "`")) if code else words.no_case)
        else:
            await ack()
            view, opened = deletion_modal(case, command["channel_id"], language), None
            try:
                opened, _ = await attempt("views.open", lambda: self._parts.client.views_open(trigger_id=command["trigger_id"], view=view))
            except SlackRefused as error:
                log.warning("the form that deletes a case can't be opened: %s", error)
            if opened is None:
                await say(respond, texts(language).signs[Sign.PRESS_AGAIN])

    async def submitted(self, ack: AsyncAck, body: Json, view: Json) -> None:
        """Another code is sent back; the right one goes to the inbox before Slack closes the form."""
        about = json.loads(view["private_metadata"])
        if typed_code(view["state"]["values"]) != about["code"]:
            wrong = deletion_texts(Language(about["language"])).code_wrong.format(code=about["code"])
            await ack(response_action="errors", errors={CODE: wrong})
            return
        await self._parts.receive(
            DeleteCase(
                team_id=body["team"]["id"],
                channel_id=deletion_queue(about["case"]),
                user_id=body["user"]["id"],
                at=f"{time.time():.6f}",
                case_id=about["case"],
                entered_in=about["channel"],
                language=about["language"],
                source=view["id"],
            )
        )
        await ack()

    async def _found(self, command: Json) -> tuple[Case | None, str]:
        """The case that is meant, and the code that was named, if any."""
        code = rest_of(command).partition(" ")[2].strip().strip("`")
        async with self._parts.store.begin() as uow:
            if not code:
                return await uow.case_of(command["team_id"], command["channel_id"]), ""
            ours = [case for case in await uow.cases() if case.team_id == command["team_id"] and case.code.casefold() == code.casefold()]
        return (ours[0] if len(ours) == 1 else None), code

    async def _refused(self, command: Json, case: Case | None) -> None:
        case_id, refused = case.id if case else None, f"delete_case:{Sign.NOT_SUPERVISOR}"
        who, where = command["user_id"], command["channel_id"]
        entry = AuditEntry(datetime.now(UTC), command["team_id"], case_id, who, AuditAction.REFUSED, where, refused)
        async with self._parts.store.begin() as uow:
            await uow.record(entry)
