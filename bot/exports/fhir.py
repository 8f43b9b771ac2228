"""An exported note as a FHIR R4 DocumentReference: metadata for the receiving system, the note itself as Markdown and PDF inside.

The patient is named by the case's pseudonymous code, people by their Slack ids. https://hl7.org/fhir/R4/documentreference.html
"""

import base64
import hashlib
import json
from datetime import UTC, datetime
from typing import Any

from bot.domain.case import Case
from bot.domain.note import Note
from inference.note import Language

SYSTEM = "urn:x-phyassist"
LOCALES = {Language.ENGLISH: "en-US", Language.CHINESE: "zh-CN"}

Json = dict[str, Any]


def fhir_of(case: Case, note: Note, title: str, markdown: str, pdf: bytes) -> bytes:
    """The resource as JSON."""
    approval = note.approval
    written = approval.at if approval else note.revisions[-1].created_at
    resource: Json = {
        "resourceType": "DocumentReference",
        "id": note.id,
        "meta": {
            "security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R", "display": "restricted"}]
        },
        "language": LOCALES[case.language],
        "masterIdentifier": {"system": f"{SYSTEM}:note", "value": note.id},
        "status": "current",
        "docStatus": _state(note),
        "type": {"coding": [{"system": "http://loinc.org", "code": "11506-3", "display": "Progress note"}], "text": title},
        "subject": {"type": "Patient", "identifier": {"system": f"{SYSTEM}:case", "value": case.code}},
        "date": _instant(written),
        "author": _authors(case, note),
        "content": [
            {"attachment": _attachment("text/markdown", markdown.encode(), case.language, title, written)},
            {"attachment": _attachment("application/pdf", pdf, case.language, title, written)},
        ],
    }
    if approval:
        resource["authenticator"] = _practitioner(case, approval.user_id)
    return (json.dumps(resource, ensure_ascii=False, indent=2) + "\n").encode()


def _state(note: Note) -> str:
    """The state of the note in FHIR's words (composition-status)."""
    if note.approval is None:
        return "preliminary"
    return "amended" if note.addenda else "final"


def _authors(case: Case, note: Note) -> list[Json]:
    """Counselors who worked on it, the one who approved it first; of an untouched draft, the program."""
    people = [note.approval.user_id] if note.approval else []
    people += [each.author.name for each in note.revisions if each.author.origin == "counselor"]
    people += [added.by.user_id for added in note.addenda]
    if not people:
        return [{"type": "Device", "identifier": {"system": f"{SYSTEM}:adapter", "value": note.adapter}}]
    return [_practitioner(case, user_id) for user_id in dict.fromkeys(people)]


def _practitioner(case: Case, user_id: str) -> Json:
    return {"type": "Practitioner", "identifier": {"system": f"{SYSTEM}:slack:{case.team_id}", "value": user_id}}


def _attachment(content_type: str, content: bytes, language: Language, title: str, created: datetime) -> Json:
    return {
        "contentType": content_type,
        "language": LOCALES[language],
        "data": base64.b64encode(content).decode(),
        "size": len(content),
        "hash": base64.b64encode(hashlib.sha1(content, usedforsecurity=False).digest()).decode(),  # the standard asks for SHA-1
        "title": title,
        "creation": _instant(created),
    }


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds")
