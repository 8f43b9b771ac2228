"""Reading documents outside of the bot: one process for each, ended when it takes too long."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE

from bot.workflow.attachments import DocumentKind, Fault, Unreadable

READ_S = 45.0
"""Seconds for one document; most take less than one."""
AT_ONCE = 2
"""Documents that are read at the same time: they take memory, and the bot has other things to do."""
_INHERITED = ("PATH", "PYTHONPATH", "LANG", "LC_ALL", "SYSTEMROOT", "VIRTUAL_ENV")
"""What that process gets of the bot's environment: none of its tokens."""


class DocumentProcesses:
    """The text of documents, each read in a process of its own."""

    def __init__(self, python: str = sys.executable, read_s: float = READ_S) -> None:
        self._python, self._read_s = python, read_s
        self._places = asyncio.Semaphore(AT_ONCE)

    async def text_of(self, kind: DocumentKind, content: bytes) -> str:
        """The document's text. Raises: Unreadable."""
        async with self._places:
            process = await asyncio.create_subprocess_exec(
                self._python,
                "-m",
                "bot.documents",
                kind.value,
                stdin=PIPE,
                stdout=PIPE,
                stderr=DEVNULL,
                env={name: os.environ[name] for name in _INHERITED if name in os.environ},
            )
            try:
                async with asyncio.timeout(self._read_s):
                    said, _ = await process.communicate(content)
            except TimeoutError:
                raise Unreadable(Fault.TOO_MUCH) from None
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
        return _text_in(said)


def _text_in(said: bytes) -> str:
    """What the process answered; one that said nothing was ended by its limits."""
    try:
        answer = json.loads(said)
    except ValueError:
        raise Unreadable(Fault.TOO_MUCH) from None
    if "fault" in answer:
        raise Unreadable(Fault(answer["fault"]))
    return str(answer["text"])
