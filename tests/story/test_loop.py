"""One case from its first description to the approved final note, in every way that a counselor can take."""

import re
from pathlib import Path

import pytest

from bot.slack.edit_form import EDIT_VIEW
from bot.slack.views import APPROVE_ACTION, EDIT_ACTION, REREAD_ACTION, SHORTCUT
from deploy.demo.day import DESCRIPTION, Day
from deploy.demo.scene import Scene, items_of
from deploy.sandbox.seen import Posted
from deploy.sandbox.server import Sandbox
from inference.note import Kind, NoteItem, list_note
from tests.story.conftest import StartBot
from tests.story.silent import Silent

CASE = "case-001"
PATIENCE_S = 240.0
MINE = "My own words: walk together on Thursday."


async def test_the_story_of_the_demo(workspace: Sandbox, start_bot: StartBot) -> None:
    """What `phyassist demo` plays holds on both databases: description, edited answer, summary, approval."""
    async with start_bot():
        await workspace.client.wait_connected(timeout=60)
        seen = await Day(Scene(workspace.client, Silent())).play()
    assert [step.title for step in seen] == ["The note", "The new note", "The final note", "The approved note"]
    assert "<@U0ANNA>" in str(seen[-1].message.blocks)


async def test_an_edited_answer_by_modal_shortcut_and_edit_of_a_message(workspace: Sandbox, start_bot: StartBot) -> None:
    """The modal, the message shortcut and the edit of one's own reply each hand back an edited answer whose lines stay."""
    client = workspace.client
    async with start_bot():
        await client.wait_connected(timeout=60)
        await client.invite(CASE)
        post = await client.say("anna", CASE, DESCRIPTION)
        note = await _note(workspace, post.ts)

        await client.click("anna", CASE, note.ts, EDIT_ACTION)
        view = await client.wait_for_view("anna", EDIT_VIEW)
        emptied = {block["block_id"]: "" for block in view["blocks"] if block["type"] == "input"}
        refused = await client.submit_view("anna", view["id"], emptied)
        assert "at least one line" in " ".join(refused.errors.values())
        accepted = await client.submit_view("anna", view["id"], {**emptied, "advice:add": MINE})
        assert accepted.ok
        note = await _note(workspace, post.ts, after=note.ts)
        assert MINE in _texts(note)

        reply = await client.say("anna", CASE, "I also met the client's teacher today.", thread_ts=post.ts)
        note = await _note(workspace, post.ts, after=reply.ts)
        assert REREAD_ACTION in note.action_ids
        assert MINE in _texts(note)

        await client.edit_message("anna", CASE, reply.ts, f"Advice:\n- {MINE}\n- Second line of mine.")
        note = await _note(workspace, post.ts, after=note.ts)
        assert {MINE, "Second line of mine."} <= set(_texts(note))

        draft = await client.say("li", CASE, "@anna", thread_ts=post.ts)
        await client.edit_message("li", CASE, draft.ts, "- Third line, by a colleague.")
        latest = await _note(workspace, post.ts, after=note.ts)
        result = await client.shortcut("li", CASE, draft.ts, SHORTCUT)
        assert result.ok
        note = await _note(workspace, post.ts, after=latest.ts)
        assert "Third line, by a colleague." in _texts(note)


async def test_help_status_and_unknown_words(workspace: Sandbox, start_bot: StartBot) -> None:
    """Each subcommand answers at once, to the asker alone; an unknown one gets the help text."""
    async with start_bot():
        await workspace.client.wait_connected(timeout=60)
        await workspace.client.invite(CASE)
        await workspace.client.wait_for(CASE, "This channel is now case", timeout=60)
        for line, expected in [
            ("/phyassist help", "You are the author"),
            ("/phyassist", "You are the author"),
            ("/phyassist status", "*Case C-"),
            ("/phyassist fly to the moon", "I don't know `fly`"),
        ]:
            result = await workspace.client.command("anna", CASE, line)
            assert result.shown is not None
            assert expected in result.shown.text
            assert len(result.shown.text.splitlines()) <= 13  # one screen, and a line for the unknown word


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)  # a matter of the prompt, not of the database
async def test_forty_turns_stay_within_the_budget_and_in_the_cache(workspace: Sandbox, start_bot: StartBot, tmp_path: Path) -> None:
    """Of every prompt from the fifth turn to the fortieth the prefix cache holds 80 % or more, by the server's own count."""
    client = workspace.client
    async with start_bot(inference__max_tokens="256"):
        await client.wait_connected(timeout=60)
        await client.invite(CASE)
        post = await client.say("anna", CASE, DESCRIPTION)
        note = await _note(workspace, post.ts)
        for turn in range(2, 41):
            text = f"Session {turn}: the client slept about {3 + turn % 4} hours and reports one quiet evening."
            if turn % 3 == 0:
                text = list_note([NoteItem(Kind.ADVICE, MINE), NoteItem(Kind.QUESTION, f"What was different in session {turn}?")])
            await client.say("anna", CASE, text, thread_ts=post.ts)
            note = await _note(workspace, post.ts, after=note.ts)
    figures = re.findall(r"answered: (\d+) tokens read \((\d+) from the cache\)", (tmp_path / "bot.log").read_text())
    shares = [int(cached) / int(read) for read, cached in figures]
    assert len(shares) == 40
    assert min(shares[4:]) >= 0.8, shares  # also where old turns left the prompt
    assert MINE in _texts(note)


async def _note(workspace: Sandbox, thread_ts: str, after: str = "") -> Posted:
    """The complete note in a thread that was posted after a message."""
    return await workspace.client.wait_for(
        CASE,
        lambda message: EDIT_ACTION in message.action_ids and APPROVE_ACTION not in message.action_ids and message.ts > after,
        thread_ts=thread_ts,
        timeout=PATIENCE_S,
    )


def _texts(note: Posted) -> list[str]:
    return [item.text for item in items_of(note)]
