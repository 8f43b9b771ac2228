"""What waits in cases, in numbers: what `/phyassist status` and App Home are made of. No text of a case is in here."""

from dataclasses import dataclass
from datetime import datetime

from bot.domain.case import Case


@dataclass(frozen=True)
class CaseOverview:
    """A case, and how much of each kind waits in it.

    `drafts`: final notes that nobody approved yet; those which an approved one came after don't count. `failed`: whether the newest
    description has no answer and none is being written. `posts`: what was posted and is not answered yet. `safety`: safety cards that
    nobody acknowledged.
    """

    case: Case
    drafts: int = 0
    questions: int = 0
    failed: int = 0
    posts: int = 0
    safety: int = 0

    @property
    def waits(self) -> bool:
        """Whether anything here waits for a counselor; posts wait for the model."""
        return bool(self.drafts or self.questions or self.failed or self.safety)


@dataclass(frozen=True)
class Draft:
    """A final note that waits for its approval: when it was drafted, and the thread it lives in, once Slack shows it."""

    thread_ts: str | None
    drafted_at: datetime
