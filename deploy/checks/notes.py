"""Final notes: the team's own formats."""

from collections.abc import Iterator

from bot.domain.formats import BUILT_IN, note_formats
from bot.settings import NotesSettings, SettingsError, load_formats
from deploy.checks.finding import Finding, ok, problem

SUBJECT = "Note formats"


def check_notes(settings: NotesSettings) -> Iterator[Finding]:
    """The file of templates, read as the bot reads it."""
    try:
        formats = load_formats(settings)
    except SettingsError as error:
        for line in str(error).splitlines():
            yield problem(SUBJECT, line, "Correct the file; bot/domain/templates.py shows a complete one. The bot does not start with it.")
        return
    team = len(formats) - len(BUILT_IN)
    yield ok(SUBJECT, f"{', '.join(note_formats(formats))} ({team} from the team's file)" if team else ", ".join(note_formats(formats)))
