"""The blocks of a message."""

import json
from typing import Any

from deploy.sandbox.errors import SlackRefusal
from deploy.sandbox.model import Json
from deploy.sandbox.validate.blocks import MARKDOWN_TEXT, check_block
from deploy.sandbox.validate.check import Check, Surface, with_ids

MOST_BLOCKS = 50
WHOLE_JSON = 13_200  # characters; Slack doesn't document it, people measured 13,297


def checked_blocks(value: Any) -> list[Json]:
    """Return a message's blocks with ids filled in.

    Raises SlackRefusal: invalid_blocks_format, invalid_blocks, msg_blocks_too_long.
    """
    if not isinstance(value, list):
        raise SlackRefusal("invalid_blocks_format")
    check = Check(Surface.MESSAGE)
    if _shown_blocks(value) > MOST_BLOCKS:
        check.fail("/blocks", f"no more than {MOST_BLOCKS} items allowed")
    for index, block in enumerate(value):
        check_block(check, block, f"/blocks/{index}")
    if check.markdown_length > MARKDOWN_TEXT:
        check.fail("/blocks", f"markdown text must be less than {MARKDOWN_TEXT + 1} characters in all blocks together")
    if sum(isinstance(block, dict) and block.get("type") == "table" for block in value) > 1:
        check.fail("/blocks", "only_one_table_allowed")
    if not check.problems:
        check.unique_ids(value)
    if check.problems:
        raise SlackRefusal("invalid_blocks", check.problems)
    if len(json.dumps(value, ensure_ascii=False, separators=(",", ":"))) > WHOLE_JSON:
        raise SlackRefusal("msg_blocks_too_long")
    return with_ids(value)


def _shown_blocks(blocks: list[Any]) -> int:
    """Count as Slack does after it has expanded markdown blocks: each heading starts a block of its own (an estimate)."""
    count = 0
    for block in blocks:
        headings = 0
        if isinstance(block, dict) and block.get("type") == "markdown":
            headings = sum(line.startswith("#") for line in str(block.get("text", "")).splitlines())
        count += max(1, headings)
    return count
