"""Who may use PhyAssist where, asked of a real workspace."""

from collections.abc import AsyncIterator

import pytest

from bot.slack.guards import CHANNEL_MEMORY_S, SlackGuard
from bot.workflow.ports import Sign
from deploy.sandbox.faults import Faults
from deploy.sandbox.seed import Seed
from deploy.sandbox.server import Sandbox, running_sandbox
from tests.deploy.sandbox_app import web_client

ANNA, GUS, EVE, ADA = "U0ANNA", "U0GUS", "U0EVE", "U0ADA"


class Clock:
    """A clock that a test turns on."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """A workspace with the bot in its cases, and invited to the channels that it must refuse."""
    async with running_sandbox(seed=Seed(cases=2, bot_in_cases=True)) as sandbox:
        for channel in ("with-guest", "with-partner"):
            await sandbox.client.invite(channel)
        yield sandbox


async def refusal(sandbox: Sandbox, channel: str, user: str = ANNA, team: str | None = None) -> Sign | None:
    """The answer of a guard that has asked nothing yet."""
    guard = SlackGuard(web_client(sandbox, retry_handlers=[]), [sandbox.team_id])
    return await guard.refusal(team or sandbox.team_id, (await sandbox.client.channel(channel))["id"], user)


async def test_without_a_list_only_the_team_of_the_token_is_served(sandbox: Sandbox) -> None:
    """An empty setting does not open the bot to every team that can reach it."""
    guard = SlackGuard(web_client(sandbox, retry_handlers=[]), [])
    channel = (await sandbox.client.channel("case-001"))["id"]
    assert await guard.refusal("T0OTHER", channel, ANNA) is Sign.WRONG_TEAM
    assert await guard.refusal(sandbox.team_id, channel, ANNA) is None


async def test_a_case_channel_of_the_team_is_open(sandbox: Sandbox) -> None:
    """Members of a private channel without guests may go on."""
    assert await refusal(sandbox, "case-001") is None


@pytest.mark.parametrize(
    ("channel", "user", "sign"),
    [
        ("general", ANNA, Sign.NOT_PRIVATE),
        ("with-partner", ANNA, Sign.SHARED),
        ("with-guest", ANNA, Sign.GUEST_MEMBER),
        ("with-guest", GUS, Sign.GUEST_AUTHOR),
        ("case-001", EVE, Sign.GUEST_AUTHOR),
        ("case-001", ADA, Sign.NOT_MEMBER),
        ("case-001", "U0NOBODY", Sign.GUEST_AUTHOR),
    ],
)
async def test_everything_else_is_refused_with_its_reason(sandbox: Sandbox, channel: str, user: str, sign: Sign) -> None:
    """Public and shared channels, guests in the channel or at the keyboard, strangers and people who are not in the channel."""
    assert await refusal(sandbox, channel, user) is sign


async def test_another_team_is_refused_before_anything_is_asked(sandbox: Sandbox) -> None:
    """A workspace that is not served costs no call."""
    before = len(await sandbox.client.calls())
    assert await refusal(sandbox, "case-001", team="T0OTHER") is Sign.WRONG_TEAM
    assert len(await sandbox.client.calls()) == before


async def test_a_channel_which_the_bot_cannot_see_is_refused(sandbox: Sandbox) -> None:
    """Where Slack tells nothing, nothing is allowed."""
    await sandbox.client.kick("case-001")
    assert await refusal(sandbox, "case-001") is not None


@pytest.mark.parametrize("change", ["is_ext_shared", "is_pending_ext_shared"])
async def test_a_channel_that_becomes_shared_is_refused(sandbox: Sandbox, change: str) -> None:
    """Shared, or with an invitation to another company under way."""
    await sandbox.client.change_channel("case-001", **{change: True})
    assert await refusal(sandbox, "case-001") is Sign.SHARED


async def test_a_member_who_becomes_a_guest_closes_the_channel(sandbox: Sandbox) -> None:
    """Any kind of guest among the members is enough."""
    await sandbox.client.set_user("li", is_ultra_restricted=True)
    assert await refusal(sandbox, "case-001") is Sign.GUEST_MEMBER


async def test_facts_are_remembered_for_a_while_and_forgotten_on_demand(sandbox: Sandbox) -> None:
    """A second question costs no call; a change that Slack announces, or a minute, makes the guard ask again."""
    clock = Clock()
    guard = SlackGuard(web_client(sandbox, retry_handlers=[]), [sandbox.team_id], clock)
    channel = str((await sandbox.client.channel("case-001"))["id"])

    async def ask() -> Sign | None:
        return await guard.refusal(sandbox.team_id, channel, ANNA)

    clock.now = 1.0
    assert await ask() is None
    calls = len(await sandbox.client.calls())
    await sandbox.client.change_channel("case-001", is_ext_shared=True)
    assert await ask() is None
    assert len(await sandbox.client.calls()) == calls
    guard.forget(channel)
    assert await ask() is Sign.SHARED
    await sandbox.client.change_channel("case-001", is_ext_shared=False)
    clock.now += CHANNEL_MEMORY_S + 1
    assert await ask() is None


async def test_a_busy_slack_is_asked_again(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rate limits and server errors delay the answer; they never turn it into a yes or a no."""
    monkeypatch.setattr("bot.slack.calls.PAUSES_S", (0.05,))
    await sandbox.client.set_faults(Faults(server_error_every=2, rate_limit_every=5))
    assert await refusal(sandbox, "case-001") is None
    assert await refusal(sandbox, "with-guest") is Sign.GUEST_MEMBER


async def test_large_channels_are_read_to_the_end(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """A guest on the last page of the members counts as well."""
    monkeypatch.setattr("bot.slack.guards.PAGE", 2)
    names = [f"colleague{number}" for number in range(5)]
    for name in names:
        await sandbox.client.set_user(name)
    await sandbox.client.create_channel("large", members=[*names, "gus", "phyassist"])
    assert await refusal(sandbox, "large") is Sign.GUEST_MEMBER
