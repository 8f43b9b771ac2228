"""Errors of the domain.

DomainError
├── NothingToRead        a post or an edited answer without a single line to work on
├── TooLong              a post that does not fit the model's context
├── NoteLocked           an approved summary does not change any more
├── OutOfDate            the revision in hand is not the newest one
├── CaseOutOfDate        the case's consent has changed since the form was opened
├── DigestOutOfDate      the digest in hand is not the one that is told now
├── NothingToSummarize   the session has no note yet
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
    """A post that does not fit the model's context; `limit` is in characters, roughly."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"longer than about {limit} characters")
        self.limit = limit


class NoteLocked(DomainError):
    """An approved summary does not change any more."""


class OutOfDate(DomainError):
    """The revision in hand is not the newest one."""


class CaseOutOfDate(DomainError):
    """The case's consent has changed since the form was opened."""


class DigestOutOfDate(DomainError):
    """The digest in hand is not the one that is told now."""


class NothingToSummarize(DomainError):
    """The session has no note yet."""


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
