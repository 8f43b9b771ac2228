"""Editing in Slack: the form behind Edit with its pages, the menu beside each line, and the buttons that ask again or say why.

Forms are opened and turned here, because Slack gives three seconds for it; what is submitted or tapped goes to the inbox.
"""

import json
import logging
import re
from datetime import UTC, datetime
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.domain.case import Case
from bot.domain.editing import ItemChange
from bot.domain.note import Note, Revision
from bot.slack.calls import SlackRefused, attempt
from bot.slack.edit_form import EDIT_VIEW, LINE_VIEW, PAGE_ACTION, edit_modal, line_modal, read_form, read_line, typed_in
from bot.slack.item_views import FEEDBACK_ACTION, ITEM_ACTION, REASON_ACTION, UNDO_ACTION, WISH_ACTIONS
from bot.slack.parts import Parts
from bot.slack.taps import now, take, understood, who
from bot.slack.texts import texts
from bot.slack.viewings import viewed
from bot.slack.views import EDIT_ACTION
from bot.workflow.desk import find_note
from bot.workflow.incoming import AskedAnew, Felt, HandedBack, Incoming, ItemChanged, ReasonStated
from bot.workflow.ports import Notice, Sign
from inference.note import Language
from training.data.records import Reason

log = logging.getLogger(__name__)

Json = dict[str, Any]


class EditForms:
    """The form for a whole note, and the one for a line."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def register(self, app: AsyncApp) -> None:
        """Registers this group's listeners."""
        app.action(EDIT_ACTION)(self.edit)
        app.action(re.compile(f"^{PAGE_ACTION}:"))(self.turn)
        app.view(EDIT_VIEW)(self.submitted)
        app.view_closed(EDIT_VIEW)(self.closed)
        app.view(LINE_VIEW)(self.line_submitted)

    async def edit(self, ack: AsyncAck, body: Json, action: Json) -> None:
        """Opens the form on the newest revision, whichever message the button was on."""
        await ack()
        if found := await self._allowed(who(body), action["value"]):
            case, note = found
            await viewed(self._parts.store, case, body["user"]["id"], "edit_form", note.id)
            await self._open(body, case, edit_modal(note, note.current, case.language, case.channel_id))

    async def edit_line(self, body: Json, note_id: str, revision_id: str, place: int) -> None:
        """Opens the form for one line, as the person saw it."""
        found = await self._allowed(who(body), note_id)
        if found is None:
            return
        case, note = found
        revision = _revision(note, revision_id)
        if revision is None or not 0 <= place < len(revision.items):
            await self._tell(who(body), Sign.OUT_OF_DATE, case.language)
            return
        await viewed(self._parts.store, case, body["user"]["id"], "line_form", note.id)
        await self._open(body, case, line_modal(note, revision, place, case.language, case.channel_id))

    async def turn(self, ack: AsyncAck, body: Json, action: Json) -> None:
        """Another page of the form. What stands on this one is committed first; if that fails, the page stays as it is."""
        await ack()
        view = body["view"]
        about = json.loads(view["private_metadata"])
        found = await self._allowed(_who_in(body, about), about["note"])
        if found is None:
            return
        case, note = found
        async with self._parts.store.begin() as uow:
            typed = {**await uow.draft(note, view["id"]), **typed_in(view["state"]["values"])}
            await uow.keep_draft(note, view["id"], typed, datetime.now(UTC))
        page = edit_modal(note, _revision(note, about["revision"]), case.language, case.channel_id, int(action["value"]), typed)
        turned = None
        try:
            client = self._parts.client
            turned, _ = await attempt("views.update", lambda: client.views_update(view_id=view["id"], hash=view["hash"], view=page))
        except SlackRefused as error:
            log.warning("a page can't be turned: %s", error)  # pressed twice, or closed meanwhile
            return
        if turned is None:
            await self._tell(_who_in(body, about), Sign.PRESS_AGAIN, case.language)

    async def submitted(self, ack: AsyncAck, body: Json, view: Json) -> None:
        """A form without a line is sent back; a good one goes to the inbox, all pages of it, before Slack closes it."""
        about = json.loads(view["private_metadata"])
        person = _who_in(body, about)
        found = await find_note(self._parts.store, person["team_id"], person["channel_id"], about["note"])
        if found is None:
            await ack()
            await self._tell(person, Sign.GONE, Language(about["language"]))
            return
        note, base = found[1], _revision(found[1], about["revision"])
        async with self._parts.store.begin() as uow:
            kept = await uow.draft(note, view["id"])
        items = read_form(base.items if base else (), {**kept, **typed_in(view["state"]["values"])})
        if not items:
            first = next(block["block_id"] for block in view["blocks"] if block["type"] == "input")
            await ack(response_action="errors", errors={first: texts(Language(about["language"])).modal_empty})
            return
        act = HandedBack(**person, at=now(), note_id=note.id, base_revision_id=about["revision"], items=items, source=view["id"])
        await self._parts.receive(act)
        await ack()
        if kept:
            await self._forget(view)

    async def closed(self, ack: AsyncAck, view: Json) -> None:
        """What was typed in a form that is closed is forgotten."""
        await ack()
        await self._forget(view)

    async def line_submitted(self, ack: AsyncAck, body: Json, view: Json) -> None:
        """A line that was rewritten goes to the inbox; one that was left as it was changes nothing."""
        about = json.loads(view["private_metadata"])
        person, place = _who_in(body, about), about["place"]
        found = await find_note(self._parts.store, person["team_id"], person["channel_id"], about["note"])
        revision = _revision(found[1], about["revision"]) if found else None
        if revision is None:
            await ack()
            await self._tell(person, Sign.GONE, Language(about["language"]))
            return
        lines = read_line(revision.items, place, typed_in(view["state"]["values"]))
        if lines != (revision.items[place].text,):
            seen = {**person, "at": now(), "note_id": about["note"], "revision_id": revision.id, "place": place}
            await self._parts.receive(ItemChanged(**seen, change=ItemChange.REWRITTEN, lines=lines, source=view["id"]))
        await ack()

    async def _allowed(self, person: dict[str, str], note_id: str) -> tuple[Case, Note] | None:
        """The note, for whoever may change it now; otherwise they are told why not."""
        found = await find_note(self._parts.store, person["team_id"], person["channel_id"], note_id)
        sign = await self._parts.guard.refusal(person["team_id"], person["channel_id"], person["user_id"])
        if found and found[1].approval:
            sign = sign or Sign.LOCKED
        if sign or found is None:
            await self._tell(person, sign or Sign.GONE, found[0].language if found else self._parts.default_language)
            return None
        return found

    async def _open(self, body: Json, case: Case, view: Json) -> None:
        opened = None
        try:
            opened, _ = await attempt("views.open", lambda: self._parts.client.views_open(trigger_id=body["trigger_id"], view=view))
        except SlackRefused as error:
            log.warning("the edit modal can't be opened: %s", error)
        if opened is None:
            await self._tell(who(body), Sign.PRESS_AGAIN, case.language)

    async def _forget(self, view: Json) -> None:
        async with self._parts.store.begin() as uow:
            await uow.remove_draft(view["id"])

    async def _tell(self, person: dict[str, str], sign: Sign, language: Language) -> None:
        await self._parts.messenger.tell(person["channel_id"], person["user_id"], Notice(sign, language))


class Taps:
    """What one tap does: menus of lines, New answer, Shorter, thumbs, reasons, Undo."""

    def __init__(self, parts: Parts, forms: EditForms) -> None:
        self._parts, self._forms = parts, forms

    def register(self, app: AsyncApp) -> None:
        """Registers this group's listeners."""
        app.action(ITEM_ACTION)(self.item)
        app.action(UNDO_ACTION)(self.undo)
        app.action(FEEDBACK_ACTION)(self.feedback)
        app.action(re.compile(f"^{REASON_ACTION}:"))(self.reason)
        for action_id in WISH_ACTIONS.values():
            app.action(action_id)(self.wish)

    async def item(self, ack: AsyncAck, body: Json, action: Json) -> None:
        """A choice in the menu of a line: words are entered in a form, all else is done with the tap."""

        def act() -> ItemChanged:
            note_id, revision_id, place = json.loads(action["block_id"])
            change = ItemChange(action["selected_option"]["value"])
            return ItemChanged(**who(body), at=now(), note_id=note_id, revision_id=revision_id, place=place, change=change)

        if action["selected_option"]["value"] != ItemChange.REWRITTEN:
            await take(self._parts, ack, body, act)
            return
        await ack()
        if tapped := await understood(self._parts, body, act):
            await self._forms.edit_line(body, tapped.note_id, tapped.revision_id, tapped.place)

    async def undo(self, ack: AsyncAck, body: Json, action: Json) -> None:
        """The newest tap is taken back."""

        def act() -> Incoming:
            note_id, revision_id = json.loads(action["value"])
            return ItemChanged(**who(body), at=now(), note_id=note_id, revision_id=revision_id, place=0, change=ItemChange.UNDONE)

        await take(self._parts, ack, body, act)

    async def wish(self, ack: AsyncAck, body: Json, action: Json) -> None:
        """The model is to write again, or shorter."""

        def act() -> Incoming:
            note_id, revision_id = json.loads(action["value"])
            wish = next(wish for wish, action_id in WISH_ACTIONS.items() if action_id == action["action_id"])
            return AskedAnew(**who(body), at=action.get("action_ts") or now(), note_id=note_id, revision_id=revision_id, wish=wish)

        await take(self._parts, ack, body, act)

    async def feedback(self, ack: AsyncAck, body: Json, action: Json) -> None:
        """A thumb up or down."""

        def act() -> Incoming:
            note_id, revision_id, good = json.loads(action["value"])
            return Felt(**who(body), at=action.get("action_ts") or now(), note_id=note_id, revision_id=revision_id, good=good)

        await take(self._parts, ack, body, act)

    async def reason(self, ack: AsyncAck, body: Json, action: Json) -> None:
        """Why the note was changed, or what is wrong with it."""

        def act() -> Incoming:
            note_id, revision_id, reason = json.loads(action["value"])
            return ReasonStated(**who(body), at=now(), note_id=note_id, revision_id=revision_id, reason=Reason(reason))

        await take(self._parts, ack, body, act)


def _revision(note: Note, revision_id: str | None) -> Revision | None:
    return next((revision for revision in note.revisions if revision.id == revision_id), None)


def _who_in(body: Json, about: Json) -> dict[str, str]:
    """Team, channel and person of what is done in a form; the channel stands in what the form carries along."""
    return {"team_id": body["team"]["id"], "channel_id": about["channel"], "user_id": body["user"]["id"]}
