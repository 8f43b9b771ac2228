"""Text files in the encodings that Chinese data comes in, read as a stream: UTF-8, UTF-16, GB18030, or what charset-normalizer is sure of.

GB18030 takes almost any bytes, so bytes that it takes are no proof: what they say in it must be common Chinese. Scraped files have a few
broken bytes here and there; they are read as U+FFFD, and `training.corpora.tidying` leaves their rows out.
"""

import codecs
import string
from collections.abc import Iterator
from io import TextIOWrapper
from pathlib import Path
from typing import BinaryIO

from training.workbench.errors import WorkbenchError

MOST_BROKEN = 0.001
"""Share of a file's characters beyond ASCII that may be broken before the encoding counts as another one."""
LEAST_COMMON = 0.8
"""Share of characters beyond ASCII that are in daily use, in Chinese read rightly. Read wrongly, Chinese has about a third of them."""
_CHUNK = 1024 * 1024
_PLAIN = frozenset(string.printable)
_OTHERS = ["big5", "shift_jis", "euc_kr", "cp1252", "cp1251"]
"""Encodings that charset-normalizer chooses among: among all that there ever were, short texts resemble several."""


def open_text(stream: BinaryIO, encoding: str) -> TextIOWrapper:
    """The text of a stream of bytes, line ends as they are; broken bytes become U+FFFD."""
    return TextIOWrapper(stream, encoding=encoding, errors="replace", newline="")


def encoding_of(path: Path) -> str:
    """The encoding of a file, by its bytes alone: it is read once, a piece at a time.

    Raises:
        WorkbenchError: the file is missing, is empty, or its encoding can't be told.
    """
    try:
        with path.open("rb") as file:
            start = file.read(_CHUNK)
    except (FileNotFoundError, IsADirectoryError):
        raise WorkbenchError(f"there is no file {path.name}") from None
    if not start.strip():
        raise WorkbenchError(f"{path.name} is empty")
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if b"\0" in start:
        return _two_bytes(path, start)
    if _fits(path, "utf-8"):
        return "utf-8-sig"
    if _is_common_chinese(start.decode("gb18030", errors="replace")) and _fits(path, "gb18030"):
        return "gb18030"
    return _other(path, start)


def is_common(char: str) -> bool:
    """Whether a character is of GB 2312's first level, the 3,755 in daily use, or its punctuation."""
    try:
        lead = char.encode("gb2312")[0]
    except UnicodeEncodeError:
        return False
    return lead in {0xA1, 0xA3} or 0xB0 <= lead <= 0xD7


def _is_common_chinese(text: str) -> bool:
    foreign = [char for char in text if char > "\x7f"]
    return bool(foreign) and sum(map(is_common, foreign)) >= LEAST_COMMON * len(foreign)


def _two_bytes(path: Path, start: bytes) -> str:
    """UTF-16 without a mark: the order of bytes in which it says something."""
    for encoding in ("utf-16-le", "utf-16-be"):
        text = start[: len(start) // 2 * 2].decode(encoding, errors="replace")
        plain = sum(char in _PLAIN or is_common(char) for char in text)
        if plain >= LEAST_COMMON * len(text) and _fits(path, encoding):
            return encoding
    raise _unknown(path)


def _other(path: Path, start: bytes) -> str:
    from charset_normalizer import from_bytes

    best = from_bytes(start, cp_isolation=_OTHERS).best()
    if best is None or not _fits(path, best.encoding):
        raise _unknown(path)
    return best.encoding


def _unknown(path: Path) -> WorkbenchError:
    return WorkbenchError(f"the encoding of {path.name} can't be told: save it as UTF-8 and try again")


def _fits(path: Path, encoding: str) -> bool:
    """Whether a file's bytes are legal in an encoding, but for a few that broke on the way."""
    try:
        for _ in _decoded(path, encoding, "strict"):
            pass
    except UnicodeDecodeError:
        foreign = broken = 0
        for piece in _decoded(path, encoding, "replace"):
            foreign += len(piece) - len(piece.encode("ascii", errors="ignore"))
            broken += piece.count("\ufffd")
        return broken <= MOST_BROKEN * foreign
    return True


def _decoded(path: Path, encoding: str, errors: str) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    with path.open("rb") as file:
        while piece := file.read(_CHUNK):
            yield decoder.decode(piece)
    yield decoder.decode(b"", final=True)
