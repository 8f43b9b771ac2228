"""The content files say enough, in both languages, and nothing that they must not say."""

import pytest

from inference.note import Language
from inference.safety import Risk
from training.demo.content import Content, Part, load_content
from training.demo.judge import unmentioned_disorders, unmentioned_names


@pytest.fixture(scope="module")
def content() -> Content:
    """The shipped content."""
    return load_content()


def parts(content: Content) -> list[tuple[str, Language, Part]]:
    """All problems in all languages."""
    return [(problem.id, language, part) for problem in content.problems for language, part in problem.parts.items()]


def test_at_least_sixty_problems_in_both_languages(content: Content) -> None:
    """There are sixty problems or more, each in English and in Chinese."""
    assert len(content.problems) >= 60
    assert all(set(problem.parts) == set(Language) for problem in content.problems)


def test_every_problem_is_told_in_many_ways(content: Content) -> None:
    """Each problem has its minimum of complaints, keywords, free accounts, details and items."""
    for name, _, part in parts(content):
        assert len(part.complaint) >= 16, name
        assert len(part.keywords) >= 30, name
        assert len(part.accounts) >= 20, name
        assert len(part.aspects) >= 6, name
        assert all(len(aspect.say) >= 5 and aspect.items for aspect in part.aspects), name
        assert len(part.general) >= 14, name


def test_no_item_belongs_to_two_problems(content: Content) -> None:
    """An item tells which problem it belongs to, so none is used twice."""
    texts = [item.text for _, _, part in parts(content) for item in part.items]
    assert len(texts) == len(set(texts))


def test_no_item_names_a_disorder(content: Content) -> None:
    """Items speak of what is reported, never of a diagnosis."""
    for name, language, part in parts(content):
        for item in part.items:
            assert not unmentioned_disorders(item.text, "", language), (name, item.text)


def test_no_item_names_a_person_as_a_matter_of_course(content: Content) -> None:
    """Items of a problem name only people whom every account of it mentions; items of a detail, whom every way to tell it mentions."""
    found = []
    for name, language, part in parts(content):
        pairs = [(item, part.accounts) for item in (part.concern, *part.general)]
        pairs += [(item, aspect.say) for aspect in part.aspects for item in aspect.items]
        for item, told in pairs:
            if unmentioned_names(item.text, "", language):  # who names nobody at all needs no second look
                found += [(name, item.text) for text in told if unmentioned_names(item.text, text, language)][:1]
    assert not found


def test_every_risk_has_safety_items_in_both_languages(content: Content) -> None:
    """All four risks have mentions, safety items and a follow-up in each language."""
    assert set(content.risks) == set(Risk)
    for risk in content.risks.values():
        for language in Language:
            assert risk[language].mention
            assert risk[language].safety
            assert risk[language].follow_up
