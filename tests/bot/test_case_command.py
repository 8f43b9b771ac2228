"""`/phyassist case` and Accept as counselors meet them: a real workspace, a real Bolt connection, a real database."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.slack.case_form import CASE_VIEW, CONSENT, GIVEN, GIVEN_BY, GIVEN_ON, OFF
from bot.slack.case_texts import case_texts
from bot.slack.texts import texts
from bot.slack.views import ACCEPT_ACTION, EDIT_ACTION
from bot.workflow.ports import Sign
from deploy.sandbox.model import Json
from deploy.sandbox.seed import Seed
from deploy.sandbox.seen import Posted
from inference.note import Language
from tests.bot.test_conversation import FIRST
from tests.support.fakes import ScriptedModel
from tests.support.working_bot import WorkingBot, patient_workspace, working_bot

CASE = "case-001"
PATIENCE_S = 120.0
ENGLISH = texts(Language.ENGLISH)


@pytest.fixture
async def bot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[WorkingBot]:
    """A bot at work in two cases, with patience for a busy machine."""
    async with (
        patient_workspace(tmp_path, monkeypatch, Seed(cases=2, bot_in_cases=True)) as (sandbox, database),
        working_bot(sandbox, database, ScriptedModel([FIRST]), admin_usergroup="S0ADMINS") as bot,
    ):
        yield bot


async def described(bot: WorkingBot, text: str = "The client sleeps badly.") -> Posted:
    """The complete note to a description."""
    post = await bot.sandbox.client.say("anna", CASE, text)
    return await bot.sandbox.client.wait_for(CASE, lambda message: EDIT_ACTION in message.action_ids, thread_ts=post.ts, timeout=PATIENCE_S)


async def opened(bot: WorkingBot, user: str = "anna") -> Json:
    """The form of the case, opened by its command."""
    assert (await bot.sandbox.client.command(user, CASE, "/phyassist case")).ok
    return await bot.sandbox.client.wait_for_view(user, CASE_VIEW, timeout=PATIENCE_S)


async def told(bot: WorkingBot, text: str, user: str = "anna", times: int = 1) -> None:
    """Waits until somebody was told something, as often as that."""
    async with asyncio.timeout(PATIENCE_S):
        while sum(text in message.text for message in await bot.sandbox.client.ephemerals(user)) < times:
            await asyncio.sleep(0.05)


async def test_consent_is_recorded_shown_and_withdrawn_in_slack(bot: WorkingBot) -> None:
    """The form opens on what holds, sends back what lacks something, and each submission is answered with what holds now."""
    client = bot.sandbox.client
    await described(bot)
    view = await opened(bot)
    assert [(row.action, row.user_id, row.detail) for row in await bot.database.audit(0, 99)][-1] == ("viewed", "U0ANNA", "case_form")
    refused = await client.submit_view("anna", view["id"], {CONSENT: GIVEN, GIVEN_BY: "the client, on paper"})
    assert refused.errors == {GIVEN_ON: case_texts(Language.ENGLISH).day_missing}
    filled = {CONSENT: GIVEN, GIVEN_BY: "the client, on paper", GIVEN_ON: "2026-02-27", "names:0": "Anna Smith (Annie)\nBo"}
    assert (await client.submit_view("anna", view["id"], filled)).ok
    await told(bot, "given on 2026-02-27. People whose names are taken out before training: 2")
    shown = str(await opened(bot, "li"))
    assert "Given on 2026-02-27: the client, on paper" in shown
    assert "Anna Smith (Annie)\\nBo" in shown
    view = (await client.views("li")).top
    assert view
    assert (await client.submit_view("li", view["id"], {CONSENT: OFF})).ok
    await told(bot, "Consent for training is withdrawn. From the next night on this case is not used", "li")
    assert "Withdrawn" in str(await opened(bot))
    assert await bot.database.waiting() == []


async def test_the_form_speaks_the_language_of_its_case(bot: WorkingBot) -> None:
    """A Chinese case has a Chinese form and a Chinese answer."""
    await described(bot, "来访者六周以来睡不好。")
    view = await opened(bot)
    assert view["title"]["text"] == case_texts(Language.CHINESE).title
    assert (await bot.sandbox.client.submit_view("anna", view["id"])).ok
    await told(bot, "本个案没有训练同意")


async def test_without_a_case_or_a_right_to_it_there_is_no_form(bot: WorkingBot) -> None:
    """A channel without a case says how to open one; a channel that may not be used says why."""
    client = bot.sandbox.client
    none = await client.command("anna", CASE, "/phyassist case")
    assert none.shown
    assert "This channel has no case yet" in none.shown.text
    public = await client.command("anna", "general", "/phyassist case")
    assert public.shown
    assert public.shown.text == ENGLISH.signs[Sign.NOT_PRIVATE]
    assert (await client.views("anna")).top is None
    shown = await client.command("anna", CASE, "/phyassist help")
    assert shown.shown
    assert "`/phyassist case`" in shown.shown.text


async def test_a_form_of_somebody_who_left_changes_nothing(bot: WorkingBot) -> None:
    """The guard is asked again when the form comes in."""
    await described(bot)
    view = await opened(bot, "li")
    await bot.sandbox.client.kick(CASE, "li")
    filled = {CONSENT: GIVEN, GIVEN_BY: "the client", GIVEN_ON: "2026-02-27"}
    await bot.sandbox.client.submit_view("li", view["id"], filled)
    async with asyncio.timeout(PATIENCE_S):
        while await bot.database.waiting():
            await asyncio.sleep(0.05)
    async with bot.database.begin() as uow:
        (case,) = await uow.cases()
        file = await uow.case_file(case.id)
    assert file
    assert file.consents == ()


async def test_accept_is_one_tap_and_the_message_says_who(bot: WorkingBot) -> None:
    """The note stays where it is, with its buttons but that one; nobody is asked and the model isn't either."""
    note = await described(bot)
    assert ACCEPT_ACTION in note.action_ids
    await bot.sandbox.client.click("li", CASE, note.ts, ACCEPT_ACTION)
    accepted = await bot.sandbox.client.wait_for(CASE, "Accepted by", thread_ts=note.thread_ts, timeout=PATIENCE_S)
    assert accepted.ts == note.ts
    assert "Accepted by <@U0LI>" in str(accepted.blocks)
    assert accepted.action_ids == [EDIT_ACTION]
    assert len(bot.model.prompts) == 1


async def test_a_changed_group_of_admins_is_asked_for_again(bot: WorkingBot) -> None:
    """Slack's event ends the memory of who is an admin."""
    assert await bot.admins.includes("U0ADA")
    await bot.sandbox.client.set_usergroup("phyassist-admins", ["sol"])
    async with asyncio.timeout(PATIENCE_S):
        while await bot.admins.includes("U0ADA"):
            await asyncio.sleep(0.05)
    assert await bot.admins.includes("U0SOL")
