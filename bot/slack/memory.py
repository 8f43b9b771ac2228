"""What Slack said a while ago: kept for so long and no longer, and of no more things than `most`."""

from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Memory(Generic[T]):
    """Answers by id. The oldest makes room for the newest; an answer is as old as its question, however often it was read."""

    def __init__(self, seconds: float, most: int, clock: Callable[[], float]) -> None:
        """`clock` counts seconds."""
        self._seconds, self._most, self._clock = seconds, most, clock
        self._answers: dict[str, tuple[float, T]] = {}  # in the order in which they were kept: the first runs out first

    def __len__(self) -> int:
        """How many answers are kept, those that have run out and were not looked for since included."""
        return len(self._answers)

    def holds(self, key: str) -> bool:
        """Whether there is an answer that still counts."""
        return key in self._answers and self._answers[key][0] > self._clock()

    def __getitem__(self, key: str) -> T:
        """The answer. Raises: KeyError where nothing is kept."""
        return self._answers[key][1]

    def keep(self, key: str, answer: T) -> T:
        """Keeps an answer from now on, drops those that have run out, and the oldest above the most; returns it."""
        self.forget(key)
        self._answers[key] = (self._clock() + self._seconds, answer)
        for oldest in list(self._answers):
            if self.holds(oldest) and len(self._answers) <= self._most:
                break
            self.forget(oldest)
        return answer

    def forget(self, key: str) -> None:
        """Asks anew next time."""
        self._answers.pop(key, None)

    def clear(self) -> None:
        """The same of everything."""
        self._answers.clear()
