"""Opening modals, for which Slack gives three seconds, and changing what an open one shows."""

import logging
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.calls import SlackRefused, attempt

log = logging.getLogger(__name__)


async def open_modal(client: AsyncWebClient, trigger_id: str, view: dict[str, Any]) -> bool:
    """Whether Slack opened it. Tried once: a trigger that was too late once is too late for ever."""
    try:
        opened, _ = await attempt("views.open", lambda: client.views_open(trigger_id=trigger_id, view=view))
    except SlackRefused as error:
        log.warning("a modal can't be opened: %s", error)
        return False
    return opened is not None


async def change_modal(client: AsyncWebClient, shown: dict[str, Any], view: dict[str, Any]) -> bool:
    """Whether Slack shows `view` now in place of the modal `shown`; not where it was closed or has changed meanwhile."""
    try:
        changed, _ = await attempt("views.update", lambda: client.views_update(view_id=shown["id"], hash=shown["hash"], view=view))
    except SlackRefused as error:
        log.info("a modal can't be changed: %s", error)
        return False
    return changed is not None
