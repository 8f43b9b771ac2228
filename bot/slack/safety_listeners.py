"""The button of a safety card: who pressed it goes to the inbox, the rest is the queue's."""

import time
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.slack.parts import Parts
from bot.slack.safety_views import SEEN_ACTION
from bot.workflow.incoming import CardSeen

Json = dict[str, Any]


class SafetyCardButtons:
    """The button that says: I have seen this."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def register(self, app: AsyncApp) -> None:
        """Registers the button."""
        app.action(SEEN_ACTION)(self.seen)

    async def seen(self, ack: AsyncAck, body: Json, action: Json) -> None:
        """Commits that somebody has seen a card."""
        who = {"team_id": body["team"]["id"], "channel_id": body["channel"]["id"], "user_id": body["user"]["id"]}
        await self._parts.receive(CardSeen(**who, at=f"{time.time():.6f}", card_id=str(action["value"])))
        await ack()
