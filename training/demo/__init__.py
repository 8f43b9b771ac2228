"""The demo model: its content, its grammar, and its training in one command."""

from inference.note import NoteLimits

LIMITS = NoteLimits(items_per_kind=4, item_chars=160)
"""The demo model writes short sentences; held to this it can't ramble."""
