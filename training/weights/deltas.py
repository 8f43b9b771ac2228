"""Weight deltas: what turns a base model into a tuned one, for weights whose licence lets nobody pass on the base.

    DELTA/delta.json     of every tensor: type, shape, checksum in the base and in the result; of every file of the result: its checksum
          delta.bin      the differences (`bits`), one piece after the other
          headers/…      the first bytes of each weights file of the tuned model
          files/…        its configuration, tokenizer, chat template, as they are
          manifest.json  kind "delta"

Nothing but one piece of one tensor is held in memory, so that a model of 7 billion weights takes no more of it than a small one. The
files that `apply_delta` writes are those that the delta was made of, byte by byte. A base in other files (other shards) with the same
tensors does as well.
"""

import hashlib
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Annotated, BinaryIO

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from training.weights.bits import WIDENS, decode, encode, widened
from training.weights.layout import CHUNK_BYTES, Layout, StoredTensor, read_layout
from training.weights.origin import lineage_of, made_of
from training.workbench.artifacts import MANIFEST, FileEntry, Manifest, new_folder, read_manifest, sha256_of, write_manifest
from training.workbench.errors import WorkbenchError
from training.workbench.places import MODEL

KIND = "delta"
INDEX, DIFFERENCES, HEADERS, FILES = "delta.json", "delta.bin", "headers", "files"
WEIGHTS = {".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".gguf"}
"""Files that hold weights; of these, a delta has safetensors alone, as differences."""
NAMED = 3
"""So many tensors are named in a message, the others counted."""

Told = Callable[[str], None]
"""Gets a line about how far it is."""


def _plain(name: str) -> str:
    if Path(name).name != name or name in {"", ".", "..", MANIFEST}:
        raise ValueError("no plain file name")
    return name


PlainName = Annotated[str, AfterValidator(_plain)]
"""A delta may come from strangers: no name in it leads out of the folder that is written."""


class Difference(BaseModel):
    """One tensor of the tuned model. What is said of the base is None where it has none of this name. The differences begin
    `at` that byte of `delta.bin`; `pieces` are their lengths, none where nothing changed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tensor: StoredTensor
    base_dtype: str | None
    base_shape: tuple[int, ...] | None
    base_sha256: str | None
    sha256: str
    at: int
    pieces: tuple[int, ...]


class DeltaIndex(BaseModel):
    """`weights` are the weights files of the result, `files` the others; the two checksums are over those of the tensors."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base_sha256: str
    tuned_sha256: str
    tensors: tuple[Difference, ...]
    weights: Mapping[PlainName, FileEntry]
    files: Mapping[PlainName, FileEntry]


@dataclass(frozen=True)
class Delta:
    """A delta that was read and verified: every byte of it is the one that was written."""

    folder: Path
    manifest: Manifest
    index: DeltaIndex


@dataclass(frozen=True)
class DeltaSize:
    """Bytes of the tuned model's weights, and of the differences; tensors, and those that the base has none of, or the same."""

    weights: int
    differences: int
    tensors: int
    new: int
    same: int


def make_delta(base: Path, tuned: Path, target: Path, told: Told = lambda _: None) -> DeltaSize:
    """Writes the delta that turns `base` into `tuned`, two model folders.

    Raises:
        WorkbenchError: the two don't belong together (no tensor in common, another type, another width), a file is damaged, or nothing can
            be written at `target`.
    """
    before, after = read_layout(base), read_layout(tuned)
    _check_related(before, after)
    with new_folder(target) as folder:
        weights = _keep_headers(after, folder / HEADERS)
        files = _keep_files(tuned, folder / FILES)
        with (folder / DIFFERENCES).open("wb") as file:
            tensors = tuple(_difference(before, after, tensor, file, told) for tensor in after.tensors.values())
        index = DeltaIndex(
            base_sha256=_digest((one.tensor.name, one.base_sha256) for one in tensors if one.base_sha256),
            tuned_sha256=_digest((one.tensor.name, one.sha256) for one in tensors),
            tensors=tensors,
            weights=weights,
            files=files,
        )
        (folder / INDEX).write_text(index.model_dump_json(indent=1) + "\n", encoding="utf-8")
        size = DeltaSize(
            weights=sum(entry.bytes for entry in weights.values()),
            differences=(folder / DIFFERENCES).stat().st_size,
            tensors=len(tensors),
            new=sum(one.base_sha256 is None for one in tensors),
            same=sum(one.base_sha256 is not None and not one.pieces for one in tensors),
        )
        parents = (lineage_of(base, "base"), lineage_of(tuned, "tuned"))
        write_manifest(folder, KIND, {**made_of("train delta make", parents), "sha256": _sums(index), "size": size.__dict__})
    return size


def read_delta(folder: Path) -> Delta:
    """A delta, verified to the last byte.

    Raises:
        WorkbenchError: it is none, or was changed or cut short.
    """
    manifest = read_manifest(folder, KIND)
    try:
        index = DeltaIndex.model_validate_json((folder / INDEX).read_bytes())
    except (ValidationError, FileNotFoundError):
        raise WorkbenchError(f"{INDEX} of {folder.name} can't be read: get the delta again") from None
    return Delta(folder, manifest, index)


def check_base(delta: Delta, base: Path) -> None:
    """Returns where `base` has the tensors that the delta was made of.

    Raises:
        WorkbenchError: it has not; the message says which tensors of which files differ.
    """
    layout = read_layout(base)
    wrong = [found for one in delta.index.tensors if (found := _wrong_in_base(layout, one))]
    if wrong:
        raise _another_base(base, wrong)


def check_result(delta: Delta, model: Path) -> None:
    """Returns where `model` is what the delta makes: every tensor and every other file.

    Raises:
        WorkbenchError: it is not; the message says which tensors or files differ.
    """
    layout = read_layout(model)
    wrong = [found for one in delta.index.tensors if (found := _wrong_in_result(layout, one))]
    for name, entry in delta.index.files.items():
        if not (model / name).is_file() or sha256_of(model / name) != entry.sha256:
            wrong.append(name)
    if wrong:
        raise WorkbenchError(f"{model.name} is not what this delta makes: {_some(wrong)}")


def apply_delta(base: Path, delta: Delta, target: Path, told: Told = lambda _: None) -> None:
    """Writes the tuned model, the same bytes that the delta was made of; every tensor and every file is checked as it is written.

    Raises:
        WorkbenchError: it is another base (the message names the tensor and its file), or nothing can be written at `target`.
    """
    layout = read_layout(base)
    wrong = [found for one in delta.index.tensors if (found := _misfit(layout, one))]
    if wrong:  # before gigabytes are read
        raise _another_base(base, wrong)
    with new_folder(target) as folder:
        for name, entry in delta.index.weights.items():
            told(f"{name}, {entry.bytes / 1e6:.1f} MB")
            with (folder / name).open("wb") as file, (delta.folder / DIFFERENCES).open("rb") as differences:
                file.write((delta.folder / HEADERS / name).read_bytes())
                for one in delta.index.tensors:
                    if one.tensor.file == name:
                        _restore(layout, one, differences, file)
            if sha256_of(folder / name) != entry.sha256:
                raise WorkbenchError(f"{name} did not become the file that the delta was made of: get the delta again")
        for name in delta.index.files:
            shutil.copyfile(delta.folder / FILES / name, folder / name)
        parents = (lineage_of(base, "base"), lineage_of(delta.folder, "delta"))
        write_manifest(folder, MODEL, {**made_of("train delta apply", parents), "sha256": _sums(delta.index)})


def _check_related(before: Layout, after: Layout) -> None:
    pairs = [(before.tensors[name], tensor) for name, tensor in after.tensors.items() if name in before.tensors]
    if not pairs:
        raise WorkbenchError(f"{before.folder.name} and {after.folder.name} have no tensor in common: {after.folder.name} has another base")
    for old, new in pairs:
        if old.dtype != new.dtype and (old.dtype, new.dtype) not in WIDENS:
            raise WorkbenchError(
                f"{new.name} is {old.dtype} in {before.folder.name} and {new.dtype} in {after.folder.name}: save the tuned model in the "
                "base's type, or in float32"
            )
        if old.shape[1:] != new.shape[1:] or len(old.shape) != len(new.shape):
            raise WorkbenchError(
                f"{new.name} is {old.described} in {before.folder.name} and {new.described} in {after.folder.name}: only rows may be added"
            )


def _keep_headers(layout: Layout, folder: Path) -> dict[str, FileEntry]:
    folder.mkdir()
    entries = {}
    for name, header in layout.headers.items():
        (folder / name).write_bytes(header)
        path = layout.folder / name
        entries[name] = FileEntry(sha256=sha256_of(path), bytes=path.stat().st_size)
    return entries


def _keep_files(model: Path, folder: Path) -> dict[str, FileEntry]:
    folder.mkdir()
    entries = {}
    for path in sorted(model.iterdir()):
        if path.is_file() and path.suffix not in WEIGHTS and path.name != MANIFEST and not path.name.startswith("."):
            shutil.copyfile(path, folder / path.name)
            entries[path.name] = FileEntry(sha256=sha256_of(folder / path.name), bytes=path.stat().st_size)
    return entries


def _difference(before: Layout, after: Layout, tensor: StoredTensor, file: BinaryIO, told: Told) -> Difference:
    told(f"{tensor.name}, {tensor.described}")
    old = before.tensors.get(tensor.name)
    base_sum, tuned_sum = hashlib.sha256(), hashlib.sha256()
    at, lengths = file.tell(), []
    for old_piece, new_piece in zip_longest(_base_pieces(before, tensor, old), after.pieces(tensor, CHUNK_BYTES), fillvalue=b""):
        base_sum.update(old_piece)
        tuned_sum.update(new_piece)
        old_piece = widened(old_piece, old.dtype, tensor.dtype) if old else b""  # noqa: PLW2901  # the same numbers
        lengths.append(file.write(encode(old_piece, new_piece, tensor.width)))
    return Difference(
        tensor=tensor,
        base_dtype=old.dtype if old else None,
        base_shape=old.shape if old else None,
        base_sha256=base_sum.hexdigest() if old else None,
        sha256=tuned_sum.hexdigest(),
        at=at,
        pieces=tuple(lengths) if any(lengths) else (),
    )


def _restore(layout: Layout, one: Difference, differences: BinaryIO, file: BinaryIO) -> None:
    """Writes a tensor of the result to `file`."""
    old = layout.tensors[one.tensor.name] if one.base_sha256 else None
    base_sum, result_sum = hashlib.sha256(), hashlib.sha256()
    differences.seek(one.at)
    lengths = iter(one.pieces)
    left = one.tensor.bytes
    old_pieces = _base_pieces(layout, one.tensor, old)
    while True:
        old_piece, length = next(old_pieces, b""), min(left, CHUNK_BYTES)
        if not old_piece and not length:
            break
        base_sum.update(old_piece)
        old_piece = widened(old_piece, old.dtype, one.tensor.dtype) if old else b""
        try:
            piece = decode(old_piece, differences.read(next(lengths, 0)), length, one.tensor.width)
        except ValueError:
            raise WorkbenchError(f"the difference of {one.tensor.name} is damaged: get the delta again") from None
        result_sum.update(piece)
        file.write(piece)
        left -= length
    if old and base_sum.hexdigest() != one.base_sha256:
        raise _another_base(layout.folder, [f"{old.name} in {old.file} has other numbers"])
    if result_sum.hexdigest() != one.sha256:
        raise WorkbenchError(f"{one.tensor.name} did not become the tensor that the delta was made of: get the delta again")


def _base_pieces(layout: Layout, tensor: StoredTensor, old: StoredTensor | None) -> Iterator[bytes]:
    """The base's bytes, as many numbers at a time as `CHUNK_BYTES` has of the tuned tensor's."""
    return layout.pieces(old, CHUNK_BYTES * old.width // tensor.width) if old else iter(())


def _misfit(layout: Layout, one: Difference) -> str | None:
    """What is wrong with the base's tensor, as far as its header tells."""
    if one.base_shape is None:
        return None
    old = layout.tensors.get(one.tensor.name)
    if old is None:
        return f"{one.tensor.name} is not there"
    if (old.dtype, old.shape) != (one.base_dtype, one.base_shape):
        return f"{old.name} in {old.file} is {old.described}, not {one.base_dtype} {list(one.base_shape)}"
    return None


def _wrong_in_base(layout: Layout, one: Difference) -> str | None:
    if one.base_sha256 is None:
        return None
    return _misfit(layout, one) or _other_numbers(layout, one.tensor.name, one.base_sha256)


def _wrong_in_result(layout: Layout, one: Difference) -> str | None:
    found = layout.tensors.get(one.tensor.name)
    if found is None:
        return f"{one.tensor.name} is not there"
    if (found.dtype, found.shape) != (one.tensor.dtype, one.tensor.shape):
        return f"{found.name} in {found.file} is {found.described}, not {one.tensor.described}"
    return _other_numbers(layout, found.name, one.sha256)


def _other_numbers(layout: Layout, name: str, sha256: str) -> str | None:
    tensor = layout.tensors[name]
    found = hashlib.sha256()
    for piece in layout.pieces(tensor, CHUNK_BYTES):
        found.update(piece)
    return None if found.hexdigest() == sha256 else f"{name} in {tensor.file} has other numbers"


def _another_base(base: Path, wrong: Sequence[str]) -> WorkbenchError:
    return WorkbenchError(f"{base.name} is not the base that this delta was made of: {_some(wrong)}")


def _some(wrong: Sequence[str]) -> str:
    more = f"; and {len(wrong) - NAMED} more" if len(wrong) > NAMED else ""
    return "; ".join(wrong[:NAMED]) + more


def _digest(sums: Iterable[tuple[str, str]]) -> str:
    """One checksum for all tensors, whatever files they lie in."""
    return hashlib.sha256("".join(f"{name} {checksum}\n" for name, checksum in sorted(sums)).encode()).hexdigest()


def _sums(index: DeltaIndex) -> dict[str, str]:
    return {"base": index.base_sha256, "result": index.tuned_sha256}
