"""The mental-health chatbot set: questions about mental health with answers curated from public pages. Columns human and zen.

Answers begin with a blank; two hold characters of no width; the index has a column without a name.
"""

from collections import Counter
from pathlib import Path

from training.corpora.cleaning import plain, spaced, visible
from training.corpora.pieces import Corpus, Piece, key_of
from training.corpora.reading import UTF8, Progress, read_table, silent

NAME = "mental-health-chatbot"
LICENCE = "mit (answers are curated from public pages of WebMD, Mayo Clinic and Healthline)"


def read_chatbot(path: Path, encoding: str = UTF8, progress: Progress = silent) -> Corpus:
    """The set, every row a group of its own.

    Raises:
        WorkbenchError: the file can't be read, or lacks a column.
    """
    table = read_table(path, ("human", "zen"), encoding, progress=progress)
    repaired: Counter[str] = Counter()
    pieces = []
    for place, row in enumerate(table.rows):
        question, answer = (spaced(plain(visible(row[column]))) for column in ("human", "zen"))
        repaired["characters of no width"] += visible(row["zen"]) != row["zen"]
        repaired["blanks, quotes or dashes of print"] += plain(visible(row["zen"])) != visible(row["zen"])
        key = key_of(question)
        pieces.append(Piece(f"{NAME}-{place}", key, question, answer, key))
    return Corpus(NAME, (table.source,), tuple(pieces), dict(repaired), licence=LICENCE)
