"""(problem, analysis, advice) triples as the notes that PhyAssist serves: the prompt is made by the very code that the bot asks with.

A file is CSV, JSON, JSON lines or YAML with the fields `problem`, `analysis` and `advice`, and, where there are any, `questions` and
`language` (en or zh; else the script decides). Analysis, advice and questions are lists, or texts: then each line is an item, and a line
without a bullet is cut into its sentences.

Nobody's name is taken out of them: these are files of your own.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from inference.note import FIELD, Kind, Language, NoteItem, NoteLimits, clean_text, dump_note
from inference.prompt import TurnKind, build_prompt, reported
from training.corpora.cleaning import Drop
from training.corpora.pieces import Corpus, Piece, key_of
from training.corpora.reading import UTF8, Progress, read_records, read_table, silent
from training.workbench.errors import WorkbenchError
from training.workbench.rows import Source

NAME = "triples"
LIMITS = NoteLimits()
_BULLET = re.compile(r"\s*(?:[-*\u2022\u00b7]|\(?\d{1,2}[.)\u3001\uff0e])\s*(?=\S)")
_ENDS = re.compile(
    r"(?<=[.!?])(?<!\b[A-Z]\.)(?<!Dr\.)(?<!Mr\.)(?<!Ms\.)(?<!Mrs\.)(?<!e\.g\.)(?<!i\.e\.)(?<!vs\.)\s+(?=\S)|(?<=[。！？])\s*(?=\S)"
)
_HAN = re.compile(r"[\u4e00-\u9fff]")


def read_triples(path: Path, encoding: str = UTF8, progress: Progress = silent) -> Corpus:
    """A file of triples; those of one problem are a group. A triple that is no note (nothing said of a kind, or too much) is counted.

    Raises:
        WorkbenchError: the file can't be read, or a triple lacks a field or has one of the wrong kind.
    """
    source, rows = _read(path, encoding, progress)
    dropped: Counter[str] = Counter()
    pieces = []
    for place, row in enumerate(rows):
        piece = _piece(place, row, f"entry {place + 1} of {path.name}")
        if isinstance(piece, Drop):
            dropped[piece] += 1
        else:
            pieces.append(piece)
    return Corpus(NAME, (source,), tuple(pieces), dropped=dict(dropped))


def note_prompt(problem: str, language: Language) -> str:
    """The one message that the model is sent for a case's first description."""
    turn = reported(TurnKind.DESCRIPTION, problem, language)
    return build_prompt([turn], language, budget=len(problem)).messages[0]["content"]


def note_items(kind: Kind, said: str | Sequence[str]) -> tuple[NoteItem, ...]:
    """Items of a kind: the entries of a list, or the lines and sentences of a text."""
    texts = [text for one in said for text in _fitting(one)] if not isinstance(said, str) else list(_lines(said))
    return tuple(NoteItem(kind, cleaned) for text in texts if (cleaned := clean_text(text)))


def _read(path: Path, encoding: str, progress: Progress) -> tuple[Source, Sequence[Mapping[str, Any]]]:
    if path.suffix == ".csv":
        table = read_table(path, ("problem", "analysis", "advice"), encoding, progress=progress)
        return table.source, table.rows
    records = read_records(path, encoding)
    return records.source, records.rows


def _piece(place: int, row: Mapping[str, Any], where: str) -> Piece | Drop:
    missing = [name for name in ("problem", "analysis", "advice") if name not in row]
    if missing:
        raise WorkbenchError(f"{where} lacks {', '.join(missing)}")
    problem = row["problem"]
    if not isinstance(problem, str):
        raise WorkbenchError(f"{where}: problem must be text")
    if not problem.strip():
        return Drop.EMPTY
    groups = [note_items(kind, _said(row, field, where)) for kind, field in FIELD.items()]
    analysis, advice, _ = groups
    if not analysis or not advice:
        return Drop.EMPTY
    if any(len(items) > LIMITS.items_per_kind or any(len(item.text) > LIMITS.item_chars for item in items) for items in groups):
        return Drop.NO_NOTE
    key = key_of(problem)
    prompt = note_prompt(problem, _language(row, problem, where))
    return Piece(f"{NAME}-{place}", key, prompt, dump_note(item for items in groups for item in items), key, asked=problem)


def _said(row: Mapping[str, Any], field: str, where: str) -> str | Sequence[str]:
    said = row.get(field) or ""
    if isinstance(said, str) or (isinstance(said, list) and all(isinstance(one, str) for one in said)):
        return said
    raise WorkbenchError(f"{where}: {field} must be text, or a list of texts")


def _language(row: Mapping[str, Any], problem: str, where: str) -> Language:
    said = row.get("language")
    if not said:
        return Language.CHINESE if 5 * len(_HAN.findall(problem)) > len(problem) else Language.ENGLISH
    try:
        return Language(said)
    except ValueError:
        raise WorkbenchError(f"{where}: language is {' or '.join(Language)}") from None


def _lines(text: str) -> Iterator[str]:
    for line in text.splitlines():
        bullet = _BULLET.match(line)
        if bullet:
            yield from _fitting(line[bullet.end() :])
        else:
            yield from _joined(_ENDS.split(line))


def _fitting(item: str) -> Iterator[str]:
    """An item as it is, or its sentences where it is too long for one."""
    if len(item) <= LIMITS.item_chars:
        yield item
    else:
        yield from _joined(_ENDS.split(item))


def _joined(sentences: Sequence[str]) -> Iterator[str]:
    """Sentences, an item each; where there are more than a note may have, neighbours are joined as far as one item holds them."""
    if len(sentences) <= LIMITS.items_per_kind:
        yield from sentences
        return
    at = ""
    for sentence in sentences:
        joined = f"{at}{' ' * (at.isascii() and bool(at))}{sentence}"
        if at and len(joined) > LIMITS.item_chars:
            yield at
            joined = sentence
        at = joined
    yield at
