"""The words of the form of a case, in each language."""

from dataclasses import dataclass

from bot.catalog import Translate, catalog
from bot.domain.case import CaseState
from inference.note import Language


@dataclass(frozen=True)
class CaseTexts:
    """The words of the form of a case."""

    title: str
    languages: dict[Language, str]
    states: dict[CaseState, str]
    consent: str
    consent_means: str
    given: str
    off: str
    off_means: str
    given_by: str
    given_by_hint: str
    given_on: str
    names: str
    names_hint: str
    history: str
    history_given: str
    history_withdrawn: str
    who_missing: str
    who_too_long: str
    day_missing: str
    day_to_come: str
    name_too_long: str


def _words(_: Translate) -> CaseTexts:
    return CaseTexts(
        title=_("Case"),
        languages={Language.ENGLISH: _("English"), Language.CHINESE: _("Chinese")},
        states={CaseState.OPEN: _("open"), CaseState.SUSPENDED: _("suspended"), CaseState.CLOSED: _("closed")},
        consent=_("Consent for training"),
        consent_means=_(
            "With consent, the model may learn at night from what counselors approved, accepted and edited in this case, after names and "
            "the like are taken out. Consent counts for the whole case and can be withdrawn at any time, here, in one step."
        ),
        given=_("Given"),
        off=_("Off"),
        off_means=_("Nothing of this case is used; what was used before is dropped."),
        given_by=_("Given by"),
        given_by_hint=_("In a few words, without a name, such as: the client, on paper"),
        given_on=_("Given on"),
        names=_("Names to take out before training"),
        names_hint=_(
            "Everybody of this case, one person a line, new ones at the end; other names in brackets: Anna Smith (Annie). "
            "People who are not listed are found only beside a title, such as Dr Patel."
        ),
        history=_("Recorded so far"),
        history_given=_("Given on {on}: {given_by} · recorded by {who} on {when}"),
        history_withdrawn=_("Withdrawn · recorded by {who} on {when}"),
        who_missing=_("Please say in a few words who gave consent."),
        who_too_long=_("Please say it in at most {number} characters."),
        day_missing=_("Please choose the day on which consent was given."),
        day_to_come=_("This day has not come yet."),
        name_too_long=_("Please enter one person a line, in at most {number} characters."),
    )


case_texts = catalog("case", _words)
"""The words of a language."""
