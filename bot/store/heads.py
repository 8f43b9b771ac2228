"""Heads of the audit, kept in a file beside the database: one line of JSON each, the newest last.

What this proves: whoever can write to the database but not to this file can neither cut rows off the audit's end nor write it anew without
showing, but for what was added since the newest head here. What it can't prove: whoever can change both can change both alike. Heads also
stand in the admins' exports and in certificates of deletion, in Slack, out of this machine's reach: `phyassist audit verify --head`.
"""

import json
import logging
import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from bot.domain.audit import Head, timestamp

log = logging.getLogger(__name__)

HEADS_FILE = "audit.heads"


class KeptHeads:
    """The file; it is made when the first head is kept."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Sequence[Head]:
        """All heads that were kept, oldest first; a line that is damaged is logged and left out."""
        heads = []
        try:
            lines = self._path.read_text(encoding="utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            return []
        for place, line in enumerate(lines, start=1):
            try:
                kept = json.loads(line)
                heads.append(Head(int(kept["number"]), str(kept["hash"])))
            except (ValueError, KeyError, TypeError):
                log.warning("line %d of %s is damaged", place, self._path.name)
        return heads

    def keep(self, head: Head, at: datetime) -> None:
        """Adds a head that is newer than all before; one that is not newer is left out, so that what was kept goes on to accuse."""
        if head.number <= max((kept.number for kept in self.read()), default=0):
            return
        line = json.dumps({"number": head.number, "hash": head.hash, "at": timestamp(at)}) + "\n"
        with os.fdopen(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "w", encoding="utf-8") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
