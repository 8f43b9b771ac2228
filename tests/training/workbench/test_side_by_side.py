"""Base beside adapter: the same questions, one loaded model, a report that says the same again."""

import json
from contextlib import nullcontext
from io import StringIO
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console
from typer.testing import CliRunner, Result

from tests.support.walkthroughs import ROOT
from training.workbench.artifacts import read_manifest
from training.workbench.chatting.local import LocalModel, load
from training.workbench.chatting.settings import ChatSettings
from training.workbench.chatting.side_by_side import Answer, Pair, compare, mean_lengths, read_questions, shown
from training.workbench.chatting.styles import STYLES
from training.workbench.config import Dtype
from training.workbench.errors import WorkbenchError

DEMO = ROOT / "training" / "demo"
QUESTIONS = ("Description: The client sleeps badly since she lost her job.", "描述：来访者失业以后睡眠很差。")
SETTINGS = ChatSettings(max_tokens=8, temperature=1.0, seed=3)


@pytest.fixture(scope="module")
def adapted() -> LocalModel:
    """The demo model with its adapter."""
    return load(str(DEMO / "model"), [str(DEMO / "adapter")], dtype=Dtype.FP32)


async def pairs_of(model: LocalModel, *questions: str) -> list[Pair]:
    """Both answers to each question."""
    seen: list[tuple[int, Pair]] = []
    pairs = await compare(model, STYLES["template"], SETTINGS, "", questions, lambda number, pair: seen.append((number, pair)))
    assert seen == list(enumerate(pairs, start=1))
    return pairs


async def test_the_left_answer_is_the_bases(adapted: LocalModel) -> None:
    """With the adapter off the answer is that of the base loaded by itself, with it on another. A question has its own draws and no memory:
    what was asked before it changes nothing."""
    first, second = await pairs_of(adapted, *QUESTIONS)
    alone = load(str(DEMO / "model"), [], dtype=Dtype.FP32)
    alone.without_adapter = nullcontext  # type: ignore[method-assign]  # it has none, so both answers are the base's
    [base] = await pairs_of(alone, QUESTIONS[0])
    assert first.base == base.base == base.adapter
    assert first.adapter != first.base
    assert (await pairs_of(adapted, "Else?", QUESTIONS[1]))[1] == second


def test_questions_come_from_lines_or_json(tmp_path: Path) -> None:
    """A file has a question a line, or JSON objects with one; what can't be read is told with its line."""
    (tmp_path / "plain.txt").write_text("First?\n\n第二？\n", encoding="utf-8-sig")
    (tmp_path / "rows.jsonl").write_text('{"prompt": "First?", "completion": "x"}\n{"question": "第二？"}\n', encoding="utf-8")
    assert read_questions(tmp_path / "plain.txt") == read_questions(tmp_path / "rows.jsonl") == ("First?", "第二？")
    (tmp_path / "bad.jsonl").write_text('{"question": "a"}\n{"text": "planted"}\n')
    (tmp_path / "empty.txt").write_text("\n")
    (tmp_path / "gbk.txt").write_bytes("第二？".encode("gb18030"))
    for name, told in {
        "bad.jsonl": "line 2",
        "empty.txt": "holds no question",
        "gbk.txt": "not UTF-8",
        "none.txt": "there is no file",
    }.items():
        with pytest.raises(WorkbenchError, match=told) as caught:
            read_questions(tmp_path / name)
        assert "planted" not in str(caught.value)


@pytest.mark.parametrize("width", [60, 79, 80, 81, 120])
def test_two_columns_or_one_below_the_other(width: int) -> None:
    """A wide terminal shows the answers beside each other, a narrow one below each other; nothing of them is lost, no line is too long."""
    chinese = "睡眠困难，越是努力想睡着，身体越警觉，睡意反而越远，长时间醒着躺在床上，可能让床与紧张联系在一起。"
    pair = Pair("描述：来访者睡眠很差。", Answer(chinese, True), Answer("One two three. " * 20 + "[bold]end[/bold]", False))
    console = Console(width=width, record=True, file=StringIO())
    console.print(shown(1, pair, ("base", "base + adapter"), width))
    text = console.export_text()
    assert all(cell_len(line) <= width for line in text.split("\n"))
    assert any(line.count("╭") == 2 for line in text.split("\n")) is (width >= 80)
    said = set("".join(text.split()))
    assert set(chinese) <= said
    assert "[bold]end[/bold]" in text
    assert text.count("three.") == 20
    assert "cut by the limit" in text


def test_lengths_are_told() -> None:
    """How long answers are before and after is part of what there is to see."""
    assert mean_lengths([Pair("?", Answer("ab", False), Answer("abc", False)), Pair("?", Answer("", False), Answer("中文", False))]) == {
        "base": 1.0,
        "adapter": 2.5,
    }


def phyassist(*arguments: str) -> Result:
    """The command in this process."""
    from deploy.cli import app

    return CliRunner().invoke(app, ["eval", "side-by-side", *arguments], env={"COLUMNS": "100", "TERM": "dumb"})


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The command run twice, on a file of questions."""
    folder = tmp_path_factory.mktemp("reports")
    (folder / "questions.txt").write_text("\n".join(QUESTIONS), encoding="utf-8")
    for name in ("one", "two"):
        done = phyassist(
            *[str(DEMO / "model"), "--adapter", str(DEMO / "adapter"), "--questions", str(folder / "questions.txt")],
            *["--out", str(folder / name), "--max-tokens", "6", "--dtype", "fp32"],
        )
        assert done.exit_code == 0, done.output
        assert "Characters of an answer on average: model " in done.stdout
    return folder / "one", folder / "two"


def test_a_report_is_the_same_again(reports: tuple[Path, Path]) -> None:
    """The same command writes the same answers, byte for byte: a seed decides them."""
    one, two = reports
    assert (one / "answers.jsonl").read_bytes() == (two / "answers.jsonl").read_bytes()
    assert (one / "report.md").read_bytes() == (two / "report.md").read_bytes()


def test_a_report_holds_answers_and_settings(reports: tuple[Path, Path]) -> None:
    """The report has every question with both answers, its manifest the write-up's settings, and no text of either."""
    folder = reports[0]
    manifest = read_manifest(folder, "report")
    rows = [json.loads(line) for line in (folder / "answers.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [row["question"] for row in rows] == list(QUESTIONS)
    page = (folder / "report.md").read_text(encoding="utf-8")
    assert page.startswith("# model beside model + adapter\n")
    assert page.count("\n> ") >= 4
    assert manifest.made["questions"] == 2
    assert manifest.made["settings"] | {"max_tokens": 200} == ChatSettings(max_tokens=200, top_p=0.7, seed=0).model_dump(exclude={"memory"})
    told = (folder / "manifest.json").read_text()
    assert not any(text in told for row in rows for text in (row["question"], row["base"]["text"], row["adapter"]["text"]))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--adapter", "{adapter}"], "there is nothing to ask"),
        (["--adapter", "{adapter}", "--question", "a?", "--preset", "gpt"], "there is no preset gpt"),
        (["--adapter", "{adapter}", "--question", "word " * 5000, "--max-tokens", "5"], "tokens long"),
    ],
)
def test_what_is_wrong_is_a_sentence(arguments: list[str], told: str) -> None:
    """Nothing to ask, wrong settings and questions that are too long are one line, with exit status 1."""
    done = phyassist(str(DEMO / "model"), *(argument.replace("{adapter}", str(DEMO / "adapter")) for argument in arguments))
    assert done.exit_code == 1
    assert told in done.stderr
