"""`/phyassist case delete` as supervisors meet it: a real workspace, a real Bolt connection, a real database, real adapters."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from functools import partial
from pathlib import Path

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.audit import BOT, AuditAction, verify
from bot.domain.deletion import Deletion, DeletionStage
from bot.night_process import Forgotten, forget_in_datasets
from bot.slack.deletion_desk import SlackDeletionDesk
from bot.slack.deletion_texts import deletion_texts
from bot.slack.deletion_views import CODE, DELETION_VIEW
from bot.slack.roles import SlackRoles
from bot.slack.texts import texts
from bot.slack.views import EDIT_ACTION
from bot.workflow.deleting import Deletions, Swept
from bot.workflow.night_ports import NightEnd
from bot.workflow.ports import Sign
from deploy.sandbox.model import BOT_USER_ID
from deploy.sandbox.seed import Seed
from inference.note import Language
from inference.registry import Registry
from tests.bot.test_conversation import FIRST
from tests.bot.test_deletion import a_full_case
from tests.bot.test_lessons import learned
from tests.bot.test_store import a_database
from tests.deploy.sandbox_app import web_client
from tests.support.fakes import ScriptedModel
from tests.support.working_bot import WorkingBot, patient_workspace, working_bot

CASE, ADMINS = "case-001", "phyassist-admin"
PATIENCE_S = 120.0
SUPERVISOR, COUNSELOR = "sol", "anna"
WORDS = deletion_texts(Language.ENGLISH)


async def bot_user_id() -> str:
    """Of the sandbox."""
    return BOT_USER_ID


@pytest.fixture
async def bot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[WorkingBot]:
    """A bot at work in two cases; sol is the supervisor, ada the admin."""
    monkeypatch.setattr("bot.slack.roles.ASK_S", 60.0)
    registry = Registry(tmp_path / "home" / "adapters")
    async with patient_workspace(tmp_path, monkeypatch, Seed(cases=2, bot_in_cases=True)) as (sandbox, database):
        admins = next(each["id"] for each in (await sandbox.client.state())["channels"] if each["name"] == ADMINS)

        def deletions(client: AsyncWebClient, roles: SlackRoles) -> Deletions:
            desk = SlackDeletionDesk(client, bot_user_id, admins, Language.ENGLISH)
            return Deletions(database, roles, desk, partial(forget_in_datasets, tmp_path / "home", None), registry)

        async with working_bot(
            sandbox, database, ScriptedModel([FIRST, FIRST]), "S0ADMINS", supervisor_usergroup="S0SUPERVISORS", deletions=deletions
        ) as bot:
            yield bot


async def described(bot: WorkingBot, channel: str = CASE) -> str:
    """A described case with its note; the case's id."""
    post = await bot.sandbox.client.say(COUNSELOR, channel, "The client sleeps badly.")
    await bot.sandbox.client.wait_for(channel, lambda message: EDIT_ACTION in message.action_ids, thread_ts=post.ts, timeout=PATIENCE_S)
    async with bot.database.begin() as uow:
        case = await uow.case_of(bot.sandbox.team_id, bot.sandbox.workspace.channel(channel).id)
    assert case
    return case.id


async def an_export(bot: WorkingBot) -> str:
    """A file that the bot shared in the thread of the note, as an export is; its id."""
    post = next(message for message in await bot.sandbox.client.messages(CASE) if message.user == "U0ANNA")
    slack, channel = web_client(bot.sandbox, retry_handlers=[]), bot.sandbox.workspace.channel(CASE).id
    await slack.files_upload_v2(content=b"all of it", filename="note.md", channel=channel, thread_ts=post.ts)
    (file,) = bot.sandbox.workspace.files
    return file


async def code_of(bot: WorkingBot, case_id: str) -> str:
    """The code of a case."""
    async with bot.database.begin() as uow:
        file = await uow.case_file(case_id)
    assert file
    return file.case.code


async def confirmed(bot: WorkingBot, user: str, channel: str, line: str, code: str) -> None:
    """The form opened by a command, and sent with the code."""
    assert (await bot.sandbox.client.command(user, channel, line)).ok
    view = await bot.sandbox.client.wait_for_view(user, DELETION_VIEW, timeout=PATIENCE_S)
    assert (await bot.sandbox.client.submit_view(user, view["id"], {CODE: code})).ok


async def certified(bot: WorkingBot, channel: str = CASE) -> str:
    """The certificate as it stands in a channel."""
    return (await bot.sandbox.client.wait_for(channel, WORDS.certificate, timeout=PATIENCE_S)).everything


async def done(bot: WorkingBot) -> Deletion:
    """The one deletion, when it has come to its end."""
    async with asyncio.timeout(PATIENCE_S):
        while not (found := await bot.database.deletions()) or found[0].stage is not DeletionStage.DONE:
            await asyncio.sleep(0.05)
    return found[0]


async def actions(bot: WorkingBot) -> list[tuple[str, str, str]]:
    """Action, user and detail of every row of the audit."""
    return [(row.action, row.user_id, row.detail) for row in await bot.database.audit(0, 1000)]


async def test_a_supervisor_deletes_a_case_and_gets_its_certificate(bot: WorkingBot, tmp_path: Path) -> None:
    """Another code is sent back; then key, rows and the bot's messages are gone, adapters named and retired, other cases untouched."""
    registry = Registry(tmp_path / "home" / "adapters")
    case_id, other = await described(bot), await described(bot, "case-002")
    code = await code_of(bot, case_id)
    learned(registry, tmp_path, "night-1", case_id, other)
    learned(registry, tmp_path, "night-2", other)
    registry.promote("night-1")
    client = bot.sandbox.client
    exported = await an_export(bot)
    assert (await client.command(SUPERVISOR, CASE, "/phyassist case delete")).ok
    view = await client.wait_for_view(SUPERVISOR, DELETION_VIEW, timeout=PATIENCE_S)
    assert code in str(view["blocks"])
    refused = await client.submit_view(SUPERVISOR, view["id"], {CODE: f"{code}0"})
    assert refused.errors == {CODE: WORDS.code_wrong.format(code=code)}
    assert (await client.submit_view(SUPERVISOR, view["id"], {CODE: f" {code} "})).ok
    text = await certified(bot)
    deletion = await done(bot)
    assert (deletion.case_id, deletion.by, deletion.notes, deletion.descriptions) == (case_id, "U0SOL", 1, 1)
    assert (deletion.found.adapters, deletion.found.in_service, deletion.found.messages_left) == (("night-1",), "night-1", 0)
    assert deletion.found.messages == 3  # the card, the note, the files
    left = bot.sandbox.workspace.files[exported]
    assert (left.deleted, left.content) == (True, b"")
    for expected in (code, case_id, "night-1", deletion.audit.hash, "U0SOL"):
        assert expected in text
    assert registry.retirement("night-1")
    assert registry.retirement("night-2") is None
    left = [message for message in await client.messages(CASE) if message.user == BOT_USER_ID]
    assert [WORDS.certificate in message.everything for message in left] == [True]
    post = next(message for message in await client.messages(CASE) if message.text == "The client sleeps badly.")
    assert [message.user for message in await client.messages(CASE, post.ts)] == ["U0ANNA"]
    dm = next(channel for channel in bot.sandbox.workspace.channels.values() if channel.is_im and "U0SOL" in channel.members)
    assert any(code in message.text for message in dm.messages.values())
    assert ("deleted", "U0SOL", "") in await actions(bot)
    async with bot.database.begin() as uow:
        assert [case.id for case in await uow.cases()] == [other]


async def test_only_supervisors_and_admins_delete(bot: WorkingBot) -> None:
    """A counselor gets no form; who has lost the role since the form was opened is refused, and both are audited."""
    case_id = await described(bot)
    client, code = bot.sandbox.client, await code_of(bot, case_id)
    shown = (await client.command(COUNSELOR, CASE, "/phyassist case delete")).shown
    assert shown
    assert shown.text == texts(Language.ENGLISH).signs[Sign.NOT_SUPERVISOR]
    assert (await client.views(COUNSELOR)).top is None
    await client.command(SUPERVISOR, CASE, "/phyassist case delete")
    view = await client.wait_for_view(SUPERVISOR, DELETION_VIEW, timeout=PATIENCE_S)
    await client.set_usergroup("phyassist-supervisors", [])
    async with asyncio.timeout(PATIENCE_S):
        while ("refused", "U0SOL", f"delete_case:{Sign.NOT_SUPERVISOR}") not in await actions(bot):
            await client.submit_view(SUPERVISOR, view["id"], {CODE: code}) if (await client.views(SUPERVISOR)).top else None
            await asyncio.sleep(0.1)
    assert ("refused", "U0ANNA", f"delete_case:{Sign.NOT_SUPERVISOR}") in await actions(bot)
    assert await bot.database.deletions() == []


async def test_a_case_whose_channel_is_out_of_reach_is_deleted_by_its_code(bot: WorkingBot) -> None:
    """From any channel, by an admin who is no member; the certificate says that the bot could not look, and comes to the admin."""
    case_id = await described(bot)
    code = await code_of(bot, case_id)
    await bot.sandbox.client.change_channel(CASE, is_archived=True)
    await bot.sandbox.client.kick(CASE)
    unknown = (await bot.sandbox.client.command("ada", "general", "/phyassist case delete C-000000")).shown
    assert unknown
    assert "no case with the code `C-000000`" in unknown.text
    await confirmed(bot, "ada", "general", f"/phyassist case delete {code.lower()}", code)
    deletion = await done(bot)
    assert (deletion.by, deletion.found.channel_seen) == ("U0ADA", False)
    assert await bot.database.waiting() == []


# interrupted


class Interrupted(Exception):
    """The process ends here."""


class FakeDesk:
    """Slack that breaks off the first time, and the second time does what it is asked for."""

    def __init__(self, *breaks: str) -> None:
        self.breaks, self.certificates = list(breaks), list[Deletion]()

    def _maybe(self, what: str) -> None:
        if what in self.breaks:
            self.breaks.remove(what)
            raise Interrupted

    async def sweep(self, channel_id: str, until: object) -> Swept:
        self._maybe("sweep")
        return Swept(3)

    async def certify(self, deletion: Deletion) -> None:
        self.certificates.append(deletion)
        self._maybe("certify")


class Everybody:
    """All roles for all."""

    async def is_admin(self, user_id: str) -> bool:
        return True

    async def is_supervisor(self, user_id: str) -> bool:
        return True


@pytest.mark.parametrize("where", ["purge", "sweep", "forget", "certify"])
async def test_a_deletion_that_is_interrupted_anywhere_comes_to_its_end(
    store_url: str, tmp_path: Path, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the transaction: another start goes on, and the certificate says the same."""
    desk, nights = FakeDesk(where), {"waiting": 0}

    async def forget(case_id: str, under_way: Collection[str]) -> Forgotten:
        if where == "forget" and not nights["waiting"]:
            nights["waiting"] = 1
            raise Interrupted
        return Forgotten(("night-1",))

    async with a_database(store_url) as database:
        case_id = await a_full_case(database, "C1")
        purge = database.purge
        if where == "purge":
            monkeypatch.setattr(database, "purge", desk_purge := Breaking(purge))
            with pytest.raises(Interrupted):
                await database.delete_case(case_id, BOT)
            assert desk_purge.broke
        else:
            assert await database.delete_case(case_id, BOT)
        deletions = Deletions(database, Everybody(), desk, forget, Registry(tmp_path / "adapters"))
        if where != "purge":
            with pytest.raises(Interrupted):
                await deletions.carry_on()
        await deletions.carry_on()
        await deletions.carry_on()
        (deletion,) = await database.deletions()
        assert deletion.stage is DeletionStage.DONE
        assert (deletion.found.messages, deletion.found.datasets) == (3, ("night-1",))
        assert desk.certificates[-1].found == deletion.found
        assert len(desk.certificates) == 1 + (where == "certify")
        records = await database.audit(0, 99)
        assert [record.action for record in records if record.case_id == case_id][-1] == AuditAction.DELETED
        assert verify(records, [deletion.audit]) is None


class Breaking:
    """A call that breaks off once."""

    def __init__(self, call: Callable[[], Awaitable[None]]) -> None:
        self._call, self.broke = call, False

    async def __call__(self) -> None:
        if not self.broke:
            self.broke = True
            raise Interrupted
        await self._call()


async def test_a_night_under_way_is_waited_for(store_url: str, tmp_path: Path) -> None:
    """Its dataset is left alone until it has ended; the certificate is owed until then."""
    desk, asked = FakeDesk(), list[Collection[str]]()

    async def forget(case_id: str, under_way: Collection[str]) -> Forgotten:
        asked.append(under_way)
        return Forgotten(("night-1",) if len(asked) == 1 else (), tuple(under_way))

    async with a_database(store_url) as database:
        case_id = await a_full_case(database, "C1")
        await database.begin_night("night-2", None)
        await database.delete_case(case_id, BOT)
        deletions = Deletions(database, Everybody(), desk, forget, Registry(tmp_path / "adapters"))
        await deletions.carry_on()
        assert desk.certificates == []
        await database.end_night("night-2", NightEnd.REFUSED)
        await deletions.carry_on()
        assert [certificate.found.datasets for certificate in desk.certificates] == [("night-1",)]
    assert asked == [["night-2"], []]
