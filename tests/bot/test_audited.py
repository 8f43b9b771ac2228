"""Which rows of the audit acts make: whatever the inbox takes up, whatever is refused, nothing that changed nothing."""

from datetime import date
from typing import get_args

import pytest

from bot.domain.audit import BOT, AuditAction, AuditEntry
from bot.domain.case import Consent, Withdrawal
from bot.store.database import Database
from bot.workflow.audited import ACTIONS, BY_THEMSELVES
from bot.workflow.incoming import Incoming, Joined, Stage, Summarize
from bot.workflow.night_ports import NightEnd
from bot.workflow.ports import Sign
from inference.note import Language
from tests.bot.test_conversation import FIRST, Desk
from tests.bot.test_store import a_database
from tests.support.builders import NOW, a_post
from tests.support.fakes import ScriptedModel

KINDS = {kind.model_fields["type"].default for kind in get_args(get_args(Incoming)[0])}


async def rows(database: Database) -> list[tuple[str, str, str]]:
    """Action, user and detail, in order."""
    return [(row.action, row.user_id, row.detail) for row in await database.audit(0, 1000)]


async def work_off(database: Database, desk: Desk, channel: str = "C1") -> None:
    """Everything that waits in a channel."""
    while work := await database.next_work(channel):
        await desk.conversation.handle(work)


def test_every_kind_of_act_is_thought_of() -> None:
    """Each has its action, or is audited by its own workflow; none has both."""
    assert set(ACTIONS) | BY_THEMSELVES >= KINDS
    assert not set(ACTIONS) & BY_THEMSELVES


async def test_a_case_is_audited_from_its_first_description_on(store_url: str) -> None:
    """Opened by whoever posted, described, answered by the bot, read out of the same transactions; delivered twice, it is one row."""
    async with a_database(store_url) as database:
        desk = Desk(database, ScriptedModel([FIRST]))
        post = a_post()
        for _ in range(2):
            await database.receive(post)
        await work_off(database, desk)
        assert await rows(database) == [("opened", "U0ANNA", ""), ("described", "U0ANNA", ""), ("answered", BOT, "")]
        opened, described, answered = await database.audit(0, 9)
        async with database.begin() as uow:
            (case,) = await uow.cases()
            (note,) = await uow.notes(case.id)
        assert {record.case_id for record in (opened, described, answered)} == {case.id}
        assert (described.subject, answered.subject) == (note.id, note.id)


async def test_what_changed_nothing_and_people_among_themselves_are_not_audited(store_url: str) -> None:
    """A reply in a thread of people; an edit that left the text as it was."""
    async with a_database(store_url) as database:
        desk = Desk(database, ScriptedModel([FIRST]))
        post = a_post()
        await database.receive(post)
        await work_off(database, desk)
        before = await rows(database)
        await database.receive(post.model_copy(update={"edited_ts": "1800000000.000100"}))
        await database.receive(a_post("Lunch?", thread_ts="1234.5"))
        await work_off(database, desk)
        assert await rows(database) == before


async def test_refusals_are_audited_with_their_sign(store_url: str) -> None:
    """By the guard, and by the domain; the channel is named, no case where there is none."""
    async with a_database(store_url) as database:
        desk = Desk(database, ScriptedModel([]), Sign.NOT_PRIVATE)
        await database.receive(a_post())
        await work_off(database, desk)
        desk = Desk(database, ScriptedModel([]))
        await database.receive(Summarize(team_id="T1", channel_id="C1", user_id="U0LI", at="1800000000.1", trigger="t"))
        await work_off(database, desk)
        assert await rows(database) == [
            ("refused", "U0ANNA", "posted:not_private"),
            ("refused", "U0LI", "summarize:nothing_to_summarize"),
        ]
        assert {(record.case_id, record.subject) for record in await database.audit(0, 9)} == {(None, "C1")}


async def test_consent_and_nights_are_audited_where_they_are_stored(store_url: str) -> None:
    """Whoever recorded it; a night once, with who asked for it and how it ended first."""
    async with a_database(store_url) as database:
        async with database.begin() as uow:
            case = await uow.open_case("T1", "C1", Language.ENGLISH, NOW)
            await uow.add_consent(case.id, Consent("the client", date(2026, 2, 27), "U0ANNA", NOW))
            await uow.add_consent(case.id, Withdrawal("U0LI", NOW))
        for by in ("U0ADA", None):
            await database.begin_night("night-1", by)
        for end in (NightEnd.REFUSED, NightEnd.FAILED):
            await database.end_night("night-1", end)
        assert await rows(database) == [
            (AuditAction.OPENED, BOT, ""),
            (AuditAction.CONSENT_GIVEN, "U0ANNA", ""),
            (AuditAction.CONSENT_WITHDRAWN, "U0LI", ""),
            (AuditAction.RETRAINED, "U0ADA", ""),
            (AuditAction.NIGHT_ENDED, BOT, "refused"),
        ]


@pytest.mark.parametrize("stage", [Stage.ANSWERED, Stage.DONE])
async def test_an_act_of_a_new_kind_is_a_change_until_somebody_names_it(
    store_url: str, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is left out for want of a line."""
    monkeypatch.delitem(ACTIONS, "summarize")
    async with a_database(store_url) as database:
        await database.receive(Summarize(team_id="T1", channel_id="C1", user_id="U0LI", at="1800000000.1", trigger="t"))
        work = await database.next_work("C1")
        assert work
        async with database.begin() as uow:
            await uow.advance(work, stage)
        assert await rows(database) == [("changed", "U0LI", "summarize")]
        await database.receive(Joined(team_id="T1", channel_id="C1", user_id="U0LI", at="1800000000.2"))
        await work_off(database, Desk(database, ScriptedModel([])))
        assert await rows(database) == [("changed", "U0LI", "summarize"), ("opened", "U0LI", "")]  # the case; not the invitation, too


async def test_whoever_opens_a_case_may_audit_it_with_more(store_url: str) -> None:
    """It is one row."""
    async with a_database(store_url) as database:
        async with database.begin() as uow:
            case = await uow.open_case("T1", "C1", Language.ENGLISH, NOW)
            await uow.record(AuditEntry(NOW, "T1", case.id, "U0ANNA", AuditAction.OPENED, "C1"))
        assert await rows(database) == [("opened", "U0ANNA", "")]
