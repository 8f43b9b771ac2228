"""A source of answers without a model, and a program that is killed while it asks one. Imports no model library, so it starts at once."""

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from training.evaluation.predict import predict
from training.evaluation.predictions import Answer
from training.evaluation.questions import Question, questions_of
from training.workbench.rows import PromptCompletion

PROMPTS = ("She sleeps badly.", "他睡不好。", "He moved.", "Calm?", "She quarrels.")
QUESTIONS = questions_of([PromptCompletion(prompt, "What helps?") for prompt in PROMPTS])
MADE = {"model": "echo"}


class Echo:
    """Answers each prompt with itself, one at a time. Asked once more than `most` times, it kills the process."""

    def __init__(self, most: int) -> None:
        self.asked, self._most = 0, most

    def plan(self, questions: Sequence[Question]) -> Sequence[Sequence[Question]]:
        """A batch for each question."""
        return [[one] for one in questions]

    def answers(self, batch: Sequence[Question]) -> Sequence[Answer]:
        """Its prompts, or kill -9."""
        self.asked += 1
        if self.asked > self._most:
            os.kill(os.getpid(), signal.SIGKILL)
        return [Answer(str(one.prompt), None, cut=False) for one in batch]


if __name__ == "__main__":
    predict(Echo(2), QUESTIONS, MADE, Path(sys.argv[1]), lambda _: {})
