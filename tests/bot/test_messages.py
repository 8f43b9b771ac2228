"""`bot/MESSAGES.md` shows what the bot says today."""

from pathlib import Path

import bot
from tests.support.transcript import transcript


def test_the_messages_in_the_documentation_are_the_bots_own() -> None:
    """Where this fails after a change of words: `python -m tests.support.transcript > bot/MESSAGES.md`, and read the difference."""
    assert (Path(bot.__file__).parent / "MESSAGES.md").read_text(encoding="utf-8") == transcript()
