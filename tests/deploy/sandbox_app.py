"""A real Bolt app on a real socket, for tests of the sandbox."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from deploy.sandbox.server import Sandbox

Json = dict[str, Any]


def web_client(sandbox: Sandbox, **options: Any) -> AsyncWebClient:
    """Return an unmodified Slack client that differs by its base URL only."""
    return AsyncWebClient(token=sandbox.bot_token, base_url=sandbox.api_url, **options)


@asynccontextmanager
async def connected_app(sandbox: Sandbox, register: Callable[[AsyncApp], None]) -> AsyncIterator[AsyncApp]:
    """Connect a Bolt app by Socket Mode while the block runs; `register` adds its listeners."""
    app = AsyncApp(client=web_client(sandbox))
    register(app)
    handler = AsyncSocketModeHandler(app, sandbox.app_token)
    await handler.connect_async()  # type: ignore[no-untyped-call]  # Bolt leaves it untyped
    await sandbox.client.wait_connected()
    try:
        yield app
    finally:
        await handler.close_async()  # type: ignore[no-untyped-call]  # Bolt leaves it untyped


def section(text: str) -> Json:
    """Return a section block."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def button(action_id: str, text: str = "Press", value: str | None = None) -> Json:
    """Return a button."""
    made: Json = {"type": "button", "action_id": action_id, "text": {"type": "plain_text", "text": text}}
    return made | ({"value": value} if value else {})


def a_modal(**changes: Any) -> Json:
    """Return a modal with one required text input."""
    element = {"type": "plain_text_input", "action_id": "text", "multiline": True}
    field = {"type": "input", "block_id": "answer", "label": {"type": "plain_text", "text": "Answer"}, "element": element}
    view = {"type": "modal", "callback_id": "edit", "title": {"type": "plain_text", "text": "Edit"}, "blocks": [field]}
    return {**view, "submit": {"type": "plain_text", "text": "Save"}, "private_metadata": "opaque", **changes}
