"""Chinese text in any encoding it comes in: read rightly, mended where it was read wrongly before, left out where characters are lost."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.corpora.encodings import encoding_of, open_text
from training.corpora.tally import Tally
from training.corpora.tidying import MOJIBAKE, PUNCTUATION, tidy, undamaged
from training.workbench.errors import WorkbenchError

LINES = "来访者：最近总是睡不好，夜里醒好几次。\n咨询师：从什么时候开始的？白天感觉怎么样？\n" * 4
COMMON = st.text(st.sampled_from("我最近总是睡不好工作压力很大家人说应该去看心理医生可是没有时间"), min_size=6)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "gb18030"])
def test_each_encoding_is_told_and_read(tmp_path: Path, encoding: str) -> None:
    """By the bytes alone, with a mark at the beginning or without."""
    path = tmp_path / "talk.txt"
    path.write_bytes(LINES.encode(encoding))
    with path.open("rb") as stream, open_text(stream, encoding_of(path)) as text:
        assert text.read().lstrip("\ufeff") == LINES


def test_a_file_with_few_broken_bytes_keeps_its_encoding(tmp_path: Path) -> None:
    """What broke becomes U+FFFD, by which its row is found; the rest of the file is as it was."""
    path = tmp_path / "table.csv"
    path.write_bytes((LINES * 60).encode("gb18030") + b"\xff\n" + LINES.encode("gb18030"))
    assert encoding_of(path) == "gb18030"
    with path.open("rb") as stream, open_text(stream, "gb18030") as text:
        assert text.read().replace("\ufffd\n", "") == LINES * 61


@pytest.mark.parametrize("content", [bytes(range(128, 256)) * 4, b"\x00\xd8\x00\xd8" * 30, b"  \n", b""])
def test_bytes_in_no_encoding_are_refused(tmp_path: Path, content: bytes) -> None:
    """Never read as something that happens to be legal."""
    path = tmp_path / "talk.txt"
    path.write_bytes(content)
    with pytest.raises(WorkbenchError, match=r"talk\.txt"):
        encoding_of(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A folder is no file either."""
    for path in (tmp_path / "none.txt", tmp_path):
        with pytest.raises(WorkbenchError, match="no file"):
            encoding_of(path)


@given(COMMON, st.sampled_from([("gb18030", "utf-8"), ("latin-1", "utf-8"), ("latin-1", "gb18030")]))
def test_text_that_was_read_wrongly_is_mended_or_left_out(text: str, mistake: tuple[str, str]) -> None:
    """Whatever the mistake, what comes out is the text as it was written, or nothing; never the wrong characters."""
    read_as, written_in = mistake
    assert undamaged(text.encode(written_in).decode(read_as, errors="replace")) in {text, None}


@given(COMMON)
def test_whole_mistakes_can_be_undone(text: str) -> None:
    """UTF-8 read as Latin letters loses no byte."""
    assert undamaged(text.encode("utf-8").decode("latin-1")) == text


@pytest.mark.parametrize(
    "text",
    [
        "我最近睡不好，心里很烦。",
        "她说：“别担心。”——可是我还是担心……",
        "我覺得壓力很大，晚上睡不著，不知道該怎麼辦。",
        "试试 CBT-I（失眠的认知行为治疗），每天 20 分钟 😊",
        "She sleeps badly since the move.",
        "Le café était fermé; déjà vu.",
        "囧，他把手机号后三位写成了①②③。",
    ],
)
def test_proper_text_stays(text: str) -> None:
    """Simplified and traditional Chinese, quotes, dashes, pictures, English and French."""
    tally = Tally()
    assert tidy(text, tally) == text
    assert not +tally.repaired


@pytest.mark.parametrize("text", ["我最近\ufffd不好", "锟斤拷锟斤拷睡不好", "\ue000我睡不好"])
def test_lost_characters_are_never_passed_on(text: str) -> None:
    """Nobody can tell what stood there."""
    assert tidy(text, Tally()) is None


def test_artefacts_and_white_space_are_tidied() -> None:
    """Stray punctuation between two ends of sentences, wide blanks, invisible characters, line ends of any system."""
    tally = Tally()
    assert tidy("您好。：。请问咳嗽几天了？：，。", tally) == "您好。请问咳嗽几天了？"
    assert tidy("\ufeff　先\u200b休息\u00a0 两天\r\n\r\n\r\n\r\n再看。", tally) == "先休息 两天\n\n再看。"
    assert tidy("。：。", tally) == ""
    assert tally.repaired == {MOJIBAKE: 0, PUNCTUATION: 2}


def test_a_mended_text_is_counted() -> None:
    """So that a manifest says how much of a set was wrong."""
    tally = Tally()
    assert tidy("我最近总是睡不好".encode().decode("latin-1"), tally) == "我最近总是睡不好"
    assert tally.repaired[MOJIBAKE] == 1
