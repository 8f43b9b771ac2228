"""Whose cases and whose language: asked of Slack once, remembered for a while, and never guessed."""

from collections.abc import AsyncIterator

import pytest

from bot.slack.locales import Locales
from bot.slack.memberships import Memberships
from deploy.sandbox.faults import Faults
from deploy.sandbox.seed import Seed
from deploy.sandbox.server import Sandbox, running_sandbox
from inference.note import Language
from tests.deploy.sandbox_app import web_client


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """A workspace with two cases."""
    async with running_sandbox(seed=Seed(cases=2, bot_in_cases=True)) as sandbox:
        yield sandbox


async def asked(sandbox: Sandbox, method: str) -> int:
    """How often Slack was asked."""
    return sum(each["method"] == method for each in await sandbox.client.calls())


async def test_a_language_is_that_of_the_persons_slack(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any Chinese is Chinese, all else English; remembered until it changes; the default, unremembered, where Slack doesn't say."""
    monkeypatch.setattr("bot.slack.locales.ASK_S", 60.0)
    locales = Locales(web_client(sandbox, retry_handlers=[]), Language.CHINESE)
    for _ in range(2):
        assert await locales.language_of("U0LI") is Language.CHINESE
        assert await locales.language_of("U0ANNA") is Language.ENGLISH
    assert await asked(sandbox, "users.info") == 2
    await sandbox.client.set_user("li", locale="de-DE")
    locales.forget()
    assert await locales.language_of("U0LI") is Language.ENGLISH
    assert await locales.language_of("U0NOBODY") is Language.CHINESE
    assert await asked(sandbox, "users.info") == 4
    await sandbox.client.set_faults(Faults(rate_limit_every=1))
    locales.forget()
    assert await locales.language_of("U0LI") is Language.CHINESE
    await sandbox.client.set_faults()
    assert await locales.language_of("U0LI") is Language.ENGLISH


async def test_channels_are_private_ones_of_this_team_that_the_bot_is_in(sandbox: Sandbox) -> None:
    """Not public, shared or archived ones; all pages of them, in as few calls; remembered until something changes; none for nobody."""
    memberships = Memberships(web_client(sandbox))
    client = sandbox.client
    cases = {(await client.channel(name))["id"] for name in ("case-001", "case-002")}
    shared = await client.create_channel("shared", members=["phyassist"], is_ext_shared=True)
    await client.create_channel("open", members=["phyassist"], is_private=False)
    await client.create_channel("alone")
    for _ in range(2):
        assert await memberships.channels_of("U0ANNA") == cases
    assert await asked(sandbox, "users.conversations") == 1
    more = {await client.create_channel(f"more-{number}", members=["phyassist"]) for number in range(250)}
    memberships.forget()
    assert await memberships.channels_of("U0ANNA") == cases | more
    assert await asked(sandbox, "users.conversations") == 3
    await client.change_channel("case-002", is_archived=True)
    await client.change_channel(shared, is_ext_shared=False)
    memberships.forget()
    assert await memberships.channels_of("U0ANNA") == more | {(await client.channel("case-001"))["id"], shared}
    assert await memberships.channels_of("U0NOBODY") == frozenset()
