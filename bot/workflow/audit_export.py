"""The audit as a file for others: its rows as CSV, and beside it, as JSON, what they were chosen by and whether the whole chain is sound.

The chain is always followed from its first row, whatever is exported of it. Rows come a page at a time, so a long audit takes no more
memory than its file.
"""

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol

from bot.domain.audit import AuditRecord, Break, Head, Verifier, timestamp

PAGE = 500
HOW = (
    "Each row's hash is SHA-256, in hexadecimal digits, over the hash of the row before (64 zeros before row 1), a line feed, and the row "
    "without its hash as JSON: keys sorted, no spaces, only ASCII, null where case_id is empty."
)
_DAY = re.compile(r"(\d{4})-(\d{2})(?:-(\d{2}))?")


class Audited(Protocol):
    """The part of the database that keeps the audit."""

    async def audit(self, after: int, most: int) -> Sequence[AuditRecord]: ...


class NoSelection(Exception):
    """What somebody entered is neither a period nor the code of a case."""


@dataclass(frozen=True)
class Selection:
    """Which rows are wanted: of one case (None: of all), from `since` until before `until`, as rows hold times; "" is no bound."""

    case_id: str | None = None
    since: str = ""
    until: str = ""

    def takes(self, record: AuditRecord) -> bool:
        """Whether a row is wanted."""
        in_time = self.since <= record.at and (not self.until or record.at < self.until)
        return in_time and self.case_id in {None, record.case_id}


NO_ROWS = Selection(until="0")
"""For who wants to know only whether the chain is sound."""


@dataclass(frozen=True)
class Export:
    """The rows that were wanted, as CSV, and what is to be known of them, as JSON, both in UTF-8; the head and soundness of the chain."""

    rows: int
    csv: bytes
    about: bytes
    head: Head
    broken: Break | None


def read_selection(entered: str, codes: Mapping[str, str]) -> Selection:
    """What somebody wants: "" (all), a day, a month, `day..day` in UTC, or the code of a case; `codes` gives the cases' ids.

    Raises:
        NoSelection: it is none of these.
    """
    text = entered.strip().strip("`")
    if not text:
        return Selection()
    for code, case_id in codes.items():
        if code.casefold() == text.casefold():
            return Selection(case_id)
    first, _, last = text.partition("..")
    begin, end = _days(first), _days(last or first)
    return Selection(None, _midnight(begin[0]), _midnight(end[1]))


def _days(text: str) -> tuple[date, date]:
    """The first day of a day or month, and the first after it."""
    match = _DAY.fullmatch(text.strip())
    if match is None:
        raise NoSelection
    year, month, day = int(match[1]), int(match[2]), int(match[3] or 1)
    try:
        first = date(year, month, day)
        return first, first + timedelta(days=1) if match[3] else (first + timedelta(days=31)).replace(day=1)
    except (ValueError, OverflowError):
        raise NoSelection from None


def _midnight(day: date) -> str:
    return timestamp(datetime.combine(day, time(), UTC))


async def export_audit(store: Audited, selection: Selection, kept: Iterable[Head], at: datetime, by: str) -> Export:
    """The rows that are wanted, and whether the chain is whole."""
    verifier, rows, after = Verifier(kept), 0, 0
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(field.name for field in fields(AuditRecord))
    while page := await store.audit(after, PAGE):
        after = page[-1].number
        verifier.follow(page)
        for record in filter(selection.takes, page):
            writer.writerow(vars(record).values())
            rows += 1
    broken = verifier.end()
    about = {
        "rows": rows,
        "selection": asdict(selection),
        "chain": {
            "rows": after,
            "sound_up_to": asdict(verifier.head),
            "sound": broken is None,
            "break": asdict(broken) if broken else None,
        },
        "exported_at": timestamp(at),
        "exported_by": by,
        "how": HOW,
    }
    return Export(rows, text.getvalue().encode(), json.dumps(about, indent=1).encode() + b"\n", verifier.head, broken)
