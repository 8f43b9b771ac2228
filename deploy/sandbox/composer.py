"""What Slack's composer makes of typed text: escaped, mentions and links marked, with a rich_text block."""

import html
import re

from deploy.sandbox.model import Json, User

# In text that is escaped already: an address on the web, an e-mail address, a mention in Slack's form, a mention by name.
_MARKS = re.compile(r"(https?://[^\s<>|]+)|((?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+)|&lt;@([A-Z0-9]+)&gt;|(?<!\w)@([a-z][a-z0-9_-]*)")
_PARTS = re.compile(r"(<[^>]+>)")


def composed(typed: str, users: dict[str, User]) -> str:
    """Return the message text for what somebody typed: &, < and > escaped, addresses linked, @name turned into a mention.

    A mention that is written in Slack's own form, <@U…>, stays one when the user exists.
    """
    by_name = {user.name: user.id for user in users.values()}

    def mark(match: re.Match[str]) -> str:
        address, mail, user_id, name = match.groups()
        if address:
            return f"<{address}>"
        if mail:
            return f"<mailto:{mail}|{mail}>"
        known = user_id if user_id in users else by_name.get(name or "")
        return f"<@{known}>" if known else match[0]

    return _MARKS.sub(mark, html.escape(typed, quote=False))


def rich_text(text: str) -> list[Json]:
    """Return the rich_text block that Slack adds to people's messages."""
    elements = [_element(part) for part in _PARTS.split(text) if part]
    return [{"type": "rich_text", "block_id": "typed", "elements": [{"type": "rich_text_section", "elements": elements}]}]


def _element(part: str) -> Json:
    if not _PARTS.fullmatch(part):
        return {"type": "text", "text": html.unescape(part)}
    if part.startswith("<@"):
        return {"type": "user", "user_id": part[2:-1]}
    address, _, label = part[1:-1].partition("|")
    return {"type": "link", "url": html.unescape(address)} | ({"text": label} if label else {})
