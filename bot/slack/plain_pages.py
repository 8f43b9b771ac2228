"""The same content without blocks, for the case that Slack refuses them: every word as plain text, and no button."""

from collections.abc import Sequence

from bot.slack.blocks import Block, fit
from bot.slack.views import Page

TEXT_CHARS = 3800
"""Of one message: `chat.update` takes 4,000."""
REFUSALS = frozenset({"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long"})
"""Slack's names for blocks that it doesn't take; asked again with the same ones, it says the same."""


def plain_pages(pages: Sequence[Page], without_buttons: str) -> tuple[Page, ...]:
    """The words of these pages, on as many as they need, at least one. Where buttons are left out, `without_buttons` says so at the end.

    Notifications of such a message show its first words: without blocks there is only one text.
    """
    blocks = [block for page in pages for block in page.blocks]
    lines = [line for block in blocks for line in _lines(block)]
    if any(block["type"] == "actions" for block in blocks):
        lines.append(without_buttons)
    return tuple(Page("\n".join(group), ()) for group in fit(lines, TEXT_CHARS))


def _lines(block: Block) -> list[str]:
    match block["type"]:
        case "header":
            return [f"*{block['text']['text']}*"]
        case "section":
            return str(block["text"]["text"]).split("\n")
        case "context":
            return [str(element["text"]) for element in block["elements"]]
        case _:
            return []
