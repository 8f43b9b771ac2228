"""Files of Chinese sets to rows: each format told by its content, nothing moved between dialogues, everything left out counted."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.corpora.belle import write_belle
from training.corpora.cleaning import Drop
from training.corpora.convert import FORMATS, Converted, Wanted, convert
from training.corpora.dialogues import DAMAGED
from training.corpora.json_stream import json_values
from training.corpora.questions import document_of, question_row
from training.corpora.repeats import NEAR, PART
from training.corpora.shapes import NOT_THIS, SAME, SHAPES
from training.workbench.errors import WorkbenchError
from training.workbench.rows import Comparison, Conversation, Turn

FIRST, SECOND = ("最近咳嗽三天了。", "有没有发烧？"), ("没有发烧。", "多喝水，观察两天。")
DOCUMENT = "晚饭后慢走二十分钟能帮助入睡。睡前剧烈运动会让人清醒。"
SAID = st.text(st.sampled_from("睡得好不好吗累压力家人朋友医生"), min_size=1, max_size=12)


def made(folder: Path, content: Any, name: str = "set.json", lines: bool = False, **wanted: Any) -> Converted:
    """What a file with some JSON in it makes."""
    path = folder / name
    text = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in content) if lines else json.dumps(content, ensure_ascii=False)
    path.write_text(text, encoding="utf-8")
    return convert([path], Wanted(**wanted))


def pairs(found: Converted) -> list[list[tuple[str, str]]]:
    """What is said in each conversation, question with answer."""
    said = []
    for row in found.rows:
        assert isinstance(row, Conversation)
        texts = [turn.content for turn in row.messages if turn.role != "system"]
        said.append(list(zip(texts[::2], texts[1::2], strict=True)))
    return said


@pytest.mark.parametrize(
    ("form", "record"),
    [
        ("alpaca", {"instruction": SECOND[0], "input": "", "output": SECOND[1], "history": [list(FIRST)]}),
        ("belle", {"id": "b1", "conversations": [{"from": who, "value": FIRST[i]} for i, who in enumerate(("human", "gpt"))]}),
        ("messages", {"messages": [{"role": who, "content": FIRST[i]} for i, who in enumerate(("user", "assistant"))]}),
        ("messages", {"conversations": [{"role": who, "content": FIRST[i]} for i, who in enumerate(("user", "assistant"))]}),
        ("emollm", {"conversation": [{"system": "请倾听。", "input": FIRST[0], "output": FIRST[1]}]}),
        ("smile", [{"role": who, "content": FIRST[i], "annotation": []} for i, who in enumerate(("client", "counselor"))]),
        ("cpsycoun", [f"求助者：{FIRST[0]}", f"支持者：{FIRST[1]}"]),
        ("seed-tasks", {"id": "s1", "instruction": FIRST[0], "instances": [{"input": "", "output": FIRST[1]}]}),
    ],
)
def test_every_format_of_dialogues_is_told_by_its_content(tmp_path: Path, form: str, record: Any) -> None:
    """Alone, in an array, in JSON lines under any ending, and by its name; the first question has its answer each time."""
    dialogue = isinstance(record, list)
    found = made(tmp_path, record)
    assert pairs(found)[0][0] == FIRST
    assert pairs(made(tmp_path, record, format=form)) == pairs(found)
    if not dialogue:
        assert pairs(made(tmp_path, [record])) == pairs(made(tmp_path, [record], lines=True)) == pairs(found)


def test_a_table_and_texts_are_told_too(tmp_path: Path) -> None:
    """In GB18030, and a whole folder of files, each named by its place in it; ids are used once."""
    (tmp_path / "sets" / "b").mkdir(parents=True)
    (tmp_path / "sets" / "a.csv").write_bytes("department,title,ask,answer\n心理科,咳嗽？,三天了,多喝水。\n".encode("gb18030"))
    for name, said in (("case.txt", "头痛。"), ("b/case.txt", "手麻。")):
        (tmp_path / "sets" / name).write_text(f"来访者：{said}\n\n心理咨询师：多久了？\n", encoding="utf-8")
    (tmp_path / "sets" / "LICENSE").write_text("free", encoding="utf-8")
    found = convert([tmp_path / "sets"], Wanted())
    assert pairs(found) == [[("咳嗽？\n三天了", "多喝水。")], [("手麻。", "多久了？")], [("头痛。", "多久了？")]]
    assert [row.id for row in found.rows if isinstance(row, Conversation)] == ["a-1", "case", "case-2"]
    assert [(source.name, source.rows) for source in found.sources] == [("a.csv", 1), ("b/case.txt", 1), ("case.txt", 1)]
    assert len({source.sha256 for source in found.sources}) == 3


def test_ids_and_systems_are_kept(tmp_path: Path) -> None:
    """A record's own id; a system that stands in the first turn alone; a number for each instance of a task."""
    belle = {"id": 7, "conversations": [{"from": "human", "value": FIRST[0]}, {"from": "gpt", "value": FIRST[1]}]}
    assert made(tmp_path, [belle]).rows[0] == Conversation("7", (Turn("user", FIRST[0]), Turn("assistant", FIRST[1])))
    talk = [{"system": "请倾听。", "input": FIRST[0], "output": FIRST[1]}, {"input": SECOND[0], "output": SECOND[1]}]
    row = made(tmp_path, [{"conversation": talk}]).rows[0]
    assert isinstance(row, Conversation)
    assert [turn.role for turn in row.messages] == ["system", "user", "assistant", "user", "assistant"]
    task = {"id": "t", "instruction": "造句", "instances": [{"input": word, "output": f"我{word}。"} for word in ("走", "跑")]}
    rows = made(tmp_path, [task], lines=True).rows
    assert rows[1] == Conversation("t-2", (Turn("user", "造句\n跑"), Turn("assistant", "我跑。")))


def test_samples_of_one_dialogue_become_one_row(tmp_path: Path) -> None:
    """The COVID doctor's files have a dialogue once for each of its answers; the loss being on all answers, the longest is enough."""
    samples = [
        {"instruction": FIRST[0], "input": "", "output": FIRST[1], "history": []},
        {"instruction": SECOND[0], "input": "", "output": SECOND[1], "history": [list(FIRST)]},
        {"instruction": "头痛。", "input": "", "output": "多久了？", "history": None},
    ]
    found = made(tmp_path, samples)
    assert pairs(found) == [[FIRST, SECOND], [("头痛。", "多久了？")]]
    assert found.tally.dropped[PART] == 1


def test_questions_keep_their_document_and_answer(tmp_path: Path) -> None:
    """TCM's rows have answers; d2q's have none, and one question or a list of them, in two generations of its files."""
    tcm = {"id": 1, "text": DOCUMENT, "annotations": [{"Q": "晚饭后做什么好？", "A": "慢走"}, {"Q": "走多久？", "A": "二十分钟"}]}
    assert made(tmp_path, [tcm], lines=True).rows == [
        question_row(DOCUMENT, "晚饭后做什么好？", "慢走"),
        question_row(DOCUMENT, "走多久？", "二十分钟"),
    ]
    asked = "你现在是一个问题生成模型，请根据下面文档生成一个问题，文档："
    for record in (
        {"instruction": asked, "input": DOCUMENT, "output": ["走多久？", "什么时候走？"]},
        {"text": DOCUMENT, "answer": ["走多久？", "什么时候走？"]},
    ):
        assert made(tmp_path, [record], lines=True).rows == [question_row(DOCUMENT, "走多久？"), question_row(DOCUMENT, "什么时候走？")]
    for record in ({"instruction": asked, "input": DOCUMENT, "output": "走多久？"}, {"text": DOCUMENT, "answer": "走多久？"}):
        row = made(tmp_path, [record]).rows[0]
        assert row == question_row(DOCUMENT, "走多久？")
        assert document_of(row.prompt) == DOCUMENT


def test_comparisons_are_read_in_both_forms(tmp_path: Path) -> None:
    """Of a list of two the first is the better one; two equal answers compare nothing."""
    pair = {"instruction": "头痛怎么办？", "input": "", "output": ["先量血压，再看看最近睡得怎样。", "不知道。"]}
    other = {"prompt": "手麻怎么办？", "chosen": "多久了？", "rejected": "哦。"}
    found = made(tmp_path, [pair, {**pair, "output": ["好。", "好。"]}, {**pair, "output": ["好。", " "]}, other])
    assert found.rows == [Comparison("头痛怎么办？", *pair["output"]), Comparison("手麻怎么办？", "多久了？", "哦。")]
    assert found.tally.dropped[SAME] == found.tally.dropped[Drop.EMPTY] == 1


def test_every_row_left_out_has_a_reason(tmp_path: Path) -> None:
    """Too long, said before, damaged, of another format, nearly said before."""
    long = {"instruction": "长" * 60, "output": "好。"}
    good = {"instruction": "最近总是睡不好，夜里醒来好几次，白天没有精神，怎么办？", "output": "先记一周的睡眠。"}
    near = {**good, "instruction": good["instruction"] + "谢谢"}
    broken = {"instruction": "我睡\ufffd好", "output": "好。"}
    found = made(tmp_path, [good, long, good, near, broken, {"instruction": "没有答案"}, {"a": 1}], most_chars=50, near=0.8)
    assert len(found.rows) == 1
    assert +found.tally.dropped == {Drop.LONG: 1, Drop.REPEATED: 1, DAMAGED: 1, NOT_THIS: 2, NEAR: 1}


def test_turns_of_tools_make_no_conversation(tmp_path: Path) -> None:
    """ChatGLM3's files may have them; a model here has no tools."""
    talk = [{"role": role, "content": FIRST[0]} for role in ("user", "tool", "assistant")]
    found = made(tmp_path, [{"conversations": talk}])
    assert not found.rows
    assert found.tally.dropped[NOT_THIS] == 1


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("一段没有说话人的文字。", "fits none of the formats"),
        ("question,answer\n1,2\n", "fits none of the formats"),
        ('{"a": 1}', "fits none of the formats"),
        ("[]", "fits none of the formats"),
        ('{"instruction": "走", "output": "好"}\n{"instruction": "跑", ', "line 2"),
        ('[{"instruction": "走", "output": "好"}', "line 1"),
        ('["求助者：我累。", "支持者：嗯。"]\n["求助者：我困。", "支持者：嗯。"]', "line 2"),
    ],
)
def test_what_no_format_fits_is_said_in_a_sentence(tmp_path: Path, text: str, told: str) -> None:
    """Named is the file, and the line where one is broken; never what stands in it."""
    (tmp_path / "odd.json").write_text(text, encoding="utf-8")
    with pytest.raises(WorkbenchError, match=told) as raised:
        convert([tmp_path / "odd.json"], Wanted())
    assert "odd.json" in str(raised.value)
    assert "求助者：我" not in str(raised.value)


def test_a_wrong_format_is_said(tmp_path: Path) -> None:
    """One that there isn't, one that the file hasn't, a text without speakers, a folder without files."""
    (tmp_path / "a.json").write_text('[{"instruction": "走", "output": "好"}]', encoding="utf-8")
    (tmp_path / "empty").mkdir()
    (tmp_path / "plain.txt").write_text("没有说话人。", encoding="utf-8")
    for name, form, told in (
        ("a.json", "odd", "no format odd"),
        ("a.json", "smile", "not of the format smile"),
        ("plain.txt", "dialogue-text", "speaker"),
        ("empty", "auto", "holds no file"),
    ):
        with pytest.raises(WorkbenchError, match=told):
            convert([tmp_path / name], Wanted(form))
    assert set(SHAPES) < set(FORMATS)


@given(st.lists(st.lists(st.tuples(SAID, SAID), min_size=1, max_size=4), min_size=1, max_size=5, unique_by=lambda talk: talk[0][0]))
def test_nothing_moves_between_dialogues(tmp_path_factory: pytest.TempPathFactory, talks: list[list[tuple[str, str]]]) -> None:
    """Written as BELLE's files have them and read again, the dialogues are what they were, in their order, with their ids."""
    folder = tmp_path_factory.mktemp("belle")
    rows = [
        Conversation(f"d{number}", tuple(Turn(role, text) for pair in talk for role, text in zip(("user", "assistant"), pair, strict=True)))
        for number, talk in enumerate(talks)
    ]
    assert write_belle(folder / "train.json", rows) == len(rows)
    assert convert([folder / "train.json"], Wanted()).rows == rows
    with pytest.raises(WorkbenchError, match="there already"):
        write_belle(folder / "train.json", rows)


class _Pieces:
    """A stream that gives a few characters at a time, whatever is asked for."""

    def __init__(self, text: str, size: int) -> None:
        self._text, self._size = text, size

    def read(self, _count: int) -> str:
        piece, self._text = self._text[: self._size], self._text[self._size :]
        return piece


VALUES = st.lists(
    st.one_of(st.dictionaries(st.text(max_size=3), st.text(max_size=6), max_size=3), st.lists(st.integers(), max_size=3)), max_size=5
)


@given(VALUES, st.integers(1, 40), st.sampled_from(["array", "lines", "pretty"]))
def test_json_is_the_same_in_pieces_of_any_size(values: list[Any], size: int, way: str) -> None:
    """As an array, printed prettily, or a value a line, the values come out as the standard library reads them."""
    lines = way == "lines"
    values = [value for value in values if isinstance(value, dict)] if lines else values
    text = "".join(f"{json.dumps(value)}\n" for value in values) if lines else json.dumps(values, indent=1 if way == "pretty" else None)
    assert list(json_values(_Pieces(text, size), "set.json")) == values  # type: ignore[arg-type]  # all that is used of a stream
