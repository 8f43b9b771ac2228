"""The words of the part of a case's form that says how PhyAssist works in it."""

from dataclasses import dataclass

from bot.catalog import Translate, catalog
from bot.domain.case_code import CodeProblem
from bot.domain.formats import ITEMIZED


@dataclass(frozen=True)
class SetupTexts:
    """The words of one language. `formats` names those formats that have no name of their own."""

    code: str
    code_hint: str
    problems: dict[CodeProblem, str]
    taken: str
    language: str
    language_hint: str
    note_format: str
    formats: dict[str, str]
    state: str
    open: str
    closed: str
    closed_means: str
    line: str


def _words(_: Translate) -> SetupTexts:
    return SetupTexts(
        code=_("Code"),
        code_hint=_(
            "What this case is called everywhere: {shortest} to {longest} letters (A–Z), digits and hyphens, at least one digit. Please no "
            "name, no initials and no date of birth."
        ),
        problems={
            CodeProblem.LENGTH: _("Please enter {shortest} to {longest} characters."),
            CodeProblem.CHARACTERS: _("Please use only letters (A–Z), digits and single hyphens between them."),
            CodeProblem.NAME: _("This looks like a name. Please enter a code with at least one digit that says nothing about the person."),
            CodeProblem.DATE: _("This looks like a date of birth. Please choose a code that says nothing about the person."),
        },
        taken=_("Another case has this code. Please choose another one."),
        language=_("Language"),
        language_hint=_("Of the notes, and of everything I say in this channel."),
        note_format=_("Format of final notes"),
        formats={ITEMIZED: _("itemized (analysis, advice, questions)")},
        state=_("State"),
        open=_("Open"),
        closed=_("Closed"),
        closed_means=_("I take up no posts until somebody opens the case again."),
        line=_("Case {code} · {language} · final notes: {note_format} · {state}"),
    )


setup_texts = catalog("case_setup", _words)
"""The words of a language."""
