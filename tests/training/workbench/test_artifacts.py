"""Folders of the workbench: there completely or not at all, verified when they are read."""

import os
import resource
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file

from training.corpora.belle import write_belle
from training.workbench.artifacts import MANIFEST, new_folder, read_manifest, sha256_of, write_manifest
from training.workbench.errors import WorkbenchError
from training.workbench.rows import Conversation, Turn

ROOT = Path(__file__).parents[3]


def make(target: Path, text: str = "rows") -> None:
    """A small whole folder of kind `thing`."""
    with new_folder(target) as folder:
        (folder / "inner").mkdir()
        (folder / "inner" / "a.txt").write_text(text)
        write_manifest(folder, "thing", {"of": "nothing"})


def test_a_folder_is_read_back(tmp_path: Path) -> None:
    """What was made is described by its manifest: files below folders too, with size and hash, and the versions it was made with."""
    make(tmp_path / "a" / "b")
    manifest = read_manifest(tmp_path / "a" / "b", "thing")
    assert manifest.made == {"of": "nothing"}
    assert set(manifest.files) == {"inner/a.txt"}
    assert manifest.files["inner/a.txt"].sha256 == sha256_of(tmp_path / "a" / "b" / "inner" / "a.txt")
    assert {"python", "torch", "phyassist"} <= set(manifest.versions)
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b"]
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700


def test_what_fails_leaves_nothing(tmp_path: Path) -> None:
    """An error in between removes what was staged, and the name stays free."""
    with pytest.raises(KeyError), new_folder(tmp_path / "out") as folder:
        (folder / "a.txt").write_text("half")
        raise KeyError
    assert list(tmp_path.iterdir()) == []
    make(tmp_path / "out")


def test_a_killed_process_leaves_nothing_that_is_taken_for_whole(tmp_path: Path) -> None:
    """After kill -9 the target isn't there, what was staged isn't read, and the next attempt replaces it."""
    script = f"""
        import os, signal
        from pathlib import Path
        from training.workbench.artifacts import new_folder, write_manifest
        with new_folder(Path({str(tmp_path / "out")!r})) as folder:
            (folder / "stale.txt").write_text("half")
            write_manifest(folder, "thing", {{}})
            os.kill(os.getpid(), signal.SIGKILL)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False)
    assert done.returncode == -signal.SIGKILL
    assert [path.name for path in tmp_path.iterdir()] == [".out.partial"]
    with pytest.raises(WorkbenchError, match="never completed"):
        read_manifest(tmp_path / "out", "thing")
    make(tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert set(read_manifest(tmp_path / "out", "thing").files) == {"inner/a.txt"}


def test_two_at_once_do_not_mix(tmp_path: Path) -> None:
    """Who comes second is told so, and the first one's files stay its own."""
    with new_folder(tmp_path / "out") as folder:
        (folder / "a.txt").write_text("mine")
        with pytest.raises(WorkbenchError, match="another process"):
            make(tmp_path / "out")
        assert (folder / "a.txt").read_text() == "mine"
        write_manifest(folder, "thing", {})
    assert set(read_manifest(tmp_path / "out", "thing").files) == {"a.txt"}


def test_what_is_there_is_not_overwritten(tmp_path: Path) -> None:
    """A folder with anything in it, a file, and a folder that appeared meanwhile are refused; an empty folder is filled."""
    make(tmp_path / "out", "first")
    with pytest.raises(WorkbenchError, match="is there already"):
        make(tmp_path / "out", "second")
    assert (tmp_path / "out" / "inner" / "a.txt").read_text() == "first"
    (tmp_path / "file").write_text("x")
    with pytest.raises(WorkbenchError, match="is there already"):
        make(tmp_path / "file")
    with pytest.raises(WorkbenchError, match="file is a file"):
        make(tmp_path / "file" / "below" / "deep")
    (tmp_path / "empty").mkdir()
    make(tmp_path / "empty")
    with pytest.raises(WorkbenchError, match="meanwhile"), new_folder(tmp_path / "late"):
        (tmp_path / "late").mkdir()
        (tmp_path / "late" / "other.txt").write_text("x")


def test_the_folder_one_is_in_has_a_name_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`.` is the folder that it stands for."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    make(Path())
    assert read_manifest(tmp_path / "here", "thing").kind == "thing"


def test_a_full_disk_is_an_error_that_says_so(tmp_path: Path) -> None:
    """No room (a device that is always full), and a limit on the size of files: told with the remedy, with nothing left behind."""
    with pytest.raises(WorkbenchError, match="disk that holds out is full"), new_folder(tmp_path / "out") as folder:
        (folder / "a.txt").symlink_to("/dev/full")
        (folder / "a.txt").write_text("rows")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(WorkbenchError, match="disk that holds out is full"):
            make(tmp_path / "out", "x" * 2000)
        with pytest.raises(WorkbenchError, match="disk that holds out is full"), new_folder(tmp_path / "out") as folder:
            save_file({"weights": np.zeros(1000)}, folder / "model.safetensors")  # an error of its own, without an errno
        with pytest.raises(WorkbenchError, match=r"disk that holds out\.jsonl is full"):
            write_belle(tmp_path / "out.jsonl", [Conversation("1", (Turn("user", "x" * 2000), Turn("assistant", "y")))])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_place_of_others_is_an_error_that_says_so(tmp_path: Path) -> None:
    """Where nothing may be written, another folder is asked for."""
    (tmp_path / "others").mkdir(mode=0o500)
    with pytest.raises(WorkbenchError, match="choose a folder of your own"):
        make(tmp_path / "others" / "out")


def lose(folder: Path) -> None:
    """A file goes."""
    (folder / "inner" / "a.txt").unlink()


def cut(folder: Path) -> None:
    """A file loses its end."""
    (folder / "inner" / "a.txt").write_text("row")


def change(folder: Path) -> None:
    """A file changes, and keeps its length."""
    (folder / "inner" / "a.txt").write_text("Rows")


def tear(folder: Path) -> None:
    """The manifest loses its end."""
    (folder / MANIFEST).write_text((folder / MANIFEST).read_text()[:-20])


def age(folder: Path) -> None:
    """The manifest is of another format."""
    (folder / MANIFEST).write_text((folder / MANIFEST).read_text().replace('"format": 1', '"format": 0'))


@pytest.mark.parametrize(
    ("harm", "told"),
    [(lose, "lacks inner/a.txt"), (cut, "was changed"), (change, "was changed"), (tear, "can't be read"), (age, "has format 0")],
)
def test_what_was_changed_is_not_read(tmp_path: Path, harm: Callable[[Path], None], told: str) -> None:
    """A missing, shorter or altered file, a torn manifest and another format are each refused, with what to do."""
    make(tmp_path / "out")
    harm(tmp_path / "out")
    with pytest.raises(WorkbenchError, match=told) as raised:
        read_manifest(tmp_path / "out", "thing")
    assert "make" in str(raised.value)


def test_another_kind_is_not_read(tmp_path: Path) -> None:
    """A folder of one kind is not taken for another; a folder without manifest, a file and nothing at all are none."""
    make(tmp_path / "out")
    with pytest.raises(WorkbenchError, match="holds thing, not rows"):
        read_manifest(tmp_path / "out", "rows")
    for path in (tmp_path, tmp_path / "nothing", tmp_path / "out" / "inner" / "a.txt"):
        with pytest.raises(WorkbenchError, match="has no manifest"):
            read_manifest(path, "thing")


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_any_change_is_found(tmp_path_factory: pytest.TempPathFactory, before: bytes, after: bytes) -> None:
    """A file is read exactly if its bytes are those that were written."""
    folder = tmp_path_factory.mktemp("made") / "out"
    with new_folder(folder) as staged:
        (staged / "a").write_bytes(before)
        write_manifest(staged, "thing", {})
    (folder / "a").write_bytes(after)
    if before == after:
        read_manifest(folder, "thing")
    else:
        with pytest.raises(WorkbenchError, match="was changed"):
            read_manifest(folder, "thing")
