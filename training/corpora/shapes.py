"""What a record of a public set looks like, told by its content, and the rows that it makes.

alpaca       {"instruction", "input", "output", "history": [[said, answered], …]}   COVID doctor, BELLE and others; history may be missing
belle        {"id", "conversations": [{"from": "human" | "gpt", "value"}]}
messages     {"id", "messages" or "conversations": [{"role", "content"}]}           ours, ChatGLM3's
emollm       {"conversation": [{"system", "input", "output"}, …]}                    EmoLLM; the system only in the first
smile        [{"role": "client" | "counselor", "content"}, …]                        SMILE: one file, one dialogue
cpsycoun     ["求助者：…", "支持者：…", …]                                            CPsyCounE: one file, one dialogue
seed-tasks   {"instruction", "instances": [{"input", "output"}]}                     BELLE, self-instruct
questions    {"text", "annotations": [{"Q", "A"}]}; {"text", "answer": question or list of questions}; d2q's alpaca form
comparison   {"instruction", "input", "output": [better, worse]}; {"prompt", "chosen", "rejected"}
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from training.corpora.cleaning import Drop
from training.corpora.dialogues import DAMAGED, conversation
from training.corpora.questions import question_row
from training.corpora.speakers import ROLES, Role, speaks, turns_of
from training.corpora.tally import Tally
from training.corpora.tidying import tidy
from training.workbench.rows import Comparison, Row, Turn

NOT_THIS = "not in the file's format"
SAME = "both answers the same"


@dataclass(frozen=True)
class Shape:
    """A format of records: whether one has it, and the rows that it makes under an id."""

    name: str
    fits: Callable[[Any], bool]
    rows: Callable[[Any, str, Tally], Iterator[Row]]


def shape_of(record: Any) -> Shape | None:
    """The format of a record, or None if it has no known one."""
    return next((shape for shape in SHAPES.values() if shape.fits(record)), None)


def is_turn(value: Any) -> bool:
    """Whether an element of an array is one turn of a dialogue, so that the array is a dialogue and not a list of records."""
    return (isinstance(value, str) and speaks(value)) or (_has(value, "role", "content") and "messages" not in value)


def identity(record: Any, fallback: str) -> str:
    """The id that a record brings along, or the fallback."""
    found = record.get("id") if isinstance(record, Mapping) else None
    return str(found).strip() or fallback if isinstance(found, str | int) else fallback


def _has(value: Any, *names: str) -> bool:
    return isinstance(value, Mapping) and all(isinstance(value.get(name), str) for name in names)


def _pairs(value: Any, *names: str) -> bool:
    return isinstance(value, list) and bool(value) and all(_has(one, *names) for one in value)


def _role(name: str) -> Role | None:
    return ROLES.get(name.strip().lower())


def _talk(turns: list[tuple[str, str]], name: str, tally: Tally) -> Iterator[Row]:
    """A conversation of (speaker, text) pairs; none if a speaker is unknown (a tool, say)."""
    roles = [_role(speaker) for speaker, _ in turns]
    if None in roles:
        tally.dropped[NOT_THIS] += 1
        return
    made = conversation(name, [Turn(role, text) for role, (_, text) in zip(roles, turns, strict=True) if role], tally)
    if made:
        yield made


def _alpaca(record: Any, name: str, tally: Tally) -> Iterator[Row]:
    asked = "\n".join(filter(None, (record["instruction"].strip(), (record.get("input") or "").strip())))
    before = [pair for exchange in record.get("history") or [] for pair in zip(("user", "assistant"), exchange, strict=True)]
    system = [("system", record["system"])] if _has(record, "system") else []
    yield from _talk([*system, *before, ("user", asked), ("assistant", record["output"])], name, tally)


def _fits_alpaca(record: Any) -> bool:
    if not _has(record, "instruction", "output") or not isinstance(record.get("input") or "", str):
        return False
    history = record.get("history") or []
    whole = isinstance(history, list) and all(isinstance(one, list | tuple) and len(one) == 2 for one in history)
    return whole and all(isinstance(text, str) for one in history for text in one)


def _emollm(record: Any, name: str, tally: Tally) -> Iterator[Row]:
    turns: list[tuple[str, str]] = []
    for place, exchange in enumerate(record["conversation"]):
        if _has(exchange, "system") and (place == 0 or exchange["system"] != record["conversation"][0].get("system")):
            turns.append(("system", exchange["system"]))
        turns += [("user", exchange["input"]), ("assistant", exchange["output"])]
    yield from _talk(turns, name, tally)


def _seed_tasks(record: Any, name: str, tally: Tally) -> Iterator[Row]:
    instances = record["instances"]
    for number, instance in enumerate(instances, start=1):
        one = name if len(instances) == 1 else f"{name}-{number}"
        yield from _alpaca({**instance, "instruction": record["instruction"]}, one, tally)


def _fits_questions(record: Any) -> bool:
    if _has(record, "text"):
        return _pairs(record.get("annotations"), "Q", "A") or _is_questions(record.get("answer"))
    generates = _has(record, "instruction", "input") and ("问题生成" in record["instruction"] or "生成一个问题" in record["instruction"])
    return generates and bool(record["input"].strip()) and _is_questions(record.get("output"))


def _is_questions(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and bool(value) and all(isinstance(one, str) for one in value))


def _questions(record: Any, _name: str, tally: Tally) -> Iterator[Row]:
    if "annotations" in record:
        asked = [(one["Q"], one["A"]) for one in record["annotations"]]
    else:
        found = record["answer"] if "answer" in record else record["output"]
        asked = [(question, None) for question in ([found] if isinstance(found, str) else found)]
    document = tidy(record["text"] if "text" in record else record["input"], tally)
    for question, answer in asked:
        texts = (document, tidy(question, tally), None if answer is None else tidy(answer, tally))
        row = None if texts[0] is None or texts[1] is None else question_row(texts[0], texts[1], texts[2])
        if row is None or (answer is not None and texts[2] is None):
            tally.dropped[DAMAGED] += 1
        elif not texts[0] or not texts[1] or (answer is not None and not texts[2]):
            tally.dropped[Drop.EMPTY] += 1
        else:
            yield row


def _comparison(record: Any, _name: str, tally: Tally) -> Iterator[Row]:
    if _has(record, "prompt", "chosen", "rejected"):
        texts = record["prompt"], record["chosen"], record["rejected"]
    else:
        asked = "\n".join(filter(None, (record["instruction"].strip(), (record.get("input") or "").strip())))
        texts = asked, *record["output"]
    prompt, chosen, rejected = (tidy(text, tally) for text in texts)
    if prompt is None or chosen is None or rejected is None:
        tally.dropped[DAMAGED] += 1
    elif not (prompt and chosen and rejected):
        tally.dropped[Drop.EMPTY] += 1
    elif chosen == rejected:
        tally.dropped[SAME] += 1
    else:
        yield Comparison(prompt, chosen, rejected)


def _fits_comparison(record: Any) -> bool:
    if _has(record, "prompt", "chosen", "rejected"):
        return True
    pair = record.get("output") if _has(record, "instruction") else None
    return isinstance(pair, list) and len(pair) == 2 and all(isinstance(one, str) for one in pair)


def _said(record: list[str], name: str, tally: Tally) -> Iterator[Row]:
    made = conversation(name, turns_of(record, tally), tally)
    if made:
        yield made


def _list_of(record: Any) -> Any:
    return record.get("messages", record.get("conversations"))


SHAPES: Mapping[str, Shape] = {
    shape.name: shape
    for shape in (
        Shape("questions", _fits_questions, _questions),
        Shape("comparison", _fits_comparison, _comparison),
        Shape("alpaca", _fits_alpaca, _alpaca),
        Shape(
            "belle",
            lambda record: isinstance(record, Mapping) and _pairs(record.get("conversations"), "from", "value"),
            lambda record, name, tally: _talk([(one["from"], one["value"]) for one in record["conversations"]], name, tally),
        ),
        Shape(
            "messages",
            lambda record: isinstance(record, Mapping) and _pairs(_list_of(record), "role", "content"),
            lambda record, name, tally: _talk([(one["role"], one["content"]) for one in _list_of(record)], name, tally),
        ),
        Shape(
            "emollm",
            lambda record: isinstance(record, Mapping) and _pairs(record.get("conversation"), "input", "output"),
            _emollm,
        ),
        Shape(
            "smile",
            lambda record: _pairs(record, "role", "content"),
            lambda record, name, tally: _talk([(one["role"], one["content"]) for one in record], name, tally),
        ),
        Shape(
            "cpsycoun",
            lambda record: isinstance(record, list) and bool(record) and all(isinstance(one, str) for one in record) and speaks(record[0]),
            _said,
        ),
        Shape(
            "seed-tasks",
            lambda record: _has(record, "instruction") and _pairs(record.get("instances"), "input", "output"),
            _seed_tasks,
        ),
    )
}
"""In the order in which they are tried: the first that fits is the one. A list of two as `output` is a comparison unless questions are
asked for."""
