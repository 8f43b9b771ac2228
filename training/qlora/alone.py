"""One training in a folder at a time.

When a night is killed, its training still ends a step and writes a checkpoint; the night that goes on from there waits for that.
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from training.qlora.errors import Stopped

LOCK_FILE = "lock"
POLL_S = 0.2


@contextmanager
def alone(folder: Path, should_stop: Callable[[], bool]) -> Iterator[None]:
    """Holds the folder, once it is free. Raises: Stopped, when told so while waiting."""
    descriptor = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if should_stop():
                    raise Stopped from None
                time.sleep(POLL_S)
        yield
    finally:
        os.close(descriptor)
