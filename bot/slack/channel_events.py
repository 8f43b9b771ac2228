"""What Slack tells about channels, as acts of their queues.

Nearly all of it means the same: look at the channel. Invitations of the bot itself are acts of their own, read in `payloads.py`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from bot.workflow.incoming import ChannelChanged, ChannelMoved, ChannelRenamed, Incoming

CHANGES = {
    "member_joined_channel",
    "member_left_channel",
    "channel_shared",
    "channel_unshared",
    "group_archive",
    "group_unarchive",
    "group_left",
    "group_deleted",
}
"""Events after which a channel has to be looked at."""


def channel_acts(body: Mapping[str, Any], bot_user_id: str | None) -> Sequence[Incoming]:
    """The acts in an `event_callback` body; none where it tells of no change of a channel, or of an invitation of the bot."""
    event = body.get("event") or {}
    kind, channel, at = str(event.get("type")), event.get("channel"), str(event.get("event_ts") or "0")
    common: dict[str, Any] = {"team_id": str(body.get("team_id") or ""), "user_id": str(event.get("user") or ""), "at": at}
    match kind:
        case "member_joined_channel" if event.get("user") == bot_user_id:
            return ()
        case "group_rename" if isinstance(channel, Mapping):
            return (ChannelRenamed(**common, channel_id=str(channel["id"]), name=str(channel.get("name") or "")),)
        case "channel_id_changed":
            old, new = str(event["old_channel_id"]), str(event["new_channel_id"])
            moved = ChannelMoved(**common, channel_id=old, new_channel_id=new)
            return moved, ChannelChanged(**common, channel_id=new, source=f"{kind}:{at}")
        case _ if kind in CHANGES:
            deleted = kind == "group_deleted"
            return (ChannelChanged(**common, channel_id=str(channel), deleted=deleted, source=f"{kind}:{event.get('user') or ''}:{at}"),)
        case _:
            return ()
