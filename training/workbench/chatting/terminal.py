"""A conversation on the command line: what is typed becomes questions and commands, what the model writes is shown as it comes."""

import asyncio
import re
import sys
from collections.abc import Callable
from contextlib import aclosing
from enum import Enum, auto

from inference.client import Delta, FinishReason
from inference.errors import InferenceError
from training.workbench.chatting.dialogue import Answered, Dialogue, Forgot
from training.workbench.chatting.screen import YOU, Screen
from training.workbench.chatting.settings import ChatSettings, changed
from training.workbench.errors import WorkbenchError

HELP = """\
What you type is said to the model, but for these words alone on a line:
  help       this page
  settings   how answers are drawn; `settings temperature=0.2` changes one
  undo       forget the last question and its answer
  clear      forget the whole conversation
  exit       leave; so does Ctrl-D
Ctrl-C stops an answer, and leaves when it is pressed again. To say one of these words to the model, begin the line with a space."""
WARNING = "A demonstration, for those who make models. Never for patients: its answers are no advice, and nobody checks them."
_CHANGES = re.compile(r"settings((?:\s+\w+=\S+)+)")


class Next(Enum):
    """What follows a line."""

    GO_ON = auto()
    LEAVE = auto()


class Conversation:
    """A person at a terminal, and a model. The conversation is in memory only, and gone when it ends."""

    def __init__(self, dialogue: Dialogue, screen: Screen, runner: asyncio.Runner, read: Callable[[], str] | None = None) -> None:
        """Talk in `dialogue`, on `screen`; `runner` runs the model's answers, and stops them at Ctrl-C. `read` gives the next line."""
        self._dialogue, self._screen, self._runner = dialogue, screen, runner
        self._read = read or (_typed if sys.stdin.isatty() else self._piped)

    def run(self) -> None:
        """Until the person leaves."""
        self._greet()
        pressed = False
        while True:
            try:
                line = self._read()
                pressed = False
                if self._line(line.rstrip()) is Next.LEAVE:
                    return
            except EOFError:
                self._screen.console.out()
                return
            except KeyboardInterrupt:
                if pressed:
                    self._screen.console.out()
                    return
                pressed = True
                self._screen.say("\n(Ctrl-C again leaves)")

    def _greet(self) -> None:
        model, settings = self._dialogue.model, self._dialogue.settings
        turns = "1 earlier turn" if settings.memory == 1 else f"{settings.memory} earlier turns"
        self._screen.say(f"{model.name}: takes {model.context_tokens:,} tokens, is told {turns}.\n{WARNING}\nhelp says what can be typed.")

    def _line(self, line: str) -> Next:
        """Do what a line asks for."""
        match line:
            case "":
                pass
            case "exit" | "quit":
                return Next.LEAVE
            case "help":
                self._screen.say(HELP)
            case "settings":
                self._screen.settings(self._dialogue.settings)
            case "undo":
                self._screen.say("(the last question and its answer are forgotten)" if self._dialogue.undo() else "(nothing was said yet)")
            case "clear":
                self._dialogue.clear()
                self._screen.say("(the conversation is forgotten)")
            case _:
                self._told(line)
        return Next.GO_ON

    def _told(self, line: str) -> None:
        """Change settings, or ask the model; what goes wrong is said, and the conversation goes on."""
        changes = _CHANGES.fullmatch(line)
        try:
            if changes:
                self._change(dict(change.split("=", 1) for change in changes[1].split()))
            else:
                self._ask(line.strip())
        except (WorkbenchError, InferenceError) as error:
            self._screen.say(f"({error})")

    def _change(self, changes: dict[str, str]) -> None:
        self._dialogue.settings = settle(self._dialogue, changes)
        self._screen.settings(self._dialogue.settings)

    def _ask(self, question: str) -> None:
        self._screen.begin()
        try:
            answered = self._runner.run(self._answer(question))
        except KeyboardInterrupt:
            self._screen.stop()
            raise
        except (WorkbenchError, InferenceError):
            self._screen.console.out()
            raise
        self._screen.end(answered.text)
        if answered.reason is FinishReason.LENGTH:
            left = "; the unfinished last sentence is left out" if answered.trimmed else ""
            self._screen.say(f"(the limit of {self._dialogue.answer_tokens} tokens ended it{left})")

    async def _answer(self, question: str) -> Answered:
        async with aclosing(self._dialogue.ask(question)) as events:
            async for event in events:
                match event:
                    case Delta(text):
                        self._screen.piece(text)
                    case Forgot():
                        self._screen.aside("(the conversation is longer than the model takes: its oldest turns are left out from here on)")
                    case Answered():
                        return event
        raise AssertionError("an answer ends with what it is")  # `Dialogue.ask` says so

    def _piped(self) -> str:
        """The next line of a file or a pipe, shown as if it had been typed."""
        line = sys.stdin.readline()
        if not line:
            raise EOFError
        self._screen.echo(line.rstrip())
        return line


def settle(dialogue: Dialogue, changes: dict[str, str]) -> ChatSettings:
    """The settings of a dialogue with some changed, as typed; `none` unsets a seed.

    Raises:
        WorkbenchError: there is no such setting, it can't have the value, or the model takes no seed.
    """
    given = {name: None if value.casefold() == "none" else value for name, value in changes.items()}
    settings = changed(dialogue.settings, given)
    check_seed(settings, dialogue.model.takes_seed)
    return settings


def check_seed(settings: ChatSettings, takes_seed: bool) -> None:
    """That a seed can be kept to.

    Raises:
        WorkbenchError: the model is behind a URL.
    """
    if settings.seed is not None and not takes_seed:
        raise WorkbenchError("a seed works for models in this process only: vLLM's CPU engine dies of one. Temperature 0 needs none")


def _typed() -> str:
    """A line from the keyboard, with the usual keys to edit it."""
    import readline  # noqa: F401  # what `input` edits lines with, once it is imported

    return input(YOU)
