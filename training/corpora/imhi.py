"""IMHI: posts with a question on the poster's mental health, answered with a label and the reasons for it.

    train_data/instruction_data/SET/train.csv, val.csv       test_data/test_instruction/SET.csv        columns query, gpt-3.5-turbo

A query reads `Consider this post: "<post>" Question: <question>`; posts may hold "Question:" too, so the last one counts. Two sets have no
train.csv: val stands in. Their UTF-8 was once read as Mac Roman. Posts keep their placeholders (`<url>`, `<name>`), which are no HTML.
Yang et al., MentaLLaMA: Interpretable Mental Health Analysis on Social Media with Large Language Models, WWW 2024.
"""

from dataclasses import dataclass
from pathlib import Path

from training.corpora.cleaning import plain, unescaped, visible
from training.corpora.pieces import Corpus, Piece, key_of
from training.corpora.reading import Progress, read_table, silent
from training.workbench.errors import WorkbenchError
from training.workbench.rows import Source, Split

SETS = ("DR", "dreaddit", "Irf", "MultiWD", "SAD")
QUERY, ANSWER = "query", "gpt-3.5-turbo"
MOJIBAKE = frozenset({"Irf", "MultiWD"})
"""Sets whose UTF-8 was once read as Mac Roman."""
LICENCE = "mit (its authors ask for non-clinical research only; posts are of users of Reddit, reasons were written by gpt-3.5-turbo)"
OPENS, ASKS = 'Consider this post: "', " Question: "


@dataclass(frozen=True)
class Item:
    """One row of a set as it is in its file, repaired: `place` is its number there, from 0."""

    set: str
    place: int
    post: str
    question: str
    answer: str

    @property
    def query(self) -> str:
        """The prompt, in the words of the set."""
        return f'{OPENS}{self.post}"{ASKS}{self.question}'


@dataclass(frozen=True)
class Part:
    """One file of a set: its rows, how many of them were not ASCII, and how many of these were read wrongly once and are mended."""

    source: Source
    items: tuple[Item, ...]
    suspect: int
    repaired: int


def file_of(folder: Path, name: str, split: Split) -> Path:
    """Where a part of a set lies under the folder of all sets."""
    if split is Split.TEST:
        return folder / "test_data" / "test_instruction" / f"{name}.csv"
    return folder / "train_data" / "instruction_data" / name / ("train.csv" if split is Split.TRAIN else "val.csv")


def read_part(folder: Path, name: str, split: Split, progress: Progress = silent) -> Part | None:
    """A part of a set, None where the file is not there.

    Raises:
        WorkbenchError: the file can't be read, or a query has no question.
    """
    path = file_of(folder, name, split)
    if not path.is_file():
        return None
    table = read_table(path, (QUERY, ANSWER), name=path.relative_to(folder).as_posix(), progress=progress)
    queries = [repaired(row[QUERY], name) for row in table.rows]
    answers = [repaired(row[ANSWER], name) for row in table.rows]
    suspect = [not row[QUERY].isascii() for row in table.rows] if name in MOJIBAKE else []
    mended = sum(row[QUERY] != query for row, query in zip(table.rows, queries, strict=True))
    items = (_item(name, place, query, answer, path.name) for place, (query, answer) in enumerate(zip(queries, answers, strict=True)))
    return Part(table.source, tuple(items), sum(suspect), mended)


def repaired(text: str, name: str) -> str:
    """The text as it was before its bytes were read as Mac Roman, where they were."""
    if name not in MOJIBAKE or text.isascii():
        return text
    try:
        return text.encode("mac_roman").decode("utf-8")
    except (UnicodeEncodeError, UnicodeDecodeError):
        return text


def _item(name: str, place: int, query: str, answer: str, file: str) -> Item:
    asked, mark, question = query.rpartition(ASKS)
    if not mark or not asked.startswith(OPENS) or not asked.endswith('"'):
        raise WorkbenchError(f"row {place + 1} of {file} ({name}) is no IMHI query: a post in quotes and a question")
    return Item(name, place, _shown(asked[len(OPENS) : -1]), question.strip(), _shown(answer))


def _shown(text: str) -> str:
    """The text as its reader saw it, typed with a keyboard: entities resolved, characters of no width gone."""
    return plain(visible(unescaped(text)))


def read_imhi(folder: Path, name: str, progress: Progress = silent) -> Corpus:
    """A set with its own sides; where there is no train.csv, the rows of val.csv have no side yet. Rows on one post are a group.

    Raises:
        WorkbenchError: there is no file to learn from, or one can't be read.
    """
    parts = {split: part for split in Split if (part := read_part(folder, name, split, progress)) is not None}
    if not parts.keys() & {Split.TRAIN, Split.DEV}:
        raise WorkbenchError(f"{folder.name} has neither train.csv nor val.csv of {name}: give the folder that holds train_data")
    pieces = [
        _piece(item, split, split if split is not Split.DEV or Split.TRAIN in parts else None)
        for split, part in parts.items()
        for item in part.items
    ]
    sources = tuple(part.source for part in parts.values())
    repaired = {"wrongly decoded text": sum(part.repaired for part in parts.values())}
    return Corpus(f"imhi-{name}", sources, tuple(pieces), repaired, licence=LICENCE)


def _piece(item: Item, split: Split, side: Split | None) -> Piece:
    post = key_of(item.post)
    return Piece(f"imhi-{item.set}-{split}-{item.place}", post, item.query, item.answer, post, side)
