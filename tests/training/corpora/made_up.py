"""Files in the formats of the public sets, every sentence of them written for these tests."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from training.corpora.imhi import ANSWER, QUERY, file_of
from training.workbench.rows import Split

COUNSEL_CHAT = (
    "questionID",
    "questionTitle",
    "questionText",
    "questionLink",
    "topic",
    "therapistInfo",
    "therapistURL",
    "answerText",
    "upvotes",
    "views",
)
OLDER = ("questionID", "questionTitle", "questionText", "questionUrl", "topics", "therapistName", "therapistUrl", "answerText", "upvotes")


def write_csv(path: Path, columns: Sequence[str], rows: Sequence[Mapping[str, str]], encoding: str = "utf-8") -> Path:
    """A table; columns that a row doesn't name are filled with a word of their own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows({column: row.get(column, f"some {column}") for column in columns} for row in rows)
    return path


def write_imhi(folder: Path, name: str, split: Split, posts: Sequence[str], question: str = "Does the poster suffer from stress?") -> Path:
    """A part of an IMHI set: each post with a question and an answer."""
    rows = [
        {QUERY: f'Consider this post: "{post}" Question: {question}', ANSWER: f"Yes, it does. Reasoning: number {place}."}
        for place, post in enumerate(posts)
    ]
    return write_csv(file_of(folder, name, split), (QUERY, ANSWER), rows)


def as_mac_roman(text: str) -> str:
    """The text as it looks when its UTF-8 is read as Mac Roman."""
    return text.encode().decode("mac_roman")


def an_answer(number: int, question: str = "1", **columns: str) -> dict[str, str]:
    """An answer of counsel-chat, by a therapist who doesn't exist."""
    return {
        "questionID": question,
        "questionTitle": f"Title of question {question}?",
        "questionText": f"I wonder about question {question}.",
        "questionLink": f"https://counselchat.com/questions/{question}",
        "therapistInfo": "Nora Quillfeather, MA, LPCHelping you through",
        "therapistURL": "https://counselchat.com/therapists/nora-quillfeather-ma-lpc",
        "answerText": f"This is answer number {number} to it.",
        "upvotes": "0",
        **columns,
    }
