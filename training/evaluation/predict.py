"""Asks a model all questions, and writes its answers and their scores into a folder; killed in between, it goes on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from training.evaluation.predictions import Answer, Prediction, prediction, write_predictions
from training.evaluation.questions import Question, hash_of
from training.evaluation.source import Source
from training.measure.ledger import Ledger
from training.workbench.artifacts import free_place
from training.workbench.errors import WorkbenchError, writing

Done = Callable[[int, int], None]
"""Is told how many of how many questions are answered."""
Scorer = Callable[[Sequence[Prediction]], Mapping[str, Any]]


def predict(
    source: Source, questions: Sequence[Question], made: Mapping[str, Any], target: Path, scorer: Scorer, done: Done = lambda _, __: None
) -> Mapping[str, Any]:
    """Answers to all questions in a new folder `target`, and their scores, which are returned too.

    `made` says what is measured and how, in JSON values; answers that an earlier, killed run left behind count only if it is the same.

    Raises:
        WorkbenchError: there is such a folder already, there is nothing to ask, or the source can't answer.
    """
    if not questions:
        raise WorkbenchError("there is nothing to ask: the rows are empty, or --limit is 0")
    free_place(target)
    about = {**made, "questions": {"count": len(questions), "sha256": hash_of(questions)}}
    working = target.with_name(f".{target.name}.answers.jsonl")
    with writing(target):
        answers = ask(source, questions, working, about, done)
    predictions = [prediction(question, answer) for question, answer in zip(questions, answers, strict=True)]
    scores = scorer(predictions)
    write_predictions(target, predictions, scores, {**about, "scores": scores})
    working.unlink()
    return scores


def ask(source: Source, questions: Sequence[Question], working: Path, about: Mapping[str, Any], done: Done) -> list[Answer]:
    """Answers in the order of the questions; each is in the file `working` before the next batch is asked for.

    A batch of which an answer is missing is asked for as a whole, as it was the first time. Raises: WorkbenchError, as the source.
    """
    batches, asked = source.plan(questions), 0
    with Ledger(working, about) as ledger:
        for batch in batches:
            if any(ledger.get("answer", one.id) is None for one in batch):
                for question, answer in zip(batch, source.answers(batch), strict=True):
                    ledger.put("answer", question.id, asdict(answer))
            asked += len(batch)
            done(asked, len(questions))
        return [Answer(**(ledger.get("answer", one.id) or {})) for one in questions]
