"""Adapters that may not go into service again: one small file beside them says which ones, why and since when."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from inference.durable import put

RETIRED = "retired.json"


@dataclass(frozen=True)
class Retirement:
    """Why an adapter may not go into service again, and since when."""

    reason: str
    at: datetime


def read_retired(root: Path) -> dict[str, Retirement]:
    """All retired adapters under `<home>/adapters`, by name."""
    try:
        rows = json.loads((root / RETIRED).read_text())
    except FileNotFoundError:
        return {}
    return {name: Retirement(row["reason"], datetime.fromisoformat(row["at"])) for name, row in rows.items()}


def write_retired(root: Path, retired: Mapping[str, Retirement]) -> None:
    """These in place of those that were there."""
    rows = {name: {"reason": value.reason, "at": value.at.isoformat()} for name, value in sorted(retired.items())}
    put(root / RETIRED, json.dumps(rows, indent=1))
