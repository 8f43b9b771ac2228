"""The sandbox's Web API, asked by the unmodified Slack client."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from deploy.sandbox.errors import CannotDo, RateLimited
from deploy.sandbox.faults import Faults
from deploy.sandbox.limits import RateLimits
from deploy.sandbox.manifest import ALL_SCOPES, load_manifest
from deploy.sandbox.seed import Seed
from deploy.sandbox.server import Sandbox, running_sandbox
from tests.deploy.sandbox_app import section, web_client


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """Return a running sandbox."""
    everything = replace(load_manifest(), scopes=ALL_SCOPES)
    async with running_sandbox(seed=Seed(bot_in_cases=True), manifest=everything) as running:
        yield running


async def _id(sandbox: Sandbox, name: str) -> str:
    return str((await sandbox.client.channel(name))["id"])


async def _error(call: Any) -> str:
    """Return the name with which Slack refuses a call."""
    with pytest.raises(SlackApiError) as caught:
        await call
    return str(caught.value.response["error"])


async def test_tokens_are_checked(sandbox: Sandbox) -> None:
    """auth.test knows the bot; no token, a wrong one and one of the wrong kind are refused by name."""
    answer = await web_client(sandbox).auth_test()
    assert (answer["user_id"], answer["bot_id"], answer["team_id"]) == ("U0PHYASSIST", "B0SANDBOX", "T0SANDBOX")
    nobody = AsyncWebClient(base_url=sandbox.api_url)
    assert await _error(nobody.auth_test()) == "not_authed"
    assert await _error(nobody.auth_test(token="xoxb-other")) == "invalid_auth"
    assert await _error(nobody.auth_test(token=sandbox.app_token)) == "not_allowed_token_type"
    assert await _error(nobody.apps_connections_open(app_token=sandbox.bot_token)) == "not_allowed_token_type"
    assert await _error(nobody.api_call("chat.invent")) == "unknown_method"


async def test_the_bot_writes_only_where_it_is_and_what_is_its_own(sandbox: Sandbox) -> None:
    """Channels, members, authors and threads are checked, with Slack's names for each refusal."""
    client, case = web_client(sandbox), await _id(sandbox, "case-001")
    theirs = await sandbox.client.say("anna", "case-001", "theirs")
    assert await _error(client.chat_postMessage(channel=await _id(sandbox, "with-guest"), text="x")) == "channel_not_found"
    assert await _error(client.chat_postMessage(channel="C0NOWHERE", text="x")) == "channel_not_found"
    await sandbox.client.kick("general")
    assert await _error(client.chat_postMessage(channel=await _id(sandbox, "general"), text="x")) == "not_in_channel"
    assert await _error(client.api_call("chat.postMessage", json={"channel": case})) == "no_text"
    assert await _error(client.chat_postMessage(channel=case, text="x" * 40_001)) == "msg_too_long"
    assert await _error(client.chat_postMessage(channel=case, text="x", thread_ts="1.000001")) == "thread_not_found"
    assert await _error(client.chat_update(channel=case, ts=theirs.ts, text="x")) == "cant_update_message"
    assert await _error(client.chat_update(channel=case, ts="1.000001", text="x")) == "message_not_found"
    assert await _error(client.chat_delete(channel=case, ts=theirs.ts)) == "cant_delete_message"
    assert await _error(client.chat_postEphemeral(channel=case, user="U0GUS", text="x")) == "user_not_in_channel"
    await sandbox.client.change_channel("case-001", is_archived=True)
    assert await _error(client.chat_postMessage(channel=case, text="x")) == "is_archived"


async def test_updates_keep_blocks_until_others_are_given(sandbox: Sandbox) -> None:
    """A text alone leaves the blocks, an empty list removes them, metadata is kept and shown on demand only."""
    client, case = web_client(sandbox), await _id(sandbox, "case-001")
    metadata = {"event_type": "note", "event_payload": {"id": "opaque"}}
    posted = await client.chat_postMessage(channel=case, text="one", blocks=[section("body")], metadata=metadata)
    await client.chat_update(channel=case, ts=posted["ts"], text="two")
    kept = await sandbox.client.message("case-001", posted["ts"])
    assert (kept.text, kept.plain, kept.edited) == ("two", "body", True)
    await client.chat_update(channel=case, ts=posted["ts"], text="three", blocks=[])
    assert (await sandbox.client.message("case-001", posted["ts"])).plain == "three"
    plain, full = (
        await client.conversations_history(channel=case),
        await client.conversations_history(channel=case, include_all_metadata=True),
    )
    assert "metadata" not in plain["messages"][0]
    assert full["messages"][0]["metadata"] == metadata


async def test_the_manifests_scopes_bound_the_token() -> None:
    """A method for which PhyAssist's manifest asks no scope is refused by name; the others work."""
    async with running_sandbox(seed=Seed(bot_in_cases=True)) as sandbox:
        client, case = web_client(sandbox), await _id(sandbox, "case-001")
        sent = await sandbox.client.say("anna", "case-001", "head")
        assert await _error(client.reactions_add(channel=case, timestamp=sent.ts, name="eyes")) == "missing_scope"
        assert (await client.chat_postMessage(channel=case, text="x"))["ok"]


async def test_markdown_text_becomes_a_markdown_block(sandbox: Sandbox) -> None:
    """chat.postMessage takes markdown_text in place of text and blocks, never beside them."""
    client, case = web_client(sandbox), await _id(sandbox, "case-001")
    posted = await client.chat_postMessage(channel=case, markdown_text="**bold**")
    assert (await sandbox.client.message("case-001", posted["ts"])).blocks[0]["type"] == "markdown"
    assert await _error(client.chat_postMessage(channel=case, markdown_text="x", text="x")) == "markdown_text_conflict"


async def test_a_thread_outlives_its_deleted_head(sandbox: Sandbox) -> None:
    """conversations.replies shows a tombstone and the replies."""
    client, case = web_client(sandbox), await _id(sandbox, "case-001")
    head = await sandbox.client.say("anna", "case-001", "head")
    await sandbox.client.say("li", "case-001", "reply", thread_ts=head.ts)
    await sandbox.client.delete_message("anna", "case-001", head.ts)
    thread = (await client.conversations_replies(channel=case, ts=head.ts))["messages"]
    assert [message.get("subtype") or message["text"] for message in thread] == ["tombstone", "reply"]
    assert await _error(client.conversations_replies(channel=case, ts="1.000001")) == "thread_not_found"


async def test_history_and_replies_are_read_in_pages(sandbox: Sandbox) -> None:
    """History is newest first without replies; replies are oldest first with their head; cursors lead on."""
    client, case = web_client(sandbox), await _id(sandbox, "case-001")
    heads = [await sandbox.client.say("anna", "case-001", f"head {number}") for number in range(5)]
    for number in range(3):
        await sandbox.client.say("li", "case-001", f"reply {number}", thread_ts=heads[0].ts)
    first = await client.conversations_history(channel=case, limit=2)
    second = await client.conversations_history(channel=case, limit=2, cursor=first["response_metadata"]["next_cursor"])
    assert [message["text"] for message in [*first["messages"], *second["messages"]]] == ["head 4", "head 3", "head 2", "head 1"]
    thread = await client.conversations_replies(channel=case, ts=heads[0].ts)
    assert [message["text"] for message in thread["messages"]] == ["head 0", "reply 0", "reply 1", "reply 2"]
    since = await client.conversations_history(channel=case, oldest=heads[2].ts)
    assert [message["text"] for message in since["messages"]] == ["head 4", "head 3"]


async def test_people_channels_and_groups_are_described(sandbox: Sandbox) -> None:
    """What the bot's guards read: privacy, sharing, guests, foreign members, group membership."""
    client, case = web_client(sandbox), await _id(sandbox, "case-001")
    info = (await client.conversations_info(channel=case))["channel"]
    assert (info["is_private"], info["is_ext_shared"], info["is_member"]) == (True, False, True)
    assert case.startswith("C")
    members = (await client.conversations_members(channel=case))["members"]
    assert set(members) == {"U0ANNA", "U0LI", "U0SOL", "U0PHYASSIST"}
    assert (await client.users_info(user="U0GUS"))["user"]["is_restricted"] is True
    assert (await client.users_info(user="U0EVE"))["user"]["team_id"] == "T0FOREIGN"
    groups = {group["handle"]: group["id"] for group in (await client.usergroups_list())["usergroups"]}
    assert (await client.usergroups_users_list(usergroup=groups["phyassist-admins"]))["users"] == ["U0ADA"]
    mine = {channel["name"] for channel in (await client.users_conversations(types="private_channel,public_channel"))["channels"]}
    assert mine == {"case-001", "case-002", "case-003", "general", "phyassist-admin"}


async def test_permalinks_status_and_direct_messages(sandbox: Sandbox) -> None:
    """A reply's permalink names its thread; a status shows until the bot posts; a user's id opens a direct conversation."""
    client, case = web_client(sandbox), await _id(sandbox, "case-001")
    head = await sandbox.client.say("anna", "case-001", "head")
    await client.assistant_threads_setStatus(channel_id=case, thread_ts=head.ts, status="is reading …")
    assert (await sandbox.client.statuses())[0]["status"] == "is reading …"
    reply = await client.chat_postMessage(channel=case, text="reply", thread_ts=head.ts)
    assert await sandbox.client.statuses() == []
    link = (await client.chat_getPermalink(channel=case, message_ts=reply["ts"]))["permalink"]
    assert link.endswith(f"/archives/{case}/p{reply['ts'].replace('.', '')}?thread_ts={head.ts}&cid={case}")
    direct = await client.chat_postMessage(channel="U0ANNA", text="hello")
    assert direct["channel"].startswith("D")
    assert (await client.conversations_open(users="U0ANNA"))["channel"]["id"] == direct["channel"]


async def test_files_go_both_ways(sandbox: Sandbox) -> None:
    """files_upload_v2 shares a file in a thread; a person's file can be read with the token only."""
    client, case = web_client(sandbox), await _id(sandbox, "case-001")
    head = await sandbox.client.say("anna", "case-001", "", files=[("words.txt", b"from a person")])
    await client.files_upload_v2(channel=case, thread_ts=head.ts, filename="note.md", content="# Note", initial_comment="The note")
    shared = (await sandbox.client.messages("case-001", head.ts))[-1]
    assert (shared.text, shared.files[0]["name"]) == ("The note", "note.md")
    assert await sandbox.client.file(shared.files[0]["id"]) == b"# Note"
    url = head.files[0]["url_private"]
    async with sandbox.desk.session.get(url, headers={"Authorization": f"Bearer {sandbox.bot_token}"}) as answer:
        assert await answer.read() == b"from a person"
    async with sandbox.desk.session.get(url) as answer:
        assert answer.status == 403


async def test_a_deleted_file_leaves_a_tombstone_in_its_message(sandbox: Sandbox) -> None:
    """Only its owner deletes it; then its bytes are gone, and the message changes without having been edited."""
    people = sandbox.client
    head = await people.say("anna", "case-001", "", files=[("words.txt", b"from a person")])
    file_id = head.files[0]["id"]
    for user, reason in (("li", "cant_delete_file"), ("anna", None), ("anna", "file_not_found")):
        if reason is None:
            await people.delete_file(user, file_id)
        else:
            with pytest.raises(CannotDo, match=reason):
                await people.delete_file(user, file_id)
    message = await people.message("case-001", head.ts)
    assert message.files == [{"id": file_id, "mode": "tombstone"}]
    assert not message.edited
    authorization = {"Authorization": f"Bearer {sandbox.bot_token}"}
    async with sandbox.desk.session.get(head.files[0]["url_private"], headers=authorization) as answer:
        assert answer.status == 404


async def test_without_files_read_a_file_leads_to_a_page_to_sign_in() -> None:
    """As on Slack, which says nothing of scopes there."""
    manifest = load_manifest()
    narrow = replace(manifest, scopes=manifest.scopes - {"files:read"})
    async with running_sandbox(seed=Seed(cases=1, bot_in_cases=True), manifest=narrow) as sandbox:
        head = await sandbox.client.say("anna", "case-001", "", files=[("words.txt", b"from a person")])
        authorization = {"Authorization": f"Bearer {sandbox.bot_token}"}
        async with sandbox.desk.session.get(head.files[0]["url_private"], headers=authorization, allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (302, "/signin")


async def test_429_names_a_time_and_the_sdks_handler_waits(sandbox: Sandbox) -> None:
    """Every third call is refused with Retry-After; the SDK's own retry handler gets all of them through in the end."""
    case = await _id(sandbox, "case-001")
    await sandbox.client.set_faults(Faults(rate_limit_every=3, retry_after_s=1))
    hasty, patient = web_client(sandbox), web_client(sandbox, retry_handlers=[AsyncRateLimitErrorRetryHandler(max_retry_count=3)])
    for number in range(2):
        await hasty.chat_postMessage(channel=case, text=f"hasty {number}")
    with pytest.raises(SlackApiError) as caught:
        await hasty.chat_postMessage(channel=case, text="hasty 2")
    assert (caught.value.response["error"], caught.value.response.headers["Retry-After"]) == ("ratelimited", "1")
    for number in range(4):
        await patient.chat_postMessage(channel=case, text=f"patient {number}")
    texts = [message.text for message in await sandbox.client.messages("case-001")]
    assert texts == ["hasty 0", "hasty 1", "patient 0", "patient 1", "patient 2", "patient 3"]
    assert (await sandbox.client.statistics())["methods"]["chat.postMessage"]["errors"] == {"ratelimited": 2}


async def test_500s_come_without_and_after_the_deed(sandbox: Sandbox) -> None:
    """server_error_every does nothing and fails; lose_answer_every does it and fails all the same."""
    client, case = web_client(sandbox), await _id(sandbox, "case-001")
    await sandbox.client.set_faults(Faults(server_error_every=1, only_methods=("chat.postMessage",)))
    with pytest.raises(SlackApiError):
        await client.chat_postMessage(channel=case, text="not done")
    assert (await client.auth_test())["ok"]
    await sandbox.client.set_faults(Faults(lose_answer_every=1))
    with pytest.raises(SlackApiError):
        await client.chat_postMessage(channel=case, text="done")
    await sandbox.client.set_faults()
    assert [message.text for message in await sandbox.client.messages("case-001")] == ["done"]


async def test_slacks_own_limits_hold_when_switched_on(sandbox: Sandbox) -> None:
    """A burst of posts in one channel is limited, another channel isn't."""
    client = web_client(sandbox)
    await sandbox.client.set_rate_limits(True)
    first, second = await _id(sandbox, "case-001"), await _id(sandbox, "case-002")
    answers = await asyncio.gather(*(client.chat_postMessage(channel=first, text="x") for _ in range(8)), return_exceptions=True)
    assert sum(isinstance(answer, SlackApiError) for answer in answers) == 3
    assert (await client.chat_postMessage(channel=second, text="x"))["ok"]


def test_limits_recover_with_time() -> None:
    """After the window has passed, calls are allowed again."""
    now = [0.0]
    limits = RateLimits(True, clock=lambda: now[0])
    for _ in range(50):
        limits.check("chat.update")
    with pytest.raises(RateLimited) as caught:
        limits.check("chat.update")
    assert caught.value.retry_after == 60
    now[0] = 60.0
    limits.check("chat.update")


async def test_no_text_reaches_logs_or_records(sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    """Neither Python's logs nor the sandbox's own records hold what somebody wrote."""
    caplog.set_level(logging.INFO)
    client, case = web_client(sandbox), await _id(sandbox, "case-001")
    await sandbox.client.say("anna", "case-001", "planted-sentence")
    await client.chat_postMessage(channel=case, text="planted-sentence")
    assert await _error(client.chat_postMessage(channel=case, text="x", blocks=[{"type": "planted-sentence"}])) == "invalid_blocks"
    records = [await sandbox.client.calls(), await sandbox.client.envelopes(), await sandbox.client.statistics()]
    assert "planted-sentence" not in caplog.text + repr(records)
