"""What is written under an approved final note: who signed it, what was added later, and who signed along."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Role(StrEnum):
    """What somebody was in the team when they signed. Of several roles, the first here counts."""

    SUPERVISOR = "supervisor"
    ADMIN = "admin"
    COUNSELOR = "counselor"


@dataclass(frozen=True)
class Signer:
    """Who signs: Slack user id, name as Slack showed it (empty where it did not say), and role at that moment."""

    user_id: str
    name: str = field(repr=False)
    role: Role


@dataclass(frozen=True)
class Addendum:
    """What somebody added to an approved note. `number` counts from 1 within the note."""

    id: str
    number: int
    by: Signer
    text: str = field(repr=False)
    at: datetime

    @property
    def content_hash(self) -> str:
        """SHA-256 of the text."""
        return hashlib.sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True)
class Cosignature:
    """A supervisor signed an approved note along; `content_hash` is the one that was approved."""

    by: Signer
    content_hash: str
    at: datetime
