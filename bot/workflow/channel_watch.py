"""What Slack sends no event for, or sent one that was lost: the channels of all cases are looked through every few minutes.

One list tells of all channels at once. Where it shows a channel otherwise than its case was left, an act goes to the channel's queue, which
looks closely. Guests are not in the list; a case that is suspended because of one is looked at each time.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from bot.domain.case import Case, Suspension
from bot.workflow.incoming import ChannelChanged
from bot.workflow.ports import Clock, Store

EVERY = timedelta(minutes=5)


@dataclass(frozen=True)
class Listed:
    """A channel of the bot as the list shows it."""

    is_private: bool
    is_shared: bool
    is_archived: bool


ListChannels = Callable[[], Awaitable[Mapping[str, Listed]]]
"""All channels that the bot is a member of, by id."""


async def watch_channels(store: Store, list_channels: ListChannels, clock: Clock) -> int:
    """Has the channels looked at that are not as their cases were left; how many those are."""
    async with store.begin() as uow:
        cases = await uow.cases()
    listed = await list_channels() if cases else {}
    found = [case for case in cases if _is_news(case, listed.get(case.channel_id))]
    at = f"{clock().timestamp():.6f}"
    for case in found:
        await store.receive(ChannelChanged(team_id=case.team_id, channel_id=case.channel_id, user_id="", at=at, source=f"watch:{at}"))
    return len(found)


def _is_news(case: Case, channel: Listed | None) -> bool:
    return _seems(channel) != (Suspension.REMOVED if case.suspended_for is Suspension.DELETED else case.suspended_for)


def _seems(channel: Listed | None) -> Suspension | None:
    if channel is None:
        return Suspension.REMOVED
    if channel.is_archived:
        return Suspension.ARCHIVED
    if not channel.is_private:
        return Suspension.PUBLIC
    return Suspension.SHARED if channel.is_shared else None
