"""`/phyassist case` and the card's button: the form of a case is opened, and what somebody submits goes to the inbox."""

import json
import logging
import time
from datetime import UTC, datetime
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond

from bot.domain.audit import AuditAction, AuditEntry
from bot.slack import case_form
from bot.slack.calls import SlackRefused, attempt
from bot.slack.case_card import REOPEN_ACTION, SET_UP_ACTION
from bot.slack.commands import Status, rest_of
from bot.slack.parts import Parts
from bot.workflow.desk import find_case
from bot.workflow.incoming import CaseChanged, CaseSwitched
from bot.workflow.ports import Notice, Sign
from inference.note import Language

log = logging.getLogger(__name__)

Json = dict[str, Any]
_WISHES = {"close": True, "reopen": False}
"""What may stand behind the word, and whether the case is closed by it."""


class CaseForms:
    """The form of a case."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def register(self, app: AsyncApp) -> None:
        """Registers this group's listeners; the word itself is told in `listeners.py`."""
        app.view(case_form.CASE_VIEW)(self.submitted)
        app.action(SET_UP_ACTION)(self.set_up)
        app.action(REOPEN_ACTION)(self.reopen)

    async def command(self, ack: AsyncAck, respond: AsyncRespond, command: Json) -> None:
        """Opens the form; where the channel has no case, says so. `close` and `reopen` behind the word do that at once."""
        who = {"team_id": command["team_id"], "channel_id": command["channel_id"], "user_id": command["user_id"]}
        wish = rest_of(command).lower()
        if wish in _WISHES:
            await self._switch(who, _WISHES[wish], command["trigger_id"])
            await ack()
        elif not await self._open(ack, who, command["trigger_id"]):
            await Status(self._parts).command(ack, respond, command)

    async def set_up(self, ack: AsyncAck, body: Json) -> None:
        """The button of the card: opens the form."""
        who = _who(body)
        sign = await self._parts.guard.refusal(**who)
        if sign or not await self._open(ack, who, body["trigger_id"]):
            await ack()
            case = await find_case(self._parts.store, who["team_id"], who["channel_id"])
            language = case.case.language if case else self._parts.default_language
            await self._parts.messenger.tell(who["channel_id"], who["user_id"], Notice(sign or Sign.CASE_GONE, language))

    async def reopen(self, ack: AsyncAck, body: Json) -> None:
        """The button below the sentence that a case is closed."""
        await self._switch(_who(body), False, body["trigger_id"])
        await ack()

    async def _switch(self, who: dict[str, str], closed: bool, source: str) -> None:
        await self._parts.receive(CaseSwitched(**who, at=f"{time.time():.6f}", closed=closed, source=source))

    async def _open(self, ack: AsyncAck, who: dict[str, str], trigger_id: str) -> bool:
        """Acknowledges and opens the form for whoever asked for it; False, and nothing done, where the channel has no case."""
        file = await find_case(self._parts.store, who["team_id"], who["channel_id"])
        if file is None:
            return False
        await ack()
        seen = AuditEntry(datetime.now(UTC), who["team_id"], file.case.id, who["user_id"], AuditAction.VIEWED, detail="case_form")
        async with self._parts.store.begin() as uow:  # before anybody sees anything
            await uow.record(seen)
        view, opened = case_form.case_modal(file, self._parts.formats), None
        try:
            opened, _ = await attempt("views.open", lambda: self._parts.client.views_open(trigger_id=trigger_id, view=view))
        except SlackRefused as error:
            log.warning("the form of a case can't be opened: %s", error)
        if opened is None:
            await self._parts.messenger.tell(who["channel_id"], who["user_id"], Notice(Sign.PRESS_AGAIN, file.case.language))
        return True

    async def submitted(self, ack: AsyncAck, body: Json, view: Json) -> None:
        """A form that lacks something is sent back; a good one goes to the inbox before Slack closes it."""
        about = json.loads(view["private_metadata"])
        async with self._parts.store.begin() as uow:
            taken = {code for code, case_id in (await uow.codes(body["team"]["id"])).items() if case_id != about["case"]}
        language = Language(about["language"])
        entered = case_form.read_case_form(view["state"]["values"], language, datetime.now(UTC), about, taken)
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
                code=entered.setup.code,
                language=entered.setup.language,
                note_format=entered.setup.note_format,
                closed=entered.setup.closed,
            )
        )
        await ack()


def _who(body: Json) -> dict[str, str]:
    return {"team_id": body["team"]["id"], "channel_id": body["channel"]["id"], "user_id": body["user"]["id"]}
