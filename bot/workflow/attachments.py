"""A description in files: what they say joins the message's own text. Files are read once and not kept.

One file that can't be read refuses the whole message: half a description would look like all of it.
"""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import PurePath
from typing import Protocol

from bot.domain.errors import FileRefused
from bot.workflow.incoming import FileRef, Posted
from bot.workflow.ports import Sign

MOST_FILES = 5
MOST_BYTES = 10 * 1024 * 1024
"""Of one file: some thousand pages of text, and a scan of a few."""


class DocumentKind(StrEnum):
    """What can be read."""

    TEXT = "text"
    DOCX = "docx"
    PDF = "pdf"


class Fault(StrEnum):
    """Why a document could not be read."""

    LOCKED = "locked"
    """Encrypted with a password."""
    NO_TEXT = "no_text"
    """Empty, or pictures alone, such as a scan."""
    BROKEN = "broken"
    TOO_MUCH = "too_much"
    """More pages, more text or more work than a description can be worth."""


class Unreadable(Exception):
    """A document that can't be read; no message ever holds its text."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault)
        self.fault = fault


class NotGiven(Exception):
    """Slack does not give a file: it is gone, or the bot may not have it."""

    def __init__(self, gone: bool) -> None:
        super().__init__("gone" if gone else "not allowed")
        self.gone = gone


class TooLarge(Exception):
    """A file has more bytes than were allowed for."""


class Downloads(Protocol):
    """Files out of Slack. Raises: NotGiven, TooLarge."""

    async def fetch(self, file: FileRef, most_bytes: int) -> bytes: ...


class Documents(Protocol):
    """The text of documents. Raises: Unreadable."""

    async def text_of(self, kind: DocumentKind, content: bytes) -> str: ...


_BY_ENDING = {
    ".txt": DocumentKind.TEXT,
    ".text": DocumentKind.TEXT,
    ".md": DocumentKind.TEXT,
    ".markdown": DocumentKind.TEXT,
    ".docx": DocumentKind.DOCX,
    ".pdf": DocumentKind.PDF,
}
_BY_MIMETYPE = {
    "text/plain": DocumentKind.TEXT,
    "text/markdown": DocumentKind.TEXT,
    "application/pdf": DocumentKind.PDF,
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": DocumentKind.DOCX,
}
_SIGNS = {
    Fault.LOCKED: Sign.FILE_LOCKED,
    Fault.NO_TEXT: Sign.FILE_NO_TEXT,
    Fault.BROKEN: Sign.FILE_BROKEN,
    Fault.TOO_MUCH: Sign.FILE_TOO_MUCH,
}


def kind_of(file: FileRef) -> DocumentKind | None:
    """What a file is by its name, or, where that has no ending, by what Slack says of it; None where it can't be read."""
    ending = PurePath(file.name).suffix.casefold()
    return _BY_ENDING.get(ending) if ending else _BY_MIMETYPE.get(file.mimetype.partition(";")[0].strip().casefold())


class Attachments:
    """Reads what came with a message."""

    def __init__(self, downloads: Downloads, documents: Documents) -> None:
        self._downloads, self._documents = downloads, documents

    async def whole_text(self, act: Posted) -> str:
        """The message's text, then that of its files, in their order.

        Raises:
            FileRefused: a file can't be read; it names the first such one.
        """
        if len(act.files) > MOST_FILES:
            raise FileRefused(Sign.FILE_TOO_MANY, "", MOST_FILES)
        kinds = _kinds(act.files)  # before anything is fetched
        texts = [act.text, *[await self._text(kind, file) for kind, file in zip(kinds, act.files, strict=True)]]
        return "\n\n".join(text for text in map(str.strip, texts) if text)

    async def _text(self, kind: DocumentKind, file: FileRef) -> str:
        try:
            return await self._documents.text_of(kind, await self._downloads.fetch(file, MOST_BYTES))
        except Unreadable as error:
            raise FileRefused(_SIGNS[error.fault], file.name) from None
        except NotGiven as error:
            raise FileRefused(Sign.FILE_GONE if error.gone else Sign.FILE_NOT_GIVEN, file.name) from None
        except TooLarge:
            raise FileRefused(Sign.FILE_TOO_LARGE, file.name, MOST_BYTES // 1024**2) from None


def _kinds(files: Sequence[FileRef]) -> list[DocumentKind]:
    kinds = []
    for file in files:
        kind = kind_of(file)
        if kind is None:
            raise FileRefused(Sign.FILE_KIND, file.name)
        if not file.url:
            raise FileRefused(Sign.FILE_ELSEWHERE, file.name)
        if file.size > MOST_BYTES:
            raise FileRefused(Sign.FILE_TOO_LARGE, file.name, MOST_BYTES // 1024**2)
        kinds.append(kind)
    return kinds
