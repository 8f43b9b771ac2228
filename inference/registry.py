"""The trained adapters on disk: one immutable directory each, and a pointer to the one in service.

    <home>/adapters/
        night-2026-03-01/     adapter_config.json, adapter_model.safetensors, manifest.json, registered.json (written last)
        champion.json         which one is in service, and which was before it
        retired.json          which ones may not go into service again, why and since when
        server.json           the base model and the highest rank of the server that was started last from this home

Names are never used twice: vLLM keeps answers of a name's old contents in its prefix cache. A directory stays for as long as it
is registered: vLLM reads it again whenever the adapter falls out of memory, and dies when it is gone. Standard library only,
because the bot reads the pointer too.
"""

import fcntl
import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from inference.adapter_files import MARK, copy_adapter, digest
from inference.durable import put, sync
from inference.errors import AdapterExists, BadAdapter, RetiredAdapter, UnknownAdapter
from inference.manifests import cases_of
from inference.retirement import Retirement, read_retired, write_retired

ADAPTERS_DIRECTORY = "adapters"
"""Below the data directory."""
POINTER = "champion.json"
SERVER = "server.json"
NAME_PATTERN = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
RESERVED_NAMES = frozenset({"base"})
"""Names by which the server knows something else."""


@dataclass(frozen=True)
class Adapter:
    """One registered adapter version. `sha256` is over all of its files; `added` is in UTC."""

    name: str
    path: Path
    added: datetime
    sha256: str


@dataclass(frozen=True)
class Pointer:
    """Which adapter is in service, which was before it, and since when (ISO 8601, UTC). None stands for the bare base model."""

    champion: str | None = None
    previous: str | None = None
    since: str | None = None


@dataclass(frozen=True)
class ServerNote:
    """What adapters have to fit: a base model (directory or hub id), and the highest rank that its server takes."""

    model: str
    max_rank: int


class Role(StrEnum):
    """What an adapter is to the server now."""

    CHAMPION = "champion"
    PREVIOUS = "previous"
    KEPT = "kept"


@dataclass(frozen=True)
class Listed:
    """An adapter as a list shows it. A retired champion is still served until another takes its place."""

    adapter: Adapter
    role: Role
    retirement: Retirement | None


class Registry:
    """The adapters under one directory. Safe for several processes at once: changes are renames, made under a file lock."""

    def __init__(self, root: Path) -> None:
        """`root` is `<home>/adapters`; it is made when first written to."""
        self._root = root.absolute()  # vLLM is another process, with another working directory

    @property
    def root(self) -> Path:
        """The directory of all adapters, absolute."""
        return self._root

    def add(self, source: Path, name: str) -> Adapter:
        """Copy the directory `source` into the registry as `name`. Check it before (`adapters.check_adapter`).

        Raises:
            AdapterExists: the name is taken.
            BadAdapter: not a usable name, or `source` is not a directory.
        """
        if not NAME_PATTERN.fullmatch(name) or name in RESERVED_NAMES:
            raise BadAdapter(f"{name!r} is not a name for an adapter: use lower-case letters, digits, dots and dashes")
        if not source.is_dir():
            raise BadAdapter(f"there is no adapter directory at {source}")
        self._root.mkdir(parents=True, exist_ok=True)
        with self._locked():
            if (self._root / name).exists():
                raise AdapterExists(f"there is an adapter named {name} already; names are never used twice")
            incoming = Path(tempfile.mkdtemp(prefix=".incoming-", dir=self._root))
            try:
                copy_adapter(source, incoming)
                incoming.rename(self._root / name)
            except BaseException:
                shutil.rmtree(incoming, ignore_errors=True)
                raise
            sync(self._root)
        return self.get(name)

    def get(self, name: str) -> Adapter:
        """The adapter of that name. Raises: UnknownAdapter."""
        path = self._root / name
        if not NAME_PATTERN.fullmatch(name) or not (path / MARK).is_file():
            raise UnknownAdapter(f"the registry has no adapter named {name}")
        mark = json.loads((path / MARK).read_text())
        return Adapter(name, path, datetime.fromisoformat(mark["added"]), mark["sha256"])

    def list(self) -> tuple[Adapter, ...]:
        """All adapters, oldest first."""
        marks = self._root.glob(f"*/{MARK}")
        found = [self.get(mark.parent.name) for mark in marks if NAME_PATTERN.fullmatch(mark.parent.name)]
        return tuple(sorted(found, key=lambda adapter: (adapter.added, adapter.name)))

    def listing(self) -> tuple[Listed, ...]:
        """All adapters with what they are now, oldest first."""
        pointer, retired = self.pointer(), read_retired(self._root)
        roles = {pointer.previous: Role.PREVIOUS, pointer.champion: Role.CHAMPION}
        return tuple(Listed(one, roles.get(one.name, Role.KEPT), retired.get(one.name)) for one in self.list())

    def cases(self, name: str) -> frozenset[str]:
        """Ids of all cases that an adapter learned from: its own, and those of the adapters that its training began with.

        Raises:
            UnknownAdapter: there is none of that name, or none of the name that it began with.
            BadAdapter: its manifest can't be read.
        """
        return cases_of(name, lambda each: self.get(each).path)

    def saw(self, case_id: str) -> tuple[Adapter, ...]:
        """The adapters that learned from a case, oldest first, retired ones included. Raises: as `cases`."""
        return tuple(adapter for adapter in self.list() if case_id in self.cases(adapter.name))

    def retire(self, name: str, reason: str) -> None:
        """Keep `name` from going into service again; the first reason stays. A champion is served until it is replaced.

        `reason` is shown to people and holds no case text. Raises: UnknownAdapter.
        """
        self.get(name)
        with self._locked():
            retired = read_retired(self._root)
            retired.setdefault(name, Retirement(reason, datetime.now(UTC)))
            write_retired(self._root, retired)

    def retirement(self, name: str) -> Retirement | None:
        """Why and since when `name` is retired; None where it isn't."""
        return read_retired(self._root).get(name)

    def note_server(self, note: ServerNote) -> None:
        """Remember what the server that is being started can take."""
        self._root.mkdir(parents=True, exist_ok=True)
        with self._locked():
            put(self._root / SERVER, json.dumps(asdict(note)))

    def server(self) -> ServerNote | None:
        """What the server that was started last can take; None where none was started from this home."""
        try:
            return ServerNote(**json.loads((self._root / SERVER).read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def pointer(self) -> Pointer:
        """What is in service now; an empty pointer before the first promotion."""
        try:
            return Pointer(**json.loads((self._root / POINTER).read_text()))
        except FileNotFoundError:
            return Pointer()

    def champion(self) -> Adapter | None:
        """The adapter in service; None is the bare base model."""
        name = self.pointer().champion
        return None if name is None else self.get(name)

    def in_service(self) -> tuple[Adapter, ...]:
        """What a server must have loaded: the champion, and the previous one, so that a rollback takes no time."""
        pointer = self.pointer()
        return tuple(self.get(name) for name in (pointer.champion, pointer.previous) if name is not None)

    def promote(self, name: str | None) -> Pointer:
        """Put `name` in service; None is the bare base model. Promoting the champion again changes nothing.

        Raises:
            UnknownAdapter: there is none of that name.
            RetiredAdapter: it was retired, and isn't the champion.
        """
        if name is not None:
            self.get(name)
        with self._locked():
            now = self.pointer()
            if now.since is not None and now.champion == name:
                return now
            self._refuse_retired(name)
            return self._point(name, now.champion)

    def rollback(self) -> Pointer:
        """Put the previous adapter (or the bare base model) back in service; a second rollback undoes the first.

        Raises:
            UnknownAdapter: nothing was ever promoted.
            RetiredAdapter: the previous one was retired.
        """
        with self._locked():
            now = self.pointer()
            if now.since is None:
                raise UnknownAdapter("nothing was promoted yet, so there is nothing to roll back to")
            self._refuse_retired(now.previous)
            return self._point(now.previous, now.champion)

    def verify(self, name: str) -> None:
        """Raises: BadAdapter when a file changed since it was registered; UnknownAdapter."""
        adapter = self.get(name)
        if digest(adapter.path) != adapter.sha256:
            raise BadAdapter(f"the files of {name} changed since it was registered")

    def _point(self, champion: str | None, previous: str | None) -> Pointer:
        pointer = Pointer(champion, previous, datetime.now(UTC).isoformat(timespec="seconds"))
        put(self._root / POINTER, json.dumps(asdict(pointer)))
        return pointer

    def _refuse_retired(self, name: str | None) -> None:
        retirement = None if name is None else self.retirement(name)
        if retirement is not None:
            raise RetiredAdapter(f"{name} was retired on {retirement.at:%Y-%m-%d}: {retirement.reason}")

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._root.mkdir(parents=True, exist_ok=True)
        with (self._root / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


class Follower:
    """Which adapter is in service, for a process that asks often: the pointer is read again only when its file changed."""

    def __init__(self, root: Path) -> None:
        """`root` is `<home>/adapters`, which need not be there yet."""
        self._file = root / POINTER
        self._registry = Registry(root)
        self._seen: tuple[int, int, int] | None = None
        self._champion: str | None = None

    def champion(self) -> str | None:
        """The name of the adapter in service; None while it is the bare base model, or nothing was promoted."""
        try:
            status = self._file.stat()
        except FileNotFoundError:
            return None
        seen = (status.st_ino, status.st_mtime_ns, status.st_size)
        if seen != self._seen:
            self._champion, self._seen = self._registry.pointer().champion, seen
        return self._champion
