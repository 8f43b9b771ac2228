"""Dialogues to conversations: turns alternate, nothing is lost but what is counted."""

from hypothesis import given
from hypothesis import strategies as st

from training.corpora.dialogues import DAMAGED, EMPTY, JOINED, LATE_SYSTEM, NO_ANSWER, NO_QUESTION, OPENING, UNANSWERED, conversation
from training.corpora.speakers import BEFORE, DIRECTIONS, dialogues, turns_of
from training.corpora.tally import Tally
from training.workbench.rows import Turn

TALK = """来访者：您好，我最近睡不好。\r
\r
心理咨询师：可以试试这几个办法：\r
1. 睡前不看手机；\r
2. 每天同一时间起床。\r
（一周后）\r
来访者：好一些了。\r
\r
心理咨询师：很高兴听到这个消息。\r
（咨询结束）\r
"""
TURNS = st.lists(
    st.builds(Turn, st.sampled_from(["user", "assistant"]), st.text(st.sampled_from("睡不好吗。 ，\n"), max_size=8)), max_size=12
)


def talk(text: str) -> tuple[list[list[tuple[str, str]]], Tally]:
    """The dialogues of a text as pairs, and what was counted."""
    tally = Tally()
    return [[(turn.role, turn.content) for turn in turns] for turns in dialogues(text.splitlines(keepends=True), tally)], tally


def test_a_text_with_speakers_is_one_dialogue() -> None:
    """A line without a speaker goes on with the turn; stage directions are left out and counted; line ends are of any system."""
    found, tally = talk(TALK)
    assert found == [
        [
            ("user", "您好，我最近睡不好。"),
            ("assistant", "可以试试这几个办法：\n1. 睡前不看手机；\n2. 每天同一时间起床。"),
            ("user", "好一些了。"),
            ("assistant", "很高兴听到这个消息。"),
        ]
    ]
    assert tally.repaired == {DIRECTIONS: 2}
    assert talk(TALK.replace("\r\n", "\n"))[0] == found


def test_several_dialogues_in_a_file_stay_apart() -> None:
    """A border of dashes, equals signs or an id; the speaker may stand on a line of its own; what comes before the first is counted."""
    text = "记录\nid=1\n患者：\n咳嗽三天。\n医生:多喝水。\n---\n患者：发烧。\n医生：量体温。\n====\n"
    found, tally = talk(text)
    assert found == [[("user", "咳嗽三天。"), ("assistant", "多喝水。")], [("user", "发烧。"), ("assistant", "量体温。")]]
    assert tally.repaired == {BEFORE: 1}


def test_a_colon_inside_what_is_said_begins_no_turn() -> None:
    """Only known speakers do."""
    assert [turn.content for turn in turns_of(["求助者：我想说：累。", "支持者：我听到了：你很累。"], Tally())] == [
        "我想说：累。",
        "我听到了：你很累。",
    ]


def test_counselors_who_begin_and_clients_who_end() -> None:
    """Greetings before any question and words that nobody answered are left out, each counted."""
    tally = Tally()
    made = conversation(
        "a", [Turn("assistant", "您好！"), Turn("user", "我累。"), Turn("assistant", "多久了？"), Turn("user", "很久。")], tally
    )
    assert made
    assert [turn.content for turn in made.messages] == ["我累。", "多久了？"]
    assert tally.repaired[OPENING] == tally.repaired[UNANSWERED] == 1


def test_turns_of_one_speaker_are_joined_and_empty_ones_left_out() -> None:
    """An empty turn between them doesn't part them."""
    tally = Tally()
    turns = [
        Turn("system", "请倾听。"),
        Turn("user", "我累。"),
        Turn("assistant", " 。"),
        Turn("user", "很累。"),
        Turn("assistant", "嗯。"),
    ]
    made = conversation("a", turns, tally)
    assert made
    assert made.messages == (Turn("system", "请倾听。"), Turn("user", "我累。\n很累。"), Turn("assistant", "嗯。"))
    assert (tally.repaired[JOINED], tally.repaired[EMPTY]) == (1, 1)


def test_dialogues_that_make_no_row_are_counted_by_reason() -> None:
    """No answer, no question, lost characters, a system that speaks in between."""
    tally = Tally()
    user, answer = Turn("user", "我累。"), Turn("assistant", "多久了？")
    for turns in ([user], [answer], [], [answer, user], [user, Turn("assistant", "多\ufffd")], [user, Turn("system", "停"), answer]):
        assert conversation("a", turns, tally) is None
    assert tally.dropped == {NO_ANSWER: 2, NO_QUESTION: 2, DAMAGED: 1, LATE_SYSTEM: 1}


@given(TURNS)
def test_no_text_is_lost_or_changes_its_speaker(turns: list[Turn]) -> None:
    """Between the first question and the last answer every word stays, in its order, with who said it; turns alternate."""
    made = conversation("a", turns, Tally())
    said = [(turn.role, char) for turn in turns for char in turn.content if char.isalnum()]
    first = next((place for place, (role, _) in enumerate(said) if role == "user"), len(said))
    last = next((place for place in range(len(said), 0, -1) if said[place - 1][0] == "assistant"), 0)
    kept = [(turn.role, char) for turn in made.messages for char in turn.content if char.isalnum()] if made else []
    assert kept == (said[first:last] if first < last else [])
    if made:
        assert [turn.role for turn in made.messages] == ["user", "assistant"] * (len(made.messages) // 2)
