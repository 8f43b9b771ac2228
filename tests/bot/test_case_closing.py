"""Closing a case and opening it again as counselors do it: by command, in the form, and with the button below a refusal."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.domain.case import Case, CaseState
from bot.slack.case_card import REOPEN_ACTION
from bot.slack.case_card_texts import card_texts
from bot.slack.case_form import CASE_VIEW, CONSENT, OFF
from bot.slack.case_setup import CLOSED, OPEN, STATE
from bot.slack.views import EDIT_ACTION
from bot.workflow.ports import Sign
from deploy.sandbox.seed import Seed
from deploy.sandbox.seen import Posted
from inference.note import Language
from tests.bot.test_conversation import FIRST, MORE
from tests.support.fakes import ScriptedModel
from tests.support.working_bot import WorkingBot, patient_workspace, working_bot

CASE = "case-001"
PATIENCE_S = 120.0
WORDS = card_texts(Language.ENGLISH)


@pytest.fixture
async def bot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[WorkingBot]:
    """A bot at work in a case with one note, with patience for a busy machine."""
    async with (
        patient_workspace(tmp_path, monkeypatch, Seed(cases=1, bot_in_cases=True)) as (sandbox, database),
        working_bot(sandbox, database, ScriptedModel([FIRST, MORE])) as bot,
    ):
        await described(bot)
        yield bot


async def described(bot: WorkingBot) -> Posted:
    """The complete note to a description."""
    post = await bot.sandbox.client.say("anna", CASE, "The client sleeps badly.")
    return await bot.sandbox.client.wait_for(CASE, lambda message: EDIT_ACTION in message.action_ids, thread_ts=post.ts, timeout=PATIENCE_S)


async def the_case(bot: WorkingBot) -> Case:
    """The case, once nothing waits."""
    async with asyncio.timeout(PATIENCE_S):
        while await bot.database.waiting():
            await asyncio.sleep(0.05)
    async with bot.database.begin() as uow:
        (case,) = await uow.cases()
    return case


async def everybody_read(bot: WorkingBot, sign: Sign, who: str = "<@U0ANNA>") -> Posted:
    """The message that tells the channel."""
    async with bot.database.begin() as uow:
        (case,) = await uow.cases()
    return await bot.sandbox.client.wait_for(CASE, WORDS.signs[sign].format(code=case.code, who=who), timeout=PATIENCE_S)


async def test_a_case_is_closed_and_opened_by_command(bot: WorkingBot) -> None:
    """Everybody in the channel is told who did it."""
    assert (await bot.sandbox.client.command("anna", CASE, "/phyassist case close")).ok
    await everybody_read(bot, Sign.CASE_NOW_CLOSED)
    assert (await the_case(bot)).state is CaseState.CLOSED
    assert (await bot.sandbox.client.command("li", CASE, "/phyassist case  reopen")).ok
    await everybody_read(bot, Sign.CASE_NOW_OPEN, "<@U0LI>")
    assert (await the_case(bot)).state is CaseState.OPEN


async def test_a_post_in_a_closed_case_is_refused_and_offers_to_open_it(bot: WorkingBot) -> None:
    """The sentence is for its author alone, nothing is stored; the button opens the case, and the next post is answered."""
    await bot.sandbox.client.command("anna", CASE, "/phyassist case close")
    await everybody_read(bot, Sign.CASE_NOW_CLOSED)
    await bot.sandbox.client.say("anna", CASE, "She sleeps better.")
    refusal = await bot.sandbox.client.wait_for_ephemeral("anna", lambda message: REOPEN_ACTION in message.action_ids, timeout=PATIENCE_S)
    case = await the_case(bot)
    assert WORDS.signs[Sign.CASE_CLOSED].format(code=case.code) in refusal.plain
    async with bot.database.begin() as uow:
        assert len(await uow.notes(case.id)) == 1
    assert (await bot.sandbox.client.click("anna", CASE, refusal.ts, REOPEN_ACTION)).ok
    await everybody_read(bot, Sign.CASE_NOW_OPEN)
    assert MORE[0].text in (await described(bot)).plain


async def test_the_form_of_a_closed_case_still_takes_a_withdrawal(bot: WorkingBot) -> None:
    """It closes a case, and what it is left at stays; consent can be withdrawn whatever the state is."""
    client = bot.sandbox.client
    await client.command("anna", CASE, "/phyassist case")
    view = await client.wait_for_view("anna", CASE_VIEW, timeout=PATIENCE_S)
    assert (await client.submit_view("anna", view["id"], {STATE: CLOSED})).ok
    await everybody_read(bot, Sign.CASE_NOW_CLOSED)
    await client.command("li", CASE, "/phyassist case")
    view = await client.wait_for_view("li", CASE_VIEW, timeout=PATIENCE_S)
    assert (await client.submit_view("li", view["id"], {CONSENT: OFF})).ok
    await client.wait_for_ephemeral("li", "There is no consent for training", timeout=PATIENCE_S)
    assert (await the_case(bot)).state is CaseState.CLOSED
    await client.command("anna", CASE, "/phyassist case")
    view = await client.wait_for_view("anna", CASE_VIEW, timeout=PATIENCE_S)
    assert (await client.submit_view("anna", view["id"], {STATE: OPEN})).ok
    await everybody_read(bot, Sign.CASE_NOW_OPEN)
