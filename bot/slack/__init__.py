"""Slack: payloads in, guards, listeners, messages out. Slack's own dicts are known in `payloads.py` and `views/` only."""
