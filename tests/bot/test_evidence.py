"""What an item rests on: found among a case's descriptions, kept with the item, and no part of what it says."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.evidence import MOST, Described, Grounds, Source
from bot.domain.note import Origin, adopt, build_on
from bot.domain.words import features, stem
from inference.note import Kind, Language, NoteItem
from tests.support.builders import a_revision, an_item
from tests.support.evidence_cases import halves, labelled_cases, measured
from training.demo.content import load_content

SLEEP = Described(Source("1.1", "sleep"), "She lies awake until three and looks at her phone in bed.")
DRINK = Described(Source("2.1", "drink"), "On weekends her brother drinks a bottle of wine before noon.")
MORE = Described(Source("2.2", "drink", "2.1"), "He hides empty bottles in the garage.")
CHINESE = Described(Source("3.1", "zh"), "来访者每天凌晨四点就醒，睡前一直在床上刷手机。")


def evidence(text: str, *described: Described, note: str = "sleep", language: Language = Language.ENGLISH) -> tuple[str, ...]:
    """The ids of what a text rests on."""
    return Grounds(described or (SLEEP, DRINK, MORE), note, language).evidence(text)


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("Suggest leaving the phone outside the bedroom.", ("1.1",)),
        ("Main concern: trouble sleeping.", ("1.1",)),
        ("Ask about the brother's wine before noon.", ("2.1",)),
        ("Talk about the bottles in the garage.", ("2.2",)),
        ("Agree on small steps.", ()),
        ("", ()),
    ],
)
def test_an_item_rests_on_what_it_speaks_of(text: str, ids: tuple[str, ...]) -> None:
    """Shared words, or words of one family, lead to the description; what shares nothing has none."""
    assert evidence(text) == ids


def test_several_descriptions_are_named_in_their_order() -> None:
    """An item may rest on what was described first and on what was added to it."""
    assert evidence("Her brother drinks wine and hides empty bottles in the garage.", note="drink") == ("2.1", "2.2")


def test_chinese_items_find_chinese_descriptions() -> None:
    """Pairs of signs and families do for Chinese what words do for English."""
    other = Described(Source("4.1", "other"), "丈夫上周搬出去了，她在考虑离婚。")
    assert evidence("建议把手机放在卧室外。", CHINESE, other, note="zh", language=Language.CHINESE) == ("3.1",)
    assert evidence("可以谈谈离婚的利弊。", CHINESE, other, note="other", language=Language.CHINESE) == ("4.1",)
    assert evidence("下次会谈时间不变。", CHINESE, other, note="zh", language=Language.CHINESE) == ()


def test_a_safety_item_rests_on_the_description_that_names_the_danger() -> None:
    """However the danger is put: the list of dangers joins what no word joins."""
    told = Described(Source("5.1", "danger"), "He says his family would be better off without him.")
    assert evidence("Safety first: ask directly about plan, means and timing.", SLEEP, told, note="danger") == ("5.1",)


def test_many_descriptions_of_one_matter_are_not_all_named() -> None:
    """At most three, and always the same ones."""
    described = [Described(Source(f"{day}.1", f"n{day}"), f"Night {day}: she lay awake in bed until three.") for day in range(50)]
    named = evidence("Nights awake in bed until three.", *described, note="n49")
    assert named == evidence("Nights awake in bed until three.", *described, note="n49")
    assert "49.1" in named
    assert len(named) <= MOST


@pytest.mark.parametrize("language", list(Language))
def test_links_are_as_good_as_the_docstring_says(language: Language) -> None:
    """On a part of the cases that the limits were not set on; the whole is `python -m tests.bench.evidence`."""
    _, kept_apart = halves(load_content())
    figures = measured(labelled_cases(kept_apart, language, 12, seed=5), language)
    assert figures.right_links / figures.links > 0.85
    assert figures.found / figures.supported > 0.48
    assert figures.left_alone / figures.unsupported > 0.85


words = st.sampled_from(["awake", "wine", "bottle", "phone", "bed", "garage", "睡不着", "手机", "离婚", "and", "<", "3"])
texts = st.lists(words, max_size=12).map(" ".join)


@given(texts, st.lists(texts, max_size=8))
@settings(max_examples=60, deadline=None)
def test_evidence_names_only_descriptions_of_the_case(text: str, said: list[str]) -> None:
    """Whatever is said: known ids, each once, in their order, at most three; and each shares something with the item."""
    described = [Described(Source(f"{place:03}", f"n{place}"), each) for place, each in enumerate(said)]
    named = Grounds(described, "n0", Language.ENGLISH).evidence(text)
    assert list(named) == sorted(set(named))
    assert len(named) <= MOST
    assert all(features(text) & (features(said[int(id_)]) | {"#danger"}) for id_ in named)


def test_what_an_item_has_stays() -> None:
    """Evidence that was found when the item was written is not looked for again; a counselor's line is looked up like any other."""
    old = replace(an_item("Talk about the bottles in the garage."), evidence=("1.1",))
    mine = an_item("Her brother drinks wine before noon.", origin=Origin.COUNSELOR)
    found = Grounds((SLEEP, DRINK, MORE), "sleep", Language.ENGLISH).support((old, mine))
    assert [item.evidence for item in found] == [("1.1",), ("2.1",)]


def test_evidence_goes_along_when_a_note_is_edited_or_answered() -> None:
    """A line that stood in the note brings its evidence through the counselor's edit and through the next answer."""
    item = replace(an_item("Sleep is short."), evidence=("1.1",))
    adopted = adopt([NoteItem(Kind.ADVICE, "Sleep is short."), NoteItem(Kind.ADVICE, "Mine.")], [item])
    assert [each.evidence for each in adopted] == [("1.1",), ()]
    assert [each.evidence for each in build_on(adopted, [NoteItem(Kind.ADVICE, "New.")])] == [("1.1",), (), ()]


def test_evidence_is_no_part_of_what_an_item_says() -> None:
    """Approvals name a revision by its hash: that is the same with and without evidence, and the same as it always was."""
    bare, supported = an_item("Sleep is short."), replace(an_item("Sleep is short."), evidence=("1.1",))
    assert bare == supported
    assert a_revision(bare).content_hash == a_revision(supported).content_hash
    assert a_revision(bare).content_hash == "efb14316721aa2255850740a0e353c8689d0a036c2c6062041b9e6c95ea96660"


@pytest.mark.parametrize(("one", "other"), [("worries", "worry"), ("worried", "worry"), ("bottles", "bottle"), ("hiding", "hides")])
def test_usual_endings_do_not_matter(one: str, other: str) -> None:
    """English words are compared without their endings."""
    assert stem(one) == stem(other)
