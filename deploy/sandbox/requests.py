"""The requests of the control API: POST /sandbox/{verb} with these fields as JSON (or as a form, for plain curl).

Users and channels may be named by id or by name.
"""

import base64
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from deploy.sandbox.faults import Farewell


class Request(BaseModel):
    """Base of all; unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Upload(Request):
    """A file that a person attaches, its content in base64."""

    name: str
    content: str

    @classmethod
    def of(cls, name: str, content: bytes) -> "Upload":
        """Return an upload of these bytes."""
        return cls(name=name, content=base64.b64encode(content).decode())

    def data(self) -> bytes:
        """Return the content."""
        return base64.b64decode(self.content)


class Say(Request):
    """Post a message, or a reply with `thread_ts`."""

    user: str
    channel: str
    text: str = ""
    thread_ts: str | None = None
    files: tuple[Upload, ...] = ()
    raw: bool = False


class EditMessage(Request):
    """Edit one's own message."""

    user: str
    channel: str
    ts: str
    text: str
    raw: bool = False


class DeleteMessage(Request):
    """Delete one's own message, or any as workspace admin."""

    user: str
    channel: str
    ts: str


class DeleteFile(Request):
    """Delete one's own file, wherever it is shown."""

    user: str
    file: str


class Unfurl(Request):
    """Add a link preview to a message, as Slack does by itself."""

    channel: str
    ts: str


class React(Request):
    """Add or remove a reaction."""

    user: str
    channel: str
    ts: str
    name: str
    remove: bool = False


class Command(Request):
    """Enter a slash command such as `/phyassist help`."""

    user: str
    channel: str
    line: str
    thread_ts: str | None = None


class Click(Request):
    """Act on a message's button or select, or on a view's when `view_id` is given."""

    user: str
    channel: str = ""
    ts: str = ""
    view_id: str | None = None
    action_id: str | None = None
    block_id: str | None = None
    value: Any = None
    stale: bool = False


class SubmitView(Request):
    """Fill a modal in and submit it."""

    user: str
    view_id: str
    values: dict[str, Any] = Field(default_factory=dict)
    stale: bool = False


class CloseView(Request):
    """Close a modal."""

    user: str
    view_id: str


class OpenHome(Request):
    """Open the app's home tab."""

    user: str


class Shortcut(Request):
    """Use a message shortcut."""

    user: str
    channel: str
    ts: str
    callback_id: str


class Member(Request):
    """Invite somebody to a channel, or remove somebody; the bot's name is phyassist."""

    channel: str
    user: str
    by: str = "anna"


class CreateChannel(Request):
    """Create a channel; guests and members of other companies are invited like everybody."""

    name: str
    creator: str = "anna"
    members: tuple[str, ...] = ()
    is_private: bool = True
    is_ext_shared: bool = False


class ChannelOnly(Request):
    """A channel that is deleted, or that gets another id."""

    channel: str


class ChangeChannel(Request):
    """Rename, archive, share or make public. Slack tells the app of all but the last."""

    channel: str
    name: str | None = None
    is_archived: bool | None = None
    is_ext_shared: bool | None = None
    is_pending_ext_shared: bool | None = None
    is_private: bool | None = None


class SetUser(Request):
    """Add a user or change one; the id is made from the name when it is new."""

    name: str
    real_name: str | None = None
    is_admin: bool | None = None
    is_restricted: bool | None = None
    is_ultra_restricted: bool | None = None
    is_stranger: bool | None = None
    team_id: str | None = None
    locale: str | None = None


class SetUsergroup(Request):
    """Set the members of a user group by its handle."""

    handle: str
    users: tuple[str, ...]


class Emit(Request):
    """Send any event to the app; `channel` is used for is_ext_shared_channel only."""

    event: dict[str, Any]
    channel: str | None = None


class SetRequestUrl(Request):
    """Deliver to this URL with signatures, or over sockets again when it is empty."""

    url: str | None = None
    verify: bool = True


class Disconnect(Request):
    """End all sockets now."""

    farewell: Farewell = Farewell.ANNOUNCED


class SetLimits(Request):
    """Switch Slack's rate limits on or off."""

    enabled: bool
