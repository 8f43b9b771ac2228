"""`/phyassist questions`, and the button that leads there: the modal is opened, and what somebody ticks off goes to the inbox."""

import json
import time
from datetime import UTC, datetime
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond

from bot.domain.audit import AuditAction, AuditEntry
from bot.slack.commands import Status
from bot.slack.modals import open_modal
from bot.slack.parts import Parts
from bot.slack.questions_views import CHOICE_ACTION, OPEN_ACTION, QUESTIONS_VIEW, TICKED_SHOWN, questions_modal, read_questions
from bot.workflow.incoming import QuestionsTicked, Tick
from bot.workflow.ports import Notice, Sign

Json = dict[str, Any]


class QuestionLists:
    """The list of a case's open questions."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def register(self, app: AsyncApp) -> None:
        """Registers this group's listeners; the word itself is told in `listeners.py`."""
        app.action(OPEN_ACTION)(self.pressed)
        app.action(CHOICE_ACTION)(self.chosen)
        app.view(QUESTIONS_VIEW)(self.submitted)

    async def command(self, ack: AsyncAck, respond: AsyncRespond, command: Json) -> None:
        """Opens the list; where the channel has no case, says so."""
        view = await self._view(command["team_id"], command["channel_id"], command["user_id"])
        if view is None:
            await Status(self._parts).command(ack, respond, command)
            return
        await ack()
        await self._open(view, command["trigger_id"], command["channel_id"], command["user_id"])

    async def pressed(self, ack: AsyncAck, body: Json) -> None:
        """The button below a status."""
        await ack()
        team_id, channel_id, user_id = body["team"]["id"], body["channel"]["id"], body["user"]["id"]
        refusal = await self._parts.guard.refusal(team_id, channel_id, user_id)
        view = None if refusal else await self._view(team_id, channel_id, user_id)
        if view is None:
            notice = Notice(refusal or Sign.CASE_GONE, self._parts.default_language)
            await self._parts.messenger.tell(channel_id, user_id, notice)
            return
        await self._open(view, body["trigger_id"], channel_id, user_id)

    async def chosen(self, ack: AsyncAck) -> None:
        """Slack tells of each choice at once; what counts is the whole, when it is submitted."""
        await ack()

    async def submitted(self, ack: AsyncAck, body: Json, view: Json) -> None:
        """What was changed goes to the inbox before Slack closes the modal."""
        about, changed = json.loads(view["private_metadata"]), read_questions(view["state"]["values"])
        if changed:
            await self._parts.receive(
                QuestionsTicked(
                    team_id=body["team"]["id"],
                    channel_id=about["channel"],
                    user_id=body["user"]["id"],
                    at=f"{time.time():.6f}",
                    case_id=about["case"],
                    ticks=tuple(Tick(name=name, outcome=outcome) for name, outcome in changed.items()),
                    source=view["id"],
                )
            )
        await ack()

    async def _view(self, team_id: str, channel_id: str, user_id: str) -> Json | None:
        async with self._parts.store.begin() as uow:
            case = await uow.case_of(team_id, channel_id)
            if case is None:
                return None
            await uow.record(AuditEntry(datetime.now(UTC), team_id, case.id, user_id, AuditAction.VIEWED, "", "questions"))
            return questions_modal(case, await uow.open_questions(case.id), await uow.ticked_questions(case.id, TICKED_SHOWN))

    async def _open(self, view: Json, trigger_id: str, channel_id: str, user_id: str) -> None:
        if not await open_modal(self._parts.client, trigger_id, view):
            await self._parts.messenger.tell(channel_id, user_id, Notice(Sign.PRESS_AGAIN, self._parts.default_language))
