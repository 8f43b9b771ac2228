"""What the process that reads a document may use of the machine, as far as the machine can limit it."""

import contextlib
import sys

MEMORY_BYTES = 1024**3
"""Address space; a document of the largest size that is let in needs a few hundred megabytes."""
CPU_S = 60


def lower_limits() -> None:
    """Limits this process for good: memory, processor time, and no file of its own. Does nothing on Windows."""
    if sys.platform == "win32":
        return
    import resource

    for limit, most in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, CPU_S),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        with contextlib.suppress(ValueError, OSError):  # macOS knows some of them by name only
            resource.setrlimit(limit, (most, most))
