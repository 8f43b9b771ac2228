"""Where each tensor of a model folder lies in its safetensors files, so that one can be read at a time, a piece at a time.

Reads the format itself (eight bytes of length, a JSON header, the numbers): the library hands out tensors, and a delta needs the header's
own bytes, to write a file again as it was.
"""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.workbench.errors import WorkbenchError

CHUNK_BYTES = 1 << 24
"""Bytes that are read at a time: a multiple of every width of a number."""
MOST_HEADER_BYTES = 100_000_000
"""The limit of the safetensors format."""


@dataclass(frozen=True)
class StoredTensor:
    """A tensor in a file: `dtype` as safetensors writes it (`BF16`), `begin` counted from the file's first byte."""

    name: str
    file: str
    dtype: str
    shape: tuple[int, ...]
    begin: int
    bytes: int

    @property
    def width(self) -> int:
        """Bytes of a number; 1 where numbers are smaller than a byte."""
        numbers = math.prod(self.shape)
        return max(1, self.bytes // numbers) if numbers else 1

    @property
    def described(self) -> str:
        """Type and shape, for messages."""
        return f"{self.dtype} {list(self.shape)}"


@dataclass(frozen=True)
class Layout:
    """The weights of a folder. `headers` has the first bytes of each file, up to the first number; tensors come in the order of the files,
    and within a file in that of their numbers."""

    folder: Path
    headers: Mapping[str, bytes]
    tensors: Mapping[str, StoredTensor]

    def of_file(self, file: str) -> list[StoredTensor]:
        """The tensors of a file, in the order of their numbers."""
        return [tensor for tensor in self.tensors.values() if tensor.file == file]

    def pieces(self, tensor: StoredTensor, size: int) -> Iterator[bytes]:
        """The bytes of a tensor, so many at a time.

        Raises:
            WorkbenchError: the file is shorter than it was.
        """
        with (self.folder / tensor.file).open("rb") as file:
            file.seek(tensor.begin)
            left = tensor.bytes
            while left:
                piece = file.read(min(left, size))
                if not piece:
                    raise WorkbenchError(f"{tensor.file} of {self.folder.name} became shorter while it was read")
                left -= len(piece)
                yield piece


def read_layout(folder: Path) -> Layout:
    """The layout of all safetensors files of a model folder.

    Raises:
        WorkbenchError: there are none, one is damaged or cut short, or two files have a tensor of one name.
    """
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise WorkbenchError(_nothing(folder))
    headers: dict[str, bytes] = {}
    tensors: dict[str, StoredTensor] = {}
    for path in files:
        headers[path.name], found = _read_header(path)
        for tensor in found:
            if tensor.name in tensors:
                both = f"{tensors[tensor.name].file} and {path.name}"
                raise WorkbenchError(f"{tensor.name} is in two files of {folder.name}, {both}: remove one of them")
            tensors[tensor.name] = tensor
    return Layout(folder, headers, tensors)


def _nothing(folder: Path) -> str:
    if not folder.is_dir():
        return f"there is no folder {folder.name}"
    if any(folder.glob("*.bin")):
        return f"{folder.name} has its weights in .bin files only: load it with transformers and save it again, as safetensors"
    return f"there are no weights (*.safetensors) in {folder.name}"


def _read_header(path: Path) -> tuple[bytes, list[StoredTensor]]:
    damaged = WorkbenchError(f"{path.name} of {path.parent.name} is damaged or cut short: copy or download it again")
    size = path.stat().st_size
    with path.open("rb") as file:
        first = file.read(8)
        length = int.from_bytes(first, "little")
        if len(first) < 8 or length > min(size - 8, MOST_HEADER_BYTES):
            raise damaged
        header = first + file.read(length)
    try:
        entries = json.loads(header[8:])
        found = [_tensor(name, path.name, entry, len(header)) for name, entry in entries.items() if name != "__metadata__"]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise damaged from None
    found.sort(key=lambda tensor: (tensor.begin, tensor.bytes))
    end = len(header)
    for tensor in found:  # the format allows no holes and no overlaps
        if tensor.begin != end or tensor.bytes < 0:
            raise damaged
        end += tensor.bytes
    if end != size:
        raise damaged
    return header, found


def _tensor(name: str, file: str, entry: Mapping[str, Any], start: int) -> StoredTensor:
    begin, end = map(int, entry["data_offsets"])
    return StoredTensor(name, file, str(entry["dtype"]), tuple(map(int, entry["shape"])), start + begin, end - begin)
