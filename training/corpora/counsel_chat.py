"""Counsel-chat: questions of the public, answered by therapists under their own names, with readers' votes.

Two dumps. That of April 2022 has plain text with blanks of print, sentences joined without a blank, and questions that consist of a title
alone. The older one has HTML in nearly all answers, line ends of Windows, pictures inside the text, and no votes (all 0). Columns about the
therapist are read for the name alone, which is taken out of the answer, and dropped.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from inference.note import Language
from training.corpora.cleaning import plain, spaced, unescaped, unglued, unmarked
from training.corpora.pieces import Corpus, Piece, key_of
from training.corpora.reading import UTF8, Progress, read_table, silent
from training.corpora.therapists import therapist_name
from training.data.deidentify import Deidentifier, Roster

LICENCE = "mit"
_TAG = re.compile(r"</?[a-z][^<>]{0,500}>", re.IGNORECASE)


@dataclass(frozen=True)
class Dump:
    """The columns of a dump that are read."""

    name: str
    therapist: str
    page: str
    voted: bool
    """Whether the votes mean something."""


NEW = Dump("counsel-chat", "therapistInfo", "therapistURL", voted=True)
OLD = Dump("counsel-chat-html", "therapistName", "therapistUrl", voted=False)
SHARED = ("questionID", "questionTitle", "questionText", "answerText", "upvotes")


def read_counsel_chat(path: Path, dump: Dump = NEW, encoding: str = UTF8, progress: Progress = silent) -> Corpus:
    """A dump, every answer a piece; answers to one question are a group.

    Raises:
        WorkbenchError: the file can't be read, or lacks a column.
    """
    table = read_table(path, (*SHARED, dump.therapist, dump.page), encoding, progress=progress)
    repaired: Counter[str] = Counter()
    pieces = tuple(_piece(place, row, dump, repaired) for place, row in enumerate(table.rows))
    return Corpus(dump.name, (table.source,), pieces, dict(repaired), finish=finished, licence=LICENCE)


def finished(piece: Piece, repaired: Counter[str]) -> Piece:
    """The row with a blank between its sentences, and without the author's name, telephone numbers and the like in the answer."""
    prompt, answer = unglued(piece.prompt), unglued(_name_apart(piece.answer, piece.author or ""))
    repaired["joined sentences"] += (prompt, answer) != (piece.prompt, piece.answer)
    clean = Deidentifier(Roster((piece.author,) if piece.author else ())).clean(answer, Language.ENGLISH)
    repaired["names, numbers, addresses taken out"] += sum(clean.found.values())
    return replace(piece, prompt=prompt, answer=clean.text)


def _piece(place: int, row: Mapping[str, str], dump: Dump, repaired: Counter[str]) -> Piece:
    text = _mended(row["questionText"], repaired)
    question = text or _mended(row["questionTitle"], repaired)
    repaired["title for a missing question"] += not text
    answer = _mended(row["answerText"], repaired)
    author = therapist_name(plain(row[dump.therapist]), row[dump.page])
    votes = int(row["upvotes"]) if dump.voted and row["upvotes"].strip().isdigit() else None
    return Piece(f"{dump.name}-{place}", row["questionID"].strip(), question, answer, key_of(question), votes=votes, author=author)


def _mended(text: str, repaired: Counter[str]) -> str:
    marked = bool(_TAG.search(text))
    words = unmarked(text) if marked else unescaped(text)
    typed = plain(words)
    repaired["HTML"] += marked
    repaired["blanks, quotes or dashes of print"] += typed != words
    return spaced(typed)


def _name_apart(text: str, author: str) -> str:
    """A blank where the author's name was joined to the last word of an answer ("Be wellAnn Example")."""
    names = "|".join(re.escape(name) for name in author.split() if len(name) > 2)
    return re.sub(rf"(?<=[a-z])(?=(?:{names})\b)", " ", text) if names else text
