"""What goes wrong in the workbench and can be mended: said in a sentence, with what to do about it."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class WorkbenchError(Exception):
    """A command can't go on; the message says why and what to do. It names files, columns and settings, never text of a row."""


@contextmanager
def writing(target: Path) -> Iterator[None]:
    """Turn a disk without room, or a place where nothing may be written, into an error that says so.

    Raises:
        WorkbenchError: nothing could be written at `target`.
    """
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            raise WorkbenchError(f"the disk that holds {target.name} is full: make room, or choose another folder") from error
        if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
            raise WorkbenchError(f"{target.name} can't be written there: choose a folder of your own") from error
        raise
