"""The same questions to a base and to its adapter, in one loaded model: what the training changed, for eyes rather than for figures.

FOLDER/report.md       each question with both answers
       answers.jsonl   the same for programs: question, base, adapter
       manifest.json   kind "report": what was asked of what, with which settings; no text
"""

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, aclosing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from inference.client import FinishReason
from training.workbench.artifacts import new_folder, write_manifest
from training.workbench.chatting.dialogue import Answered, Dialogue
from training.workbench.chatting.models import LanguageModel
from training.workbench.chatting.settings import ChatSettings
from training.workbench.chatting.styles import Style
from training.workbench.chatting.wrapping import wrapped
from training.workbench.errors import WorkbenchError

KIND = "report"
REPORT, ANSWERS = "report.md", "answers.jsonl"
QUESTION_COLUMNS = ("question", "prompt")
NARROWEST_COLUMNS = 80
"""Cells of a terminal in which two columns can be read beside each other."""


class Adapted(LanguageModel, Protocol):
    """A model whose adapter can be switched off."""

    def without_adapter(self) -> AbstractContextManager[None]:
        """The base, as long as the block lasts."""
        ...


@dataclass(frozen=True)
class Answer:
    """An answer, trimmed; `cut` where the limit on tokens ended it."""

    text: str
    cut: bool


@dataclass(frozen=True)
class Pair:
    """A question, and both answers."""

    question: str
    base: Answer
    adapter: Answer


def read_questions(path: Path) -> tuple[str, ...]:
    """Questions of a file: a line each, or JSON lines with a column `prompt` or `question`.

    Raises:
        WorkbenchError: there is no such file, it is not UTF-8, or holds no question.
    """
    try:
        lines = [line for line in path.read_text(encoding="utf-8-sig").split("\n") if line.strip()]
    except (FileNotFoundError, IsADirectoryError):
        raise WorkbenchError(f"there is no file {path.name}") from None
    except UnicodeDecodeError:
        raise WorkbenchError(f"{path.name} is not UTF-8: convert it first") from None
    found = [_question(line, number, path.name) for number, line in enumerate(lines, start=1)] if path.suffix == ".jsonl" else lines
    if not found:
        raise WorkbenchError(f"{path.name} holds no question")
    return tuple(question.strip() for question in found)


async def compare(
    model: Adapted, style: Style, settings: ChatSettings, system: str, questions: Sequence[str], on_pair: Callable[[int, Pair], None]
) -> list[Pair]:
    """Asks each question of the base and of the adapter, each for itself, without memory; `on_pair` sees every pair as it is complete.

    With a seed the n-th question has the seed plus n: answers are the same whenever they are asked for, and for both the same draws.

    Raises:
        WorkbenchError: a question is too long for the model.
    """
    pairs = []
    for number, question in enumerate(questions):
        drawn = settings if settings.seed is None else settings.model_copy(update={"seed": settings.seed + number})
        with model.without_adapter():
            base = await _answer(model, style, drawn, system, question)
        adapter = await _answer(model, style, drawn, system, question)
        pairs.append(Pair(question, base, adapter))
        on_pair(number + 1, pairs[-1])
    return pairs


def shown(number: int, pair: Pair, names: tuple[str, str], width: int) -> RenderableType:
    """A question with its answers: in two columns, or one below the other where `width` cells are too few for that."""
    heading = Text(f"{number}. {pair.question}", style="bold")
    beside = width >= NARROWEST_COLUMNS
    panel_width = (width - 1) // 2 if beside else width
    panels = [
        Panel(Text(wrapped(answer.text, panel_width - 4) or "(nothing)"), title=Text(name), subtitle=_length(answer), width=panel_width)
        for name, answer in zip(names, (pair.base, pair.adapter), strict=True)
    ]
    if not beside:
        return Group(heading, *panels, "")
    columns = Table.grid(padding=(0, 1, 0, 0))
    columns.add_row(*panels)
    return Group(heading, columns, "")


def write_report(target: Path, pairs: Sequence[Pair], names: tuple[str, str], made: dict[str, Any], settings: ChatSettings) -> None:
    """Writes the pairs into a new folder.

    Raises:
        WorkbenchError: there is something at `target`, or nothing may be written there.
    """
    with new_folder(target) as folder:
        lines = (json.dumps(asdict(pair), ensure_ascii=False) + "\n" for pair in pairs)
        (folder / ANSWERS).write_text("".join(lines), encoding="utf-8")
        (folder / REPORT).write_text(_markdown(pairs, names, settings), encoding="utf-8")
        asked = hashlib.sha256("\n".join(pair.question for pair in pairs).encode()).hexdigest()
        sampling = settings.model_dump(exclude={"memory"})
        write_manifest(
            folder,
            KIND,
            {**made, "questions": len(pairs), "questions_sha256": asked, "settings": sampling, "mean_length": mean_lengths(pairs)},
        )


def mean_lengths(pairs: Sequence[Pair]) -> dict[str, float]:
    """How many characters the answers of base and adapter have on average, to one decimal."""
    sides = {"base": [pair.base for pair in pairs], "adapter": [pair.adapter for pair in pairs]}
    return {side: round(sum(len(answer.text) for answer in answers) / len(answers), 1) for side, answers in sides.items()}


def told_lengths(pairs: Sequence[Pair], names: tuple[str, str]) -> str:
    """The same as a sentence."""
    lengths = mean_lengths(pairs)
    return f"Characters of an answer on average: {names[0]} {lengths['base']}, {names[1]} {lengths['adapter']}"


async def _answer(model: LanguageModel, style: Style, settings: ChatSettings, system: str, question: str) -> Answer:
    async with aclosing(Dialogue(model, style, settings, system).ask(question)) as events:
        async for event in events:
            if isinstance(event, Answered):
                return Answer(event.text, event.reason is FinishReason.LENGTH)
    raise AssertionError("an answer ends with what it is")  # `Dialogue.ask` says so


def _question(line: str, number: int, name: str) -> str:
    try:
        row = json.loads(line)
        found = next(row[column] for column in QUESTION_COLUMNS if column in row)
    except (json.JSONDecodeError, StopIteration, TypeError):
        found = None
    if not isinstance(found, str):
        raise WorkbenchError(f"line {number} of {name} is no JSON object with a text named {' or '.join(QUESTION_COLUMNS)}")
    return found


def _length(answer: Answer) -> str:
    return f"{len(answer.text)} characters{', cut by the limit' if answer.cut else ''}"


def _markdown(pairs: Sequence[Pair], names: tuple[str, str], settings: ChatSettings) -> str:
    drawn = ", ".join(f"{name} {value}" for name, value in settings.model_dump(exclude={"memory", "trim"}).items())
    parts = [f"# {names[0]} beside {names[1]}", f"Settings: {drawn}. {told_lengths(pairs, names)}."]
    for number, pair in enumerate(pairs, start=1):
        parts.append(f"## {number}. {_escaped(' '.join(pair.question.split()))}")
        for name, answer in zip(names, (pair.base, pair.adapter), strict=True):
            quoted = "\n".join(f"> {_escaped(line)}".rstrip() for line in (answer.text or "(nothing)").split("\n"))
            parts.append(f"**{name}** ({_length(answer)})\n\n{quoted}")
    return "\n\n".join(parts) + "\n"


def _escaped(text: str) -> str:
    """Text as it stands, where Markdown would make a tag or a heading of it."""
    return re.sub(r"([\\`<>#|\[\]])", r"\\\1", text)
