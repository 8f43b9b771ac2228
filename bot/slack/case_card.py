"""The card with which PhyAssist introduces itself in a case's channel, and the button that opens a closed case again: pure functions."""

from bot.domain.case import Case
from bot.slack.blocks import Block, button, context, escape, header, plain, section
from bot.slack.case_card_texts import card_texts
from bot.workflow.ports import Sign

SET_UP_ACTION = "set_up_case"
REOPEN_ACTION = "reopen_case"


def card(case: Case) -> tuple[Block, ...]:
    """What PhyAssist does here, what it stores, and who sees it; with the button to set the case up."""
    words = card_texts(case.language)
    set_up = button(SET_UP_ACTION, words.set_up, case.id) | {"style": "primary"}
    return (
        header(words.title),
        section(words.signs[Sign.WELCOME].format(code=escape(case.code))),
        section(f"*{words.does_title}*\n{words.does}"),
        section(f"*{words.stores_title}*\n{words.stores}"),
        section(f"*{words.sees_title}*\n{words.sees}"),
        {"type": "actions", "elements": [set_up]},
        context(words.later),
    )


def reopen_button(case: Case) -> Block:
    """Asks once more before it opens a closed case."""
    words = card_texts(case.language)
    sure = {
        "title": plain(words.reopen_sure),
        "text": plain(words.reopen_question.format(code=case.code)),
        "confirm": plain(words.reopen),
        "deny": plain(words.cancel),
    }
    return button(REOPEN_ACTION, words.reopen, case.id) | {"confirm": sure}
