"""The things of a workspace, and the changes that happen to them."""

from __future__ import annotations

import secrets
import string
import time
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

Json = dict[str, Any]

TEAM_ID = "T0SANDBOX"
FOREIGN_TEAM_ID = "T0FOREIGN"
TEAM_DOMAIN = "sandbox"
APP_ID = "A0SANDBOX"
BOT_ID = "B0SANDBOX"
BOT_USER_ID = "U0PHYASSIST"
# Well known on purpose: the sandbox listens on this machine only and holds nothing worth protecting.
BOT_TOKEN = "xoxb-sandbox"
APP_TOKEN = "xapp-sandbox"
SIGNING_SECRET = "sandbox-secret"
VERIFICATION_TOKEN = "sandbox-verification"

_ID_LETTERS = string.ascii_uppercase + string.digits


def new_id(prefix: str) -> str:
    """Return an id as Slack writes them: a prefix letter and ten letters or digits."""
    return prefix + "".join(secrets.choice(_ID_LETTERS) for _ in range(10))


class ChangeKind(StrEnum):
    """What can happen in the workspace; front ends and tests read these."""

    MESSAGE_POSTED = "message_posted"
    MESSAGE_CHANGED = "message_changed"
    MESSAGE_DELETED = "message_deleted"
    EPHEMERAL_POSTED = "ephemeral_posted"
    EPHEMERAL_CHANGED = "ephemeral_changed"
    EPHEMERAL_DELETED = "ephemeral_deleted"
    CHANNEL_CREATED = "channel_created"
    CHANNEL_CHANGED = "channel_changed"
    MEMBER_JOINED = "member_joined"
    MEMBER_LEFT = "member_left"
    VIEW_OPENED = "view_opened"
    VIEW_CHANGED = "view_changed"
    VIEW_CLOSED = "view_closed"
    HOME_PUBLISHED = "home_published"
    HOME_OPENED = "home_opened"
    REACTION_ADDED = "reaction_added"
    REACTION_REMOVED = "reaction_removed"
    FILE_UPLOADED = "file_uploaded"
    STATUS_SET = "status_set"
    USERGROUP_CHANGED = "usergroup_changed"


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that happened. `data` is a JSON snapshot; `previous` the state before, where there was one."""

    seq: int
    at: float
    kind: ChangeKind
    channel: str | None = None
    user: str | None = None
    data: Json = field(default_factory=dict)
    previous: Json | None = None

    def to_json(self) -> Json:
        """Return the change as front ends read it."""
        shown = {"seq": self.seq, "at": self.at, "kind": self.kind.value, "channel": self.channel, "user": self.user}
        return {**shown, "data": self.data, "previous": self.previous}


@dataclass(frozen=True, slots=True)
class User:
    """A person or a bot of the workspace; guests are restricted (several channels) or ultra restricted (one)."""

    id: str
    name: str
    real_name: str
    team_id: str = TEAM_ID
    is_admin: bool = False
    is_restricted: bool = False
    is_ultra_restricted: bool = False
    is_stranger: bool = False
    is_bot: bool = False
    bot_id: str | None = None
    locale: str = "en-US"

    def to_json(self) -> Json:
        """Return what users.info answers."""
        profile = {"real_name": self.real_name, "display_name": self.name, "team": self.team_id, "bot_id": self.bot_id}
        return {
            "id": self.id, "team_id": self.team_id, "name": self.name, "real_name": self.real_name, "deleted": False,
            "tz": "UTC", "tz_label": "Coordinated Universal Time", "tz_offset": 0, "locale": self.locale,
            "profile": {key: value for key, value in profile.items() if value is not None},
            "is_admin": self.is_admin, "is_owner": False, "is_primary_owner": False,
            "is_restricted": self.is_restricted, "is_ultra_restricted": self.is_ultra_restricted,
            "is_stranger": self.is_stranger, "is_bot": self.is_bot, "is_app_user": False, "updated": 0,
        }  # fmt: skip


@dataclass(slots=True)
class Message:
    """One message of a channel. `former_blocks` are earlier layouts, for people who click on what has just changed."""

    ts: str
    channel: str
    user: str
    text: str
    blocks: list[Json] = field(default_factory=list)
    thread_ts: str | None = None
    bot_id: str | None = None
    subtype: str | None = None
    edited: Json | None = None
    files: list[str] = field(default_factory=list)
    metadata: Json | None = None
    client_msg_id: str | None = None
    reactions: dict[str, list[str]] = field(default_factory=dict)
    extra: Json = field(default_factory=dict)
    former_blocks: list[list[Json]] = field(default_factory=list)

    @property
    def is_reply(self) -> bool:
        """True for a message inside a thread, false for the thread's first message."""
        return self.thread_ts is not None and self.thread_ts != self.ts


@dataclass(slots=True)
class Channel:
    """A conversation with its messages in the order of their ts; `deleted` keeps what was deleted.

    `threads` lists the replies, by the ts of the first message.
    """

    id: str
    name: str
    creator: str
    is_private: bool = True
    is_im: bool = False
    is_archived: bool = False
    is_ext_shared: bool = False
    is_pending_ext_shared: bool = False
    created: int = field(default_factory=lambda: int(time.time()))
    members: list[str] = field(default_factory=list)
    messages: dict[str, Message] = field(default_factory=dict)
    deleted: dict[str, Message] = field(default_factory=dict)
    threads: dict[str, list[str]] = field(default_factory=dict)
    previous_names: list[str] = field(default_factory=list)

    @property
    def channel_type(self) -> str:
        """Return the channel_type of message events: im, group or channel."""
        if self.is_im:
            return "im"
        return "group" if self.is_private else "channel"

    def to_json(self, for_user: str = BOT_USER_ID) -> Json:
        """Return what conversations.info answers to `for_user`."""
        if self.is_im:
            other = next((member for member in self.members if member != for_user), for_user)
            return {"id": self.id, "created": self.created, "is_im": True, "is_org_shared": False, "user": other}
        shared_teams = [TEAM_ID, FOREIGN_TEAM_ID] if self.is_ext_shared else [TEAM_ID]
        return {
            "id": self.id, "name": self.name, "name_normalized": self.name, "is_channel": True, "is_group": False,
            "is_im": False, "is_mpim": False, "is_private": self.is_private, "created": self.created,
            "creator": self.creator, "is_archived": self.is_archived, "is_general": self.name == "general",
            "is_shared": self.is_ext_shared, "is_ext_shared": self.is_ext_shared, "is_org_shared": False,
            "is_pending_ext_shared": self.is_pending_ext_shared, "pending_shared": [], "unlinked": 0,
            "context_team_id": TEAM_ID, "shared_team_ids": shared_teams, "is_member": for_user in self.members,
            "topic": {"value": "", "creator": "", "last_set": 0}, "purpose": {"value": "", "creator": "", "last_set": 0},
            "previous_names": list(self.previous_names), "num_members": len(self.members),
        }  # fmt: skip


@dataclass(slots=True)
class File:
    """An uploaded file; `shares` are the channels in which it was posted."""

    id: str
    name: str
    owner: str
    content: bytes = b""
    title: str = ""
    mimetype: str = "application/octet-stream"
    created: int = field(default_factory=lambda: int(time.time()))
    complete: bool = False
    deleted: bool = False
    shares: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Usergroup:
    """A named group of users, such as @phyassist-admins."""

    id: str
    handle: str
    name: str
    users: tuple[str, ...] = ()

    def to_json(self, include_users: bool = False) -> Json:
        """Return what usergroups.list answers."""
        shown: Json = {"id": self.id, "team_id": TEAM_ID, "is_usergroup": True, "handle": self.handle, "name": self.name}
        shown |= {"date_delete": 0, "user_count": len(self.users)}
        return shown | ({"users": list(self.users)} if include_users else {})


@dataclass(slots=True)
class View:
    """A modal or a home tab as its user sees it. `content` is what the app sent, `values` what the user has entered."""

    id: str
    user: str
    content: Json
    hash: str
    root_view_id: str
    previous_view_id: str | None = None
    values: dict[str, dict[str, Json]] = field(default_factory=dict)

    @property
    def type(self) -> str:
        """Return `modal` or `home`."""
        return str(self.content.get("type"))

    def to_json(self) -> Json:
        """Return the view as it appears in payloads and answers."""
        empty: Json = {"private_metadata": "", "callback_id": "", "external_id": "", "clear_on_close": False}
        empty |= {"notify_on_close": False, "close": None, "submit": None, "title": None}
        identity: Json = {
            "id": self.id, "team_id": TEAM_ID, "app_id": APP_ID, "app_installed_team_id": TEAM_ID, "bot_id": BOT_ID,
            "hash": self.hash, "root_view_id": self.root_view_id, "previous_view_id": self.previous_view_id,
            "state": {"values": self.values},
        }  # fmt: skip
        return {**empty, **self.content, **identity}
