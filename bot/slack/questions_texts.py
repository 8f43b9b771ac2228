"""The words of the list of open questions, in each language."""

from dataclasses import dataclass

from bot.catalog import Translate, catalog
from bot.domain.questions import Outcome


@dataclass(frozen=True)
class QuestionsTexts:
    """The words of one language."""

    title: str
    intro: str
    none: str
    asked: str
    more: str
    choose: str
    outcomes: dict[Outcome, str]
    reopen: str
    ticked: str
    ticked_by: str
    save: str
    close: str


def _words(_: Translate) -> QuestionsTexts:
    return QuestionsTexts(
        title=_("Open questions"),
        intro=_("What the notes suggest to ask. Choose beside each what has become of it; what you leave stays open."),
        none=_("There are no open questions."),
        asked=_("Asked {when}"),
        more=_("{number} older questions are not shown here; they appear once these are ticked off."),
        choose=_("Open"),
        outcomes={Outcome.ANSWERED: _("Answered"), Outcome.DISMISSED: _("Not needed")},
        reopen=_("Open again"),
        ticked=_("Ticked off last"),
        ticked_by=_("{outcome} · {who} · {when}"),
        save=_("Save"),
        close=_("Close"),
    )


questions_texts = catalog("questions", _words)
