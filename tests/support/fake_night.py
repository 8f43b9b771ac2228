"""Speaks exactly as `python -m training.night FOLDER` does, and trains nothing: `<home>/behaviour.json` says what it does.

tell     lines of progress, as `Told`, a tenth of a second apart; after the first it waits for `<home>/go` where that is asked for
samples  notes before and after, as `sample.Sample`; they are told last of all, where they are asked for, and have to be kept
killed   how many of its begins end by its own SIGKILL
end      an end of `training.night.outcome`, or "failed" with `reason`, or "crash"
"""

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from training.night.handover import read_cases
from training.night.sample import KEPT, SAMPLES_FLAG
from training.night.told import Told  # the outcome is written by hand: its module takes half a second to import

STARTS, CASES, ENVIRONMENT = "starts", "cases.json", "environment.json"
TABLE = ("Criterion", "Role", "Champion", "Challenger", "Difference", "Limit", "Outcome", "Why")


def an_interpreter(folder: Path) -> Path:
    """A program for the setting `python`: this file, whatever module it is asked for."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "python"
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{__file__}" "$@"\n')
    path.chmod(0o755)
    return path


def behave(home: Path, **behaviour: Any) -> None:
    """What the next nights under `home` do."""
    home.mkdir(parents=True, exist_ok=True)
    (home / "behaviour.json").write_text(json.dumps(behaviour))


def an_outcome(night: str, end: str, champion: str | None, cases: int) -> dict[str, Any]:
    """What the gate would say, with a table of its size, as `training.night.outcome` writes it."""
    values = ("must", "1.234", "1.200", "-0.034", "at most +0.02", "passed")
    rows = [TABLE, *((f"Criterion {number}", *values, f"Reason {number}, for <people>.") for number in range(14))]
    outcome: dict[str, Any] = {"night": night, "end": end, "champion": champion}
    if end == "nothing_new":
        return outcome
    headline = {"en": "The challenger is better.", "zh": "新的更好。"}
    counts = {"train_rows": 12, "heldout_rows": 5, "pairs": 3, "cases": cases}
    return {**outcome, **counts, "headline": headline, "table": {"en": rows, "zh": rows}}


def main(arguments: list[str]) -> int:
    """One night; the exit code."""
    stopping: list[int] = []
    signal.signal(signal.SIGTERM, lambda *_: stopping.append(1))
    assert arguments[:2] == ["-m", "training.night"]
    folder = Path(arguments[2])
    plan = json.loads((folder / "plan.json").read_text())
    home = Path(plan["home"])
    behaviour = json.loads((home / "behaviour.json").read_text())
    cases = [record.id for record in read_cases(sys.stdin.buffer).records]
    with (folder / STARTS).open("a") as starts:
        starts.write(f"{os.getpid()}\n")
    (folder / CASES).write_text(json.dumps(cases))
    (folder / ENVIRONMENT).write_text(json.dumps({name: value for name, value in os.environ.items() if name.startswith("PHYASSIST_")}))
    if (folder / "outcome.json").exists():
        return 0
    print("some library prints this", flush=True)
    for number, told in enumerate(behaviour.get("tell", [])):
        print(Told.from_json(json.dumps(told)).to_json(), flush=True)
        while number == 0 and behaviour.get("waits") and not (home / "go").exists() and not stopping:
            time.sleep(0.05)
        time.sleep(0.1)
        if stopping:
            return 75
    if len((folder / STARTS).read_text().splitlines()) <= behaviour.get("killed", 0):
        os.kill(os.getpid(), signal.SIGKILL)
    if behaviour.get("samples") and SAMPLES_FLAG in arguments:
        print(json.dumps({"samples": behaviour["samples"]}, separators=(",", ":")), flush=True)
        if sys.stdin.buffer.readline() != KEPT:
            return 75
    if behaviour["end"] == "crash":
        return 3
    if behaviour["end"] == "failed":
        (folder / "failure.json").write_text(json.dumps({"reason": behaviour["reason"]}))
        return 1
    partial = folder / "outcome.json.partial"
    partial.write_text(json.dumps(an_outcome(plan["name"], behaviour["end"], plan["champion"], len(cases))))
    partial.replace(folder / "outcome.json")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
