"""What the app's manifest allows it: the events it hears, the scopes of its token, its commands and shortcuts.

The sandbox takes them from the manifest that a team installs on Slack, so that every test tests the manifest too.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.sandbox.errors import SlackRefusal

MANIFEST = Path(__file__).parent.parent / "slack" / "manifest.json"

# Web API method → scopes of which one is needed; methods that aren't named need none.
NEEDED_SCOPES: Mapping[str, frozenset[str]] = {
    "chat.postMessage": frozenset({"chat:write"}),
    "chat.update": frozenset({"chat:write"}),
    "chat.delete": frozenset({"chat:write"}),
    "chat.postEphemeral": frozenset({"chat:write"}),
    "assistant.threads.setStatus": frozenset({"chat:write", "assistant:write"}),
    "conversations.info": frozenset({"groups:read", "channels:read"}),
    "conversations.list": frozenset({"groups:read", "channels:read"}),
    "conversations.members": frozenset({"groups:read", "channels:read"}),
    "users.conversations": frozenset({"groups:read", "channels:read"}),
    "conversations.history": frozenset({"groups:history", "channels:history"}),
    "conversations.replies": frozenset({"groups:history", "channels:history"}),
    "conversations.open": frozenset({"im:write"}),
    "conversations.join": frozenset({"channels:join"}),
    "conversations.leave": frozenset({"groups:write", "channels:manage"}),
    "conversations.invite": frozenset({"groups:write", "channels:manage"}),
    "users.info": frozenset({"users:read"}),
    "users.list": frozenset({"users:read"}),
    "bots.info": frozenset({"users:read"}),
    "team.info": frozenset({"team:read"}),
    "usergroups.list": frozenset({"usergroups:read"}),
    "usergroups.users.list": frozenset({"usergroups:read"}),
    "reactions.add": frozenset({"reactions:write"}),
    "reactions.remove": frozenset({"reactions:write"}),
    "files.getUploadURLExternal": frozenset({"files:write"}),
    "files.completeUploadExternal": frozenset({"files:write"}),
    "files.delete": frozenset({"files:write"}),
    "files.info": frozenset({"files:read"}),
}
ALL_SCOPES = frozenset(scope for scopes in NEEDED_SCOPES.values() for scope in scopes)


@dataclass(frozen=True, slots=True)
class Manifest:
    """An installed app as the workspace knows it."""

    events: frozenset[str]
    scopes: frozenset[str]
    commands: frozenset[str]
    shortcuts: frozenset[str]

    def check_scope(self, method: str) -> None:
        """Raise SlackRefusal(missing_scope) when the app's token may not use a Web API method."""
        needed = NEEDED_SCOPES.get(method)
        if needed is not None and not needed & self.scopes:
            raise SlackRefusal("missing_scope", [f"needs {' or '.join(sorted(needed))}"])


def load_manifest(path: Path = MANIFEST) -> Manifest:
    """Return the app which a manifest file describes."""
    content = json.loads(path.read_text(encoding="utf-8"))
    features, settings = content["features"], content["settings"]
    return Manifest(
        frozenset(settings["event_subscriptions"]["bot_events"]),
        frozenset(content["oauth_config"]["scopes"]["bot"]),
        frozenset(command["command"] for command in features.get("slash_commands", ())),
        frozenset(shortcut["callback_id"] for shortcut in features.get("shortcuts", ())),
    )
