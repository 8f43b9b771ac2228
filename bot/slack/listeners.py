"""What Slack sends, and where it goes. Each listener parses, commits an act to the inbox, and acknowledges; the rest is the queue's.

Only three things happen right here: a modal is opened (Slack gives three seconds for it), a form is checked, a question is answered.
"""

import json
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.response import BoltResponse

from bot.domain.case import Case
from bot.domain.errors import NothingToRead
from bot.domain.reading import Reading, read_items
from bot.slack import views
from bot.slack.calls import SlackRefused, attempt
from bot.slack.case_listeners import CaseForms
from bot.slack.commands import Commands, Status, Summaries
from bot.slack.digest_listeners import DigestListeners
from bot.slack.final_listeners import FinalListeners
from bot.slack.parts import Parts
from bot.slack.payloads import parse_event, plain_text
from bot.slack.texts import texts
from bot.workflow.desk import find_case, find_note, find_thread_note
from bot.workflow.incoming import Accept, Approve, HandedBack, Incoming, Reread, TryAgain
from bot.workflow.ports import Notice, Sign
from inference.note import Language

log = logging.getLogger(__name__)

Json = dict[str, Any]
_MEMBERSHIP_EVENTS = {
    "member_joined_channel",
    "member_left_channel",
    "channel_shared",
    "channel_unshared",
    "user_change",
    "group_archive",
    "group_unarchive",
}


def make_inbox_middleware(here: Parts) -> Callable[..., Awaitable[BoltResponse | None]]:
    """The middleware that commits events before Bolt does anything else, `auth.test` included, and acknowledges every one."""

    async def inbox(body: Json, next: Callable[[], Awaitable[Any]]) -> BoltResponse | None:  # noqa: A002 (Bolt passes it by this name)
        if body.get("type") != "event_callback":
            await next()
            return None
        event = body.get("event") or {}
        if event.get("type") in _MEMBERSHIP_EVENTS:
            here.guard.forget(event.get("channel") if isinstance(event.get("channel"), str) else None)
        if event.get("type") == "subteam_members_changed":
            here.roles.forget()
        act = parse_event(body, await here.bot_user_id())
        if act:
            await here.receive(act)
        return BoltResponse(status=200)

    return inbox


def register(app: AsyncApp, parts: Parts) -> None:
    """Registers every command, action, view and shortcut."""
    cases = CaseForms(parts)
    cases.register(app)
    if parts.night:
        parts.night.register(app)
    digests = DigestListeners(parts, parts.digests)
    digests.register(app)
    final = FinalListeners(parts)
    final.register(app)
    words = {
        "digest": digests.command,
        "summarize": Summaries(parts).command,
        "export": final.command,
        "case": cases.command,
        "status": Status(parts).command,
    }
    Commands(parts, words).register(app)
    _Buttons(parts).register(app)
    _Edits(parts).register(app)


class _Buttons:
    """The buttons under a note."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def register(self, app: AsyncApp) -> None:
        """Registers this group's listeners."""
        app.action(views.EDIT_ACTION)(self.edit)
        app.action(views.APPROVE_ACTION)(self.approve)
        app.action(views.ACCEPT_ACTION)(self.accept)
        app.action(views.REREAD_ACTION)(self.reread)
        app.action(views.TRY_AGAIN_ACTION)(self.try_again)
        app.action(views.ANSWER_NOW_ACTION)(self.answer_now)

    async def edit(self, ack: AsyncAck, body: Json, action: Json) -> None:
        """Opens the edit modal with the newest revision, whichever message the button was on."""
        await ack()
        who = _who(body)
        found = await find_note(self._parts.store, who["team_id"], who["channel_id"], action["value"])
        sign = await self._parts.guard.refusal(who["team_id"], who["channel_id"], who["user_id"])
        if found and found[1].approval:
            sign = sign or Sign.LOCKED
        if sign or found is None:
            await self._parts.messenger.tell(who["channel_id"], who["user_id"], Notice(sign or Sign.GONE, self._language(found)))
            return
        case, note = found
        view = views.edit_modal(note, case.language, case.channel_id)
        opened = None
        try:
            opened, _ = await attempt("views.open", lambda: self._parts.client.views_open(trigger_id=body["trigger_id"], view=view))
        except SlackRefused as error:
            log.warning("the edit modal can't be opened: %s", error)
        if opened is None:
            await self._parts.messenger.tell(who["channel_id"], who["user_id"], Notice(Sign.PRESS_AGAIN, case.language))

    async def approve(self, ack: AsyncAck, body: Json, action: Json) -> None:
        """The revision that the person saw is the one that gets approved."""

        def act() -> Incoming:
            note_id, revision_id = json.loads(action["value"])
            return Approve(**_who(body), at=_now(), note_id=note_id, revision_id=revision_id)

        await self._take(ack, body, act)

    async def accept(self, ack: AsyncAck, body: Json, action: Json) -> None:
        """The revision that the person saw is the one that gets accepted."""

        def act() -> Incoming:
            note_id, revision_id = json.loads(action["value"])
            return Accept(**_who(body), at=_now(), note_id=note_id, revision_id=revision_id, message_ts=body["container"]["message_ts"])

        await self._take(ack, body, act)

    async def reread(self, ack: AsyncAck, body: Json, action: Json) -> None:
        """The reply was meant the other way."""

        def act() -> Incoming:
            note_id, source_ts, reading, revision_id = json.loads(action["value"])
            return Reread(**_who(body), at=_now(), note_id=note_id, source_ts=source_ts, reading=Reading(reading), revision_id=revision_id)

        await self._take(ack, body, act)

    async def try_again(self, ack: AsyncAck, body: Json, action: Json) -> None:
        """Another try at an answer that failed."""

        def act() -> Incoming:
            note_id, failed_at = json.loads(action["value"])
            return TryAgain(**_who(body), at=_now(), note_id=note_id, failed_at=failed_at)

        await self._take(ack, body, act)

    async def answer_now(self, ack: AsyncAck, body: Json) -> None:
        """Asks a training to step aside; not by way of the queue, at whose head the post itself waits."""
        await ack()
        who = _who(body)
        sign = await self._parts.guard.refusal(who["team_id"], who["channel_id"], who["user_id"])
        if sign is None and self._parts.learning and self._parts.learning.ask_back(who["channel_id"]):
            sign = Sign.STEPPING_ASIDE
        if sign:
            case = await find_case(self._parts.store, who["team_id"], who["channel_id"])
            language = case.case.language if case else self._parts.default_language
            await self._parts.messenger.tell(who["channel_id"], who["user_id"], Notice(sign, language))

    async def _take(self, ack: AsyncAck, body: Json, read: Callable[[], Incoming]) -> None:
        """Commits what a button says. One that an earlier version of the bot left behind may say nothing that is understood now."""
        try:
            act = read()
        except (ValueError, TypeError):
            await ack()
            who = _who(body)
            await self._parts.messenger.tell(who["channel_id"], who["user_id"], Notice(Sign.GONE, self._parts.default_language))
            return
        await self._parts.receive(act)
        await ack()

    def _language(self, found: tuple[Case, Any] | None) -> Language:
        return found[0].language if found else self._parts.default_language


class _Edits:
    """Edited answers that say so: from the modal and from the message shortcut."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def register(self, app: AsyncApp) -> None:
        """Registers this group's listeners."""
        app.view(views.EDIT_VIEW)(self.modal)
        app.shortcut(views.SHORTCUT)(self.shortcut)

    async def modal(self, ack: AsyncAck, body: Json, view: Json) -> None:
        """A form without a line is sent back; a good one goes to the inbox before Slack closes it."""
        about = json.loads(view["private_metadata"])
        items = views.read_modal(view["state"]["values"])
        if not items:
            first = next(block["block_id"] for block in view["blocks"] if block["type"] == "input")
            await ack(response_action="errors", errors={first: texts(Language(about["language"])).modal_empty})
            return
        await self._parts.receive(
            HandedBack(
                team_id=body["team"]["id"],
                channel_id=about["channel"],
                user_id=body["user"]["id"],
                at=_now(),
                note_id=about["note"],
                base_revision_id=about["revision"],
                items=items,
                source=view["id"],
            )
        )
        await ack()

    async def shortcut(self, ack: AsyncAck, body: Json) -> None:
        """The message becomes the edited answer of its thread's note, or of the newest note if it stands in no thread."""
        message, who = body["message"], _who(body)
        found = await find_thread_note(self._parts.store, who["team_id"], who["channel_id"], message.get("thread_ts"))
        if found is None:
            await ack()
            await self._parts.messenger.tell(who["channel_id"], who["user_id"], Notice(Sign.GONE, self._parts.default_language))
            return
        case, note = found
        try:
            # a note of the bot has its words in blocks; its text is the notification
            items = read_items("" if message.get("bot_id") else plain_text(message.get("text") or ""), note.items)
        except NothingToRead:
            await ack()
            await self._parts.messenger.tell(who["channel_id"], who["user_id"], Notice(Sign.EMPTY, case.language))
            return
        version = (message.get("edited") or {}).get("ts") or message["ts"]  # used again after an edit, it is another answer
        await self._parts.receive(HandedBack(**who, at=_now(), note_id=note.id, base_revision_id=None, items=items, source=version))
        await ack()


def _who(body: Json) -> dict[str, str]:
    """Team, channel and person of an interaction. A button in a modal has no channel; none of ours is in one."""
    return {"team_id": body["team"]["id"], "channel_id": body["channel"]["id"], "user_id": body["user"]["id"]}


def _now() -> str:
    """This moment as a Slack timestamp, to stand in order with messages."""
    return f"{time.time():.6f}"
