"""The demo model: its content, its grammar, and its training in one command."""
