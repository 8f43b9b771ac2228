"""The rules of cases' states and codes, without anything around them."""

import itertools
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from bot.domain.case import Case, CaseState, Suspension
from bot.domain.case_code import LETTERS, CodeProblem, clean_code, code_problem, holds_name, propose_code
from bot.domain.case_state import close, reopen, resume, suspend
from inference.note import Language
from tests.support.builders import NOW

CASE = Case("case", "T1", "C1", "C-2345", Language.ENGLISH, CaseState.OPEN, NOW)
STEPS = some.one_of(some.sampled_from(["close", "reopen", "resume"]), some.sampled_from(Suspension))


def after(case: Case, step: str | Suspension, number: int) -> Case:
    """The case after a step, hours after it was opened."""
    at = NOW + timedelta(hours=number)
    if isinstance(step, Suspension):
        return suspend(case, step, at)
    return {"close": close(case, at), "reopen": reopen(case), "resume": resume(case)}[step]


@given(some.lists(STEPS, max_size=12))
def test_a_state_follows_from_its_two_reasons(steps: list[str | Suspension]) -> None:
    """Whatever happens in whichever order: closed while somebody closed it, else suspended while something is against it, else open."""
    case = CASE
    for number, step in enumerate(steps):
        before, case = case, after(case, step, number)
        assert after(case, step, number + 100) == case  # a second time changes nothing, not even the times
        assert (case.state is CaseState.CLOSED) is (case.closed_at is not None)
        assert (case.suspended_for is None) is (case.suspended_at is None)
        if case.closed_at is None:
            assert (case.state is CaseState.SUSPENDED) is (case.suspended_for is not None)
        if isinstance(step, Suspension) or step == "resume":
            assert case.closed_at == before.closed_at
        else:
            assert case.suspended_for == before.suspended_for
    assert (case.id, case.code, case.language) == (CASE.id, CASE.code, CASE.language)


def test_that_a_channel_was_deleted_stays_known() -> None:
    """The bot is no member of a deleted channel either."""
    case = suspend(suspend(CASE, Suspension.DELETED, NOW), Suspension.REMOVED, NOW)
    assert case.suspended_for is Suspension.DELETED
    assert suspend(case, Suspension.PUBLIC, NOW).suspended_for is Suspension.PUBLIC


@given(some.sets(some.text(LETTERS, min_size=4, max_size=4).map("C-{}".format), max_size=50))
def test_a_proposed_code_is_new_and_passes_its_own_rules(taken: set[str]) -> None:
    """Nobody has it, and whoever opens the form can leave it as it is."""
    code = propose_code(taken)
    assert code not in taken
    assert code_problem(clean_code(code), ["Anna Berg", "C"]) is None


def test_a_proposed_code_grows_where_all_are_taken() -> None:
    """It draws longer ones in the end; one without a digit is not proposed, as it could be a word."""
    letters = itertools.cycle("7")
    assert propose_code({"C-7777"}, lambda _: next(letters)) == "C-77777"
    letters = itertools.cycle("CDFGH23")
    assert any(char.isdigit() for char in propose_code(set(), lambda _: next(letters)))


@pytest.mark.parametrize(
    ("entered", "problem"),
    [
        ("c-7f3k", None),
        (" Ｋ７－２ ", None),
        ("2026-014", None),
        ("A1", None),
        ("7", CodeProblem.LENGTH),
        ("A" * 20 + "1", CodeProblem.LENGTH),
        ("Anna", CodeProblem.NAME),
        ("anna-7", CodeProblem.NAME),
        ("BERG2", CodeProblem.NAME),
        ("张伟1", CodeProblem.NAME),
        ("病人7", CodeProblem.CHARACTERS),
        ("A 7", CodeProblem.CHARACTERS),
        ("A--7", CodeProblem.CHARACTERS),
        ("<!channel>7", CodeProblem.CHARACTERS),
        ("A7_", CodeProblem.CHARACTERS),
        ("19870312", CodeProblem.DATE),
        ("K-1987-03-12", CodeProblem.DATE),
        ("12031987", CodeProblem.DATE),
    ],
)
def test_a_code_is_no_name_and_no_date_of_birth(entered: str, problem: CodeProblem | None) -> None:
    """Codes of the usual kinds pass; what names a person doesn't."""
    assert code_problem(clean_code(entered), ["Anna Berg (Annie)", "张伟（小张）", "Li"]) is problem


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("case-annie", True),
        ("case-ANNA-2", True),
        ("小张-个案", True),
        ("planning", False),  # "ann" is no word of it
        ("live-cases", False),  # two letters are no name that could be told from a word
        ("case-7", False),
    ],
)
def test_names_are_found_as_words(text: str, holds: bool) -> None:
    """In a channel's name or a code."""
    assert holds_name(text, ["Anna Berg (Annie)", "Ann", "张伟（小张）", "Li"]) is holds


def test_without_names_nothing_is_found() -> None:
    """A case whose people nobody entered."""
    assert not holds_name("case-anna", [])
