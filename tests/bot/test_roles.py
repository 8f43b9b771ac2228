"""Who is an admin, asked of a real workspace."""

from collections.abc import AsyncIterator

import pytest

from bot.slack.roles import MEMORY_S, Role
from deploy.sandbox.faults import Faults
from deploy.sandbox.server import Sandbox, running_sandbox
from tests.bot.test_guards import Clock
from tests.deploy.sandbox_app import web_client

ANNA, ADA, GROUP = "U0ANNA", "U0ADA", "S0ADMINS"


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """A workspace whose group of admins has one member, ada."""
    async with running_sandbox() as sandbox:
        yield sandbox


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine the workspace takes its time; only the test that is about it must not wait."""
    monkeypatch.setattr("bot.slack.roles.ASK_S", 60.0)


def admins_of(sandbox: Sandbox, users: tuple[str, ...] = (), group: str = GROUP, clock: Clock | None = None) -> Role:
    """Role that were asked nothing yet."""
    return Role(web_client(sandbox, retry_handlers=[]), users, group, clock or Clock())


async def asked(sandbox: Sandbox) -> int:
    """How often Slack was asked for the members of a group."""
    return sum(call["method"] == "usergroups.users.list" for call in await sandbox.client.calls())


async def test_admins_are_those_on_the_list_and_in_the_group(sandbox: Sandbox) -> None:
    """Either suffices; who is on the list costs no call; being an admin of the workspace is no reason."""
    admins = admins_of(sandbox, users=(ANNA,))
    assert await admins.includes(ANNA)
    assert await asked(sandbox) == 0
    assert await admins.includes(ADA)
    assert not await admins.includes("U0LI")
    assert not await admins_of(sandbox, group="").includes(ADA)


async def test_without_settings_nobody_is_an_admin(sandbox: Sandbox) -> None:
    """Nobody is asked for, and Slack isn't either."""
    assert not await admins_of(sandbox, group="").includes("")
    assert await asked(sandbox) == 0


async def test_members_are_remembered_for_a_minute_or_until_the_group_changes(sandbox: Sandbox) -> None:
    """A second question costs no call; a minute later, or after a change that Slack announces, the group is asked for again."""
    clock = Clock()
    admins = admins_of(sandbox, clock=clock)
    assert await admins.includes(ADA)
    await sandbox.client.set_usergroup("phyassist-admins", ["anna"])
    assert await admins.includes(ADA)
    assert await asked(sandbox) == 1
    clock.now += MEMORY_S + 1
    assert not await admins.includes(ADA)
    assert await admins.includes(ANNA)
    await sandbox.client.set_usergroup("phyassist-admins", ["ada"])
    admins.forget()
    assert await admins.includes(ADA)


@pytest.mark.parametrize("faults", [Faults(server_error_every=1), Faults(rate_limit_every=1), Faults(lose_answer_every=1)])
async def test_where_slack_does_not_say_nobody_is_an_admin(sandbox: Sandbox, faults: Faults) -> None:
    """An error is a no, even for members, and is not remembered; those on the list stay admins."""
    admins = admins_of(sandbox, users=(ANNA,))
    await sandbox.client.set_faults(faults)
    assert not await admins.includes(ADA)
    assert await admins.includes(ANNA)
    await sandbox.client.set_faults()
    assert await admins.includes(ADA)


async def test_a_group_that_does_not_exist_has_no_members(sandbox: Sandbox) -> None:
    """A wrong setting makes nobody an admin."""
    assert not await admins_of(sandbox, group="S0NOBODY").includes(ADA)


async def test_a_slack_that_takes_too_long_is_a_no(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command has three seconds; the answer may not wait for Slack's."""
    monkeypatch.setattr("bot.slack.roles.ASK_S", 0.2)
    await sandbox.client.set_faults(Faults(api_delay_s=2.0))
    assert not await admins_of(sandbox).includes(ADA)
