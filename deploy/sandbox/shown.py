"""How Slack shows messages and files in events and answers. Pure functions."""

from collections.abc import Sequence

from deploy.sandbox.model import APP_ID, BOT_ID, File, Json, Message, User


def shown_message(message: Message, author: User, files: Sequence[Json], replies: Sequence[Message], parent: Message | None) -> Json:
    """Return a message; `replies` are those to it, `parent` is the first message of its thread."""
    shown: Json = {"type": "message", "user": message.user, "ts": message.ts, "text": message.text, "team": author.team_id}
    optional: Json = {
        "subtype": message.subtype, "bot_id": message.bot_id, "app_id": APP_ID if message.bot_id else None,
        "client_msg_id": message.client_msg_id, "blocks": message.blocks or None, "edited": message.edited,
        "metadata": message.metadata, "thread_ts": message.thread_ts, "files": list(files) or None,
        "reactions": [{"name": name, "users": users, "count": len(users)} for name, users in message.reactions.items()] or None,
    }  # fmt: skip
    shown |= {key: value for key, value in optional.items() if value is not None}
    if message.bot_id == BOT_ID:
        shown["bot_profile"] = {"id": BOT_ID, "app_id": APP_ID, "name": author.name, "deleted": False}
    return shown | _thread(message, replies, parent) | message.extra


def _thread(message: Message, replies: Sequence[Message], parent: Message | None) -> Json:
    if message.is_reply:
        return {"parent_user_id": parent.user} if parent else {}
    if not replies:
        return {}
    users = list(dict.fromkeys(reply.user for reply in replies))
    shown: Json = {"thread_ts": message.ts, "reply_count": len(replies), "reply_users": users, "reply_users_count": len(users)}
    return shown | {"latest_reply": replies[-1].ts, "is_locked": False, "subscribed": False}


def shown_tombstone(ts: str) -> Json:
    """Return what stands in place of a deleted message that has replies."""
    shown: Json = {"type": "message", "subtype": "tombstone", "user": "USLACKBOT", "text": "This message was deleted."}
    return shown | {"hidden": True, "ts": ts, "thread_ts": ts}


def shown_file(file: File, address: str) -> Json:
    """Return a file that is read at `address`; of one that was deleted nothing but its id."""
    if file.deleted:
        return {"id": file.id, "mode": "tombstone"}
    return {
        "id": file.id, "name": file.name, "title": file.title, "mimetype": file.mimetype, "user": file.owner,
        "created": file.created, "timestamp": file.created, "size": len(file.content), "mode": "hosted",
        "filetype": file.name.rpartition(".")[2].lower(), "is_external": False, "channels": list(file.shares),
        "url_private": address, "url_private_download": address, "permalink": address,
    }  # fmt: skip
