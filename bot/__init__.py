"""The Slack bot: from a counselor's message to an approved note."""
