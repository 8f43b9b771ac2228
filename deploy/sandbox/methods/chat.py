"""chat.*, reactions.* and assistant.threads.setStatus."""

from typing import Any

from deploy.sandbox.errors import SlackRefusal
from deploy.sandbox.methods.registry import Args, Parts, channel_of, message_of, method, user_of, writable_channel
from deploy.sandbox.model import BOT_USER_ID, Json, Message
from deploy.sandbox.validate import checked_blocks

LONGEST_POST = 40_000
LONGEST_UPDATE = 4_000
BLOCKS_ONLY_TEXT = "This content can't be displayed."


def _content(args: Args, longest: int) -> tuple[str | None, list[Json] | None]:
    """Return text and blocks, checked; None for what wasn't given."""
    text = args.text("text") if args.has("text") else None
    given: Any = args.structure("blocks", "invalid_blocks_format")
    if args.has("markdown_text"):
        if given or text:
            raise SlackRefusal("markdown_text_conflict")
        given, text = [{"type": "markdown", "text": args.text("markdown_text")}], args.text("markdown_text")
    blocks = None if given is None else checked_blocks(given)
    if not text and not blocks and not args.structure("attachments"):
        raise SlackRefusal("no_text")
    if text and len(text) > longest:
        raise SlackRefusal("msg_too_long")
    return text, blocks


def _thread(args: Args, channel_messages: dict[str, Message]) -> str | None:
    """Return the ts of the thread's first message, also when a reply's ts was given."""
    thread_ts = args.text("thread_ts") or None
    named = channel_messages.get(thread_ts or "")
    return named.thread_ts if named is not None and named.is_reply else thread_ts


@method("chat.postMessage")
def post_message(parts: Parts, args: Args) -> Json:
    """Post a message as the bot."""
    channel = writable_channel(parts, args)
    text, blocks = _content(args, LONGEST_POST)
    metadata = args.structure("metadata", "invalid_metadata_format")
    thread_ts = _thread(args, channel.messages)
    if thread_ts and thread_ts not in channel.messages and thread_ts not in channel.deleted:
        raise SlackRefusal("thread_not_found")
    broadcast = "thread_broadcast" if thread_ts and args.flag("reply_broadcast") else None
    message = parts.workspace.post(
        channel, BOT_USER_ID, text or BLOCKS_ONLY_TEXT, blocks=blocks or [], thread_ts=thread_ts, subtype=broadcast,
        metadata=metadata, client_msg_id=args.text("client_msg_id") or None,
    )  # fmt: skip
    return {"channel": channel.id, "ts": message.ts, "message": parts.workspace.message_json(message)}


@method("chat.update")
def update(parts: Parts, args: Args) -> Json:
    """Change one of the bot's own messages; blocks stay when none are given."""
    channel = writable_channel(parts, args)
    message = message_of(channel, args.required("ts"))
    if message.user != BOT_USER_ID:
        raise SlackRefusal("cant_update_message")
    text, blocks = _content(args, LONGEST_UPDATE)
    metadata = args.structure("metadata", "invalid_metadata_format")
    parts.workspace.edit(message, text=text, blocks=blocks, metadata=metadata, editor=BOT_USER_ID)
    return {"channel": channel.id, "ts": message.ts, "text": message.text, "message": parts.workspace.message_json(message)}


@method("chat.delete")
def delete(parts: Parts, args: Args) -> Json:
    """Delete one of the bot's own messages."""
    channel = writable_channel(parts, args)
    message = message_of(channel, args.required("ts"))
    if message.user != BOT_USER_ID:
        raise SlackRefusal("cant_delete_message")
    parts.workspace.delete(message)
    return {"channel": channel.id, "ts": message.ts}


@method("chat.postEphemeral")
def post_ephemeral(parts: Parts, args: Args) -> Json:
    """Show a message to one member of a channel."""
    channel = writable_channel(parts, args)
    user = user_of(parts, args)
    if user.id not in channel.members:
        raise SlackRefusal("user_not_in_channel")
    text, blocks = _content(args, LONGEST_POST)
    content = {"text": text or "", "blocks": blocks or []}
    shown = parts.workspace.add_ephemeral(channel.id, user.id, content, args.text("thread_ts") or None)
    return {"message_ts": shown["ts"]}


@method("chat.getPermalink")
def get_permalink(parts: Parts, args: Args) -> Json:
    """Return the address of a message."""
    channel = channel_of(parts, args)
    message = message_of(channel, args.required("message_ts"))
    address = f"{parts.workspace.base_url}/archives/{channel.id}/p{message.ts.replace('.', '')}"
    if message.is_reply:
        address += f"?thread_ts={message.thread_ts}&cid={channel.id}"
    return {"channel": channel.id, "permalink": address}


@method("reactions.add")
def add_reaction(parts: Parts, args: Args) -> Json:
    """Add a reaction of the bot."""
    message = message_of(writable_channel(parts, args), args.required("timestamp"))
    if not parts.workspace.react(message, BOT_USER_ID, args.required("name").strip(":"), True):
        raise SlackRefusal("already_reacted")
    return {}


@method("reactions.remove")
def remove_reaction(parts: Parts, args: Args) -> Json:
    """Remove a reaction of the bot."""
    message = message_of(writable_channel(parts, args), args.required("timestamp"))
    if not parts.workspace.react(message, BOT_USER_ID, args.required("name").strip(":"), False):
        raise SlackRefusal("no_reaction")
    return {}


@method("assistant.threads.setStatus")
def set_status(parts: Parts, args: Args) -> Json:
    """Show a status line under a thread."""
    channel = writable_channel(parts, args, "channel_id")
    message_of(channel, args.required("thread_ts"), "thread_not_found")
    parts.workspace.set_status(channel.id, args.required("thread_ts"), args.text("status"))
    return {}
