"""Putting an adapter into service, and taking it out again, while the server answers.

    files verified, not retired, names, shapes and numbers checked   before the server sees anything
    load under its own name, one real answer                         `hotload`
    the same numbers as when it was evaluated                        `probe`
    the pointer moves: one rename                                    from here on new answers come from it
    whatever is neither champion nor previous is unloaded            its directory stays: streams under way still need it

Every step can be the last one before a crash; running the same again ends it. One change at a time on a machine: a file lock. Where an
adapter fails a step, it is unloaded, and what was in service stays so.
"""

import asyncio
import contextlib
import fcntl
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from inference.adapters import AttentionShape, check_adapter
from inference.errors import BadAdapter, InferenceError, RetiredAdapter, UnknownAdapter
from inference.hotload import AdapterControl
from inference.likelihood import Likelihood
from inference.probe import ask_probe, check_probe, read_probe
from inference.profiles import ALLOWED_RANKS
from inference.registry import Pointer, Registry
from inference.server import base_shape

LOCK = ".service.lock"
INTENT = "rollback.json"
"""Says which adapter a rollback takes out of service, so that a rollback that died is ended and not undone by the next."""


@dataclass(frozen=True)
class Served:
    """The server that adapters are put into: its connections, its base model's name, and what an adapter has to fit."""

    control: AdapterControl
    likelihood: Likelihood
    base: str
    shape: AttentionShape
    max_rank: int


@asynccontextmanager
async def connected(url: str, api_key: str | None, registry: Registry) -> AsyncIterator[Served]:
    """Connections to the server at `url`, and what an adapter has to fit there.

    Raises:
        NoAdapterRoutes: the server can't load adapters while it runs.
        ModelUnavailable, ModelRefused: it doesn't answer, or lists no model.
        ServerFailed: its base model's configuration can't be read from here.
    """
    async with AdapterControl(url, api_key) as control, Likelihood(url, api_key) as likelihood:
        await control.require_routes()
        name, model = await control.base()
        note = registry.server()
        max_rank = note.max_rank if note and note.model == model else max(ALLOWED_RANKS)  # the server itself refuses too high a rank
        yield Served(control, likelihood, name, await asyncio.to_thread(base_shape, model), max_rank)


@dataclass(frozen=True)
class Change:
    """What a change came to: the pointer as it now is, and the adapters that were loaded and unloaded for it."""

    pointer: Pointer
    loaded: tuple[str, ...]
    unloaded: tuple[str, ...]


async def promote(registry: Registry, served: Served, name: str | None) -> Change:
    """Puts `name` into service; None is the bare base model. Promoting the champion again ends what a crash left undone.

    Raises:
        UnknownAdapter, RetiredAdapter: it can't be promoted.
        BadAdapter: its files changed, don't fit the base, or the server computes something else with it.
        ModelUnavailable: the server doesn't answer.
    """
    async with _alone(registry.root):
        _refuse_retired(registry, name)
        loaded = await _bring_in(registry, served, name)
        pointer = registry.promote(name)
        unloaded = await _tidy(registry, served, pointer)
        (registry.root / INTENT).unlink(missing_ok=True)
        return Change(pointer, loaded, unloaded)


async def rollback(registry: Registry, served: Served) -> Change:
    """Puts the previous adapter (or the bare base model) back; the next rollback undoes that. After a crash it ends the one that died.

    Raises:
        UnknownAdapter: nothing was ever promoted.
        RetiredAdapter, BadAdapter, ModelUnavailable: as `promote`.
    """
    async with _alone(registry.root):
        pointer = registry.pointer()
        if pointer.since is None:
            raise UnknownAdapter("nothing was promoted yet, so there is nothing to roll back to")
        leaving = _leaving(registry.root, pointer)
        loaded: tuple[str, ...] = ()
        if pointer.champion == leaving:
            _refuse_retired(registry, pointer.previous)
            loaded = await _bring_in(registry, served, pointer.previous)
            _write_intent(registry.root, leaving)
            pointer = registry.rollback()
        unloaded = await _tidy(registry, served, pointer)
        (registry.root / INTENT).unlink(missing_ok=True)
        return Change(pointer, loaded, unloaded)


async def try_out(registry: Registry, served: Served, name: str) -> tuple[str, ...]:
    """Loads a registered adapter and compares its numbers, without putting it into service; what was loaded. Raises: as `promote`."""
    async with _alone(registry.root):
        return await _bring_in(registry, served, name)


async def _bring_in(registry: Registry, served: Served, name: str | None) -> tuple[str, ...]:
    """The adapter is on the server, checked and tried; the names that had to be loaded."""
    if name is None:
        await served.control.canary(served.base)
        return ()
    adapter = registry.get(name)
    await asyncio.to_thread(registry.verify, name)
    await asyncio.to_thread(check_adapter, adapter.path, served.shape, served.max_rank)
    there = await served.control.loaded()
    if name in there and there[name] != str(adapter.path):
        raise BadAdapter(f"the server has another adapter under the name {name}; names are never used twice")
    try:
        if name not in there:
            await served.control.bring_in(name, adapter.path)
        await _compare(served, name, adapter.path)
    except BadAdapter:
        if name not in _in_service(registry.pointer()):
            with contextlib.suppress(InferenceError):  # the reason for the refusal is worth more than a second error
                await served.control.unload(name)
        raise
    return () if name in there else (name,)


async def _compare(served: Served, name: str, directory: Path) -> None:
    """An adapter that was registered without a probe is held to finite numbers alone."""
    found = await ask_probe(served.likelihood, name, served.base)
    expected = read_probe(directory)
    if expected is not None:
        check_probe(name, expected, found)


async def _tidy(registry: Registry, served: Served, pointer: Pointer) -> tuple[str, ...]:
    """Unloads the registry's adapters that are neither in service nor the way back; names that it doesn't know are not its business.

    A server that was restarted meanwhile may have come back with what was in service before: then the champion is loaded again.
    """
    known, there = {adapter.name for adapter in registry.list()}, await served.control.loaded()
    if pointer.champion is not None and pointer.champion not in there:
        await served.control.bring_in(pointer.champion, registry.get(pointer.champion).path)
    left = [name for name in there if name in known and name not in _in_service(pointer)]
    for name in left:
        await served.control.unload(name)
    return tuple(left)


def _in_service(pointer: Pointer) -> set[str | None]:
    return {pointer.champion, pointer.previous}


def _refuse_retired(registry: Registry, name: str | None) -> None:
    """Before the server is touched; the registry refuses once more when the pointer moves."""
    retirement = None if name is None or name == registry.pointer().champion else registry.retirement(name)
    if retirement is not None:
        raise RetiredAdapter(f"{name} was retired on {retirement.at:%Y-%m-%d}: {retirement.reason}")


def _leaving(root: Path, pointer: Pointer) -> str | None:
    """Which adapter a rollback takes out of service: that of the rollback which died, else the champion."""
    try:
        leaving = json.loads((root / INTENT).read_text())["leaving"]
    except (FileNotFoundError, ValueError, KeyError):
        return pointer.champion
    return leaving if isinstance(leaving, str) or leaving is None else pointer.champion


def _write_intent(root: Path, leaving: str | None) -> None:
    hidden = root / f".{INTENT}"
    hidden.write_text(json.dumps({"leaving": leaving}))
    hidden.replace(root / INTENT)


@asynccontextmanager
async def _alone(root: Path) -> AsyncIterator[None]:
    """One change at a time, whichever processes ask; the lock ends with the process that holds it."""
    descriptor = _open_lock(root)
    try:
        while True:  # in short steps, so that whoever waits can be cancelled
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                await asyncio.sleep(0.05)
        yield
    finally:
        os.close(descriptor)


def _open_lock(root: Path) -> int:
    root.mkdir(parents=True, exist_ok=True)
    return os.open(root / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
