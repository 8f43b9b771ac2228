"""One night in a process of its own: `python -m training.night FOLDER`.

`FOLDER/plan.json` says what to do. On standard input come the cases with consent, one JSON object a line, so that what a counselor wrote is
on no disk before it is de-identified; on standard output go lines of progress. Exit codes: 0 done (`FOLDER/outcome.json`), 75 stopped on
SIGTERM or at the end of the parent, to be gone on with by the same command, 1 failed (`FOLDER/failure.json` says why).
"""

import asyncio
import json
import logging
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from tokenizers import Tokenizer

from inference.errors import InferenceError
from training.data.dataset import BadDataset
from training.data.examples import Budget
from training.night.collect import RECORD, Cases
from training.night.night import Desk, Interrupted, spend_night
from training.night.plan import Plan, read_plan
from training.night.told import Told
from training.qlora.errors import TrainingFailed

API_KEY = "PHYASSIST_NIGHT_API_KEY"
"""The environment variable with the model server's key, which belongs in no file."""
FAILURE_FILE = "failure.json"
EXIT_FAILED, EXIT_STOPPED = 1, 75


def main(folder: Path) -> int:
    """The night of a folder; the exit code."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s", stream=sys.stderr)
    stopping = False

    def stop(*_: object) -> None:
        nonlocal stopping
        stopping = True

    signal.signal(signal.SIGTERM, stop)
    plan = read_plan(folder)
    (folder / FAILURE_FILE).unlink(missing_ok=True)
    cases = Cases(tuple(RECORD.validate_json(line) for line in sys.stdin if line.strip()))
    desk = Desk(_tell, lambda: stopping, os.environ.get(API_KEY))
    try:
        asyncio.run(spend_night(plan, cases, Budget(plan.prompt_tokens, counter(plan)), desk))
    except Interrupted:
        return EXIT_STOPPED
    except (TrainingFailed, BadDataset, InferenceError) as error:
        (folder / FAILURE_FILE).write_text(json.dumps({"reason": str(error)}))
        return EXIT_FAILED
    return 0


def counter(plan: Plan) -> Callable[[str], int]:
    """Tokens of a text by the base model's own tokenizer, special ones left out."""
    tokenizer = Tokenizer.from_file(str(plan.base / "tokenizer.json"))
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False).ids)


def _tell(told: Told) -> None:
    print(told.to_json(), flush=True)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
