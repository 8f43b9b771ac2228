"""A typed client of the control API, for tests, the command line and the demo: it acts for people and reads what they see."""

from collections.abc import Mapping, Sequence
from typing import Any

from deploy.sandbox import requests as ask
from deploy.sandbox.faults import Farewell, Faults
from deploy.sandbox.model import Json
from deploy.sandbox.reader import SandboxReader, result_of
from deploy.sandbox.seen import Posted, Result


class SandboxClient(SandboxReader):
    """Acts for the people of a running sandbox. Refusals and vain waits are raised as its reader says."""

    # Messages

    async def say(
        self,
        user: str,
        channel: str,
        text: str = "",
        *,
        thread_ts: str | None = None,
        files: Sequence[tuple[str, bytes]] = (),
        raw: bool = False,
    ) -> Posted:
        """Post a message, or a reply with `thread_ts`; `files` are names and contents.

        The text is escaped as Slack's composer does and @name becomes a mention; with `raw` it goes out as it stands.
        """
        uploads = tuple(ask.Upload.of(name, content) for name, content in files)
        request = ask.Say(user=user, channel=channel, text=text, thread_ts=thread_ts, files=uploads, raw=raw)
        return Posted.of(await self._do("say", request))

    async def edit_message(self, user: str, channel: str, ts: str, text: str, *, raw: bool = False) -> Posted:
        """Edit one's own message."""
        return Posted.of(await self._do("edit_message", ask.EditMessage(user=user, channel=channel, ts=ts, text=text, raw=raw)))

    async def delete_message(self, user: str, channel: str, ts: str) -> None:
        """Delete one's own message; ada, the workspace admin, may delete any."""
        await self._do("delete_message", ask.DeleteMessage(user=user, channel=channel, ts=ts))

    async def delete_file(self, user: str, file_id: str) -> None:
        """Delete one's own file; messages that showed it show that it is gone."""
        await self._do("delete_file", ask.DeleteFile(user=user, file=file_id))

    async def unfurl(self, channel: str, ts: str) -> Posted:
        """Add a link preview to a message: a message_changed which nobody edited."""
        return Posted.of(await self._do("unfurl", ask.Unfurl(channel=channel, ts=ts)))

    async def react(self, user: str, channel: str, ts: str, name: str, *, remove: bool = False) -> None:
        """Add or remove a reaction."""
        await self._do("react", ask.React(user=user, channel=channel, ts=ts, name=name, remove=remove))

    # Actions that the app answers; they return when it has acked, or when its time is over

    async def command(self, user: str, channel: str, line: str, *, thread_ts: str | None = None) -> Result:
        """Enter a slash command such as "/phyassist help"; `shown` holds an answer that came with the ack."""
        return Result.of(await self._do("command", ask.Command(user=user, channel=channel, line=line, thread_ts=thread_ts)))

    async def click(
        self,
        user: str,
        channel: str = "",
        ts: str = "",
        action_id: str | None = None,
        *,
        block_id: str | None = None,
        value: Any = None,
        view_id: str | None = None,
        stale: bool = False,
    ) -> Result:
        """Click a button or choose in a select: in a message, in an ephemeral one, or with `view_id` in a view.

        `value` tells buttons with one action_id apart, and is the choice in a select. With `stale` the person acts on a
        message that has been deleted, or on an earlier layout of it.
        """
        request = ask.Click(
            user=user, channel=channel, ts=ts, action_id=action_id, block_id=block_id, value=value, view_id=view_id, stale=stale
        )
        return Result.of(await self._do("click", request))

    async def shortcut(self, user: str, channel: str, ts: str, callback_id: str) -> Result:
        """Use a message shortcut."""
        return Result.of(await self._do("shortcut", ask.Shortcut(user=user, channel=channel, ts=ts, callback_id=callback_id)))

    async def submit_view(self, user: str, view_id: str, values: Mapping[str, Any] | None = None, *, stale: bool = False) -> Result:
        """Fill a modal in and submit it: `values` maps block_id to an entry or to {action_id: entry}."""
        request = ask.SubmitView(user=user, view_id=view_id, values=dict(values or {}), stale=stale)
        return Result.of(await self._do("submit_view", request))

    async def close_view(self, user: str, view_id: str) -> Result:
        """Close a modal without submitting it."""
        return Result.of(await self._do("close_view", ask.CloseView(user=user, view_id=view_id)))

    async def open_home(self, user: str) -> None:
        """Open the app's home tab."""
        await self._do("open_home", ask.OpenHome(user=user))

    # The team

    async def invite(self, channel: str, user: str = "phyassist", *, by: str = "anna") -> None:
        """Invite the bot or a person to a channel."""
        await self._do("invite", ask.Member(channel=channel, user=user, by=by))

    async def kick(self, channel: str, user: str = "phyassist", *, by: str = "anna") -> None:
        """Remove the bot or a person from a channel."""
        await self._do("kick", ask.Member(channel=channel, user=user, by=by))

    async def create_channel(
        self, name: str, *, creator: str = "anna", members: Sequence[str] = (), is_private: bool = True, is_ext_shared: bool = False
    ) -> str:
        """Create a channel and return its id."""
        request = ask.CreateChannel(name=name, creator=creator, members=tuple(members), is_private=is_private, is_ext_shared=is_ext_shared)
        return str((await self._do("create_channel", request))["id"])

    async def change_channel(self, channel: str, **fields: Any) -> None:
        """Set name, is_archived, is_ext_shared, is_pending_ext_shared or is_private."""
        await self._do("change_channel", ask.ChangeChannel(channel=channel, **fields))

    async def delete_channel(self, channel: str) -> None:
        """Delete a channel with all its messages."""
        await self._do("delete_channel", ask.ChannelOnly(channel=channel))

    async def move_channel(self, channel: str) -> str:
        """Give a channel another id, as Slack does between workspaces of an organization, and return it."""
        return str((await self._do("move_channel", ask.ChannelOnly(channel=channel)))["id"])

    async def set_user(self, name: str, **fields: Any) -> str:
        """Add or change a user (is_restricted, is_stranger, team_id …) and return the id."""
        return str((await self._do("set_user", ask.SetUser(name=name, **fields)))["id"])

    async def set_usergroup(self, handle: str, users: Sequence[str]) -> None:
        """Set the members of a user group, such as phyassist-admins."""
        await self._do("set_usergroup", ask.SetUsergroup(handle=handle, users=tuple(users)))

    # Trouble

    async def emit(self, event: Json, *, channel: str | None = None) -> list[str]:
        """Send any event to the app and return its event ids."""
        return list(await self._do("emit", ask.Emit(event=event, channel=channel)))

    async def set_faults(self, faults: Faults | None = None) -> None:
        """Put faults in force; without an argument there are none any more."""
        await self._do("faults", faults or Faults())

    async def disconnect(self, farewell: Farewell = Farewell.ANNOUNCED) -> int:
        """End all sockets now; return how many there were."""
        return int(await self._do("disconnect", ask.Disconnect(farewell=farewell)))

    async def set_rate_limits(self, enabled: bool) -> None:
        """Switch Slack's rate limits on or off."""
        await self._do("limits", ask.SetLimits(enabled=enabled))

    async def set_request_url(self, url: str | None, *, verify: bool = True) -> None:
        """Deliver to this URL with signatures (HTTP mode), or over sockets again."""
        await self._do("request_url", ask.SetRequestUrl(url=url, verify=verify))

    async def _do(self, verb: str, request: ask.Request | Faults) -> Any:
        return result_of(await self._http.post(f"/sandbox/{verb}", json=request.model_dump(mode="json")))
