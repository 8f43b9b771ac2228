"""The small parts of Block Kit that messages and modals are built from."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

Block = dict[str, Any]

INPUT_CHARS = 2900


def escape(text: str) -> str:
    """Text that Slack shows as it is: no mention, link or channel call comes to life."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def fit(lines: Sequence[str], limit: int) -> list[list[str]]:
    """Lines in groups of at most `limit` characters; a single line above the limit is broken between words where it can be."""
    groups: list[list[str]] = []
    used = limit + 1
    for line in (part for whole in lines for part in _broken(whole, limit - 50)):
        if used + len(line) + 1 > limit:
            groups.append([])
            used = 0
        groups[-1].append(line)
        used += len(line) + 1
    return groups


def _broken(line: str, limit: int) -> list[str]:
    parts = []
    while len(line) > limit:
        cut = line.rfind(" ", limit // 2, limit)
        # Chinese has no spaces: break at the limit, but never inside an escaped character
        cut = cut if cut > 0 else (line.rfind("&", limit - 5, limit) if "&" in line[limit - 5 : limit] else limit)
        parts.append(line[:cut].rstrip())
        line = line[cut:].lstrip()
    return [*parts, line]


def moment(at: datetime) -> str:
    """A moment that Slack shows in the reader's own time zone."""
    return f"<!date^{int(at.timestamp())}^{{date_num}} {{time}}|{at:%Y-%m-%d %H:%M} UTC>"


def plain(text: str) -> Block:
    """Plain text."""
    return {"type": "plain_text", "text": text}


def header(text: str) -> Block:
    """A heading."""
    return {"type": "header", "text": plain(text)}


def section(text: str) -> Block:
    """A paragraph."""
    return {"type": "section", "text": mrkdwn(text)}


def context(text: str) -> Block:
    """A line in small print."""
    return {"type": "context", "elements": [mrkdwn(text)]}


def mrkdwn(text: str) -> Block:
    """Text with Slack's marks, and nothing else brought to life."""
    # verbatim: otherwise Slack brings @channel, #names and addresses in plain words to life, escaped or not
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def button(action_id: str, text: str, value: str) -> Block:
    """A button."""
    return {"type": "button", "action_id": action_id, "text": plain(text), "value": value}


def text_input(block_id: str, label: str, value: str) -> Block:
    """A field of several lines that may stay empty."""
    element = {"type": "plain_text_input", "action_id": "text", "multiline": True, "max_length": 3000}
    if value:
        element["initial_value"] = value
    return {"type": "input", "block_id": block_id, "label": plain(label), "optional": True, "element": element}
