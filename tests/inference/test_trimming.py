"""Answers without loose ends."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from inference.trimming import UntilMarker, without_unfinished_sentence

MARKERS = ("<HUMAN>:", "<ASSISTANT>:")
WHOLE = st.sampled_from(
    [
        "Sleep comes late.",
        "Who is at home with her?",
        'She said "no."',
        "It began in 2019, at 3.5 hours a night!",
        "Rest… ",
        "睡眠很晚。",
        "他说：“我很累。”",
        "家里还有谁？",
        "先写安全！",
        "- keep a diary\n\n",
        "1. ask about sleep\n2. ask about food\n\n",
    ]
)
LOOSE = st.sampled_from(["and then he", "然后他", "Dr.", "\n3.", "\n- keep a dia", "see e.g.", "In 20", "（二", ""])


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Sleep comes late. He eats litt", "Sleep comes late."),
        ("Sleep comes late.", "Sleep comes late."),
        ('She said "no." Then she', 'She said "no."'),
        ("**Sleep comes late.** He", "**Sleep comes late.**"),
        ("Ask Dr. Wu about it. See Dr.", "Ask Dr. Wu about it."),
        ("It took 3.5 hours. Then 2", "It took 3.5 hours."),
        ("What helps:\n1. Sleep\n2. Walks in the mor", "What helps:\n1. Sleep"),
        ("What helps. It is this:\n\n1. Sle", "What helps."),
        ("Regular meals.\n3.", "Regular meals."),
        ("- keep a diary\nThis is", "- keep a diary"),
        ("One line\nbroken in the mid", "One line\nbroken in the mid"),
        ("No end at all", "No end at all"),
        ("睡眠很晚。他吃得很", "睡眠很晚。"),
        ("他说：“我很累。”然后", "他说：“我很累。”"),
        ("情绪低落。**重点是", "情绪低落。"),
        ("建议：\n1、规律作息\n2、每天散", "建议：\n1、规律作息"),
        ("还有谁？也许……不知", "还有谁？也许……"),
        ("", ""),
    ],
)
def test_what_is_kept(text: str, kept: str) -> None:
    """The text ends with its last whole sentence or item, in English and in Chinese; without one, all of it stays."""
    assert without_unfinished_sentence(text) == kept


@given(st.lists(WHOLE, min_size=1, max_size=4), LOOSE)
def test_nothing_whole_is_lost(sentences: list[str], loose: str) -> None:
    """Whole sentences stay, whatever is broken off behind them; what is kept is a beginning of the text. The last item of a list is whole
    when something follows; else it can't be told from half of one."""
    assume(loose or not sentences[-1].endswith("\n"))
    text = " ".join(sentences)
    kept = without_unfinished_sentence(f"{text} {loose}")
    assert kept == text.rstrip()


@given(st.text(alphabet='ab .!?。！\n-1*"”:', max_size=40))
def test_something_stays_always(text: str) -> None:
    """What is kept is a beginning of the text, without blanks at its end, and is never empty where there is text."""
    kept = without_unfinished_sentence(text)
    assert text.startswith(kept)
    assert kept == kept.rstrip()
    assert bool(kept) == bool(text.rstrip())


@given(st.lists(st.sampled_from(["a ", "<", "<HUM", "<HUMAN>", "<HUMAN>:", "AN>:", "<ASSIS", "TANT>: ", "中", ">"])))
def test_a_stream_ends_at_a_marker(pieces: list[str]) -> None:
    """However the stream is cut into pieces, what comes out is the text before the first marker."""
    until = UntilMarker(MARKERS)
    out = "".join(until.feed(piece) for piece in pieces) + until.rest()
    text = "".join(pieces)
    found = [at for at in map(text.find, MARKERS) if at >= 0]
    assert out == (text[: min(found)] if found else text)
    assert until.reached is bool(found)


def test_nothing_is_held_back_that_begins_no_marker() -> None:
    """Text goes on at once, but for what may turn out to be a marker."""
    until = UntilMarker(MARKERS)
    assert until.feed("less < more, <") == "less < more, "
    assert until.feed("b>") == "<b>"
    assert UntilMarker(()).feed("anything <HUMAN>:") == "anything <HUMAN>:"
