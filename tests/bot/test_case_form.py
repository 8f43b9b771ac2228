"""The form of a case, checked as Slack checks it, and what becomes of what somebody enters."""

import json
from datetime import date, timedelta
from typing import Any

import pytest

from bot.domain.case import Case, CaseFile, CaseState, Consent, ConsentHistory, Roster, Withdrawal
from bot.slack.case_form import CONSENT, GIVEN, GIVEN_BY, GIVEN_ON, NAME_CHARS, OFF, STEPS_SHOWN, case_modal, read_case_form
from bot.slack.case_texts import case_texts
from bot.workflow.incoming import SaidConsent
from deploy.sandbox.inputs import state_of
from deploy.sandbox.render import plain_view
from deploy.sandbox.validate import checked_view
from inference.note import Language
from tests.support.builders import NOW

GIVEN_THEN = Consent("the client, on paper", date(2026, 2, 27), "U0ANNA", NOW)
ENDED = Withdrawal("U0LI", NOW + timedelta(days=1))
WORDS = case_texts(Language.ENGLISH)


def a_file(*consents: Consent | Withdrawal, names: tuple[str, ...] = (), language: Language = Language.ENGLISH) -> CaseFile:
    """A case with this history of consent and these names."""
    case = Case("case-1", "T1", "C1", "C-1A2B3C", language, CaseState.OPEN, NOW)
    return CaseFile(case, consents, Roster(names, version=3))


def untouched(view: dict[str, Any]) -> dict[str, Any]:
    """What Slack sends when somebody submits a form as it was opened."""
    return state_of(checked_view(view)["blocks"], {})


def entered(choice: str, who: str | None, day: str | None, names: str = "") -> dict[str, Any]:
    """What Slack sends when somebody filled the form in."""
    return {
        CONSENT: {"choice": {"selected_option": {"value": choice}}},
        GIVEN_BY: {"text": {"value": who}},
        GIVEN_ON: {"day": {"selected_date": day}},
        "names:0": {"text": {"value": names}},
    }


HISTORIES: dict[str, ConsentHistory] = {
    "never": (),
    "given": (GIVEN_THEN,),
    "withdrawn": (GIVEN_THEN, ENDED),
    "long": (GIVEN_THEN, ENDED) * 20,
    "wordy": (Consent("<!channel> & " * 15, date(2026, 2, 27), "U0ANNA", NOW),) * 9,
}


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("history", HISTORIES)
@pytest.mark.parametrize("names", [0, 1, 40, 400])
def test_slack_takes_the_form_and_gives_back_what_it_shows(language: Language, history: str, names: int) -> None:
    """However long history and names are: submitted untouched, the form says what held when it was opened."""
    listed = tuple(f"Person {number} (nickname {number})" for number in range(names))
    file = a_file(*HISTORIES[history], names=listed, language=language)
    read = read_case_form(untouched(case_modal(file)), language, NOW)
    assert read.names == listed
    newest = file.consents[-1] if file.consents else None
    holds = isinstance(newest, Consent)
    assert (read.consent is not None) is holds
    if isinstance(newest, Consent):
        assert read.consent
        assert (read.consent.given_by, read.consent.given_on) == (newest.given_by.strip(), newest.given_on)
    assert not read.errors


def test_the_form_says_what_holds_and_what_withdrawing_does() -> None:
    """Code and language stand first, then who recorded what, at the end the state; the choice that ends consent says what it does."""
    shown = plain_view(checked_view(case_modal(a_file(GIVEN_THEN, ENDED, GIVEN_THEN))))
    assert "C-1A2B3C" in shown
    assert "[English ▾]" in shown
    assert "◉ Open" in shown.splitlines()[-2]
    assert "Given on 2026-02-27: the client, on paper · recorded by @U0ANNA" in shown
    assert "Withdrawn · recorded by @U0LI" in shown
    assert WORDS.off_means in json.dumps(case_modal(a_file()))
    assert shown.count("recorded by") == 3


def test_of_a_long_history_the_newest_steps_are_shown() -> None:
    """The rest stays stored."""
    assert plain_view(case_modal(a_file(*HISTORIES["long"]))).count("recorded by") == STEPS_SHOWN


def test_nothing_that_was_entered_comes_to_life() -> None:
    """Mentions in what a colleague entered are shown as they are."""
    blocks = json.dumps(case_modal(a_file(Consent("<!channel>", date(2026, 2, 27), "U0ANNA", NOW)))["blocks"])
    assert "by <!channel>" not in blocks
    assert ": &lt;!channel&gt;" in blocks


@pytest.mark.parametrize(
    ("who", "day", "errors"),
    [
        ("", None, {GIVEN_BY: WORDS.who_missing, GIVEN_ON: WORDS.day_missing}),
        (" \u200b\n", "2026-03-01", {GIVEN_BY: WORDS.who_missing}),
        ("x" * 201, "2026-03-01", {GIVEN_BY: WORDS.who_too_long.format(number=200)}),
        ("the client", None, {GIVEN_ON: WORDS.day_missing}),
        ("the client", "2026-03-04", {GIVEN_ON: WORDS.day_to_come}),
        ("the client", "2026-03-03", {}),  # in some places it is that day already
        ("the client", "2026-03-02", {}),
    ],
)
def test_consent_needs_who_and_when(who: str, day: str | None, errors: dict[str, str]) -> None:
    """What is missing is named in its field, and nothing is recorded until it is there."""
    read = read_case_form(entered(GIVEN, who, day), Language.ENGLISH, NOW)
    assert read.errors == errors
    assert (read.consent is None) is bool(errors)


@pytest.mark.parametrize(("who", "day"), [("", None), ("the client", "2026-03-01"), ("the client", "2099-01-01")])
def test_off_needs_nothing_else(who: str, day: str | None) -> None:
    """Withdrawing is one step, whatever stands in the other fields; a form without any choice is off as well."""
    assert read_case_form(entered(OFF, who, day), Language.ENGLISH, NOW).consent is None
    assert not read_case_form(entered(OFF, who, day), Language.ENGLISH, NOW).errors
    assert read_case_form({}, Language.ENGLISH, NOW).consent is None


def test_names_are_lines_once_each_and_in_order() -> None:
    """Their order gives people their numbers; a paragraph is no name."""
    read = read_case_form(entered(OFF, None, None, " Anna Smith (Annie)\n\n张伟\nAnna Smith (Annie) \n"), Language.ENGLISH, NOW)
    assert read.names == ("Anna Smith (Annie)", "张伟")
    assert not read.errors
    too_long = read_case_form(entered(GIVEN, "the client", "2026-03-01", "x" * (NAME_CHARS + 1)), Language.ENGLISH, NOW)
    assert list(too_long.errors) == ["names:0"]


def test_consent_that_was_entered_is_read_word_for_word() -> None:
    """Spaces around aside."""
    read = read_case_form(entered(GIVEN, " 来访者，书面 ", "2026-03-01"), Language.CHINESE, NOW)
    assert read.consent == SaidConsent(given_by="来访者，书面", given_on=date(2026, 3, 1))
