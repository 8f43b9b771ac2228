"""Answers of tiny models, really generated: batches, chance, a kill in between, and the commands that ask and score."""

import json
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.support.tiny_models import tiny_model
from tests.training.workbench.killed_while_asking import MADE, PROMPTS, QUESTIONS, Echo
from training.evaluation.asked import Asked
from training.evaluation.generate import LocalSource
from training.evaluation.predict import predict
from training.evaluation.predictions import Answer, read_predictions
from training.evaluation.questions import Question, load_rows, questions_of
from training.evaluation.scores import score_answers
from training.evaluation.source import Decoding, trimmed
from training.workbench.config import Dtype, Render
from training.workbench.errors import WorkbenchError
from training.workbench.models import end_tokens, load_model, load_tokenizer
from training.workbench.rows import Comparison, Conversation, Origin, PromptCompletion, Row, Split, Text, Turn, write_rows
from training.workbench.tiny import Architecture

ROOT = Path(__file__).parents[3]
FP32 = Dtype.FP32
SHORT = Decoding(max_new_tokens=8)
ROWS: list[Row] = [
    PromptCompletion(prompt, answer)
    for prompt, answer in [
        ("She sleeps badly. What helps?", "A diary."),
        ("他睡不好。怎么办？", "先写日记。"),
        ("Since the move he has avoided the office and all of his colleagues. What is there to ask?", "Since when?"),
        ("Calm?", "Yes."),
        ("She quarrels with her brother every week.", "Ask how it begins."),
    ]
]


def asked_of(decoding: Decoding = SHORT, batch: int = 2, architecture: Architecture = Architecture.LLAMA) -> LocalSource:
    """A tiny model that can be asked."""
    source = Asked(str(tiny_model(architecture, 0)), (), decoding, batch, dtype=FP32).source()
    assert isinstance(source, LocalSource)
    return source


@pytest.fixture(scope="module")
def source() -> LocalSource:
    """A tiny Llama, asked two questions at once."""
    return asked_of()


class Killed(Exception):
    """The process ends here."""


class KilledLater:
    """A source of which only so many batches are answered."""

    def __init__(self, source: LocalSource, batches: int) -> None:
        self.plan, self._source, self._left = source.plan, source, batches

    def answers(self, batch: Sequence[Question]) -> Sequence[Answer]:
        self._left -= 1
        if self._left < 0:
            raise Killed
        return self._source.answers(batch)


@pytest.mark.parametrize("architecture", [Architecture.LLAMA, Architecture.FALCON, Architecture.BLOOM, Architecture.GLM])
def test_answers_in_a_batch_are_those_of_each_question_by_itself(architecture: Architecture) -> None:
    """Padding on the left changes no answer, whatever the kind of positions; it is what the model itself finds likeliest."""
    together = asked_of(batch=8, architecture=architecture)
    questions = questions_of(ROWS)
    (batch,) = together.plan(questions)
    answers = dict(zip([one.id for one in batch], together.answers(batch), strict=True))
    for question in questions:
        assert together.answers([question]) == [answers[question.id]]
    model, tokenizer = together._model, together._tokenizer
    ids = torch.tensor([together.prompt_ids(questions[0])])
    for _ in range(SHORT.max_new_tokens):
        ids = torch.cat([ids, model(ids).logits[:, -1:].argmax(-1)], dim=1)
    greedy = ids[0, len(together.prompt_ids(questions[0])) :].tolist()
    ends = [place for place, token in enumerate(greedy) if token in together._ends]
    assert answers["000000"].text == tokenizer.decode(greedy[: ends[0] if ends else None], skip_special_tokens=True).strip()


def test_adapters_answer_like_the_model_that_has_them_merged_in(tmp_path: Path) -> None:
    """One on the other, in order: base, one adapter and two answer differently, and two like the base with both merged into it."""
    from peft import LoraConfig, PeftModel, get_peft_model

    path, questions = tiny_model(Architecture.LLAMA, 0), questions_of(ROWS)
    merged = load_model(path, dtype=FP32)
    for seed in (1, 2):
        torch.manual_seed(seed)
        config = LoraConfig(r=4, lora_alpha=32, target_modules="all-linear", init_lora_weights=False, task_type="CAUSAL_LM")
        get_peft_model(load_model(path, dtype=FP32), config).save_pretrained(str(tmp_path / str(seed)))
        merged = PeftModel.from_pretrained(merged, str(tmp_path / str(seed))).merge_and_unload()
    adapters = (str(tmp_path / "1"), str(tmp_path / "2"))
    answers = []
    for count in range(3):
        asked = Asked(str(path), adapters[:count], SHORT, batch=8, dtype=FP32)
        answers.append(asked.source().answers(questions))
        assert len(asked.made()["adapters_sha256"]) == count
    tokenizer = load_tokenizer(path)
    assert LocalSource(merged, tokenizer, end_tokens(path, tokenizer), SHORT).answers(questions) == answers[2]
    assert answers[0] != answers[1] != answers[2] != answers[0]


@pytest.mark.parametrize("decoding", [SHORT, replace(SHORT, temperature=1.0, seed=3)])
@pytest.mark.parametrize("batches", [0, 1, 2])
def test_a_killed_run_ends_like_one_that_was_not(decoding: Decoding, batches: int, tmp_path: Path) -> None:
    """Killed between batches or in the middle of a line, by chance or greedily: the same answers in the end."""
    source, questions, made = asked_of(decoding), questions_of(ROWS), {"model": "tiny"}
    predict(source, questions, made, tmp_path / "whole", score_answers)
    with pytest.raises(Killed):
        predict(KilledLater(source, batches), questions, made, tmp_path / "killed", score_answers)
    working = tmp_path / ".killed.answers.jsonl"
    working.write_bytes(working.read_bytes()[:-5] if batches == 1 else working.read_bytes() + b'{"kind": "answ')
    counts: list[tuple[int, int]] = []
    predict(source, questions, made, tmp_path / "killed", score_answers, lambda done, total: counts.append((done, total)))
    assert read_predictions(tmp_path / "killed").predictions == read_predictions(tmp_path / "whole").predictions
    assert counts == [(2, 5), (4, 5), (5, 5)]
    assert not working.exists()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_what_was_answered_survives_kill_9(tmp_path: Path) -> None:
    """A real process, killed at its third question: the first two are not asked again, nobody else may read their answers meanwhile, and
    there is no folder until all are answered."""
    program = [sys.executable, "-m", "tests.training.workbench.killed_while_asking", str(tmp_path / "out")]
    killed = subprocess.run(program, cwd=ROOT, capture_output=True, text=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert not (tmp_path / "out").exists()
    assert (tmp_path / ".out.answers.jsonl").stat().st_mode & 0o777 == 0o600
    source = Echo(len(PROMPTS))
    predict(source, QUESTIONS, MADE, tmp_path / "out", lambda _: {})
    assert source.asked == len(PROMPTS) - 2
    assert [one.prediction for one in read_predictions(tmp_path / "out").predictions] == list(PROMPTS)


def test_answers_of_another_question_are_not_taken_over(source: LocalSource, tmp_path: Path) -> None:
    """What a killed run left behind counts for the same model, settings and rows alone."""
    with pytest.raises(Killed):
        predict(KilledLater(source, 2), questions_of(ROWS), {"model": "a"}, tmp_path / "p", score_answers)
    predict(source, questions_of(list(reversed(ROWS))), {"model": "a"}, tmp_path / "p", score_answers)
    predict(source, questions_of(list(reversed(ROWS))), {"model": "a"}, tmp_path / "q", score_answers)
    assert read_predictions(tmp_path / "p").predictions == read_predictions(tmp_path / "q").predictions


def test_chance_is_the_seeds(source: LocalSource) -> None:
    """The same seed gives the same answers, another one others, and the process's own chance stays as it was."""
    questions = questions_of(ROWS)
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    first, again, other = (asked_of(replace(SHORT, temperature=1.0, seed=seed)).answers(questions) for seed in (1, 1, 2))
    assert first == again != other
    assert first != source.answers(questions)
    assert torch.equal(before, torch.random.get_rng_state())


def test_an_answer_ends_at_its_end_mark_and_says_whether_it_was_cut() -> None:
    """End marks and what comes after them are no part of an answer; one that reached its end was not cut off; stops are taken away."""
    source = asked_of(Decoding(max_new_tokens=6, stop=("袖",)))
    end, words = source._ends[0], source._tokenizer("a diary helps", add_special_tokens=False)["input_ids"][:3]
    assert source._answer([*words, end, *words]) == Answer(source._tokenizer.decode(words).strip(), 3, False)
    assert source._answer(words * 2).cut
    stopped = source._answer([*words, *source._tokenizer("袖 more", add_special_tokens=False)["input_ids"]])
    assert (stopped.text, stopped.cut) == (source._tokenizer.decode(words).strip(), False)
    assert trimmed(" a <human>: b <bot>: c", ("<bot>:", "<human>:")) == "a"


@pytest.mark.parametrize("error", [torch.OutOfMemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory")])
def test_memory_that_runs_out_halves_the_batch(source: LocalSource, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Out of memory, a GPU's or the machine's, with two questions, they are asked one by one; with one, the error says what to do."""
    real = source._answers

    def short(batch: Sequence[Question]) -> list[Answer]:
        if len(batch) > room:
            raise error
        return real(batch)

    monkeypatch.setattr(source, "_answers", short)
    room, questions = 1, questions_of(ROWS)[:3]
    assert source.answers(questions) == [real([one])[0] for one in questions]
    room = 0
    with pytest.raises(WorkbenchError, match="single prompt"):
        source.answers(questions)


def test_prompts_that_leave_no_room_are_told_before_anything_is_asked(source: LocalSource) -> None:
    """How many, how long, and what to do; no word of them."""
    questions = questions_of([*ROWS, PromptCompletion("sleep " * 3000, "x")])
    with pytest.raises(WorkbenchError, match=r"1 of 6 prompts are too long.*--max-new-tokens") as error:
        source.plan(questions)
    assert "sleep" not in str(error.value)


def test_every_form_of_rows_is_asked_in_its_own_way(source: LocalSource) -> None:
    """A conversation's last answer, the better one of a comparison, a text behind its marker; plain prompts as they are."""
    turns = (Turn("user", "Hello."), Turn("assistant", "Hi."), Turn("user", "Calm?"), Turn("assistant", "Yes."), Turn("user", "Thanks."))
    (one,) = questions_of([Conversation("c", turns)])
    assert (one.prompt, one.reference) == (turns[:3], "Yes.")
    (two,) = questions_of([Comparison("Calm?", "Yes.", "No.")])
    assert (two.prompt, two.reference) == ("Calm?", "Yes.")
    (three,) = questions_of([Text("<human>: Calm? <bot>: Yes.")], marker="<bot>:")
    assert (three.prompt, three.reference) == ("<human>: Calm? <bot>:", "Yes.")
    assert source.prompt_ids(three) == list(source._encoder.plain("<human>: Calm? <bot>:"))
    plain = asked_of(replace(SHORT, render=Render.PLAIN))
    assert plain.prompt_ids(two) == plain._tokenizer("Calm?")["input_ids"]
    assert source.prompt_ids(two) == source.prompt_ids(questions_of([Conversation("c", turns[2:4])])[0]) != plain.prompt_ids(two)


@pytest.mark.parametrize(
    ("row", "marker", "told"),
    [
        (Text("Calm? Yes."), None, "--marker"),
        (Text("Calm? Yes."), "<bot>:", "row 0 has no <bot>:"),
        (PromptCompletion("Calm?", " "), None, "row 0 has an empty answer"),
        (Conversation("c", (Turn("user", "Hello."),)), None, "row 0 has no answer"),
    ],
)
def test_rows_without_an_answer_are_refused(row: Row, marker: str | None, told: str) -> None:
    """There would be nothing to compare with."""
    with pytest.raises(WorkbenchError, match=told):
        questions_of([row], marker)


def test_rows_come_from_folders_and_files(tmp_path: Path) -> None:
    """Of a folder the split to measure on, of a file the form that its columns have; what can't be is said."""
    write_rows(tmp_path / "rows", {Split.TRAIN: ROWS, Split.DEV: ROWS[:2]}, Origin("test", ()))
    assert load_rows(tmp_path / "rows") == tuple(ROWS[:2])
    assert load_rows(tmp_path / "rows", Split.TRAIN) == tuple(ROWS)
    with pytest.raises(WorkbenchError, match=r"no row for test; it has train \(5\), dev \(2\)"):
        load_rows(tmp_path / "rows", Split.TEST)
    file = tmp_path / "x.jsonl"
    file.write_text('{"messages": [{"role": "user", "content": "a"}], "id": "1"}\n', encoding="utf-8")
    assert isinstance(load_rows(file)[0], Conversation)
    file.write_text('{"question": "a"}\n', encoding="utf-8")
    with pytest.raises(WorkbenchError, match="none of the forms"):
        load_rows(file)
    with pytest.raises(WorkbenchError, match=r"nothing at y\.jsonl"):
        load_rows(tmp_path / "y.jsonl")


def test_a_folder_of_answers_has_all_that_was_asked_for(source: LocalSource, tmp_path: Path) -> None:
    """Hash of the prompt, answer, reference, tokens; scores and lengths; the manifest has no text."""
    scores = predict(source, questions_of(ROWS), {"model": "tiny"}, tmp_path / "p", score_answers)
    found = read_predictions(tmp_path / "p")
    assert [one.reference for one in found.predictions] == ["A diary.", "先写日记。", "Since when?", "Yes.", "Ask how it begins."]
    assert len({one.prompt_sha256 for one in found.predictions}) == 5
    lengths: dict[str, Any] = scores["lengths"]
    assert lengths["tokens"]["mean"] == pytest.approx(sum(one.tokens or 0 for one in found.predictions) / 5)
    assert lengths["reference_characters"] == {"mean": pytest.approx(9.2), "median": 8.0}
    assert lengths["cut_share"] == sum(one.cut for one in found.predictions) / 5
    assert json.loads((tmp_path / "p" / "scores.json").read_text()) == json.loads(json.dumps(scores))
    assert "diary" not in (tmp_path / "p" / "manifest.json").read_text(encoding="utf-8")
    with pytest.raises(WorkbenchError, match="p is there already"):
        predict(source, questions_of(ROWS), {"model": "tiny"}, tmp_path / "p", score_answers)
    with pytest.raises(WorkbenchError, match="nothing to ask"):
        predict(source, (), {"model": "tiny"}, tmp_path / "q", score_answers)
