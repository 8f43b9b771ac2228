"""files.*: an upload is asked for, sent to its address, then completed and shared."""

from typing import Any

from deploy.sandbox.errors import SlackRefusal
from deploy.sandbox.methods.registry import Args, Parts, method, writable_channel
from deploy.sandbox.model import BOT_USER_ID, File, Json

LARGEST = 64 * 1024 * 1024  # bytes; Slack's own limit is 1 GB


@method("files.getUploadURLExternal")
def get_upload_url(parts: Parts, args: Args) -> Json:
    """Reserve a file and return where to send its content."""
    name, length = args.required("filename"), args.number("length", 0)
    if not 0 < length <= LARGEST:
        raise SlackRefusal("invalid_arguments", ["must be more than 0 [json-pointer:/length]"])
    file = parts.workspace.new_file(name, BOT_USER_ID)
    return {"upload_url": f"{parts.workspace.base_url}/upload/{file.id}", "file_id": file.id}


@method("files.completeUploadExternal")
def complete_upload(parts: Parts, args: Args) -> Json:
    """Finish uploads and share them in a channel or thread."""
    named: Any = args.structure("files")
    if not isinstance(named, list) or not named:
        raise SlackRefusal("invalid_arguments", ["missing required field: files"])
    files = [_uploaded(parts, each) for each in named]
    channel_id = args.text("channel_id") or args.text("channels").partition(",")[0]
    if channel_id:
        channel = writable_channel(parts, Args({"channel": channel_id}))
        ids = [file.id for file in files]
        text, thread_ts = args.text("initial_comment"), args.text("thread_ts") or None
        parts.workspace.post(channel, BOT_USER_ID, text, thread_ts=thread_ts, subtype="file_share", files=ids)
    return {"files": [parts.workspace.file_json(file) for file in files]}


def _uploaded(parts: Parts, named: Any) -> File:
    file = parts.workspace.files.get(str(named.get("id"))) if isinstance(named, dict) else None
    if file is None or file.complete or not file.content:
        raise SlackRefusal("file_not_found")
    file.title = str(named.get("title") or file.name)
    file.complete = True
    return file


@method("files.info")
def file_info(parts: Parts, args: Args) -> Json:
    """Describe a file which is shared where the bot can see it, or its own."""
    file = parts.workspace.files.get(args.required("file"))
    if file is None or not may_read(parts, file):
        raise SlackRefusal("file_not_found")
    return {"file": parts.workspace.file_json(file), "comments": [], "paging": {"count": 0, "total": 0, "page": 1, "pages": 0}}


@method("files.delete")
def delete_file(parts: Parts, args: Args) -> Json:
    """Delete a file of the bot; messages that shared it stay, without it."""
    file = parts.workspace.files.get(args.required("file"))
    if file is None:
        raise SlackRefusal("file_not_found")
    if file.owner != BOT_USER_ID:
        raise SlackRefusal("cant_delete_file")
    parts.workspace.delete_file(file)
    return {}


def may_read(parts: Parts, file: File) -> bool:
    """Whether the bot may read a file."""
    return file.owner == BOT_USER_ID or any(BOT_USER_ID in parts.workspace.channels[channel].members for channel in file.shares)
