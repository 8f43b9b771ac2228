"""What lies beside an adapter's weights in the registry."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from inference.errors import BadAdapter
from inference.note import Language
from inference.probe import Probe, read_probe
from inference.registry import Registry
from tests.support.adapters import an_adapter
from training.gate.decide import decide
from training.gate.report import headline
from training.gate.scores import CanaryScore, ExampleScore, FixtureScore, Scores
from training.gate.thresholds import Thresholds
from training.release.card import markdown_table
from training.release.manifest import AdapterManifest, base_sha256
from training.release.prepare import CARD, REPORT, prepare, read_report

QUICK = Thresholds(resamples=200)
PROBE = Probe((-1.0, -2.5), (-1.5, -3.0))
MANIFEST = AdapterManifest(
    name="night-2",
    base="mixtral-8x7b",
    base_sha256="ab" * 32,
    dataset_sha256="cd" * 32,
    night="2026-03-02",
    cases=("case-1", "case-2"),
    sources={"edit": 30, "summary": 5, "canary": 10},
    pairs=12,
    begins_with="night-1",
    recipe={"rank": 32},
    versions={"peft": "0.21.2"},
)


def scores(adapter: str, loss: float) -> Scores:
    """An evaluation of 20 cases with one row each."""
    examples = tuple(ExampleScore(str(case), f"held-{case}", 100, loss + case / 100, True, 0.4, 0.5) for case in range(20))
    fixtures = tuple(FixtureScore(str(number), True) for number in range(20))
    return Scores(adapter, "mixtral", ("case-1", "case-2"), examples, fixtures, CanaryScore(10, 0))


def a_release(tmp_path: Path, challenger_loss: float = 1.0) -> Path:
    """A directory ready to be registered."""
    champion, challenger = scores("night-1", 1.5), scores("night-2", challenger_loss)
    verdict = decide(champion, challenger, QUICK, seed=1)
    return prepare(an_adapter(tmp_path / "trained"), tmp_path / "release", MANIFEST, PROBE, champion, challenger, verdict)


def test_a_release_has_everything_and_is_registered_as_it_is(tmp_path: Path) -> None:
    """Weights, manifest, probe, report and card are in the registry's immutable directory, and the registry knows the cases."""
    registry = Registry(tmp_path / "adapters")
    registry.add(an_adapter(tmp_path / "first"), "night-1")
    adapter = registry.add(a_release(tmp_path), "night-2")
    assert read_probe(adapter.path) == PROBE
    assert AdapterManifest.from_json((adapter.path / "manifest.json").read_text()) == MANIFEST
    assert registry.cases("night-2") == {"case-1", "case-2"}
    registry.verify("night-2")
    (adapter.path / CARD).chmod(0o644)
    (adapter.path / CARD).write_text("another card")
    with pytest.raises(BadAdapter, match="changed"):
        registry.verify("night-2")


def test_the_report_is_enough_to_decide_again(tmp_path: Path) -> None:
    """From the report alone the gate comes to the same verdict."""
    champion, challenger, verdict = read_report(a_release(tmp_path))
    assert decide(champion, challenger, verdict.thresholds, verdict.seed) == verdict


@pytest.mark.parametrize("loss", [1.0, 2.0])
def test_the_report_is_told_in_both_languages(tmp_path: Path, loss: float) -> None:
    """Headline and table stand there in English and Chinese, for a promotion and for a refusal."""
    release = a_release(tmp_path, loss)
    verdict, report = read_report(release)[2], (release / REPORT).read_text(encoding="utf-8")
    assert verdict.promoted is (loss < 1.5)
    for language in Language:
        assert f"# {headline(verdict, language)}\n" in report
    tables = re.findall(r"(?:^\|.*\|$\n?)+", report, re.MULTILINE)
    assert len(tables) == 2
    for lines in (table.splitlines() for table in tables):
        assert len(lines) == 2 + len(verdict.findings)
        assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {9}


def test_the_card_is_in_plain_words(tmp_path: Path) -> None:
    """The card says what it is for, what it was trained on in counts, its limits and its scores; ids of cases are not in it."""
    card = (a_release(tmp_path) / CARD).read_text(encoding="utf-8")
    for heading in ("Intended use", "What it was trained on", "Limits", "Scores"):
        assert f"\n## {heading}\n" in card
    for line in ("| cases | 2 |", "| rows from: edit | 30 |", "| preference pairs | 12 |", "| went on from | night-1 |"):
        assert line in card
    assert "case-1" not in card
    assert "night-2 takes the place of night-1" in card


def test_a_release_can_be_made_again(tmp_path: Path) -> None:
    """What a crash left in the directory is replaced."""
    (tmp_path / "release").mkdir()
    (tmp_path / "release" / "half.json").write_text("{")
    assert not (a_release(tmp_path) / "half.json").exists()


def test_a_base_is_known_by_its_contents(tmp_path: Path, model_directory: Path) -> None:
    """The hash stays with the contents, changes with a weight or the template, and needs weights to be one."""
    assert base_sha256(model_directory) == base_sha256(model_directory)
    for name, text in (("model.safetensors", "weights"), ("config.json", "{}"), ("chat_template.jinja", "a")):
        (tmp_path / name).write_text(text)
    before = base_sha256(tmp_path)
    (tmp_path / "README.md").write_text("says nothing about the weights")
    assert base_sha256(tmp_path) == before
    (tmp_path / "chat_template.jinja").write_text("b")
    assert base_sha256(tmp_path) != before
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(FileNotFoundError):
        base_sha256(tmp_path)


def test_tables_survive_their_contents() -> None:
    """A bar in a cell doesn't end the cell."""
    assert markdown_table([("a", "b"), ("x|y", "z")]).splitlines() == ["| a | b |", "| --- | --- |", "| x\\|y | z |"]
    assert json.loads(replace(MANIFEST, begins_with=None).to_json())["begins_with"] is None
