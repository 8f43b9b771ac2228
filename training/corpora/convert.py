"""Chinese sets, and files of the same formats, to rows: what a file is, is told by its content.

A file is read as a stream. In memory are the rows that come out, 16 bytes for every row seen (to tell repetitions), and the record at hand.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, BinaryIO

from training.corpora.cleaning import Drop
from training.corpora.dialogues import conversation
from training.corpora.encodings import encoding_of, open_text
from training.corpora.json_stream import json_values
from training.corpora.medical_table import header_of, records
from training.corpora.repeats import Repeats, characters, without_near_repeats, without_parts
from training.corpora.shapes import NOT_THIS, SHAPES, Shape, identity, is_turn, shape_of
from training.corpora.speakers import dialogues, speaks
from training.corpora.tally import Tally
from training.workbench.artifacts import sha256_of
from training.workbench.errors import WorkbenchError
from training.workbench.rows import Conversation, Row, Source, Turn

AUTO, TABLE, TEXT = "auto", "medical-table", "dialogue-text"
FORMATS = (AUTO, TABLE, TEXT, *SHAPES)
"""What a file may be said to be; the shapes of records are told in `training.corpora.shapes`."""
ENDINGS = frozenset({".csv", ".json", ".jsonl", ".txt"})
"""Of files that are read where a folder is given."""
Open = Callable[[Path], AbstractContextManager[BinaryIO]]
"""Opens a file to read bytes from."""
_LOOK, _RECORDS = 64 * 1024, 20
"""Characters and records of a file that tell its format."""


@dataclass(frozen=True)
class Wanted:
    """What to make. `most_chars` counts all texts of a row together; 0 is any number. `near` is the share of common runs of three words
    from which on a row repeats another; 1 leaves near-duplicates in. `licence` is the files'; a format tells of none."""

    format: str = AUTO
    most_chars: int = 6000
    near: float = 1.0
    licence: str | None = None


@dataclass(frozen=True)
class Converted:
    """Rows of all files, where they come from, and what became of the others."""

    rows: Sequence[Row]
    sources: Sequence[Source]
    tally: Tally


def convert(files: Sequence[Path], wanted: Wanted, opened: Open = lambda path: path.open("rb")) -> Converted:
    """The rows of files, and of all files in folders. `opened` opens a file to be read from, for a bar that shows how far it is.

    Raises:
        WorkbenchError: a file is missing, empty, in no encoding or format that can be told, or broken at a place that is named.
    """
    if wanted.format not in FORMATS:
        raise WorkbenchError(f"there is no format {wanted.format}: choose one of {', '.join(FORMATS)}")
    if not 0 < wanted.near <= 1:
        raise WorkbenchError("the share from which on rows are near-duplicates lies above 0; 1 leaves them in")
    tally, repeats, names = Tally(), Repeats(), _Names()
    rows: list[Row] = []
    sources = []
    for path, name in listed(files):
        before = len(rows)
        for row in _rows(path, name, wanted.format, tally, opened):
            if wanted.most_chars and characters(row) > wanted.most_chars:
                tally.dropped[Drop.LONG] += 1
            elif not repeats.is_new(row):
                tally.dropped[Drop.REPEATED] += 1
            else:
                rows.append(names.apart(row))
        sources.append(Source(name, sha256_of(path), len(rows) - before, wanted.licence))
    rows = without_parts(rows, tally)
    if wanted.near < 1:
        rows = without_near_repeats(rows, wanted.near, tally)
    return Converted(rows, sources, tally)


def listed(files: Sequence[Path]) -> Iterator[tuple[Path, str]]:
    """Each file with the name that manifests have for it: of files in a folder, their place in it.

    Raises:
        WorkbenchError: a folder holds no file that could be read.
    """
    for path in files:
        if not path.is_dir():
            yield path, path.name
            continue
        inside = sorted(one for one in path.rglob("*") if one.is_file() and one.suffix.lower() in ENDINGS)
        if not inside:
            raise WorkbenchError(f"{path.name} holds no file that ends in {', '.join(sorted(ENDINGS))}")
        yield from ((one, one.relative_to(path).as_posix()) for one in inside)


def _rows(path: Path, name: str, wanted: str, tally: Tally, opened: Open) -> Iterator[Row]:
    encoding = encoding_of(path)
    found = wanted if wanted in {TABLE, TEXT} else _kind(path, encoding)
    with opened(path) as stream, open_text(stream, encoding) as lines:
        if found == TABLE:
            for number, (asked, answered) in enumerate(records(lines, tally, name), start=1):
                yield from _made(f"{path.stem}-{number}", [Turn("user", asked), Turn("assistant", answered)], tally)
        elif found == TEXT:
            yield from _from_text(lines, path, tally)
        else:
            yield from _from_records(json_values(lines, name), path, wanted, tally)


def _kind(path: Path, encoding: str) -> str:
    """A table, a text with speakers, or else records of JSON.

    Raises:
        WorkbenchError: none of them.
    """
    with path.open("rb") as stream, open_text(stream, encoding) as text:
        start = text.read(_LOOK).lstrip("\ufeff \t\r\n")
    if header_of(start.split("\n", 1)[0].strip("\r")):
        return TABLE
    if start.startswith(("{", "[")):
        return AUTO
    if any(speaks(line) for line in start.split("\n")):
        return TEXT
    raise _unfit(path)


def _unfit(path: Path) -> WorkbenchError:
    return WorkbenchError(
        f"{path.name} fits none of the formats ({', '.join(FORMATS[1:])}): `phyassist data convert --help` shows what they look like"
    )


def _from_text(lines: Iterator[str], path: Path, tally: Tally) -> Iterator[Row]:
    found = dialogues(lines, tally)
    first = list(islice(found, 2))
    if not first:
        raise WorkbenchError(f"no line of {path.name} begins with a speaker, as in `来访者：` or `医生：`")
    for number, turns in enumerate(chain(first, found), start=1):
        yield from _made(path.stem if len(first) == 1 else f"{path.stem}-{number}", turns, tally)


def _made(name: str, turns: list[Turn], tally: Tally) -> Iterator[Row]:
    made = conversation(name, turns, tally)
    if made:
        yield made


def _from_records(values: Iterator[Any], path: Path, wanted: str, tally: Tally) -> Iterator[Row]:
    first = list(islice(values, 1))
    whole = bool(first) and is_turn(first[0])  # the file is one dialogue
    first = [[*first, *values]] if whole else [*first, *islice(values, _RECORDS - 1)]
    shape = _shape(first, wanted, path)
    for number, record in enumerate(chain(first, values), start=1):
        if shape.fits(record):
            yield from shape.rows(record, identity(record, path.stem if whole else f"{path.stem}-{number}"), tally)
        else:
            tally.dropped[NOT_THIS] += 1


def _shape(records: Sequence[Any], wanted: str, path: Path) -> Shape:
    """The format of a file's first records; some of them may be broken."""
    if wanted == AUTO:
        found = next(filter(None, map(shape_of, records)), None)
        if found is None:
            raise _unfit(path)
        return found
    if not any(map(SHAPES[wanted].fits, records)):
        raise WorkbenchError(
            f"the first records of {path.name} are not of the format {wanted}: try `{AUTO}`, which tells it by the content"
        )
    return SHAPES[wanted]


class _Names:
    """Ids that are used once: files of several folders may have the same name, and records the same id."""

    def __init__(self) -> None:
        self._used: dict[str, int] = {}

    def apart(self, row: Row) -> Row:
        if not isinstance(row, Conversation):
            return row
        name = row.id
        while name in self._used:
            self._used[row.id] += 1
            name = f"{row.id}-{self._used[row.id]}"
        self._used[name] = 1
        return row if name == row.id else Conversation(name, row.messages)
