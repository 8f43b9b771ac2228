"""conversations.* and users.conversations."""

from deploy.sandbox.errors import SlackRefusal
from deploy.sandbox.methods.registry import Args, Parts, channel_of, message_of, method, page, user_of
from deploy.sandbox.model import BOT_USER_ID, Channel, Json
from deploy.sandbox.shown import shown_tombstone


@method("conversations.info")
def info(parts: Parts, args: Args) -> Json:
    """Describe a channel."""
    shown = channel_of(parts, args).to_json()
    if not args.flag("include_num_members"):
        shown.pop("num_members", None)
    return {"channel": shown}


@method("conversations.members")
def members(parts: Parts, args: Args) -> Json:
    """List the members of a channel."""
    found, metadata = page(channel_of(parts, args).members, args, 100)
    return {"members": found, **metadata}


def _readable(parts: Parts, args: Args) -> Channel:
    channel = channel_of(parts, args)
    if BOT_USER_ID not in channel.members:
        raise SlackRefusal("not_in_channel")
    return channel


def _window(messages: list[Json], args: Args) -> list[Json]:
    oldest, latest = args.text("oldest") or "0", args.text("latest") or "99999999999"
    if args.flag("inclusive"):
        return [message for message in messages if float(oldest) <= float(message["ts"]) <= float(latest)]
    return [message for message in messages if float(oldest) < float(message["ts"]) < float(latest)]


def _visible(messages: list[Json], args: Args) -> list[Json]:
    """Metadata is shown only on demand."""
    if args.flag("include_all_metadata"):
        return messages
    return [{key: value for key, value in message.items() if key != "metadata"} for message in messages]


@method("conversations.history")
def history(parts: Parts, args: Args) -> Json:
    """Return a channel's messages, newest first, without replies in threads."""
    channel = _readable(parts, args)
    top = [message for message in channel.messages.values() if not message.is_reply or message.subtype == "thread_broadcast"]
    window = _window([parts.workspace.message_json(message) for message in top][::-1], args)
    found, metadata = page(_visible(window, args), args, 100)
    return {"messages": found, "has_more": bool(metadata["response_metadata"]["next_cursor"]), "pin_count": 0, **metadata}


@method("conversations.replies")
def replies(parts: Parts, args: Args) -> Json:
    """Return a thread: its first message and its replies, oldest first."""
    channel = _readable(parts, args)
    ts = args.required("ts")
    thread_ts = channel.messages[ts].thread_ts or ts if ts in channel.messages else ts
    answers = [parts.workspace.message_json(message) for message in parts.workspace.replies(channel, thread_ts)]
    if thread_ts in channel.deleted and answers:
        head = shown_tombstone(thread_ts)
    else:
        head = parts.workspace.message_json(message_of(channel, thread_ts, "thread_not_found"))
    window = [head, *_window(answers, args)]
    found, metadata = page(_visible(window, args), args, 1000)
    return {"messages": found, "has_more": bool(metadata["response_metadata"]["next_cursor"]), **metadata}


@method("conversations.open")
def open_conversation(parts: Parts, args: Args) -> Json:
    """Open the direct conversation with one user."""
    users = [user for user in args.text("users").split(",") if user]
    if len(users) != 1:
        raise SlackRefusal("method_not_supported_for_channel_type" if users else "users_list_not_supplied")
    if users[0] not in parts.workspace.users:
        raise SlackRefusal("user_not_found")
    return {"channel": {"id": parts.workspace.open_im(users[0]).id}}


def _listed(channels: list[Channel], args: Args) -> list[Json]:
    kinds = (args.text("types") or "public_channel").split(",")
    wanted = {"private_channel": "group", "public_channel": "channel", "im": "im"}
    types = {wanted[kind] for kind in kinds if kind in wanted}
    archived = not args.flag("exclude_archived")
    return [channel.to_json() for channel in channels if channel.channel_type in types and (archived or not channel.is_archived)]


@method("conversations.list")
def list_conversations(parts: Parts, args: Args) -> Json:
    """List public channels, and private ones of which the bot is a member."""
    visible = [
        channel for channel in parts.workspace.channels.values() if channel.channel_type == "channel" or BOT_USER_ID in channel.members
    ]
    found, metadata = page(_listed(visible, args), args, 100)
    return {"channels": found, **metadata}


@method("users.conversations")
def conversations_of_user(parts: Parts, args: Args) -> Json:
    """List the channels of a user, by default of the bot; private ones only where the bot is too."""
    user = user_of(parts, args).id if args.has("user") else BOT_USER_ID
    visible = [
        channel
        for channel in parts.workspace.channels.values()
        if user in channel.members and (channel.channel_type == "channel" or BOT_USER_ID in channel.members)
    ]
    found, metadata = page(_listed(visible, args), args, 100)
    return {"channels": found, **metadata}


@method("conversations.join")
def join(parts: Parts, args: Args) -> Json:
    """Let the bot join a public channel."""
    channel = channel_of(parts, args)
    if channel.is_private or channel.is_im:
        raise SlackRefusal("method_not_supported_for_channel_type")
    parts.workspace.add_member(channel, BOT_USER_ID)
    return {"channel": channel.to_json()}


@method("conversations.leave")
def leave(parts: Parts, args: Args) -> Json:
    """Let the bot leave a channel."""
    channel = _readable(parts, args)
    parts.workspace.remove_member(channel, BOT_USER_ID)
    return {}


@method("conversations.invite")
def invite(parts: Parts, args: Args) -> Json:
    """Invite users to a channel of the bot."""
    channel = _readable(parts, args)
    for user in [user for user in args.required("users").split(",") if user]:
        if user not in parts.workspace.users:
            raise SlackRefusal("user_not_found")
        if user in channel.members:
            raise SlackRefusal("already_in_channel")
        parts.workspace.add_member(channel, user, inviter=BOT_USER_ID)
    return {"channel": channel.to_json()}
