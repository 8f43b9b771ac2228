"""What goes wrong in the workbench and can be mended: said in a sentence, with what to do about it."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NO_ROOM_SAID = (
    "No space left",
    "File too large",
    "code: 28",
    "code: 27",
    "PytorchStreamWriter failed",
    "unexpected pos",
    "inline_container",
)
"""What torch, safetensors and the tokenizers say of a disk without room; they pass no errno on."""


class WorkbenchError(Exception):
    """A command can't go on; the message says why and what to do. It names files, columns and settings, never text of a row."""


def disk_is_full(error: Exception) -> bool:
    """Whether an error, of Python or of a library, says that a disk has no room."""
    number = error.errno if isinstance(error, OSError) else None
    return number in _NO_ROOM or any(said in str(error) for said in _NO_ROOM_SAID)


@contextmanager
def writing(target: Path) -> Iterator[None]:
    """Turn a disk without room, or a place where nothing may be written, into an error that says so.

    Raises:
        WorkbenchError: nothing could be written at `target`.
    """
    try:
        yield
    except WorkbenchError:
        raise
    except Exception as error:
        if disk_is_full(error):
            raise WorkbenchError(f"the disk that holds {target.name} is full: make room, or choose another folder") from error
        if isinstance(error, OSError) and error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
            raise WorkbenchError(f"{target.name} can't be written there: choose a folder of your own") from error
        raise
