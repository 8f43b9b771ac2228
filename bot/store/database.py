"""The database as a whole: transactions, the inbox, the outbox and the leases."""

import asyncio
import contextlib
import logging
import os
import socket
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, delete, func, text
from sqlalchemy import case as sql_case
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.domain.audit import BOT, AuditAction, AuditEntry, AuditRecord, Head
from bot.domain.case import Case
from bot.domain.deletion import Announcement, Deletion
from bot.domain.evidence import Source
from bot.store import audit, deletions, night_runs, night_samples
from bot.store.grounds import read_sources
from bot.store.keys import INBOX_KEY, data_key
from bot.store.moves import UNFINISHED, awaits_move, under_new_id
from bot.store.repository import SqlUnitOfWork
from bot.store.sqlite import Log
from bot.store.tables import InboxRow, LeaseRow, MessageRow, NoteRow
from bot.store.vault import seal, unseal
from bot.workflow.blind import Choice, Judgement, NightSample
from bot.workflow.incoming import Incoming, Stage, incoming_adapter
from bot.workflow.night_ports import NightEnd, NightRun
from bot.workflow.ports import Clock, Slot, Work
from training.night.sample import Sample

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)

_NEXT = (
    select(InboxRow)
    .where(InboxRow.channel_id == bindparam("channel"), col(InboxRow.stage).in_(UNFINISHED))
    .order_by(sql_case((col(InboxRow.stage) == Stage.PENDING, 1), else_=0), col(InboxRow.at), col(InboxRow.id))
    .limit(1)
)
_PAGE = select(MessageRow).where(MessageRow.slot == bindparam("slot"), MessageRow.page == bindparam("page"))
_PAGES = select(MessageRow).where(MessageRow.slot == bindparam("slot")).order_by(col(MessageRow.page))
_MESSAGE = select(MessageRow).where(MessageRow.id == bindparam("id"))
_LEASED = select(LeaseRow).where(LeaseRow.channel_id == bindparam("channel")).with_for_update()


class Database:
    """All state of the bot. Sessions are short: none is open while tokens flow or Slack is called."""

    def __init__(self, engine: AsyncEngine, master_key: bytes, clock: Clock = lambda: datetime.now(UTC)) -> None:
        self._engine = engine
        self._master_key = master_key
        self._clock = clock
        self._host = socket.gethostname()
        self._known_inbox_key: bytes | None = None
        # SQLite lets one writer in at a time, and the others sleep and look again: waiting in line here is many times faster
        self._line = asyncio.Lock() if engine.dialect.name == "sqlite" else contextlib.nullcontext()
        self._log = Log(engine) if engine.dialect.name == "sqlite" else None
        self._owner = f"{self._host}:{os.getpid()}:{uuid.uuid4().hex[:8]}"

    async def close(self) -> None:
        """Closes all connections."""
        await self._engine.dispose()

    async def prepare(self) -> None:
        """Makes the inbox's data key at the first start."""
        with contextlib.suppress(IntegrityError):  # another instance was first
            async with self._session() as session:
                await data_key(session, self._master_key, INBOX_KEY, create=True)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[SqlUnitOfWork]:
        """A transaction; committed on leaving, rolled back on an error."""
        async with self._session(durable=lambda: not uow.repeatable) as session:
            uow = SqlUnitOfWork(session, self._master_key, self._clock)
            yield uow
            await uow.finish()

    async def delete_case(self, case_id: str, by: str = BOT, work: Work | None = None) -> bool:
        """Destroys a case's data key and removes all its rows in one transaction; whether it was there.

        Its id and its deletion remain, so that datasets can forget it too, and so does the audit. `work`, which asked for it, is done then.
        """
        async with self._session() as session:
            removed = await deletions.delete(session, case_id, by, self._clock(), work)
        if removed:
            await self.purge()
        return removed

    async def purge(self) -> None:
        """Empties what still holds rows that were removed.

        On SQLite that is the write-ahead log. On PostgreSQL the table of keys is written anew, so that no destroyed key is left in its
        file; everything else is unreadable without, and goes with the server's own vacuum. Its log is recycled in its own time.
        """
        await self.scrub()
        if self._engine.dialect.name != "sqlite":
            async with self._engine.connect() as connection:
                alone = await connection.execution_options(isolation_level="AUTOCOMMIT")
                await alone.execute(text("VACUUM FULL data_key"))

    async def scrub(self) -> None:
        """After rows were deleted or overwritten: on SQLite their bytes are in the write-ahead log still, which is emptied."""
        if self._engine.dialect.name == "sqlite":
            await self._empty_log()

    async def unfinished_deletions(self) -> Sequence[Deletion]:
        """The deletions whose certificate is still owed, oldest first."""
        async with self._session() as session:
            return await deletions.unfinished(session)

    async def deletions(self) -> Sequence[Deletion]:
        """All deletions, oldest first."""
        async with self._session() as session:
            return await deletions.all_of(session)

    async def keep_deletion(self, deletion: Deletion) -> None:
        """How far a deletion has come."""
        async with self._session() as session:
            await deletions.keep(session, deletion)

    async def announced(self) -> Mapping[str, Announcement]:
        """What was announced, by the ids of the cases."""
        async with self._session() as session:
            return await deletions.announced(session)

    async def announce(self, case: Case, announcement: Announcement) -> None:
        """It was announced, for this closing of the case, that it will be deleted."""
        async with self._session() as session:
            await deletions.announce(session, case, announcement)

    async def _empty_log(self) -> None:
        async with self._line, self._engine.connect() as connection:
            driver: Any = (await connection.get_raw_connection()).driver_connection  # SQLAlchemy would begin a transaction
            async with driver.cursor() as cursor:
                await cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                busy, *_ = await cursor.fetchone()
        if busy:
            log.warning("the write-ahead log could not be emptied: another process reads; it is when the bot stops")

    async def audit_head(self) -> Head:
        """The newest row of the audit."""
        async with self._session() as session:
            return await audit.newest(session)

    async def audit(self, after: int, most: int) -> Sequence[AuditRecord]:
        """The first rows of the audit after a number, in order."""
        async with self._session() as session:
            return await audit.page(session, after, most)

    # inbox

    async def receive(self, act: Incoming) -> bool:
        """Commits an act to the inbox. False: it was there already, under whatever delivery."""
        try:
            new = await self._receive(act)
        except IntegrityError:  # two deliveries, or two first acts, at the same moment
            new = await self._receive(act)
        if not new and self._log:  # this delivery is acknowledged, too, and the first one may be waiting for the disk yet
            await self._log.settled()
        return new

    async def _receive(self, act: Incoming) -> bool:
        async with self._session() as session:
            act = await under_new_id(session, act)
            if (await session.exec(select(InboxRow.id).where(InboxRow.key == act.key))).first() is not None:
                return False
            sealed = seal(await self._inbox_key(session), act.model_dump_json(), f"inbox:{act.key}")
            session.add(
                InboxRow(
                    key=act.key,
                    team_id=act.team_id,
                    channel_id=act.channel_id,
                    at=act.at,
                    stage=Stage.PENDING,
                    sealed_act=sealed,
                    received_at=self._clock(),
                )
            )
        return True

    async def take(self, channel_id: str) -> Work | None:
        """The act to go on with, its channel leased to this instance; None gives the lease back: there is nothing to do, or not for us."""
        try:
            async with self._session(durable=lambda: False) as session:  # a lease means nothing after a power loss
                if not await self._lease(session, channel_id):
                    return None
                work = await self._next_work(session, channel_id)
                if work is None:
                    await self._give_back(session, channel_id)
                return work
        except IntegrityError:  # another instance leased it at the same moment
            return None

    async def next_work(self, channel_id: str) -> Work | None:
        """The act to go on with, whoever has the lease: one that was begun, else the earliest by Slack's time."""
        async with self._session() as session:
            return await self._next_work(session, channel_id)

    async def _next_work(self, session: AsyncSession, channel_id: str) -> Work | None:
        row = (await session.exec(_NEXT, params={"channel": channel_id})).first()
        if row is None or row.id is None or row.sealed_act is None or await awaits_move(session, channel_id):
            return None
        key = await self._inbox_key(session)
        act = incoming_adapter.validate_json(unseal(key, row.sealed_act, f"inbox:{row.key}"))
        return Work(row.id, act, Stage(row.stage), row.note_id, row.attempts)

    async def waiting(self) -> Sequence[str]:
        """Channels with unfinished acts."""
        async with self._session() as session:
            return (await session.exec(select(InboxRow.channel_id).where(col(InboxRow.stage).in_(UNFINISHED)).distinct())).all()

    async def count_waiting(self, channel_id: str) -> int:
        """How many acts of a channel are unfinished."""
        query = select(func.count()).where(InboxRow.channel_id == channel_id, col(InboxRow.stage).in_(UNFINISHED))
        async with self._session() as session:
            return (await session.exec(query)).one()

    async def failed(self, work: Work, give_up: bool) -> None:
        """Counts a failed try; with `give_up` the act is set aside."""
        async with self._session() as session:
            row = await session.get(InboxRow, work.id)
            if row is None:  # its case was deleted meanwhile
                return
            row.attempts += 1
            row.stage = Stage.FAILED if give_up else row.stage
            session.add(row)

    async def forget_keys(self, older_than: timedelta) -> int:
        """Housekeeping: removes done inbox rows whose deliveries can't come again; returns how many."""
        rows = delete(InboxRow).where(col(InboxRow.stage) == Stage.DONE, col(InboxRow.received_at) < self._clock() - older_than)
        async with self._session() as session:
            return int((await session.exec(rows)).rowcount)

    # outbox

    async def slot(self, note_id: str, slot: str, page: int) -> Slot:
        """The message of a slot's page; made if it is new."""
        async with self._session() as session:
            row = (await session.exec(_PAGE, params={"slot": slot, "page": page})).first()
            if row is not None:
                return _slot(row)
            row = MessageRow(id=uuid.uuid4().hex, note_id=note_id, slot=slot, page=page)
            session.add(row)
            return replace(_slot(row), fresh=True)

    async def posted(self, slot: Slot, ts: str, opens_thread: bool) -> None:
        """Records the message's timestamp; `opens_thread` makes it the thread of its note."""
        async with self._session(durable=lambda: False) as session:  # what is lost is found in the channel again
            row = (await session.exec(_MESSAGE, params={"id": slot.id})).one()
            row.ts = ts
            session.add(row)
            if opens_thread:
                note = await session.get_one(NoteRow, slot.note_id)
                note.thread_ts = ts
                session.add(note)

    async def slots(self, note_id: str, slot: str, pages: int) -> tuple[Sequence[Slot], Sequence[Slot]]:
        """The messages of a slot's first `pages` pages, made if they are new, and those after them."""
        async with self._session() as session:
            found = {row.page: row for row in await session.exec(_PAGES, params={"slot": slot})}
            new = [MessageRow(id=uuid.uuid4().hex, note_id=note_id, slot=slot, page=page) for page in range(pages) if page not in found]
            session.add_all(new)
            known = [_slot(row) for row in found.values()]
            wanted = [*(each for each in known if each.page < pages), *(replace(_slot(row), fresh=True) for row in new)]
            return sorted(wanted, key=lambda each: each.page), [each for each in known if each.page >= pages]

    async def removed(self, slot: Slot) -> None:
        """Forgets a message that Slack doesn't show any more."""
        async with self._session() as session:
            await session.exec(delete(MessageRow).where(col(MessageRow.id) == slot.id))

    # nights

    async def sources(self, case_id: str) -> Sequence[Source]:
        """The messages that a case's items may rest on, in the order in which they came."""
        async with self._session() as session:
            return await read_sources(session, case_id)

    async def begin_night(self, name: str, requested_by: str | None) -> bool:
        """Makes the row of a night; False: there was one of that name."""
        try:
            async with self._session() as session:
                begun = await night_runs.begin(session, name, requested_by, self._clock())
                if begun:
                    await audit.append(session, [self._of_night(AuditAction.RETRAINED, name, requested_by)])
                return begun
        except IntegrityError:  # two schedulers at the same moment
            return False

    async def night_begun(self, name: str) -> int:
        """Counts one more begin of a night's process; how many there were with this one."""
        async with self._session() as session:
            return await night_runs.count_begin(session, name)

    async def night_told(self, name: str, message_ts: str) -> None:
        """Remembers the message that tells of a night."""
        async with self._session() as session:
            await night_runs.remember_message(session, name, message_ts)

    async def night_remark(self, name: str, remark: str) -> None:
        """Remembers what an admin did about a night."""
        async with self._session() as session:
            await night_runs.remember_remark(session, name, remark)

    async def end_night(self, name: str, end: NightEnd, reason: str = "") -> None:
        """Records how a night ended; the first end stays."""
        async with self._session() as session:
            if await night_runs.end(session, name, end, reason, self._clock()):
                await audit.append(session, [self._of_night(AuditAction.NIGHT_ENDED, name, None, end)])

    def _of_night(self, action: AuditAction, name: str, by: str | None, detail: str = "") -> AuditEntry:
        return AuditEntry(self._clock(), "", None, by or BOT, action, name, detail)

    async def unfinished_nights(self) -> Sequence[NightRun]:
        """The nights that have no end yet, oldest first."""
        async with self._session() as session:
            return await night_runs.unfinished(session)

    async def night(self, name: str) -> NightRun | None:
        """The night of that name."""
        async with self._session() as session:
            return await night_runs.named(session, name)

    async def newest_night(self) -> NightRun | None:
        """The night that was begun last."""
        async with self._session() as session:
            return await night_runs.newest(session)

    async def told_adapters(self) -> frozenset[tuple[str, str]]:
        """Adapter and case of all that the admins were told of."""
        async with self._session() as session:
            return await night_runs.told(session)

    async def tell_adapters(self, pairs: Iterable[tuple[str, str]]) -> None:
        """The admins were told of these."""
        async with self._session() as session:
            await night_runs.mark_told(session, pairs)

    async def keep_samples(self, night: str, samples: Sequence[Sample]) -> None:
        """Keeps a night's notes before and after, sealed, in place of what was kept of it; those of cases without consent are left out."""
        async with self._session() as session:
            await night_samples.keep(session, self._master_key, night, samples)

    async def samples(self, night: str) -> Sequence[NightSample]:
        """A night's notes before and after, as far as their cases may still be used."""
        async with self._session() as session:
            return await night_samples.kept(session, self._master_key, night)

    async def judge(self, night: str, user_id: str, choices: Mapping[int, Choice | None]) -> bool:
        """Records what an admin said of a night's notes; False: they had said it before, and that stays."""
        try:
            async with self._session() as session:
                return await night_samples.judge(session, night, user_id, choices, self._clock())
        except IntegrityError:  # sent twice at the same moment
            return False

    async def judgements(self, night: str) -> Sequence[Judgement]:
        """What admins said of a night's notes."""
        async with self._session() as session:
            return await night_samples.judged(session, night)

    # leases

    async def claim(self, channel_id: str) -> bool:
        """Takes or renews this instance's lease on a channel; False while another living instance has it."""
        try:
            async with self._session(durable=lambda: False) as session:
                return await self._lease(session, channel_id)
        except IntegrityError:
            return False

    async def release(self, channel_id: str) -> None:
        """Gives the lease on a channel back."""
        async with self._session(durable=lambda: False) as session:
            await self._give_back(session, channel_id)

    async def _lease(self, session: AsyncSession, channel_id: str) -> bool:
        now = self._clock()
        lease = (await session.exec(_LEASED, params={"channel": channel_id})).first()
        if lease is None:
            lease = LeaseRow(channel_id=channel_id, owner=self._owner, until=now + LEASE)
        elif lease.owner != self._owner and lease.until > now and not self._is_dead(lease.owner):
            return False
        lease.owner, lease.until = self._owner, now + LEASE
        session.add(lease)
        return True

    async def _give_back(self, session: AsyncSession, channel_id: str) -> None:
        await session.exec(delete(LeaseRow).where(col(LeaseRow.channel_id) == channel_id, col(LeaseRow.owner) == self._owner))

    def _is_dead(self, owner: str) -> bool:
        """Whether a lease's owner was a process of this machine that is gone: a restarted bot need not wait for its own lease."""
        host, pid, _ = owner.rsplit(":", 2)
        if host != self._host:
            return False
        try:
            os.kill(int(pid), 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
        return int(pid) == os.getpid()

    async def _inbox_key(self, session: AsyncSession) -> bytes:
        """The key of acts whose case is not known yet; unlike a case's key it is never destroyed, so it is read once."""
        if self._known_inbox_key is None:
            self._known_inbox_key = await data_key(session, self._master_key, INBOX_KEY)
        return self._known_inbox_key

    @asynccontextmanager
    async def _session(self, durable: Callable[[], bool] = lambda: True) -> AsyncIterator[AsyncSession]:
        """A transaction, on the disk when it is left; where `durable`, asked in the end, says no, power loss may undo it."""
        async with self._line:
            before = self._log.commits if self._log else 0
            async with AsyncSession(self._engine, expire_on_commit=False) as session, session.begin():
                yield session
            wrote = self._log is not None and self._log.commits > before
        if wrote and self._log and durable():
            await self._log.settled()


def _slot(row: MessageRow) -> Slot:
    return Slot(row.id, row.note_id, row.page, row.ts)
