"""The database: tables, encryption, the inbox, and which Slack message shows which note."""
