"""A night's own process, `python -m training.night FOLDER`: started, fed, listened to, and ended with the bot.

What counselors wrote goes through a pipe only, one case at a time, and is on no disk before the process has de-identified it. What both
adapters wrote for admins to compare comes back the same way, and the process ends only when it is kept.
"""

import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.workflow.night_ports import Broken, Ended, Failure, Hear, KeepSamples
from inference.guardian import die_with_parent
from inference.server_log import LogFile
from training.data.records import CaseRecord, SealedCase
from training.night.handover import API_KEY, EXIT_STOPPED, FAILURE_FILE, end_line, record_line
from training.night.outcome import read_outcome
from training.night.sample import KEPT, SAMPLES_FLAG, read_samples
from training.night.told import Told

log = logging.getLogger(__name__)

GRACE_S = 10.0
"""For the process to end by itself after SIGTERM; its training, which it can't outlive, has a guardian with more patience."""
LINE_BYTES = 1 << 23
"""The longest line that is understood: five samples are some hundred thousand bytes."""
LOG_FILE = Path("logs", "night.log")
FORGETTING = "training.night.forgetting"
ROOT = Path(__file__).parents[1]
OUR_PREFIX = "PHYASSIST_"


class DatasetsUnreachable(Exception):
    """Nobody could look into the datasets; the message names no text."""


@dataclass(frozen=True)
class Forgotten:
    """Names of nights: whose datasets were written anew, which still have the case, and which can't be read."""

    cleaned: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    unclear: tuple[str, ...] = ()


class NightProcesses:
    """`NightProcess` as a real process of the interpreter `python`; its own words go to `<home>/logs/night.log`."""

    def __init__(self, home: Path, python: Path | None, api_key: str | None) -> None:
        self._python, self._api_key = str(python or sys.executable), api_key
        self._log = LogFile(home / LOG_FILE)

    async def run(
        self, folder: Path, records: AsyncIterator[CaseRecord | SealedCase], hear: Hear, keep: KeepSamples | None = None
    ) -> Ended:
        """Starts the night of a folder, or goes on with it. Raises what `records` and `keep` raise."""
        try:
            process = await self._start(_arguments(folder, keep))
        except OSError as error:  # caught here alone: a database that is away is an OSError, too, and no reason to give a night up
            return Failure(f"its process can't be started: {error.strerror}")
        feeder = asyncio.create_task(_feed(process, records))
        try:
            await _listen(process, hear, keep)
            code = await process.wait()
        except BaseException:
            await _end(process)
            raise
        finally:
            feeder.cancel()
            (fed,) = await asyncio.gather(feeder, return_exceptions=True)
        if isinstance(fed, Exception):
            raise fed
        return _ended(folder, code)

    async def _start(self, arguments: Sequence[str]) -> Process:
        with self._log.open_new() as errors:
            return await asyncio.create_subprocess_exec(
                self._python,
                *arguments,
                cwd=ROOT,
                env=_environment(self._api_key),
                stdin=PIPE,
                stdout=PIPE,
                stderr=errors,
                limit=LINE_BYTES,
                preexec_fn=die_with_parent(),
                start_new_session=True,  # Ctrl-C in a terminal is for us to pass on, in order
            )


async def forget_in_datasets(home: Path, python: Path | None, case_id: str, under_way: Collection[str]) -> Forgotten:
    """Takes a case out of the datasets of all nights, in a process of its own, as that needs the training's packages.

    Raises:
        DatasetsUnreachable: the process can't be started, or did not end well.
    """
    if not any((home / "nights").glob("*/*")):  # nothing was ever collected
        return Forgotten()
    arguments = (str(python or sys.executable), "-m", FORGETTING, str(home), case_id, *under_way)
    try:
        process = await asyncio.create_subprocess_exec(
            *arguments, cwd=ROOT, env=_environment(None), stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL, preexec_fn=die_with_parent()
        )
        said, _ = await process.communicate()
    except OSError as error:
        raise DatasetsUnreachable(f"the datasets can't be cleaned: {error.strerror}") from None
    if process.returncode != 0:
        raise DatasetsUnreachable(
            f"the datasets can't be cleaned: the process ended with {process.returncode}; is PHYASSIST_NIGHT__PYTHON set?"
        )
    return Forgotten(**{name: tuple(nights) for name, nights in json.loads(said).items()})


def _arguments(folder: Path, keep: KeepSamples | None) -> list[str]:
    return ["-m", "training.night", str(folder.absolute()), *([SAMPLES_FLAG] if keep else [])]


def _environment(api_key: str | None) -> dict[str, str]:
    """This process's own, without the tokens that a training has no use for."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(OUR_PREFIX)}
    return {**inherited, **({API_KEY: api_key} if api_key else {})}


async def _feed(process: Process, records: AsyncIterator[CaseRecord | SealedCase]) -> None:
    """The cases, then how many there were, and the process begins. Where they can't be read to the end, it must not begin with a part.

    The pipe stays open for an answer; it closes when the process ends, or is ended.
    """
    stdin = process.stdin
    if stdin is None:
        return
    try:
        count = sealed = 0
        async for record in records:
            if isinstance(record, SealedCase):
                sealed += 1
                continue
            stdin.write(record_line(record))
            await stdin.drain()
            count += 1
        stdin.write(end_line(count, sealed))
        await stdin.drain()
    except (BrokenPipeError, ConnectionResetError):  # it ended early, and says why itself
        return
    except Exception:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        raise


async def _listen(process: Process, hear: Hear, keep: KeepSamples | None) -> None:
    stdout = process.stdout
    while stdout is not None:
        try:
            said = await stdout.readline()
            if not said:
                return
            line = said.decode(errors="replace")
            samples = read_samples(line)
            if samples is None:
                hear(Told.from_json(line))
        except ValueError:  # some library printed
            log.debug("a line of the night's process was not understood")
            continue
        if samples is not None and keep is not None:
            await keep(samples)
            await _answer(process, KEPT)


async def _answer(process: Process, said: bytes) -> None:
    if process.stdin is not None:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it ended meanwhile
            process.stdin.write(said)
            await process.stdin.drain()


async def _end(process: Process) -> None:
    """SIGTERM, and SIGKILL if it takes too long."""
    if process.returncode is not None:
        return
    if process.stdin is not None:
        process.stdin.close()  # it may wait for an answer
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(asyncio.shield(process.wait()), GRACE_S)
        except TimeoutError:
            process.kill()
            await process.wait()


def _ended(folder: Path, code: int) -> Ended:
    outcome = read_outcome(folder) if code == 0 else None
    if outcome is not None:
        return outcome
    if code < 0 or code == EXIT_STOPPED:
        return Broken(f"was ended by signal {-code}" if code < 0 else "was told to stop")
    try:
        return Failure(str(json.loads((folder / FAILURE_FILE).read_text())["reason"]))
    except (OSError, ValueError, KeyError, TypeError):
        return Failure(f"its process ended with {code} and gave no reason; see {LOG_FILE}")
