"""Slack: payloads in, guards, listeners, messages out. Slack's own dicts are known in `payloads.py`, `blocks.py` and what builds on it."""
