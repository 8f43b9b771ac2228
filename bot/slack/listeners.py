"""What Slack sends, and where it goes. Each listener parses, commits an act to the inbox, and acknowledges; the rest is the queue's.

Only three things happen right here: a modal is opened (Slack gives three seconds for it), a form is checked, a question is answered.
"""

import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.response import BoltResponse

from bot.domain.errors import NothingToRead
from bot.domain.reading import Reading, read_items
from bot.slack import views
from bot.slack.case_listeners import CaseForms
from bot.slack.change_listeners import ChangeButtons
from bot.slack.channel_events import CHANGES, channel_acts
from bot.slack.commands import Commands, Status, Summaries
from bot.slack.deletion_listeners import CaseDeletions
from bot.slack.digest_listeners import DigestListeners
from bot.slack.edit_listeners import EditForms, Taps
from bot.slack.final_listeners import FinalListeners
from bot.slack.history_listeners import Histories
from bot.slack.parts import Parts
from bot.slack.payloads import parse_event, plain_text
from bot.slack.questions_listeners import QuestionLists
from bot.slack.safety_listeners import SafetyCardButtons
from bot.slack.taps import now as _now
from bot.slack.taps import take
from bot.slack.taps import who as _who
from bot.workflow.desk import find_case, find_thread_note
from bot.workflow.incoming import Accept, Approve, HandedBack, Incoming, Reread, TryAgain
from bot.workflow.ports import Notice, Sign

log = logging.getLogger(__name__)

Json = dict[str, Any]


def make_inbox_middleware(here: Parts) -> Callable[..., Awaitable[BoltResponse | None]]:
    """The middleware that commits events before Bolt does anything else, `auth.test` included, and acknowledges every one."""

    async def inbox(body: Json, next: Callable[[], Awaitable[Any]]) -> BoltResponse | None:  # noqa: A002 (Bolt passes it by this name)
        if body.get("type") != "event_callback":
            await next()
            return None
        event = body.get("event") or {}
        if event.get("type") in CHANGES | {"user_change"}:
            channel_id = event.get("channel") if isinstance(event.get("channel"), str) else None
            here.guard.forget(channel_id)
            if here.home:
                here.home.forget(channel_id)
        if event.get("type") == "app_home_opened" and event.get("tab") == "home" and here.home:
            here.home.opened(str(body.get("team_id")), str(event["user"]))
        if event.get("type") == "subteam_members_changed":
            here.roles.forget()
        bot_user_id = await here.bot_user_id()
        for act in (parse_event(body, bot_user_id), *channel_acts(body, bot_user_id)):
            if act and act.channel_id != here.admin_channel:  # the bot is there, too, and it is no case
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
    deletions = CaseDeletions(parts)
    deletions.register(app)
    histories, questions = Histories(parts), QuestionLists(parts)
    histories.register(app)
    questions.register(app)
    if parts.home:
        parts.home.register(app)
    final = FinalListeners(parts)
    final.register(app)
    words = {"summarize": Summaries(parts).command, "case": cases.command, "status": Status(parts).command}
    words |= {"digest": digests.command, "history": histories.command, "questions": questions.command, "export": final.command}
    everywhere = {"case delete": deletions.command, **({"audit": parts.audits.command} if parts.audits else {})}
    Commands(parts, words, everywhere).register(app)
    _Buttons(parts).register(app)
    SafetyCardButtons(parts).register(app)
    ChangeButtons(parts).register(app)
    _Shortcut(parts).register(app)
    forms = EditForms(parts)
    forms.register(app)
    Taps(parts, forms).register(app)


class _Buttons:
    """The buttons under a note."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def register(self, app: AsyncApp) -> None:
        """Registers this group's listeners."""
        app.action(views.APPROVE_ACTION)(self.approve)
        app.action(views.ACCEPT_ACTION)(self.accept)
        app.action(views.REREAD_ACTION)(self.reread)
        app.action(views.TRY_AGAIN_ACTION)(self.try_again)
        app.action(views.ANSWER_NOW_ACTION)(self.answer_now)

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
        await take(self._parts, ack, body, read)


class _Shortcut:
    """A message that is marked as an edited answer."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def register(self, app: AsyncApp) -> None:
        """Registers this group's listeners."""
        app.shortcut(views.SHORTCUT)(self.shortcut)

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
