"""Editing as counselors meet it: a real workspace, a real Bolt connection, a real database; only the model is scripted."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text as sql

from bot.domain.editing import ItemChange
from bot.slack.edit_form import EDIT_VIEW, LINE_VIEW, PAGE_ACTION, add_id, line_id
from bot.slack.edit_texts import edit_texts
from bot.slack.item_views import FEEDBACK_ACTION, ITEM_ACTION, REASON_ACTION, UNDO_ACTION, WISH_ACTIONS
from bot.slack.texts import texts
from bot.slack.views import ACCEPT_ACTION, EDIT_ACTION, REREAD_ACTION
from bot.store.database import Database
from bot.store.engine import make_engine
from bot.store.vault import new_key
from bot.workflow.incoming import Wish
from bot.workflow.ports import Sign
from deploy.demo.scene import entries, items_of
from deploy.sandbox.model import Json
from deploy.sandbox.seed import Seed
from deploy.sandbox.seen import Posted
from deploy.sandbox.server import running_sandbox
from inference.note import Kind, Language, NoteItem
from tests.bot.test_conversation import FIRST, MORE
from tests.support.databases import make_schema
from tests.support.fakes import ScriptedModel
from tests.support.working_bot import WorkingBot, working_bot
from training.data.records import Reason

CASE = "case-001"
PATIENCE_S = 120.0
ENGLISH, WORDS = texts(Language.ENGLISH), edit_texts(Language.ENGLISH)
LONG = [NoteItem(kind, hashlib.sha256(f"{kind}{number}".encode()).hexdigest()) for kind in Kind for number in range(20)]
"""Sixty lines that are like no others."""


@pytest.fixture
async def bot(tmp_path: Path) -> AsyncIterator[WorkingBot]:
    """A bot at work in two cases, with patience for a busy machine."""
    url = f"sqlite+aiosqlite:///{tmp_path / 'phyassist.db'}"
    await make_schema(url)
    database = Database(make_engine(url), new_key())
    await database.prepare()
    async with running_sandbox(seed=Seed(cases=2, bot_in_cases=True)) as sandbox:
        sandbox.desk.people.delivery.timing = type(sandbox.desk.people.delivery.timing)(ack_s=60.0, trigger_s=60.0)
        async with working_bot(sandbox, database, ScriptedModel([])) as bot:
            yield bot
    await database.close()


async def noted(bot: WorkingBot, items: Sequence[NoteItem], text: str = "The client sleeps badly.") -> Posted:
    """The complete note to a description."""
    bot.model.answers.append(items)
    post = await bot.sandbox.client.say("anna", CASE, text)
    return await newest(bot, post.ts)


async def newest(bot: WorkingBot, thread_ts: str, after: str = "", shows: str = "") -> Posted:
    """The newest complete note in a thread that was posted after a message and shows some words."""
    return await bot.sandbox.client.wait_for(
        CASE,
        lambda message: EDIT_ACTION in message.action_ids and message.ts > after and shows in message.plain,
        thread_ts=thread_ts,
        timeout=PATIENCE_S,
    )


async def changed(bot: WorkingBot, note: Posted, shows: str, hides: str = "\0") -> Posted:
    """The same message once it shows some words and others no more."""
    return await bot.sandbox.client.wait_for(
        CASE,
        lambda message: message.ts == note.ts and shows in message.plain and hides not in message.plain,
        thread_ts=note.thread_ts,
        timeout=PATIENCE_S,
    )


async def tap(bot: WorkingBot, note: Posted, line: str, change: ItemChange, user: str = "anna") -> None:
    """A choice in the menu beside a line."""
    (block,) = [block for block in note.blocks if line in str(block.get("text")) and "accessory" in block]
    done = await bot.sandbox.client.click(user, CASE, note.ts, ITEM_ACTION, block_id=block["block_id"], value=change.value)
    assert done.ok


async def form(bot: WorkingBot, note: Posted, callback_id: str = EDIT_VIEW, user: str = "anna") -> Json:
    """The form that a press on Edit opens."""
    if callback_id == EDIT_VIEW:
        await bot.sandbox.client.click(user, CASE, note.ts, EDIT_ACTION)
    return await bot.sandbox.client.wait_for_view(user, callback_id, timeout=PATIENCE_S)


async def turned(bot: WorkingBot, view: Json, page: int, user: str = "anna") -> Json:
    """The view after a press on Next page or Back."""
    await bot.sandbox.client.click(user, view_id=view["id"], action_id=f"{PAGE_ACTION}:{page}")
    async with asyncio.timeout(PATIENCE_S):
        while True:
            top = (await bot.sandbox.client.views(user)).top
            if top and json.loads(top["private_metadata"])["page"] == page:
                return top
            await asyncio.sleep(0.05)


def typed(bot: WorkingBot, user: str, view: Json, **fields: str) -> None:
    """Somebody types into fields of a page without submitting it."""
    shown = bot.sandbox.desk.stage.find(view["id"])
    for block_id, text in fields.items():
        shown.values.setdefault(block_id, {})["text"] = {"type": "plain_text_input", "value": text}


async def rows(bot: WorkingBot, query: str) -> list[tuple[Any, ...]]:
    """What a query finds in the bot's database."""
    async with bot.database._engine.connect() as connection:
        return [tuple(row) for row in await connection.execute(sql(query))]


async def told(bot: WorkingBot, sign: Sign, times: int = 1, user: str = "anna") -> None:
    """Returns when somebody was told a sentence that often."""
    async with asyncio.timeout(PATIENCE_S):
        while sum(message.text == ENGLISH.signs[sign] for message in await bot.sandbox.client.ephemerals(user)) < times:
            await asyncio.sleep(0.05)


async def test_a_line_is_dropped_kept_rewritten_and_put_back_with_taps(bot: WorkingBot) -> None:
    """Each tap changes the message in its place and asks nothing of the model; a new answer keeps what a counselor wrote and kept."""
    note = await noted(bot, FIRST)
    assert note.action_ids.count(ITEM_ACTION) == 3
    await tap(bot, note, "Sleep is short.", ItemChange.DROPPED)
    note = await changed(bot, note, WORDS.why_edited, "Sleep is short.")
    await bot.sandbox.client.click("anna", CASE, note.ts, UNDO_ACTION)
    note = await changed(bot, note, "Sleep is short.", WORDS.why_edited)
    await tap(bot, note, "Sleep is short.", ItemChange.DROPPED)
    note = await changed(bot, note, WORDS.why_edited, "Sleep is short.")
    await tap(bot, note, "Keep a diary.", ItemChange.KEPT, "li")
    note = await changed(bot, note, "Keep a diary. ⚑")
    await tap(bot, note, "Since when?", ItemChange.REWRITTEN)
    view = await form(bot, note, LINE_VIEW)
    assert (await bot.sandbox.client.submit_view("anna", view["id"], {line_id(Kind.QUESTION, 1): "Since which night?"})).ok
    note = await changed(bot, note, "Since which night? ✎")
    assert len(bot.model.prompts) == 1
    bot.model.answers.append([*FIRST, *MORE])
    await bot.sandbox.client.click("li", CASE, note.ts, WISH_ACTIONS[Wish.ANEW])
    answer = await newest(bot, note.thread_ts or "", after=note.ts)
    expected = ["Keep a diary.", "Leave the phone outside.", "Since which night?", "Since when?", "What helps?"]
    assert [item.text for item in items_of(answer)] == [text for text in expected if text != "Since when?"]
    assert WORDS.taken_over.format(count=2, before=2, new=2) in answer.plain
    assert "Leave the phone outside. ✦" in answer.plain
    assert len(bot.model.prompts) == 2


async def test_each_edit_can_be_explained_with_one_tap(bot: WorkingBot) -> None:
    """After a tap, a reply and the form; what was said stands in the note, and in the table with who said it."""
    note = await noted(bot, FIRST)
    await tap(bot, note, "Sleep is short.", ItemChange.DROPPED)
    note = await changed(bot, note, WORDS.why_edited)
    note = await explained(bot, note, Reason.FACT)
    bot.model.answers.append([])
    reply = await bot.sandbox.client.say("anna", CASE, "- Keep a diary.\n- My own line", thread_ts=note.thread_ts)
    note = await explained(bot, await newest(bot, note.thread_ts or "", after=reply.ts), Reason.TONE, "li")
    assert REREAD_ACTION in note.action_ids
    bot.model.answers.append([])
    view = await form(bot, note)
    assert (await bot.sandbox.client.submit_view("anna", view["id"], entries(view, [NoteItem(Kind.ADVICE, "My own line")]))).ok
    await explained(bot, await newest(bot, note.thread_ts or "", after=note.ts), Reason.RISK)
    stored = await rows(bot, "SELECT reason, user_id, place FROM edit_reason ORDER BY serial")
    assert stored == [("fact", "U0ANNA", 0), ("tone", "U0LI", None), ("risk", "U0ANNA", None)]


async def explained(bot: WorkingBot, note: Posted, reason: Reason, user: str = "anna") -> Posted:
    """The note after somebody tapped on a reason under it."""
    assert WORDS.why_edited in note.plain
    assert (await bot.sandbox.client.click(user, CASE, note.ts, f"{REASON_ACTION}:{reason}")).ok
    return await changed(bot, note, WORDS.reason.format(reason=WORDS.reasons[reason]), WORDS.why_edited)


async def test_thumbs_are_kept_and_a_thumb_down_asks_what_is_wrong(bot: WorkingBot) -> None:
    """Up changes nothing in the message; down offers the reasons; each person's newest counts."""
    note = await noted(bot, FIRST)
    (block,) = [block for block in note.blocks if block["type"] == "context_actions"]
    up, down = (block["elements"][0][f"{name}_button"]["value"] for name in ("positive", "negative"))
    await bot.sandbox.client.click("li", CASE, note.ts, FEEDBACK_ACTION, value=down)
    note = await changed(bot, note, WORDS.why_disliked)
    await bot.sandbox.client.click("anna", CASE, note.ts, FEEDBACK_ACTION, value=up)
    await bot.sandbox.client.click("anna", CASE, note.ts, f"{REASON_ACTION}:{Reason.SCOPE}")
    note = await changed(bot, note, WORDS.reason.format(reason=WORDS.reasons[Reason.SCOPE]), WORDS.why_disliked)
    assert await rows(bot, "SELECT user_id, good FROM feedback ORDER BY user_id") == [("U0ANNA", 1), ("U0LI", 0)]
    await bot.sandbox.client.click("li", CASE, note.ts, FEEDBACK_ACTION, value=up)
    await changed(bot, note, "Version 1", WORDS.reason.format(reason=WORDS.reasons[Reason.SCOPE]))
    assert len(bot.model.prompts) == 1


async def test_shorter_and_accept(bot: WorkingBot) -> None:
    """Shorter brings half the lines, in a message of its own; what is accepted is at rest."""
    note = await noted(bot, [NoteItem(kind, f"{kind.title()} {word}.") for kind in Kind for word in ("one thing", "another matter")])
    bot.model.answers.append([NoteItem(kind, f"{kind.title()} one thing.") for kind in Kind])
    await bot.sandbox.client.click("anna", CASE, note.ts, WISH_ACTIONS[Wish.SHORTER])
    shorter = await newest(bot, note.thread_ts or "", after=note.ts)
    assert len(items_of(shorter)) == 3
    await bot.sandbox.client.click("anna", CASE, shorter.ts, WISH_ACTIONS[Wish.SHORTER])
    await told(bot, Sign.NOTHING_TO_SHORTEN)
    await bot.sandbox.client.click("anna", CASE, shorter.ts, ACCEPT_ACTION)
    assert (await changed(bot, shorter, "Accepted by")).action_ids == [EDIT_ACTION]


async def test_sixty_lines_are_edited_on_two_pages(bot: WorkingBot) -> None:
    """What is typed on one page is there after the other; submitted from either, all of it counts, and the draft is gone from the store."""
    note = await noted(bot, LONG)
    assert ITEM_ACTION not in note.action_ids
    first = await form(bot, note)
    assert WORDS.pages.format(number=1, of=2) in str(first["blocks"])
    typed(
        bot, "anna", first, **{line_id(Kind.ANALYSIS, 0): "In my own words.", line_id(Kind.ANALYSIS, 1): "", add_id(Kind.ADVICE): "Added."}
    )
    second = await turned(bot, first, 1)
    assert await rows(bot, "SELECT count(*) FROM edit_draft") == [(1,)]
    typed(bot, "anna", second, **{line_id(Kind.QUESTION, 59): "What else?"})
    again = await turned(bot, second, 0)
    fields = {block["block_id"]: block["element"].get("initial_value", "") for block in again["blocks"] if block["type"] == "input"}
    assert fields[line_id(Kind.ANALYSIS, 0)] == "In my own words."
    assert fields[line_id(Kind.ANALYSIS, 1)] == ""
    bot.model.answers.append([])
    assert (await bot.sandbox.client.submit_view("anna", again["id"])).ok
    await changed_case(bot, "In my own words.")
    async with bot.database.begin() as uow:
        (case,) = await uow.cases()
        (stored,) = await uow.notes(case.id)
    edited = [item.text for item in stored.revisions[1].items]
    expected = ["In my own words.", *(item.text for item in LONG[2:40]), "Added.", *(item.text for item in LONG[40:59]), "What else?"]
    assert edited == expected
    assert await rows(bot, "SELECT count(*) FROM edit_draft") == [(0,)]


async def test_what_was_typed_survives_a_restart_of_the_bot(tmp_path: Path) -> None:
    """A page turned before, the form submitted after: both pages count."""
    url = f"sqlite+aiosqlite:///{tmp_path / 'phyassist.db'}"
    await make_schema(url)
    database = Database(make_engine(url), new_key())
    await database.prepare()
    async with running_sandbox(seed=Seed(cases=2, bot_in_cases=True)) as sandbox:
        sandbox.desk.people.delivery.timing = type(sandbox.desk.people.delivery.timing)(ack_s=60.0, trigger_s=60.0)
        async with working_bot(sandbox, database, ScriptedModel([])) as bot:
            view = await form(bot, await noted(bot, LONG))
            typed(bot, "anna", view, **{line_id(Kind.ANALYSIS, 0): "Typed before."})
            view = await turned(bot, view, 1)
        async with working_bot(sandbox, database, ScriptedModel([[]])) as bot:
            assert (await sandbox.client.submit_view("anna", view["id"], {add_id(Kind.QUESTION): "Typed after?"})).ok
            await changed_case(bot, "Typed after?")
            await changed_case(bot, "Typed before.")
    await database.close()


async def changed_case(bot: WorkingBot, shows: str) -> Posted:
    """The newest message of the bot that shows some words, however many pages its note takes."""
    return await bot.sandbox.client.wait_for(
        CASE, lambda message: shows in message.plain and bool(message.raw.get("bot_id")), timeout=PATIENCE_S
    )


async def test_a_form_that_is_closed_or_pressed_twice_leaves_nothing_behind(bot: WorkingBot) -> None:
    """Closed, its draft goes; a page turned with an old view changes nothing; an emptied form is sent back from whichever page."""
    note = await noted(bot, LONG)
    view = await form(bot, note)
    second = await turned(bot, view, 1)
    await bot.sandbox.client.close_view("anna", second["id"])
    async with asyncio.timeout(PATIENCE_S):
        while await rows(bot, "SELECT count(*) FROM edit_draft") != [(0,)]:
            await asyncio.sleep(0.05)
    view = await form(bot, note)
    emptied = {block["block_id"]: "" for block in view["blocks"] if block["type"] == "input"}
    typed(bot, "anna", view, **emptied)
    second = await turned(bot, view, 1)
    nothing = {block["block_id"]: "" for block in second["blocks"] if block["type"] == "input"}
    refused = await bot.sandbox.client.submit_view("anna", second["id"], nothing)
    assert list(refused.errors.values()) == [ENGLISH.modal_empty]
    bot.model.answers.append([])
    assert (await bot.sandbox.client.submit_view("anna", second["id"], {**nothing, add_id(Kind.QUESTION): "Just this?"})).ok
    answer = await newest(bot, note.thread_ts or "", after=note.ts)
    assert [item.text for item in items_of(answer)] == ["Just this?"]


async def test_a_page_is_turned_for_members_only(bot: WorkingBot) -> None:
    """Whoever left the channel since sees no more of the note, and is told."""
    note = await noted(bot, LONG)
    view = await form(bot, note, user="li")
    await bot.sandbox.client.kick(CASE, "li")
    bot.guard.forget(None)
    await bot.sandbox.client.click("li", view_id=view["id"], action_id=f"{PAGE_ACTION}:1")
    async with asyncio.timeout(PATIENCE_S):
        while not [call for call in await bot.sandbox.client.calls() if call["method"] == "chat.postEphemeral"]:
            await asyncio.sleep(0.05)
    top = (await bot.sandbox.client.views("li")).top
    assert top
    assert json.loads(top["private_metadata"])["page"] == 0
    assert await rows(bot, "SELECT count(*) FROM edit_draft") == [(0,)]


async def test_a_tap_on_an_old_message_and_a_forged_one_do_no_harm(bot: WorkingBot) -> None:
    """A line that is gone can't be kept; what means nothing is answered with a sentence; the note stays as it is."""
    note = await noted(bot, FIRST)
    await tap(bot, note, "Sleep is short.", ItemChange.DROPPED)
    await changed(bot, note, WORDS.why_edited)
    forge(bot, note, json.dumps(["0" * 32, "1" * 32, 0]))
    await bot.sandbox.client.click("anna", CASE, note.ts, ITEM_ACTION, value="kept")
    await told(bot, Sign.GONE)
    for number, block_id in enumerate(("no JSON {", "[]", '["a"]', "null", '[{}, 1, "never"]', '["a", "b", "c"]'), start=2):
        forge(bot, note, block_id)
        assert (await bot.sandbox.client.click("anna", CASE, note.ts, ITEM_ACTION, value="kept")).ok
        await told(bot, Sign.GONE, number)
    for number, block_id in enumerate(("no JSON {", '["a"]', json.dumps(["0" * 32, "1" * 32, 0])), start=8):
        forge(bot, note, block_id)
        assert (await bot.sandbox.client.click("anna", CASE, note.ts, ITEM_ACTION, value="rewritten")).ok
        await told(bot, Sign.GONE, number)
    async with bot.database.begin() as uow:
        (case,) = await uow.cases()
        (stored,) = await uow.notes(case.id)
    assert [item.text for item in stored.items] == ["Keep a diary.", "Since when?"]
    assert await rows(bot, "SELECT count(*) FROM inbox WHERE stage = 'failed'") == [(0,)]


def forge(bot: WorkingBot, note: Posted, block_id: str) -> None:
    """Puts a menu into a message as if the bot had done so."""
    options = [{"text": {"type": "plain_text", "text": value}, "value": value} for value in ("kept", "rewritten")]
    menu = {"type": "overflow", "action_id": ITEM_ACTION, "options": options}
    block = {"type": "section", "block_id": block_id, "text": {"type": "mrkdwn", "text": "x"}, "accessory": menu}
    bot.sandbox.workspace.channel(CASE).messages[note.ts].blocks = [block]


async def test_the_form_speaks_the_language_of_its_case(bot: WorkingBot) -> None:
    """A Chinese case has Chinese menus, buttons, reasons and forms."""
    words = edit_texts(Language.CHINESE)
    items = [NoteItem(Kind.ANALYSIS, "睡眠不足。"), NoteItem(Kind.ADVICE, "记录睡眠日记。")]
    note = await noted(bot, items, "来访者六周以来睡不好。")
    assert words.new_answer in note.plain
    await tap(bot, note, "睡眠不足。", ItemChange.DROPPED)
    note = await changed(bot, note, words.why_edited, "睡眠不足。")
    assert words.reasons[Reason.FACT] in note.plain
    view = await form(bot, note)
    assert view["title"]["text"] == words.title
    assert words.help_answer in str(view["blocks"])
