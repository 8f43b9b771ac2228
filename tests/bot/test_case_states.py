"""Closing, opening again and setting up cases, and channels that move: against a real database, with a scripted model."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.audit import AuditAction
from bot.domain.case import Case, CaseState, Suspension
from bot.domain.reading import Reading
from bot.workflow.incoming import (
    Accept,
    Approve,
    CaseChanged,
    CaseSwitched,
    ChannelChanged,
    ChannelMoved,
    ChannelRenamed,
    HandedBack,
    Incoming,
    Joined,
    Reread,
    Summarize,
    TryAgain,
)
from bot.workflow.ports import Sign
from inference.note import Language
from tests.bot.test_conversation import FIRST, MORE, Desk, a_desk
from tests.support.builders import NOW, a_post, lines

WHO: dict[str, Any] = {"team_id": "T1", "channel_id": "C1", "user_id": "U0ANNA", "at": "1800000000.000000"}
JOINED = Joined(**WHO)


def switched(closed: bool, source: str = "trigger") -> CaseSwitched:
    """The command."""
    return CaseSwitched(**WHO, closed=closed, source=source)


def changed(source: str, deleted: bool = False) -> ChannelChanged:
    """Something happened to the channel."""
    return ChannelChanged(**WHO, source=source, deleted=deleted)


async def the_case(desk: Desk, channel: str = "C1") -> Case:
    """The case of a channel."""
    async with desk.database.begin() as uow:
        case = await uow.case_of("T1", channel)
    assert case
    return case


def form(case: Case, source: str, **fields: Any) -> CaseChanged:
    """A form in which only `fields` were changed."""
    at = {**WHO, "channel_id": case.channel_id}
    return CaseChanged(**at, case_id=case.id, consent=None, names=(), consents_seen=0, roster_seen=0, source=source, **fields)


async def test_a_closed_case_takes_nothing_and_goes_on_when_it_is_opened(store_url: str) -> None:
    """When it was closed is kept; every act that would add to it is refused with one sentence; closing twice says so."""
    async with a_desk(store_url, FIRST, MORE) as desk:
        post = a_post()
        await desk.do(post)
        note = desk.newest.note
        assert note.current
        await desk.do(switched(True))
        desk.now = NOW + timedelta(days=1)
        case = await the_case(desk)
        assert (case.state, case.closed_at) == (CaseState.CLOSED, NOW)
        about = {"note_id": note.id, "revision_id": note.current.id}
        acts: Sequence[Incoming] = [
            a_post("She sleeps better."),
            a_post("She sleeps better.", thread_ts=post.ts),
            post.model_copy(update={"edited_ts": "1.5", "text": "Other words."}),
            HandedBack(**WHO, note_id=note.id, base_revision_id=None, items=tuple(lines("Mine.")), source="V1"),
            Reread(**WHO, **about, source_ts=post.ts, reading=Reading.EDITED),
            TryAgain(**WHO, note_id=note.id, failed_at="1"),
            Summarize(**WHO, trigger="t"),
            Approve(**WHO, **about),
            Accept(**WHO, **about, message_ts="1.1"),
            switched(True, "again"),
        ]
        for act in acts:
            await desk.do(act)
        assert desk.channel.notices == [Sign.CASE_CLOSED] * len(acts)
        assert len(desk.model.prompts) == 1
        assert (await the_case(desk)).closed_at == NOW
        await desk.do(a_post("Shall we meet?", thread_ts="1600000000.000001"))  # two people in a thread of their own
        assert len(desk.channel.notices) == len(acts)
        await desk.do(switched(False, "reopen"))
        await desk.do(a_post("She sleeps better."))
        assert len(desk.model.prompts) == 2
        await desk.do(switched(False, "reopen again"))
        assert desk.channel.notices[-1] is Sign.CASE_OPEN
        assert desk.channel.greetings == [Sign.WELCOME, Sign.CASE_NOW_CLOSED, Sign.CASE_NOW_OPEN]
        assert (await the_case(desk)).closed_at is None


async def test_what_is_done_about_a_case_is_on_record(store_url: str) -> None:
    """Opened, suspended, resumed, closed, opened again: who, and which case."""
    async with a_desk(store_url) as desk:
        await desk.do(JOINED)
        desk.guard.sign = Sign.SHARED
        await desk.do(changed("shared"))
        desk.guard.sign = None
        await desk.do(changed("unshared"))
        case = await the_case(desk)
        await desk.do(switched(True))
        await desk.do(form(case, "V1", closed=False))
        done = await desk.database.audit(0, 100)
        wanted = ("opened", "suspended", "resumed", "closed", "reopened")
        assert [each.action for each in done if each.action in wanted] == [AuditAction(each) for each in wanted]
        assert {each.case_id for each in done} == {case.id}


async def test_the_form_changes_what_was_changed_in_it(store_url: str) -> None:
    """What a person left alone stays as a colleague changed it meanwhile; a form that closes the case says so to all."""
    async with a_desk(store_url) as desk:
        await desk.do(JOINED)
        case = await the_case(desk)
        assert not case.language_settled
        await desk.do(form(case, "V1", code="TEAM-1", note_format="DAP"))
        await desk.do(form(case, "V2", language=Language.CHINESE))
        await desk.do(form(case, "V3", closed=True))
        case = await the_case(desk)
        assert (case.code, case.note_format, case.language, case.state) == ("TEAM-1", "DAP", Language.CHINESE, CaseState.CLOSED)
        assert case.language_settled
        assert desk.channel.greetings == [Sign.WELCOME, Sign.CASE_NOW_CLOSED]


async def test_a_code_that_somebody_took_meanwhile_is_not_taken_twice(store_url: str) -> None:
    """Nothing of the form is saved, and its reader is told why."""
    async with a_desk(store_url) as desk:
        await desk.do(JOINED)
        await desk.do(JOINED.model_copy(update={"channel_id": "C2"}))
        await desk.do(form(await the_case(desk), "V1", code="TEAM-1"))
        other = await the_case(desk, "C2")
        await desk.do(form(other, "V2", code="TEAM-1", note_format="soap"))
        assert desk.channel.notices[-1] is Sign.CODE_TAKEN
        assert await the_case(desk, "C2") == other


@pytest.mark.parametrize(
    ("sign", "why"),
    [
        (Sign.SHARED, Suspension.SHARED),
        (Sign.GUEST_MEMBER, Suspension.GUEST),
        (Sign.NOT_PRIVATE, Suspension.PUBLIC),
        (Sign.ARCHIVED, Suspension.ARCHIVED),
    ],
)
async def test_an_event_that_was_lost_is_made_up_for_by_the_next_act(store_url: str, sign: Sign, why: Suspension) -> None:
    """A refused post suspends the case, one that is not refused resumes it; neither is said twice."""
    async with a_desk(store_url, FIRST, MORE) as desk:
        await desk.do(a_post())
        desk.guard.sign = sign
        await desk.do(a_post())
        await desk.do(a_post())
        assert (await the_case(desk)).suspended_for is why
        assert desk.channel.notices == [sign, sign]
        desk.guard.sign = None
        await desk.do(a_post())
        assert (await the_case(desk)).state is CaseState.OPEN
        assert len(desk.model.prompts) == 2
        assert len(desk.channel.greetings) + len(desk.channel.warnings) == (2 if why is Suspension.ARCHIVED else 3)


async def test_closed_and_suspended_are_two_things(store_url: str) -> None:
    """A closed case says nothing of its channel, but that it became public: then its notes can be read by all."""
    async with a_desk(store_url) as desk:
        await desk.do(JOINED)
        await desk.do(switched(True))
        for number, sign in enumerate((Sign.SHARED, Sign.NOT_PRIVATE, None)):
            desk.guard.sign = sign
            await desk.do(changed(str(number)))
            assert (await the_case(desk)).state is CaseState.CLOSED
        assert desk.channel.greetings == [Sign.WELCOME, Sign.CASE_NOW_CLOSED]
        assert desk.channel.warnings == [("U0ANNA", Sign.SUSPENDED_PUBLIC)]
        await desk.do(JOINED.model_copy(update={"at": "1800000001.000000"}))
        assert desk.channel.notices == [Sign.CASE_CLOSED]


async def test_a_bot_killed_between_state_and_sentence_says_it_once(store_url: str) -> None:
    """The state is committed first; the act goes on with telling, and tells what holds."""
    async with a_desk(store_url) as desk:
        await desk.do(JOINED)
        desk.guard.sign = Sign.SHARED
        await desk.database.receive(changed("shared"))
        work = await desk.database.next_work("C1")
        assert work
        await desk.conversation.handle(work)
        assert desk.channel.greetings == [Sign.WELCOME]
        restarted = Desk(desk.database, desk.model, Sign.SHARED)
        await restarted.do(changed("shared"))
        assert restarted.channel.greetings == [Sign.SUSPENDED_SHARED]


async def test_a_deleted_channel_is_known_as_one(store_url: str) -> None:
    """Slack says it once; to whoever looks later, the bot is just no member."""
    async with a_desk(store_url) as desk:
        await desk.do(JOINED)
        desk.guard.sign = Sign.NOT_INVITED
        await desk.do(changed("left"))
        assert (await the_case(desk)).suspended_for is Suspension.REMOVED
        await desk.do(changed("deleted", deleted=True))
        await desk.do(changed("watch"))
        case = await the_case(desk)
        assert (case.suspended_for, case.suspended_at) == (Suspension.DELETED, NOW)
        assert desk.channel.greetings == [Sign.WELCOME]


async def test_a_channel_moves_with_what_waits_in_it(store_url: str) -> None:
    """What was posted before is answered before, what comes under the new id waits for the move, what comes late is found."""
    async with a_desk(store_url, *[FIRST] * 5) as desk:
        first, waiting = a_post("One."), a_post("Two.")
        await desk.do(first)
        move = ChannelMoved(**(WHO | {"at": waiting.at.replace(".0001", ".0000")}), new_channel_id="C9")
        for act in (move, waiting, a_post("Three.", channel="C9")):
            assert await desk.database.receive(act)
        assert await desk.database.next_work("C9") is None
        assert not await desk.do(move)
        assert await desk.database.waiting() == ["C9"]
        assert not await desk.database.receive(waiting)
        assert not await desk.database.receive(first)
        assert await desk.do(a_post("Four.", channel="C9"))
        assert await desk.database.receive(a_post("Five."))
        assert await desk.database.waiting() == ["C9"]
        while work := await desk.database.next_work("C9"):
            await desk.conversation.handle(work)
        async with desk.database.begin() as uow:
            (case,) = await uow.cases()
            assert case.channel_id == "C9"
            asked = [turn.text for turn in await uow.turns(case.id)]
        for word in ("One.", "Two.", "Three.", "Four.", "Five."):
            assert sum(word in text for text in asked) == 1, word


async def test_a_channel_never_moves_onto_another_case(store_url: str) -> None:
    """Both cases stay where they are."""
    async with a_desk(store_url) as desk:
        await desk.do(JOINED)
        await desk.do(JOINED.model_copy(update={"channel_id": "C9"}))
        await desk.do(ChannelMoved(**WHO, new_channel_id="C9"))
        assert (await the_case(desk)).id != (await the_case(desk, "C9")).id


async def test_a_name_is_not_pointed_out_to_outsiders(store_url: str) -> None:
    """That a channel's name holds a name of the case is said only where the team is among itself."""
    async with a_desk(store_url) as desk:
        await desk.do(JOINED)
        await desk.do(form(await the_case(desk), "V1").model_copy(update={"names": ("张伟（小张）", "Bo")}))
        for number, name in enumerate(("bo-lund", "case-张伟", "case-7")):
            await desk.do(ChannelRenamed(**(WHO | {"at": f"{number}"}), name=name))
        assert desk.channel.greetings == [Sign.WELCOME, Sign.NAME_IN_CHANNEL_NAME]
        desk.guard.sign = Sign.GUEST_MEMBER
        await desk.do(changed("guest"))
        await desk.do(ChannelRenamed(**(WHO | {"at": "9"}), name="case-张伟-2"))
        assert desk.channel.greetings == [Sign.WELCOME, Sign.NAME_IN_CHANNEL_NAME, Sign.SUSPENDED_GUEST]


async def test_proposed_codes_differ(store_url: str) -> None:
    """Cases opened at the same moment have different codes, and no more than one is opened a channel."""
    async with a_desk(store_url) as desk:
        for number in range(30):
            await desk.database.receive(JOINED.model_copy(update={"channel_id": f"C{number}"}))

        async def work_off(channel: str) -> None:
            while work := await desk.database.next_work(channel):
                await desk.conversation.handle(work)

        await asyncio.gather(*(work_off(f"C{number}") for number in range(30)))
        async with desk.database.begin() as uow:
            assert len({case.code for case in await uow.cases()}) == 30
