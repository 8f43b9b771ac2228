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
    found = made(tmp_path, record, form=AUTO) if False else made(tmp_path, record)
    assert pairs(found)[0][0] == FIRST
    assert pairs(made(tmp_path, record, format=form)) == pairs(found)
    if not dialogue:
        assert pairs(made(tmp_path, [record])) == pairs(made(tmp_path, [record], lines=True)) == pairs(found)
