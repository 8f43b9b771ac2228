"""Tables whose quotes can't be trusted: no row swallows another, and what can't be read is counted."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.corpora.medical_table import COLUMNS, STRAY, header_of, question_of, records
from training.corpora.tally import Tally
from training.workbench.errors import WorkbenchError

HEADER = "department,title,ask,answer\n"
TEXT = st.text(st.sampled_from('睡眠头痛，。？, "\n'), min_size=1, max_size=30).filter(lambda text: bool(text.strip()))


def read(body: str, header: str = HEADER) -> tuple[list[tuple[str, str]], Tally]:
    """The rows of a table, and what became of the others."""
    tally = Tally()
    return list(records(io.StringIO(header + body, newline=""), tally, "table.csv")), tally


def test_a_quote_that_never_closes_swallows_nothing() -> None:
    """The standard library's reader makes one row of these three."""
    body = '心理科,睡不好怎么办？,"睡不好三天了,早点休息。\n心理科,头痛怎么办？,头痛两天了,多喝水。\n神经科,手麻？,"左手麻","去检查。"\n'
    assert len(list(csv.reader(io.StringIO(body)))) < 3
    rows, tally = read(body)
    assert [answer for _, answer in rows] == ["早点休息。", "多喝水。", "去检查。"]
    assert rows[0][0] == "睡不好怎么办？\n睡不好三天了"
    assert tally.repaired == {STRAY: 1}


def test_lines_inside_quotes_belong_to_their_row() -> None:
    """Also where a line in the middle has as many commas as a row."""
    body = '心理科,怎么放松？,想学放松,"先坐好,闭眼。\n吸气,停一停,呼气,重复\n\n慢慢睁眼。"\n心理科,头痛？,两天了,多喝水。\n'
    rows, tally = read(body)
    assert rows[0][1] == "先坐好,闭眼。\n吸气,停一停,呼气,重复\n\n慢慢睁眼。"
    assert len(rows) == 2
    assert not tally.repaired


def test_quotes_in_the_text_stay() -> None:
    """A quoted word at the beginning of a field, quotes that were not doubled, quotes inside a plain field."""
    body = (
        '心理科,"内耗"是什么？,无,想得太多。\n'
        '心理科,怎么回答？,"他说"你好"，我没说话","打个招呼,就好。"\n'
        '心理科,什么叫"边界"？,如题,能说不。\n'
        '心理科,怎么写？,"写成""边界""",对。\n'
    )
    rows, tally = read(body)
    assert rows == [
        ('"内耗"是什么？', "想得太多。"),
        ('怎么回答？\n他说"你好"，我没说话', "打个招呼,就好。"),
        ('什么叫"边界"？', "能说不。"),
        ('怎么写？\n写成"边界"', "对。"),
    ]
    assert tally.repaired == {STRAY: 2}


def test_rows_of_another_width_are_left_out_and_counted() -> None:
    """Nobody knows which comma was too many."""
    rows, tally = read("心理科,睡不好？,三天了,早睡,早起\n心理科,头痛\n\n心理科,头痛？,两天,喝水。\n")
    assert rows == [("头痛？\n两天", "喝水。")]
    assert tally.dropped == {COLUMNS: 2}


def test_columns_are_found_by_name() -> None:
    """In any order, with `question` as the description calls it, with a mark before the first name."""
    header = "\ufeffanswer,question,title,department\r\n"
    assert read("喝水。,两天,头痛？,心理科\r\n", header)[0] == [("头痛？\n两天", "喝水。")]
    assert header_of("question,answer") is None
    with pytest.raises(WorkbenchError, match="first line"):
        read("", "a,b\n")


@pytest.mark.parametrize(
    ("title", "ask", "question"),
    [
        ("头痛？", "两天了", "头痛？\n两天了"),
        ("头痛？", "无", "头痛？"),
        ("头痛？", "我想问头痛？怎么办", "我想问头痛？怎么办"),
        ("", "头痛", "头痛"),
    ],
)
def test_title_and_text_make_one_question(title: str, ask: str, question: str) -> None:
    """Nothing is said twice."""
    assert question_of(title, ask) == question


@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=6))
def test_proper_tables_are_read_as_they_were_written(texts: list[tuple[str, str]]) -> None:
    """What a spreadsheet writes comes out again, whatever commas, quotes and line ends are in it; nothing counts as repaired."""
    written = io.StringIO(newline="")
    csv.writer(written, quoting=csv.QUOTE_ALL).writerows([("心理科", "", ask, answer) for ask, answer in texts])
    rows, tally = read(written.getvalue())
    assert rows == [(question_of("", ask), answer) for ask, answer in texts]
    assert not tally.repaired
    assert not tally.dropped
