"""Files of public sets: tables (CSV), JSON, JSON lines, YAML. What can't be read is said in a sentence: the file, the fault, what to do.

Quoting is RFC 4180: fields in quotes may hold commas, line ends and doubled quotes, so lines are never counted as rows. A quote that never
closes would swallow the rest of a file; every row must therefore have as many fields as the header.
"""

import codecs
import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from charset_normalizer import from_bytes

from training.workbench.errors import WorkbenchError
from training.workbench.rows import Source

UTF8 = "utf-8-sig"
"""UTF-8 with or without the mark at the beginning that spreadsheets write."""
GUESSED_FROM = 200_000
"""Bytes that a guess at an encoding looks at."""
STEP = 500
"""Rows between two reports of progress."""

Progress = Callable[[str, int, int], None]
"""Told what is being done, how many rows of it are done, and how many there are about."""


def silent(_what: str, _done: int, _total: int) -> None:
    """Progress that nobody watches."""


@dataclass(frozen=True)
class Table:
    """The rows of a file by the names of their columns, and the file they are from."""

    source: Source
    rows: tuple[Mapping[str, str], ...]


@dataclass(frozen=True)
class Records:
    """The objects of a file of JSON or YAML, and the file they are from."""

    source: Source
    rows: tuple[Mapping[str, Any], ...]


def read_table(
    path: Path, columns: Iterable[str], encoding: str = UTF8, name: str = "", progress: Progress = silent, strict: bool = True
) -> Table:
    """A CSV file that has at least `columns`. `name` stands for the file in manifests, its own name by default.

    Raises:
        WorkbenchError: the file is missing, in another encoding, or no table: columns are missing or doubled, a quote is never closed, or
            a row has more or fewer fields than the header. With `strict` also a quote that closes in the middle of a field.
    """
    data, text = _decoded(path, encoding)
    if "\0" in text:
        raise WorkbenchError(f"{path.name} holds zero bytes: it is no table, or in another encoding than {encoding.removesuffix('-sig')}")
    with _long_fields():
        reader = csv.reader(io.StringIO(text, newline=""), strict=strict)
        try:
            header = next(reader, [])
            _check_header(header, columns, path.name)
            rows = tuple(_rows(reader, header, path.name, text.count("\n"), progress))
        except csv.Error:
            raise WorkbenchError(f"{path.name}, line {reader.line_num}: a quote is missing or too many, mend the file there") from None
    return Table(_source(path, name, data, len(rows)), rows)


def read_records(path: Path, encoding: str = UTF8, name: str = "") -> Records:
    """The objects of a file of JSON lines (also under the ending `.json`), of a JSON array, or of a YAML list.

    Raises:
        WorkbenchError: the file is missing, in another encoding, or holds no list of objects.
    """
    data, text = _decoded(path, encoding)
    found = _yaml(text, path.name) if path.suffix in {".yaml", ".yml"} else _json(text, path.name)
    for number, row in enumerate(found, start=1):
        if not isinstance(row, dict):
            raise WorkbenchError(f"entry {number} of {path.name} is no object with named fields")
    return Records(_source(path, name, data, len(found)), tuple(found))


def read_text(path: Path, encoding: str = UTF8) -> str:
    """A text file, its line ends as `\\n`.

    Raises:
        WorkbenchError: the file is missing or in another encoding.
    """
    return "\n".join(_decoded(path, encoding)[1].replace("\r\n", "\n").split("\r"))


def _decoded(path: Path, encoding: str) -> tuple[bytes, str]:
    try:
        codecs.lookup(encoding)
    except LookupError:
        raise WorkbenchError(f"there is no encoding {encoding}: try utf-8, gb18030 or latin-1") from None
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise WorkbenchError(f"there is no file {path.name} in {path.parent.name or path.parent}") from None
    except IsADirectoryError:
        raise WorkbenchError(f"{path.name} is a folder, not a file") from None
    except PermissionError:
        raise WorkbenchError(f"{path.name} may not be read: change its permissions") from None
    try:
        return data, data.decode(UTF8 if encoding.lower() in {"utf-8", "utf8"} else encoding)
    except UnicodeDecodeError as error:
        raise WorkbenchError(_wrong_encoding(path.name, data, encoding, error.start)) from None


def _wrong_encoding(name: str, data: bytes, encoding: str, at: int) -> str:
    """What is said of a file that has another encoding, with the likeliest one."""
    said = f"{name} is not {encoding.removesuffix('-sig')} (byte {at:,})"
    guess = from_bytes(data[:GUESSED_FROM]).best()
    likely = guess.encoding.replace("_", "-") if guess else ""
    likely = "gb18030" if likely in {"gb2312", "gbk", "cp936", "gb18030"} else likely  # the one that holds them all
    return f"{said}: say which encoding it has (--encoding{f', perhaps {likely}' if likely and likely != encoding else ''})"


def _check_header(header: Sequence[str], columns: Iterable[str], name: str) -> None:
    """Names only columns that were asked for: without a header, the first line is a row."""
    if not header:
        raise WorkbenchError(f"{name} is empty")
    missing = [column for column in columns if column not in header]
    if missing:
        many = "s" if len(missing) > 1 else ""
        raise WorkbenchError(
            f"{name} lacks the column{many} {', '.join(missing)}: is it the right file, in that encoding, with its first line?"
        )
    if len(set(header)) < len(header):
        raise WorkbenchError(f"{name} has two columns of the same name: rename or remove one")


def _rows(reader: Any, header: Sequence[str], name: str, lines: int, progress: Progress) -> Iterator[Mapping[str, str]]:
    for number, fields in enumerate(reader, start=1):
        if not fields:  # an empty line
            continue
        if len(fields) != len(header):
            raise WorkbenchError(
                f"{name}, line {reader.line_num}: {len(fields)} fields instead of {len(header)}, perhaps a quote is missing"
            )
        if number % STEP == 0:
            progress(name, reader.line_num, lines)
        yield dict(zip(header, fields, strict=True))
    progress(name, lines, lines)


@contextmanager
def _long_fields() -> Iterator[None]:
    """Fields of any length: the module's own limit of 131,072 characters is less than a picture in an answer."""
    before = csv.field_size_limit(2**31 - 1)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _json(text: str, name: str) -> list[Any]:
    if text.lstrip().startswith("["):
        try:
            return list(json.loads(text))
        except json.JSONDecodeError as error:
            raise WorkbenchError(f"{name} is no JSON, line {error.lineno}") from None
    return [_json_line(line, number, name) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]


def _json_line(line: str, number: int, name: str) -> Any:
    try:
        return json.loads(line)
    except json.JSONDecodeError:
        raise WorkbenchError(f"line {number} of {name} is no JSON") from None


def _yaml(text: str, name: str) -> list[Any]:
    try:
        found = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        where = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise WorkbenchError(f"{name} is no YAML{where}") from None
    except yaml.YAMLError:
        raise WorkbenchError(f"{name} is no YAML") from None
    if not isinstance(found, list):
        raise WorkbenchError(f"{name} is no list of entries: begin each with a dash")
    return found


def _source(path: Path, name: str, data: bytes, rows: int) -> Source:
    return Source(name or path.name, hashlib.sha256(data).hexdigest(), rows)
