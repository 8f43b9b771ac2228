"""What a person does in the workspace: posts, edits, commands, clicks, shortcuts."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from deploy.sandbox.composer import composed, rich_text
from deploy.sandbox.delivery import Answer, Delivery, EnvelopeKind
from deploy.sandbox.errors import CannotDo, SlackRefusal
from deploy.sandbox.inputs import Values, enter, state_of, stateful
from deploy.sandbox.manifest import Manifest
from deploy.sandbox.model import Channel, Json, Message, User
from deploy.sandbox.payloads import action_base, channel_of_action, slash_command
from deploy.sandbox.state import Workspace
from deploy.sandbox.triggers import ResponseUrls, Triggers, show_answer
from deploy.sandbox.validate.check import elements_of


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a person sees at once after an action: `failure` when the app didn't ack, `shown` an answer in the ack."""

    ok: bool
    failure: str | None = None
    shown: Json | None = None
    errors: dict[str, str] = field(default_factory=dict)
    action: str | None = None
    view_id: str | None = None
    details: tuple[str, ...] = ()

    def to_json(self) -> Json:
        """Return the outcome for the control API."""
        return asdict(self)


def outcome_of(answer: Answer) -> Outcome:
    """Return the plain outcome of an ack or of its absence."""
    return Outcome(answer.acked, answer.failure.value if answer.failure else None)


class People:
    """All that people do with messages; modals are in `modals.py`."""

    def __init__(self, workspace: Workspace, delivery: Delivery, triggers: Triggers, responses: ResponseUrls, manifest: Manifest) -> None:
        self.workspace = workspace
        self.delivery = delivery
        self.triggers = triggers
        self.responses = responses
        self._manifest = manifest
        self._entered: dict[tuple[str, str], Values] = {}

    def say(
        self, user: str, channel: str, text: str, thread_ts: str | None = None, files: Sequence[tuple[str, bytes]] = (), raw: bool = False
    ) -> Message:
        """Post a message as a person; with `raw` the text goes out as it stands, unescaped and even empty."""
        who, where = self._member(user, channel)
        if not raw and not text.strip() and not files:
            raise CannotDo("no_text")
        thread_ts = self._thread(where, thread_ts)
        text = text if raw else composed(text, self.workspace.users)
        kept = [self.workspace.new_file(name, who.id, content) for name, content in files]
        for file in kept:
            file.complete = True
        subtype = "file_share" if kept else None
        blocks = rich_text(text) if text else []
        ids = [file.id for file in kept]
        return self.workspace.post(where, who.id, text, blocks=blocks, thread_ts=thread_ts, subtype=subtype, files=ids)

    def edit(self, user: str, channel: str, ts: str, text: str, raw: bool = False) -> Message:
        """Edit one's own message."""
        who, where = self._member(user, channel)
        message = self._message(where, ts)
        if message.user != who.id:
            raise CannotDo("cant_update_message")
        text = text if raw else composed(text, self.workspace.users)
        return self.workspace.edit(message, text=text, blocks=rich_text(text), editor=who.id)

    def delete(self, user: str, channel: str, ts: str) -> None:
        """Delete one's own message; workspace admins may delete any."""
        who, where = self._member(user, channel)
        message = self._message(where, ts)
        if message.user != who.id and not who.is_admin:
            raise CannotDo("cant_delete_message")
        self.workspace.delete(message)

    def delete_file(self, user: str, file_id: str) -> None:
        """Delete one's own file, wherever it is shown."""
        file = self.workspace.files.get(file_id)
        if file is None or file.deleted:
            raise CannotDo("file_not_found")
        if file.owner != self.workspace.user(user).id:
            raise CannotDo("cant_delete_file")
        self.workspace.delete_file(file)

    def unfurl(self, channel: str, ts: str) -> Message:
        """Let Slack add a link preview to a message: a message_changed that nobody edited."""
        message = self._message(self.workspace.channel(channel), ts)
        return self.workspace.edit(message, extra={"attachments": [{"id": 1, "from_url": "https://example.org", "fallback": "Example"}]})

    def react(self, user: str, channel: str, ts: str, name: str, remove: bool = False) -> None:
        """Add or remove a reaction."""
        who, where = self._member(user, channel)
        if not self.workspace.react(self._message(where, ts), who.id, name, not remove):
            raise CannotDo("no_reaction" if remove else "already_reacted")

    async def command(self, user: str, channel: str, line: str, thread_ts: str | None = None) -> Outcome:
        """Enter a slash command; an answer in the ack is shown. Slack allows none in threads."""
        who, where = self._member(user, channel)
        command, _, text = line.strip().partition(" ")
        if command not in self._manifest.commands:
            raise CannotDo("unknown_command")
        if thread_ts:
            raise CannotDo("not_supported_in_threads")
        trigger_id, response_url = self.triggers.new(who.id), self.responses.new(who.id, where.id)
        escaped = composed(text.strip(), self.workspace.users)
        answer = await self.delivery.act(EnvelopeKind.COMMAND, slash_command(who, where, command, escaped, trigger_id, response_url))
        if not answer.acked or not (answer.payload.get("text") or answer.payload.get("blocks")):
            return outcome_of(answer)
        try:
            return Outcome(True, shown=show_answer(self.workspace, who.id, where.id, answer.payload))
        except SlackRefusal as refusal:
            return Outcome(False, refusal.error, details=refusal.details)

    async def click(
        self,
        user: str,
        channel: str,
        ts: str,
        action_id: str | None = None,
        block_id: str | None = None,
        value: Any = None,
        stale: bool = False,
    ) -> Outcome:
        """Click a button or choose in a select of a message, or of an ephemeral message.

        `value` tells buttons with the same action_id apart, and is the choice in a select. With `stale` the person
        acts on what was on the screen before: a deleted message or an earlier layout.
        """
        who, where = self._member(user, channel)
        shown, layouts = self._clickable(who, where, ts, stale)
        block, element = find_element(layouts, action_id, block_id, value)
        entered = self._entered.setdefault((who.id, ts), {})
        action = act_on(block, element, value, entered, self.workspace.next_ts())
        thread_ts = shown.get("thread_ts")
        container: Json = {"type": "message", "message_ts": ts, "channel_id": where.id, "is_ephemeral": bool(shown.get("is_ephemeral"))}
        payload: Json = {
            "type": "block_actions", **action_base(who, self.triggers.new(who.id)), "channel": channel_of_action(where),
            "container": container | ({"thread_ts": thread_ts} if thread_ts else {}), "message": shown,
            "state": {"values": state_of(layouts[0], entered)}, "actions": [action],
            "response_url": self.responses.new(who.id, where.id, ts, thread_ts),
        }  # fmt: skip
        return outcome_of(await self.delivery.act(EnvelopeKind.INTERACTIVE, payload))

    async def shortcut(self, user: str, channel: str, ts: str, callback_id: str) -> Outcome:
        """Use a message shortcut on a message."""
        who, where = self._member(user, channel)
        if callback_id not in self._manifest.shortcuts:
            raise CannotDo("unknown_shortcut")
        message = self._message(where, ts)
        payload: Json = {
            "type": "message_action", **action_base(who, self.triggers.new(who.id)), "channel": channel_of_action(where),
            "callback_id": callback_id, "action_ts": self.workspace.next_ts(), "message_ts": ts,
            "message": self.workspace.message_json(message),
            "response_url": self.responses.new(who.id, where.id, ts, message.thread_ts),
        }  # fmt: skip
        return outcome_of(await self.delivery.act(EnvelopeKind.INTERACTIVE, payload))

    def _member(self, user: str, channel: str) -> tuple[User, Channel]:
        who, where = self.workspace.user(user), self.workspace.channel(channel)
        if who.id not in where.members:
            raise CannotDo("not_in_channel")
        if where.is_archived:
            raise CannotDo("is_archived")
        return who, where

    def _thread(self, channel: Channel, thread_ts: str | None) -> str | None:
        """Return the ts of the thread's first message, also when that of a reply was given."""
        if thread_ts and thread_ts not in channel.messages and thread_ts not in channel.deleted:
            raise CannotDo("thread_not_found")
        named = channel.messages.get(thread_ts or "")
        return named.thread_ts if named is not None and named.is_reply else thread_ts

    def _message(self, channel: Channel, ts: str) -> Message:
        if ts not in channel.messages:
            raise CannotDo("message_not_found")
        return channel.messages[ts]

    def _clickable(self, user: User, channel: Channel, ts: str, stale: bool) -> tuple[Json, list[list[Json]]]:
        """Return the message as payloads show it, and its layouts: the present one first, older ones when `stale`."""
        for shown in self.workspace.ephemerals.get(user.id, []):
            if shown["ts"] == ts:
                return shown, [shown.get("blocks") or []]
        message = channel.messages.get(ts) or (channel.deleted.get(ts) if stale else None)
        if message is None:
            raise CannotDo("message_not_found")
        older = message.former_blocks[::-1] if stale else []
        return self.workspace.message_json(message), [message.blocks, *older]


def act_on(block: Json, element: Json, value: Any, entered: Values, action_ts: str) -> Json:
    """Return the `actions` entry of an action, after entering `value` where the element keeps one."""
    named = {"action_id": element["action_id"], "block_id": block["block_id"], "action_ts": action_ts}
    if any(each is element for _, each in stateful([block])):
        state = enter(element, value)
        entered.setdefault(block["block_id"], {})[element["action_id"]] = state
        return {**state, **named}
    if element["type"] == "overflow":
        chosen = [option for option in element["options"] if value in {option.get("value"), option["text"]["text"]}]
        if not chosen:
            raise CannotDo("option_not_found")
        return {"type": "overflow", "selected_option": chosen[0], **named}
    if element["type"] == "feedback_buttons":
        if value not in {element[f"{name}_button"]["value"] for name in ("positive", "negative")}:
            raise CannotDo("option_not_found")
        return {"type": "feedback_buttons", "value": value, **named}
    kept: Json = {key: element[key] for key in ("text", "value", "style", "url", "confirm") if key in element}
    return {"type": element["type"], **kept, **named}


def find_element(layouts: list[list[Json]], action_id: str | None, block_id: str | None, value: Any) -> tuple[Json, Json]:
    """Return the block and element that a person means, in the first layout that has it; raises CannotDo."""
    for blocks in layouts:
        found = [
            (block, element)
            for block in blocks
            for element in elements_of(block)
            if element.get("action_id") and (action_id in {None, element["action_id"]}) and (block_id in {None, block["block_id"]})
        ]
        exact = [pair for pair in found if value is not None and pair[1].get("value") == value]
        buttons_only = value is not None and all(element["type"] == "button" for _, element in found)
        if exact or (found and not buttons_only):
            return (exact or found)[0]
    raise CannotDo("action_not_found")
