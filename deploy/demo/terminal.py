"""The story on a terminal."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.panel import Panel
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from deploy.demo.scene import Bars
from deploy.sandbox.render import plain_message
from deploy.sandbox.seen import Posted

WIDTH = 100
WIDEST = 140
"""Columns of a message, and of two side by side."""


class Terminal:
    """Shows what happens; a growing message is redrawn in its place where the terminal can do that."""

    def __init__(self, console: Console, names: Mapping[str, str]) -> None:
        """`names` are those of the workspace's people, by id."""
        self._console, self._names = console, names
        self._live: Live | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.passes()

    def part(self, title: str) -> None:
        """A line across the terminal."""
        self._console.rule(title)

    def tells(self, line: str) -> None:
        """A bold line."""
        self._console.print(line, style="bold", markup=False, highlight=False)

    def grows(self, message: Posted, channel: str) -> None:
        """Redraws the message in its place."""
        if self._live is None:
            self._live = Live(console=self._console, refresh_per_second=8, transient=True)
            self._live.start()
        self._live.update(self._panel(message, self._where(message, channel)))

    def stands(self, message: Posted, channel: str, only_for: str = "") -> None:
        """Draws the message for good."""
        self.passes()
        self._console.print(self._panel(message, f"only {only_for} sees this" if only_for else self._where(message, channel)))

    def passes(self) -> None:
        """Takes away what was growing."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def beside(self, left: tuple[str, Posted], right: tuple[str, Posted]) -> None:
        """Two columns of one height."""
        self.passes()
        columns = Table.grid(expand=True)
        columns.add_column(ratio=1)
        columns.add_column(ratio=1)
        columns.add_row(*(Panel(self._text(message), title=title, title_align="left") for title, message in (left, right)))
        self._console.print(columns, width=min(self._console.width, WIDEST))

    @contextmanager
    def bars(self) -> Iterator[Bars]:
        """A bar for each title; one that another follows is full."""
        self.passes()
        columns = (TextColumn("  {task.description}"), BarColumn(30), TimeElapsedColumn(), TextColumn("{task.fields[remark]}"))
        tasks: dict[str, TaskID] = {}
        with Progress(*columns, console=self._console) as progress:

            def fill() -> None:
                for task in progress.tasks:
                    if not task.finished:
                        count = f"{task.total:.0f} of {task.total:.0f}" if task.total else ""
                        progress.update(task.id, total=task.total or 1, completed=task.total or 1, remark=count)

            def show(title: str, done: int, of: int, remark: str = "") -> None:
                if title not in tasks:
                    fill()
                    tasks[title] = progress.add_task(title, total=None, remark="")
                count = f"{done} of {of}" if of else ""
                progress.update(tasks[title], completed=done, total=of or None, remark=" · ".join(filter(None, (count, remark))))

            yield show
            fill()

    def _where(self, message: Posted, channel: str) -> str:
        return f"#{channel}, thread" if message.thread_ts not in {None, message.ts} else f"#{channel}"

    def _panel(self, message: Posted, where: str) -> Panel:
        title = f"{self._name(message.user)} · {where}"
        return Panel(self._text(message), title=title, title_align="left", width=WIDTH)

    def _text(self, message: Posted) -> Text:
        return Text(plain_message(message.raw, self._name))

    def _name(self, user_id: str) -> str:
        return self._names.get(user_id, user_id)
