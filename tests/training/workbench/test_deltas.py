"""Weight deltas: bit by bit the tuned model, from the right base alone."""

import json
import shutil
import struct
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import save_file

from training.weights import deltas
from training.weights.bits import decode, encode
from training.weights.deltas import apply_delta, check_base, check_result, make_delta, read_delta
from training.weights.layout import read_layout
from training.workbench.artifacts import read_manifest, sha256_of
from training.workbench.errors import WorkbenchError

WIDTHS = {"BF16": 2, "F16": 2, "F32": 4}


def a_model(folder: Path, *files: dict[str, torch.Tensor]) -> Path:
    """A folder with weights files and a configuration."""
    folder.mkdir(parents=True)
    for place, tensors in enumerate(files):
        save_file(tensors, folder / f"model-{place}.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps({"model_type": folder.name}))
    return folder


def numbers(*shape: int, dtype: torch.dtype = torch.bfloat16, seed: int = 0) -> torch.Tensor:
    """Random weights."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).to(dtype)


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """A base of two files, and what became of it: one tensor the same, one tuned, one with rows added, one new."""
    embedding = numbers(10, 4)
    base = a_model(tmp_path / "base", {"a.weight": numbers(6, 4, seed=1), "b.weight": numbers(4, seed=2)}, {"embed.weight": embedding})
    tuned = a_model(
        tmp_path / "tuned",
        {"embed.weight": torch.cat([embedding + 0.01, numbers(3, 4, seed=3)]), "new.weight": numbers(2, 2, seed=4)},
        {"a.weight": numbers(6, 4, seed=1) * 1.01, "b.weight": numbers(4, seed=2)},
    )
    return base, tuned


@given(st.binary(max_size=200), st.binary(max_size=200), st.sampled_from([1, 2, 4, 8]))
def test_any_bytes_come_back(base: bytes, tuned: bytes, width: int) -> None:
    """Whatever the bits are, not-a-number and what is no whole number too, and however long the base is."""
    assert decode(base, encode(base, tuned, width), len(tuned), width) == tuned


@settings(max_examples=20)
@given(st.data(), st.sampled_from(sorted(WIDTHS)), st.lists(st.integers(0, 5), max_size=3))
def test_any_type_and_shape_comes_back(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, dtype: str, shape: list[int]) -> None:
    """Tensors of every type and shape, with arbitrary bits, are the same after make and apply, file by file."""
    size = WIDTHS[dtype]
    for side in shape:
        size *= side
    raw = [data.draw(st.binary(min_size=size, max_size=size)) for _ in range(2)]
    folder = tmp_path_factory.mktemp("any")
    for name, content in zip(("base", "tuned"), raw, strict=True):
        (folder / name).mkdir()
        header = json.dumps({"w": {"dtype": dtype, "shape": shape, "data_offsets": [0, size]}}).encode()
        (folder / name / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + content)
    make_delta(folder / "base", folder / "tuned", folder / "delta")
    apply_delta(folder / "base", read_delta(folder / "delta"), folder / "result")
    assert (folder / "result" / "model.safetensors").read_bytes() == (folder / "tuned" / "model.safetensors").read_bytes()


def test_the_result_is_the_tuned_model(pair: tuple[Path, Path], tmp_path: Path) -> None:
    """Files come back byte by byte, with added rows, new tensors and other shards; size and checksums are told."""
    base, tuned = pair
    size = make_delta(base, tuned, tmp_path / "delta")
    assert (size.tensors, size.new, size.same) == (4, 1, 1)
    delta = read_delta(tmp_path / "delta")
    check_base(delta, base)
    check_result(delta, tuned)
    apply_delta(base, delta, tmp_path / "result")
    names = sorted(path.name for path in tuned.iterdir())
    assert sorted(path.name for path in (tmp_path / "result").iterdir()) == sorted([*names, "manifest.json"])
    assert all(sha256_of(tmp_path / "result" / name) == sha256_of(tuned / name) for name in names)
    check_result(delta, tmp_path / "result")
    made = read_manifest(tmp_path / "result", "model").made
    assert made["sha256"] == {"base": delta.index.base_sha256, "result": delta.index.tuned_sha256}


def test_tensors_of_several_pieces_come_back(pair: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is longer than one piece of memory is the same as in one."""
    base, tuned = pair
    monkeypatch.setattr(deltas, "CHUNK_BYTES", 16)
    make_delta(base, tuned, tmp_path / "delta")
    delta = read_delta(tmp_path / "delta")
    assert max(len(one.pieces) for one in delta.index.tensors) > 3
    apply_delta(base, delta, tmp_path / "result")
    check_result(delta, tmp_path / "result")


@pytest.mark.parametrize("narrow", [torch.bfloat16, torch.float16])
def test_a_base_of_16_bits_and_a_model_of_32(tmp_path: Path, narrow: torch.dtype) -> None:
    """What full fine-tuning makes of a published base: float32, and still a difference to it, with no byte for what stayed."""
    same = numbers(8, dtype=narrow, seed=1)
    before = numbers(64, 8, dtype=narrow)
    after = before.float()
    after[::2] += 1e-4
    base = a_model(tmp_path / "base", {"w": before, "v": same})
    tuned = a_model(tmp_path / "tuned", {"w": after, "v": same.float()})
    size = make_delta(base, tuned, tmp_path / "delta")
    assert (size.same, size.new) == (1, 0)
    apply_delta(base, read_delta(tmp_path / "delta"), tmp_path / "result")
    assert sha256_of(tmp_path / "result" / "model-0.safetensors") == sha256_of(tuned / "model-0.safetensors")


def test_a_base_in_other_files_will_do(pair: tuple[Path, Path], tmp_path: Path) -> None:
    """The same tensors in one file instead of two are the same base."""
    base, tuned = pair
    make_delta(base, tuned, tmp_path / "delta")
    tensors = {}
    for path in base.glob("*.safetensors"):
        with safe_open(path, "pt") as file:
            tensors |= {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # it is no mapping
    apply_delta(a_model(tmp_path / "whole", tensors), read_delta(tmp_path / "delta"), tmp_path / "result")
    check_result(read_delta(tmp_path / "delta"), tmp_path / "result")


def test_a_wrong_base_is_named(pair: tuple[Path, Path], tmp_path: Path) -> None:
    """One other number in one tensor: apply and verify say which tensor of which file, and nothing is written."""
    base, tuned = pair
    make_delta(base, tuned, tmp_path / "delta")
    delta = read_delta(tmp_path / "delta")
    changed = {"a.weight": numbers(6, 4, seed=9), "b.weight": numbers(4, seed=2)}
    other = a_model(tmp_path / "other", changed, {"embed.weight": numbers(10, 4)})
    with pytest.raises(WorkbenchError, match=r"a\.weight in model-0\.safetensors has other numbers"):
        apply_delta(other, delta, tmp_path / "result")
    with pytest.raises(WorkbenchError, match=r"other is not the base .*a\.weight in model-0\.safetensors"):
        check_base(delta, other)
    small = a_model(tmp_path / "small", {"a.weight": numbers(6, 4, seed=1), "b.weight": numbers(5, seed=2)})
    with pytest.raises(WorkbenchError, match=r"embed\.weight is not there; b\.weight in .* is BF16 \[5\], not BF16 \[4\]"):
        apply_delta(small, delta, tmp_path / "result")
    assert not (tmp_path / "result").exists()
    assert not list(tmp_path.glob(".result*"))


def test_a_result_that_was_changed_is_found(pair: tuple[Path, Path], tmp_path: Path) -> None:
    """A model that is not what the delta makes is told by tensor and by file."""
    base, tuned = pair
    make_delta(base, tuned, tmp_path / "delta")
    (tuned / "config.json").write_text("{}")
    with pytest.raises(WorkbenchError, match=r"tuned is not what this delta makes: config\.json"):
        check_result(read_delta(tmp_path / "delta"), tuned)
    with pytest.raises(WorkbenchError, match=r"embed\.weight in .* is BF16 \[10, 4\], not BF16 \[13, 4\]"):
        check_result(read_delta(tmp_path / "delta"), base)


@pytest.mark.parametrize("name", [deltas.DIFFERENCES, deltas.INDEX])
def test_a_changed_delta_is_refused(pair: tuple[Path, Path], tmp_path: Path, name: str) -> None:
    """A bit that flipped on the way is found before anything is written."""
    make_delta(*pair, tmp_path / "delta")
    content = bytearray((tmp_path / "delta" / name).read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "delta" / name).write_bytes(content)
    with pytest.raises(WorkbenchError, match="was changed"):
        read_delta(tmp_path / "delta")


def test_a_delta_of_strangers_writes_nowhere_else(pair: tuple[Path, Path], tmp_path: Path) -> None:
    """A file name that leads out of the folder is refused, even where all checksums are right."""
    make_delta(*pair, tmp_path / "delta")
    index, manifest = tmp_path / "delta" / deltas.INDEX, tmp_path / "delta" / "manifest.json"
    before = sha256_of(index)
    index.write_text(index.read_text().replace('"config.json"', '"../config.json"'))
    size = json.loads(manifest.read_text())
    size["files"][deltas.INDEX] = {"sha256": sha256_of(index), "bytes": index.stat().st_size}
    manifest.write_text(json.dumps(size))
    assert before != sha256_of(index)
    with pytest.raises(WorkbenchError, match=r"delta\.json of delta can't be read"):
        read_delta(tmp_path / "delta")


def test_models_that_don_t_belong_together_are_refused(tmp_path: Path) -> None:
    """Another type, another width, nothing in common: each said, with the tensor."""
    base = a_model(tmp_path / "base", {"a.weight": numbers(6, 4)})
    for name, tensors, told in (
        ("types", {"a.weight": numbers(6, 4, dtype=torch.float16)}, "is BF16 in base and F16 in types"),
        ("widths", {"a.weight": numbers(6, 5)}, "only rows may be added"),
        ("others", {"b.weight": numbers(6, 4)}, "no tensor in common"),
    ):
        with pytest.raises(WorkbenchError, match=told):
            make_delta(base, a_model(tmp_path / name, tensors), tmp_path / "delta")
    assert not (tmp_path / "delta").exists()


def test_damaged_weights_are_refused(pair: tuple[Path, Path], tmp_path: Path) -> None:
    """A file cut short, no weights, or weights in .bin files: each a sentence that says what to do."""
    base, _ = pair
    shutil.copytree(base, tmp_path / "cut")
    path = tmp_path / "cut" / "model-0.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(WorkbenchError, match="damaged or cut short"):
        read_layout(tmp_path / "cut")
    (tmp_path / "pickled").mkdir()
    with pytest.raises(WorkbenchError, match="no weights"):
        read_layout(tmp_path / "pickled")
    (tmp_path / "pickled" / "pytorch_model.bin").touch()
    with pytest.raises(WorkbenchError, match="save it again, as safetensors"):
        read_layout(tmp_path / "pickled")


def test_small_changes_take_little_room(tmp_path: Path) -> None:
    """A bfloat16 model that fine-tuning moved a little gives a delta of less than a third of its size."""
    before = numbers(256, 256, dtype=torch.float32) * 0.02
    after = before + 1e-5 * numbers(256, 256, dtype=torch.float32, seed=1)
    base, tuned = (a_model(tmp_path / name, {"w": w.to(torch.bfloat16)}) for name, w in (("base", before), ("tuned", after)))
    size = make_delta(base, tuned, tmp_path / "delta")
    assert size.differences < size.weights / 3
