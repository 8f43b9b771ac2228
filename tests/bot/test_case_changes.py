"""Consent, names and accepted answers: what counts of what several people do, and what is kept of it."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.case import CaseFile, Consent, Roster, Withdrawal, consent_now
from bot.domain.errors import CaseOutOfDate, NotAllowed, OutOfDate
from bot.domain.note import Purpose
from bot.domain.reading import Reading
from bot.workflow.case_changes import next_names, next_step, what_holds
from bot.workflow.incoming import Accept, CaseChanged, HandedBack, SaidConsent, Summarize
from bot.workflow.ports import NoteView, Sign
from inference.note import Language, NoteItem
from tests.bot.test_case_form import a_file
from tests.bot.test_conversation import FIRST, MORE, Desk, a_desk
from tests.support.builders import NOW, a_note, a_post, a_revision, an_item

PAPER = SaidConsent(given_by="the client, on paper", given_on=date(2026, 2, 27))
PHONE = SaidConsent(given_by="the client, by phone", given_on=date(2026, 3, 1))
WHO = {"team_id": "T1", "channel_id": "C1", "user_id": "U0ANNA", "at": "1900000000.0"}


async def the_file(desk: Desk) -> CaseFile:
    """The case as it is recorded now."""
    async with desk.database.begin() as uow:
        case = await uow.case_of("T1", "C1")
        file = await uow.case_file(case.id) if case else None
    assert file
    return file


async def a_form(desk: Desk, consent: SaidConsent | None, *names: str, seen: CaseFile | None = None, source: str = "V1") -> CaseChanged:
    """The form of the case, opened on what is recorded now or on what was `seen`, and filled in."""
    file = seen or await the_file(desk)
    about = {"case_id": file.case.id, "consents_seen": len(file.consents), "roster_seen": file.roster.version}
    return CaseChanged(**WHO, **about, consent=consent, names=names, source=source)  # type: ignore[arg-type]  # pydantic checks them


# consent


async def test_consent_is_off_until_somebody_records_who_gave_it_and_when(store_url: str) -> None:
    """Both are stored with who recorded it; the answer says what holds; changing names alone leaves consent as it is."""
    async with a_desk(store_url, FIRST) as desk:
        await desk.do(a_post())
        assert consent_now((await the_file(desk)).consents) is None
        await desk.do(await a_form(desk, PAPER, "Anna Smith", "张伟"))
        file = await the_file(desk)
        assert file.consents == (Consent("the client, on paper", date(2026, 2, 27), "U0ANNA", NOW),)
        assert file.roster == Roster(("Anna Smith", "张伟"), 1)
        await desk.do(await a_form(desk, PAPER, "Anna Smith", "张伟", "Bo", source="V2"))
        assert (await the_file(desk)).consents == file.consents
        assert (await the_file(desk)).roster.names == ("Anna Smith", "张伟", "Bo")
        assert desk.channel.notices == [Sign.CONSENT_HOLDS] * 2


async def test_withdrawing_is_one_step_and_the_history_stays(store_url: str) -> None:
    """Given, withdrawn, given again: each with who and when; the newest counts."""
    async with a_desk(store_url, FIRST) as desk:
        await desk.do(a_post())
        for number, said in enumerate((PAPER, None, PHONE)):
            desk.now = NOW + timedelta(days=number)
            act = await a_form(desk, said, source=f"V{number}")
            await desk.do(act.model_copy(update={"user_id": f"U{number}"}))
        assert desk.channel.notices == [Sign.CONSENT_HOLDS, Sign.CONSENT_WITHDRAWN, Sign.CONSENT_HOLDS]
        first, second, third = (await the_file(desk)).consents
        assert first == Consent(PAPER.given_by, PAPER.given_on, "U0", NOW)
        assert second == Withdrawal("U1", NOW + timedelta(days=1))
        assert third == Consent(PHONE.given_by, PHONE.given_on, "U2", NOW + timedelta(days=2))
        assert consent_now((first, second, third)) is third


async def test_a_form_from_before_a_withdrawal_does_not_bring_consent_back(store_url: str) -> None:
    """A colleague's form that still shows the old consent changes names only; one that records another consent is refused whole."""
    async with a_desk(store_url, FIRST) as desk:
        await desk.do(a_post())
        await desk.do(await a_form(desk, PAPER, "Anna"))
        opened = await the_file(desk)
        await desk.do(await a_form(desk, None, "Anna", source="V2"))
        await desk.do(await a_form(desk, PAPER, "Anna", "Bo", seen=opened, source="V3"))
        assert consent_now((await the_file(desk)).consents) is None
        assert (await the_file(desk)).roster.names == ("Anna", "Bo")
        await desk.do(await a_form(desk, PHONE, "Anna", "Bo", "Cy", seen=opened, source="V4"))
        assert desk.channel.notices[1:] == [Sign.CONSENT_WITHDRAWN, Sign.CONSENT_WITHDRAWN, Sign.CASE_OUT_OF_DATE]
        assert consent_now((await the_file(desk)).consents) is None
        assert (await the_file(desk)).roster.names == ("Anna", "Bo")


async def test_the_guard_is_asked_again_and_the_form_of_another_case_finds_nothing(store_url: str) -> None:
    """A form submitted by somebody who may not, or in a channel whose case is another one, changes nothing."""
    async with a_desk(store_url, FIRST) as desk:
        await desk.do(a_post())
        act = await a_form(desk, PAPER)
        desk.guard.sign = Sign.NOT_MEMBER
        await desk.do(act)
        desk.guard.sign = None
        await desk.do(act.model_copy(update={"case_id": "another", "source": "V2"}))
        await desk.do(act.model_copy(update={"channel_id": "C2", "source": "V3"}))
        assert desk.channel.notices == [Sign.NOT_MEMBER, Sign.CASE_GONE, Sign.CASE_GONE]
        assert (await the_file(desk)).consents == ()


async def test_a_form_counts_once_and_is_answered_after_a_restart(store_url: str) -> None:
    """Delivered twice it is one act; a bot that dies after storing it says after the restart what holds."""
    async with a_desk(store_url, FIRST) as desk:
        await desk.do(a_post())
        act = await a_form(desk, PAPER)
        await desk.database.receive(act)
        work = await desk.database.next_work("C1")
        assert work
        await desk.conversation.handle(work)
        restarted = Desk(desk.database, desk.model)
        assert not await restarted.do(act)
        assert restarted.channel.notices == [Sign.CONSENT_HOLDS]
        assert len((await the_file(desk)).consents) == 1


said_consents = st.sampled_from([None, PAPER, PHONE])


@given(st.lists(st.tuples(st.integers(0, 6), said_consents), max_size=12))
def test_after_a_withdrawal_consent_needs_somebody_who_saw_it(forms: list[tuple[int, SaidConsent | None]]) -> None:
    """Whatever forms are submitted, each opened some steps ago: after a withdrawal only a form that was opened on it gives consent anew."""
    history: list[Consent | Withdrawal] = []
    for ago, said in forms:
        seen = max(0, len(history) - ago)
        before, saw = consent_now(history), consent_now(history[:seen])
        try:
            step = next_step(tuple(history), seen, said, "U0LI", NOW)
        except CaseOutOfDate:
            assert ago
            assert said is not None
            continue
        history += [step] if step else []
        if said is None and saw:
            assert consent_now(history) is None
        if before is None and consent_now(history):
            assert seen == len(history) - 1, "given by somebody who saw all that was recorded"
        if isinstance(step, Consent):
            assert said
            assert (step.given_by, step.given_on) == (said.given_by, said.given_on)


@given(st.lists(st.sampled_from("abcdef"), max_size=5), st.lists(st.sampled_from("abcdef"), max_size=5), st.booleans())
def test_no_form_takes_out_a_name_that_its_reader_did_not_see(stands: list[str], said: list[str], stale: bool) -> None:
    """Names that were there when the form was opened can be taken out; names that came since stay, each once."""
    roster = Roster(tuple(dict.fromkeys(stands)), version=4)
    names = next_names(roster, 3 if stale else 4, tuple(said))
    assert set(names) == set(said) | (set(stands) if stale else set())
    assert len(names) == len(set(names))


def test_the_answer_says_what_holds() -> None:
    """The day of the consent and how many people are listed, in the case's language."""
    note = what_holds(replace(_a_file(), consents=(Consent("the client", date(2026, 2, 27), "U0ANNA", NOW),)))
    assert (note.sign, note.on, note.number, note.language) == (Sign.CONSENT_HOLDS, date(2026, 2, 27), 2, Language.CHINESE)
    assert what_holds(_a_file()).sign is Sign.CONSENT_OFF
    assert what_holds(replace(_a_file(), consents=(Withdrawal("U0ANNA", NOW),))).sign is Sign.CONSENT_WITHDRAWN


def _a_file() -> CaseFile:
    return a_file(names=("张伟", "Bo"), language=Language.CHINESE)


def test_nothing_of_consent_or_names_is_in_a_representation() -> None:
    """What somebody entered about people must not reach a log by way of a repr."""
    shown = repr((Consent("the client's mother", date(2026, 2, 27), "U0ANNA", NOW), Roster(("Anna Smith",), 1)))
    assert "mother" not in shown
    assert "Anna Smith" not in shown


# accepted answers


def _accept(note: NoteView, ts: str = "5.5", user: str = "U0ANNA") -> Accept:
    assert note.note.current
    return Accept(**{**WHO, "user_id": user}, note_id=note.note.id, revision_id=note.note.current.id, message_ts=ts)


async def test_an_accepted_answer_says_so_where_it_stands(store_url: str) -> None:
    """Who, when and which revision are stored; the message that had the button shows it; the first of two people counts."""
    async with a_desk(store_url, FIRST) as desk:
        await desk.do(a_post())
        (slot,) = desk.channel.shown
        opened = await desk.database.slot(desk.newest.note.id, slot, 0)
        await desk.database.posted(opened, "5.5", opens_thread=False)
        before = desk.newest
        await desk.do(_accept(before))
        await desk.do(_accept(before, user="U0LI"))
        assert list(desk.channel.shown) == [slot]
        acceptance = desk.newest.note.acceptance
        assert before.note.current
        assert acceptance
        assert (acceptance.user_id, acceptance.revision_id, acceptance.at) == ("U0ANNA", before.note.current.id, NOW)
        assert acceptance.content_hash == before.note.current.content_hash
        async with desk.database.begin() as uow:
            assert await uow.note(before.note.id) == desk.newest.note
        assert len(desk.model.prompts) == 1


async def test_accepting_leaves_how_the_reply_was_read(store_url: str) -> None:
    """Information, an edited answer: what was said of the reply stays; of a first answer and of the modal nothing was said."""
    async with a_desk(store_url, FIRST, MORE, [], []) as desk:
        post = a_post()
        await desk.do(post)
        await desk.do(_accept(desk.newest, "5.1"))
        assert desk.newest.reading is Reading.DESCRIPTION
        for ts, text, reading in (
            ("5.2", "By the way, the client works night shifts.", Reading.INFORMATION),
            ("5.3", "- Leave the phone outside.\n- My own line", Reading.EDITED),
        ):
            reply = a_post(text, thread_ts=post.ts)
            await desk.do(reply)
            before = desk.newest
            assert before.reading is reading
            await desk.do(_accept(before, ts))
            assert desk.newest.note.acceptance
            assert (desk.newest.reading, desk.newest.reply_ts) == (before.reading, before.reply_ts) == (reading, reply.ts)
        note = desk.newest.note
        assert note.current
        items = (NoteItem(FIRST[1].kind, "From the modal"),)
        await desk.do(HandedBack(**WHO, note_id=note.id, base_revision_id=note.current.id, items=items, source="V9"))
        await desk.do(_accept(desk.newest, "5.4"))
        assert desk.newest.note.acceptance
        assert desk.newest.reading is None


async def test_accepting_says_nothing_of_a_reply_that_was_not_answered(store_url: str) -> None:
    """The note that stands was not read from it."""
    async with a_desk(store_url, FIRST, "no note", "no note") as desk:
        post = a_post()
        await desk.do(post)
        first = desk.newest
        await desk.do(a_post("By the way, the client works night shifts.", thread_ts=post.ts))
        await desk.do(_accept(first))
        assert desk.newest.note.acceptance
        assert desk.newest.reading is Reading.DESCRIPTION


async def test_a_later_revision_leaves_the_note_open_again(store_url: str) -> None:
    """After an edit nobody stands behind the newest revision, and the old button accepts nothing."""
    async with a_desk(store_url, FIRST, MORE) as desk:
        post = a_post()
        await desk.do(post)
        first = desk.newest
        await desk.do(_accept(first))
        await desk.do(a_post("- Keep a diary.\n- My own line", thread_ts=post.ts))
        assert desk.newest.note.acceptance is None
        assert len(desk.newest.note.acceptances) == 1
        await desk.do(_accept(first, user="U0LI"))
        assert desk.channel.notices == [Sign.OUT_OF_DATE]
        await desk.do(_accept(desk.newest))
        assert desk.newest.note.acceptance


async def test_a_summary_is_not_accepted_but_approved(store_url: str) -> None:
    """A forged click finds nothing."""
    async with a_desk(store_url, FIRST, [*MORE, NoteItem(FIRST[0].kind, "Rests at noon.")]) as desk:
        await desk.do(a_post())
        await desk.do(Summarize(**WHO, trigger="t1"))
        await desk.do(_accept(desk.newest))
        assert len(desk.channel.notices) == 1
        assert desk.newest.note.acceptances == ()


def test_acceptance_names_exactly_the_newest_revision() -> None:
    """Twice is once; an older revision is refused, and so is a summary."""
    old, new = a_revision(an_item()), a_revision(an_item("Walks."), number=2)
    note = a_note(old, new)
    accepted = note.accept("U0ANNA", new.id, NOW)
    assert accepted.accept("U0LI", new.id, NOW) == accepted
    for refused, error in ((note, OutOfDate), (a_note(), OutOfDate), (a_note(old, purpose=Purpose.SUMMARY), NotAllowed)):
        with pytest.raises(error):
            refused.accept("U0ANNA", old.id, NOW)
