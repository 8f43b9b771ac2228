"""The guardian ends the program it guards, and all that belongs to it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from inference import guardian
from tests.support.model_server import group_members

# A program like a model server: it starts a helper process, says that it is up, and waits.
PROGRAM = """
import signal, subprocess, sys, time
if "stubborn" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
helper = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
subprocess.Popen([sys.executable, "-c", helper])
print("up", flush=True)
if "dies" in sys.argv:
    sys.exit(7)
time.sleep(600)
"""

# A supervisor that holds the guardian's standard input, like the real one.
PARENT = """
import subprocess, sys, time
child = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, start_new_session=True)
print(child.pid, flush=True)
time.sleep(600)
"""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are found by /proc")


def guarded(*words: str, grace_s: float = 5.0) -> list[str]:
    """The command line of a guardian around the program."""
    return [sys.executable, "-I", guardian.__file__, str(grace_s), sys.executable, "-c", PROGRAM, *words]


def start(*words: str, grace_s: float = 5.0) -> subprocess.Popen[bytes]:
    """A guardian whose program is up."""
    process = subprocess.Popen(guarded(*words, grace_s=grace_s), stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout is not None
    assert process.stdout.readline() == b"up\n"
    return process


def close_input(process: subprocess.Popen[bytes]) -> None:
    """What the supervisor does to stop, and what its death does as well."""
    assert process.stdin is not None
    process.stdin.close()


def finish(process: subprocess.Popen[bytes]) -> None:
    """Wait for the end of a process and close our ends of its pipes."""
    process.wait(timeout=30)
    for pipe in (process.stdin, process.stdout):
        if pipe:
            pipe.close()


def wait_until_gone(group: int) -> None:
    """Fail when a process of the group lives for ten seconds more."""
    deadline = time.monotonic() + 10
    while members := group_members(group):
        assert time.monotonic() < deadline, [process.cmdline()[:3] for process in members]
        time.sleep(0.05)


@pytest.mark.parametrize("stop", [close_input, lambda process: process.terminate(), lambda process: process.send_signal(signal.SIGINT)])
def test_stopping_ends_program_and_helpers(stop: Callable[[subprocess.Popen[bytes]], None]) -> None:
    """However the guardian is told to stop, the program and its deaf helper are gone afterwards."""
    process = start()
    assert len(group_members(process.pid)) == 3
    stop(process)
    finish(process)
    wait_until_gone(process.pid)


def test_a_stubborn_program_is_killed() -> None:
    """A program that ignores SIGTERM is killed when its time is up."""
    process = start("stubborn", grace_s=0.5)
    close_input(process)
    finish(process)
    wait_until_gone(process.pid)


def test_a_program_that_ends_takes_its_helpers_along() -> None:
    """When the program ends by itself, the guardian ends the rest too."""
    process = start("dies")
    finish(process)
    wait_until_gone(process.pid)
    assert process.returncode in {7, -signal.SIGKILL}


def test_nothing_outlives_a_killed_supervisor() -> None:
    """After kill -9 of the process that started the guardian, everything it guarded ends."""
    parent = subprocess.Popen([sys.executable, "-c", PARENT, *guarded()], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    group = int(parent.stdout.readline())
    assert parent.stdout.readline() == b"up\n"
    assert len(group_members(group)) == 3
    parent.kill()
    finish(parent)
    wait_until_gone(group)


def test_a_killed_guardian_takes_the_program_along() -> None:
    """After kill -9 of the guardian itself the program is killed by the kernel."""
    process = start()
    program = next(member for member in group_members(process.pid) if member.ppid() == process.pid)
    process.kill()
    finish(process)
    psutil.wait_procs([program], timeout=10)
    assert not program.is_running()
    os.killpg(process.pid, signal.SIGKILL)  # the helper, which a killed guardian can't end


def test_the_guardian_needs_no_installed_package(tmp_path: Path) -> None:
    """It runs by its file alone, with Python's isolated mode, in any directory."""
    command = [sys.executable, "-I", guardian.__file__, "1", sys.executable, "-c", "print('hello')"]
    done = subprocess.run(command, cwd=tmp_path, input=b"", capture_output=True, check=False, start_new_session=True, timeout=30)
    assert done.stderr == b""
