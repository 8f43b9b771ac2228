"""The words of a safety card, in each language: short, sober, and the same each time."""

from dataclasses import dataclass

from bot.catalog import Translate, catalog
from bot.domain.safety_card import FoundIn
from inference.screening import Danger


@dataclass(frozen=True)
class SafetyTexts:
    """The words of one language."""

    title: str
    posted: str
    found: dict[FoundIn, str]
    past: str
    dangers: dict[Danger, str]
    join: str
    practice: str
    steps: tuple[str, ...]
    more_steps: dict[Danger, str]
    contacts: str
    contact: str
    contact_hours: str
    no_contacts: str
    limits: str
    seen: str
    seen_by: str
    seen_one: str
    and_more: str
    nobody: str


def _words(_: Translate) -> SafetyTexts:
    return SafetyTexts(
        title=_("Safety first"),
        posted=_("PhyAssist posted a safety card. Please look at it."),
        found={
            FoundIn.REPORT: _("This report speaks of a current danger: *{dangers}*."),
            FoundIn.NOTE: _("The note speaks of a danger which no report here mentions: *{dangers}*. Please check whether it holds."),
        },
        past=_("Mentioned as past: {dangers}."),
        dangers={
            Danger.SUICIDE: _("suicidal intent"),
            Danger.SELF_HARM: _("self-harm"),
            Danger.HARM_TO_OTHERS: _("violence or threats of it"),
            Danger.ABUSE_OF_A_MINOR: _("abuse of a minor"),
        },
        join=_(", "),
        practice=_("*What helps now*"),
        steps=(
            _("Ask about it directly and calmly: thoughts, plan, means, time."),
            _("In acute danger, do not leave the person alone; get help."),
            _("Follow your team's procedure, and involve a supervisor."),
            _("Write down what you asked, what you found, and what you did."),
        ),
        more_steps={
            Danger.HARM_TO_OTHERS: _("Think of those who may be in danger, and of your duty to warn or report."),
            Danger.ABUSE_OF_A_MINOR: _("Put the child's safety first, and follow your child protection duties."),
        },
        contacts=_("*Crisis contacts*"),
        contact=_("{name}: {reach}"),
        contact_hours=_("{name}: {reach} ({hours})"),
        no_contacts=_("No local crisis contacts are entered yet. Please ask an admin to enter them."),
        limits=_("Noticed by fixed rules, not by the model. They can be wrong, and they miss things. The note is written as usual."),
        seen=_("I have seen this"),
        seen_by=_("Seen by {people}"),
        seen_one=_("{who}, {when}"),
        and_more=_("and {number} more"),
        nobody=_("Not seen by anybody yet"),
    )


safety_texts = catalog("safety", _words)
