"""Evidence and negative findings as counselors meet them: a real workspace, a real Bolt connection, a real database."""

import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlmodel import col, delete

from bot.domain.note import Note, Origin
from bot.domain.reading import NEW_MARK, Reading
from bot.slack.edit_form import EDIT_VIEW
from bot.slack.texts import texts
from bot.slack.views import EDIT_ACTION, SHORTCUT
from bot.store.tables import ReportRow
from deploy.sandbox.seed import Seed
from deploy.sandbox.seen import Posted
from inference.note import Kind, Language, NoteItem
from tests.support.fakes import ScriptedModel
from tests.support.working_bot import WorkingBot, patient_workspace, working_bot

CASE = "case-001"
PATIENCE_S = 120.0
SLEEP = "She lies awake until three and looks at her phone in bed. She has never hurt herself."
WINE = "Her brother drinks a bottle of wine before noon."
NOTE = [
    NoteItem(Kind.ANALYSIS, "Main concern: trouble sleeping."),
    NoteItem(Kind.ANALYSIS, "The client denies suicidal thoughts."),
    NoteItem(Kind.ANALYSIS, "No self-harm is reported."),
    NoteItem(Kind.ADVICE, "Suggest leaving the phone outside the bedroom."),
    NoteItem(Kind.ADVICE, "Agree on small steps."),
    NoteItem(Kind.QUESTION, "What would a good day look like?"),
]
AGAIN = [
    NoteItem(Kind.ANALYSIS, "The brother's wine before noon weighs on her."),
    NoteItem(Kind.ADVICE, "Agree on small steps."),
    NoteItem(Kind.QUESTION, "Who else knows?"),
]
CHINESE_NOTE = [
    NoteItem(Kind.ANALYSIS, "主要困扰：睡眠困难。"),
    NoteItem(Kind.ANALYSIS, "来访者否认自杀念头。"),
    NoteItem(Kind.ADVICE, "建议把手机放在卧室外。"),
    NoteItem(Kind.ADVICE, "从容易的一步开始。"),
    NoteItem(Kind.QUESTION, "怎样的一天算是好的一天？"),
]


def words(message: Posted) -> str:
    """What a message says, without the menus beside its lines and the marks of new ones."""
    return message.plain.replace("  [⋯]", "").replace(f" {NEW_MARK}", "")


@pytest.fixture
async def bot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[WorkingBot]:
    """A bot at work in a case, with patience for a busy machine."""
    async with (
        patient_workspace(tmp_path, monkeypatch, Seed(cases=1, bot_in_cases=True)) as (sandbox, database),
        working_bot(sandbox, database, ScriptedModel([])) as bot,
    ):
        yield bot


async def said(bot: WorkingBot, text: str, answer: list[NoteItem] | str, thread_ts: str | None = None) -> tuple[Posted, Posted]:
    """What somebody posted, and the complete note that follows."""
    bot.model.answers.append(answer)
    client = bot.sandbox.client
    before = {message.ts for message in await client.messages(CASE)}
    post = await client.say("anna", CASE, text, thread_ts=thread_ts)

    def complete(message: Posted) -> bool:
        return message.ts not in before and EDIT_ACTION in message.action_ids

    return post, await client.wait_for(CASE, complete, thread_ts=thread_ts or post.ts, timeout=PATIENCE_S)


async def stored(bot: WorkingBot) -> Note:
    """The newest note of the case."""
    channel = str((await bot.sandbox.client.channel(CASE))["id"])
    async with bot.database.begin() as uow:
        case = await uow.case_of(bot.sandbox.team_id, channel)
        assert case
        return (await uow.notes(case.id))[-1]


async def links(bot: WorkingBot, post: Posted) -> str:
    """The address of a message, as Slack itself gives it."""
    channel = str((await bot.sandbox.client.channel(CASE))["id"])
    answer = await bot.guard._client.chat_getPermalink(channel=channel, message_ts=post.ts)
    return str(answer["permalink"]).replace("&", "&amp;")


async def test_items_link_to_what_they_rest_on(bot: WorkingBot) -> None:
    """Each item shows its description as a numbered link, a general one says so, a question needs neither; the numbers are the case's."""
    first, note = await said(bot, SLEEP, NOTE)
    assert "Main concern: trouble sleeping. [1]\n" in f"{words(note)}\n"
    assert "Agree on small steps. ◦\n" in words(note)
    assert "What would a good day look like?\n" in words(note)
    assert texts(Language.ENGLISH).general in words(note)
    assert f"<{await links(bot, first)}|[1]>" in str(note.blocks)
    added, again = await said(bot, WINE, AGAIN, thread_ts=first.ts)
    assert "weighs on her. [2]" in words(again)
    assert f"<{await links(bot, added)}|[2]>" in str(again.blocks)
    other, third = await said(bot, "Now he has lost his job, too.", [NoteItem(Kind.ANALYSIS, "The brother drinks wine before noon.")])
    assert "before noon. [2]" in words(third), "an older description of the case is found from a new thread"
    assert other.ts not in str((await stored(bot)).items)


async def test_a_chinese_note_reads_the_same_way(bot: WorkingBot) -> None:
    """Marks, legend and missing finding in a Chinese case."""
    _, note = await said(bot, "来访者每天凌晨四点就醒，睡前一直在床上刷手机。", CHINESE_NOTE)
    assert "主要困扰：睡眠困难。 [1]" in words(note)
    assert "建议把手机放在卧室外。 [1]" in words(note)
    assert "从容易的一步开始。 ◦" in words(note)
    assert "否认" not in words(note)
    assert texts(Language.CHINESE).general in words(note)


async def test_a_finding_that_nobody_reported_never_appears(bot: WorkingBot, caplog: pytest.LogCaptureFixture) -> None:
    """It is neither in the note, nor stored, nor shown to the model later, nor in the log; one that was reported stays."""
    with caplog.at_level(logging.DEBUG, logger="bot"):
        first, note = await said(bot, SLEEP, NOTE)
    assert "suicidal" not in words(note)
    assert "No self-harm is reported." in words(note)
    assert "suicidal" not in str((await stored(bot)).items)
    assert "left out 1, as nobody reported" in caplog.text
    assert "suicidal" not in caplog.text
    await said(bot, WINE, AGAIN, thread_ts=first.ts)
    assert "denies suicidal" not in str(bot.model.prompts[-1])


async def test_an_answer_of_nothing_else_is_no_answer(bot: WorkingBot) -> None:
    """A note in which nothing could stand is an honest error with a button, not an empty note."""
    bot.model.answers.append([NoteItem(Kind.ANALYSIS, "She denies suicidal thoughts.")])
    post = await bot.sandbox.client.say("anna", CASE, WINE)
    shown = await bot.sandbox.client.wait_for(
        CASE, lambda message: "try_again" in message.action_ids, thread_ts=post.ts, timeout=PATIENCE_S
    )
    assert "suicidal" not in words(shown)


async def test_a_copied_note_comes_back_without_its_marks(bot: WorkingBot) -> None:
    """A counselor copies the note, changes one line and sends it: the rest is known again, with its evidence, and no mark is left in it."""
    first, note = await said(bot, SLEEP, NOTE)
    reply = words(note).replace("Suggest leaving the phone outside the bedroom.", "She leaves the phone in the kitchen.")
    _, again = await said(bot, reply, [NoteItem(Kind.QUESTION, "Since when?")], thread_ts=first.ts)
    items = {item.text: item for item in (await stored(bot)).items}
    assert items["Main concern: trouble sleeping."].origin is Origin.MODEL
    assert items["Main concern: trouble sleeping."].evidence == (first.ts,)
    assert items["Agree on small steps."].evidence == ()
    mine = items["She leaves the phone in the kitchen."]
    assert mine.origin is Origin.COUNSELOR
    assert mine.evidence == (first.ts,)
    assert "She leaves the phone in the kitchen. ✎ [1]" in words(again)
    assert not any(mark in text for text in items for mark in ("[1]", "◦", "✎"))
    assert (await stored(bot)).newest_edit()


async def test_the_counselors_own_words_may_deny_and_are_never_general(bot: WorkingBot) -> None:
    """What a counselor writes stands, unmarked where it rests on nothing, and counts as reported for the model's next answer."""
    first, _ = await said(bot, WINE, AGAIN)
    reply = "- The client denies suicidal thoughts.\n- Call on Monday."
    _, again = await said(bot, reply, [NoteItem(Kind.ANALYSIS, "No suicidal ideation, so weekly sessions suffice.")], thread_ts=first.ts)
    assert "The client denies suicidal thoughts. ✎\n" in words(again)
    assert "Call on Monday. ✎\n" in words(again)
    assert "No suicidal ideation" in words(again)


async def test_the_modal_shows_no_marks(bot: WorkingBot) -> None:
    """What is edited are the items' words alone."""
    _, note = await said(bot, SLEEP, NOTE)
    await bot.sandbox.client.click("anna", CASE, note.ts, EDIT_ACTION)
    view = str(await bot.sandbox.client.wait_for_view("anna", EDIT_VIEW, timeout=PATIENCE_S))
    assert "Main concern: trouble sleeping." in view
    assert "[1]" not in view
    assert "◦" not in view


async def test_a_reply_that_is_read_as_an_edit_is_no_evidence(bot: WorkingBot) -> None:
    """Used as an edited answer, a message is a note and no description: nothing links to it any more."""
    first, _ = await said(bot, SLEEP, NOTE)
    added, again = await said(bot, WINE, AGAIN, thread_ts=first.ts)
    assert "weighs on her. [2]" in words(again)
    channel = str((await bot.sandbox.client.channel(CASE))["id"])
    async with bot.database.begin() as uow:
        case = await uow.case_of(bot.sandbox.team_id, channel)
        assert case
        report = await uow.report(case.id, added.ts)
        assert report
        assert [each.source.id for each in await uow.described(case.id)] == [first.ts, added.ts]
        assert [each.source.thread_ts for each in await uow.described(case.id)] == [first.ts, first.ts]
        await uow.add_report(type(report)(case.id, report.note_id, added.ts, report.version, report.author_id, Reading.EDITED, report.text))
        assert [each.source.id for each in await uow.described(case.id)] == [first.ts]
    bot.model.answers.append([NoteItem(Kind.QUESTION, "Since when?")])
    await bot.sandbox.client.shortcut("anna", CASE, added.ts, SHORTCUT)
    shown = await bot.sandbox.client.wait_for(
        CASE, lambda message: "Since when?" in words(message) and EDIT_ACTION in message.action_ids, thread_ts=first.ts, timeout=PATIENCE_S
    )
    assert "[2]" not in words(shown)


async def test_nothing_links_to_a_description_that_was_deleted(bot: WorkingBot) -> None:
    """Once its report is removed, the next message shows no link to it, and what rested on it alone is marked as general."""
    first, _ = await said(bot, SLEEP, NOTE)
    async with bot.database.begin() as uow:
        await uow._session.exec(delete(ReportRow).where(col(ReportRow.source_ts) == first.ts))
    _, again = await said(bot, "- Main concern: trouble sleeping.\n- Call on Monday.", AGAIN, thread_ts=first.ts)
    assert "Main concern: trouble sleeping. ◦\n" in words(again)
    assert "archives" not in str(again.blocks)
