"""Deleting a case, from the wish to the certificate.

    asked        by a supervisor or an admin, who typed the case's code; their role is asked again here
    removed      data key destroyed, rows gone, audited: one transaction
    swept        the bot's own messages gone from Slack, as far as Slack allows
    forgotten    datasets of nights written anew, adapters that learned from the case named and retired
    done         the certificate is issued

After the transaction nothing of the case can be read from the database. What follows is gone on with after every stop: each step is
committed before the next begins, and doing one twice changes nothing.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from bot.domain.deletion import Deletion, DeletionStage, Found
from bot.workflow.adapters import DELETED
from bot.workflow.incoming import DeleteCase, Stage
from bot.workflow.night_ports import NightStore
from bot.workflow.ports import Channel, Notice, Roles, Sign, Work
from inference.errors import InferenceError
from inference.registry import Registry

log = logging.getLogger(__name__)

LEASE = "deletions"


class DeletionStore(NightStore, Protocol):
    """The part of the database that deletes."""

    async def delete_case(self, case_id: str, by: str, work: Work | None = None) -> bool: ...
    async def purge(self) -> None: ...
    async def unfinished_deletions(self) -> Sequence[Deletion]: ...
    async def deletions(self) -> Sequence[Deletion]: ...
    async def keep_deletion(self, deletion: Deletion) -> None: ...


@dataclass(frozen=True)
class Swept:
    """What became of the bot's own messages in a channel; `seen` False: it could not look."""

    removed: int = 0
    left: int = 0
    seen: bool = True


class DeletionDesk(Protocol):
    """Slack, as a deletion sees it. A call may take long; none of them fails for what Slack refuses."""

    async def sweep(self, channel_id: str, until: datetime) -> Swept: ...
    async def certify(self, deletion: Deletion) -> None: ...


class Forgotten(Protocol):
    """Names of nights: whose datasets were written anew, which are under way and still have the case, which nobody can tell of."""

    @property
    def cleaned(self) -> tuple[str, ...]: ...
    @property
    def waiting(self) -> tuple[str, ...]: ...
    @property
    def unclear(self) -> tuple[str, ...]: ...


Forget = Callable[[str, Collection[str]], Awaitable[Forgotten]]
"""Takes a case out of the datasets of all nights but those of these names, which are under way."""


class Deletions:
    """Deletes cases, and sees to what has to follow."""

    def __init__(self, store: DeletionStore, roles: Roles, desk: DeletionDesk, forget: Forget, registry: Registry) -> None:
        self._store, self._roles, self._desk, self._forget, self._registry = store, roles, desk, forget, registry
        self._news = asyncio.Event()

    async def asked(self, work: Work, act: DeleteCase, channel: Channel) -> Work:
        """Deletes the case that a person named, if they may; what follows is announced to `run`."""
        if not await may_delete(self._roles, act.user_id):
            return await self._refuse(work, act, channel, Sign.NOT_SUPERVISOR)
        async with self._store.begin() as uow:
            file = await uow.case_file(act.case_id)
        ours = file is not None and file.case.team_id == act.team_id
        if not ours or not await self._store.delete_case(act.case_id, act.user_id, work):
            return await self._refuse(work, act, channel, Sign.CASE_GONE)
        log.info("case %s was deleted by %s", act.case_id, act.user_id)
        self._news.set()
        await channel.tell(act.entered_in, act.user_id, Notice(Sign.CASE_DELETED, act.language))
        return replace(work, stage=Stage.DONE)

    async def _refuse(self, work: Work, act: DeleteCase, channel: Channel, sign: Sign) -> Work:
        await channel.tell(act.entered_in, act.user_id, Notice(sign, act.language))
        async with self._store.begin() as uow:
            return await uow.refuse(work, sign)

    async def delete(self, case_id: str, by: str) -> bool:
        """Deletes a case whose time is over; whether it was there."""
        deleted = await self._store.delete_case(case_id, by)
        self._news.set()
        return deleted

    async def run(self) -> None:
        """Goes on with deletions as soon as there is one, until cancelled."""
        while True:
            await self._news.wait()
            self._news.clear()
            try:
                await self.carry_on()
            except Exception:
                log.exception("a deletion could not be gone on with; it is tried again")

    async def carry_on(self) -> None:
        """Takes every unfinished deletion as far as it can go now; of all instances one does."""
        if not await self._store.unfinished_deletions() or not await self._store.claim(LEASE):
            return
        try:
            for deletion in await self._store.unfinished_deletions():
                await self._finish(deletion)
        finally:
            await self._store.release(LEASE)

    async def _finish(self, deletion: Deletion) -> None:
        found = deletion.found
        if deletion.stage is DeletionStage.REMOVED:
            await self._store.purge()
            swept = await self._desk.sweep(deletion.channel_id, deletion.at)
            found = replace(found, messages=found.messages + swept.removed, messages_left=swept.left, channel_seen=swept.seen)
            deletion = await self._reached(deletion, DeletionStage.SWEPT, found)
        if deletion.stage is DeletionStage.SWEPT:
            forgotten = await self._forget(deletion.case_id, [night.name for night in await self._store.unfinished_nights()])
            datasets = tuple(sorted({*found.datasets, *forgotten.cleaned}))
            found = replace(found, datasets=datasets)
            if forgotten.waiting:  # a night has the case in hand; it is looked at again when that has ended
                await self._reached(deletion, DeletionStage.SWEPT, found)
                return
            found = await self._with_adapters(deletion.case_id, replace(found, unclear=forgotten.unclear))
            deletion = await self._reached(deletion, DeletionStage.FORGOTTEN, found)
        await self._desk.certify(deletion)
        await self._reached(deletion, DeletionStage.DONE, found)
        log.info("case %s: the certificate of its deletion is issued", deletion.case_id)

    async def _reached(self, deletion: Deletion, stage: DeletionStage, found: Found) -> Deletion:
        further = replace(deletion, stage=stage, found=found)
        await self._store.keep_deletion(further)
        return further

    async def _with_adapters(self, case_id: str, found: Found) -> Found:
        """With the adapters that learned from the case, which can't go into service again."""
        learned, unclear = await asyncio.to_thread(self._learned, case_id)
        champion = self._registry.pointer().champion
        return replace(found, adapters=learned, in_service=champion if champion in learned else None, unclear=(*found.unclear, *unclear))

    def _learned(self, case_id: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        learned, unclear = [], []
        for adapter in self._registry.list():
            try:
                if case_id not in self._registry.cases(adapter.name):
                    continue
            except InferenceError:  # one damaged manifest must not hide the others
                unclear.append(adapter.name)
                continue
            self._registry.retire(adapter.name, DELETED)
            learned.append(adapter.name)
        return tuple(learned), tuple(unclear)


async def may_delete(roles: Roles, user_id: str) -> bool:
    """Whether somebody may delete cases: supervisors and admins."""
    return await roles.is_supervisor(user_id) or await roles.is_admin(user_id)
