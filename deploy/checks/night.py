"""The nightly training: its time, the model that is trained, the adapter it goes on from, the interpreter that trains, the GPUs."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger

from bot.night_process import ROOT
from bot.settings import NightGpu, NightSettings
from deploy.checks.finding import Finding, note, ok, problem
from inference.adapters import CONFIG_FILE, AttentionShape, check_adapter, read_base_shape
from inference.errors import BadAdapter
from inference.profiles import ALLOWED_RANKS

SUBJECT = "Night"
BASE, BEGIN, PYTHON = "PHYASSIST_NIGHT__BASE", "PHYASSIST_NIGHT__BEGIN", "PHYASSIST_NIGHT__PYTHON"
BASE_FILES = ("config.json", "tokenizer.json")
IMPORT_S = 180.0
"""For an interpreter to import the training packages; the first time after their installation takes long."""
ASK_GPUS = "import torch; print('GPUs', torch.cuda.device_count())"


async def check_night(night: NightSettings) -> AsyncIterator[Finding]:
    """Everything that a night needs before it can begin."""
    yield _time(night)
    if night.base is None:
        yield note(SUBJECT, "no model is trained at night", f"Set {BASE} to the served model's directory, in the format of a model hub.")
        return
    found = list(_base(night.base))
    shape = None if found else _shape(night.base)
    for finding in found or _begin(night.begin, shape):
        yield finding
    if night.base_set is not None and not night.base_set.is_file():
        yield problem(SUBJECT, f"there is no file {night.base_set}", "Correct PHYASSIST_NIGHT__BASE_SET, or leave it empty.")
    yield await _interpreter(night)


def _time(night: NightSettings) -> Finding:
    zone = ZoneInfo(night.timezone)
    next_start = CronTrigger.from_crontab(night.cron, timezone=zone).get_next_fire_time(None, datetime.now(zone))
    if next_start is None:
        return problem(SUBJECT, f"{night.cron!r} never comes", "Set PHYASSIST_NIGHT__CRON, such as 30 2 * * *")
    return ok(SUBJECT, f"next at {next_start:%Y-%m-%d %H:%M} {night.timezone}, GPU {night.gpu}, promotion {night.promotion}")


def _base(base: Path) -> Iterator[Finding]:
    """What is wrong with the model; nothing where all is well."""
    missing = [name for name in BASE_FILES if not (base / name).is_file()]
    if missing:
        yield problem(SUBJECT, f"{base} has no {' and no '.join(missing)}", f"Set {BASE} to a model's directory, as a model hub has it.")
        return
    try:
        read_base_shape(base)
    except BadAdapter as error:
        yield problem(SUBJECT, f"{base}: {error}", f"Set {BASE} to a model that PhyAssist can train: a Mixtral of any size.")


def _shape(base: Path) -> AttentionShape:
    return read_base_shape(base)


def _begin(begin: Path | None, shape: AttentionShape | None) -> Iterator[Finding]:
    """The adapter that training goes on from, held to the same rules as every other."""
    if begin is None or shape is None:
        yield ok(SUBJECT, "the first night begins with the bare model")
        return
    try:
        facts = check_adapter(begin, shape, max(ALLOWED_RANKS))
    except (BadAdapter, OSError) as error:
        why = str(error) if isinstance(error, BadAdapter) else f"{CONFIG_FILE} or its weights can't be read"
        yield problem(SUBJECT, f"{begin} is no adapter of that model: {why}", f"Correct {BEGIN}, or leave it empty.")
    else:
        yield ok(SUBJECT, f"the first night goes on from {begin.name}, rank {facts.rank}")


async def _interpreter(night: NightSettings) -> Finding:
    """The interpreter imports what a night imports, and says how many GPUs it sees."""
    python = str(night.python or sys.executable)
    code = f"import training.night.__main__, training.qlora.run; {ASK_GPUS}"
    try:
        process = await asyncio.create_subprocess_exec(
            python, "-c", code, cwd=ROOT, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
    except OSError as error:
        return problem(SUBJECT, f"{python} can't be started ({error.strerror})", f"Set {PYTHON} to a Python interpreter.")
    try:
        said, errors = await asyncio.wait_for(process.communicate(), IMPORT_S)
    except TimeoutError:
        process.kill()
        await process.communicate()
        return problem(SUBJECT, f"{python} did not import the training packages in {IMPORT_S:.0f} s", "Look whether its disk is slow.")
    if process.returncode:
        last = (errors.decode(errors="replace").strip().splitlines() or ["no reason"])[-1][:200]
        return problem(SUBJECT, f"{python} can't train: {last}", f"pip install 'phyassist[train]' there, or set {PYTHON}.")
    return _gpus(night, python, int(said.decode(errors="replace").split()[-1]))


def _gpus(night: NightSettings, python: str, count: int) -> Finding:
    if count:
        shared = "the model server stops for the training" if night.gpu is NightGpu.SHARED else "the model server serves on meanwhile"
        return ok(SUBJECT, f"{python} can train, on {count} GPUs; {shared}")
    return note(SUBJECT, f"{python} can train, and sees no GPU", "Fine for the demo model; a real one takes weeks without.")
