"""Negative findings: left out unless a description says so, and nothing harmless goes with them."""

import pytest

from bot.domain.findings import Denials, negative_findings
from inference.note import Kind, Language, NoteItem
from tests.support.finding_sentences import Sentence, sentences
from training.demo.content import load_content

TUNED = [each for language in Language for each in sentences(language) if each.part != "last"]


@pytest.mark.parametrize("sentence", TUNED, ids=lambda sentence: sentence.item.text[:40])
def test_sentences_that_the_rules_know(sentence: Sentence) -> None:
    """What a person would leave out is left out, in both languages, and what that person would let stand stands."""
    assert sentence.judged_right


@pytest.mark.parametrize("language", list(Language))
def test_sentences_that_the_rules_were_not_made_for(language: Language) -> None:
    """Of those that were only measured with, as many are judged as a person does as the docstring says."""
    found = [each.judged_right for each in sentences(language) if each.part == "last"]
    assert len(found) == 16
    assert sum(found) >= 14


@pytest.mark.parametrize("language", list(Language))
def test_there_are_enough_sentences(language: Language) -> None:
    """At least 120 a language were written, as many to measure with as to tune on, and both verdicts are common."""
    found = sentences(language)
    assert len(found) >= 120
    assert abs(sum(each.part == "dev" for each in found) - sum(each.part == "test" for each in found)) <= 2
    assert 0.4 < sum(each.leave_out for each in found) / len(found) < 0.6


@pytest.mark.parametrize("language", list(Language))
def test_nothing_that_the_demo_says_is_taken_for_a_finding(language: Language) -> None:
    """Two thousand items of ordinary notes, full of "not", "without" and "no", all stand although nobody described anything."""
    content, nobody = load_content(), Denials([])
    items = {item for problem in content.problems for item in problem.parts[language].items}
    items |= {item for risk in content.risks.values() for item in risk[language].items}
    assert [item.text for item in items if not nobody.let_stand(item)] == []


@pytest.mark.parametrize(
    ("text", "said", "stands"),
    [
        ("She denies suicidal thoughts.", ["Sleeps badly.", "She denies thinking of suicide."], True),
        ("She denies suicidal thoughts.", ["She thinks of suicide every night, does not sleep."], False),
        ("She denies suicidal thoughts.", ["Does not sleep. She thinks of suicide."], False),
        ("She denies suicidal thoughts.", ["No suicidal thoughts, plans or intent."], True),
        ("She denies drug use.", ["No suicidal thoughts, no drugs."], True),
        ("She denies suicidal thoughts.", ["She cannot stop thinking of suicide."], False),
        ("她否认自杀念头。", ["她睡不着，总想自杀。"], False),
        ("她否认自杀念头。", ["她忍不住想自杀。"], False),
        ("她否认自杀念头。", ["睡不好。", "问起自杀，她说没有。她没有自杀的念头。"], True),
    ],
)
def test_the_same_thing_has_to_be_denied(text: str, said: list[str], stands: bool) -> None:
    """A description supports a finding where it negates the same thing, in whichever description; not where it reports it."""
    assert Denials(said).let_stand(NoteItem(Kind.ANALYSIS, text)) is stands


def test_a_finding_shows_only_when_its_object_is_known() -> None:
    """While the model writes "denies …", the item waits until it says what, and then needs a description."""
    growing = [NoteItem(Kind.ANALYSIS, text) for text in ("The client", "The client denies", "The client denies suicidal")]
    reported, silent = Denials(["No suicidal thoughts."]), Denials(["Sleeps badly."])
    assert [reported.let_stand(item) for item in growing] == [True, False, True]
    assert [silent.let_stand(item) for item in growing] == [True, False, False]


def test_questions_are_free() -> None:
    """A question may ask about whatever is absent, by its kind or by its mark."""
    assert negative_findings(NoteItem(Kind.QUESTION, "She denies suicidal thoughts, since when?")) == ()
    assert negative_findings(NoteItem(Kind.ANALYSIS, "No history of self-harm?")) == ()
