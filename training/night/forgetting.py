"""Takes one case out of the datasets of all nights: `python -m training.night.forgetting HOME CASE [NIGHT …]`.

The bot runs this when a case is deleted, with the interpreter that has the training's packages. Each NIGHT is under way and left alone:
its process reads its dataset. One line of JSON says what was done: which nights' datasets had the case and are without it now, which ones
under way still have it, and which ones nobody can tell of.
"""

import json
import sys
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from training.data.dataset import MANIFEST, BadDataset, forget_case, load_dataset
from training.night.plan import DATASET


@dataclass(frozen=True)
class Forgotten:
    """Names of nights: whose datasets were written anew, which still have the case, and which can't be read."""

    cleaned: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    unclear: tuple[str, ...] = ()


def forget_everywhere(home: Path, case_id: str, under_way: Collection[str]) -> Forgotten:
    """Takes a case out of all datasets but those of the nights under way. Done again, it goes on where it was."""
    cleaned, waiting, unclear = [], [], []
    for folder in sorted((home / "nights").glob(f"*/{DATASET}")):
        night = folder.parent.name
        try:
            if night in under_way:
                waiting += [night] * (not (folder / MANIFEST).exists() or _has(folder, case_id))
            elif forget_case(folder, case_id):
                cleaned.append(night)
        except (BadDataset, OSError):
            unclear.append(night)
    return Forgotten(tuple(cleaned), tuple(waiting), tuple(unclear))


def _has(folder: Path, case_id: str) -> bool:
    manifest = load_dataset(folder).manifest
    return case_id in {*manifest.sides, *(case for entry in manifest.files.values() for case in entry.cases)}


def main(arguments: Sequence[str]) -> int:
    """Does it and says what was done."""
    home, case_id, *under_way = arguments
    print(json.dumps(asdict(forget_everywhere(Path(home), case_id, under_way))))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
