"""What Slack's composer makes of typed text: escaped, mentions resolved, with a rich_text block."""

import html
import re

from deploy.sandbox.model import Json, User

_MENTION = re.compile(r"@([a-z][a-z0-9._-]*)")
_PARTS = re.compile(r"(<@[A-Z0-9]+>)")


def composed(typed: str, users: dict[str, User]) -> str:
    """Return the message text for what somebody typed: &, < and > escaped, @name turned into a mention.

    A mention that is written in Slack's own form, <@U…>, stays one when the user exists.
    """
    by_name = {user.name: user.id for user in users.values()}

    def mention(match: re.Match[str]) -> str:
        return f"<@{by_name[match[1]]}>" if match[1] in by_name else match[0]

    escaped = _MENTION.sub(mention, html.escape(typed, quote=False))
    return re.sub(r"&lt;@([A-Z0-9]+)&gt;", lambda match: f"<@{match[1]}>" if match[1] in users else match[0], escaped)


def rich_text(text: str) -> list[Json]:
    """Return the rich_text block that Slack adds to people's messages."""
    elements: list[Json] = []
    for part in _PARTS.split(text):
        if _PARTS.fullmatch(part):
            elements.append({"type": "user", "user_id": part[2:-1]})
        elif part:
            elements.append({"type": "text", "text": html.unescape(part)})
    return [{"type": "rich_text", "block_id": "typed", "elements": [{"type": "rich_text_section", "elements": elements}]}]
