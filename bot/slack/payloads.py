"""Slack's payloads as typed acts. The only file that knows what Slack's dicts look like on the way in."""

import html
import re
from collections.abc import Mapping
from typing import Any

from bot.workflow.incoming import Deleted, FileRef, Incoming, Joined, Posted

_WRITTEN_BY_PEOPLE = {None, "file_share", "thread_broadcast"}
_FILES_GONE = {"tombstone", "hidden_by_limit"}
"""Modes of files that Slack shows no more."""
_TOKEN = re.compile(r"<([^<>|]*)(?:\|([^<>]*))?>")


def parse_event(body: Mapping[str, Any], bot_user_id: str | None) -> Incoming | None:
    """The act in an `event_callback` body; None for whatever PhyAssist doesn't act on."""
    event = body.get("event") or {}
    team_id = str(body.get("team_id") or "")
    match event.get("type"):
        case "message":
            return _message(event, team_id, bot_user_id)
        case "member_joined_channel" if bot_user_id and event.get("user") == bot_user_id:
            user_id = str(event.get("inviter") or event["user"])
            return Joined(team_id=team_id, channel_id=str(event["channel"]), user_id=user_id, at=str(event.get("event_ts") or "0"))
        case _:
            return None


def _message(event: Mapping[str, Any], team_id: str, bot_user_id: str | None) -> Posted | Deleted | None:
    changed = event.get("subtype") == "message_changed"
    message = event.get("message") or {} if changed else event
    if event.get("subtype") == "message_deleted" or (changed and message.get("subtype") == "tombstone") or _lost_its_files(event):
        return _deleted(event, team_id)
    if message.get("subtype") not in _WRITTEN_BY_PEOPLE or message.get("bot_id") or not message.get("user") or message.get("hidden"):
        return None
    edited = message.get("edited") or {}
    if changed and not edited:  # Slack unfurled a link
        return None
    text = str(message.get("text") or "")
    if talks_to_somebody_else(text, bot_user_id):
        return None
    return Posted(
        team_id=team_id,
        channel_id=str(event["channel"]),
        user_id=str(message["user"]),
        at=str(edited.get("ts") or message["ts"]),
        ts=str(message["ts"]),
        thread_ts=message.get("thread_ts"),
        edited_ts=edited.get("ts"),
        text=plain_text(text),
        has_files=bool(message.get("files")),
        files=tuple(_file(file) for file in message.get("files") or ()),
    )


def _deleted(event: Mapping[str, Any], team_id: str) -> Deleted | None:
    """The end of a person's message; below it, where there are replies, Slack leaves a tombstone."""
    before = event.get("previous_message") or {}
    ts = event.get("deleted_ts") or before.get("ts")
    if not ts or before.get("bot_id") or not before.get("user"):
        return None
    return Deleted(
        team_id=team_id, channel_id=str(event["channel"]), user_id=str(before["user"]), at=str(event.get("event_ts") or ts), ts=str(ts)
    )


def _lost_its_files(event: Mapping[str, Any]) -> bool:
    """Whether a message that was nothing but files has none any more: somebody deleted them, which is no edit to Slack."""
    before, message = event.get("previous_message") or {}, event.get("message") or {}
    files = message.get("files") or []
    if event.get("subtype") != "message_changed" or message.get("edited") != before.get("edited") or str(message.get("text") or "").strip():
        return False
    return bool(before.get("files")) and all(file.get("mode") in _FILES_GONE for file in files)


def _file(file: Mapping[str, Any]) -> FileRef:
    """A file of a message. What lies elsewhere on the web, or is gone, has no address that the bot may fetch it from."""
    here = not file.get("is_external") and file.get("mode") not in {*_FILES_GONE, "external"}
    url = file.get("url_private_download") or file.get("url_private") or ""
    size = file.get("size")
    return FileRef(
        id=str(file.get("id") or ""),
        name=str(file.get("name") or file.get("title") or ""),
        mimetype=str(file.get("mimetype") or ""),
        size=size if isinstance(size, int) else 0,
        url=str(url) if here else "",
    )


def talks_to_somebody_else(text: str, bot_user_id: str | None) -> bool:
    """Whether a message begins by addressing a colleague: such messages are between people, and not read as case material."""
    first = re.match(r"\s*<@([A-Z0-9]+)(?:\|[^>]*)?>", text)
    return first is not None and first.group(1) != bot_user_id


def plain_text(text: str) -> str:
    """Slack's mrkdwn tokens as people see them; mentions lose their ids, so that no name reaches the model."""
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")  # half an emoji can be neither stored nor sent on
    return html.unescape(_TOKEN.sub(_plain_token, whole)).strip()


def _plain_token(match: re.Match[str]) -> str:
    target, label = match.group(1), match.group(2)
    if target.startswith("@"):
        return ""
    if target.startswith("!"):
        return label or "@" + target[1:].split("^")[0]
    if target.startswith("#"):
        return f"#{label}" if label else ""
    return label or target.removeprefix("mailto:")
