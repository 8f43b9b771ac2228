"""History, questions, status and App Home as counselors meet them: a real workspace, a real Bolt connection, a real database."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.domain.audit import AuditAction
from bot.domain.note import Note, Purpose
from bot.domain.questions import Outcome
from bot.domain.reading import Reading
from bot.slack.blocks import escape
from bot.slack.history_views import DAY_ACTION, HISTORY_VIEW, NEWER_ACTION, OLDER_ACTION
from bot.slack.home_views import PAGE_ON_ACTION
from bot.slack.overview_texts import overview_texts
from bot.slack.questions_views import OPEN_ACTION, QUESTIONS_VIEW
from bot.slack.safety_views import SEEN_ACTION
from bot.slack.texts import texts
from bot.slack.views import APPROVE_ACTION, EDIT_ACTION
from bot.workflow.ports import Report, Sign
from deploy.sandbox.model import TEAM_ID, Json
from deploy.sandbox.render import plain_blocks, plain_view
from deploy.sandbox.seed import Seed
from deploy.sandbox.seen import Posted
from inference.note import Kind, Language, NoteItem
from tests.support.builders import a_revision, an_item
from tests.support.fakes import ScriptedModel
from tests.support.working_bot import WorkingBot, patient_workspace, working_bot

CASE = "case-001"
PATIENCE_S = 120.0
FIRST = [
    NoteItem(Kind.ANALYSIS, "Sleep is short."),
    NoteItem(Kind.ADVICE, "Keep a sleep diary."),
    NoteItem(Kind.QUESTION, "Since when is sleep short?"),
    NoteItem(Kind.QUESTION, "How much coffee is it a day?"),
]
SUMMARY = [NoteItem(Kind.ANALYSIS, "Sleep was short."), NoteItem(Kind.ADVICE, "The diary goes on.")]


@pytest.fixture
async def bot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[WorkingBot]:
    """A bot at work in two cases, with patience for a busy machine, and no pause before an App Home is refreshed."""
    monkeypatch.setattr("bot.slack.home.REFRESH_S", 0.01)
    monkeypatch.setattr("bot.slack.locales.ASK_S", 60.0)
    monkeypatch.setattr("bot.slack.home.ASK_S", 60.0)
    async with (
        patient_workspace(tmp_path, monkeypatch, Seed(cases=2, bot_in_cases=True)) as (sandbox, database),
        working_bot(sandbox, database, ScriptedModel([FIRST, SUMMARY]), admin_usergroup="S0ADMINS") as bot,
    ):
        yield bot


async def described(bot: WorkingBot, text: str = "The client sleeps badly.") -> Posted:
    """The complete note to a description."""
    post = await bot.sandbox.client.say("anna", CASE, text)
    return await bot.sandbox.client.wait_for(CASE, lambda message: EDIT_ACTION in message.action_ids, thread_ts=post.ts, timeout=PATIENCE_S)


async def home(bot: WorkingBot, user: str, matching: Callable[[str], bool]) -> str:
    """A person's App Home once it reads like that."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            shown = (await bot.sandbox.client.views(user)).home
            if shown and matching(plain_view(shown)):
                return plain_view(shown)
            await asyncio.sleep(0.05)


async def opened(bot: WorkingBot, word: str, view: str, user: str = "anna") -> Json:
    """A modal, opened by its word."""
    assert (await bot.sandbox.client.command(user, CASE, f"/phyassist {word}")).ok
    return await bot.sandbox.client.wait_for_view(user, view, timeout=PATIENCE_S)


async def modal(bot: WorkingBot, text: str) -> str:
    """Anna's modal, once it shows this."""
    async with asyncio.timeout(PATIENCE_S):
        while text not in (shown := plain_view((await bot.sandbox.client.views("anna")).modals[-1])):
            await asyncio.sleep(0.05)
    return shown


async def settled(bot: WorkingBot) -> None:
    """Waits until all acts are done."""
    async with asyncio.timeout(PATIENCE_S):
        while await bot.database.waiting():
            await asyncio.sleep(0.05)


async def status(bot: WorkingBot, user: str = "anna") -> str:
    """What `/phyassist status` shows."""
    shown = (await bot.sandbox.client.command(user, CASE, "/phyassist status")).shown
    assert shown
    return plain_blocks(shown.blocks)


async def views_recorded(bot: WorkingBot) -> list[tuple[str, str]]:
    """Who was shown what, as the audit has it."""
    records = await bot.database.audit(0, 1000)
    return [(record.user_id, record.detail) for record in records if record.action == AuditAction.VIEWED]


async def test_questions_are_listed_ticked_off_and_opened_again(bot: WorkingBot) -> None:
    """From the status' button or by their word; what is ticked off is gone from the status, and a slip can be undone."""
    client = bot.sandbox.client
    await described(bot)
    assert "Open questions: 2\n– Since when is sleep short?\n– How much coffee is it a day?" in await status(bot)
    shown = (await client.command("anna", CASE, "/phyassist status")).shown
    assert shown
    assert (await client.click("anna", CASE, shown.ts, OPEN_ACTION)).ok
    view = await client.wait_for_view("anna", QUESTIONS_VIEW, timeout=PATIENCE_S)
    first, second = [block["block_id"] for block in view["blocks"] if "accessory" in block]
    assert (await client.click("anna", view_id=view["id"], block_id=first, value=Outcome.ANSWERED.value)).ok
    assert (await client.submit_view("anna", view["id"], {second: Outcome.DISMISSED.value})).ok
    await client.wait_for_ephemeral("anna", texts(Language.ENGLISH).signs[Sign.QUESTIONS_DONE], timeout=PATIENCE_S)
    assert "Open questions" not in await status(bot)
    view = await opened(bot, "questions", QUESTIONS_VIEW, "li")
    assert "There are no open questions." in plain_view(view)
    assert "_Answered · @U0ANNA" in plain_view(view)
    (slip,) = [block["block_id"] for block in view["blocks"] if "coffee" in str(block)]
    assert (await client.submit_view("li", view["id"], {slip: "open"})).ok
    await client.wait_for_ephemeral("li", "Open questions of this case now: 1.", timeout=PATIENCE_S)
    assert "Open questions: 1\n– How much coffee" in await status(bot)
    assert ("U0LI", "questions") in await views_recorded(bot)


async def test_a_list_of_somebody_who_left_ticks_nothing_off(bot: WorkingBot) -> None:
    """The guard is asked again when it comes in; and when its button is pressed."""
    client = bot.sandbox.client
    await described(bot)
    shown = (await client.command("anna", CASE, "/phyassist status")).shown
    assert shown
    view = await opened(bot, "questions", QUESTIONS_VIEW, "li")
    await client.kick(CASE, "li")
    chosen = {block["block_id"]: Outcome.ANSWERED.value for block in view["blocks"] if "accessory" in block}
    await client.submit_view("li", view["id"], chosen)
    await settled(bot)
    assert "Open questions: 2" in await status(bot)
    await client.change_channel(CASE, is_ext_shared=True)
    await client.click("anna", CASE, shown.ts, OPEN_ACTION)
    await client.wait_for_ephemeral("anna", texts(Language.ENGLISH).signs[Sign.SHARED], timeout=PATIENCE_S)
    assert (await client.views("anna")).top is None


async def test_a_status_names_drafts_until_they_are_approved(bot: WorkingBot) -> None:
    """With a link to where they stand."""
    client = bot.sandbox.client
    await described(bot)
    assert (await client.command("anna", CASE, "/phyassist summarize")).ok
    draft = await client.wait_for(CASE, lambda message: APPROVE_ACTION in message.action_ids, timeout=PATIENCE_S)
    text = await status(bot)
    assert "Final notes that wait for approval: 1 (drafted " in text
    shown = (await client.command("anna", CASE, "/phyassist status")).shown
    assert shown
    assert f"/p{draft.ts.replace('.', '')}" in str(shown.blocks)
    assert "Notes not accepted yet: 1" in text
    await client.click("li", CASE, draft.ts, APPROVE_ACTION)
    await client.wait_for(CASE, "Approved by", timeout=PATIENCE_S)
    assert "approval" not in await status(bot)
    assert ("U0ANNA", "status") in await views_recorded(bot)


async def test_history_is_walked_through_and_shows_what_was_changed(bot: WorkingBot) -> None:
    """Description, the model's note, a counselor's edit of it, the final note with its hash; each turn of a page asks the guard again."""
    client = bot.sandbox.client
    bot.model.answers[:] = [FIRST, [], SUMMARY]
    note = await described(bot)
    edited = "- Sleep is very short.\n- Keep a sleep diary.\n- Since when is sleep short?"
    await client.say("li", CASE, edited, thread_ts=note.thread_ts)
    await client.wait_for(CASE, "Version 3", thread_ts=note.thread_ts, timeout=PATIENCE_S)
    await client.command("anna", CASE, "/phyassist summarize")
    await client.wait_for(CASE, lambda message: APPROVE_ACTION in message.action_ids, timeout=PATIENCE_S)
    view = await opened(bot, "history", HISTORY_VIEW)
    assert "FINAL NOTE · 2 OF 2" in plain_view(view)
    assert "Draft, waiting for approval" in plain_view(view)
    assert (await client.click("anna", view_id=view["id"], action_id=OLDER_ACTION)).ok
    text = await modal(bot, "NOTE 1 OF 2")
    assert "The client sleeps badly." in text
    assert "*Version 2* · @U0LI" in text
    assert "kept: 2 · dropped: 1 · rewritten: 1" in text
    assert "• Sleep is *very* short. ✎" in text
    assert "• ~How much coffee is it a day?~" in text
    assert (await client.click("anna", view_id=view["id"], action_id=DAY_ACTION, value=f"{datetime.now(UTC):%Y-%m-%d}")).ok
    await modal(bot, "NOTE 1 OF 2")
    assert (await client.click("anna", view_id=view["id"], action_id=NEWER_ACTION)).ok
    await modal(bot, "FINAL NOTE")
    await client.kick(CASE, "anna", by="li")
    assert (await client.click("anna", view_id=view["id"], action_id=OLDER_ACTION)).ok
    assert "leep" not in await modal(bot, texts(Language.ENGLISH).signs[Sign.NOT_MEMBER])
    assert [each for each in await views_recorded(bot) if each[1] == "history"] == [("U0ANNA", "history")]


async def test_a_history_of_five_hundred_descriptions_opens_and_turns(bot: WorkingBot) -> None:
    """In the case's language; and a case without a note says so."""
    client = bot.sandbox.client
    channel = (await client.channel(CASE))["id"]
    async with bot.database.begin() as uow:
        case = await uow.open_case(TEAM_ID, channel, Language.CHINESE, datetime.now(UTC))
    empty = await client.command("anna", CASE, "/phyassist history")
    assert empty.shown
    assert empty.shown.text == "本个案还没有记录。"
    async with bot.database.begin() as uow:
        for number in range(500):
            ts = f"{1_700_000_000 + number * 60}.000100"
            note = Note(f"note-{number}", case.id, Purpose.ANSWER, ts)
            await uow.add_note(note)
            await uow.add_report(Report(case.id, note.id, ts, ts, "U0ANNA", Reading.DESCRIPTION, f"第 {number} 次描述。" * 200))
            await uow.add_revision(note, a_revision(an_item("睡眠不足。"), an_item(f"第 {number} 次怎么样？", Kind.QUESTION)))
    view = await opened(bot, "history", HISTORY_VIEW)
    for number in range(500, 495, -1):
        text = await modal(bot, f"第 {number} 份记录，共 500 份")
        assert f"第 {number - 1} 次描述。" in text
        assert (await client.click("anna", view_id=view["id"], action_id=OLDER_ACTION)).ok
    found = await status(bot)
    assert "待问的问题：" in found
    assert plain_view(await opened(bot, "questions", QUESTIONS_VIEW)).count("▾]") >= 60


async def test_app_home_shows_my_cases_in_my_language_and_keeps_itself_fresh(bot: WorkingBot) -> None:
    """How to begin; then a case as soon as there is one, what waits in it, and no more once it is ticked off; never a name or a word."""
    client = bot.sandbox.client
    await client.open_home("anna")
    await client.open_home("li")
    assert "`/invite @PhyAssist`" in await home(bot, "anna", lambda text: "HOW TO BEGIN" in text)
    await home(bot, "li", lambda text: "如何开始" in text)
    await described(bot)
    await client.open_home("anna")
    await client.open_home("li")
    text = await home(bot, "anna", lambda text: "open questions: 2" in text)
    assert "MY CASES: 1" in text
    channel = await client.channel(CASE)
    assert f"/archives/{channel['id']})" in text
    assert channel["name"] not in text
    assert "leep" not in str((await client.views("anna")).home)
    await home(bot, "li", lambda text: "待问的问题 2 个" in text)
    view = await opened(bot, "questions", QUESTIONS_VIEW)
    chosen = {block["block_id"]: Outcome.ANSWERED.value for block in view["blocks"] if "accessory" in block}
    await client.submit_view("anna", view["id"], chosen)
    await home(bot, "li", lambda text: "目前没有待办事项。" in text)
    await home(bot, "anna", lambda text: "Nothing waits for you." in text)
    assert ("U0LI", "home") in await views_recorded(bot)
    await client.set_user("anna", locale="zh-CN")
    await client.open_home("anna")
    await home(bot, "anna", lambda text: "目前没有待办事项。" in text)


async def test_safety_cards_wait_until_somebody_has_seen_them(bot: WorkingBot) -> None:
    """In the status and in App Home, in their language; gone as soon as one person has pressed the button. Two dangers, two cards."""
    client, words = bot.sandbox.client, overview_texts(Language.ENGLISH)
    bot.model.answers[:] = [FIRST, FIRST]
    await client.open_home("anna")
    note = await described(bot, "She says she wants to die tonight.")
    thread_ts = note.thread_ts
    await client.say("anna", CASE, "Now she says that she will stab her husband tonight.", thread_ts=thread_ts)

    async def cards() -> list[Posted]:
        return [message for message in await client.messages(CASE, thread_ts) if SEEN_ACTION in message.action_ids]

    async with asyncio.timeout(PATIENCE_S):
        while len(await cards()) < 2:
            await asyncio.sleep(0.05)
    await settled(bot)
    assert words.safety.format(number=2) in await status(bot)
    await client.open_home("li")
    await home(bot, "anna", lambda text: words.short_safety.format(number=2) in text)
    await home(bot, "li", lambda text: overview_texts(Language.CHINESE).short_safety.format(number=2) in text)
    first, second = await cards()
    await client.click("li", CASE, first.ts, SEEN_ACTION)
    await home(bot, "anna", lambda text: words.short_safety.format(number=1) in text)
    await settled(bot)
    assert words.safety.format(number=1) in await status(bot)
    await client.click("anna", CASE, second.ts, SEEN_ACTION)
    without = words.short_safety.split("{", maxsplit=1)[0]
    await home(bot, "anna", lambda text: "open questions" in text and without not in text)
    await settled(bot)
    assert words.safety.split("{", maxsplit=1)[0] not in await status(bot)


async def test_app_home_is_for_those_who_belong_there(bot: WorkingBot) -> None:
    """Who isn't in the channel doesn't see its case, who leaves doesn't any more, a guest reads why; who never opened it gets none."""
    client = bot.sandbox.client
    await described(bot)
    for user in ("ada", "gus", "sol"):
        await client.open_home(user)
    await home(bot, "sol", lambda text: "MY CASES: 1" in text)
    await home(bot, "ada", lambda text: "HOW TO BEGIN" in text)
    await home(bot, "gus", lambda text: texts(Language.ENGLISH).signs[Sign.GUEST_AUTHOR] in text)
    await client.kick(CASE, "sol")
    await client.open_home("sol")
    await home(bot, "sol", lambda text: "HOW TO BEGIN" in text)
    assert (await client.views("anna")).home is None
    await client.change_channel(CASE, is_ext_shared=True)
    await client.open_home("anna")
    await home(bot, "anna", lambda text: "HOW TO BEGIN" in text)


async def test_app_home_names_an_answer_that_failed_until_there_is_a_newer_one(bot: WorkingBot) -> None:
    """The model gave no readable note twice; the next description's note takes it off the list."""
    client = bot.sandbox.client
    bot.model.answers[:] = ["no note", "no note", FIRST]
    await client.say("anna", CASE, "The client sleeps badly.")
    await settled(bot)
    await client.open_home("anna")
    await home(bot, "anna", lambda text: "a note could not be written" in text)
    assert "writing it failed" in await status(bot)
    await described(bot, "The client still sleeps badly.")
    await home(bot, "anna", lambda text: "a note could not be written" not in text)


async def test_two_hundred_cases_are_turned_in_app_home(bot: WorkingBot) -> None:
    """Fifty a page, and the page stays when something changes."""
    client, workspace = bot.sandbox.client, bot.sandbox.desk.workspace
    members = [workspace.users["U0PHYASSIST"].id, "U0LI"]
    async with bot.database.begin() as uow:
        for number in range(200):
            channel = workspace.create_channel(f"many-{number}", "U0ANNA", members)
            await uow.open_case(TEAM_ID, channel.id, Language.ENGLISH, datetime.now(UTC))
    await client.open_home("anna")
    text = await home(bot, "anna", lambda text: "MY CASES: 200" in text)
    assert "page 1 of 4" in text
    view = (await client.views("anna")).home
    assert view
    assert (await client.click("anna", view_id=view["id"], action_id=PAGE_ON_ACTION)).ok
    second = await home(bot, "anna", lambda text: "page 2 of 4" in text)
    assert second.count("\n• ") == 50
    bot.model.answers[:] = [FIRST]
    code = second.partition("• ")[2].split(" ")[0]
    async with bot.database.begin() as uow:
        case = next(case for case in await uow.cases() if case.code == code)
    await client.say("anna", case.channel_id, "The client sleeps badly.")
    fresh = await home(bot, "anna", lambda text: "open questions: 2" in text)
    assert "page 2 of 4" in fresh
    assert escape(code) in fresh


async def test_what_a_channel_without_a_case_answers(bot: WorkingBot) -> None:
    """History and questions say how to open one, as status does; a channel that may not be used says why."""
    for word in ("history", "questions", "status"):
        none = await bot.sandbox.client.command("anna", CASE, f"/phyassist {word}")
        assert none.shown
        assert "This channel has no case yet" in none.shown.text
        public = await bot.sandbox.client.command("anna", "general", f"/phyassist {word}")
        assert public.shown
        assert public.shown.text == texts(Language.ENGLISH).signs[Sign.NOT_PRIVATE]
