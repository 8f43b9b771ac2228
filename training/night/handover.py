"""What the bot and a night's process agree on, above all how cases are handed over: one JSON object a line on the night's standard input,
and last of all how many there were, and how many were left out because they can't be decrypted.

The last line tells all cases from some of them. A night forgets every case that it isn't given, so a stream that breaks off, because the
bot died or its database failed, must never pass for a whole one. Imports no model library.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError

from training.data.records import CaseRecord
from training.night.errors import NightFailed

API_KEY = "PHYASSIST_NIGHT_API_KEY"
"""The environment variable with the model server's key, which belongs in no file."""
FAILURE_FILE = "failure.json"
EXIT_FAILED, EXIT_STOPPED = 1, 75

_RECORD = TypeAdapter(CaseRecord)
_END, _SEALED = "cases", "sealed"


@dataclass(frozen=True)
class Cases:
    """What the bot hands over: the cases with consent, as they stand."""

    records: tuple[CaseRecord, ...]
    sealed: int = 0
    """How many cases can't be decrypted; nobody knows whether they have consent, so they count as cases without it."""

    @property
    def consenting(self) -> frozenset[str]:
        """Ids of the cases that may be trained on now."""
        return frozenset(record.id for record in self.records if record.consent is not None)


def record_line(record: CaseRecord) -> bytes:
    """The line of a case, its end included."""
    return _RECORD.dump_json(record) + b"\n"


def end_line(count: int, sealed: int = 0) -> bytes:
    """The last line, after `count` cases; `sealed` more are left out."""
    return json.dumps({_END: count, **({_SEALED: sealed} if sealed else {})}).encode() + b"\n"


def read_cases(lines: Iterable[bytes]) -> Cases:
    """The cases of a stream, which ends with their number.

    Raises:
        NightFailed: a line is no case, or the stream broke off. The message names no text.
    """
    records: list[CaseRecord] = []
    for line in lines:
        if line.startswith(b'{"%s":' % _END.encode()):
            sealed = _sealed(line)
            if line != end_line(len(records), sealed):
                raise NightFailed("the number of cases handed over is not the one that their last line says")
            return Cases(tuple(records), sealed)
        try:
            records.append(_RECORD.validate_json(line))
        except ValidationError:
            raise NightFailed(f"line {len(records) + 1} of the cases handed over is no case") from None
    raise NightFailed("the cases handed over broke off before their end")


def _sealed(line: bytes) -> int:
    """What a last line says of cases that were left out; 0 where it says nothing that is understood."""
    try:
        value = json.loads(line).get(_SEALED, 0)
    except ValueError:
        return 0
    return value if isinstance(value, int) else 0
