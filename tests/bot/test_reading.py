"""How a reply is read: every way in which people write lists, in both languages, and prose beside it."""

import time
from dataclasses import replace

import pytest

from bot.domain.errors import NothingToRead
from bot.domain.note import Item, Origin
from bot.domain.reading import Reading, read_items, read_reply
from bot.slack.texts import texts
from bot.slack.views import pages
from bot.workflow.ports import NoteView, Why
from inference.note import Kind, Language, NoteItem
from tests.support.builders import a_counselor, a_note, a_revision, an_item

ENGLISH = (
    an_item("Sleep has been short for two weeks."),
    an_item("Keep a sleep diary until the next session.", Kind.ADVICE),
    an_item("Since when does she wake at three?", Kind.QUESTION),
)
CHINESE = (
    an_item("近两周睡眠不足，影响工作。"),
    an_item("请来访者写睡眠日记，直到下次会谈。", Kind.ADVICE),
    an_item("从什么时候开始凌晨三点醒来？", Kind.QUESTION),
)


def texts_of(items: tuple[NoteItem, ...]) -> list[str]:
    """The texts alone."""
    return [item.text for item in items]


@pytest.mark.parametrize(
    "bullet",
    [
        "- ",
        "* ",
        "• ",
        "· ",
        "◦ ",
        "– ",
        "— ",
        "▪ ",
        "•",
        "-",
        "1. ",
        "1) ",
        "(1) ",
        "1.",
        "12. ",
        "1、",
        "（1）",
        "(1)",
        "①",
        "① ",
        "  - ",
        "\t• ",
    ],
)
def test_every_usual_bullet_is_taken_off(bullet: str) -> None:
    """Whatever stands before a line to make it a list item is no part of the item, and two such lines are an edited answer."""
    reply = f"{bullet}Walk after lunch\n{bullet}Call the clinic"
    assert texts_of(read_items(reply)) == ["Walk after lunch", "Call the clinic"]
    assert read_reply(reply, ENGLISH) is Reading.EDITED


@pytest.mark.parametrize(
    "line",
    [
        "-5 kg since March",
        "3.5 hours of sleep a night",
        "7.30 pm: first glass of wine",
        "2024 was the worst year",
        "50% less appetite",
        "a) or b)",
    ],
)
def test_numbers_that_mean_something_stay(line: str) -> None:
    """A figure, a time or a minus at the start of a line is content, not a bullet."""
    assert texts_of(read_items(line)) == [line]


@pytest.mark.parametrize(
    ("heading", "kind"),
    [
        ("Analysis", Kind.ANALYSIS), ("ANALYSIS:", Kind.ANALYSIS), ("*Analysis*", Kind.ANALYSIS), ("**Analysis:**", Kind.ANALYSIS),
        ("## Advice", Kind.ADVICE), ("_Advice_", Kind.ADVICE), ("*Advice*:", Kind.ADVICE), ("- Advice:", Kind.ADVICE),
        ("Questions to ask", Kind.QUESTION), ("Questions:", Kind.QUESTION),
        ("分析", Kind.ANALYSIS), ("建议：", Kind.ADVICE), ("*可提的问题*", Kind.QUESTION), ("提问:", Kind.QUESTION),
    ],
)  # fmt: skip
def test_a_heading_gives_its_lines_their_kind(heading: str, kind: Kind) -> None:
    """Headings as people and Slack write them decide what the lines below are, and are no items themselves."""
    assert read_items(f"{heading}\n- one thing\n- another thing") == (NoteItem(kind, "one thing"), NoteItem(kind, "another thing"))


@pytest.mark.parametrize("language", list(Language))
def test_the_headings_which_the_bot_shows_are_known(language: Language) -> None:
    """Every heading of the bot's own messages is read back as one."""
    for kind, heading in texts(language).headings.items():
        assert read_items(f"*{heading}*\n1. x y") == (NoteItem(kind, "x y"),)


def test_without_a_heading_a_line_keeps_the_kind_it_had() -> None:
    """A line of the note, or nearly so, has that item's kind; a new one is a question by its mark, else advice."""
    reply = "- Sleep has been short for two weeks\n- How is the appetite?\n- 现在食欲怎么样？\n- Drink less coffee."
    kinds = [item.kind for item in read_items(reply, ENGLISH)]
    assert kinds == [Kind.ANALYSIS, Kind.QUESTION, Kind.QUESTION, Kind.ADVICE]


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("- Walk after lunch,\n  best with the dog\n- Call the clinic", ["Walk after lunch, best with the dog", "Call the clinic"]),
        ("1. 午饭后散步，\n最好带着狗\n2. 给诊所打电话", ["午饭后散步，最好带着狗", "给诊所打电话"]),
        ("- Walk after lunch\n\nCall the clinic", ["Walk after lunch", "Call the clinic"]),
        ("Walk after lunch\nCall the clinic", ["Walk after lunch", "Call the clinic"]),
        ("- Walk\n---\n- Call\n***", ["Walk", "Call"]),
        ("- Walk\r\n- Call\u2028- Rest", ["Walk", "Call", "Rest"]),
    ],
)
def test_wrapped_lines_come_together_and_separate_ones_stay_apart(reply: str, expected: list[str]) -> None:
    """A plain line right under a list item continues it; after a gap it is an item of its own; rules are nothing."""
    assert texts_of(read_items(reply)) == expected


@pytest.mark.parametrize(("items", "language"), [(ENGLISH, Language.ENGLISH), (CHINESE, Language.CHINESE)])
def test_a_note_copied_out_of_slack_is_read_as_it_was(items: tuple[Item, ...], language: Language) -> None:
    """Headings, numbers, the mark of a counselor's words and the lines below the note leave nothing behind."""
    mine = Item(Kind.ADVICE, "Walk after lunch, as agreed.", Origin.COUNSELOR)
    items = (*items[:2], mine, items[2])
    note = a_note(a_revision(*items[:2]), a_revision(*items, number=2, by=a_counselor()))
    page = pages(NoteView(note, language, Reading.EDITED, "1.1"))[0]
    copied = "\n".join(
        block["text"]["text"] if block["type"] == "section" else block["elements"][0]["text"]
        for block in page.blocks
        if block["type"] in {"section", "context"}
    )
    assert "✎" in copied
    assert read_items(copied, items) == tuple(NoteItem(item.kind, item.text) for item in items)


@pytest.mark.parametrize(("items", "language"), [(ENGLISH, Language.ENGLISH), (CHINESE, Language.CHINESE)])
@pytest.mark.parametrize("edited", [True, False])
def test_marks_and_questions_of_a_copied_note_are_none_of_its_items(items: tuple[Item, ...], language: Language, edited: bool) -> None:
    """Kept and new lines, what was taken over, and the question why: nothing of it is left behind either."""
    kept = replace(items[0], kept=True)
    note = a_note(a_revision(kept), a_revision(kept, *items[1:], number=2))
    (page,) = pages(NoteView(note, language, why=Why("r", edited, None)))
    copied = "\n".join(
        block["text"]["text"] if block["type"] == "section" else block["elements"][0]["text"]
        for block in page.blocks
        if block["type"] in {"section", "context"}
    )
    assert {"⚑", "✦"} <= set(copied)
    assert read_items(copied, items) == tuple(NoteItem(item.kind, item.text) for item in items)
    assert read_reply(copied, items) is Reading.EDITED
    shown_plainly = copied.replace("*", "")
    assert read_items(shown_plainly, items) == tuple(NoteItem(item.kind, item.text) for item in items)


@pytest.mark.parametrize(
    ("reply", "items"),
    [
        ("She also told me that she works night shifts.", ENGLISH),
        ("Her mother died in March.\nSince then she can't be alone.", ENGLISH),
        ("Yes, since 2. May", ENGLISH),
        ("他还说自己上夜班。", CHINESE),
        ("母亲三月去世。\n此后他不敢一个人待着。", CHINESE),
        ("One more thing:\n- he drinks", ENGLISH),
        ("👍", ENGLISH),
        ("", ENGLISH),
        ("Analysis:", ENGLISH),
    ],
)
def test_prose_is_information(reply: str, items: tuple[Item, ...]) -> None:
    """Sentences that are no list and repeat little of the note add to the case."""
    assert read_reply(reply, items) is Reading.INFORMATION


@pytest.mark.parametrize(
    ("reply", "items"),
    [
        ("Sleep has been short for two weeks.\nKeep a sleep diary until the next session.", ENGLISH),
        ("Keep a sleep diary till the next session", ENGLISH),
        ("近两周睡眠不足，影响工作。\n请来访者写睡眠日记，直到下次会谈。\n多散步。", CHINESE),
        ("Advice\n- he should drink less", ENGLISH),
        ("建议：\n1、少喝酒", CHINESE),
        ("My version:\n- Walk after lunch\n- Call the clinic", ENGLISH),
    ],
)
def test_lists_and_repeated_lines_are_an_edited_answer(reply: str, items: tuple[Item, ...]) -> None:
    """A reply that is itemized, headed, or mostly the note's own lines is the counselor's version of the note."""
    assert read_reply(reply, items) is Reading.EDITED


def test_mixed_text_is_information_unless_the_list_prevails() -> None:
    """A few list lines inside a longer report don't turn the report into a note."""
    report = "He came late today.\nWe spoke about work.\n- boss is new\n- more shifts\nHe wept."
    assert read_reply(report, ENGLISH) is Reading.INFORMATION
    assert read_reply(report.replace("He came late today.\nWe spoke about work.\n", ""), ENGLISH) is Reading.EDITED


def test_without_a_note_nothing_is_an_edit() -> None:
    """A list in answer to a note that has no items yet is information."""
    assert read_reply("- one\n- two", ()) is Reading.INFORMATION


@pytest.mark.parametrize("text", ["", " \n\t\n", "Advice:\n", "---\n***", "*分析*\n建议："])
def test_nothing_but_headings_and_space_cannot_be_read(text: str) -> None:
    """An edited answer without a single line is refused rather than taken for an empty note."""
    with pytest.raises(NothingToRead):
        read_items(text)


@pytest.mark.parametrize("line", ["Ask the patient to hold a dairy numbers 3.", "ab cd", "x" * 600])
def test_an_endless_reply_is_judged_quickly(line: str) -> None:
    """A hundred thousand characters don't hold the other cases up."""
    items = [Item(Kind.ADVICE, f"Ask the client to keep a diary number {number}.", Origin.MODEL) for number in range(24)]
    reply = f"{line}\n" * (100_000 // len(line))
    began = time.process_time()
    read_reply(reply, items)
    assert time.process_time() - began < 3
