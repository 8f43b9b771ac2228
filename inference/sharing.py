"""Who computes on the GPUs: the model server, or for some hours at night a training. One machine, two locks under `<home>/gpus`.

    wanted    held by a training from the moment it asks for the GPUs until it gives them back
    holder    held by whoever computes on them

The server lets the GPUs go when it sees them wanted, and takes them again when they are not; a bot that sees them wanted sends nothing
more, so that the server can finish what it writes. The locks are the kernel's (flock), which frees them when a process dies, however it
dies: after a crash of the training the server comes back by itself, and a server that is started during a training waits for its end.

Containers see each other's locks where they share that folder on one machine's disk (`deploy/compose.yaml`).

A file `urgent` beside them asks a training to step aside for a while; whoever wrote it takes it away when the matter is answered.
"""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

POLL_S = 0.2


class Gpus:
    """The GPUs of this machine, as shared under one home directory."""

    def __init__(self, home: Path) -> None:
        """Makes nothing yet."""
        self._folder = home / "gpus"

    @property
    def wanted(self) -> bool:
        """Whether a training waits for the GPUs or has them."""
        return self._is_held("wanted")

    @property
    def urgent(self) -> bool:
        """Whether a training is asked to step aside for an answer."""
        return (self._folder / "urgent").exists()

    def ask_back(self) -> None:
        """Asks a training to step aside; no effect where there is none."""
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / "urgent").touch(mode=0o600)

    def answered(self) -> None:
        """The urgent matter is done: a training may have the GPUs again."""
        (self._folder / "urgent").unlink(missing_ok=True)

    @asynccontextmanager
    async def for_serving(self) -> AsyncIterator[None]:
        """Waits until nobody wants the GPUs for a training, then holds them for as long as the block lasts."""
        await self.until_unwanted()
        async with self._held("holder"):
            yield

    @asynccontextmanager
    async def for_training(self) -> AsyncIterator[tuple[int, ...]]:
        """Asks for the GPUs, waits until the server let them go, and holds them; of several trainings one at a time.

        Gives the descriptors of the locks: a process that inherits them holds the GPUs too, for as long as it lives.
        """
        async with self._held("wanted") as wanted, self._held("holder") as holder:
            yield wanted, holder

    async def until_wanted(self) -> None:
        """Returns when a training wants the GPUs."""
        await _until(lambda: self.wanted)

    async def until_calm(self) -> None:
        """Returns when nothing urgent is to be answered."""
        await _until(lambda: not self.urgent)

    async def until_unwanted(self) -> None:
        """Returns when no training wants them."""
        await _until(lambda: not self.wanted)

    @asynccontextmanager
    async def _held(self, name: str) -> AsyncIterator[int]:
        self._folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._folder / name, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            await _until(lambda: _locks(descriptor, fcntl.LOCK_EX))
            yield descriptor
        finally:
            os.close(descriptor)

    def _is_held(self, name: str) -> bool:
        try:
            descriptor = os.open(self._folder / name, os.O_RDONLY)
        except FileNotFoundError:
            return False
        try:
            return not _locks(descriptor, fcntl.LOCK_SH)
        finally:
            os.close(descriptor)


def _locks(descriptor: int, how: int) -> bool:
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


async def _until(holds: Callable[[], bool]) -> None:
    while not holds():  # noqa: ASYNC110 (another process has no event to wait for)
        await asyncio.sleep(POLL_S)
