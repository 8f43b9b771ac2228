"""Trigger ids (good once, for three seconds) and response URLs (five posts in thirty minutes)."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from deploy.sandbox.errors import SlackRefusal
from deploy.sandbox.model import BOT_USER_ID, ChangeKind, Json
from deploy.sandbox.state import Workspace
from deploy.sandbox.validate import checked_blocks

RESPONSE_USES = 5


class Triggers:
    """Remembers which trigger ids were given and used."""

    def __init__(self, lasts_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._lasts_s = lasts_s
        self._clock = clock
        self._given: dict[str, tuple[str, float]] = {}
        self._used: set[str] = set()

    def new(self, user: str) -> str:
        """Return a new trigger id for an action of `user`."""
        trigger_id = f"{secrets.randbelow(10**12)}.{secrets.randbelow(10**10)}.{secrets.token_hex(16)}"
        self._given[trigger_id] = (user, self._clock())
        return trigger_id

    def owner(self, trigger_id: str) -> str:
        """Return whose action a usable trigger id stands for.

        Raises SlackRefusal: invalid_trigger_id, exchanged_trigger_id, expired_trigger_id.
        """
        if trigger_id not in self._given:
            raise SlackRefusal("invalid_trigger_id")
        user, given = self._given[trigger_id]
        if trigger_id in self._used:
            raise SlackRefusal("exchanged_trigger_id")
        if self._clock() - given > self._lasts_s:
            raise SlackRefusal("expired_trigger_id")
        return user

    def use(self, trigger_id: str) -> None:
        """Use a trigger id up."""
        self._used.add(trigger_id)


class ResponseType(StrEnum):
    """Who sees an answer to a response URL."""

    EPHEMERAL = "ephemeral"
    IN_CHANNEL = "in_channel"


@dataclass(slots=True)
class _Target:
    user: str
    channel: str
    message_ts: str | None
    thread_ts: str | None
    given: float
    uses: int = 0


class ResponseUrls:
    """Gives response URLs out and does what is posted to them."""

    def __init__(self, workspace: Workspace, lasts_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._workspace = workspace
        self._lasts_s = lasts_s
        self._clock = clock
        self._targets: dict[str, _Target] = {}

    def new(self, user: str, channel: str, message_ts: str | None = None, thread_ts: str | None = None) -> str:
        """Return an address; `message_ts` is the original message which posts may replace or delete."""
        key = secrets.token_urlsafe(18)
        self._targets[key] = _Target(user, channel, message_ts, thread_ts, self._clock())
        return f"{self._workspace.base_url}/response/{key}"

    def post(self, key: str, body: Json) -> None:
        """Do what the app asks; raises SlackRefusal: used_url, expired_url, no_text, invalid_blocks …"""
        target = self._targets.get(key)
        if target is None:
            raise SlackRefusal("no_such_url")
        if self._clock() - target.given > self._lasts_s:
            raise SlackRefusal("expired_url")
        if target.uses >= RESPONSE_USES:
            raise SlackRefusal("used_url")
        target.uses += 1
        if body.get("delete_original"):
            self._delete(target)
        else:
            show_answer(self._workspace, target.user, target.channel, body, target.thread_ts, target.message_ts)

    def _delete(self, target: _Target) -> None:
        channel = self._workspace.channels[target.channel]
        message = channel.messages.get(target.message_ts or "")
        if message is not None and message.user == BOT_USER_ID:
            self._workspace.delete(message)
        else:
            _drop_ephemeral(self._workspace, target.user, target.message_ts)


def show_answer(
    workspace: Workspace, user: str, channel_id: str, body: Json, thread_ts: str | None = None, original_ts: str | None = None
) -> Json | None:
    """Show an app's answer to a command or response URL; return it, or None when it replaced the original."""
    blocks = checked_blocks(body["blocks"]) if body.get("blocks") else []
    text = str(body.get("text") or "")
    if not text and not blocks:
        raise SlackRefusal("no_text")
    channel = workspace.channels[channel_id]
    thread_ts = str(body.get("thread_ts") or "") or thread_ts
    if body.get("replace_original") and original_ts:
        original = channel.messages.get(original_ts)
        if original is not None:
            workspace.edit(original, text=text, blocks=blocks, editor=BOT_USER_ID)
        else:
            _replace_ephemeral(workspace, user, original_ts, {"text": text, "blocks": blocks})
        return None
    if body.get("response_type") == ResponseType.IN_CHANNEL:
        return workspace.message_json(workspace.post(channel, BOT_USER_ID, text, blocks=blocks, thread_ts=thread_ts))
    return workspace.add_ephemeral(channel_id, user, {"text": text, "blocks": blocks}, thread_ts)


def _replace_ephemeral(workspace: Workspace, user: str, ts: str, content: Json) -> None:
    for index, shown in enumerate(workspace.ephemerals.get(user, [])):
        if shown["ts"] == ts:
            changed = {**shown, **content}
            workspace.ephemerals[user][index] = changed
            workspace.changes.record(ChangeKind.EPHEMERAL_CHANGED, channel=shown["channel"], user=user, data=changed, previous=shown)


def _drop_ephemeral(workspace: Workspace, user: str, ts: str | None) -> None:
    for shown in [shown for shown in workspace.ephemerals.get(user, []) if shown["ts"] == ts]:
        workspace.ephemerals[user].remove(shown)
        workspace.changes.record(ChangeKind.EPHEMERAL_DELETED, channel=shown["channel"], user=user, previous=shown)
