"""Reward models, and reinforcement against them: real trainers on a tiny model that was taught a good and a bad way to answer."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from random import Random
from statistics import fmean
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tests.support.tiny_models import tiny_model
from training.weights.combine import Combination, Method
from training.weights.join import join
from training.workbench.artifacts import sha256_of
from training.workbench.config import Config, Dtype, Model, TooLong, load_config
from training.workbench.encoding import Encoder
from training.workbench.errors import WorkbenchError
from training.workbench.models import end_tokens, load_base, load_model, load_tokenizer, make_trainable
from training.workbench.progress import Point, read_progress
from training.workbench.reinforce import LengthCost, _job, distances, is_spent, prompts_of, run_reinforce, schedule
from training.workbench.reward import _job as reward_job
from training.workbench.reward import encode_pairs, run_reward
from training.workbench.rows import Comparison, Conversation, Origin, PromptCompletion, Split, Text, Turn, write_rows
from training.workbench.runs import begin, open_run, result_of
from training.workbench.scoring import load_reward_base, load_scorer, padding_for
from training.workbench.sft import run_sft
from training.workbench.tiny import Architecture

GOOD, BAD = ("rest", "water", "doctor", "sleep"), ("panic", "alone", "never", "hopeless")
FEVERS = 24


def comparisons() -> list[Comparison]:
    """Pairs whose better answer has other words than the worse one, and is no longer."""
    chance = Random(0)
    return [
        Comparison(f"I have had a fever for {days} days.", " ".join(chance.sample(GOOD * 3, 5)), " ".join(chance.sample(BAD * 3, 5)))
        for days in range(FEVERS)
    ]


def settings(task: str, model: Path, adapter: Path, rows: Path, **more: Any) -> Config:
    """A small training of a task on top of an adapter."""
    usual: dict[str, Any] = {
        "task": task,
        "model": {"path": str(model), "adapters": [str(adapter)]},
        "data": {"path": str(rows), "max_length": 64},
        "method": {"rank": 4, "checkpointing": False},
        "optimiser": {"learning_rate": 5e-3, "schedule": "constant", "warmup": 0},
    }
    return load_config(None, settings=usual | more)


def reinforcing(place: Path, steps: int = 9, **more: Any) -> Config:
    """Settings of a small reinforcement; `more` are settings of its own section."""
    usual = {"reward": str(place / "reward"), "answers": 8, "answer_tokens": 10, "kl_budget": None, "kl_weight": 0.02}
    return settings(
        "reinforce",
        place / "base" / "output",
        place / "sft",
        place / "rows",
        optimiser={"learning_rate": 1e-2, "schedule": "constant", "warmup": 0},
        steps={"batch": 16, "accumulation": 1, "max_steps": steps},
        saving={"every": 4, "after": True},
        reinforce=usual | more,
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with rows, a model that knows both ways to answer, an adapter of fine-tuning for it, and a reward model."""
    place = tmp_path_factory.mktemp("reinforce")
    rows = comparisons()
    write_rows(place / "rows", {Split.TRAIN: rows[:18], Split.DEV: rows[18:]}, Origin("test", []))
    both = [PromptCompletion(row.prompt, answer) for row in rows for answer in (row.chosen, row.rejected)]
    write_rows(place / "both", {Split.TRAIN: both}, Origin("test", []))
    taught = {
        "model": {"path": str(tiny_model(Architecture.LLAMA))},
        "data": {"path": str(place / "both"), "max_length": 64},
        "method": {"kind": "full", "checkpointing": False},
        "optimiser": {"learning_rate": 1e-2},
        "steps": {"batch": 16, "accumulation": 1, "max_steps": 25},
    }
    run_sft(begin(place / "base", load_config(None, settings=taught)))
    _some_adapter(place / "base" / "output", place / "sft")
    run_reward(begin(place / "reward", _rewarding(place)))
    return place


@pytest.fixture(scope="module")
def reinforced(place: Path) -> Path:
    """The run of a reinforcement by RLOO."""
    run_reinforce(begin(place / "rloo", reinforcing(place)))
    return place / "rloo"


def _rewarding(place: Path) -> Config:
    return settings(
        "reward",
        place / "base" / "output",
        place / "sft",
        place / "rows",
        steps={"batch": 6, "accumulation": 1, "max_steps": 12},
        evaluation={"every": 6},
        saving={"every": 6, "after": True},
    )


def _some_adapter(model: Path, folder: Path) -> None:
    """An adapter that changes what a model says, with dropout, as fine-tuning leaves one."""
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(r=4, target_modules=["q_proj", "v_proj"], lora_dropout=0.1, task_type="CAUSAL_LM")
    adapted = get_peft_model(load_base(Model(path=str(model))), config)
    torch.manual_seed(1)
    for name, parameter in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.05)
    adapted.save_pretrained(folder)


def test_a_reward_model_learns_which_answer_is_chosen(place: Path) -> None:
    """On pairs held back it errs before and hardly any more afterwards; its figures tell of length, its curve is there."""
    result = result_of(place / "reward")
    assert result is not None
    first, *_, last = [point["eval_accuracy"] for point in read_progress(place / "reward") if "eval_accuracy" in point]
    assert first < last
    assert result.more["accuracy"] == last == 1.0
    assert result.more["chosen"] > result.more["rejected"]
    assert (result.more["pairs"], result.more["pairs_of"]) == (6, "dev")
    assert 0 <= result.more["longer_is_chosen"] <= 1
    assert result.dev_before is not None
    assert result.dev_after is not None
    assert result.dev_after < result.dev_before
    assert (place / "reward" / "curve.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(("centre", "coefficient"), [(0.5, 0.5), (0.0, None)])
def test_rewards_are_centred_as_much_as_asked_for(place: Path, tmp_path: Path, centre: float, coefficient: float | None) -> None:
    """The weight of the centre is TRL's; nothing leaves it out."""
    config = Config.model_validate(_rewarding(place).model_dump(mode="json") | {"reward": {"centre": centre}})
    assert reward_job(begin(tmp_path / "run", config)).trainer.args.center_rewards_coefficient == coefficient


def test_plain_transformers_load_a_reward_model(place: Path) -> None:
    """AutoModelForSequenceClassification with the fine-tuned adapter merged, and PEFT with the run's output, give the same rewards."""
    from peft import PeftConfig, PeftModel
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    output = place / "reward" / "output"
    tokenizer = AutoTokenizer.from_pretrained(output)
    model = AutoModelForSequenceClassification.from_pretrained(place / "base" / "output", num_labels=1, dtype=torch.float32)
    model.config.pad_token_id = tokenizer.pad_token_id
    below = PeftConfig.from_pretrained(place / "sft")
    below.task_type = None
    model = PeftModel.from_pretrained(model, place / "sft", config=below).merge_and_unload()
    model = PeftModel.from_pretrained(model, output).eval()
    pairs = _pairs(place)
    rows = [list(answer) for pair in pairs for answer in (pair.chosen, pair.rejected)]
    batch = tokenizer.pad({"input_ids": rows}, return_tensors="pt", padding_side="right")
    with torch.no_grad():
        plain = model(**batch).logits[:, 0]
    ours = load_scorer(place / "reward", batch=3).rewards(rows)
    assert torch.allclose(plain, torch.tensor(ours), atol=0.1)  # ours computes in bf16
    assert list(plain[0::2] > plain[1::2]) == [True] * len(pairs)


def test_rewards_are_read_where_an_answer_ends(place: Path) -> None:
    """Padding is another token than the one that ends an answer, so rows of any length together get what each gets alone."""
    config = load_config(place / "reward" / "config.yaml")
    tokenizer = load_tokenizer(config.model.path)
    assert tokenizer.pad_token_id == tokenizer.eos_token_id  # what would be taken for padding otherwise
    assert padding_for(tokenizer, {tokenizer.eos_token_id}) != tokenizer.eos_token_id
    rows = [pair.chosen for pair in _pairs(place)] + [[1, 5, tokenizer.eos_token_id]]
    together, alone = load_scorer(place / "reward", len(rows)).rewards(rows), load_scorer(place / "reward", 1).rewards(rows)
    assert together == pytest.approx(alone, abs=0.1)
    without_end = load_scorer(place / "reward", 1).rewards([row[:-1] for row in rows])
    assert without_end != pytest.approx(alone, abs=1e-3)


@pytest.mark.parametrize("architecture", list(Architecture))
def test_every_architecture_can_judge(architecture: Architecture) -> None:
    """A reward model is made of any causal model, its backbone the same tensors under another head."""
    config = Config.model_validate({"task": "reward", "model": {"path": str(tiny_model(architecture))}, "data": {"path": "rows"}})
    model = load_reward_base(config)
    with torch.no_grad():
        logits = model(input_ids=torch.arange(5, 15)[None]).logits
    assert logits.shape == (1, 1)
    assert logits.dtype is torch.float32


def test_a_reward_model_of_all_weights_is_a_model_folder(place: Path) -> None:
    """With the method full the output is loaded without the base."""
    full = _rewarding(place).model_dump(mode="json") | {
        "method": {"kind": "full", "checkpointing": False},
        "steps": {"batch": 6, "max_steps": 2},
    }
    assert run_reward(begin(place / "whole", Config.model_validate(full))).output == "model"
    assert len(load_scorer(place / "whole", 2).rewards([pair.chosen for pair in _pairs(place)])) == 6


def test_pairs_are_told_apart_and_counted(place: Path) -> None:
    """Pairs that are too long or equal are left out; other rows are refused."""
    encoder = _encoder(place)
    rows = [*comparisons()[:2], Comparison("a", "same", "same"), Comparison("a", "long " * 60, "short")]
    pairs, counts = encode_pairs(rows, encoder, 64, TooLong.DROP)
    assert counts == {"rows": 4, "too_long": 1, "equal": 1, "used": 2}
    assert {row[-1] for pair in pairs for row in (pair.chosen, pair.rejected)} == {encoder.tokenizer.eos_token_id}
    with pytest.raises(WorkbenchError, match="1 comparisons have more tokens than"):
        encode_pairs(rows, encoder, 64, TooLong.REFUSE)
    with pytest.raises(WorkbenchError, match="form comparison"):
        encode_pairs([Text("alone")], encoder, 64, TooLong.DROP)


def test_rewards_rise_and_the_policy_stays_near(reinforced: Path) -> None:
    """By RLOO: more of the learned reward, at a distance from fine-tuning that is told and small; lengths before and after are told."""
    progress = read_progress(reinforced)
    rewards = [point["reward"] for point in progress]
    assert fmean(rewards[-3:]) > fmean(rewards[:3]) + 1
    assert 0 < distances(progress)[-1] < 20
    assert all({"reward", "kl", "completions/mean_length"} <= point.keys() for point in progress)
    more = json.loads((reinforced / "result.json").read_text())["more"]
    assert more["after"]["reward"] > more["before"]["reward"]
    assert {"tokens", "characters", "cut"} <= more["before"].keys() == more["after"].keys()
    assert (more["prompts"], more["prompts_of"], more["ended_by"]) == (6, "dev", "steps")
    assert (reinforced / "curve.png").read_bytes().startswith(b"\x89PNG")


def test_rewards_rise_with_grpo_too(place: Path) -> None:
    """The other algorithm, by a setting."""
    run_reinforce(begin(place / "grpo", reinforcing(place, steps=7, algorithm="grpo")))
    rewards = [point["reward"] for point in read_progress(place / "grpo")]
    assert fmean(rewards[-3:]) > fmean(rewards[:3]) + 1


def test_the_reference_is_what_fine_tuning_made(place: Path, reinforced: Path) -> None:
    """At the first step the distance is nothing at all; with the new adapter off the trained policy says what the fine-tuned model says,
    which the bare base does not; and the new adapter is all that was added: no second model."""
    first = read_progress(reinforced)[0]
    assert first["kl"] == 0.0
    base, sft = place / "base" / "output", place / "sft"
    tokens = torch.tensor([[*_encoder(place).prompt("I have had a fever for 3 days.")]])
    trainer_of_run = _job(open_run(reinforced)).trainer
    policy = trainer_of_run.model.eval()
    bare, tuned = load_base(Model(path=str(base))), load_model(base, [sft])
    with torch.no_grad():
        fine_tuned, untuned = tuned(tokens).logits, bare(tokens).logits
        with policy.disable_adapter():
            reference = policy(tokens).logits
        begun = policy(tokens).logits
    assert torch.equal(begun, reference)
    assert trainer_of_run.ref_model is None
    assert "ref" not in policy.peft_config
    scale = (fine_tuned - untuned).abs().max()
    assert (reference - fine_tuned).abs().max() < 0.3 * scale  # merged into bf16
    parameters = sum(parameter.numel() for parameter in policy.parameters())
    adapter = sum(parameter.numel() for parameter in policy.parameters() if parameter.requires_grad)
    assert parameters == adapter + sum(parameter.numel() for parameter in bare.parameters())


def test_adapters_are_stacked_and_merged(place: Path, reinforced: Path) -> None:
    """The reinforced adapter on the fine-tuned one is loaded, generates, and can be merged into one model with the same outputs."""
    model = load_model(place / "base" / "output", [place / "sft", reinforced])
    tokens = torch.tensor([[*_encoder(place).prompt("I have had a fever for 3 days.")]])
    with torch.no_grad():
        made = model.generate(input_ids=tokens, attention_mask=torch.ones_like(tokens), max_new_tokens=6, do_sample=False)
        stacked = model(tokens).logits
        merged = model.merge_and_unload()(tokens).logits
    assert made.shape[1] > tokens.shape[1]
    assert torch.allclose(stacked, merged, atol=0.05 * float(stacked.abs().max()))


def test_stacked_adapters_become_one_for_a_server(place: Path, reinforced: Path) -> None:
    """By `cat` the fine-tuned adapter and the reinforced one on it become one adapter of the bare base, which says what both say."""
    base = place / "base" / "output"
    joined = join([place / "sft", reinforced], place / "joined", Combination(Method.CAT), base)
    assert joined.error < 1e-5
    tokens = torch.tensor([[*_encoder(place).prompt("I have had a fever for 3 days.")]])
    with torch.no_grad():
        stacked = load_model(base, [place / "sft", reinforced], dtype=Dtype.FP32)(tokens).logits
        one = load_model(base, [place / "joined"], dtype=Dtype.FP32)(tokens).logits
    assert torch.allclose(stacked, one, atol=1e-3)


@pytest.mark.parametrize("kind", ["rloo", "reward"])
def test_a_killed_training_goes_on_to_the_same_bytes(place: Path, reinforced: Path, kind: str) -> None:
    """A run that lost all since a checkpoint, and has a half-written one, ends with the adapter, the figures and the progress it would
    have had: sampling follows from the step."""
    whole = place / kind
    killed = place / f"{kind}-killed"
    shutil.copytree(whole, killed)
    for name in ("result.json", "manifest.json", "curve.png"):
        (killed / name).unlink()
    shutil.rmtree(killed / "output")
    steps = sorted(int(path.name.rpartition("-")[2]) for path in (killed / "checkpoints").glob("checkpoint-*"))
    assert len(steps) > 1
    for later in steps[1:]:
        shutil.rmtree(killed / "checkpoints" / f"checkpoint-{later}")
    (killed / "checkpoints" / f"checkpoint-{steps[-1]}").mkdir()  # half-written
    (run_reinforce if kind == "rloo" else run_reward)(open_run(killed))
    once, again = (load_file(folder / "output" / "adapter_model.safetensors") for folder in (whole, killed))
    assert once.keys() == again.keys()
    assert all(torch.equal(once[name], again[name]) for name in once)
    assert _timeless(read_progress(whole)) == _timeless(read_progress(killed))
    results = [result_of(folder) for folder in (whole, killed)]
    assert results[0] is not None
    assert results[1] is not None
    assert results[0].more == results[1].more


def test_a_spent_budget_ends_the_training(place: Path) -> None:
    """Too far from the reference, and it ends with a checkpoint, which becomes the output; the result says why."""
    result = run_reinforce(begin(place / "spent", reinforcing(place, steps=20, kl_budget=1e-3)))
    assert result.steps < 20
    assert result.more["ended_by"] == "kl_budget"
    assert result.best_step == result.steps
    assert is_spent(1e-3, read_progress(place / "spent"))


def test_the_budget_is_of_whole_answers_and_of_several_steps() -> None:
    """It takes five steps to say so, and long answers are further away than short ones at the same distance a token."""
    near = [{"kl": 0.1, "completions/mean_length": 50.0}] * 5
    assert not is_spent(None, near)
    assert not is_spent(4.0, near[:4])
    assert is_spent(4.0, near)
    assert not is_spent(4.0, [{"kl": 0.1, "completions/mean_length": 10.0}] * 5)


def test_length_costs(place: Path, reinforced: Path) -> None:
    """Each answer pays for its share of the limit; with a high price answers get shorter than without."""
    assert LengthCost(4)(completion_ids=[[1], [1, 2, 3, 4]]) == [-0.25, -1.0]
    run_reinforce(begin(place / "dear", reinforcing(place, steps=6, length_cost=30.0)))
    free, dear = ([point["completions/mean_length"] for point in read_progress(folder)] for folder in (reinforced, place / "dear"))
    assert fmean(dear[-2:]) < fmean(free[-2:])


def test_prompts_come_again_in_another_order() -> None:
    """Every prompt once before one comes again; the order follows from the seed alone."""
    prompts: Sequence[Sequence[int]] = [(number,) for number in range(5)]
    found = schedule(prompts, 12, seed=3)
    assert len(found) == 12
    assert sorted(found[:5]) == sorted(found[5:10]) == list(prompts)
    assert found[:5] != found[5:10]
    assert found == schedule(prompts, 12, seed=3) != schedule(prompts, 12, seed=4)


def test_prompts_are_what_a_server_is_asked_with(place: Path) -> None:
    """Of conversations the turns before the last answer; each prompt once; those that leave no room for an answer are counted."""
    encoder = _encoder(place)
    turns = (Turn("user", "one"), Turn("assistant", "two"), Turn("user", "three"))
    rows = [
        Conversation("1", (*turns, Turn("assistant", "four"))),
        PromptCompletion("one", "x"),
        PromptCompletion("one", "y"),
        PromptCompletion("long " * 60, ""),
    ]
    prompts, counts = prompts_of(rows, encoder, 40, TooLong.DROP)
    assert prompts == [encoder.asked(turns), encoder.prompt("one")]
    assert counts == {"rows": 4, "repeated": 1, "too_long": 1, "used": 2}
    with pytest.raises(WorkbenchError, match="have no prompts to answer"):
        prompts_of([Text("alone")], encoder, 40, TooLong.DROP)
    with pytest.raises(WorkbenchError, match="no prompt is left"):
        prompts_of(rows, encoder, 1, TooLong.DROP)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"reinforce": {"reward": None}}, "reinforce.reward must name"),
        ({"reinforce": {"reward": "nowhere"}}, "no run of a reward model"),
        ({"steps": {"batch": 3, "accumulation": 1}}, "must be a multiple of reinforce.answers"),
        ({"method": {"kind": "full"}}, "would need a second model"),
    ],
)
def test_settings_that_can_not_be_are_refused(place: Path, tmp_path: Path, change: dict[str, Any], said: str) -> None:
    """Each with what to do about it."""
    config = Config.model_validate(reinforcing(place).model_dump(mode="json") | change)
    with pytest.raises(WorkbenchError, match=said):
        run_reinforce(begin(tmp_path / "run", config))


def test_an_adapter_tells_of_its_reward_model(place: Path, reinforced: Path) -> None:
    """Among what it was made of is the reward model, and with that the comparisons which that learned from."""
    made = json.loads((reinforced / "output" / "manifest.json").read_text())["made"]
    parents = {parent["role"]: parent["sha256"] for parent in made["parents"]}
    assert parents["reward model"] == sha256_of(place / "reward" / "output" / "manifest.json")


def test_a_run_does_not_go_on_with_another_reward_model(place: Path, reinforced: Path, tmp_path: Path) -> None:
    """The reward model is one of a run's inputs, with its hash."""
    shutil.copytree(place / "reward", tmp_path / "reward")
    run = begin(tmp_path / "run", reinforcing(place, reward=str(tmp_path / "reward")))
    weights = tmp_path / "reward" / "output" / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4] + b"more")
    with pytest.raises(WorkbenchError, match="reward model changed"):
        open_run(run.folder)


def test_only_a_new_adapter_is_trained(place: Path) -> None:
    """An adapter for a reward model has the head along with it; one for a policy has none."""
    judge = make_trainable(load_reward_base(_rewarding(place)), _rewarding(place).method, 0, task="SEQ_CLS")
    learned = {
        name.split(".")[-2] if "modules_to_save" not in name else "head" for name, part in judge.named_parameters() if part.requires_grad
    }
    assert learned == {"default", "head"}


def _timeless(progress: Sequence[Point]) -> list[dict[str, float]]:
    """Progress without what depends on the clock, the machine, or counts since a start."""
    told = ("seconds_left", "memory_bytes", "step_time", "num_tokens")
    return [{name: value for name, value in point.items() if not name.endswith(told)} for point in progress]


def _encoder(place: Path) -> Encoder:
    model = place / "base" / "output"
    tokenizer = load_tokenizer(model)
    return Encoder(tokenizer, end_tokens(model, tokenizer))


def _pairs(place: Path) -> list[Any]:
    return encode_pairs(comparisons()[18:], _encoder(place), 64, TooLong.DROP)[0]
