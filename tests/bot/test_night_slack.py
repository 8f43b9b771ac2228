"""Nights and adapters as admins meet them: a real workspace, a real Bolt connection, a real database, real processes."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.audit import AuditAction
from bot.domain.case import Consent
from bot.night_process import NightProcesses
from bot.slack.blind_texts import blind_texts
from bot.slack.blind_views import BLIND_VIEW, NEITHER, blind_line
from bot.slack.home_views import ADAPTERS_ACTION
from bot.slack.night_desk import NightDesk
from bot.slack.night_report import AdminChannel
from bot.slack.night_texts import night_texts
from bot.slack.night_views import COMPARE_ACTION, LEAVE_ACTION, PROMOTE_ACTION, ROLL_BACK_ACTION
from bot.slack.texts import texts
from bot.slack.views import ANSWER_NOW_ACTION, EDIT_ACTION
from bot.workflow.adapters import Adapters
from bot.workflow.blind import Choice, Tally
from bot.workflow.night_plan import plan_night
from bot.workflow.nights import Nights, Start
from bot.workflow.ports import Sign
from deploy.sandbox.faults import Faults
from deploy.sandbox.render import plain_view
from deploy.sandbox.seed import Seed
from deploy.sandbox.seen import Posted
from inference.note import Language
from inference.registry import Registry
from tests.bot.test_conversation import FIRST, MORE
from tests.bot.test_nights import STEP, wishes
from tests.support.adapter_server import AdapterServer
from tests.support.adapters import an_adapter
from tests.support.builders import NOW, a_sample
from tests.support.fake_night import an_interpreter, behave
from tests.support.fakes import ScriptedModel
from tests.support.working_bot import WorkingBot, patient_workspace, working_bot
from training.night.sample import Sample

CASE, ADMINS = "case-001", "phyassist-admin"
PATIENCE_S = 120.0
ENGLISH = texts(Language.ENGLISH)
WORDS = night_texts(Language.ENGLISH)
BLIND = blind_texts(Language.ENGLISH)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The data directory."""
    return tmp_path / "home"


@pytest.fixture
def server() -> AdapterServer:
    """What adapters are put into."""
    return AdapterServer()


@pytest.fixture
def registry(home: Path, tmp_path: Path) -> Registry:
    """A registry of two adapters, the first of which is in service."""
    registry = Registry(home / "adapters")
    for number in (1, 2):
        registry.add(an_adapter(tmp_path / f"trained-{number}", seed=number), f"night-{number}")
    registry.promote("night-1")
    return registry


@pytest.fixture
async def bot(
    tmp_path: Path, home: Path, registry: Registry, server: AdapterServer, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[WorkingBot]:
    """A bot at work, with nights, and with patience for a busy machine."""
    monkeypatch.setattr("bot.slack.roles.ASK_S", 60.0)
    monkeypatch.setattr("bot.slack.night_report.UPDATE_S", 0.2)
    async with patient_workspace(tmp_path, monkeypatch, Seed(cases=2, bot_in_cases=True)) as (sandbox, database):
        channel = next(each["id"] for each in (await sandbox.client.state())["channels"] if each["name"] == ADMINS)
        model = ScriptedModel([FIRST, MORE])

        def nights(client: AsyncWebClient) -> NightDesk:
            report = AdminChannel(client, database, registry, channel, Language.ENGLISH)
            process = NightProcesses(home, an_interpreter(home / "bin"), None)
            made = Nights(
                database, process, report, lambda name: plan_night(name, wishes(home), registry, model), lambda: datetime.now(UTC)
            )
            return NightDesk(made, Adapters(registry, server.connect), report, database, home, "UTC", client)

        async with working_bot(sandbox, database, model, "S0ADMINS", nights, admin_channel=channel) as bot:
            yield bot


async def answered(bot: WorkingBot, line: str, said: str, user: str = "ada", channel: str = "general", times: int = 1) -> None:
    """Enters a command, and waits until its answer was shown to that person alone, as often as that."""
    result = await bot.sandbox.client.command(user, channel, line)
    assert result.ok
    if result.shown and said in result.shown.text:
        return
    await told(bot, said, user, times)


async def audited(bot: WorkingBot) -> list[tuple[str, str, str, str]]:
    """Action, user, subject and detail of all rows of the audit."""
    return [(row.action, row.user_id, row.subject, row.detail) for row in await bot.database.audit(0, 999)]


async def told(bot: WorkingBot, said: str, user: str = "ada", times: int = 1) -> None:
    """Waits until a person was told something."""
    async with asyncio.timeout(PATIENCE_S):
        while sum(said in message.everything for message in await bot.sandbox.client.ephemerals(user)) < times:
            await asyncio.sleep(0.05)


async def report(bot: WorkingBot, said: str) -> Posted:
    """The message of a night, as soon as it says that."""
    return await bot.sandbox.client.wait_for(ADMINS, said, timeout=PATIENCE_S)


async def the_night(bot: WorkingBot, home: Path, end: str, *samples: Sample) -> Posted:
    """The report of a night that an admin asked for, and that ended that way."""
    behave(home, end=end, reason="there is no memory left", samples=[asdict(sample) for sample in samples])
    await answered(bot, "/phyassist retrain", "has begun")
    return await report(bot, "Criterion 13" if end in {"ready", "promoted", "refused"} else "stays in service")


def desk(bot: WorkingBot) -> NightDesk:
    """What admins work with."""
    assert bot.desk
    return bot.desk


async def test_an_admin_asks_for_a_night_and_sees_it_to_its_end(bot: WorkingBot, home: Path) -> None:
    """One message: begun, with the number of cases, progress in numbers, then the end with its table and a button."""
    behave(home, tell=[STEP, STEP], waits=True, end="ready")
    await answered(bot, "/phyassist retrain", "has begun")
    begun = await report(bot, "Training. · 3 of 9 · loss 1.250 · about 10 min left")
    assert "cases with consent: 0" in begun.everything
    assert "@ada" in begun.everything or "U0ADA" in begun.everything
    await answered(bot, "/phyassist retrain", WORDS.starts[Start.RUNNING])
    (home / "go").touch()
    ended = await report(bot, "passed and waits for an admin")
    assert ended.ts == begun.ts
    assert "Criterion 13" in ended.everything
    assert "Reason 13, for <people>." in ended.everything
    assert ended.action_ids == [PROMOTE_ACTION, LEAVE_ACTION]
    messages = [message for message in await bot.sandbox.client.messages(ADMINS) if message.user != "U0ADA"]
    assert len(messages) == 1


async def test_only_admins_are_heard(bot: WorkingBot, registry: Registry, home: Path, server: AdapterServer) -> None:
    """Others get one sentence, for each word and each button, and nothing happens; nor does being in the admins' channel help."""
    night = await the_night(bot, home, "ready")
    for times, line in enumerate(("retrain", "adapters", "promote night-2", "rollback"), start=1):
        await answered(bot, f"/phyassist {line}", WORDS.admins_only, "anna", times=times)
    await bot.sandbox.client.click("sol", ADMINS, night.ts, PROMOTE_ACTION)
    await told(bot, WORDS.admins_only, "sol")
    assert registry.pointer().champion == "night-1"
    assert server.changes == []
    refused = [(user, detail) for action, user, _, detail in await audited(bot) if action == AuditAction.REFUSED]
    words = ("retrain", "adapters", "promote", "rollback")
    assert refused == [*(("U0ANNA", f"{word}:admins_only") for word in words), ("U0SOL", f"{PROMOTE_ACTION}:admins_only")]
    for user, shown in (("ada", True), ("anna", False)):
        result = await bot.sandbox.client.command(user, "general", "/phyassist help")
        assert result.shown
        assert ("/phyassist rollback" in result.shown.text) is shown


async def test_promote_and_roll_back_by_buttons_pressed_twice(bot: WorkingBot, home: Path, registry: Registry, tmp_path: Path) -> None:
    """The second press of either changes nothing; the message says who did it, and offers the way back."""
    night = await the_night(bot, home, "ready")
    name = next(run.name for run in [await bot.database.newest_night()] if run)
    registry.add(an_adapter(tmp_path / "trained-3", seed=3), name)
    client = bot.sandbox.client
    await asyncio.gather(*(client.click("ada", ADMINS, night.ts, PROMOTE_ACTION) for _ in range(2)))
    await told(bot, f"In service: {name}. A rollback brings back night-1.", times=2)
    promoted = await client.wait_for(ADMINS, lambda message: message.action_ids == [ROLL_BACK_ACTION], timeout=PATIENCE_S)
    assert promoted.ts == night.ts
    assert f"In service: {name}" in promoted.everything
    assert registry.pointer().previous == "night-1"
    await asyncio.gather(*(client.click("ada", ADMINS, night.ts, ROLL_BACK_ACTION) for _ in range(2)))
    await told(bot, f"In service: night-1. A rollback brings back {name}.", times=2)
    assert registry.pointer().champion == "night-1"
    await client.wait_for(ADMINS, lambda message: message.action_ids == [PROMOTE_ACTION, LEAVE_ACTION], timeout=PATIENCE_S)
    rows = await audited(bot)
    for action, subject in ((AuditAction.PROMOTED, name), (AuditAction.ROLLED_BACK, "night-1")):
        assert (action, "U0ADA", subject, "") in rows


async def test_an_old_button_takes_nothing_else_out(bot: WorkingBot, home: Path, registry: Registry) -> None:
    """Where another adapter was promoted since, a roll-back button says so."""
    adapters = desk(bot).adapters
    await adapters.promote("night-2")
    assert (await adapters.take_out("night-2")).champion == "night-1"
    assert (await adapters.take_out("night-2")).champion == "night-1"
    await adapters.promote("night-2")
    await adapters.promote(None)
    with pytest.raises(Exception, match="night-1 is not in service any more"):
        await adapters.take_out("night-1")


async def test_adapters_are_listed_promoted_and_rolled_back_by_command(bot: WorkingBot, registry: Registry, server: AdapterServer) -> None:
    """From any channel, the bot's membership or none; a reason is given where something can't be done."""
    elsewhere = await bot.sandbox.client.create_channel("lunch", creator="ada")
    await answered(bot, "/phyassist promote night-2", "In service: night-2. A rollback brings back night-1.", channel=elsewhere)
    assert registry.pointer().champion == "night-2"
    registry.retire("night-1", "it learned from a case that was deleted")
    await answered(bot, "/phyassist adapters", "retired")
    shown = (await bot.sandbox.client.ephemerals("ada"))[-1].everything
    lines = {name: next(line for line in shown.splitlines() if name in line) for name in ("night-1", "night-2")}
    assert "in service" in lines["night-2"]
    assert "before it" in lines["night-1"]
    assert "it learned from a case that was deleted" in lines["night-1"]
    await answered(bot, "/phyassist rollback", "night-1 was retired on")
    await answered(bot, "/phyassist promote night-9", "the registry has no adapter named night-9")
    await answered(bot, "/phyassist promote", "Please say which one")
    server.away = True
    await answered(bot, "/phyassist promote base", "the model server doesn't answer")
    server.away = False
    await answered(bot, "/phyassist promote base", "In service: the model without an adapter.")


async def kettles(bot: WorkingBot, count: int = 3) -> list[Sample]:
    """Notes before and after, of a case with consent whose channel no admin is in."""
    async with bot.database.begin() as uow:
        case = await uow.open_case("T1", "C0KETTLE", Language.ENGLISH, NOW)
        await uow.add_consent(case.id, Consent("the client", NOW.date(), "U0ANNA", NOW))
    return [a_sample(case.id, f"The kettle of week {number}.", "Old kettle.", "New kettle.") for number in range(count)]


async def test_an_admin_compares_notes_blind(bot: WorkingBot, home: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Notes open for the admin alone and say whose they are only after the answer; the report shows numbers, no channel a word of them."""
    caplog.set_level("DEBUG", logger="bot")
    client = bot.sandbox.client
    night = await the_night(bot, home, "ready", *await kettles(bot))
    assert night.action_ids == [PROMOTE_ACTION, COMPARE_ACTION, LEAVE_ACTION]
    await client.click("sol", ADMINS, night.ts, COMPARE_ACTION)
    await told(bot, WORDS.admins_only, "sol")
    assert (await client.views("sol")).top is None
    await client.click("ada", ADMINS, night.ts, COMPARE_ACTION)
    form = await client.wait_for_view("ada", BLIND_VIEW, timeout=PATIENCE_S)
    assert [user for action, user, *_ in await audited(bot) if action == AuditAction.COMPARED] == ["U0ADA"]
    asked = json.dumps(form["blocks"])
    assert asked.count("New kettle.") == asked.count("Old kettle.") == 3
    assert BLIND.whose[Choice.NEW] not in asked
    (name,) = [run.name for run in [await bot.database.newest_night()] if run]
    sides = {one.number: one.new_side for one in await bot.database.samples(name)}
    result = await client.submit_view("ada", form["id"], {"0": sides[0].value, "2": NEITHER})
    assert result.ok
    shown = (await client.views("ada")).top
    assert shown
    assert BLIND.whose[Choice.NEW] in json.dumps(shown["blocks"])
    line = blind_line(Tally(1, 1, 0, 1), Language.ENGLISH)
    assert line in json.dumps(shown["blocks"], ensure_ascii=False)
    report_now = await client.wait_for(ADMINS, line, timeout=PATIENCE_S)
    assert report_now.ts == night.ts
    await client.close_view("ada", shown["id"])
    await client.click("ada", ADMINS, night.ts, COMPARE_ACTION)
    again = await client.wait_for_view("ada", timeout=PATIENCE_S)
    assert not again["submit"]  # who has seen whose they are can't judge blind
    assert not [message for message in await client.messages(ADMINS) if "kettle" in json.dumps(message.raw)]
    assert not [message for message in await client.ephemerals("ada") if "kettle" in json.dumps(message.raw)]
    assert "kettle" not in caplog.text


async def test_notes_of_a_case_that_is_gone_are_not_shown(bot: WorkingBot, home: Path) -> None:
    """Deleted after the report was made, before or while an admin looks: a sentence, and nothing else."""
    client = bot.sandbox.client
    samples = await kettles(bot, 1)
    night = await the_night(bot, home, "ready", *samples)
    await client.click("ada", ADMINS, night.ts, COMPARE_ACTION)
    form = await client.wait_for_view("ada", BLIND_VIEW, timeout=PATIENCE_S)
    await bot.database.delete_case(samples[0].case_id)
    assert (await client.submit_view("ada", form["id"], {"0": "a"})).ok
    shown = (await client.views("ada")).top
    assert shown
    assert BLIND.gone in json.dumps(shown["blocks"])
    assert "kettle" not in json.dumps(shown)
    await client.close_view("ada", shown["id"])
    await client.wait_for(ADMINS, lambda message: COMPARE_ACTION not in message.action_ids, timeout=PATIENCE_S)
    await client.click("ada", ADMINS, night.ts, COMPARE_ACTION, stale=True)
    await told(bot, BLIND.gone)
    assert (await client.views("ada")).top is None


async def test_a_night_can_be_left_and_promoted_later(bot: WorkingBot, home: Path, registry: Registry, tmp_path: Path) -> None:
    """The report says who left it, also after others compared; nothing changes, and the button to promote stays where it was."""
    client = bot.sandbox.client
    night = await the_night(bot, home, "ready", *await kettles(bot, 1))
    (name,) = [run.name for run in [await bot.database.newest_night()] if run]
    await client.click("ada", ADMINS, night.ts, LEAVE_ACTION)
    left = await report(bot, f"{name} was left; night-1 stays in service.")
    assert left.action_ids == [PROMOTE_ACTION, COMPARE_ACTION, LEAVE_ACTION]
    assert registry.pointer().champion == "night-1"
    await client.click("ada", ADMINS, night.ts, COMPARE_ACTION)
    form = await client.wait_for_view("ada", BLIND_VIEW, timeout=PATIENCE_S)
    await client.submit_view("ada", form["id"], {"0": NEITHER})
    compared = await report(bot, blind_line(Tally(1, 0, 0, 1), Language.ENGLISH))
    assert f"{name} was left" in compared.everything
    registry.add(an_adapter(tmp_path / "trained-3", seed=3), name)
    await client.click("ada", ADMINS, night.ts, PROMOTE_ACTION)
    promoted = await client.wait_for(ADMINS, lambda message: ROLL_BACK_ACTION in message.action_ids, timeout=PATIENCE_S)
    assert promoted.action_ids == [ROLL_BACK_ACTION, COMPARE_ACTION]
    assert "was left" not in promoted.everything


async def test_a_failed_night_says_why_and_what_to_do(bot: WorkingBot, home: Path) -> None:
    """And that nothing changed."""
    failed = await the_night(bot, home, "failed")
    assert "night-1 stays in service" in failed.everything
    assert "Reason: there is no memory left" in failed.everything
    assert "`/phyassist retrain`" in failed.everything or "/phyassist retrain" in failed.everything
    assert failed.action_ids == []


async def test_a_refused_night_has_no_button(bot: WorkingBot, home: Path) -> None:
    """There is nothing that could be promoted."""
    assert (await the_night(bot, home, "refused")).action_ids == []


async def test_a_post_whose_answer_was_lost_is_not_posted_twice(bot: WorkingBot, home: Path) -> None:
    """Slack took the message and its answer was lost: the channel is searched before anything is posted again."""
    await bot.sandbox.client.set_faults(Faults(lose_answer_every=2))
    behave(home, end="nothing_new")
    await desk(bot).nights.start("night-2026-11-21")
    await report(bot, "nothing new to learn")
    await bot.sandbox.client.set_faults()
    assert len(await bot.sandbox.client.messages(ADMINS)) == 1


# the counselors' side


async def test_posts_wait_while_the_model_learns_and_one_can_be_urgent(bot: WorkingBot) -> None:
    """Saved and told so; the model is sent nothing; after a press the training steps aside, all are answered in order, and it may go on."""
    client, learning = bot.sandbox.client, bot.learning
    assert learning
    gpus = learning._gpus
    async with gpus.for_training():
        post = await client.say("anna", CASE, "The client sleeps badly.")
        waiting = await client.wait_for(CASE, "The model is learning; your post is saved", thread_ts=post.ts, timeout=PATIENCE_S)
        assert waiting.action_ids == [ANSWER_NOW_ACTION]
        second = await client.say("li", CASE, "The client eats little.")
        assert bot.model.prompts == []
        await client.click("li", CASE, waiting.ts, ANSWER_NOW_ACTION)
        await told(bot, ENGLISH.signs[Sign.STEPPING_ASIDE], "li")
        assert gpus.urgent
        await learning.look()
        assert gpus.urgent  # nothing is answered yet
    for ts in (post.ts, second.ts):
        await client.wait_for(CASE, lambda message: EDIT_ACTION in message.action_ids, thread_ts=ts, timeout=PATIENCE_S)
    assert len(bot.model.prompts) == 2
    async with asyncio.timeout(PATIENCE_S):
        while await bot.database.waiting():
            await asyncio.sleep(0.05)
    await learning.look()
    assert not gpus.urgent
    assert not learning.ask_back("C1")  # nobody learns any more
    assert not gpus.urgent


async def test_what_was_urgent_before_a_restart_is_ended_too(bot: WorkingBot) -> None:
    """Nobody knows any more whose it was: when nothing waits, the training may go on."""
    assert bot.learning
    gpus = bot.learning._gpus
    gpus.ask_back()
    await bot.learning.look()
    assert not gpus.urgent


async def test_app_home_leads_admins_to_the_report_and_the_adapters(bot: WorkingBot, home: Path) -> None:
    """The night in one line for everybody; the buttons for admins alone, asked again when one is pressed."""
    client = bot.sandbox.client
    message = await the_night(bot, home, "ready")
    for user in ("ada", "anna"):
        await client.open_home(user)
    async with asyncio.timeout(PATIENCE_S):
        while not all([(await client.views(user)).home for user in ("ada", "anna")]):
            await asyncio.sleep(0.05)
    admins, others = (await client.views("ada")).home, (await client.views("anna")).home
    assert admins
    assert "a new version of the model passed its tests and waits for an admin." in plain_view(admins)
    assert f"/p{message.ts.replace('.', '')}" in str(admins)
    assert "a new version of the model passed its tests" in plain_view(others or {})
    assert ADAPTERS_ACTION not in str(others)
    assert (await client.click("ada", view_id=admins["id"], action_id=ADAPTERS_ACTION)).ok
    assert "night-1" in str(await client.wait_for_view("ada", timeout=PATIENCE_S))
    await client.close_view("ada", (await client.views("ada")).modals[-1]["id"])
    await client.set_usergroup("phyassist-admins", ["sol"])
    async with asyncio.timeout(PATIENCE_S):
        while await bot.admins.includes("U0ADA"):
            await asyncio.sleep(0.05)
    assert (await client.click("ada", view_id=admins["id"], action_id=ADAPTERS_ACTION)).ok
    assert (await client.views("ada")).top is None
