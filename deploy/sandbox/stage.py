"""What one user has open: a stack of at most three modals, and the home tab."""

import secrets

from deploy.sandbox.changes import ChangeLog
from deploy.sandbox.errors import SlackRefusal
from deploy.sandbox.model import ChangeKind, Json, View, new_id

STACK_LIMIT = 3


class Stage:
    """All users' modals and home tabs; closed views stay known, for people who press a button twice."""

    def __init__(self, changes: ChangeLog) -> None:
        self._changes = changes
        self.known: dict[str, View] = {}
        self.modals: dict[str, list[View]] = {}
        self.homes: dict[str, View] = {}

    def open(self, user: str, content: Json) -> View:
        """Open a modal as the bottom of the user's stack; an open stack is replaced, as Slack's clients do."""
        self._refuse_duplicate(content)
        view_id = new_id("V")
        view = View(view_id, user, content, _new_hash(), root_view_id=view_id)
        self.modals[user] = [view]
        return self._keep(view, ChangeKind.VIEW_OPENED)

    def push(self, user: str, content: Json) -> View:
        """Put a modal on top of the user's stack; raises push_limit_reached at the fourth."""
        self._refuse_duplicate(content)
        stack = self.modals.get(user, [])
        if not stack:
            return self.open(user, content)
        if len(stack) >= STACK_LIMIT:
            raise SlackRefusal("push_limit_reached")
        view = View(new_id("V"), user, content, _new_hash(), root_view_id=stack[0].id, previous_view_id=stack[-1].id)
        stack.append(view)
        return self._keep(view, ChangeKind.VIEW_OPENED)

    def update(self, view: View, content: Json, view_hash: str | None = None) -> View:
        """Replace a view's content; inputs that stay keep what the user entered, by block_id and action_id."""
        if view_hash and view_hash != view.hash:
            raise SlackRefusal("hash_conflict")
        previous = view.to_json()
        view.content, view.hash = content, _new_hash()
        known_blocks = {block.get("block_id") for block in content.get("blocks", [])}
        view.values = {block: values for block, values in view.values.items() if block in known_blocks}
        self._changes.record(ChangeKind.VIEW_CHANGED, user=view.user, data=view.to_json(), previous=previous)
        return view

    def publish(self, user: str, content: Json, view_hash: str | None = None) -> View:
        """Set the user's home tab."""
        home = self.homes.get(user)
        if home is not None:
            return self.update(home, content, view_hash)
        view_id = new_id("V")
        self.homes[user] = View(view_id, user, content, _new_hash(), root_view_id=view_id)
        return self._keep(self.homes[user], ChangeKind.HOME_PUBLISHED)

    def close(self, view: View, *, everything: bool = False) -> list[View]:
        """Close a modal and all above it, or with `everything` the whole stack; return what was closed, top first."""
        stack = self.modals.get(view.user, [])
        if view not in stack:
            return []
        keep = 0 if everything else stack.index(view)
        closed = stack[keep:][::-1]
        self.modals[view.user] = stack[:keep]
        for each in closed:
            self._changes.record(ChangeKind.VIEW_CLOSED, user=view.user, data=each.to_json())
        return closed

    def find(self, view_id: str | None, external_id: str | None = None) -> View:
        """Return a view that is still open, by either id; raises not_found."""
        for view in self.open_views():
            if view.id == view_id or (external_id and view.content.get("external_id") == external_id):
                return view
        raise SlackRefusal("not_found")

    def open_views(self) -> list[View]:
        """Return all open modals and home tabs."""
        return [view for stack in self.modals.values() for view in stack] + list(self.homes.values())

    def _refuse_duplicate(self, content: Json) -> None:
        external_id = content.get("external_id")
        if external_id and any(view.content.get("external_id") == external_id for view in self.open_views()):
            raise SlackRefusal("duplicate_external_id")

    def _keep(self, view: View, kind: ChangeKind) -> View:
        self.known[view.id] = view
        self._changes.record(kind, user=view.user, data=view.to_json())
        return view


def _new_hash() -> str:
    return secrets.token_hex(8)
