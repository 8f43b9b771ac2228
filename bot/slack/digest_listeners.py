"""`/phyassist digest`: what the model is told of a long case's earlier sessions, and how counselors correct it."""

import json
import logging
import time
from collections.abc import Mapping
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond

from bot.slack.blocks import INPUT_CHARS, context, fit, plain, section, text_input
from bot.slack.calls import SlackRefused, attempt
from bot.slack.commands import language_of
from bot.slack.digest_texts import digest_texts
from bot.slack.parts import Parts
from bot.slack.texts import texts
from bot.slack.viewings import viewed
from bot.workflow.digest import Digest, Digests
from bot.workflow.incoming import DigestCorrected
from bot.workflow.ports import Notice, Sign
from inference.digest import SENTENCE_CHARS
from inference.note import Language, clean_text

log = logging.getLogger(__name__)

Json = dict[str, Any]
DIGEST_VIEW = "digest"


class DigestListeners:
    """The form of a digest."""

    def __init__(self, parts: Parts, digests: Digests) -> None:
        self._parts, self._digests = parts, digests

    def register(self, app: AsyncApp) -> None:
        """Registers the form; the word is told in `listeners.py`."""
        app.view(DIGEST_VIEW)(self.submitted)

    async def command(self, ack: AsyncAck, respond: AsyncRespond, command: Json) -> None:
        """Opens the form; says so where there is nothing to show."""
        digest = await self._digests.of(command["team_id"], command["channel_id"])
        if digest is None or not digest.upto:
            await ack(digest_texts(await language_of(self._parts, command)).nothing)
            return
        await viewed(self._parts.store, digest.case, command["user_id"], "digest")
        await ack()
        view, opened = digest_modal(digest), None
        try:
            opened, _ = await attempt("views.open", lambda: self._parts.client.views_open(trigger_id=command["trigger_id"], view=view))
        except SlackRefused as error:
            log.warning("the digest of a case can't be shown: %s", error)
        if opened is None:
            await self._parts.messenger.tell(command["channel_id"], command["user_id"], Notice(Sign.PRESS_AGAIN, digest.case.language))

    async def submitted(self, ack: AsyncAck, body: Json, view: Json) -> None:
        """A form with a line that is too long is sent back; a good one goes to the inbox before Slack closes it."""
        about = json.loads(view["private_metadata"])
        lines = read_digest(view["state"]["values"])
        if any(len(line) > SENTENCE_CHARS for line in lines):
            said = digest_texts(Language(about["language"])).too_long.format(number=SENTENCE_CHARS)
            await ack(response_action="errors", errors={"lines:0": said})
            return
        await self._parts.receive(
            DigestCorrected(
                team_id=body["team"]["id"],
                channel_id=about["channel"],
                user_id=body["user"]["id"],
                at=f"{time.time():.6f}",
                case_id=about["case"],
                upto=about["upto"],
                lines=lines,
                source=view["id"],
            )
        )
        await ack()


def digest_modal(digest: Digest) -> Json:
    """The form: the lines of the digest, and what they stand for."""
    case = digest.case
    words, buttons = digest_texts(case.language), texts(case.language)
    groups = fit(digest.lines or [""], INPUT_CHARS)
    inputs = [text_input(f"lines:{place}", words.lines, "\n".join(lines)) for place, lines in enumerate(groups)]
    about = {"case": case.id, "channel": case.channel_id, "language": case.language, "upto": digest.upto}
    return {
        "type": "modal",
        "callback_id": DIGEST_VIEW,
        "title": plain(words.title),
        "submit": plain(buttons.save),
        "close": plain(buttons.cancel),
        "private_metadata": json.dumps(about),
        "blocks": [section(words.intro), *inputs, context(words.hint)],
    }


def read_digest(values: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> tuple[str, ...]:
    """The lines that somebody left or wrote, `values` being Slack's `view.state.values`."""
    entered = [field.get("value") or "" for actions in values.values() for field in actions.values()]
    return tuple(line for text in entered for raw in text.splitlines() if (line := clean_text(raw)))
