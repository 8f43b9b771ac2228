"""A small process around the model server, so that nothing of it is ever left running.

    python -m inference.guardian GRACE_S PROGRAM ARGUMENT…

The supervisor starts it in a process group of its own and holds the other end of its standard input. When that closes,
because the supervisor says so or was killed, the program gets SIGTERM and `GRACE_S` seconds, then the whole group SIGKILL.
When the program ends by itself, the rest of the group is ended as well: vLLM's helper processes may outlive it.
"""

import contextlib
import ctypes
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

PR_SET_PDEATHSIG = 1
"""Linux prctl(2): the signal that a process gets when its parent dies."""

HELPERS_GRACE_S = 2.0
"""For the program's helper processes to end after it, and to remove their shared memory."""


def main(arguments: list[str]) -> int:
    """Run the program until it ends or standard input closes; return its exit code, or 128 and the signal."""
    grace_s, command = float(arguments[0]), arguments[1:]
    if os.getpgrp() != os.getpid():
        os.setsid()  # the group that we end must be ours
    wake, told = os.pipe()
    os.set_blocking(told, False)
    signal.set_wakeup_fd(told)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)  # a handler, not SIG_IGN, which the program would inherit
    program = subprocess.Popen(command, stdin=subprocess.DEVNULL, preexec_fn=die_with_parent())  # noqa: PLW1509  # no threads here
    _wait(program, wake)
    if program.poll() is None:
        program.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            program.wait(grace_s)
    code = program.poll()
    _end_group()
    return 128 - code if code is not None and code < 0 else code or 0


def die_with_parent() -> Callable[[], None] | None:
    """What a child calls before it runs a program so that it is killed when its parent is; None where the system can't."""
    if sys.platform != "linux":
        return None
    libc, parent = ctypes.CDLL(None), os.getpid()

    def ask() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before we asked
            os.kill(os.getpid(), signal.SIGKILL)

    return ask


def _wait(program: subprocess.Popen[bytes], wake: int) -> None:
    """Return when the program has ended, the supervisor let go, or we were told to stop."""
    with selectors.DefaultSelector() as selector:
        selector.register(sys.stdin.fileno(), selectors.EVENT_READ)
        selector.register(wake, selectors.EVENT_READ)
        while program.poll() is None:
            for key, _ in selector.select():
                heard = os.read(key.fd, 64)
                if key.fd != wake or set(heard) & {signal.SIGTERM, signal.SIGINT}:
                    return


def _end_group() -> None:
    """End everything in our process group but ourselves, gently first."""
    os.killpg(0, signal.SIGTERM)
    deadline = time.monotonic() + HELPERS_GRACE_S
    while time.monotonic() < deadline and _others_live():
        time.sleep(0.05)
    if _others_live():
        os.killpg(0, signal.SIGKILL)


def _others_live() -> bool:
    """Whether the group has processes besides us, dead ones not counted. Where that can't be told, assume so."""
    if sys.platform != "linux":
        return True
    own = str(os.getpid())
    for process in Path("/proc").iterdir():
        if process.name.isdecimal() and process.name != own:
            with contextlib.suppress(OSError):
                state, _, group = (process / "stat").read_text(errors="replace").rpartition(")")[2].split()[:3]
                if group == own and state != "Z":
                    return True
    return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
