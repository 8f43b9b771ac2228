"""Who somebody is, as Slack shows it."""

from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.calls import SlackRefused, call
from inference.note import clean_text


class SlackPeople:
    """Asks Slack anew each time: a name is written under what somebody signs."""

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client

    async def name(self, user_id: str) -> str:
        """The name of a colleague; empty where Slack doesn't know them."""
        try:
            user = (await call("users.info", lambda: self._client.users_info(user=user_id)))["user"]
        except SlackRefused:
            return ""
        return clean_text(str((user.get("profile") or {}).get("real_name") or user.get("real_name") or user.get("name") or ""))
