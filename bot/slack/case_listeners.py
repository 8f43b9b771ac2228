"""`/phyassist case`: the form of a case is opened, and what somebody submits goes to the inbox."""

import json
import logging
import time
from datetime import UTC, datetime
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond

from bot.slack import case_form
from bot.slack.calls import SlackRefused, attempt
from bot.slack.commands import Status
from bot.slack.parts import Parts
from bot.workflow.desk import find_case
from bot.workflow.incoming import CaseChanged
from bot.workflow.ports import Notice, Sign
from inference.note import Language

log = logging.getLogger(__name__)

Json = dict[str, Any]


class CaseForms:
    """The form of a case."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def register(self, app: AsyncApp) -> None:
        """Registers this group's listeners; the word itself is told in `listeners.py`."""
        app.view(case_form.CASE_VIEW)(self.submitted)

    async def command(self, ack: AsyncAck, respond: AsyncRespond, command: Json) -> None:
        """Opens the form; where the channel has no case, says so."""
        if not await self.open(ack, command):
            await Status(self._parts).command(ack, respond, command)

    async def open(self, ack: AsyncAck, command: Json) -> bool:
        """Acknowledges the command and opens the form for whoever entered it; False, and nothing done, where the channel has no case."""
        file = await find_case(self._parts.store, command["team_id"], command["channel_id"])
        if file is None:
            return False
        await ack()
        view, opened = case_form.case_modal(file), None
        try:
            opened, _ = await attempt("views.open", lambda: self._parts.client.views_open(trigger_id=command["trigger_id"], view=view))
        except SlackRefused as error:
            log.warning("the form of a case can't be opened: %s", error)
        if opened is None:
            await self._parts.messenger.tell(command["channel_id"], command["user_id"], Notice(Sign.PRESS_AGAIN, file.case.language))
        return True

    async def submitted(self, ack: AsyncAck, body: Json, view: Json) -> None:
        """A form that lacks something is sent back; a good one goes to the inbox before Slack closes it."""
        about = json.loads(view["private_metadata"])
        entered = case_form.read_case_form(view["state"]["values"], Language(about["language"]), datetime.now(UTC))
        if entered.errors:
            await ack(response_action="errors", errors=dict(entered.errors))
            return
        await self._parts.receive(
            CaseChanged(
                team_id=body["team"]["id"],
                channel_id=about["channel"],
                user_id=body["user"]["id"],
                at=f"{time.time():.6f}",
                case_id=about["case"],
                consent=entered.consent,
                names=entered.names,
                consents_seen=about["consents"],
                roster_seen=about["roster"],
                source=view["id"],
            )
        )
        await ack()
