"""The workspace: people, channels, messages and files. Pure: it knows neither HTTP nor the app.

Callers check permissions; these methods only keep the state right and record each change.
"""

import time
import uuid
from collections.abc import Iterable, Sequence

from deploy.sandbox.changes import ChangeLog
from deploy.sandbox.errors import CannotDo
from deploy.sandbox.model import BOT_ID, BOT_USER_ID, ChangeKind, Channel, File, Json, Message, User, Usergroup, new_id
from deploy.sandbox.shown import shown_file, shown_message, shown_tombstone
from deploy.sandbox.validate.check import elements_of

KEPT_LAYOUTS = 20  # of those with something to press
STATUS_LASTS_S = 120.0


class Workspace:
    """Everything that one Slack team holds, with a log of the changes to it."""

    def __init__(self) -> None:
        self.changes = ChangeLog()
        self.users: dict[str, User] = {}
        self.channels: dict[str, Channel] = {}
        self.usergroups: dict[str, Usergroup] = {}
        self.files: dict[str, File] = {}
        self.ephemerals: dict[str, list[Json]] = {}
        self.statuses: dict[tuple[str, str], tuple[str, float]] = {}
        self.base_url = ""
        self._last_ts = 0

    # People and channels

    def user(self, reference: str) -> User:
        """Return the user with this id or name, with or without @; raises CannotDo(user_not_found)."""
        name = reference.removeprefix("@")
        if name in self.users:
            return self.users[name]
        for user in self.users.values():
            if user.name == name:
                return user
        raise CannotDo("user_not_found")

    def channel(self, reference: str) -> Channel:
        """Return the channel with this id or name, with or without #; raises CannotDo(channel_not_found)."""
        name = reference.removeprefix("#")
        if name in self.channels:
            return self.channels[name]
        for channel in self.channels.values():
            if channel.name == name:
                return channel
        raise CannotDo("channel_not_found")

    def add_user(self, user: User) -> User:
        """Add a user, or replace the one with the same id."""
        self.users[user.id] = user
        return user

    def create_channel(
        self, name: str, creator: str, members: Iterable[str] = (), *, is_private: bool = True, is_ext_shared: bool = False
    ) -> Channel:
        """Create a channel with its first members; no joining events are sent for them."""
        if any(channel.name == name for channel in self.channels.values()):
            raise CannotDo("name_taken")
        channel = Channel(new_id("C"), name, creator, is_private=is_private, is_ext_shared=is_ext_shared)
        channel.members = list(dict.fromkeys([creator, *members]))
        return self._keep_channel(channel)

    def open_im(self, user: str) -> Channel:
        """Return the direct conversation of the bot with `user`, made at first need."""
        for channel in self.channels.values():
            if channel.is_im and user in channel.members:
                return channel
        return self._keep_channel(Channel(new_id("D"), f"im-{user}", BOT_USER_ID, is_im=True, members=[BOT_USER_ID, user]))

    def _keep_channel(self, channel: Channel) -> Channel:
        self.channels[channel.id] = channel
        self.changes.record(ChangeKind.CHANNEL_CREATED, channel=channel.id, data=channel.to_json())
        return channel

    def add_member(self, channel: Channel, user: str, inviter: str | None = None) -> None:
        """Let a user join; tells it with an event and, as Slack does, with a message in the channel."""
        if user in channel.members:
            return
        channel.members.append(user)
        data = {"inviter": inviter} if inviter else {}
        self.changes.record(ChangeKind.MEMBER_JOINED, channel=channel.id, user=user, data=data)
        subtype = "group_join" if channel.is_private else "channel_join"
        extra: Json = {"inviter": inviter} if inviter else {}
        self.post(channel, user, f"<@{user}> has joined the channel", subtype=subtype, extra=extra)

    def remove_member(self, channel: Channel, user: str, actor: str | None = None) -> None:
        """Let a user leave or be removed by `actor`."""
        if user not in channel.members:
            return
        channel.members.remove(user)
        self.changes.record(ChangeKind.MEMBER_LEFT, channel=channel.id, user=user, data={"actor": actor or user})

    def change_channel(self, channel: Channel, event: str, **fields: object) -> None:
        """Set fields such as name, is_archived or is_ext_shared; `event` names the Slack event that tells it."""
        previous = channel.to_json()
        for name, value in fields.items():
            setattr(channel, name, value)
        if channel.name != previous.get("name"):
            channel.previous_names.insert(0, str(previous.get("name")))
        self.changes.record(ChangeKind.CHANNEL_CHANGED, channel=channel.id, data={"event": event, **channel.to_json()}, previous=previous)

    def move_channel(self, channel: Channel) -> Channel:
        """Give a channel another id; its messages stay, and keep their timestamps."""
        previous = channel.id
        del self.channels[previous]
        channel.id = new_id("C")
        for message in (*channel.messages.values(), *channel.deleted.values()):
            message.channel = channel.id
        self.channels[channel.id] = channel
        event = {"event": "channel_id_changed", **channel.to_json()}
        self.changes.record(ChangeKind.CHANNEL_CHANGED, channel=channel.id, data=event, previous={"id": previous})
        return channel

    def delete_channel(self, channel: Channel) -> None:
        """Delete a channel with all its messages."""
        data = {"event": "group_deleted" if channel.is_private else "channel_deleted", **channel.to_json()}
        self.changes.record(ChangeKind.CHANNEL_CHANGED, channel=channel.id, data=data, previous=channel.to_json())
        del self.channels[channel.id]

    # Messages

    def next_ts(self) -> str:
        """Return a message timestamp, seconds with six decimals, greater than all before."""
        self._last_ts = max(self._last_ts + 1, int(time.time() * 1_000_000))
        return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"

    def post(
        self,
        channel: Channel,
        user: str,
        text: str,
        *,
        blocks: Sequence[Json] = (),
        thread_ts: str | None = None,
        subtype: str | None = None,
        files: Sequence[str] = (),
        metadata: Json | None = None,
        client_msg_id: str | None = None,
        extra: Json | None = None,
    ) -> Message:
        """Post a message of a person or of the bot and return it."""
        sender = self.users[user]
        if client_msg_id is None and not sender.is_bot and subtype is None:
            client_msg_id = str(uuid.uuid4())
        message = Message(
            self.next_ts(), channel.id, user, text, blocks=list(blocks), thread_ts=thread_ts, bot_id=sender.bot_id, subtype=subtype,
            files=list(files), metadata=metadata, client_msg_id=client_msg_id, extra=extra or {},
        )  # fmt: skip
        channel.messages[message.ts] = message
        if message.is_reply:
            channel.threads.setdefault(str(thread_ts), []).append(message.ts)
        for file in message.files:
            self.files[file].shares.append(channel.id)
        if sender.is_bot and thread_ts:
            self.statuses.pop((channel.id, thread_ts), None)
        self.changes.record(ChangeKind.MESSAGE_POSTED, channel=channel.id, user=user, data=self.message_json(message))
        return message

    def edit(
        self,
        message: Message,
        *,
        text: str | None = None,
        blocks: Sequence[Json] | None = None,
        metadata: Json | None = None,
        editor: str | None = None,
        extra: Json | None = None,
    ) -> Message:
        """Change a message. With an `editor` it is marked as edited; without one it is like an unfurl."""
        previous = self.message_json(message)
        if text is not None:
            message.text = text
        if blocks is not None:
            if any(element.get("action_id") for block in message.blocks for element in elements_of(block)):
                message.former_blocks = [*message.former_blocks[1 - KEPT_LAYOUTS :], message.blocks]
            message.blocks = list(blocks)
        if metadata is not None:
            message.metadata = metadata
        if editor is not None:
            message.edited = {"user": editor, "ts": self.next_ts()}
        message.extra |= extra or {}
        data = self.message_json(message)
        self.changes.record(ChangeKind.MESSAGE_CHANGED, channel=message.channel, user=editor, data=data, previous=previous)
        return message

    def delete(self, message: Message) -> None:
        """Delete a message; the first message of a thread with replies becomes a tombstone, as in Slack."""
        channel = self.channels[message.channel]
        previous = self.message_json(message)
        data = shown_tombstone(message.ts) if self.replies(channel, message.ts) else {}
        channel.deleted[message.ts] = channel.messages.pop(message.ts)
        if message.is_reply:
            channel.threads[str(message.thread_ts)].remove(message.ts)
        self.changes.record(ChangeKind.MESSAGE_DELETED, channel=channel.id, user=message.user, data=data, previous=previous)

    def replies(self, channel: Channel, thread_ts: str) -> list[Message]:
        """Return the replies of a thread without its first message, oldest first."""
        return [channel.messages[ts] for ts in channel.threads.get(thread_ts, ())]

    def message_json(self, message: Message) -> Json:
        """Return a message as Slack's history methods and events show it, without its channel."""
        channel = self.channels[message.channel]
        files = [self.file_json(self.files[file]) for file in message.files]
        parent = channel.messages.get(message.thread_ts or "")
        return shown_message(message, self.users[message.user], files, self.replies(channel, message.ts), parent)

    def react(self, message: Message, user: str, name: str, wanted: bool) -> bool:
        """Add a user's reaction to a message, or remove it; return false when nothing had to change."""
        users = message.reactions.get(name, [])
        if (user in users) == wanted:
            return False
        message.reactions[name] = [*users, user] if wanted else [each for each in users if each != user]
        message.reactions = {each: users for each, users in message.reactions.items() if users}
        item = {"type": "message", "channel": message.channel, "ts": message.ts}
        data = {"reaction": name, "item_user": message.user, "item": item}
        kind = ChangeKind.REACTION_ADDED if wanted else ChangeKind.REACTION_REMOVED
        self.changes.record(kind, channel=message.channel, user=user, data=data)
        return True

    def add_ephemeral(self, channel: str, user: str, content: Json, thread_ts: str | None = None) -> Json:
        """Show a message to one user only and return it."""
        shown: Json = {"type": "message", "subtype": "bot_message", "bot_id": BOT_ID, "user": BOT_USER_ID, "ts": self.next_ts()}
        shown |= {"channel": channel, "is_ephemeral": True, "text": "", **content}
        if thread_ts:
            shown["thread_ts"] = thread_ts
        self.ephemerals.setdefault(user, []).append(shown)
        self.changes.record(ChangeKind.EPHEMERAL_POSTED, channel=channel, user=user, data=shown)
        return shown

    def set_status(self, channel: str, thread_ts: str, status: str) -> None:
        """Show a status line under a thread for two minutes or until the bot posts; an empty one clears it."""
        self.statuses.pop((channel, thread_ts), None)
        if status:
            self.statuses[channel, thread_ts] = (status, time.time() + STATUS_LASTS_S)
        self.changes.record(ChangeKind.STATUS_SET, channel=channel, data={"thread_ts": thread_ts, "status": status})

    def live_statuses(self) -> list[Json]:
        """Return the status lines that are still shown."""
        now = time.time()
        return [
            {"channel": channel, "thread_ts": thread_ts, "status": status}
            for (channel, thread_ts), (status, until) in self.statuses.items()
            if until > now
        ]

    # Files

    def new_file(self, name: str, owner: str, content: bytes = b"") -> File:
        """Keep a file; it is invisible until a message shares it."""
        file = File(new_id("F"), name, owner, content, title=name)
        self.files[file.id] = file
        self.changes.record(ChangeKind.FILE_UPLOADED, user=owner, data={"id": file.id, "name": name})
        return file

    def delete_file(self, file: File) -> None:
        """Delete a file: its bytes go, and each message that showed it shows a tombstone in its place, edited by nobody."""
        showing = [message for channel in self.channels.values() for message in channel.messages.values() if file.id in message.files]
        before = [self.message_json(message) for message in showing]
        file.deleted, file.content = True, b""
        for message, previous in zip(showing, before, strict=True):
            self.changes.record(ChangeKind.MESSAGE_CHANGED, channel=message.channel, data=self.message_json(message), previous=previous)

    def file_json(self, file: File) -> Json:
        """Return what files.info answers."""
        return shown_file(file, f"{self.base_url}/files/{file.id}")
