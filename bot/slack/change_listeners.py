"""The buttons under a note whose description changed, or was made of several messages."""

import json
import time
from collections.abc import Callable
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.slack import change_views
from bot.slack.parts import Parts
from bot.workflow.incoming import Incoming, RemoveNote, Separate, WriteAgain
from bot.workflow.ports import Notice, Sign

Json = dict[str, Any]


class ChangeButtons:
    """Write again, remove, take apart: each click goes to the inbox."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def register(self, app: AsyncApp) -> None:
        """Registers this group's listeners."""
        app.action(change_views.WRITE_AGAIN_ACTION)(self.write_again)
        app.action(change_views.REMOVE_NOTE_ACTION)(self.remove_note)
        app.action(change_views.SEPARATE_ACTION)(self.separate)

    async def write_again(self, ack: AsyncAck, body: Json, action: Json) -> None:
        """The note anew."""
        await self._take(ack, body, action, lambda who, note_id, seen: WriteAgain(**who, note_id=note_id, seen=seen))

    async def remove_note(self, ack: AsyncAck, body: Json, action: Json) -> None:
        """The note goes."""
        await self._take(ack, body, action, lambda who, note_id, seen: RemoveNote(**who, note_id=note_id, revision_id=seen))

    async def separate(self, ack: AsyncAck, body: Json, action: Json) -> None:
        """Each message by itself."""
        await self._take(ack, body, action, lambda who, note_id, seen: Separate(**who, note_id=note_id, revision_id=seen))

    async def _take(self, ack: AsyncAck, body: Json, action: Json, make: Callable[[dict[str, str], str, str], Incoming]) -> None:
        """Commits what a button says; one that says nothing that is understood is answered with a sentence."""
        who = {"team_id": body["team"]["id"], "channel_id": body["channel"]["id"], "user_id": body["user"]["id"]}
        try:
            note_id, seen = json.loads(action["value"])
            act = make({**who, "at": f"{time.time():.6f}"}, note_id, seen)
        except (ValueError, TypeError):
            await ack()
            await self._parts.messenger.tell(who["channel_id"], who["user_id"], Notice(Sign.GONE, self._parts.default_language))
            return
        await self._parts.receive(act)
        await ack()
