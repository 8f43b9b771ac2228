"""Set-up: what it repeats, what it refuses, where torch comes from, and that the locks say enough and not too much."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from deploy import bootstrap
from deploy.bootstrap import SetUpFailed, Step

ROOT = Path(__file__).parents[2]
LOCKS = sorted((ROOT / "locks").glob("*.lock"))
CPU_BUILD: dict[str, object] = {"version": "2.13.0+cpu", "requires_dist": ["filelock", "sympy>=1.13"]}
CUDA_BUILD: dict[str, object] = {
    "version": "2.13.0",
    "requires_dist": ["filelock", 'nvidia-cudnn-cu13==9.20; platform_system == "Linux"'],
    "project_url": ["Repository, https://code.test/torch", "Homepage, https://torch.test"],
}


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty checkout that set-up works in."""
    venv = tmp_path / ".venv"
    for name, path in {"ROOT": tmp_path, "VENV": venv, "PYTHON": venv / "bin" / "python"}.items():
        monkeypatch.setattr(bootstrap, name, path)
    monkeypatch.setattr(bootstrap, "STAMP", venv / "set-up.json")
    monkeypatch.setattr(bootstrap, "LOG", venv / "set-up.log")
    return tmp_path


def steps_that_write(done: list[str], *names: str, broken: str = "") -> list[Step]:
    """Steps that note their name when they are done; the broken one fails."""

    def work(name: str) -> str:
        if name == broken:
            raise SetUpFailed("broken")
        done.append(name)
        bootstrap.PYTHON.parent.mkdir(parents=True, exist_ok=True)
        bootstrap.PYTHON.touch()
        return "done"

    return [Step(name, name, f"key of {name}", lambda name=name: work(name)) for name in names]


def run(steps: list[Step]) -> None:
    """Do what set-up would do with these steps."""
    for step in bootstrap.pending(steps):
        bootstrap.carry_out(step, step.title)


def test_nothing_changed_means_nothing_to_do(house: Path) -> None:
    """A second run has no pending step."""
    done: list[str] = []
    steps = steps_that_write(done, "venv", "torch", "packages")
    run(steps)
    assert done == ["venv", "torch", "packages"]
    assert bootstrap.pending(steps) == []


def test_an_interrupted_run_goes_on_where_it_stopped(house: Path) -> None:
    """Steps before the one that failed are not done again."""
    done: list[str] = []
    with pytest.raises(SetUpFailed):
        run(steps_that_write(done, "venv", "torch", "packages", broken="packages"))
    run(steps_that_write(done, "venv", "torch", "packages"))
    assert done == ["venv", "torch", "packages"]


def test_a_changed_key_repeats_its_step_and_all_after_it(house: Path) -> None:
    """A new lock installs packages and project again, and keeps the environment."""
    done: list[str] = []
    steps = steps_that_write(done, "venv", "packages", "project")
    run(steps)
    changed = [steps[0], Step("packages", "packages", "another key", steps[1].work), steps[2]]
    assert [step.name for step in bootstrap.pending(changed)] == ["packages", "project"]


def test_a_damaged_stamp_counts_as_none(house: Path) -> None:
    """Half a stamp file leads to a repeated set-up, not to an error."""
    done: list[str] = []
    steps = steps_that_write(done, "venv")
    run(steps)
    bootstrap.STAMP.write_text('{"venv": ')
    assert bootstrap.pending(steps) == steps


def test_a_foreign_environment_is_never_deleted(house: Path) -> None:
    """A `.venv` that set-up did not make and whose Python does not fit stays, and a sentence says what to do."""
    (house / ".venv").mkdir()
    (house / ".venv" / "precious").write_text("work")
    with pytest.raises(SetUpFailed, match="move it away"):
        bootstrap.make_venv("cpu", "pip==1")
    assert (house / ".venv" / "precious").read_text() == "work"


def test_an_old_python_gets_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python 3.10 is refused by name."""
    monkeypatch.setattr(sys, "version_info", (3, 10, 2))
    with pytest.raises(SetUpFailed, match=r"needs Python 3\.11"):
        bootstrap.set_up("cpu")


def test_an_unknown_flavour_gets_the_choices() -> None:
    """A misspelt flavour names those that exist."""
    with pytest.raises(SetUpFailed, match="cpu, gpu, bot"):
        bootstrap.set_up("gpus")


def test_a_build_for_cuda_is_told_by_its_metadata() -> None:
    """Only on Linux does torch's metadata ask for NVIDIA's libraries."""
    assert bootstrap.needs_cuda(CUDA_BUILD, system="Linux")
    assert not bootstrap.needs_cuda(CPU_BUILD, system="Linux")
    assert not bootstrap.needs_cuda(CUDA_BUILD, system="Darwin")


def test_the_cpu_index_is_formed_from_torchs_home_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a setting, the index lies under the host that the metadata names as home page."""
    monkeypatch.delenv(bootstrap.TORCH_INDEX_SETTING, raising=False)
    assert bootstrap.cpu_index(CUDA_BUILD) == "https://download.torch.test/whl/cpu"


def test_the_setting_wins_over_the_home_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """A given index is used as it is."""
    monkeypatch.setenv(bootstrap.TORCH_INDEX_SETTING, "https://mirror.test/cpu")
    assert bootstrap.cpu_index(CUDA_BUILD) == "https://mirror.test/cpu"


def test_no_torch_anywhere_gets_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """When pip finds no torch at all, the sentence names the setting that mends it."""
    monkeypatch.delenv(bootstrap.TORCH_INDEX_SETTING, raising=False)
    with pytest.raises(SetUpFailed, match="PHYASSIST_TORCH_INDEX"):
        bootstrap.cpu_index(None)


def test_this_environment_fits_and_another_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment fits the folder it was made in; a program that is no Python fits nowhere."""
    monkeypatch.setattr(bootstrap, "VENV", Path(sys.prefix))
    assert bootstrap.fits(Path(sys.executable))
    monkeypatch.setattr(bootstrap, "VENV", Path("/elsewhere"))
    assert not bootstrap.fits(Path(sys.executable))
    assert not bootstrap.fits(Path("/bin/true"))


def test_it_starts_without_any_package() -> None:
    """Set-up is standard library only: a bare interpreter gets as far as the choice of flavour."""
    command = [sys.executable, "-I", "-S", str(ROOT / "deploy" / "bootstrap.py"), "nothing"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert "there is no set-up called 'nothing'" in done.stderr


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.stem)
def test_locks_pin_everything_and_name_no_host(lock: Path) -> None:
    """Every line is a pinned package with markers at most; no address, no file, no option."""
    lines = [line for line in lock.read_text(encoding="utf-8").splitlines() if line and not line.lstrip().startswith("#")]
    assert lines
    assert [line for line in lines if not re.fullmatch(r"[a-z0-9-]+==[0-9][^\s;/]*( ; [^/]+)?", line)] == []


def test_the_bot_runs_with_the_versions_that_are_tested() -> None:
    """Each pin of the bot's lock is in the lock that the tests run with."""
    bot, tested = (set(re.findall(r"^\S+==\S+", (ROOT / "locks" / name).read_text(), re.MULTILINE)) for name in ("bot.lock", "cpu.lock"))
    assert bot <= tested


def test_the_bot_needs_no_model_library() -> None:
    """Nothing of gigabytes comes with the bot."""
    assert not re.findall(r"^(torch|transformers|peft|trl|vllm.*|nvidia.*)==", (ROOT / "locks" / "bot.lock").read_text(), re.MULTILINE)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.stem)
def test_set_up_finds_its_own_tools_in_every_lock(lock: Path) -> None:
    """pip and the build backend are pinned in each."""
    assert bootstrap.pinned(lock, "pip").startswith("pip==")
    assert bootstrap.pinned(lock, "hatchling").startswith("hatchling==")


def test_a_stamp_is_json_by_step(house: Path) -> None:
    """The stamp holds one key for each step, for people to read."""
    run(steps_that_write([], "venv", "torch"))
    assert json.loads(bootstrap.STAMP.read_text()) == {"venv": "key of venv", "torch": "key of torch"}
