"""What a conversation looks like: on a terminal the answer is written as it comes; in a file or a pipe it is written when it is whole."""

from rich.console import Console
from rich.control import Control
from rich.segment import ControlType
from rich.table import Table
from rich.text import Text

from training.workbench.chatting.settings import ChatSettings
from training.workbench.chatting.wrapping import Wrapping, wrapped

YOU, MODEL = "you> ", "model> "


class Screen:
    """A terminal, or what stands in its place."""

    def __init__(self, console: Console) -> None:
        """Write to `console`."""
        self.console = console
        self._shown = ""
        self._wrapping = Wrapping(self._width)

    @property
    def _width(self) -> int:
        return self.console.width - 1  # a cursor behind the last column stands where terminals don't agree

    def say(self, sentence: str) -> None:
        """Something of the program, not of the model."""
        self.console.print(Text(sentence, style="dim"), soft_wrap=not self.console.is_terminal)

    def aside(self, sentence: str) -> None:
        """The same between a question and its answer."""
        if self.console.is_terminal:
            self.console.control(Control.move_to_column(0), Control((ControlType.ERASE_IN_LINE, 2)))
        self.say(sentence)
        self.begin()

    def echo(self, question: str) -> None:
        """A question that nobody has seen being typed."""
        self.console.print(Text(f"{YOU}{question}"), soft_wrap=True)

    def settings(self, settings: ChatSettings) -> None:
        """All settings, with the words to change them."""
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
        for name, value in settings.model_dump().items():
            table.add_row(name, "none" if value is None else str(value))
        self.console.print(table)
        self.say("Change them with, for instance: settings temperature=0.2 top_p=0.9")

    def begin(self) -> None:
        """An answer begins."""
        self._shown, self._wrapping = "", Wrapping(self._width, len(MODEL))
        if self.console.is_terminal:
            self.console.print(Text(MODEL, style="bold"), end="")

    def piece(self, text: str) -> None:
        """The next piece of the answer."""
        if self.console.is_terminal:
            self._out(self._wrapping.feed(text))

    def end(self, text: str) -> None:
        """The answer is whole, and `text` is what it is from now on: a beginning of what was written, all of it or less."""
        if not self.console.is_terminal:
            self.console.print(Text(MODEL + text), soft_wrap=True)
            return
        self._out(self._wrapping.rest())
        kept = wrapped(text, self._width, len(MODEL))
        lines = self._shown[len(kept) :].count("\n")
        if self._shown.startswith(kept) and lines < self.console.height:
            self._erase_from(lines, _column(kept))
        self.console.out()

    def stop(self) -> None:
        """The answer was stopped in the middle."""
        if self.console.is_terminal:
            self._out(self._wrapping.rest())
        self.console.out()
        self.say("(stopped)")

    def _out(self, text: str) -> None:
        self._shown += text
        self.console.out(text, end="", highlight=False)

    def _erase_from(self, lines: int, column: int) -> None:
        """Erase what stands behind `column` of the line so many lines above, and move there."""
        for _ in range(lines):
            self.console.control(Control((ControlType.ERASE_IN_LINE, 2), (ControlType.CURSOR_UP, 1)))
        self.console.control(Control.move_to_column(column), Control((ControlType.ERASE_IN_LINE, 0)))


def _column(shown: str) -> int:
    """The cell behind the last sign of what was shown after the answer's mark."""
    from rich.cells import cell_len

    line = shown.rpartition("\n")[2]
    return cell_len(line) + (0 if "\n" in shown else len(MODEL))
