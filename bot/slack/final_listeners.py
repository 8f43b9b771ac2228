"""Buttons, modals and the command around final notes: correct in sections, add to, co-sign, export."""

import json
import logging
import time
from collections.abc import Callable, Collection
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond

from bot.domain.note import Note, Purpose
from bot.slack import export_views, final_views
from bot.slack.calls import SlackRefused, attempt
from bot.slack.commands import rest_of
from bot.slack.final_texts import final_texts
from bot.slack.parts import Parts
from bot.slack.viewings import viewed
from bot.slack.views import notice_text
from bot.workflow.desk import find_final_notes, find_note
from bot.workflow.final_notes import clean_lines
from bot.workflow.incoming import AddAddendum, Cosign, ExportNotes, SectionsCorrected
from bot.workflow.ports import Notice, Sign
from inference.note import Language

log = logging.getLogger(__name__)

Json = dict[str, Any]
MakeView = Callable[[Note, Language], Json | Sign]


class FinalListeners:
    """All that people do with final notes beside Approve; the acts go to the inbox, where the guard is asked again."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def register(self, app: AsyncApp) -> None:
        """Registers this group's listeners; the command is joined to the others in `listeners.py`."""
        app.action(final_views.SECTIONS_ACTION)(self.edit)
        app.action(final_views.ADDENDUM_ACTION)(self.add)
        app.action(final_views.COSIGN_ACTION)(self.cosign)
        app.action(final_views.EXPORT_ACTION)(self.export)
        app.view(final_views.SECTIONS_VIEW)(self.corrected)
        app.view(final_views.ADDENDUM_VIEW)(self.added)
        app.view(export_views.EXPORT_VIEW)(self.chosen)

    # buttons that open a modal

    async def edit(self, ack: AsyncAck, body: Json, action: Json) -> None:
        """Opens the sections of a draft."""

        def view(note: Note, language: Language) -> Json | Sign:
            if note.approval:
                return Sign.LOCKED
            return final_views.sections_modal(note.format, note, language, body["channel"]["id"]) if note.format else Sign.GONE

        await self._open_for_note(ack, body, action["value"], view, "sections_form")

    async def add(self, ack: AsyncAck, body: Json, action: Json) -> None:
        """Opens the form of an addendum."""

        def view(note: Note, language: Language) -> Json | Sign:
            return final_views.addendum_modal(note, language, body["channel"]["id"]) if note.approval else Sign.NOT_APPROVED

        await self._open_for_note(ack, body, action["value"], view)

    async def export(self, ack: AsyncAck, body: Json, action: Json) -> None:
        """Opens the form of an export, with this note ticked."""
        await ack()
        who = _who(body)
        sign = await self._parts.guard.refusal(who["team_id"], who["channel_id"], who["user_id"])
        case, notes = await find_final_notes(self._parts.store, who["team_id"], who["channel_id"])
        if sign or case is None or not notes:
            notice = Notice(sign or Sign.NOTHING_TO_EXPORT, case.language if case else self._parts.default_language)
            await self._parts.messenger.tell(who["channel_id"], who["user_id"], notice)
            return
        await viewed(self._parts.store, case, who["user_id"], "export_form", action["value"])
        view = export_views.export_modal(notes, {action["value"]}, case.language, case.channel_id)
        await self._open(body["trigger_id"], who, view, case.language)

    async def command(self, ack: AsyncAck, respond: AsyncRespond, command: Json) -> None:
        """`/phyassist export [all|last]`: opens the form, with all approved notes ticked or with the newest."""
        case, notes = await find_final_notes(self._parts.store, command["team_id"], command["channel_id"])
        language = case.language if case else self._parts.default_language
        if case is None or not notes:
            await ack(notice_text(Notice(Sign.NOTHING_TO_EXPORT, language)))
            return
        await viewed(self._parts.store, case, command["user_id"], "export_form")
        await ack()
        approved = [note.id for note in notes if note.approval]
        chosen: Collection[str] = approved if rest_of(command).lower() == "all" else approved[-1:]
        view = export_views.export_modal(notes, chosen, language, case.channel_id)
        await self._open(command["trigger_id"], command, view, language)

    # what was submitted

    async def corrected(self, ack: AsyncAck, body: Json, view: Json) -> None:
        """Sections without a line are sent back; others go to the inbox before Slack closes the modal."""
        about, lines = json.loads(view["private_metadata"]), final_views.read_sections(view["state"]["values"])
        if not lines:
            first = next(block["block_id"] for block in view["blocks"] if block["type"] == "input")
            await ack(response_action="errors", errors={first: final_texts(Language(about["language"])).sections_empty})
            return
        act = SectionsCorrected(
            **_from_modal(body, about),
            note_id=about["note"],
            base_revision_id=about["revision"],
            lines=lines,
            base_hash=about.get("content", ""),
            source=view["id"],
        )
        await self._parts.receive(act)
        await ack()

    async def added(self, ack: AsyncAck, body: Json, view: Json) -> None:
        """An addendum of spaces is sent back."""
        about = json.loads(view["private_metadata"])
        ((block_id, actions),) = view["state"]["values"].items()
        text = clean_lines(next(iter(actions.values())).get("value") or "")
        if not text:
            await ack(response_action="errors", errors={block_id: final_texts(Language(about["language"])).addendum_empty})
            return
        await self._parts.receive(AddAddendum(**_from_modal(body, about), note_id=about["note"], text=text, source=view["id"]))
        await ack()

    async def chosen(self, ack: AsyncAck, body: Json, view: Json) -> None:
        """An export goes to the inbox; the files follow in the background."""
        about = json.loads(view["private_metadata"])
        notes, types = export_views.read_export(view["state"]["values"])
        missing = [block for block, chosen in ((export_views.NOTES, notes), (export_views.TYPES, types)) if not chosen]
        if missing:
            await ack(response_action="errors", errors=dict.fromkeys(missing, final_texts(Language(about["language"])).choose_one))
            return
        await self._parts.receive(ExportNotes(**_from_modal(body, about), note_ids=notes, file_types=types, source=view["id"]))
        await ack()

    async def cosign(self, ack: AsyncAck, body: Json, action: Json) -> None:
        """What the person saw is what they co-sign."""
        who = _who(body)
        try:
            note_id, content_hash = json.loads(action["value"])
            act = Cosign(**who, at=_now(), note_id=note_id, content_hash=content_hash)
        except (ValueError, TypeError):  # a button that another version of the bot left behind
            await ack()
            await self._parts.messenger.tell(who["channel_id"], who["user_id"], Notice(Sign.GONE, self._parts.default_language))
            return
        await self._parts.receive(act)
        await ack()

    async def _open_for_note(self, ack: AsyncAck, body: Json, note_id: str, make: MakeView, what: str = "") -> None:
        """`what` names the form for the audit; empty for one that shows nothing of the case."""
        await ack()
        who = _who(body)
        sign = await self._parts.guard.refusal(who["team_id"], who["channel_id"], who["user_id"])
        found = await find_note(self._parts.store, who["team_id"], who["channel_id"], note_id)
        language = found[0].language if found else self._parts.default_language
        made = sign or (make(found[1], language) if found and found[1].purpose is Purpose.SUMMARY else Sign.GONE)
        if isinstance(made, Sign):
            await self._parts.messenger.tell(who["channel_id"], who["user_id"], Notice(made, language))
        else:
            if found and what:
                await viewed(self._parts.store, found[0], who["user_id"], what, note_id)
            await self._open(body["trigger_id"], who, made, language)

    async def _open(self, trigger_id: str, who: Json, view: Json, language: Language) -> None:
        opened = None
        try:
            opened, _ = await attempt("views.open", lambda: self._parts.client.views_open(trigger_id=trigger_id, view=view))
        except SlackRefused as error:
            log.warning("the modal %s can't be opened: %s", view["callback_id"], error)
        if opened is None:
            await self._parts.messenger.tell(who["channel_id"], who["user_id"], Notice(Sign.PRESS_AGAIN, language))


def _who(body: Json) -> dict[str, str]:
    return {"team_id": body["team"]["id"], "channel_id": body["channel"]["id"], "user_id": body["user"]["id"]}


def _from_modal(body: Json, about: Json) -> dict[str, str]:
    return {"team_id": body["team"]["id"], "channel_id": about["channel"], "user_id": body["user"]["id"], "at": _now()}


def _now() -> str:
    return f"{time.time():.6f}"
