"""The control API: what people and tests do, and what front ends read. POST /sandbox/{verb}, GET /sandbox/{what}."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import aiohttp
from aiohttp import web
from pydantic import ValidationError

from deploy.sandbox import requests as ask
from deploy.sandbox.delivery import Delivery
from deploy.sandbox.errors import CannotDo
from deploy.sandbox.faults import Faults, Mischief
from deploy.sandbox.interact import Outcome, People
from deploy.sandbox.limits import RateLimits
from deploy.sandbox.log import WireLog
from deploy.sandbox.modals import ModalPeople
from deploy.sandbox.model import ChangeKind, Channel, Json, User
from deploy.sandbox.payloads import Event
from deploy.sandbox.signed import SignedHttp
from deploy.sandbox.sockets import SocketHub
from deploy.sandbox.stage import Stage
from deploy.sandbox.state import Workspace

R = TypeVar("R", bound=ask.Request)
Act = Callable[[Any], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Desk:
    """The parts of the sandbox that people's actions reach."""

    workspace: Workspace
    stage: Stage
    people: People
    modals: ModalPeople
    delivery: Delivery
    sockets: SocketHub
    mischief: Mischief
    limits: RateLimits
    log: WireLog
    session: aiohttp.ClientSession


def verbs(desk: Desk) -> dict[str, tuple[type[ask.Request], Act]]:
    """Return every verb of the control API with its request and what it does."""
    found: dict[str, tuple[type[ask.Request], Act]] = {}

    def verb(name: str, kind: type[R], act: Callable[[R], Any]) -> None:
        async def run(request: R) -> Any:
            result = act(request)
            return await result if asyncio.iscoroutine(result) else result

        found[name] = (kind, run)

    _message_verbs(desk, verb)
    _action_verbs(desk, verb)
    _team_verbs(desk, verb)
    _trouble_verbs(desk, verb)
    return found


def _message_verbs(desk: Desk, verb: Callable[..., None]) -> None:
    people, show = desk.people, desk.workspace.message_json

    def say(request: ask.Say) -> Json:
        files = [(upload.name, upload.data()) for upload in request.files]
        return show(people.say(request.user, request.channel, request.text, request.thread_ts, files, request.raw))

    verb("say", ask.Say, say)
    verb("edit_message", ask.EditMessage, lambda r: show(people.edit(r.user, r.channel, r.ts, r.text, r.raw)))
    verb("delete_message", ask.DeleteMessage, lambda r: people.delete(r.user, r.channel, r.ts))
    verb("delete_file", ask.DeleteFile, lambda r: people.delete_file(r.user, r.file))
    verb("unfurl", ask.Unfurl, lambda r: show(people.unfurl(r.channel, r.ts)))
    verb("react", ask.React, lambda r: people.react(r.user, r.channel, r.ts, r.name, r.remove))


def _action_verbs(desk: Desk, verb: Callable[..., None]) -> None:
    people, modals = desk.people, desk.modals

    async def click(r: ask.Click) -> Json:
        if r.view_id:
            return (await modals.act(r.user, r.view_id, r.action_id, r.block_id, r.value)).to_json()
        return (await people.click(r.user, r.channel, r.ts, r.action_id, r.block_id, r.value, r.stale)).to_json()

    async def told(outcome: Awaitable[Outcome]) -> Json:
        return (await outcome).to_json()

    verb("command", ask.Command, lambda r: told(people.command(r.user, r.channel, r.line, r.thread_ts)))
    verb("click", ask.Click, click)
    verb("shortcut", ask.Shortcut, lambda r: told(people.shortcut(r.user, r.channel, r.ts, r.callback_id)))
    verb("submit_view", ask.SubmitView, lambda r: told(modals.submit(r.user, r.view_id, r.values, r.stale)))
    verb("close_view", ask.CloseView, lambda r: told(modals.close(r.user, r.view_id)))
    verb("open_home", ask.OpenHome, lambda r: modals.open_home(r.user))


def _team_verbs(desk: Desk, verb: Callable[..., None]) -> None:
    workspace = desk.workspace

    def invite(r: ask.Member) -> Json:
        channel = workspace.channel(r.channel)
        workspace.add_member(channel, workspace.user(r.user).id, inviter=workspace.user(r.by).id)
        return channel_json(channel)

    def kick(r: ask.Member) -> Json:
        channel = workspace.channel(r.channel)
        workspace.remove_member(channel, workspace.user(r.user).id, actor=workspace.user(r.by).id)
        return channel_json(channel)

    def create(r: ask.CreateChannel) -> Json:
        creator, members = workspace.user(r.creator).id, [workspace.user(name).id for name in r.members]
        channel = workspace.create_channel(r.name, creator, members, is_private=r.is_private, is_ext_shared=r.is_ext_shared)
        return channel_json(channel)

    verb("invite", ask.Member, invite)
    verb("kick", ask.Member, kick)
    verb("create_channel", ask.CreateChannel, create)
    verb("change_channel", ask.ChangeChannel, lambda r: channel_json(_change_channel(workspace, r)))
    verb("delete_channel", ask.ChannelOnly, lambda r: workspace.delete_channel(workspace.channel(r.channel)))
    verb("move_channel", ask.ChannelOnly, lambda r: channel_json(workspace.move_channel(workspace.channel(r.channel))))
    verb("set_user", ask.SetUser, lambda r: _set_user(workspace, desk.delivery, r).to_json())
    verb("set_usergroup", ask.SetUsergroup, lambda r: _set_usergroup(desk, r))


def _trouble_verbs(desk: Desk, verb: Callable[..., None]) -> None:
    def emit(r: ask.Emit) -> list[str]:
        body = {"event_ts": desk.workspace.next_ts(), **r.event}
        channel = desk.workspace.channel(r.channel).id if r.channel else None
        return desk.delivery.emit(Event(str(body.get("type")), body, channel))

    async def request_url(r: ask.SetRequestUrl) -> None:
        if not r.url:
            desk.delivery.transport = desk.sockets
            return
        transport = SignedHttp(r.url, desk.session, desk.mischief)
        if r.verify and not await transport.verify():
            raise CannotDo("url_not_verified")
        desk.delivery.transport = transport

    def set_limits(r: ask.SetLimits) -> None:
        desk.limits.enabled = r.enabled

    verb("emit", ask.Emit, emit)
    verb("request_url", ask.SetRequestUrl, request_url)
    verb("disconnect", ask.Disconnect, lambda r: desk.sockets.disconnect(r.farewell))
    verb("limits", ask.SetLimits, set_limits)


def _change_channel(workspace: Workspace, r: ask.ChangeChannel) -> Channel:
    """Change a channel and let Slack's event tell it; becoming public has no event the app could get."""
    channel = workspace.channel(r.channel)
    kind = "group" if channel.is_private else "channel"
    if r.name is not None:
        workspace.change_channel(channel, f"{kind}_rename", name=r.name)
    if r.is_archived is not None:
        workspace.change_channel(channel, f"{kind}_{'archive' if r.is_archived else 'unarchive'}", is_archived=r.is_archived)
    if r.is_ext_shared is not None:
        workspace.change_channel(channel, "channel_shared" if r.is_ext_shared else "channel_unshared", is_ext_shared=r.is_ext_shared)
    if r.is_pending_ext_shared is not None:
        workspace.change_channel(channel, "channel_pending_share", is_pending_ext_shared=r.is_pending_ext_shared)
    if r.is_private is not None:
        workspace.change_channel(channel, "channel_convert", is_private=r.is_private)
    return channel


def _set_user(workspace: Workspace, delivery: Delivery, r: ask.SetUser) -> User:
    fields = {key: value for key, value in r.model_dump(exclude={"name"}).items() if value is not None}
    try:
        user = replace(workspace.user(r.name), **fields)
    except CannotDo:
        return workspace.add_user(replace(User(f"U0{r.name.upper()}", r.name, r.name.title()), **fields))
    event = {"type": "user_change", "user": user.to_json(), "cache_ts": 0, "event_ts": workspace.next_ts()}
    delivery.emit(Event("user_change", event))
    return workspace.add_user(user)


def _set_usergroup(desk: Desk, r: ask.SetUsergroup) -> Json:
    workspace = desk.workspace
    users = tuple(workspace.user(name).id for name in r.users)
    for group in workspace.usergroups.values():
        if group.handle == r.handle:
            changed = workspace.usergroups[group.id] = replace(group, users=users)
            workspace.changes.record(ChangeKind.USERGROUP_CHANGED, data=changed.to_json(include_users=True))
            added, removed = [user for user in users if user not in group.users], [user for user in group.users if user not in users]
            body = {"type": "subteam_members_changed", "subteam_id": group.id, "team_id": "T0SANDBOX"}
            desk.delivery.emit(
                Event(body["type"], {**body, "added_users": added, "removed_users": removed, "event_ts": workspace.next_ts()})
            )
            return changed.to_json(include_users=True)
    raise CannotDo("usergroup_not_found")


def channel_json(channel: Channel) -> Json:
    """Return a channel with its members, for people."""
    return {**channel.to_json(), "channel_type": channel.channel_type, "members": list(channel.members)}


class Control:
    """The control API over HTTP; reading is in `reading.py`."""

    def __init__(self, desk: Desk) -> None:
        self._verbs = verbs(desk)
        self._mischief = desk.mischief

    def routes(self) -> list[web.RouteDef]:
        """Return the addresses."""
        return [web.post("/sandbox/faults", self.set_faults), web.post("/sandbox/{verb}", self.act)]

    async def act(self, request: web.Request) -> web.Response:
        """Do what a person does."""
        found = self._verbs.get(request.match_info["verb"])
        if found is None:
            return _refused("unknown_verb", [], 404)
        kind, run = found
        try:
            return web.json_response({"ok": True, "result": await run(kind.model_validate(await _fields(request)))})
        except ValidationError as error:
            return _refused("invalid_request", _where(error))
        except ValueError:  # no JSON, or no base64
            return _refused("invalid_request", [])
        except CannotDo as refusal:
            return _refused(refusal.reason, refusal.details)

    async def set_faults(self, request: web.Request) -> web.Response:
        """Put other faults in force; what isn't named goes back to none."""
        try:
            self._mischief.set(Faults.model_validate(await _fields(request)))
        except ValidationError as error:
            return _refused("invalid_request", _where(error))
        except ValueError:
            return _refused("invalid_request", [])
        return web.json_response({"ok": True, "result": self._mischief.faults.model_dump(mode="json")})


async def _fields(request: web.Request) -> Any:
    if request.content_type == "application/json":
        return await request.json()
    return dict(await request.post())


def _where(error: ValidationError) -> list[str]:
    """Name the wrong fields; their values may be case text."""
    return [".".join(str(part) for part in problem["loc"]) + ": " + problem["msg"] for problem in error.errors(include_input=False)]


def _refused(reason: str, details: Any, status: int = 400) -> web.Response:
    return web.json_response({"ok": False, "error": reason, "details": list(details)}, status=status)
