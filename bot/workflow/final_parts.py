"""What final notes need beside what every conversation does."""

from dataclasses import dataclass, field

from bot.domain.formats import BUILT_IN, Formats
from bot.workflow.ports import Files, FileWriter, People


@dataclass(frozen=True)
class FinalParts:
    """Who people are, how notes become files and where those go, the formats there are, and whether supervisors co-sign."""

    people: People
    files: Files
    write: FileWriter
    formats: Formats = field(default_factory=lambda: BUILT_IN)
    cosigning: bool = True
