"""Whatever anybody does, in whatever order: what may never happen to a case doesn't happen.

    an approved final note     never changes; what comes later stands below it
    a counselor's item         stands word for word as somebody wrote it, whatever the model writes
    approval, co-signature,    are of people who may: members of the channel; supervisors who did not approve it themselves;
    deletion                   supervisors and admins
    training rows              exist only while consent holds, and hold nothing that was refused or deleted

Shown twice: for the rules alone, with many sequences, and for the whole workflow on a real database, with few.
"""

import itertools
import json
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Collection
from dataclasses import asdict, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bot.domain.case import Consent, Withdrawal, consent_now
from bot.domain.deletion import Deletion
from bot.domain.editing import ItemChange, change_item
from bot.domain.errors import CaseOutOfDate, DomainError, NotAllowed, NoteLocked
from bot.domain.note import Author, Item, Note, Origin, Purpose, Revision, adopt, build_on, staying
from bot.domain.signing import Addendum, Role, Signer
from bot.exports.writer import write_note
from bot.store.database import Database
from bot.workflow.case_changes import next_step
from bot.workflow.conversation import Conversation
from bot.workflow.deleting import Deletions, Forgotten, Swept
from bot.workflow.drafting import Drafting, DraftSettings
from bot.workflow.final_parts import FinalParts
from bot.workflow.incoming import (
    Accept,
    AddAddendum,
    Approve,
    AskedAnew,
    CaseChanged,
    CaseSwitched,
    Cosign,
    DeleteCase,
    Deleted,
    HandedBack,
    Incoming,
    ItemChanged,
    RemoveNote,
    Reread,
    SaidConsent,
    Summarize,
    Wish,
    WriteAgain,
    deletion_queue,
)
from bot.workflow.ports import NoteView, Sign
from bot.workflow.records import case_records, night_cases
from inference.note import Kind, Language, NoteItem
from inference.registry import Registry
from tests.bot.test_case_changes import PAPER
from tests.bot.test_conversation import Desk, a_desk
from tests.bot.test_records import template
from tests.support.builders import NOW, a_post
from tests.support.fakes import NoFiles, NoPeople, OpenGuard, ScriptedModel
from training.data.examples import Budget, build_rows
from training.data.records import CaseRecord

__all__ = ["template"]  # a fixture

ANNA, BO, SOL, SAM, ADA, EVE = "U0ANNA", "U0BO", "U0SOL", "U0SAM", "U0ADA", "U0EVE"
EVERYBODY = (ANNA, BO, SOL, SAM, ADA, EVE)
SUPERVISORS, ADMINS = {SOL, SAM}, {ADA}
MEMBERS = {ANNA, BO, SOL, SAM}
"""At first: of the case's channel. The admin is none, and neither is Eve."""

people = st.sampled_from(EVERYBODY)
kinds = st.sampled_from(Kind)


# the rules alone


def role_of(user: str) -> Role:
    """What somebody is in the team."""
    return Role.SUPERVISOR if user in SUPERVISORS else Role.ADMIN if user in ADMINS else Role.COUNSELOR


class Rules(RuleBasedStateMachine):
    """One final note, and the consent of its case, in the hands of several people and of a model that repeats what it reads, nearly."""

    def __init__(self) -> None:
        super().__init__()
        self.note = Note("note", "case", Purpose.SUMMARY, "1.0")
        self.serial = itertools.count(1)
        self.wrote: set[str] = set()
        self.approved: Note | None = None
        self.consents: list[Consent | Withdrawal] = []
        self._revise(Origin.MODEL, "phyassist", (Item(Kind.ADVICE, "Keep a diary.", Origin.MODEL),))

    def _revise(self, origin: Origin, name: str, items: tuple[Item, ...]) -> None:
        number = len(self.note.revisions) + 1
        revision = Revision(f"r{number}", number, Author(origin, name), items, NOW)
        if self.note.approval:
            with pytest.raises(NoteLocked):
                self.note.revise(revision)
        else:
            self.note = self.note.revise(revision)

    def _words(self) -> str:
        text = f"Mine, number {next(self.serial)}."
        self.wrote.add(text)
        return text

    @rule(kind=kinds, repeats=st.integers(0, 3), twist=st.sampled_from(["", " ", "s", "?"]))
    def the_model_answers(self, kind: Kind, repeats: int, twist: str) -> None:
        """Something of its own, and what it read in nearly the same words and as another kind."""
        read = [*(item.text for item in self.note.items), *self.note.dropped_texts()][:repeats]
        lines = [NoteItem(kind, f"{text}{twist}") for text in read] + [NoteItem(kind, f"The model's thought {next(self.serial)}")]
        kept = staying(self.note.items)
        items = build_on(kept, lines, self.note.dropped_texts())
        assert {item.text for item in kept} <= {item.text for item in items}
        assert all(item in items for item in kept)
        assert not {item.text for item in items if item not in kept} & set(self.note.dropped_texts())
        self._revise(Origin.MODEL, "phyassist", items)

    @rule(user=people, past=st.integers(0, 3), place=st.integers(0, 5), change=st.sampled_from(ItemChange))
    def somebody_taps(self, user: str, past: int, place: int, change: ItemChange) -> None:
        """On any line of any revision."""
        seen = self.note.revisions[-1 - past % len(self.note.revisions)]
        try:
            items = change_item(self.note, seen.id, place, change, [self._words()] if change is ItemChange.REWRITTEN else ())
        except DomainError:
            return
        self._revise(Origin.COUNSELOR, user, items)

    @rule(user=people, past=st.integers(0, 3), drop=st.integers(0, 3), kind=kinds)
    def somebody_hands_a_list_back(self, user: str, past: int, drop: int, kind: Kind) -> None:
        """Of any revision, with a line of their own and without some others."""
        seen = self.note.revisions[-1 - past % len(self.note.revisions)]
        lines = [*(NoteItem(item.kind, item.text) for item in seen.items[drop:]), NoteItem(kind, self._words())]
        self.wrote |= {line.text for line in lines}
        self._revise(Origin.COUNSELOR, user, adopt(self.note.merge_edit(lines, seen.id), self.note.items))

    @rule(user=people, past=st.integers(0, 2))
    def somebody_approves(self, user: str, past: int) -> None:
        """What they see, which may be old."""
        seen = self.note.revisions[-1 - past % len(self.note.revisions)]
        try:
            self.note = self.note.approve(user, seen.id, NOW, role_of(user))
        except DomainError:
            assert self.approved or seen != self.note.current
            return
        assert self.approved is None
        self.approved = self.note

    @rule(user=people)
    def somebody_adds(self, user: str) -> None:
        """An addendum, which only an approved note takes."""
        try:
            self.note = self.note.add(Addendum(f"a{next(self.serial)}", 0, Signer(user, "", role_of(user)), "Later.", NOW))
        except NotAllowed:
            assert self.approved is None

    @precondition(lambda self: self.approved)
    @rule(user=people, other=st.booleans())
    def somebody_signs_along(self, user: str, other: bool) -> None:
        """Who may: a supervisor who did not approve it, and who saw what was approved."""
        approval = self.note.approval
        assert approval
        may = user in SUPERVISORS and user != approval.user_id and not other
        before = self.note
        try:
            self.note = self.note.cosign(Signer(user, "", role_of(user)), "other" if other else approval.content_hash, NOW)
        except DomainError:
            assert not may
            return
        assert may
        assert before.cosignature in {None, self.note.cosignature}

    @rule(user=people)
    def somebody_accepts(self, user: str) -> None:
        """Which is for answers."""
        with pytest.raises(NotAllowed):
            self.note.accept(user, self.note.revisions[-1].id, NOW)

    @rule(user=people, said=st.sampled_from([PAPER, None]), unseen=st.integers(0, 2))
    def somebody_submits_the_case_form(self, user: str, said: SaidConsent | None, unseen: int) -> None:
        """Opened before the last steps, or after them: a withdrawal that they did not see is not undone."""
        seen = max(len(self.consents) - unseen, 0)
        held, missed = consent_now(self.consents) is not None, seen < len(self.consents)
        try:
            step = next_step(self.consents, seen, said, user, NOW)
        except CaseOutOfDate:
            assert missed
            return
        self.consents += [step] if step else []
        holds = consent_now(self.consents) is not None
        assert not holds or held or (said is not None and not missed)
        assert not (said is None and not missed and holds)

    @invariant()
    def what_was_approved_stays(self) -> None:
        """To the letter; what is added stands below."""
        if self.approved:
            assert replace(self.note, addenda=(), cosignature=None) == replace(self.approved, addenda=(), cosignature=None)
            assert self.note.current
            assert self.note.approval
            assert self.note.current.content_hash == self.note.approval.content_hash
            assert [each.number for each in self.note.addenda] == [*range(1, len(self.note.addenda) + 1)]

    @invariant()
    def a_counselors_item_is_a_counselors(self) -> None:
        """Word for word."""
        assert {item.text for each in self.note.revisions for item in each.items if item.origin is Origin.COUNSELOR} <= self.wrote


TestRules = Rules.TestCase
TestRules.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)


# the whole workflow


class Do(StrEnum):
    """What somebody does."""

    DESCRIBE = "describe"
    INFORM = "inform"
    LIST = "list"
    CHANGE = "change"
    DELETE_POST = "delete_post"
    MODAL = "modal"
    DROP = "drop"
    KEEP = "keep"
    REWRITE = "rewrite"
    UNDO = "undo"
    ANEW = "anew"
    WRITE_AGAIN = "write_again"
    REMOVE = "remove"
    REREAD = "reread"
    ACCEPT = "accept"
    SUMMARIZE = "summarize"
    APPROVE = "approve"
    ADD = "add"
    COSIGN = "cosign"
    CONSENT = "consent"
    STALE_CONSENT = "stale_consent"
    WITHDRAW = "withdraw"
    CLOSE = "close"
    REOPEN = "reopen"
    LEAVE = "leave"
    RETURN = "return"
    DELETE_CASE = "delete_case"


TAPS = {Do.DROP: ItemChange.DROPPED, Do.KEEP: ItemChange.KEPT, Do.REWRITE: ItemChange.REWRITTEN, Do.UNDO: ItemChange.UNDONE}


SIGHTS, THINGS = ("pale", "green", "wide", "cold"), ("river", "stone", "lamp")


class Membership(OpenGuard):
    """Lets the members of the channel in."""

    def __init__(self) -> None:
        super().__init__()
        self.members = set(MEMBERS)

    async def refusal(self, team_id: str, channel_id: str, user_id: str) -> Sign | None:
        return None if user_id in self.members else Sign.NOT_MEMBER


class TeamRoles:
    """The team's supervisors and admins."""

    async def is_admin(self, user_id: str) -> bool:
        return user_id in ADMINS

    async def is_supervisor(self, user_id: str) -> bool:
        return user_id in SUPERVISORS


class NoSlack:
    """What follows a deletion is not begun here."""

    async def sweep(self, channel_id: str, until: datetime) -> Swept:
        raise NotImplementedError

    async def certify(self, deletion: Deletion) -> None:
        raise NotImplementedError


async def _forget(case_id: str, under_way: Collection[str]) -> Forgotten:
    raise NotImplementedError


class TeamDesk(Desk):
    """A desk in a channel with members, in a team with supervisors and admins."""

    def __init__(self, database: Database, folder: Path) -> None:
        super().__init__(database, ScriptedModel([]))
        self.guard: Membership = Membership()
        roles = TeamRoles()
        drafting = Drafting(database, self.model, self.channel, self.guard, self.clock, DraftSettings("phyassist", 500, 0, 0.0))
        deletions = Deletions(database, roles, NoSlack(), _forget, Registry(folder / "adapters"))
        final = FinalParts(NoPeople(), NoFiles(), write_note)
        self.conversation = Conversation(
            database, self.channel, self.guard, roles, drafting, self.clock, Language.ENGLISH, deletions=deletions, final=final
        )


class Team:
    """Plays what people do, and holds the case to what may never happen."""

    def __init__(self, desk: TeamDesk) -> None:
        self.desk, self.serial = desk, itertools.count(1)
        self.wrote: set[str] = set()
        """Every line that somebody submitted."""
        self.gone: set[str] = set()
        """Words of what was refused or deleted."""
        self.posts: list[Incoming] = []
        self.approved: dict[str, Note] = {}
        self.notes: dict[str, Note] = {}
        self.consent = False

    async def do(self, what: Do, user: str, number: int) -> None:
        """One thing, and a look at everything afterwards."""
        if what in {Do.LEAVE, Do.RETURN}:
            (self.desk.guard.members.discard if what is Do.LEAVE else self.desk.guard.members.add)(BO)
            return
        act = await self._act(what, user, number)
        if act is None:
            return
        self.desk.model.answers[:] = [self._answer(number) for _ in range(3)]
        was_open, told = await self._takes_posts(), len(self.desk.channel.notices)
        await self.desk.do(act)
        refused = self.desk.channel.notices[told:]
        if what in {Do.DESCRIBE, Do.INFORM, Do.LIST, Do.CHANGE} and (refused or user not in self.desk.guard.members or not was_open):
            self.gone |= {act.text.split()[-1]}  # type: ignore[union-attr]  # a post
        await self._look(what, act)

    def _words(self) -> str:
        """A sentence that nobody wrote before; its last word is in no other."""
        number = next(self.serial)
        return f"{SIGHTS[number % 4]} {THINGS[number % 3] * (1 + number % 5)} zq{number}z"

    def _mine(self) -> str:
        self.wrote.add(text := self._words())
        return text

    def _answer(self, number: int) -> list[NoteItem]:
        """The model repeats what people wrote, in nearly their words, and says something of its own."""
        kind, own = list(Kind)[number % 3], sorted(self.wrote)
        standing = sorted({item.text for note in self.notes.values() for item in note.items} & self.wrote)
        copies = [NoteItem(kind, f"{text}{['', ' too', 's'][number % 3]}") for text in (standing or own)[: number % 3]]
        copies = [copy for copy in copies if not any(word in copy.text for word in self.gone)]
        return [
            NoteItem(Kind.ANALYSIS, f"Thought {next(self.serial) * 7919}"),
            *copies,
            NoteItem(Kind.ADVICE, f"Do {next(self.serial) ** 5}"),
        ]

    async def _takes_posts(self) -> bool:
        async with self.desk.database.begin() as uow:
            case = await uow.case_of("T1", "C1")
        return case is None or case.closed_at is None

    async def _act(self, what: Do, user: str, number: int) -> Incoming | None:
        who = {"team_id": "T1", "channel_id": "C1", "user_id": user, "at": f"{1900000000 + next(self.serial)}.0"}
        source = f"S{next(self.serial)}"
        case_acts: dict[Do, Callable[[], Awaitable[Incoming | None]]] = {
            Do.CONSENT: lambda: self._form(who, source, PAPER),
            Do.STALE_CONSENT: lambda: self._form(who, source, PAPER, seen=0),
            Do.WITHDRAW: lambda: self._form(who, source, None),
            Do.DELETE_CASE: lambda: self._deletion(who, source),
        }
        if what in case_acts:
            return await case_acts[what]()
        if what in {Do.CLOSE, Do.REOPEN}:
            return CaseSwitched(**who, closed=what is Do.CLOSE, source=source)
        if what is Do.SUMMARIZE:
            return Summarize(**who, trigger=source)
        view = self._shown(number)
        if what is Do.DESCRIBE or view is None:
            return self._posted(user, f"The client reports {self._words()}", None)
        return self._about_a_post(what, user, number, view, who) or self._under(what, view, who, source, number)

    async def _form(self, who: dict[str, str], source: str, said: SaidConsent | None, seen: int | None = None) -> Incoming | None:
        async with self.desk.database.begin() as uow:
            case = await uow.case_of("T1", "C1")
            file = await uow.case_file(case.id) if case else None
        if file is None:
            return None
        steps = len(file.consents) if seen is None else seen
        if who["user_id"] in self.desk.guard.members and steps == len(file.consents):
            self.consent = said is not None
        return CaseChanged(**who, case_id=file.case.id, consent=said, names=(), consents_seen=steps, roster_seen=0, source=source)

    async def _deletion(self, who: dict[str, str], source: str) -> Incoming | None:
        async with self.desk.database.begin() as uow:
            case = await uow.case_of("T1", "C1")
        if case is None:
            return None
        queue = {**who, "channel_id": deletion_queue(case.id)}
        return DeleteCase(**queue, case_id=case.id, entered_in="C1", language=Language.ENGLISH, source=source)

    def _posted(self, user: str, text: str, thread_ts: str | None) -> Incoming:
        post = a_post(text, thread_ts=thread_ts).model_copy(update={"user_id": user})
        self.posts.append(post)
        return post

    def _shown(self, number: int) -> NoteView | None:
        views = [view for view in self.desk.channel.shown.values() if isinstance(view, NoteView)]
        known = [view for view in views if view.note.id in self.notes]
        return known[-1 - number % len(known)] if known else None

    def _about_a_post(self, what: Do, user: str, number: int, view: NoteView, who: dict[str, str]) -> Incoming | None:
        thread = view.note.thread_ts
        if what is Do.INFORM:
            return self._posted(user, f"She adds {self._words()}", thread)
        if what is Do.LIST:
            lines = [item.text for item in view.note.items[: number + 1]] + [self._mine(), self._mine()]
            self.wrote |= set(lines)
            return self._posted(user, "\n".join(f"- {line}" for line in lines), thread)
        reports = [post for post in self.posts if post.user_id == user and post.text[0] != "-"]  # type: ignore[union-attr]
        if what not in {Do.CHANGE, Do.DELETE_POST} or not reports:
            return None
        post = reports[number % len(reports)]
        self.gone.add(post.text.split()[-1])  # type: ignore[union-attr]
        if what is Do.DELETE_POST:
            self.posts.remove(post)
            return Deleted(**who, ts=post.ts)  # type: ignore[union-attr]
        changed = post.model_copy(update={"text": f"In fact {self._words()}", "edited_ts": who["at"], "at": who["at"]})
        self.posts[self.posts.index(post)] = changed
        return changed

    def _under(self, what: Do, view: NoteView, who: dict[str, str], source: str, number: int) -> Incoming | None:
        note = self.notes[view.note.id] if number % 2 else view.note  # as it is, or as an old message shows it
        if note.current is None:
            return None
        seen = {**who, "note_id": note.id}
        clicked = {**seen, "revision_id": note.current.id}
        if what is Do.MODAL:
            items = (*(NoteItem(item.kind, item.text) for item in note.items[number:]), NoteItem(Kind.ADVICE, self._mine()))
            self.wrote |= {item.text for item in items}
            return HandedBack(**seen, base_revision_id=note.current.id, items=items, source=source)
        if what in TAPS:
            lines = (self._mine(),) if what is Do.REWRITE else ()
            return ItemChanged(**clicked, place=number, change=TAPS[what], lines=lines, source=source)
        if what is Do.REREAD and view.reply_ts and view.reading:
            other = next(each for each in type(view.reading) if each not in {view.reading, type(view.reading).DESCRIPTION})
            post = next((each for each in self.posts if each.ts == view.reply_ts), None)  # type: ignore[union-attr]
            self.wrote |= {post.text} if post else set()  # type: ignore[union-attr]
            return Reread(**clicked, source_ts=view.reply_ts, reading=other)
        simple: dict[Do, Callable[[], Incoming]] = {
            Do.ANEW: lambda: AskedAnew(**clicked, wish=list(Wish)[number % 2]),
            Do.WRITE_AGAIN: lambda: WriteAgain(**seen, seen=source),
            Do.REMOVE: lambda: RemoveNote(**clicked),
            Do.ACCEPT: lambda: Accept(**clicked, message_ts="5.5"),
            Do.APPROVE: lambda: Approve(**clicked),
            Do.ADD: lambda: AddAddendum(**seen, text=f"Later: {self._words()}", source=source),
            Do.COSIGN: lambda: Cosign(**seen, content_hash=note.current.content_hash if note.current else ""),
        }
        return simple[what]() if what in simple else None

    async def _look(self, what: Do, act: Incoming) -> None:
        async with self.desk.database.begin() as uow:
            case = await uow.case_of("T1", "C1")
            notes = {note.id: note for note in await uow.notes(case.id)} if case else {}
        before, self.notes = self.notes, notes
        if case is None and before:
            assert what is Do.DELETE_CASE
            assert act.user_id in SUPERVISORS | ADMINS
            self.approved, self.consent = {}, False
        for note in notes.values():
            self._look_at(note, before.get(note.id), what, act.user_id)
        assert self.approved.keys() <= notes.keys()
        await self._look_at_rows()

    def _look_at(self, note: Note, before: Note | None, what: Do, user: str) -> None:
        own = {item.text for revision in note.revisions for item in revision.items if item.origin is Origin.COUNSELOR}
        assert own <= self.wrote
        if before and len(note.revisions) > len(before.revisions) and what is not Do.REREAD:  # which takes an edit back that was none
            self._look_at_answers(note, len(before.revisions))
        if note.approval and note.id not in self.approved:
            assert what is Do.APPROVE
            assert note.approval.user_id == user
            assert user in self.desk.guard.members
            assert note.approval.role is role_of(user)
            self.approved[note.id] = note
        if note.id in self.approved:
            signed = self.approved[note.id]
            assert (note.revisions, note.approval, note.format) == (signed.revisions, signed.approval, signed.format)
            assert note.current
            assert note.approval
            assert note.current.content_hash == note.approval.content_hash
            assert note.addenda[: len(signed.addenda)] == signed.addenda
            assert signed.cosignature in {None, note.cosignature}
            if note.cosignature:
                assert note.cosignature.by.user_id in SUPERVISORS - {note.approval.user_id}
            self.approved[note.id] = note
        else:
            assert not note.addenda
            assert not note.cosignature
        assert len(note.acceptances) <= len(before.acceptances if before else ()) or user in self.desk.guard.members

    def _look_at_answers(self, note: Note, known: int) -> None:
        """What the model wrote since: every line of a counselor's, or kept by one, that stood before it stands in it."""
        for older, newer in itertools.pairwise(note.revisions[max(known - 1, 0) :]):
            if newer.author.origin is Origin.MODEL:
                assert set(staying(older.items)) <= set(newer.items)

    async def _look_at_rows(self) -> None:
        """What a night would get."""
        records = [record async for record in case_records(self.desk.database)]
        assert bool(records) == self.consent
        assert bool((await night_cases(self.desk.database)).consenting) == self.consent
        budget = Budget(self.desk.model.context_tokens - 500, lambda text: len(text) // 4)
        for record in records:
            assert isinstance(record, CaseRecord)
            assert record.consent
            rows = build_rows(record, str, budget, "night")
            told = json.dumps([asdict(record), asdict(rows)], default=str)
            assert not [word for word in self.gone if word in told]
            withdrawn = build_rows(replace(record, consent=None), str, budget, "night")
            assert not withdrawn.examples
            assert not withdrawn.preferences


usual = [Do.DESCRIBE, Do.SUMMARIZE, Do.APPROVE, Do.LIST, Do.CONSENT]
plays = st.lists(st.tuples(st.sampled_from([*Do, *usual]), st.sampled_from((ANNA, *EVERYBODY)), st.integers(0, 3)), min_size=8, max_size=22)


async def play(folder: Path, template: Path, acts: list[tuple[Do, str, int]]) -> Team:
    """A team at work on a new database."""
    copy = shutil.copy(template, folder / "phyassist.db")
    async with a_desk(f"sqlite+aiosqlite:///{copy}") as desk:
        team = Team(TeamDesk(desk.database, folder))
        for what, user, number in acts:
            await team.do(what, user, number)
        return team


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(acts=plays)
async def test_no_sequence_of_acts_breaks_what_people_rely_on(template: Path, acts: list[tuple[Do, str, int]]) -> None:
    """Counselors, supervisors, an admin who is no member and an outsider, in any order, on a case with a final note."""
    with tempfile.TemporaryDirectory() as folder:
        await play(Path(folder), template, [(Do.DESCRIBE, ANNA, 0), (Do.LIST, BO, 1), (Do.SUMMARIZE, ANNA, 0), *acts])


async def test_a_team_comes_to_all_that_is_looked_at(template: Path, tmp_path: Path) -> None:
    """One working day with everything in it, so that the looks above are at something: rows, an approval, addenda, a deletion."""
    day = [
        (Do.DESCRIBE, ANNA, 0),
        (Do.LIST, BO, 1),
        (Do.REWRITE, ANNA, 1),
        (Do.ANEW, ANNA, 1),
        (Do.CONSENT, ANNA, 0),
        (Do.SUMMARIZE, BO, 0),
    ]
    refused = [(Do.APPROVE, EVE, 0), (Do.APPROVE, ADA, 0), (Do.CONSENT, EVE, 0), (Do.DELETE_CASE, BO, 0)]
    signed = [(Do.APPROVE, SOL, 0), (Do.MODAL, ANNA, 0), (Do.DROP, ANNA, 0), (Do.ADD, BO, 0), (Do.COSIGN, SOL, 0), (Do.COSIGN, SAM, 0)]
    rest = [(Do.WITHDRAW, BO, 0), (Do.STALE_CONSENT, ANNA, 0), (Do.CLOSE, ANNA, 0), (Do.DESCRIBE, ANNA, 0), (Do.REOPEN, ANNA, 0)]
    team = await play(tmp_path, template, [*day, *refused, *signed, *rest])
    (note,) = team.approved.values()
    assert note.approval
    assert (note.approval.user_id, note.approval.role, len(note.addenda)) == (SOL, Role.SUPERVISOR, 1)
    assert note.cosignature
    assert note.cosignature.by.user_id == SAM
    assert not team.consent
    assert team.gone
