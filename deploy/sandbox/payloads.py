"""What Slack would send to an app: events for changes of the workspace, and the common parts of people's actions."""

import time
from dataclasses import dataclass

from deploy.sandbox.model import (
    APP_ID,
    BOT_USER_ID,
    FOREIGN_TEAM_ID,
    TEAM_DOMAIN,
    TEAM_ID,
    VERIFICATION_TOKEN,
    Change,
    ChangeKind,
    Channel,
    Json,
    User,
    new_id,
)
from deploy.sandbox.state import Workspace


@dataclass(frozen=True, slots=True)
class Event:
    """One inner event and the name under which an app subscribes to it, such as message.groups."""

    subscription: str
    body: Json
    channel: str | None = None


def events_of(change: Change, workspace: Workspace) -> list[Event]:
    """Return the events which a change causes for an app that sees it: none where the bot isn't a member."""
    channel = workspace.channels.get(change.channel or "")
    if change.kind is ChangeKind.MEMBER_LEFT and channel is not None:
        return _left(change, channel, workspace)
    if change.kind is ChangeKind.HOME_OPENED:
        return [Event("app_home_opened", _stamped({"type": "app_home_opened", "user": change.user, **change.data}, workspace))]
    if channel is None or BOT_USER_ID not in channel.members:
        return []
    if change.kind is ChangeKind.MESSAGE_POSTED:
        return _posted(change, channel)
    if change.kind is ChangeKind.MESSAGE_CHANGED:
        return [_message(channel, workspace, {"subtype": "message_changed", "message": change.data, "previous_message": change.previous})]
    if change.kind is ChangeKind.MESSAGE_DELETED:
        return [_deleted(change, channel, workspace)]
    if change.kind is ChangeKind.MEMBER_JOINED:
        return [Event("member_joined_channel", _member("member_joined_channel", change, channel, workspace), channel.id)]
    if change.kind is ChangeKind.CHANNEL_CHANGED:
        return [_channel_changed(change, channel, workspace)]
    if change.kind in {ChangeKind.REACTION_ADDED, ChangeKind.REACTION_REMOVED}:
        body = {"type": change.kind.value, "user": change.user, **change.data}
        return [Event(change.kind.value, _stamped(body, workspace), channel.id)]
    return []


def event_callback(event: Event, workspace: Workspace, event_id: str | None = None) -> Json:
    """Wrap an inner event as the Events API does."""
    channel = workspace.channels.get(event.channel or "")
    authorization = {"enterprise_id": None, "team_id": TEAM_ID, "user_id": BOT_USER_ID, "is_bot": True, "is_enterprise_install": False}
    return {
        "token": VERIFICATION_TOKEN, "team_id": TEAM_ID, "context_team_id": TEAM_ID, "context_enterprise_id": None,
        "api_app_id": APP_ID, "event": event.body, "type": "event_callback", "event_id": event_id or new_id("Ev"),
        "event_time": int(time.time()), "authorizations": [authorization],
        "is_ext_shared_channel": bool(channel and channel.is_ext_shared), "event_context": f"4-{new_id('E')}",
    }  # fmt: skip


def action_base(user: User, trigger_id: str) -> Json:
    """Return what every interactive payload has: who, where, the app, the trigger."""
    who = {"id": user.id, "username": user.name, "name": user.name, "team_id": user.team_id}
    return {
        "user": who, "api_app_id": APP_ID, "token": VERIFICATION_TOKEN, "trigger_id": trigger_id,
        "team": {"id": TEAM_ID, "domain": TEAM_DOMAIN}, "enterprise": None, "is_enterprise_install": False,
    }  # fmt: skip


def channel_of_action(channel: Channel) -> Json:
    """Return a channel as interactive payloads show it: private channels hide their name."""
    names = {"im": "directmessage", "group": "privategroup", "channel": channel.name}
    return {"id": channel.id, "name": names[channel.channel_type]}


def slash_command(user: User, channel: Channel, command: str, text: str, trigger_id: str, response_url: str) -> Json:
    """Return the fields of a slash command; all are strings."""
    return {
        "token": VERIFICATION_TOKEN, "team_id": TEAM_ID, "team_domain": TEAM_DOMAIN, "channel_id": channel.id,
        "channel_name": channel_of_action(channel)["name"], "user_id": user.id, "user_name": user.name, "command": command,
        "text": text, "api_app_id": APP_ID, "is_enterprise_install": "false", "response_url": response_url, "trigger_id": trigger_id,
    }  # fmt: skip


def _stamped(body: Json, workspace: Workspace) -> Json:
    return {**body, "event_ts": workspace.next_ts()}


def _posted(change: Change, channel: Channel) -> list[Event]:
    message = {**change.data, "channel": channel.id, "event_ts": change.data["ts"], "channel_type": channel.channel_type}
    events = [Event(_message_subscription(channel), message, channel.id)]
    mentioned = f"<@{BOT_USER_ID}>" in str(change.data["text"])
    if mentioned and change.user != BOT_USER_ID and "subtype" not in change.data and not channel.is_im:
        mention = {key: value for key, value in message.items() if key != "channel_type"}
        events.append(Event("app_mention", {**mention, "type": "app_mention"}, channel.id))
    return events


def _message_subscription(channel: Channel) -> str:
    return {"im": "message.im", "group": "message.groups", "channel": "message.channels"}[channel.channel_type]


def _message(channel: Channel, workspace: Workspace, fields: Json) -> Event:
    ts = workspace.next_ts()
    body = {
        "type": "message",
        **fields,
        "channel": channel.id,
        "hidden": True,
        "ts": ts,
        "event_ts": ts,
        "channel_type": channel.channel_type,
    }
    return Event(_message_subscription(channel), body, channel.id)


def _deleted(change: Change, channel: Channel, workspace: Workspace) -> Event:
    previous = change.previous or {}
    if change.data:
        return _message(channel, workspace, {"subtype": "message_changed", "message": change.data, "previous_message": previous})
    return _message(channel, workspace, {"subtype": "message_deleted", "deleted_ts": previous["ts"], "previous_message": previous})


def _member(kind: str, change: Change, channel: Channel, workspace: Workspace) -> Json:
    body: Json = {"type": kind, "user": change.user, "channel": channel.id, "team": TEAM_ID}
    body["channel_type"] = "G" if channel.is_private else "C"
    if change.data.get("inviter"):
        body["inviter"] = change.data["inviter"]
    return _stamped(body, workspace)


def _left(change: Change, channel: Channel, workspace: Workspace) -> list[Event]:
    itself = change.user == BOT_USER_ID
    if not itself and BOT_USER_ID not in channel.members:
        return []
    events = [Event("member_left_channel", _member("member_left_channel", change, channel, workspace), channel.id)]
    if itself:
        kind = "group_left" if channel.is_private else "channel_left"
        body = _stamped({"type": kind, "channel": channel.id, "actor_id": change.data.get("actor")}, workspace)
        events.append(Event(kind, body, channel.id))
    return events


def _channel_changed(change: Change, channel: Channel, workspace: Workspace) -> Event:
    kind = str(change.data["event"])
    where: object = channel.id
    if kind.endswith("_rename"):
        where = {"id": channel.id, "name": channel.name, "created": channel.created}
    body: Json = {"type": kind, "channel": where}
    if kind == "channel_id_changed":
        body = {"type": kind, "old_channel_id": (change.previous or {})["id"], "new_channel_id": channel.id}
    if kind in {"channel_shared", "channel_unshared"}:
        body |= {"connected_team_id": FOREIGN_TEAM_ID} if kind == "channel_shared" else {"previously_connected_team_id": FOREIGN_TEAM_ID}
    return Event(kind, _stamped(body, workspace), channel.id)
