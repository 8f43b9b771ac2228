"""Where answers come from, and how they are asked for."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from training.evaluation.predictions import Answer
from training.evaluation.questions import Question
from training.workbench.config import Render
from training.workbench.rows import Turn


@dataclass(frozen=True)
class Decoding:
    """How answers are written. Temperature 0 takes the likeliest token always; above it the seed decides."""

    max_new_tokens: int = 256
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    render: Render = Render.CHAT
    stop: tuple[str, ...] = ()
    """Texts that end an answer, which loses them: markers of the next turn, for models that learned on running text."""

    def about(self) -> dict[str, Any]:
        """All of it as JSON values."""
        return {**asdict(self), "render": str(self.render), "stop": list(self.stop)}


class Source(Protocol):
    """A model that can be asked; one in this process, or one that is served."""

    def plan(self, questions: Sequence[Question]) -> Sequence[Sequence[Question]]:
        """The questions in batches, always the same ones: a batch's answers may depend on what is in it, by rounding or by chance.

        Raises:
            WorkbenchError: a prompt leaves no room for an answer.
        """
        ...

    def answers(self, batch: Sequence[Question]) -> Sequence[Answer]:
        """Answers to the questions of a batch, in order. Raises: WorkbenchError, where nobody can answer."""
        ...


def turns_of(question: Question) -> tuple[Turn, ...]:
    """A question as turns of a chat."""
    return (Turn("user", question.prompt),) if isinstance(question.prompt, str) else question.prompt


def trimmed(text: str, stop: Sequence[str]) -> str:
    """A text up to the first of the marks that end it, without white space around it."""
    ends = [text.find(mark) for mark in stop if mark in text]
    return text[: min(ends, default=len(text))].strip()
