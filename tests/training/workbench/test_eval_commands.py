"""`phyassist eval predict | loss | imhi | imhi-score | compare` from the command line, on tiny models."""

import csv
import json

import pytest

from tests.support.tiny_models import tiny_model
from tests.support.walkthroughs import Checkout, Done
from training.corpora.imhi import SETS
from training.workbench.tiny import Architecture

PAIRS = (("She sleeps badly. What helps?", "A diary."), ("他睡不好。怎么办？", "先写日记。"), ("Calm?", "Yes."))
SHORT = "--max-new-tokens 4 --dtype fp32"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A folder with rows, two tiny models, and IMHI's test files, made up."""
    folder = tmp_path_factory.mktemp("eval")
    for seed, name in enumerate("ab"):
        (folder / name).symlink_to(tiny_model(Architecture.LLAMA, seed))
    rows = "".join(json.dumps({"prompt": prompt, "completion": answer}) + "\n" for prompt, answer in PAIRS)
    (folder / "rows.jsonl").write_text(rows, encoding="utf-8")
    for name in SETS:
        path = folder / "imhi" / "test_data" / "test_instruction" / f"{name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        gold = "This post shows the stress cause related to work." if name == "SAD" else "Yes, it does."
        with path.open("w", encoding="utf-8", newline="") as file:
            lines = [
                (f'Consider this post: "Week {number} was hard." Question: Why?', f"{gold} Reasoning: a hard week.") for number in range(3)
            ]
            csv.writer(file).writerows([("query", "gpt-3.5-turbo"), *lines])
    return Checkout(folder)


def done(checkout: Checkout, command: str) -> Done:
    """A command that went well."""
    found = checkout.run(f"phyassist eval {command}")
    assert found.status == 0, found.stderr
    return found


def test_answers_losses_and_their_comparison(checkout: Checkout) -> None:
    """Predict and loss make folders with their scores, compare takes two of a kind; what differs is refused in a sentence."""
    for name in "ab":
        assert "ROUGE-L" in done(checkout, f"predict {name} rows.jsonl said-{name} {SHORT}").stdout
        assert "perplexity" in done(checkout, f"loss {name} rows.jsonl loss-{name} --dtype fp32").stdout
    assert "the interval includes zero" in done(checkout, "compare said-a said-a same").stdout
    assert "loss, nats a token" in done(checkout, "compare loss-a loss-b losses").stdout
    assert (checkout.folder / "losses" / "report.html").is_file()
    done(checkout, f"predict b rows.jsonl fewer --limit 2 {SHORT}")
    refused = checkout.run("phyassist eval compare said-a fewer other")
    assert refused.status == 1
    assert "A and B answer different rows: 1 are in A alone" in refused.stderr
    assert not (checkout.folder / "other").exists()
    assert "said-a is there already" in checkout.run(f"phyassist eval predict a rows.jsonl said-a {SHORT}").stderr


def test_two_models_answer_rows_and_are_compared(checkout: Checkout) -> None:
    """With rows, models are asked first; asked again, their answers are taken as they are, and other ones are refused."""
    command = f"compare a b {{}} --rows rows.jsonl --examples 0 {SHORT}"
    done(checkout, command.format("duel"))
    answers = checkout.folder / "duel-a" / "predictions.jsonl"
    stamp = answers.stat().st_mtime_ns
    (checkout.folder / "duel").rename(checkout.folder / "first")
    done(checkout, command.format("duel"))
    assert answers.stat().st_mtime_ns == stamp
    report = (checkout.folder / "duel" / "report.md").read_text(encoding="utf-8")
    assert report == (checkout.folder / "first" / "report.md").read_text(encoding="utf-8")
    (checkout.folder / "duel").rename(checkout.folder / "second")
    refused = checkout.run("phyassist eval " + command.format("duel").replace("tokens 4", "tokens 5"))
    assert "duel-a holds answers of another model or to other rows" in refused.stderr


def test_the_benchmark_from_questions_to_comparison(checkout: Checkout) -> None:
    """All five sets are asked and scored, two results compared by the benchmark's figures; the measure of explanations is named."""
    for name in "ab":
        told = done(checkout, f"imhi {name} imhi imhi-{name} --each 2 {SHORT}").stdout
        assert [line.split()[:2] for line in told.splitlines()[1:6]] == [[one, "2"] for one in SETS]
        assert "no BARTScore" in told
    scores = json.loads((checkout.folder / "imhi-a" / "scores.json").read_text(encoding="utf-8"))["sets"]
    assert {name: one["out_of_domain"] for name, one in scores.items()}.keys() == set(SETS)
    assert "IMHI SAD: weighted F1" in done(checkout, "compare imhi-a imhi-b imhi-duel").stdout
    assert "there are DR, dreaddit" in checkout.run(f"phyassist eval imhi a imhi x --set CAMS {SHORT}").stderr
    assert "holds no model" in checkout.run(f"phyassist eval imhi a imhi x --bartscore imhi {SHORT}").stderr


def test_files_of_the_benchmarks_own_form_are_scored(checkout: Checkout) -> None:
    """Answers of others, as the public scripts write them, with their labels where they have any."""
    gold = "This post shows other stress causes. Reasoning: x"
    with (checkout.folder / "SAD.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(
            [("goldens", "generated_text", "labels"), (gold, "It is work.", "other"), (gold, "It is work.", "everyday")]
        )
    told = done(checkout, "imhi-score SAD.csv").stdout
    assert told.splitlines()[1].split()[:4] == ["SAD", "2", "66.67", "50.00"]
    assert "By the column labels: SAD" in told
