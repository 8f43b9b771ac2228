"""A PostgreSQL of one's own for as long as the tests run. Standard library only.

In tests it is a context manager. As a program it runs a command beside the server and ends both:
`python3 tests/support/postgres.py make check`.
"""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

URL_VARIABLE = "PHYASSIST_TEST_POSTGRES_URL"
START_SECONDS = 60.0


class PostgresFailed(Exception):
    """PostgreSQL is there but did not start; the message ends with its own last words."""


def find_programs() -> Path | None:
    """The folder with `initdb` and `postgres`: on PATH, or where Debian and its like keep them; the newest version wins."""
    on_path = shutil.which("initdb")
    if on_path and (Path(on_path).resolve().parent / "postgres").exists():
        return Path(on_path).resolve().parent
    kept = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    return max(kept, key=lambda folder: float(folder.parent.name), default=None)


@contextlib.contextmanager
def temporary_postgres(programs: Path) -> Iterator[str]:
    """A fresh cluster in a temporary folder, on 127.0.0.1 and a free port; yields its `postgresql+asyncpg://` address."""
    user = _unprivileged_user()
    folder = Path(tempfile.mkdtemp(prefix="phyassist-pg-"))
    if user is not None:
        os.chown(folder, pwd.getpwnam(user).pw_uid, pwd.getpwnam(user).pw_gid)
    try:
        data = folder / "data"
        _run(
            [programs / "initdb", "--pgdata", data, "--username", "tests", "--auth", "trust", "--encoding", "UTF8", "--no-sync"],
            user,
            folder,
        )
        port = _free_port()
        # Durability is of no use to data that live for minutes; the sockets stay inside the folder.
        fast = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", f"unix_socket_directories={folder}", "max_connections=200")
        options = [argument for setting in fast for argument in ("-c", setting)]
        with (folder / "log").open("w") as log:
            server = subprocess.Popen(
                [programs / "postgres", "-D", data, "-h", "127.0.0.1", "-p", str(port), *options],
                stdout=log,
                stderr=log,
                user=user,
                cwd=folder,
                start_new_session=True,  # Ctrl-C belongs to the tests; this process ends the server itself
            )
        try:
            _wait_until_open(port, server, folder / "log")
            yield f"postgresql+asyncpg://tests@127.0.0.1:{port}/postgres"
        finally:
            server.send_signal(signal.SIGINT)  # the fast shutdown
            server.wait(timeout=30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _unprivileged_user() -> str | None:
    """Whom to run as when this is root, which PostgreSQL refuses to be."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _run(command: list[str | Path], user: str | None, folder: Path) -> None:
    done = subprocess.run(command, user=user, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise PostgresFailed(f"{command[0]} failed:\n{(done.stdout + done.stderr)[-1000:]}")


def _wait_until_open(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        if "ready to accept connections" in log.read_text(errors="replace"):
            with socket.create_connection(("127.0.0.1", port), timeout=5):
                return
        time.sleep(0.05)
    raise PostgresFailed(f"PostgreSQL did not start:\n{log.read_text(errors='replace')[-1000:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main(command: list[str]) -> int:
    """Run `command` with a PostgreSQL beside it; its exit status."""
    programs = find_programs()
    if programs is None:
        print("PostgreSQL is not installed (Debian, Ubuntu: sudo apt-get install postgresql).", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server is ended then, too
    with temporary_postgres(programs) as url:
        return subprocess.run(command, env={**os.environ, URL_VARIABLE: url}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
