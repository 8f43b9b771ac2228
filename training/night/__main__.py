"""One night in a process of its own: `python -m training.night FOLDER`.

`FOLDER/plan.json` says what to do. On standard input come the cases with consent (`handover.py`), so that what a counselor wrote is on no
disk before it is de-identified; on standard output go lines of progress (`told.py`). Exit codes: 0 done (`FOLDER/outcome.json`), 75 stopped
on SIGTERM or because nobody reads its progress any more, to be gone on with by the same command, 1 failed (`FOLDER/failure.json` says why).
Neither the log on standard error nor a reason holds text of a case: of an unexpected error only its type and place are told.
"""

import asyncio
import json
import logging
import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from tokenizers import Tokenizer

from inference.errors import InferenceError
from training.data.dataset import BadDataset
from training.data.examples import Budget
from training.gate.scores import NotComparable
from training.night.desk import Desk
from training.night.errors import Interrupted, NightFailed
from training.night.handover import API_KEY, EXIT_FAILED, EXIT_STOPPED, FAILURE_FILE, read_cases
from training.night.night import spend_night
from training.night.plan import Plan, read_plan
from training.night.told import Told, write_told
from training.qlora.errors import TrainingFailed

OURS = (NightFailed, TrainingFailed, BadDataset, InferenceError, NotComparable)
"""Errors whose messages hold no text of a case."""

log = logging.getLogger("training.night")


class Line:
    """Standard output, and whether to stop: told so by SIGTERM, or because nobody listens any more."""

    def __init__(self, folder: Path) -> None:
        self.stopping = False
        self._folder = folder

    def stop(self, *_: object) -> None:
        """The night ends as soon as it can."""
        self.stopping = True

    def tell(self, told: Told) -> None:
        """One line of progress, which is also the newest in the night's folder."""
        write_told(self._folder, told)
        try:
            print(told.to_json(), flush=True)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains again at its end
            self.stop()


def main(folder: Path) -> int:
    """The night of a folder; the exit code."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s", stream=sys.stderr)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    line = Line(folder)
    signal.signal(signal.SIGTERM, line.stop)
    (folder / FAILURE_FILE).unlink(missing_ok=True)
    try:
        plan = read_plan(folder)
        cases = read_cases(sys.stdin.buffer)
        desk = Desk(line.tell, lambda: line.stopping, os.environ.get(API_KEY))
        asyncio.run(spend_night(plan, cases, Budget(plan.prompt_tokens, counter(plan)), desk))
    except Interrupted:
        return EXIT_STOPPED
    except Exception as error:  # noqa: BLE001  # the end of a process: everything becomes a reason that its parent can read
        log.error("failed: %s; %s", reason_of(error), ", ".join(_places(error)))
        (folder / FAILURE_FILE).write_text(json.dumps({"reason": reason_of(error)}))
        return EXIT_FAILED
    return 0


def reason_of(error: Exception) -> str:
    """Why a night failed, fit for a report: the messages of our own errors, of others only type and place."""
    return str(error) if isinstance(error, OURS) else f"{type(error).__name__} at {_places(error)[-1]}"


def counter(plan: Plan) -> Callable[[str], int]:
    """Tokens of a text by the base model's own tokenizer, special ones left out."""
    tokenizer = Tokenizer.from_file(str(plan.base / "tokenizer.json"))
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False).ids)


def _places(error: Exception) -> list[str]:
    return [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
