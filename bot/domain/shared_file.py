"""A final note as a file: of which type, and under which name.

The name says nothing of the case: a day and a few digits. It is the same each time an export is begun again, so that a file which Slack
took already is found there and not shared twice.
"""

import hashlib
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum


class FileType(StrEnum):
    """What people can ask for."""

    DOCX = "docx"
    PDF = "pdf"
    MARKDOWN = "md"
    FHIR = "fhir.json"
    """A FHIR R4 DocumentReference that holds the note."""


@dataclass(frozen=True)
class SharedFile:
    """A file to share."""

    name: str
    content: bytes = field(repr=False)


def file_name(on: date, export: str, note_id: str, file_type: FileType) -> str:
    """A neutral name, such as note-2026-11-21-a1b2c3.docx; `export` tells one export from another."""
    digits = hashlib.sha256(f"{export}:{note_id}".encode()).hexdigest()[:6]
    return f"note-{on.isoformat()}-{digits}.{file_type}"
