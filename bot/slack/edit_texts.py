"""The words of editing: menus of lines, the buttons under a note, the form behind Edit, reasons."""

from dataclasses import dataclass

from bot.catalog import Translate, catalog
from bot.domain.editing import ItemChange
from training.data.records import Reason


@dataclass(frozen=True)
class EditTexts:
    """The words of one language."""

    menu: dict[ItemChange, str]
    new_answer: str
    shorter: str
    taken_over: str
    nothing_new: str
    all_new: str
    kept: str
    good: str
    bad: str
    why_edited: str
    why_disliked: str
    reasons: dict[Reason, str]
    reason: str
    title: str
    help: str
    help_answer: str
    pages: str
    back: str
    next: str
    line: str
    add: str
    add_hint: str
    one_title: str
    one_hint: str


def _words(_: Translate) -> EditTexts:
    return EditTexts(
        menu={
            ItemChange.KEPT: _("Keep"),
            ItemChange.RELEASED: _("Don't keep"),
            ItemChange.REWRITTEN: _("Edit …"),
            ItemChange.DROPPED: _("Drop"),
            ItemChange.UNDONE: _("Undo"),
        },
        new_answer=_("New answer"),
        shorter=_("Shorter"),
        taken_over=_("Took over {count} of {before} lines · {new} new ✦"),
        nothing_new=_("Took over {count} of {before} lines · nothing new"),
        all_new=_("All lines are new"),
        kept=_("⚑ kept"),
        good=_("Good note"),
        bad=_("Bad note"),
        why_edited=_("Why the change?"),
        why_disliked=_("What is wrong with it?"),
        reasons={Reason.FACT: _("Facts"), Reason.TONE: _("Tone"), Reason.SCOPE: _("Scope"), Reason.RISK: _("Risk")},
        reason=_("Reason: {reason}"),
        title=_("Edit the note"),
        help=_("Change a line, empty it to drop it, or add lines. What you write stays as it is."),
        help_answer=_("Change a line, empty it to drop it, or add lines. What you write stays as it is; I then add what is missing."),
        pages=_("Page {number} of {of}. What you type is kept when you turn the page; Submit hands back all pages."),
        back=_("Back"),
        next=_("Next page"),
        line=_("{heading} {number}"),
        add=_("Add to {heading}"),
        add_hint=_("One new line of the note per line."),
        one_title=_("Edit this line"),
        one_hint=_("Each line of text becomes a line of the note; empty it to drop it."),
    )


edit_texts = catalog("edit", _words)
"""The words of a language."""
