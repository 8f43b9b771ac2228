"""Set up `.venv` beside the sources: `python3 deploy/bootstrap.py [cpu|gpu|bot]`. Standard library only.

The steps are: a virtual environment, torch (a build without CUDA where there is no GPU), the pinned packages of one lock file,
and this project itself. Each finished step is written down with a key made of everything it depends on, so a second run finds
nothing to do in a few milliseconds, an interrupted one goes on where it stopped, and a changed lock repeats only what it must.
"""

import contextlib
import ctypes
import fcntl
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

OLDEST_PYTHON = (3, 11)
TORCH = "torch==2.13.0"
TORCH_INDEX_SETTING = "PHYASSIST_TORCH_INDEX"
FLAVOURS = ("cpu", "gpu", "bot")

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "set-up.json"
LOG = VENV / "set-up.log"
CLEAR = "\r\033[K" if sys.stdout.isatty() else ""


class SetUpFailed(Exception):
    """Set-up cannot go on; the message is a sentence for the person who started it."""


@dataclass(frozen=True)
class Step:
    """One piece of set-up: its name in the stamp, what to call it, what it depends on, how to do it (returns what to say of it)."""

    name: str
    title: str
    key: str
    work: Callable[[], str]


def main() -> int:
    """Run the steps that have not been done yet; 0 when everything is in place."""
    flavour = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("PHYASSIST_FLAVOUR", "cpu")
    try:
        set_up(flavour)
    except SetUpFailed as failure:
        print(f"\nSet-up stopped: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nSet-up was interrupted; the same command goes on from here.", file=sys.stderr)
        return 130
    return 0


def set_up(flavour: str) -> None:
    """Bring `.venv` to what the lock of this flavour says."""
    if sys.version_info < OLDEST_PYTHON:
        raise SetUpFailed(f"PhyAssist needs Python 3.11 or later, this is {platform.python_version()}. Try: make PYTHON=python3.12 …")
    if flavour not in FLAVOURS:
        raise SetUpFailed(f"there is no set-up called {flavour!r}; choose one of {', '.join(FLAVOURS)}.")
    steps = plan(flavour)
    if pending(steps):
        with one_at_a_time():
            todo = pending(steps)
            started = time.monotonic()
            for number, step in enumerate(todo, start=1):
                carry_out(step, f"[{number}/{len(todo)}] {step.title}")
            if todo:
                say(f"Set-up finished in {time.monotonic() - started:.0f} s.")
            warn_about_missing_libraries(flavour)


def plan(flavour: str) -> list[Step]:
    """Every step of this flavour, in order; a step's key contains the key of the one before."""
    lock = ROOT / "locks" / f"{flavour}.lock"
    machine = (str(ROOT), platform.python_version(), platform.system(), platform.machine())
    venv_key = digest(*machine, pinned(lock, "pip"))
    torch_key = digest(venv_key, TORCH, flavour, os.environ.get(TORCH_INDEX_SETTING, ""))
    packages_key = digest(torch_key, lock.read_text())
    project_key = digest(packages_key, (ROOT / "pyproject.toml").read_text())
    torch = [Step("torch", "PyTorch without CUDA", torch_key, install_torch)] if flavour == "cpu" else []
    return [
        Step("venv", "virtual environment in .venv", venv_key, lambda: make_venv(flavour, pinned(lock, "pip"))),
        *torch,
        Step("packages", f"packages of locks/{lock.name}", packages_key, lambda: install_packages(lock)),
        Step("project", "PhyAssist itself", project_key, install_project),
    ]


def pending(steps: list[Step]) -> list[Step]:
    """The steps from the first one that was not done with the same key."""
    done = read_stamp()
    for index, step in enumerate(steps):
        if done.get(step.name) != step.key:
            return steps[index:]
    return [] if PYTHON.exists() else steps


def carry_out(step: Step, title: str) -> None:
    """Do one step, say how long it took, and write down that it is done."""
    started = time.monotonic()
    say(f"{title} …")
    outcome = step.work()
    write_stamp({**read_stamp(), step.name: step.key})
    say(f"{CLEAR}      {outcome}, {time.monotonic() - started:.0f} s")


def make_venv(flavour: str, pip: str) -> str:
    """Make `.venv`, or take the one that is there when it fits; never remove one that set-up did not make."""
    made_for = read_stamp().get("flavour")
    keep = PYTHON.exists() and fits(PYTHON) and made_for in (flavour, None)
    if not keep:
        if VENV.exists() and made_for is None and any(VENV.iterdir()):
            raise SetUpFailed(f"{VENV} exists, was not made by set-up, and has another Python; move it away and run this again.")
        shutil.rmtree(VENV, ignore_errors=True)
        made = subprocess.run([sys.executable, "-m", "venv", str(VENV)], capture_output=True, text=True, check=False)
        if made.returncode != 0:
            shutil.rmtree(VENV, ignore_errors=True)
            hint = "On Debian and Ubuntu: sudo apt-get install python3-venv"
            raise SetUpFailed(f"this Python cannot make virtual environments. {hint}\n{made.stdout[-600:]}")
    write_stamp({"flavour": flavour})
    pip_run("install", "--upgrade", pip)
    return f"{'kept' if keep else 'made'} with Python {platform.python_version()}"


def fits(python: Path) -> bool:
    """Whether an environment's Python runs, is of this version, and lives in this folder (a moved copy does not)."""
    probe = "import platform, sys; print(platform.python_version(), sys.prefix)"
    answer = subprocess.run([str(python), "-c", probe], capture_output=True, text=True, check=False)
    return answer.stdout.strip() == f"{platform.python_version()} {VENV}"


def install_torch() -> str:
    """Install torch, from PyTorch's own CPU index where pip by itself would take a CUDA build."""
    offered = offered_torch([])
    source: list[str] = []
    if offered is None or needs_cuda(offered):
        source = ["--index-url", cpu_index(offered)]
    pip_run("install", "--no-deps", "--no-compile", *source, TORCH)
    return "from PyTorch's own CPU index" if source else "from where pip is set to look"


def offered_torch(source: list[str]) -> dict[str, object] | None:
    """The metadata of the torch that pip would install; None when it finds none."""
    arguments = ["install", "--dry-run", "--ignore-installed", "--no-deps", "--quiet", "--report", "-", *source, TORCH]
    answer = subprocess.run([str(PYTHON), "-m", "pip", *arguments], capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        return None
    metadata: dict[str, object] = json.loads(answer.stdout)["install"][0]["metadata"]
    return metadata


def needs_cuda(metadata: dict[str, object], system: str = platform.system()) -> bool:
    """Whether a torch build asks for NVIDIA's libraries on this system."""
    if system != "Linux":
        return False
    wanted = metadata.get("requires_dist")
    return isinstance(wanted, list) and any(str(name).startswith(("nvidia-", "cuda-")) for name in wanted)


def cpu_index(metadata: dict[str, object] | None) -> str:
    """The address of PyTorch's CPU index: from the setting, else worked out from the home page which torch's metadata names."""
    given = os.environ.get(TORCH_INDEX_SETTING)
    if given:
        return given
    urls = metadata.get("project_url") if metadata else None
    for entry in urls if isinstance(urls, list) else []:
        label, _, address = str(entry).partition(", ")
        if label.lower() == "homepage" and urlsplit(address).hostname:
            return f"https://download.{urlsplit(address).hostname}/whl/cpu"
    raise SetUpFailed(
        f"pip finds no {TORCH} for this machine. Set {TORCH_INDEX_SETTING} to the address of an index that has it "
        "(PyTorch's install page names its CPU index), then run this again."
    )


def install_packages(lock: Path) -> str:
    """Install a lock file as it is: no dependency resolution, no byte compiling ahead of the first import."""
    total = sum(1 for line in lock.read_text().splitlines() if "==" in line)
    seen = 0

    def count(line: str) -> None:
        nonlocal seen
        if line.startswith(("Collecting ", "Processing ", "Requirement already satisfied: ")):
            seen += 1
            show_progress(f"{seen} of at most {total} packages")
        elif line.startswith("Installing collected packages"):
            show_progress("unpacking")

    pip_run("install", "--no-deps", "--no-compile", "--requirement", str(lock), watch=count)
    return f"{seen} packages"


def install_project() -> str:
    """Install these sources in place, so that `phyassist` is a command and edits count at once."""
    pip_run("install", "--no-deps", "--no-build-isolation", "--editable", str(ROOT))
    return "`.venv/bin/phyassist` is ready"


def pip_run(*arguments: str, watch: Callable[[str], None] | None = None) -> None:
    """Run pip in `.venv`, every line to the log; its last lines become the error when it fails."""
    command = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "--no-input", *arguments, "--progress-bar", "off"]
    last: list[str] = []
    started = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    with LOG.open("a", encoding="utf-8") as log, started as pip:
        for line in pip.stdout or ():
            log.write(line)
            if watch:
                watch(line)
            if not line.startswith("WARNING: Location"):  # an index folder without that package: no concern of ours
                last = [*last[-11:], line]
    if pip.returncode != 0:
        raise SetUpFailed(f"pip could not finish (all of it is in {LOG.relative_to(ROOT)}):\n{''.join(last)}")


def warn_about_missing_libraries(flavour: str) -> None:
    """Say which library of the operating system the model server would miss; nothing else needs it."""
    if flavour == "cpu" and platform.system() == "Linux":
        try:
            ctypes.CDLL("libnuma.so.1")
        except OSError:
            say("Note: the model server needs libnuma (Debian, Ubuntu: sudo apt-get install libnuma1; Fedora: sudo dnf install numactl)")


def pinned(lock: Path, name: str) -> str:
    """The line `name==version` of a lock file, without its markers."""
    for line in lock.read_text().splitlines():
        if line.startswith(f"{name}=="):
            return line.partition(";")[0].strip()
    raise SetUpFailed(f"locks/{lock.name} does not name {name}; run `make lock`.")


def read_stamp() -> dict[str, str]:
    """What was done, by step; empty where there is nothing or nothing readable."""
    with contextlib.suppress(OSError, ValueError):
        stamp: dict[str, str] = json.loads(STAMP.read_text())
        return stamp
    return {}


def write_stamp(stamp: dict[str, str]) -> None:
    """Replace the stamp in one go, so that a reader never sees half of it."""
    fresh = STAMP.with_suffix(".new")
    fresh.write_text(json.dumps(stamp, indent=1))
    fresh.replace(STAMP)


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    """Wait for another set-up in the same folder, so that `make demo` and `make test` may start together."""
    with (ROOT / ".set-up.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def digest(*parts: str) -> str:
    """A short key of these texts."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:20]


def show_progress(text: str) -> None:
    """A line that is written over, on a terminal; nothing elsewhere."""
    if CLEAR:
        print(f"{CLEAR}      {text}", end="", flush=True)


def say(text: str) -> None:
    """Print at once, also into a pipe."""
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
