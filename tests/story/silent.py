"""A screen that nobody looks at."""

from collections.abc import Iterator
from contextlib import contextmanager

from deploy.demo.scene import Bars
from deploy.sandbox.seen import Posted


class Silent:
    """Shows nothing, and remembers the lines that it was told."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.stood: list[Posted] = []
        self.shown: list[tuple[str, int, int, str]] = []

    def part(self, title: str) -> None:
        pass

    def tells(self, line: str) -> None:
        self.told.append(line)

    def grows(self, message: Posted, channel: str) -> None:
        pass

    def stands(self, message: Posted, channel: str, only_for: str = "") -> None:
        self.stood.append(message)

    def passes(self) -> None:
        pass

    def beside(self, left: tuple[str, Posted], right: tuple[str, Posted]) -> None:
        self.stood += [left[1], right[1]]

    @contextmanager
    def bars(self) -> Iterator[Bars]:
        yield lambda *shown: self.shown.append(shown)
