"""The digest of a long case as counselors meet it, in a real workspace, over a real Bolt connection; only the model is scripted."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.slack.digest_listeners import DIGEST_VIEW
from bot.slack.digest_texts import digest_texts
from bot.slack.texts import texts
from bot.slack.views import EDIT_ACTION
from bot.workflow.incoming import DigestCorrected
from bot.workflow.ports import Sign
from deploy.sandbox.model import Json
from deploy.sandbox.seed import Seed
from inference.digest import SENTENCE_CHARS, Correction
from inference.note import Language
from inference.prompt import RECALLED
from tests.bot.test_conversation import FIRST, MORE, a_desk
from tests.support.builders import NOW, a_post
from tests.support.fakes import ScriptedModel
from tests.support.working_bot import WorkingBot, patient_workspace, working_bot

CASE = "case-001"
PATIENCE_S = 120.0
WORDS, ENGLISH = digest_texts(Language.ENGLISH), texts(Language.ENGLISH)
FACT = "As a child she nearly drowned in the lake behind the mill."


@pytest.fixture
async def bot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[WorkingBot]:
    """A bot at work with a model of a small context."""
    model = ScriptedModel([FIRST] * 30)
    model.context_tokens = 1100
    async with (
        patient_workspace(tmp_path, monkeypatch, Seed(cases=2, bot_in_cases=True)) as (sandbox, database),
        working_bot(sandbox, database, model) as bot,
    ):
        yield bot


async def session(bot: WorkingBot, text: str) -> None:
    """One description, answered."""
    post = await bot.sandbox.client.say("anna", CASE, text)
    await bot.sandbox.client.wait_for(CASE, lambda message: EDIT_ACTION in message.action_ids, thread_ts=post.ts, timeout=PATIENCE_S)


async def sessions(bot: WorkingBot, count: int) -> None:
    """A case of that many sessions; the fact is told in the second."""
    for number in range(count):
        thing = ["garden", "office", "train", "dog"][number % 4]
        news = FACT if number == 1 else f"Session {number} was about the {thing} and hours {number}."
        await session(bot, f"{news} She slept as usual and came on time, and spoke for a long while about nothing in particular.")


async def opened(bot: WorkingBot) -> Json:
    """The form, opened by its command."""
    assert (await bot.sandbox.client.command("anna", CASE, "/phyassist digest")).ok
    return await bot.sandbox.client.wait_for_view("anna", DIGEST_VIEW, timeout=PATIENCE_S)


async def told(bot: WorkingBot, text: str, times: int = 1) -> None:
    """Waits until anna was told that, as often as that."""
    async with asyncio.timeout(PATIENCE_S):
        while sum(text in message.text for message in await bot.sandbox.client.ephemerals("anna")) < times:
            await asyncio.sleep(0.05)


def last_prompt(bot: WorkingBot) -> str:
    """The newest prompt as one text."""
    return "\n".join(message["content"] for message in bot.model.prompts[-1])


async def test_a_short_case_has_no_digest(bot: WorkingBot) -> None:
    """The command says so, with and without a case."""
    for number in (1, 2):
        assert (await bot.sandbox.client.command("anna", CASE, "/phyassist digest")).ok
        await told(bot, WORDS.nothing, number)
        await session(bot, "The client sleeps badly.")


async def test_a_digest_is_shown_and_corrected_and_then_told_to_the_model(bot: WorkingBot) -> None:
    """The form shows what the model is told; a line too long is sent back; the corrected lines are in the next prompt."""
    await sessions(bot, 10)
    view = await opened(bot)
    shown = view["blocks"][1]["element"]["initial_value"].splitlines()
    assert shown
    await session(bot, "She slept.")
    assert "\n".join(f"- {line}" for line in shown) in last_prompt(bot)
    view = await opened(bot)
    refused = await bot.sandbox.client.submit_view("anna", view["id"], {"lines:0": "a" * (SENTENCE_CHARS + 1)})
    assert refused.errors == {"lines:0": WORDS.too_long.format(number=SENTENCE_CHARS)}
    mine = "She was pulled out of the lake at the age of six."
    assert (await bot.sandbox.client.submit_view("anna", view["id"], {"lines:0": f"{mine}\n\n  Came on time each time.  "})).ok
    await told(bot, ENGLISH.signs[Sign.DIGEST_CORRECTED])
    await session(bot, "Today she spoke of the mill by the lake.")
    assert f"{RECALLED[Language.ENGLISH]}\n- {FACT}\n\n" in last_prompt(bot)
    assert f"- {mine}\n- Came on time each time." in last_prompt(bot)
    assert (await opened(bot))["blocks"][1]["element"]["initial_value"].startswith(mine)


async def test_corrections_are_read_in_numbers_of_turns(store_url: str) -> None:
    """Whatever positions turns have; the newest correction is the last."""
    async with a_desk(store_url, FIRST, MORE) as desk:
        post = a_post()
        await desk.do(post)
        async with desk.database.begin() as uow:
            case = await uow.case_of(post.team_id, post.channel_id)
            assert case
            await uow.add_correction(case.id, 1, ["One.", "Two."], "U0ANNA", NOW)
        await desk.do(a_post("She sleeps better."))
        async with desk.database.begin() as uow:
            await uow.add_correction(case.id, 2, ["Three."], "U0ANNA", NOW)
            found = await uow.corrections(case.id)
        assert found == [Correction(1, 2, ("One.", "Two.")), Correction(2, 4, ("Three.",))]


async def test_a_digest_of_turns_that_are_gone_is_not_corrected(store_url: str) -> None:
    """Somebody deleted a description while the form was open: what it stands for is not what it stood for."""
    async with a_desk(store_url, FIRST) as desk:
        post = a_post()
        await desk.do(post)
        async with desk.database.begin() as uow:
            case = await uow.case_of(post.team_id, post.channel_id)
        assert case
        who = {"team_id": post.team_id, "channel_id": post.channel_id, "user_id": post.user_id, "at": "1900000000.0"}
        await desk.do(DigestCorrected(**who, case_id=case.id, upto=3, lines=("One.",), source="V1"))
        assert desk.channel.notices == [Sign.DIGEST_OUT_OF_DATE]
        async with desk.database.begin() as uow:
            assert await uow.corrections(case.id) == []
