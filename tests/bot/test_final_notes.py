"""Final notes as a team meets them: a real workspace, a real Bolt connection, a real database; only the model is scripted."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import docx
import pytest
from pypdf import PdfReader

from bot.domain.audit import AuditAction
from bot.domain.note import Note, Origin, Purpose
from bot.domain.shared_file import SharedFile
from bot.domain.signing import Role
from bot.domain.templates import read_templates
from bot.slack.edit_form import EDIT_VIEW
from bot.slack.export_views import EXPORT_VIEW, NOTES, TYPES
from bot.slack.final_views import ADDENDUM_ACTION, ADDENDUM_VIEW, COSIGN_ACTION, EXPORT_ACTION, SECTIONS_ACTION, SECTIONS_VIEW
from bot.slack.texts import texts
from bot.slack.uploads import SlackUploads
from bot.slack.views import APPROVE_ACTION, EDIT_ACTION
from bot.workflow.ports import Notice, Sign
from deploy.demo.scene import entries
from deploy.sandbox.faults import Faults
from deploy.sandbox.model import Json
from deploy.sandbox.seed import Seed
from deploy.sandbox.seen import Posted
from inference.note import Kind, Language, NoteItem
from tests.deploy.sandbox_app import web_client
from tests.support.builders import NOW
from tests.support.fakes import ScriptedModel
from tests.support.working_bot import WorkingBot, patient_workspace, working_bot

CASE = "case-001"
PATIENCE_S = 120.0
ENGLISH, CHINESE = texts(Language.ENGLISH), texts(Language.CHINESE)
TEMPLATE = """
intake:
  title: {en: Intake note, zh: 初访记录}
  sections:
    - {key: concern, title: {en: Presenting concern, zh: 来访原因}, takes: [reported]}
    - {key: observed, title: {en: Observed in session, zh: 会谈观察}, takes: [own], required: true}
    - {key: understanding, title: {en: Understanding, zh: 理解}, takes: [analysis]}
    - {key: next, title: {en: Next steps, zh: 下一步}, takes: [advice, questions]}
"""


def an_answer(number: int) -> list[NoteItem]:
    """What the model says the nth time."""
    return [
        NoteItem(Kind.ANALYSIS, f"Analysis of answer {number}, unlike others."),
        NoteItem(Kind.ADVICE, f"{'Keep a diary' if number < 3 else 'Take long walks outside'}, says answer {number}."),
        NoteItem(Kind.QUESTION, f"What of answer {number}?"),
    ]


@pytest.fixture
async def bot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[WorkingBot]:
    """A bot at work in two cases, with patience for a busy machine; sol is a supervisor."""
    async with patient_workspace(tmp_path, monkeypatch, Seed(cases=2, bot_in_cases=True)) as (sandbox, database):
        model = ScriptedModel([an_answer(number) for number in range(1, 20)])
        formats = read_templates(TEMPLATE)
        async with working_bot(sandbox, database, model, "S0ADMINS", supervisor_usergroup="S0SUPERVISORS", formats=formats) as bot:
            yield bot


async def described(bot: WorkingBot, text: str) -> None:
    """A description with its complete note."""
    post = await bot.sandbox.client.say("anna", CASE, text)
    await bot.sandbox.client.wait_for(CASE, lambda message: EDIT_ACTION in message.action_ids, thread_ts=post.ts, timeout=PATIENCE_S)


async def drafted(bot: WorkingBot, form: str = "") -> Posted:
    """The complete draft of a final note."""
    before = {message.ts for message in await bot.sandbox.client.messages(CASE)}
    assert (await bot.sandbox.client.command("anna", CASE, f"/phyassist summarize {form}")).ok

    def is_new(message: Posted) -> bool:
        return message.ts not in before and APPROVE_ACTION in message.action_ids

    return await bot.sandbox.client.wait_for(CASE, is_new, timeout=PATIENCE_S)


async def approved(bot: WorkingBot, draft: Posted, user: str = "anna") -> Posted:
    """The same message, approved."""
    await bot.sandbox.client.click(user, CASE, draft.ts, APPROVE_ACTION)
    return await changed(bot, draft.ts, ADDENDUM_ACTION)


async def changed(bot: WorkingBot, ts: str, sign: str) -> Posted:
    """A message as soon as it holds a text or a button."""
    return await bot.sandbox.client.wait_for(
        CASE, lambda message: message.ts == ts and (sign in message.plain or sign in message.action_ids), timeout=PATIENCE_S
    )


async def told(bot: WorkingBot, text: str, user: str = "anna") -> None:
    """Waits until somebody was told something."""
    async with asyncio.timeout(PATIENCE_S):
        while not any(text in message.text for message in await bot.sandbox.client.ephemerals(user)):
            await asyncio.sleep(0.05)


async def final_notes(bot: WorkingBot) -> list[Note]:
    """All final notes of the case, as they are stored."""
    async with bot.database.begin() as uow:
        (case,) = await uow.cases()
        return [note for note in await uow.notes(case.id) if note.purpose is Purpose.SUMMARY]


async def opened(bot: WorkingBot, message: Posted, action: str, view: str, user: str = "anna") -> Json:
    """The modal behind a button."""
    await bot.sandbox.client.click(user, CASE, message.ts, action)
    return await bot.sandbox.client.wait_for_view(user, view, timeout=PATIENCE_S)


async def exported(bot: WorkingBot, view: Json, values: Json, user: str = "anna") -> Posted:
    """The message with the files, once it is there."""
    assert (await bot.sandbox.client.submit_view(user, view["id"], values)).ok
    return await bot.sandbox.client.wait_for(CASE, lambda message: bool(message.files), timeout=PATIENCE_S)


# formats


async def test_a_soap_note_is_arranged_filled_in_and_approved(bot: WorkingBot) -> None:
    """What was reported stands word for word, what only a counselor knows is asked for, and without it there is no approval."""
    await described(bot, "She sleeps badly since the move.\nShe eats little.")
    draft = await drafted(bot, "SOAP")
    shown = draft.plain
    assert "FINAL NOTE (DRAFT) · SOAP NOTE" in shown
    assert "*Subjective*\n• She sleeps badly since the move.\n• She eats little." in shown
    assert "*Objective*\n_To be filled in by the counselor before approval_" in shown
    assert "*Assessment*\n1. Analysis of answer 2" in shown
    assert "*Plan*\n_Advice_\n1. Keep a diary, says answer 2. ◦\n_Questions to ask_\n1. What of answer 2?" in shown
    await bot.sandbox.client.click("anna", CASE, draft.ts, APPROVE_ACTION)
    await told(bot, ENGLISH.signs[Sign.SECTIONS_MISSING].format(named="Objective"))
    view = await opened(bot, draft, SECTIONS_ACTION, SECTIONS_VIEW)
    filled = {"objective:own:0": "Tired, oriented.\nSpeaks softly.", "subjective:reported:0": "She sleeps badly since the move."}
    assert (await bot.sandbox.client.submit_view("anna", view["id"], filled)).ok
    draft = await changed(bot, draft.ts, "Speaks softly.")
    assert "She eats little" not in draft.plain
    final = await approved(bot, draft)
    assert "FINAL NOTE · SOAP NOTE" in final.plain
    assert re.search(r"Approved by @\w+ \(counselor\) on .* · version 2 · [0-9a-f]{12} · drafted by phyassist", final.plain)
    assert final.action_ids == [ADDENDUM_ACTION, EXPORT_ACTION, COSIGN_ACTION]
    (note,) = await final_notes(bot)
    assert note.approval
    assert note.current
    assert (note.approval.role, note.approval.name, note.approval.adapter) == (Role.COUNSELOR, "Anna Berg", "phyassist")
    assert note.approval.content_hash == note.current.content_hash


async def test_what_the_model_is_asked_holds_no_section(bot: WorkingBot) -> None:
    """The counselor's sections are no items of the model's: the next prompt knows the corrected items alone."""
    await described(bot, "She sleeps badly.")
    draft = await drafted(bot, "soap")
    view = await opened(bot, draft, SECTIONS_ACTION, SECTIONS_VIEW)
    filled = {"objective:own:0": "Seems tired.", "assessment:analysis:0": "Grief comes first."}
    assert (await bot.sandbox.client.submit_view("anna", view["id"], filled)).ok
    await changed(bot, draft.ts, "Seems tired.")
    await described(bot, "She called in sick.")
    prompt = str(bot.model.prompts[-1])
    assert "Grief comes first." in prompt
    assert "Seems tired." not in prompt
    (note,) = await final_notes(bot)
    assert {item.text: item.origin for item in note.items}["Grief comes first."] is Origin.COUNSELOR


async def test_a_note_in_sections_can_be_copied_and_edited_in_the_thread(bot: WorkingBot) -> None:
    """Titles, marks and what was entered in sections are none of its items."""
    client = bot.sandbox.client
    await described(bot, "She sleeps badly.")
    await approved(bot, await drafted(bot))
    await described(bot, "She walks.")
    draft = await drafted(bot, "soap")
    view = await opened(bot, draft, SECTIONS_ACTION, SECTIONS_VIEW)
    assert (await client.submit_view("anna", view["id"], {"objective:own:0": "Seems tired."})).ok
    draft = await changed(bot, draft.ts, "Seems tired.")
    assert "Keep a diary, says answer 2. ↻" in draft.plain
    note = draft.plain.partition("\nVersion ")[0].partition("\n")[2]
    copied = note.replace("What of answer 4?", "What helps?")
    await client.say("anna", CASE, copied, thread_ts=draft.ts)
    await changed(bot, draft.ts, "What helps?")
    before, after = (await final_notes(bot))[-1].revisions[-2:]
    assert {item for item in after.items if item.text != "What helps?"} == {
        item for item in before.items if item.text != "What of answer 4?"
    }
    assert len(after.items) == len(before.items)


async def test_every_format_can_be_asked_for_and_no_other(bot: WorkingBot) -> None:
    """Built in or a team's own; what is unknown is answered with what there is, and asks nothing of the model."""
    await described(bot, "She sleeps badly.")
    for form, heading in (("dap", "*Data*\n• She sleeps badly."), ("birp", "*Behavior*\n_As reported_"), ("girp", "*Goals*\n_To be")):
        assert heading in (await drafted(bot, form)).plain
    team = await drafted(bot, "intake")
    assert "INTAKE NOTE" in team.plain
    assert "*Observed in session*\n_To be filled in by the counselor before approval_" in team.plain
    assert "*Next steps*" in team.plain
    asked = len(bot.model.prompts)
    refused = await bot.sandbox.client.command("anna", CASE, "/phyassist summarize soup")
    assert refused.shown
    assert refused.shown.text == ENGLISH.signs[Sign.NO_SUCH_FORMAT].format(named="itemized, soap, dap, birp, girp, intake")
    assert len(bot.model.prompts) == asked


async def test_a_chinese_final_note_is_chinese_throughout(bot: WorkingBot) -> None:
    """Headings, prompts to fill in, modal and refusal."""
    await described(bot, "来访者睡不好。")
    draft = await drafted(bot, "soap")
    assert "最终记录（草稿） · SOAP 记录" in draft.plain
    assert "*主观资料*\n• 来访者睡不好。" in draft.plain
    assert "*客观资料*\n_由咨询师填写，定稿前必填_" in draft.plain
    view = await opened(bot, draft, SECTIONS_ACTION, SECTIONS_VIEW)
    assert "计划 · 建议" in json.dumps(view, ensure_ascii=False)
    await bot.sandbox.client.click("anna", CASE, draft.ts, APPROVE_ACTION)
    await told(bot, CHINESE.signs[Sign.SECTIONS_MISSING].format(named="客观资料"))


# the plan carried forward


async def test_the_plan_goes_on_until_it_is_replaced_or_dropped(bot: WorkingBot) -> None:
    """Approved advice stands in the next final note, word for word and marked; a line that is dropped there doesn't come back."""
    await described(bot, "She sleeps badly.")
    await approved(bot, await drafted(bot))
    await described(bot, "She has begun to walk.")
    draft = await drafted(bot)
    assert "Keep a diary, says answer 2. ↻" in draft.plain
    assert "↻ carried forward from the last final note" in draft.plain
    newest = (await final_notes(bot))[-1]
    assert [(item.text, item.carried) for item in newest.items if item.kind is Kind.ADVICE] == [
        ("Take long walks outside, says answer 4.", False),
        ("Keep a diary, says answer 2.", True),
    ]
    assert (await bot.sandbox.client.click("anna", CASE, draft.ts, EDIT_ACTION)).ok
    view = await bot.sandbox.client.wait_for_view("anna", EDIT_VIEW, timeout=PATIENCE_S)
    wished = [NoteItem(item.kind, item.text) for item in newest.items if not item.carried]
    assert (await bot.sandbox.client.submit_view("anna", view["id"], entries(view, wished))).ok
    await changed(bot, draft.ts, "Version 2")
    again = await drafted(bot)
    assert "Keep a diary" not in again.plain


# after approval


async def test_after_approval_there_are_addenda_and_nothing_else(bot: WorkingBot) -> None:
    """An addendum stands below with its author; edits are refused; the note's own words and hash stay."""
    client = bot.sandbox.client
    await described(bot, "She sleeps badly.")
    draft = await drafted(bot)
    final = await approved(bot, draft)
    before = (await final_notes(bot))[0]
    await client.click("li", CASE, draft.ts, EDIT_ACTION, stale=True)
    await told(bot, ENGLISH.signs[Sign.LOCKED], "li")
    view = await opened(bot, final, ADDENDUM_ACTION, ADDENDUM_VIEW, "li")
    empty = await client.submit_view("li", view["id"], {"addendum": "  \n "})
    assert empty.errors == {"addendum": "Please write a few words."}
    assert (await client.submit_view("li", view["id"], {"addendum": "She called:\n<!channel> the diary is kept."})).ok
    shown = await changed(bot, final.ts, "Addendum 1")
    assert re.search(r"\*Addendum 1\* · @\w+ \(counselor\) · .*\nShe called:\n<!channel> the diary is kept\.", shown.plain)
    assert shown.plain.index("Approved by") < shown.plain.index("Addendum 1")
    (after,) = await final_notes(bot)
    assert after.revisions == before.revisions
    assert after.approval == before.approval
    assert [(added.by.user_id, added.text, added.number) for added in after.addenda] == [
        ("U0LI", "She called:\n<!channel> the diary is kept.", 1)
    ]


async def test_only_another_supervisor_co_signs(bot: WorkingBot) -> None:
    """A counselor can't, whoever approved it can't, and the button goes when it is done."""
    client = bot.sandbox.client
    await described(bot, "She sleeps badly.")
    own = await approved(bot, await drafted(bot), "sol")
    await client.click("sol", CASE, own.ts, COSIGN_ACTION)
    await told(bot, ENGLISH.signs[Sign.OWN_APPROVAL], "sol")
    await described(bot, "She walks.")
    final = await approved(bot, await drafted(bot))
    await client.click("li", CASE, final.ts, COSIGN_ACTION)
    await told(bot, ENGLISH.signs[Sign.NO_COSIGNER], "li")
    await client.click("sol", CASE, final.ts, COSIGN_ACTION)
    signed = await changed(bot, final.ts, "Co-signed by")
    assert re.search(r"Co-signed by @\w+ \(supervisor\) on", signed.plain)
    assert COSIGN_ACTION not in signed.action_ids
    first, second = await final_notes(bot)
    assert first.cosignature is None
    assert first.approval
    assert first.approval.role is Role.SUPERVISOR
    assert second.cosignature
    assert second.cosignature.by.user_id == "U0SOL"


async def test_buttons_that_lead_nowhere_do_no_harm(bot: WorkingBot) -> None:
    """Of a note that is gone, or with a value that means nothing: the person is told, and nothing is kept."""
    await described(bot, "She sleeps badly.")
    final = await approved(bot, await drafted(bot))
    workspace = bot.sandbox.workspace
    blocks = workspace.channel(CASE).messages[final.ts].blocks
    buttons = {element["action_id"]: element for block in blocks if block["type"] == "actions" for element in block["elements"]}
    times = 0
    for action, values in ((COSIGN_ACTION, ('["a", "b"]', "no JSON {", "null")), (ADDENDUM_ACTION, ("0" * 32,))):
        for value in values:
            buttons[action]["value"] = value
            assert (await bot.sandbox.client.click("anna", CASE, final.ts, action)).ok
            times += 1
            async with asyncio.timeout(PATIENCE_S):
                while sum(ENGLISH.signs[Sign.GONE] in message.text for message in await bot.sandbox.client.ephemerals("anna")) < times:
                    await asyncio.sleep(0.05)
    (note,) = await final_notes(bot)
    assert (note.addenda, note.cosignature) == ((), None)


# export


async def test_files_are_shared_in_the_thread_and_open(bot: WorkingBot) -> None:
    """Four types under neutral names, each with the note's words in it; the bot doesn't read its own files as a reply."""
    await described(bot, "She sleeps badly.")
    final = await approved(bot, await drafted(bot))
    view = await opened(bot, final, EXPORT_ACTION, EXPORT_VIEW)
    shared = await exported(bot, view, {TYPES: ["docx", "pdf", "md", "fhir.json"]})
    assert shared.thread_ts == final.ts
    assert re.fullmatch(r"Final note of \d{4}-\d\d-\d\d, exported by @\w+", shared.plain.splitlines()[0])
    files = {str(file["name"]): await bot.sandbox.client.file(str(file["id"])) for file in shared.files}
    name = re.compile(r"note-\d{4}-\d\d-\d\d-[0-9a-f]{6}\.(docx|pdf|md|fhir\.json)")
    assert all(name.fullmatch(each) for each in files)
    assert len(files) == 4
    by_type = {each.partition(".")[2]: content for each, content in files.items()}
    (note,) = await final_notes(bot)
    word = "\n".join(paragraph.text for paragraph in docx.Document(BytesIO(by_type["docx"])).paragraphs)
    pdf = "\n".join(page.extract_text() for page in PdfReader(BytesIO(by_type["pdf"])).pages)
    for text in (*(item.text for item in note.items), "Approved by Anna Berg (counselor)"):
        assert text in word
        assert text in pdf
        assert text in by_type["md"].decode()
    assert json.loads(by_type["fhir.json"])["docStatus"] == "final"
    assert len((await final_notes(bot))[0].revisions) == 1
    audit = await bot.database.audit(0, 1000)
    assert [(row.user_id, row.subject, row.detail) for row in audit if row.action == AuditAction.EXPORTED] == [
        ("U0ANNA", note.id, "docx+pdf+md+fhir.json")
    ]


async def test_the_command_ticks_the_last_or_all_approved_notes(bot: WorkingBot) -> None:
    """Drafts can be chosen, too, and their file says what they are."""
    client = bot.sandbox.client
    none = await client.command("anna", CASE, "/phyassist export")
    assert none.shown
    assert none.shown.text == ENGLISH.signs[Sign.NOTHING_TO_EXPORT]
    await described(bot, "She sleeps badly.")
    for _ in range(2):
        await approved(bot, await drafted(bot))
        await described(bot, "She walks.")
    await drafted(bot)
    first, second, draft = (note.id for note in await final_notes(bot))
    for line, ticked in (("export", [second]), ("export last", [second]), ("export all", [second, first])):
        await client.command("anna", CASE, f"/phyassist {line}")
        view = await client.wait_for_view("anna", EXPORT_VIEW, timeout=PATIENCE_S)
        menu = view["blocks"][0]["element"]
        assert [option["value"] for option in menu["initial_options"]] == ticked
        assert [option["value"] for option in menu["options"]] == [draft, second, first]
        if line != "export all":
            await client.close_view("anna", view["id"])
    shared = await exported(bot, view, {NOTES: [draft], TYPES: ["md"]})
    assert "DRAFT of the final note" in shared.plain
    (file,) = shared.files
    assert (await client.file(str(file["id"]))).decode().startswith("# DRAFT · Final note")


async def test_an_export_is_shared_once_whatever_slack_does(bot: WorkingBot) -> None:
    """Slack takes the files and its answer is lost; asked again, and with the bot's own retries, they stand in the thread once."""
    client = bot.sandbox.client
    await described(bot, "She sleeps badly.")
    final = await approved(bot, await drafted(bot))
    view = await opened(bot, final, EXPORT_ACTION, EXPORT_VIEW)
    await client.set_faults(Faults(lose_answer_every=1, only_methods=("files.completeUploadExternal",)))
    await exported(bot, view, {TYPES: ["pdf", "md"]})
    async with asyncio.timeout(PATIENCE_S):
        while await bot.database.waiting():
            await asyncio.sleep(0.05)
    with_files = [message for message in await client.messages(CASE, final.ts) if message.files]
    assert len(with_files) == 1
    assert len(with_files[0].files) == 2


async def test_an_export_that_is_begun_again_finds_its_files(bot: WorkingBot) -> None:
    """As after a crash between Slack's message and the bot's own record; a channel that is gone takes nothing for good."""
    await described(bot, "She sleeps badly.")
    final = await approved(bot, await drafted(bot))
    async with bot.database.begin() as uow:
        (case,) = await uow.cases()
    (note,) = await final_notes(bot)
    slack, files = SlackUploads(web_client(bot.sandbox, retry_handlers=[])), [SharedFile("note-a.md", b"a"), SharedFile("note-a.pdf", b"b")]
    comment = Notice(Sign.EXPORTED, Language.ENGLISH, on=NOW.date(), named="<@U0ANNA>")
    for _ in range(2):
        assert await slack.share(case, note, files, comment)
    with_files = [message for message in await bot.sandbox.client.messages(CASE, final.ts) if message.files]
    assert [[file["name"] for file in message.files] for message in with_files] == [["note-a.md", "note-a.pdf"]]
    assert not await slack.share(replace(case, channel_id="C0NOWHERE"), note, files, comment)


async def test_an_upload_is_tried_again(bot: WorkingBot) -> None:
    """Slack's servers fail now and then, at every step."""
    await described(bot, "She sleeps badly.")
    final = await approved(bot, await drafted(bot))
    view = await opened(bot, final, EXPORT_ACTION, EXPORT_VIEW)
    await bot.sandbox.client.set_faults(
        Faults(server_error_every=2, only_methods=("files.getUploadURLExternal", "files.completeUploadExternal"))
    )
    shared = await exported(bot, view, {TYPES: ["pdf", "md"]})
    assert len(shared.files) == 2


async def test_somebody_who_left_exports_nothing(bot: WorkingBot) -> None:
    """The guard is asked again when the form comes in."""
    await described(bot, "She sleeps badly.")
    final = await approved(bot, await drafted(bot))
    view = await opened(bot, final, EXPORT_ACTION, EXPORT_VIEW, "li")
    await bot.sandbox.client.kick(CASE, "li")
    await bot.sandbox.client.submit_view("li", view["id"], {TYPES: ["pdf"]})
    async with asyncio.timeout(PATIENCE_S):
        while await bot.database.waiting():
            await asyncio.sleep(0.05)
    assert not [message for message in await bot.sandbox.client.messages(CASE) if message.files]


# length


@pytest.mark.parametrize("form", ["", "soap"])
async def test_a_final_note_of_12000_characters(bot: WorkingBot, form: str) -> None:
    """Drafted at that length, corrected, approved and exported, with every word in its place."""
    client = bot.sandbox.client
    long = [f"{number}: " + "The client says that the nights are short and the days are long. " * 4 + "end." for number in range(1, 46)]
    assert sum(map(len, long)) > 12_000
    for first in range(0, 45, 9):
        await described(bot, "She sleeps badly.")
        note = (await client.messages(CASE))[-1]
        reply = "\n".join(["Analysis:", *(f"- {line}" for line in long[first : first + 9])])
        await client.say("anna", CASE, reply, thread_ts=note.thread_ts)
        await client.wait_for(
            CASE, lambda message, line=long[first]: line in message.plain and EDIT_ACTION in message.action_ids, timeout=PATIENCE_S
        )
    draft = await drafted(bot, form)
    last = draft
    if form:
        view = await opened(bot, draft, SECTIONS_ACTION, SECTIONS_VIEW)
        assert (await client.submit_view("anna", view["id"], {"objective:own:0": "Seems tired.", "plan:advice:0": "Rest."})).ok
        last = await client.wait_for(
            CASE, lambda message: APPROVE_ACTION in message.action_ids and "Version 2" in message.plain, timeout=PATIENCE_S
        )
    await client.click("anna", CASE, last.ts, APPROVE_ACTION)
    await client.wait_for(CASE, lambda message: ADDENDUM_ACTION in message.action_ids, timeout=PATIENCE_S)
    (final,) = await final_notes(bot)
    assert final.approval
    assert {item.text for item in final.items} >= set(long)
    messages = await client.messages(CASE)
    begin = next(index for index, message in enumerate(messages) if "FINAL NOTE" in message.plain)
    shown = "\n".join(message.plain for message in messages[begin:])
    assert all(line in shown for line in long)
    await client.command("anna", CASE, "/phyassist export")
    view = await client.wait_for_view("anna", EXPORT_VIEW, timeout=PATIENCE_S)
    shared = await exported(bot, view, {TYPES: ["docx", "pdf"]})
    contents = [await client.file(str(file["id"])) for file in shared.files]
    word = "\n".join(paragraph.text for paragraph in docx.Document(BytesIO(contents[0])).paragraphs)
    assert all(line in word for line in long)
    pdf = re.sub(r"\s+", "", "".join(page.extract_text() for page in PdfReader(BytesIO(contents[1])).pages))
    assert sum(re.sub(r"\s+", "", line) in pdf for line in long) > len(long) - 6  # a page's number stands between the halves of a line
