"""What every listener needs."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.formats import BUILT_IN, Formats
from bot.slack.audit_listeners import Audits
from bot.slack.guards import SlackGuard
from bot.slack.home import HomeTab
from bot.slack.messenger import Messenger
from bot.slack.night_listeners import NightListeners
from bot.slack.roles import Role, SlackRoles
from bot.workflow.digest import Digests
from bot.workflow.incoming import Incoming
from bot.workflow.learning import Learning
from bot.workflow.ports import Store
from inference.client import ChatModel
from inference.note import Language


@dataclass(frozen=True)
class Parts:
    """What the listeners need; built in `bot.app`."""

    store: Store
    model: ChatModel
    guard: SlackGuard
    roles: SlackRoles
    messenger: Messenger
    client: AsyncWebClient
    notify: Callable[[str], None]
    bot_user_id: Callable[[], Awaitable[str]]
    default_language: Language
    digests: Digests
    night: NightListeners | None = None
    learning: Learning | None = None
    audits: Audits | None = None
    admin_channel: str = ""
    """The id of the channel for reports and alarms, which is no case; "" where there is none."""
    home: HomeTab | None = None
    formats: Formats = field(default_factory=lambda: BUILT_IN)

    @property
    def admins(self) -> Role:
        """Who looks after PhyAssist itself: adapters, nights, audits."""
        return self.roles.admins

    @property
    def supervisors(self) -> Role:
        """Who is responsible for counselors' work."""
        return self.roles.supervisors

    async def receive(self, act: Incoming) -> None:
        """Commits an act and announces it. An error here means: no acknowledgement, Slack sends again."""
        if await self.store.receive(act):
            self.notify(act.channel_id)
