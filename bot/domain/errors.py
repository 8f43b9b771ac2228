"""Errors of the domain.

DomainError
├── NothingToRead        a post or an edited answer without a single line to work on
├── TooLong              a post that does not fit the model's context
├── FileRefused          an attached file that can't be read
├── NoteLocked           an approved summary does not change any more
├── OutOfDate            the revision in hand is not the newest one
├── CaseOutOfDate        the case's consent has changed since the form was opened
├── CodeTaken            another case of the team has this code
├── DigestOutOfDate      the digest in hand is not the one that is told now
├── NothingToSummarize   the session has no note yet
├── NothingToShorten     the note has no line of the model's that could go
├── SectionsMissing      sections that the note's format requires are empty
└── NotAllowed           this person or this channel may not do that
"""

from collections.abc import Sequence

from bot.domain.formats import Section


class DomainError(Exception):
    """Base of all; messages never hold case text."""


class NothingToRead(DomainError):
    """A post or an edited answer without a single line to work on."""


class TooLong(DomainError):
    """A post that does not fit the model's context; `limit` is in characters, roughly, `length` is what it has."""

    def __init__(self, limit: int, length: int = 0) -> None:
        super().__init__(f"longer than about {limit} characters")
        self.limit, self.length = limit, length


class FileRefused(DomainError):
    """An attached file that can't be read; `reason` names the sentence to show, `limit` belongs to it. `name` is case text."""

    def __init__(self, reason: str, name: str, limit: int = 0) -> None:
        super().__init__(reason)
        self.reason, self.name, self.limit = reason, name, limit


class NoteLocked(DomainError):
    """An approved summary does not change any more."""


class OutOfDate(DomainError):
    """The revision in hand is not the newest one."""


class CaseOutOfDate(DomainError):
    """The case's consent has changed since the form was opened."""


class CodeTaken(DomainError):
    """Another case of the team has this code."""


class DigestOutOfDate(DomainError):
    """The digest in hand is not the one that is told now."""


class NothingToSummarize(DomainError):
    """The session has no note yet."""


class NothingToShorten(DomainError):
    """The note has no line of the model's that could go: what is left is the counselors' own, or one line a kind."""


class SectionsMissing(DomainError):
    """Sections that the note's format requires are empty; `sections` are those, in order."""

    def __init__(self, sections: Sequence[Section]) -> None:
        super().__init__(f"{len(sections)} sections are empty")
        self.sections = tuple(sections)


class NotAllowed(DomainError):
    """This person or this channel may not do that; `reason` names the sentence to show."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
