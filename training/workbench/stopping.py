"""A training that is told to stop ends after its step, with a checkpoint. Imports no model library."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def stop_signals() -> Iterator[list[int]]:
    """Signals that asked this process to stop, while the block runs: the training then ends with a checkpoint after its step.

    Where this is not the main thread nothing is caught. A second signal of a kind ends the process as usual.
    """
    told: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield told
        return
    before: dict[signal.Signals, Any] = {}

    def note(number: int, _: Any) -> None:
        told.append(number)
        signal.signal(number, before[signal.Signals(number)])
        print("\nstopping after this step, with a checkpoint (once more to stop at once)", file=sys.stderr)

    for one in (signal.SIGINT, signal.SIGTERM):
        before[one] = signal.signal(one, note)
    try:
        yield told
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
