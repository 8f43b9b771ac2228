"""A conversation on the command line: what a person sees, what the keys do, and what a pipe gets."""

import asyncio
import io
import os
import re
import signal
from collections.abc import Callable, Iterator

import pytest
from rich.cells import cell_len
from rich.console import Console
from typer.testing import CliRunner, Result

from inference.client import FinishReason
from tests.support.tiny_models import tiny_model
from tests.training.workbench.test_chatting import Scripted, a_dialogue
from training.workbench.chatting.dialogue import Dialogue
from training.workbench.chatting.screen import Screen
from training.workbench.chatting.settings import ChatSettings
from training.workbench.chatting.styles import STYLES, Exchange
from training.workbench.chatting.terminal import WARNING, Conversation
from training.workbench.tiny import Architecture

CUT_ENGLISH = "Sleep comes late, and the nights are long. She walks about the house and thinks of the mor"
KEPT_ENGLISH = "Sleep comes late, and the nights are long."
CUT_CHINESE = "来访者睡眠很差，夜里常常醒来。白天没有精神，也不愿意见朋友，家里的人都很担"
KEPT_CHINESE = "来访者睡眠很差，夜里常常醒来。"


class Glass:
    """What a terminal shows of the signs that it gets: lines of cells, a cursor, and the few sequences that are used here."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.rows: list[list[str]] = [[]]
        self.row = self.column = 0

    def show(self, output: str) -> list[str]:
        """All lines, after `output` was written."""
        for found in re.finditer(r"\x1b\[(\??[\d;]*)([A-Za-z])|(.)", output, re.DOTALL):
            if found[3]:
                self._sign(found[3])
            else:
                self._sequence(found[2], found[1])
        return ["".join(row).rstrip() for row in self.rows]

    def _sign(self, sign: str) -> None:
        if sign == "\n":
            self.row, self.column = self.row + 1, 0
            self.rows += [[]] * (self.row >= len(self.rows))
            return
        if sign == "\r":
            self.column = 0
            return
        assert self.column + cell_len(sign) <= self.width, "a line is wider than the terminal"
        row = self.rows[self.row] = [*self.rows[self.row], *[" "] * (self.column - len(self.rows[self.row]))]
        row[self.column : self.column + cell_len(sign)] = [sign, *[""] * (cell_len(sign) - 1)]
        self.column += cell_len(sign)

    def _sequence(self, kind: str, given: str) -> None:
        number = int(given or "1") if kind in "AG" else 0
        if kind == "A":
            self.row -= number
        elif kind == "G":
            self.column = number - 1
        elif kind == "K":
            self.rows[self.row] = [] if given == "2" else self.rows[self.row][: self.column]
        else:
            assert kind == "m", f"unknown sequence {kind}"


def lines(*given: str | type[BaseException]) -> Callable[[], str]:
    """A person who types these lines, or presses keys that raise, and then Ctrl-D."""
    left: Iterator[str | type[BaseException]] = iter(given)

    def read() -> str:
        line = next(left, EOFError)
        if isinstance(line, str):
            return line
        raise line

    return read


def talk(dialogue: Dialogue, *given: str | type[BaseException], width: int = 60, terminal: bool = False, height: int = 25) -> str:
    """All that is written while a person types the lines given."""
    file = io.StringIO()
    console = Console(file=file, width=width, height=height, force_terminal=terminal, highlight=False, color_system=None)
    with asyncio.Runner() as runner:
        Conversation(dialogue, Screen(console), runner, lines(*given)).run()
    return file.getvalue()


def phyassist(*arguments: str, typed: str = "") -> Result:
    """The command in this process, with something on its standard input."""
    from deploy.cli import app

    return CliRunner().invoke(app, arguments, input=typed, env={"COLUMNS": "100", "TERM": "dumb"})


@pytest.mark.parametrize("architecture", [Architecture.LLAMA, Architecture.FALCON])
def test_a_conversation_through_a_pipe(architecture: Architecture) -> None:
    """With standard input from a pipe the command reads a question a line, writes a plain transcript, and ends where the input ends."""
    done = phyassist(
        "chat",
        str(tiny_model(architecture)),
        "--max-tokens",
        "5",
        "--seed",
        "1",
        "--dtype",
        "fp32",
        typed="Hello\n你好\n\nundo\nexit\nmore\n",
    )
    assert done.exit_code == 0, done.output
    assert WARNING in done.stdout
    assert [line[:9] for line in done.stdout.splitlines() if line.startswith("you> ")] == [
        "you> Hell",
        "you> 你好",
        "you> ",
        "you> undo",
        "you> exit",
    ]
    assert len(re.findall(r"^model> \S", done.stdout, re.MULTILINE)) == 2
    assert "the last question and its answer are forgotten" in done.stdout
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["no-such-model"], "there is no model folder no-such-model"),
        (["{tiny}", "--adapter", "{tiny}"], "holds no adapter"),
        (["{tiny}", "--preset", "gpt"], "there is no preset gpt"),
        (["{tiny}", "--style", "alpaca"], "there is no style alpaca"),
        (["{tiny}", "--temperature", "9"], "temperature"),
        (["http://127.0.0.1:1/v1", "--seed", "1"], "a seed works for models in this process only"),
        (["http://127.0.0.1:1/v1"], "http://127.0.0.1:1/v1: the model server doesn't answer"),
    ],
)
def test_what_is_wrong_is_a_sentence(arguments: list[str], told: str) -> None:
    """A wrong model, adapter, setting or address is one line that says so, with exit status 1."""
    tiny = str(tiny_model(Architecture.LLAMA))
    done = phyassist("chat", *(argument.replace("{tiny}", tiny) for argument in arguments))
    assert done.exit_code == 1
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_commands_do_what_help_says() -> None:
    """Help, settings, undo and clear; a word with a space in front is said to the model; a mistake is told, and all goes on."""
    model = Scripted([["one"], ["two"], ["three"]])
    dialogue = a_dialogue(model)
    output = talk(
        dialogue,
        *["first?", "undo", "undo", " help", "settings temperature=0.1 seed=none", "settings warmth=1", "settings top_p=x", "settings"],
        *["settings are unclear to me", "help", "clear", "exit", "never said"],
    )
    assert [prompt[-1]["content"] for prompt in model.prompts if not isinstance(prompt, str)] == [
        "first?",
        "help",
        "settings are unclear to me",
    ]
    assert "nothing was said yet" in output
    assert "there is no setting warmth" in output
    assert "top_p: " in output
    assert dialogue.settings.temperature == 0.1
    assert "temperature         0.1" in output
    assert "undo       forget the last question" in output
    assert dialogue.exchanges == []


def test_a_failed_answer_is_told_and_the_conversation_goes_on() -> None:
    """A server that breaks off costs the question, not the conversation."""
    model = Scripted([["one "], ["two"]], broken=True)
    dialogue = a_dialogue(model)

    def typed() -> str:
        lines = ["exit", "again?", "first?"]
        model.broken = not model.prompts
        return lines[-1 - len(model.prompts)]

    file = io.StringIO()
    with asyncio.Runner() as runner:
        Conversation(dialogue, Screen(Console(file=file, width=60)), runner, typed).run()
    assert "(the model server gave up the answer)" in file.getvalue()
    assert dialogue.exchanges == [Exchange("again?", "two")]


class Interrupted(Scripted):
    """A model during whose first answer somebody presses Ctrl-C."""

    async def count(self, prompt: object) -> int:
        if not self.prompts:
            asyncio.get_running_loop().call_later(0.01, os.kill, os.getpid(), signal.SIGINT)
        return 1


def test_ctrl_c_stops_the_answer_and_not_the_program() -> None:
    """Ctrl-C while an answer comes ends it; what came stays, and the next question is answered."""
    model = Interrupted([["word "] * 10**6, ["two"]])
    dialogue = a_dialogue(model)
    output = talk(dialogue, "first?", "second?")
    assert "(stopped)" in output
    assert "model> two" in output
    assert [exchange.question for exchange in dialogue.exchanges] == ["first?", "second?"]
    assert dialogue.exchanges[0].answer.startswith("word")
    assert model.closed == 2


def test_ctrl_c_stops_a_real_model() -> None:
    """The same with a model that writes in a thread of its own: it stops at the next token, and is free for the next question."""
    from training.workbench.chatting.local import load

    model = load(str(tiny_model(Architecture.LLAMA)), [])
    passes: list[int] = []

    def press(*_: object) -> None:
        passes.append(1)
        if len(passes) == 5:
            os.kill(os.getpid(), signal.SIGINT)

    model._model.register_forward_pre_hook(press)
    dialogue = Dialogue(model, STYLES["template"], ChatSettings(max_tokens=1000, seed=0))
    output = talk(dialogue, "first?", "settings max_tokens=3", "second?")
    assert "(stopped)" in output
    assert len(passes) < 900
    assert dialogue.exchanges[-1].question == "second?"


def test_ctrl_c_twice_leaves() -> None:
    """Ctrl-C at the prompt asks for a second one; with a line in between it counts anew; Ctrl-D leaves at once."""
    model = Scripted([["one"]])
    output = talk(a_dialogue(model), KeyboardInterrupt, "first?", KeyboardInterrupt, KeyboardInterrupt, "never said")
    assert output.count("Ctrl-C again leaves") == 2
    assert "model> one" in output
    assert "never said" not in str(model.prompts)
    assert "help says" in talk(a_dialogue(Scripted([])), EOFError, "never said")


def test_ctrl_c_in_an_answer_and_again_leaves() -> None:
    """The second Ctrl-C leaves when the first one stopped an answer."""
    model = Interrupted([["word "] * 10**6])
    assert "never said" not in talk(a_dialogue(model), "first?", KeyboardInterrupt, "never said")
    assert len(model.prompts) == 1


@pytest.mark.parametrize(("cut", "kept"), [(CUT_ENGLISH, KEPT_ENGLISH), (CUT_CHINESE, KEPT_CHINESE)])
@pytest.mark.parametrize("width", [20, 31, 100])
def test_an_unfinished_sentence_goes_from_the_screen(cut: str, kept: str, width: int) -> None:
    """The answer is seen as it comes; the sentence that the limit cut is then erased, over as many lines as it took."""
    pieces = [cut[at : at + 3] for at in range(0, len(cut), 3)]
    output = talk(a_dialogue(Scripted([pieces], reason=FinishReason.LENGTH)), "Why?", width=width, terminal=True)
    assert cut[-3:] in output
    shown = Glass(width).show(output)
    answer = shown[next(at for at, line in enumerate(shown) if line.startswith("model> ")) :]
    end = next(at for at, line in enumerate(answer) if line.startswith("(the limit"))
    said = "".join(line + " " for line in answer[:end]).removeprefix("model> ")
    assert said.replace(" ", "") == kept.replace(" ", "")


def test_what_left_the_screen_is_not_erased() -> None:
    """Where the unfinished sentence is longer than the screen it stays, and a line says that it is left out."""
    text = "One. " + "and on " * 100
    output = talk(a_dialogue(Scripted([[text]], reason=FinishReason.LENGTH)), "Why?", width=20, height=5, terminal=True)
    assert "\x1b[2K" not in output
    assert "left out" in " ".join(output.split())


def test_a_pipe_gets_what_the_answer_is() -> None:
    """Where nobody watches, an answer is written once, when it is whole, without what was left out."""
    output = talk(a_dialogue(Scripted([[CUT_CHINESE]], reason=FinishReason.LENGTH)), "Why?")
    assert f"model> {KEPT_CHINESE}\n" in output
    assert "家里" not in output


@pytest.mark.parametrize("terminal", [False, True])
def test_what_was_left_out_of_the_conversation_is_told(terminal: bool) -> None:
    """When the conversation is too long for the model, a sentence says once that its beginning is left out, before the answer."""
    dialogue = a_dialogue(Scripted([["a b c d"]] * 5, context_tokens=24), max_tokens=4)
    shown = Glass(200).show(talk(dialogue, *["the six words of a question"] * 5, width=200, terminal=terminal))
    told = [at for at, line in enumerate(shown) if "oldest turns are left out" in line]
    assert len(told) == 1
    assert shown[told[0]].startswith("(")
    assert shown[told[0] + 1] == "model> a b c d"


def test_the_greeting_says_what_this_is() -> None:
    """The first lines name the model, what it takes and is told, and that this is a demonstration and never for patients."""
    output = talk(a_dialogue(Scripted([]), memory=1), width=200)
    assert "scripted: takes 1,000 tokens, is told 1 earlier turn." in output
    assert "Never for patients" in output
