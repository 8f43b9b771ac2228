"""Slack: tokens, scopes, workspace, admins, and the way in."""

import json
import socket
from collections.abc import AsyncIterator, Collection, Iterator
from pathlib import Path

import aiohttp
from pydantic import SecretStr
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.settings import SlackMode, SlackSettings
from deploy.checks.finding import Finding, note, ok, problem

SUBJECT = "Slack"
MANIFEST = Path(__file__).parent.parent / "slack" / "manifest.json"
TRY_WITHOUT = "Make an app from deploy/slack/manifest.json, copy its tokens to .env; to try without Slack: phyassist demo"
TIMEOUT_S = 15


async def check_slack(settings: SlackSettings) -> AsyncIterator[Finding]:
    """Everything the bot asks of Slack before it can serve a case."""
    for finding in _tokens(settings):
        yield finding
    if settings.bot_token is None:
        return
    client = AsyncWebClient(_secret(settings.bot_token), base_url=settings.api_url, timeout=TIMEOUT_S)
    try:
        who = await client.auth_test()
    except SlackApiError as error:
        yield problem(SUBJECT, f"the bot token is refused: {_error(error)}", "Copy PHYASSIST_SLACK__BOT_TOKEN again, or reinstall the app.")
        return
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        mend = "Check the network and PHYASSIST_SLACK__API_URL."
        yield problem(SUBJECT, f"{settings.api_url} does not answer ({type(error).__name__})", mend)
        return
    yield ok(SUBJECT, f"signed in to {who.get('team')} ({who.get('team_id')}) as {who.get('user')}")
    for finding in (*_scopes(who), *_teams(settings, str(who.get("team_id")))):
        yield finding
    async for finding in _roles(client, settings):
        yield finding
    async for finding in _way_in(settings):
        yield finding


def wanted_scopes() -> set[str]:
    """The scopes of the app's manifest."""
    manifest = json.loads(MANIFEST.read_text(encoding="utf-8"))
    return set(manifest["oauth_config"]["scopes"]["bot"])


def _tokens(settings: SlackSettings) -> Iterator[Finding]:
    """The secrets that this mode needs: present, and of the right kind."""
    in_mode = {
        SlackMode.SOCKET: ("APP_TOKEN", settings.app_token, "xapp-"),
        SlackMode.HTTP: ("SIGNING_SECRET", settings.signing_secret, ""),
    }
    for name, token, start in (("BOT_TOKEN", settings.bot_token, "xoxb-"), in_mode[settings.mode]):
        variable = f"PHYASSIST_SLACK__{name}"
        if token is None:
            yield problem(SUBJECT, f"{variable} is not set", TRY_WITHOUT)
        elif not token.get_secret_value().startswith(start):
            yield problem(SUBJECT, f"{variable} does not start with {start}", "Two tokens may have been swapped; copy it again.")


def _scopes(who: AsyncSlackResponse) -> Iterator[Finding]:
    """Slack names the token's scopes in a header; a Slack-compatible server may not."""
    headers = {name.lower(): value for name, value in (who.headers or {}).items()}
    granted = headers.get("x-oauth-scopes")
    if granted is None:
        yield note(SUBJECT, "the server does not say which scopes the token has")
        return
    missing = wanted_scopes() - {scope.strip() for scope in granted.split(",")}
    if missing:
        mend = "Update the app from deploy/slack/manifest.json and reinstall it."
        yield problem(SUBJECT, f"the token lacks {', '.join(sorted(missing))}", mend)
    else:
        yield ok(SUBJECT, "all scopes are granted")


def _teams(settings: SlackSettings, team: str) -> Iterator[Finding]:
    if settings.team_ids and team not in settings.team_ids:
        yield problem(SUBJECT, f"the token belongs to {team}", "PHYASSIST_SLACK__TEAM_IDS does not name that workspace: add it.")


async def _roles(client: AsyncWebClient, settings: SlackSettings) -> AsyncIterator[Finding]:
    """Users, groups and channel of admins and supervisors exist."""
    without = "without, nobody can promote."
    async for finding in _role(client, "admin", settings.admin_users, settings.admin_usergroup, without):
        yield finding
    without = "without, only admins may delete a case, and nobody can co-sign."
    async for finding in _role(client, "supervisor", settings.supervisor_users, settings.supervisor_usergroup, without):
        yield finding
    if settings.admin_channel:
        yield await _admin_channel(client, settings.admin_channel)


async def _role(client: AsyncWebClient, name: str, users: Collection[str], group: str, without: str) -> AsyncIterator[Finding]:
    setting = f"PHYASSIST_SLACK__{name.upper()}"
    if not users and not group:
        yield note(SUBJECT, f"nobody is {'an' if name[0] == 'a' else 'a'} {name}", f"Set {setting}_USERGROUP or {setting}_USERS; {without}")
    for user in users:
        try:
            await client.users_info(user=user)
        except SlackApiError as error:
            yield problem(SUBJECT, f"{name} {user}: {_error(error)}", f"Correct {setting}_USERS.")
    if group:
        try:
            listed = await client.usergroups_users_list(usergroup=group)
            yield ok(SUBJECT, f"{len(listed.get('users') or ())} {name}s in group {group}")
        except SlackApiError as error:
            yield problem(SUBJECT, f"{name} group {group}: {_error(error)}", f"Correct {setting}_USERGROUP.")


async def _admin_channel(client: AsyncWebClient, channel: str) -> Finding:
    try:
        info = (await client.conversations_info(channel=channel)).get("channel") or {}
    except SlackApiError as error:
        mend = "Invite the bot there, or correct PHYASSIST_SLACK__ADMIN_CHANNEL."
        return problem(SUBJECT, f"admin channel {channel}: {_error(error)}", mend)
    if not info.get("is_private"):
        return problem(SUBJECT, f"admin channel {channel} is not private", "Choose a private channel: reports name cases.")
    return ok(SUBJECT, f"admin channel {channel} is private and the bot is in it")


async def _way_in(settings: SlackSettings) -> AsyncIterator[Finding]:
    """How Slack reaches the bot: a socket address is handed out, or the port is free."""
    if settings.mode is SlackMode.HTTP:
        yield _port(settings.http_host, settings.http_port)
    elif settings.app_token is not None:
        client = AsyncWebClient(base_url=settings.api_url, timeout=TIMEOUT_S)
        try:
            await client.apps_connections_open(app_token=_secret(settings.app_token))
            yield ok(SUBJECT, "Socket Mode is open to the app token")
        except SlackApiError as error:
            mend = "Give the app token the scope connections:write and turn Socket Mode on."
            yield problem(SUBJECT, f"Socket Mode is refused: {_error(error)}", mend)


def _port(host: str, port: int) -> Finding:
    try:
        with socket.create_server((host, port)):
            return ok(SUBJECT, f"port {port} on {host} is free for Slack's requests")
    except OSError as error:
        mend = "Stop what uses it (the bot itself, if it runs), or set PHYASSIST_SLACK__HTTP_PORT."
        return problem(SUBJECT, f"port {port} on {host}: {error.strerror}", mend)


def _secret(token: SecretStr) -> str:
    return token.get_secret_value()


def _error(error: SlackApiError) -> str:
    """Slack's own name of the error, nothing else of the response."""
    return str(error.response.get("error", "unknown error"))
