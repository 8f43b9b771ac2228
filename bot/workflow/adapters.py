"""What admins do with adapters: look at them, put one into service, take it out again. And which of them have to go."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager

from bot.workflow.night_ports import Lesson, NightReport, NightStore
from bot.workflow.records import night_cases
from inference.errors import InferenceError, UnknownAdapter
from inference.registry import Listed, Pointer, Registry
from inference.service import Served, promote, rollback

log = logging.getLogger(__name__)

Connect = Callable[[], AbstractAsyncContextManager[Served]]
"""Connections to the model server, for as long as a change takes."""
LEASE = "adapters to go"
DELETED = "it learned from a case that was deleted"
"""Why an adapter was retired, for people and for the registry."""


class Adapters:
    """The registry's adapters and the server that they are put into."""

    def __init__(self, registry: Registry, connect: Connect) -> None:
        self._registry, self._connect = registry, connect

    async def listing(self) -> tuple[Listed, ...]:
        """All adapters, oldest first."""
        return await asyncio.to_thread(self._registry.listing)

    async def pointer(self) -> Pointer:
        """What is in service."""
        return await asyncio.to_thread(self._registry.pointer)

    async def promote(self, name: str | None) -> Pointer:
        """Puts an adapter (None: the bare base) into service. Raises: InferenceError, as `inference.service.promote`."""
        if name is not None:
            self._registry.get(name)  # a misspelt name is told without a look at the server
        async with self._connect() as served:
            return (await promote(self._registry, served, name)).pointer

    async def rollback(self) -> Pointer:
        """Puts the previous adapter back; the next one undoes that. Raises: InferenceError, as `inference.service.rollback`."""
        async with self._connect() as served:
            return (await rollback(self._registry, served)).pointer

    async def take_out(self, name: str) -> Pointer:
        """Puts the adapter before `name` back; done again, it changes nothing, because it says which one is to leave.

        Raises:
            UnknownAdapter: `name` was not in service any more, before or after another change.
            InferenceError: as `inference.service.promote`.
        """
        pointer = await self.pointer()
        if pointer.champion != name:
            if pointer.previous == name:  # a second press
                return pointer
            raise UnknownAdapter(f"{name} is not in service any more")
        return await self.promote(pointer.previous)


async def tell_lessons(store: NightStore, registry: Registry, report: NightReport) -> None:
    """Tells the admins, once, which adapters learned from cases that may not be trained on any more; of deleted cases they are retired."""
    if not await store.claim(LEASE):
        return
    try:
        lessons, pairs = await _lessons(store, registry)
        for lesson in lessons:
            if lesson.deleted:
                await asyncio.to_thread(registry.retire, lesson.adapter, DELETED)
        if lessons:
            await report.lessons(lessons)
            await store.tell_adapters(pairs)
    finally:
        await store.release(LEASE)


async def _lessons(store: NightStore, registry: Registry) -> tuple[Sequence[Lesson], Sequence[tuple[str, str]]]:
    """What the admins don't know yet, oldest adapter first, and adapter and case of all of it."""
    to_forget, told = (await night_cases(store)).to_forget, await store.told_adapters()
    async with store.begin() as uow:
        codes = {case.id: case.code for case in await uow.cases()}
    pointer = registry.pointer()
    lessons: list[Lesson] = []
    pairs: list[tuple[str, str]] = []
    for adapter in await asyncio.to_thread(registry.list):
        cases = sorted(case for case in await _cases(registry, adapter.name) & to_forget if (adapter.name, case) not in told)
        if cases:
            deleted, withdrawn = tuple(case for case in cases if case not in codes), tuple(codes[case] for case in cases if case in codes)
            lessons.append(Lesson(adapter.name, deleted, withdrawn, pointer.champion == adapter.name))
            pairs += [(adapter.name, case) for case in cases]
    return lessons, pairs


async def _cases(registry: Registry, name: str) -> frozenset[str]:
    try:
        return await asyncio.to_thread(registry.cases, name)
    except InferenceError as error:  # one damaged manifest must not hide the others
        log.error("nobody can tell which cases %s learned from: %s", name, error)
        return frozenset()
