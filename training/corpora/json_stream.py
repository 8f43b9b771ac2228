"""JSON read as a stream: one value after another, whether the file is an array, JSON lines (also under the ending `.json`), or one object.

Only the value at hand is in memory. The standard library's decoder finds where a value ends; a value that is cut off by the end of what was
read so far is tried again with more of it.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, TextIO

from training.workbench.errors import WorkbenchError

_CHUNK = 256 * 1024
_BETWEEN = re.compile(r"[\ufeff \t\r\n,]*")


def json_values(stream: TextIO, name: str) -> Iterator[Any]:
    """The values of a stream: the elements of its array, or its objects one by one. `name` is for errors.

    Raises:
        WorkbenchError: something in it is no JSON; the message says in which line.
    """
    decoder = json.JSONDecoder()
    buffer, place, line = stream.read(_CHUNK), 0, 1
    begins = _blank(buffer, 0)
    in_array = buffer.startswith("[", begins)
    if in_array:
        place, line = begins + 1, line + buffer.count("\n", 0, begins)
    while True:
        start = _blank(buffer, place)
        line, place = line + buffer.count("\n", place, start), start
        if in_array and buffer.startswith("]", place):
            _check_end(buffer[place + 1 :], stream, name, line)
            return
        value, end = _value(decoder, buffer, place)
        if end is not None:
            yield value
            line, place = line + buffer.count("\n", place, end), end
        elif more := stream.read(max(_CHUNK, len(buffer) - place)):
            buffer, place = buffer[place:] + more, 0
        elif place < len(buffer) or in_array:
            raise WorkbenchError(f"{name}, line {line}: no JSON from here on, or it is cut off; mend the file there")
        else:
            return


def _value(decoder: json.JSONDecoder, buffer: str, place: int) -> tuple[Any, int | None]:
    """The value that begins at a place and where it ends; None for the end if it may go on beyond the buffer."""
    try:
        value, end = decoder.raw_decode(buffer, place)
    except json.JSONDecodeError:
        return None, None
    return value, None if end == len(buffer) and isinstance(value, int | float) else end


def _blank(buffer: str, place: int) -> int:
    found = _BETWEEN.match(buffer, place)
    return found.end() if found else place


def _check_end(rest: str, stream: TextIO, name: str, line: int) -> None:
    while not rest.strip():
        line += rest.count("\n")
        if not (rest := stream.read(_CHUNK)):
            return
    line += rest[: len(rest) - len(rest.lstrip())].count("\n")
    raise WorkbenchError(f"{name}, line {line}: the array ends before this; one file holds one array, split it")
