"""What is shown of a case to somebody who asks for it is audited once an opening. A real workspace and a real Bolt connection."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.domain.audit import AuditAction
from bot.domain.editing import ItemChange
from bot.domain.formats import BUILT_IN
from bot.domain.templates import read_templates
from bot.slack.case_form import CASE_VIEW
from bot.slack.case_setup import FORMAT
from bot.slack.digest_listeners import DIGEST_VIEW
from bot.slack.edit_form import EDIT_VIEW, LINE_VIEW
from bot.slack.export_views import EXPORT_VIEW
from bot.slack.final_views import ADDENDUM_ACTION, ADDENDUM_VIEW, EXPORT_ACTION, SECTIONS_ACTION, SECTIONS_VIEW
from bot.slack.history_views import HISTORY_VIEW, OLDER_ACTION
from bot.slack.item_views import ITEM_ACTION
from bot.slack.questions_views import QUESTIONS_VIEW
from bot.slack.views import APPROVE_ACTION, EDIT_ACTION
from deploy.sandbox.model import Json
from deploy.sandbox.seed import Seed
from deploy.sandbox.seen import Posted
from inference.note import Kind, NoteItem
from tests.support.fakes import ScriptedModel
from tests.support.working_bot import WorkingBot, patient_workspace, working_bot

CASE = "case-001"
PATIENCE_S = 120.0
ANSWER = [NoteItem(Kind.ANALYSIS, "She sleeps badly."), NoteItem(Kind.ADVICE, "Keep a diary."), NoteItem(Kind.QUESTION, "Since when?")]
TEMPLATE = """
intake:
  title: {en: Intake note, zh: 初访记录}
  sections:
    - {key: concern, title: {en: Presenting concern, zh: 来访原因}, takes: [reported]}
    - {key: understanding, title: {en: Understanding, zh: 理解}, takes: [analysis]}
    - {key: next, title: {en: Next steps, zh: 下一步}, takes: [advice, questions]}
"""


@pytest.fixture
async def bot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[WorkingBot]:
    """A bot at work with a model of a small context and a team's own format, with patience for a busy machine."""
    model = ScriptedModel([ANSWER] * 20)
    model.context_tokens = 1100
    async with (
        patient_workspace(tmp_path, monkeypatch, Seed(cases=1, bot_in_cases=True)) as (sandbox, database),
        working_bot(sandbox, database, model, formats=read_templates(TEMPLATE)) as bot,
    ):
        yield bot


async def described(bot: WorkingBot, text: str = "She sleeps badly.") -> Posted:
    """The complete note to a description."""
    post = await bot.sandbox.client.say("anna", CASE, text)
    return await bot.sandbox.client.wait_for(CASE, lambda message: EDIT_ACTION in message.action_ids, thread_ts=post.ts, timeout=PATIENCE_S)


async def asked(bot: WorkingBot, word: str) -> None:
    """A command of Li's."""
    assert (await bot.sandbox.client.command("li", CASE, f"/phyassist {word}")).ok


async def shown(bot: WorkingBot, view: str) -> Json:
    """Li's modal, closed as soon as it was looked at."""
    opened = await bot.sandbox.client.wait_for_view("li", view, timeout=PATIENCE_S)
    assert (await bot.sandbox.client.close_view("li", opened["id"])).ok
    return opened


async def drafted(bot: WorkingBot, form: str = "") -> Posted:
    """The draft of a final note, which Li asks for."""
    await asked(bot, f"summarize {form}")
    return await bot.sandbox.client.wait_for(CASE, lambda message: APPROVE_ACTION in message.action_ids, timeout=PATIENCE_S)


async def audited(bot: WorkingBot) -> list[tuple[str, bool]]:
    """What Li was shown, in order, and whether the row names what it was about."""
    records = await bot.database.audit(0, 1000)
    viewed = [record for record in records if record.action == AuditAction.VIEWED]
    assert {record.user_id for record in viewed} <= {"U0LI"}
    assert all(record.case_id for record in viewed)
    return [(record.detail, bool(record.subject)) for record in viewed]


async def test_each_opening_is_audited_once(bot: WorkingBot) -> None:
    """Whoever opens a form or a list of a case is in the audit with what it was; a form that shows nothing of it is not."""
    client = bot.sandbox.client
    for number in range(8):
        note = await described(bot, f"Session {number} was about garden {number}. She slept as usual, and spoke long about hour {number}.")
    await client.click("li", CASE, note.ts, EDIT_ACTION)
    await shown(bot, EDIT_VIEW)
    menus = [block["block_id"] for block in note.blocks if (block.get("accessory") or {}).get("action_id") == ITEM_ACTION]
    await client.click("li", CASE, note.ts, ITEM_ACTION, block_id=menus[0], value=ItemChange.REWRITTEN.value)
    await shown(bot, LINE_VIEW)
    draft = await drafted(bot, "dap")
    await client.click("li", CASE, draft.ts, SECTIONS_ACTION)
    await shown(bot, SECTIONS_VIEW)
    await client.click("li", CASE, draft.ts, APPROVE_ACTION)
    await client.wait_for(CASE, lambda message: message.ts == draft.ts and EXPORT_ACTION in message.action_ids, timeout=PATIENCE_S)
    await client.click("li", CASE, draft.ts, ADDENDUM_ACTION)
    await shown(bot, ADDENDUM_VIEW)
    await client.click("li", CASE, draft.ts, EXPORT_ACTION)
    await shown(bot, EXPORT_VIEW)
    for word, view in (("export", EXPORT_VIEW), ("digest", DIGEST_VIEW), ("questions", QUESTIONS_VIEW)):
        await asked(bot, word)
        await shown(bot, view)
    await asked(bot, "history")
    page = await client.wait_for_view("li", HISTORY_VIEW, timeout=PATIENCE_S)
    assert (await client.click("li", view_id=page["id"], action_id=OLDER_ACTION)).ok
    about_notes = [(what, True) for what in ("edit_form", "line_form", "sections_form", "export_form")]
    about_the_case = [(what, False) for what in ("export_form", "digest", "questions")]
    assert await audited(bot) == [*about_notes, *about_the_case, ("history", True)]


async def test_a_cases_format_is_that_of_its_final_notes(bot: WorkingBot) -> None:
    """A team's own format is offered in the form of a case; chosen there, `/phyassist summarize` takes it without being told."""
    client = bot.sandbox.client
    await described(bot)
    await asked(bot, "case")
    view = await client.wait_for_view("li", CASE_VIEW, timeout=PATIENCE_S)
    (menu,) = [block["element"] for block in view["blocks"] if block.get("block_id") == FORMAT]
    assert [option["value"] for option in menu["options"]] == ["itemized", *BUILT_IN, "intake"]
    assert "Intake note" in str(menu["options"][-1])
    assert (await client.submit_view("li", view["id"], {FORMAT: "intake"})).ok
    async with asyncio.timeout(PATIENCE_S):
        while await bot.database.waiting():
            await asyncio.sleep(0.05)
    draft = await drafted(bot)
    assert "INTAKE NOTE" in draft.plain
    assert "*Presenting concern*\n• She sleeps badly." in draft.plain
    assert "1. She sleeps badly. [1]" in draft.plain, "evidence stands in sections, too"
