"""One text of a Chinese set made fit to learn from: line ends, invisible characters, stray punctuation, and encodings that went wrong.

Full-width punctuation and curly quotes are proper Chinese and stay.
"""

import re

from training.corpora.cleaning import spaced, visible
from training.corpora.encodings import is_common
from training.corpora.tally import Tally

MOJIBAKE = "wrong encoding undone"
PUNCTUATION = "stray punctuation taken out"
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_WIDE = re.compile("[\u00a0\u2002\u2003\u2009\u3000]")
_STRAY = re.compile(r"([。！？])(?:\s*[：:，,、；;]+\s*[。！？])+")
"""As in `。：。`, left over where names and links were cut out of dialogues: the first end of a sentence stays."""
_LOST = re.compile("\ufffd|锟斤拷|[\ue000-\uf8ff\u0080-\u009f]")
_REVERSALS = (("latin-1", "utf-8"), ("cp1252", "utf-8"), ("latin-1", "gb18030"), ("cp1252", "gb18030"))
"""The encoding that a text was read in by mistake, and the one that it was written in."""
_RARE_SHARE, _LEAST_RARE, _ACCENT_SHARE, _MEND_SHARE = 0.2, 2, 0.3, 0.8


def tidy(text: str, tally: Tally) -> str | None:
    """The text as it should be, "" if it says nothing, or None if characters of it are lost for good."""
    mended = undamaged(text)
    if mended is None:
        return None
    tally.repaired[MOJIBAKE] += mended != text
    plain = _CONTROL.sub("", visible(_WIDE.sub(" ", mended.replace("\r\n", "\n").replace("\r", "\n"))))
    joined = spaced(plain)
    sound = _STRAY.sub(r"\1", joined)
    tally.repaired[PUNCTUATION] += sound != joined
    return sound if any(char.isalnum() for char in sound) else ""


def undamaged(text: str) -> str | None:
    """The text, or what it was before its bytes were read in a wrong encoding, or None if that can't be found out.

    Characters in daily use begin with other bytes in GB18030 than in UTF-8, so UTF-8 that was read as GB18030 can be turned back without a
    doubt. Otherwise suspicious are characters that stand for broken bytes, Han characters that neither simplified nor
    traditional Chinese uses, and runs of accented letters.
    """
    if text.isascii():
        return text
    if found := _turned_back(text, "gb18030", "utf-8"):
        return found
    if not _is_suspicious(text):
        return text
    return next(filter(None, (_turned_back(text, wrong, right) for wrong, right in _REVERSALS)), None)


def _turned_back(text: str, wrong: str, right: str) -> str | None:
    try:
        found = text.encode(wrong).decode(right)
    except UnicodeError:
        return None
    return found if _is_chinese(found) and not _is_suspicious(found) else None


def _is_suspicious(text: str) -> bool:
    if _encodable(text, "gb2312"):
        return "锟斤拷" in text
    if _LOST.search(text):
        return True
    seen = [char for char in text if not char.isspace()]
    han = [char for char in seen if "\u3400" <= char <= "\u9fff"]
    rare = sum(not _encodable(char, "gb2312") and not _encodable(char, "big5") for char in han)
    accents = sum("\u00a1" <= char <= "\u00ff" for char in seen)
    return (rare >= _LEAST_RARE and rare > _RARE_SHARE * len(han)) or accents > _ACCENT_SHARE * len(seen)


def _is_chinese(text: str) -> bool:
    foreign = [char for char in text if char > "\x7f"]
    return bool(foreign) and sum(map(is_common, foreign)) >= _MEND_SHARE * len(foreign)


def _encodable(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
