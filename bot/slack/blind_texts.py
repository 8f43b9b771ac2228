"""The words around notes that admins compare blind, in each language."""

from dataclasses import dataclass

from bot.catalog import Translate, catalog
from bot.workflow.blind import Choice, Side


@dataclass(frozen=True)
class BlindTexts:
    """The words of one language."""

    title: str
    title_shown: str
    intro: str
    asked: str
    note: str
    note_shown: str
    no_note: str
    question: str
    sides: dict[Side, str]
    neither: str
    show: str
    close: str
    whose: dict[Choice, str]
    you_said: dict[Choice, str]
    you_said_nothing: str
    line: str
    gone: str
    press_again: str


def _words(_: Translate) -> BlindTexts:
    return BlindTexts(
        title=_("Compare notes"),
        title_shown=_("Which is which"),
        intro=_(
            "The same held-out descriptions, answered by {name} and by what it was measured against. Say which notes you would rather "
            "have; then you see whose they are. Names and the like were taken out as far as they were found. It is still case material, "
            "shown to you alone: please leave it here."
        ),
        asked=_("{number} of {of}"),
        note=_("Note {side}"),
        note_shown=_("Note {side}: {whose}"),
        no_note=_("No readable note."),
        question=_("Which note would you rather have?"),
        sides={Side.A: _("A"), Side.B: _("B")},
        neither=_("Neither is better"),
        show=_("Show which is which"),
        close=_("Close"),
        whose={Choice.NEW: _("the new adapter"), Choice.OLD: _("what was there before"), Choice.NEITHER: _("neither")},
        you_said={
            Choice.NEW: _("You preferred the new adapter's note."),
            Choice.OLD: _("You preferred the note of what was there before."),
            Choice.NEITHER: _("You found neither better."),
        },
        you_said_nothing=_("You didn't say which one you prefer."),
        line=_(
            "Compared blind (admins: {admins}). Preferred: the new adapter's note {new}×, the one from before {old}×, neither {neither}×."
        ),
        gone=_("The notes are not there any more: their cases were deleted, or may not be used for training now."),
        press_again=_("Slack didn't open the notes in time. Please press again."),
    )


blind_texts = catalog("blind", _words)
"""The words of a language."""
