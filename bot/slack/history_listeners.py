"""`/phyassist history`: a case's notes, one at a time, in a modal that only the person who asks sees.

Each turn of a page asks the guard again.
"""

import asyncio
from datetime import UTC, datetime
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond

from bot.domain.audit import AuditAction, AuditEntry
from bot.domain.case import Case
from bot.slack import history_views as views
from bot.slack.commands import Status
from bot.slack.history_texts import history_texts
from bot.slack.history_views import Place
from bot.slack.modals import change_modal, open_modal
from bot.slack.parts import Parts
from bot.slack.views import notice_text
from bot.workflow.history import events
from bot.workflow.ports import Notice, PastNote, Sign, Step

Json = dict[str, Any]

_STEPS = {views.OLDER_ACTION: Step.OLDER, views.NEWER_ACTION: Step.NEWER}
_PARTS = {views.PART_BEFORE_ACTION: -1, views.PART_AFTER_ACTION: 1}


class Histories:
    """The history of a case."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def register(self, app: AsyncApp) -> None:
        """Registers the buttons; the word itself is told in `listeners.py`."""
        for action in (*_STEPS, *_PARTS, views.DAY_ACTION):
            app.action(action)(self.turned)

    async def command(self, ack: AsyncAck, respond: AsyncRespond, command: Json) -> None:
        """Opens the newest note; where there is no case, or no note in it, says so."""
        async with self._parts.store.begin() as uow:
            case = await uow.case_of(command["team_id"], command["channel_id"])
            past = await uow.past_note(case.id, Step.NEWEST) if case else None
            if case and past:
                viewed = AuditEntry(
                    datetime.now(UTC), case.team_id, case.id, command["user_id"], AuditAction.VIEWED, past.note.id, "history"
                )
                await uow.record(viewed)
        if case is None:
            await Status(self._parts).command(ack, respond, command)
            return
        if past is None:
            await ack(history_texts(case.language).empty)
            return
        await ack()
        if not await open_modal(self._parts.client, command["trigger_id"], await _modal(case, past, 0)):
            await self._parts.messenger.tell(command["channel_id"], command["user_id"], Notice(Sign.PRESS_AGAIN, case.language))

    async def turned(self, ack: AsyncAck, body: Json, action: Json) -> None:
        """Shows another note, or another part of this one; to somebody who may not see the case any more, the sentence that says why."""
        await ack()
        shown, place = body["view"], Place.read(body["view"]["private_metadata"])
        team_id, user_id = body["team"]["id"], body["user"]["id"]
        refusal = await self._parts.guard.refusal(team_id, place.channel_id, user_id)
        async with self._parts.store.begin() as uow:
            case = await uow.case_of(team_id, place.channel_id)
        if refusal or case is None or case.id != place.case_id:
            language = case.language if case else self._parts.default_language
            sentence = notice_text(Notice(refusal or Sign.CASE_GONE, language))
            await change_modal(self._parts.client, shown, views.closed_modal(sentence, language))
            return
        past, part = await self._target(case, place, action)
        if past:
            await change_modal(self._parts.client, shown, await _modal(case, past, part))

    async def _target(self, case: Case, place: Place, action: Json) -> tuple[PastNote | None, int]:
        """The note and the part of it that a button asks for; None where a note is gone meanwhile."""
        async with self._parts.store.begin() as uow:
            if action["action_id"] == views.DAY_ACTION:
                day = datetime.fromisoformat(action["selected_date"]).replace(tzinfo=UTC)
                position = await uow.position_since(case.id, f"{day.timestamp():.6f}")
                step = Step.NEWEST if position is None else Step.HERE
                return await uow.past_note(case.id, step, position or 0), 0
            step = _STEPS.get(action["action_id"], Step.HERE)
            part = place.part + _PARTS[action["action_id"]] if step is Step.HERE else 0
            return await uow.past_note(case.id, step, place.position), part


async def _modal(case: Case, past: PastNote, part: int) -> Json:
    # in a thread of its own: dozens of revisions of a long note take a while to compare
    return await asyncio.to_thread(lambda: views.history_modal(case, past, events(past), part))
