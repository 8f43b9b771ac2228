"""JSON read as a stream: one value after another, whether the file is an array, JSON lines (also under the ending `.json`), or one object.

Only the value at hand is in memory. The standard library's decoder finds where a value ends; a value that is cut off by the end of what was
read so far is tried again with more of it.
"""

import json
from collections.abc import Iterator
from typing import Any, TextIO

from training.workbench.errors import WorkbenchError

_CHUNK = 256 * 1024
_BETWEEN = " \t\r\n,"


def json_values(stream: TextIO, name: str) -> Iterator[Any]:
    """The values of a stream: the elements of its array, or its objects one by one. `name` is for errors.

    Raises:
        WorkbenchError: something in it is no JSON; the message says in which line.
    """
    decoder = json.JSONDecoder()
    buffer, line, in_array = stream.read(_CHUNK), 1, False
    if buffer.lstrip("\ufeff" + _BETWEEN).startswith("["):
        in_array = True
        before, _, buffer = buffer.partition("[")
        line += before.count("\n")
    while True:
        start = len(buffer) - len(buffer.lstrip("\ufeff" + _BETWEEN))
        line += buffer.count("\n", 0, start)
        buffer = buffer[start:]
        if in_array and buffer.startswith("]"):
            return
        try:
            value, end = decoder.raw_decode(buffer) if buffer else (None, 0)
        except json.JSONDecodeError:
            value, end = None, 0
        if end and (end < len(buffer) or isinstance(value, dict | list | str)):
            yield value
            line += buffer.count("\n", 0, end)
            buffer = buffer[end:]
            continue
        if not (more := stream.read(max(_CHUNK, len(buffer)))):
            if buffer.strip() or in_array:
                raise WorkbenchError(f"{name}, line {line}: no JSON from here on, or it is cut off; mend the file there")
            return
        buffer += more
