"""BELLE's files: `{"id", "conversations": [{"from": "human" | "gpt", "value"}]}`, one object a line, written for other tools."""

import json
import os
from collections.abc import Iterable
from pathlib import Path

from training.workbench.errors import WorkbenchError, writing
from training.workbench.rows import Conversation

SPEAKERS = {"system": "system", "user": "human", "assistant": "gpt"}


def write_belle(target: Path, rows: Iterable[Conversation]) -> int:
    """Writes conversations as a new file, which is there completely or not at all, and for its owner alone; how many they were.

    Raises:
        WorkbenchError: there is a file already, or nothing may be written there.
    """
    if target.exists():
        raise WorkbenchError(f"{target.name} is there already: remove it, or choose another name")
    partial, count = target.with_name(f".{target.name}.partial"), 0
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        partial.unlink(missing_ok=True)
        try:
            with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
                for row in rows:
                    said = [{"from": SPEAKERS[turn.role], "value": turn.content} for turn in row.messages]
                    file.write(json.dumps({"id": row.id, "conversations": said}, ensure_ascii=False) + "\n")
                    count += 1
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
    return count
