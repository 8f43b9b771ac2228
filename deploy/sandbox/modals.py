"""What a person does with modals and the home tab: act, submit, close."""

from typing import Any

from deploy.sandbox.delivery import Answer, EnvelopeKind
from deploy.sandbox.errors import CannotDo, SlackRefusal
from deploy.sandbox.inputs import complaints, enter, state_of, stateful
from deploy.sandbox.interact import Outcome, People, act_on, find_element, outcome_of
from deploy.sandbox.model import BOT_ID, ChangeKind, Json, View
from deploy.sandbox.payloads import action_base
from deploy.sandbox.stage import Stage
from deploy.sandbox.validate import checked_view
from deploy.sandbox.validate.check import Surface


class ModalPeople:
    """People in front of views."""

    def __init__(self, people: People, stage: Stage) -> None:
        self._people = people
        self._stage = stage

    async def act(self, user: str, view_id: str, action_id: str | None = None, block_id: str | None = None, value: Any = None) -> Outcome:
        """Click a button or choose something in a view; inputs tell the app only with dispatch_action."""
        view = self._view(user, view_id)
        block, element = find_element([view.content["blocks"]], action_id, block_id, value)
        action = act_on(block, element, value, view.values, self._people.workspace.next_ts())
        view.values = state_of(view.content["blocks"], view.values)
        if block["type"] == "input" and not block.get("dispatch_action"):
            return Outcome(True)
        payload: Json = {
            "type": "block_actions", **self._base(view), "container": {"type": "view", "view_id": view.id}, "view": view.to_json(),
            "state": {"values": view.values}, "actions": [action],
        }  # fmt: skip
        return outcome_of(await self._people.delivery.act(EnvelopeKind.INTERACTIVE, payload))

    async def submit(self, user: str, view_id: str, values: dict[str, Any] | None = None, stale: bool = False) -> Outcome:
        """Fill a modal in and press its submit button.

        `values` maps block_id to an entry, or to {action_id: entry}. What Slack's client refuses itself (an empty
        required field, too long a text) comes back in `errors` and isn't sent. With `stale` a closed modal is sent again.
        """
        view = self._view(user, view_id, stale)
        self._fill(view, values or {})
        view.values = state_of(view.content["blocks"], view.values)
        refused = complaints(view.content["blocks"], view.values)
        if refused:
            return Outcome(False, "refused_by_client", errors=refused, view_id=view.id)
        payload: Json = {"type": "view_submission", **self._base(view), "view": view.to_json(), "response_urls": []}
        answer = await self._people.delivery.act(EnvelopeKind.INTERACTIVE, payload)
        return self._apply(view, answer)

    async def close(self, user: str, view_id: str) -> Outcome:
        """Close a modal by its cross or cancel button; apps hear of it with notify_on_close."""
        view = self._view(user, view_id)
        everything = bool(view.content.get("clear_on_close"))
        self._stage.close(view, everything=everything)
        if not view.content.get("notify_on_close"):
            return Outcome(True)
        payload: Json = {"type": "view_closed", **self._base(view), "view": view.to_json(), "is_cleared": everything}
        return outcome_of(await self._people.delivery.act(EnvelopeKind.INTERACTIVE, payload))

    def open_home(self, user: str) -> Json:
        """Open the app's home tab; the app gets app_home_opened."""
        who = self._people.workspace.user(user)
        channel = self._people.workspace.open_im(who.id)
        home = self._stage.homes.get(who.id)
        data: Json = {"channel": channel.id, "tab": "home"} | ({"view": home.to_json()} if home else {})
        self._people.workspace.changes.record(ChangeKind.HOME_OPENED, user=who.id, data=data)
        return data

    def _base(self, view: View) -> Json:
        who = self._people.workspace.users[view.user]
        return action_base(who, self._people.triggers.new(who.id)) | {"bot_id": BOT_ID}

    def _view(self, user: str, view_id: str, stale: bool = False) -> View:
        who = self._people.workspace.user(user)
        candidates = list(self._stage.known.values()) if stale else self._stage.open_views()
        for view in candidates:
            if view.id == view_id and view.user == who.id:
                return view
        raise CannotDo("view_not_found")

    def _fill(self, view: View, values: dict[str, Any]) -> None:
        for block_id, entry in values.items():
            elements = [(block, element) for block, element in stateful(view.content["blocks"]) if block["block_id"] == block_id]
            if not elements:
                raise CannotDo("block_not_found", [block_id])
            for block, element in elements:
                named = isinstance(entry, dict) and element["action_id"] in entry
                if named or not isinstance(entry, dict):
                    state = enter(element, entry[element["action_id"]] if named else entry)
                    view.values.setdefault(block["block_id"], {})[element["action_id"]] = state

    def _apply(self, view: View, answer: Answer) -> Outcome:
        """Do what the ack of a submission says: close (nothing said), errors, update, push or clear."""
        if not answer.acked:
            return Outcome(False, outcome_of(answer).failure, view_id=view.id)
        action = answer.payload.get("response_action")
        try:
            if action is None:
                self._stage.close(view)
                return Outcome(True, action="close")
            if action == "clear":
                self._stage.close(view, everything=True)
                return Outcome(True, action="clear")
            if action == "errors":
                return self._errors(view, answer.payload.get("errors"))
            content = checked_view(answer.payload.get("view"), Surface.MODAL)
            shown = self._stage.update(view, content) if action == "update" else self._stage.push(view.user, content)
            return Outcome(True, action=str(action), view_id=shown.id)
        except SlackRefusal as refusal:
            return Outcome(False, refusal.error, details=refusal.details, view_id=view.id)

    def _errors(self, view: View, errors: Any) -> Outcome:
        inputs = {block["block_id"] for block in view.content["blocks"] if block.get("type") == "input"}
        if not isinstance(errors, dict) or not errors or not set(errors) <= inputs:
            raise SlackRefusal("invalid_arguments", ["errors must name input blocks of the view"])
        return Outcome(False, errors={str(block): str(text) for block, text in errors.items()}, action="errors", view_id=view.id)
