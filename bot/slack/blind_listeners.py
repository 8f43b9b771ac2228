"""Notes before and after, shown to an admin who asks for them, and to nobody else: in a modal, never in a channel.

Role need not be members of a case's channel. What they see here is de-identified, of cases with consent, and each look is logged by the
admin's id and the night's name.
"""

import json
import logging
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond

from bot.slack.blind_texts import blind_texts
from bot.slack.blind_views import BLIND_VIEW, blind_modal, read_blind, shown_modal
from bot.slack.calls import SlackRefused, attempt
from bot.slack.night_desk import NightDesk, say
from bot.slack.night_texts import night_texts
from bot.slack.night_views import COMPARE_ACTION
from bot.slack.roles import Role
from bot.workflow.blind import tally
from inference.note import Language

log = logging.getLogger(__name__)

Json = dict[str, Any]


class BlindNotes:
    """The button under a night's report, and the modal that it opens."""

    def __init__(self, desk: NightDesk, admins: Role, language: Language) -> None:
        self._desk, self._admins, self._language = desk, admins, language
        self._words = blind_texts(language)

    def register(self, app: AsyncApp) -> None:
        """Registers both."""
        app.action(COMPARE_ACTION)(self.pressed)
        app.view(BLIND_VIEW)(self.submitted)

    async def pressed(self, ack: AsyncAck, respond: AsyncRespond, body: Json, action: Json) -> None:
        """Opens the notes for an admin; with whose they are, where this admin was shown that before."""
        await ack()
        user_id, night = body["user"]["id"], str(action["value"])
        if not await self._admins.includes(user_id):
            await say(respond, night_texts(self._language).admins_only)
            return
        samples, judgements = await self._desk.store.samples(night), await self._desk.store.judgements(night)
        if not samples:
            await say(respond, self._words.gone)
            return
        mine = next((one.choices for one in judgements if one.user_id == user_id), None)
        view = (
            blind_modal(night, samples, self._language) if mine is None else shown_modal(samples, mine, tally(judgements), self._language)
        )
        opened = None
        try:
            opened, _ = await attempt("views.open", lambda: self._desk.client.views_open(trigger_id=body["trigger_id"], view=view))
        except SlackRefused as error:
            log.warning("notes to compare can't be opened: %s", error)
        if opened is None:
            await say(respond, self._words.press_again)
            return
        log.info("%s looks at notes of %s", user_id, night)

    async def submitted(self, ack: AsyncAck, body: Json, view: Json) -> None:
        """Keeps what an admin says, once, and shows which is which; then the night's message shows what all said."""
        user_id, about = body["user"]["id"], json.loads(view["private_metadata"])
        night, store = about["night"], self._desk.store
        if not await self._admins.includes(user_id):
            await ack(response_action="errors", errors={str(about["shown"][0]): night_texts(self._language).admins_only})
            return
        samples, chosen = await store.samples(night), read_blind(view["state"]["values"])
        by_number = {one.number: one for one in samples}
        said = {number: by_number[number].meant(side) for number, side in chosen.items() if number in by_number}
        await store.judge(night, user_id, {number: said.get(number) for number in about["shown"]})
        judgements = await store.judgements(night)
        mine = next((one.choices for one in judgements if one.user_id == user_id), {})
        await ack(response_action="update", view=shown_modal(samples, mine, tally(judgements), self._language))
        await self._desk.show_end(night)
