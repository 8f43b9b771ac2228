"""The parts of a night by themselves: what is handed over, what is new, what training begins with, what is never written down."""

import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.note import Kind, Language, NoteItem
from inference.prompt import TurnKind, answered, reported
from inference.registry import Registry
from tests.support.adapters import an_adapter
from tests.training.night_support import ROOT, handed_over
from training.data.dataset import load_dataset
from training.data.examples import Budget, Source
from training.data.mixing import Side
from training.data.records import AnswerEvent, CaseRecord, Consent, Edit
from training.gate.decide import decide
from training.gate.scores import CanaryScore, ExampleScore, FixtureScore, Scores
from training.gate.thresholds import Thresholds
from training.measure.canaries import plant
from training.night.__main__ import reason_of
from training.night.collect import is_worth_training
from training.night.desk import Desk
from training.night.errors import NightFailed
from training.night.handover import Cases, read_cases
from training.night.harm import did_harm
from training.night.learn import Material, gather
from training.night.night import spend_night
from training.night.outcome import End, Outcome, read_outcome, write_outcome
from training.night.past import beginning
from training.night.plan import DATASET, Plan, read_plan, write_plan
from training.night.told import Stage, Told
from training.release.manifest import AdapterManifest

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)
BUDGET = Budget(3000, lambda text: len(text.split()))
WORDS = ("sleep", "work", "walk", "call", "diary", "night", "worry", "friend", "school", "music", "garden", "river", "stone", "bread")


def a_case(number: int, *, consent: bool = True) -> CaseRecord:
    """A case with one edited note, whose words are its own."""
    said = " ".join(WORDS[(number * step + step) % len(WORDS)] + str(number) for step in range(1, 8))
    draft = tuple(NoteItem(kind, f"{kind} {said}.") for kind in Kind)
    edit = Edit(tuple(replace(item, text=f"Gently: {item.text}") for item in draft), "someone", NOW)
    asked = reported(TurnKind.DESCRIPTION, f"About {said}.", Language.ENGLISH)
    consented = Consent("someone", NOW) if consent else None
    return CaseRecord(
        f"case-{number:03d}", Language.ENGLISH, consented, (), (asked, answered(draft)), (AnswerEvent("n", 0, draft, NOW, edit=edit),)
    )


def cases(*numbers: int) -> Cases:
    """Those cases."""
    return Cases(tuple(map(a_case, numbers)))


def a_plan(home: Path, name: str, **changes: Any) -> Plan:
    """A plan that no server and no model is needed for; its folder is made."""
    plan = Plan(name=name, home=home, base=home / "base", url="http://127.0.0.1:9/v1", prompt_tokens=3000, canaries=4, **changes)
    write_plan(plan)
    return plan


def a_night(home: Path, name: str, given: Cases, end: End | None = End.REFUSED, *, harmful: bool = False, **changes: Any) -> Material:
    """A night up to its dataset; then it ended, unless `end` is None."""
    plan = a_plan(home, name, **changes)
    material = gather(plan, given, BUDGET)
    if end:
        write_outcome(plan.folder, Outcome(name, end, plan.champion, harmful=harmful))
    return material


def registered(home: Path, name: str, *, begins_with: str | None = None, seen: tuple[str, ...] = ()) -> Path:
    """An adapter in the registry that the night of its own name made."""
    source = an_adapter(home / "sources" / name)
    manifest = AdapterManifest(name, "base", "ab", "cd", name, seen, {}, 0, begins_with)
    (source / "manifest.json").write_text(manifest.to_json())
    return Registry(home / "adapters").add(source, name).path


def new_cases(material: Material, night: str) -> set[str]:
    """The cases with rows that are new tonight, on either side."""
    rows = (*material.dataset.train, *material.dataset.heldout)
    return {row.case_id for row in rows if row.night == night and row.source is not Source.CANARY}


# what is handed over


def test_cases_survive_their_way_to_the_night() -> None:
    """What the bot writes is what the night reads, in order."""
    records = [a_case(1), a_case(2, consent=False)]
    read = read_cases(handed_over(records).splitlines(keepends=True))
    assert read.records == tuple(records)
    assert read.consenting == {"case-001"}


@given(st.data())
def test_a_stream_that_breaks_off_is_never_taken_for_a_whole_one(data: st.DataObject) -> None:
    """Wherever it ends, cases would be missing, and a night forgets what it isn't given."""
    whole = handed_over([a_case(number) for number in range(3)])
    part = whole[: data.draw(st.integers(0, len(whole) - 1))]
    with pytest.raises(NightFailed) as failure:
        read_cases(part.splitlines(keepends=True))
    assert not any(word in str(failure.value) for word in WORDS)


def test_lines_that_are_lost_are_missed() -> None:
    """The last line says how many cases there were."""
    lines = handed_over([a_case(1), a_case(2)]).splitlines(keepends=True)
    with pytest.raises(NightFailed, match="number of cases"):
        read_cases(lines[1:])


def test_a_reason_names_no_text() -> None:
    """Errors that aren't ours are told by type and place; ours never hold a text."""
    with pytest.raises(ValueError, match="sleep2") as foreign:
        raise ValueError("sleep2")
    assert "sleep2" not in reason_of(foreign.value)
    assert reason_of(NightFailed("because")) == "because"


# what is new


def test_no_case_without_consent_is_in_a_dataset(tmp_path: Path) -> None:
    """Not tonight, and not any more in those of earlier nights."""
    first = a_night(tmp_path, "night-1", cases(1, 2, 3, 4, 5, 6))
    assert "case-003" in first.dataset.manifest.sides
    given = Cases((*(a_case(number) for number in (1, 2, 4, 5, 6, 7)), a_case(8, consent=False)))
    a_night(tmp_path, "night-2", given)
    for night in ("night-1", "night-2"):
        folder = tmp_path / "nights" / night / DATASET
        for path in folder.iterdir():
            assert not {"case-003", "case-008"} & set(path.read_text().replace('"', " ").split())
        assert load_dataset(folder).manifest.forgotten == (1 if night == "night-1" else 0)


def test_what_the_champion_learned_is_not_new(tmp_path: Path) -> None:
    """Rows of nights that it came from are replayed at most; rows of all other nights are new again."""
    a_night(tmp_path, "night-1", cases(*range(10)), End.PROMOTED)
    a_night(tmp_path, "night-2", cases(*range(15)), End.READY)  # never promoted
    begin = registered(tmp_path, "night-1")
    third = a_night(tmp_path, "night-3", cases(*range(20)), champion="night-1", begin=begin)
    assert new_cases(third, "night-3") == {f"case-{number:03d}" for number in range(10, 20)}
    replayed = {row.case_id for row in third.dataset.train if row.night != "night-3"}
    assert replayed
    assert replayed <= {f"case-{number:03d}" for number in range(10)}
    assert third.begin.path == begin


def test_what_did_harm_is_not_learned_again(tmp_path: Path) -> None:
    """Rows of a night that was refused for clear harm are neither new, nor replayed, nor measured with; their cases keep their sides."""
    harmful = a_night(tmp_path, "night-1", cases(*range(10)), harmful=True)
    second = a_night(tmp_path, "night-2", cases(*range(20)))
    assert new_cases(second, "night-2") == {f"case-{number:03d}" for number in range(10, 20)}
    assert not second.earlier.usable
    third = a_night(tmp_path, "night-3", cases(*range(20)))
    assert new_cases(third, "night-3") == {f"case-{number:03d}" for number in range(10, 20)}
    assert harmful.dataset.manifest.sides


def test_a_refusal_for_clear_harm_is_told_from_others() -> None:
    """A much worse loss is harm; too few cases are not."""

    def scores(name: str, loss: float, count: int) -> Scores:
        rows = tuple(ExampleScore(str(one), f"held-{one}", 50, loss + one / 100, True, 0.4, 0.5) for one in range(count))
        return Scores(name, "base", (), rows, tuple(FixtureScore(str(one), True) for one in range(20)), CanaryScore(10, 0))

    quick = Thresholds(resamples=200)
    assert did_harm(decide(scores("a", 1.0, 20), scores("b", 1.5, 20), quick, 0))
    assert not did_harm(decide(scores("a", 1.0, 5), scores("b", 1.5, 5), quick, 0))
    assert not did_harm(decide(scores("a", 1.0, 20), scores("b", 1.0, 20), quick, 0))


def test_the_same_try_is_not_made_twice(tmp_path: Path) -> None:
    """The same rows from the same beginning with the same settings: nothing new. With others, more cases, or no end: worth training."""
    a_night(tmp_path, "night-1", cases(*range(8)))

    def worth(name: str, given: Cases, **changes: Any) -> bool:
        material = a_night(tmp_path, name, given, None, **changes)
        return is_worth_training(read_plan(tmp_path / "nights" / name), material.dataset)

    assert not worth("night-2", cases(*range(8)))
    assert worth("night-3", cases(*range(8)), recipe={"epochs": 5})
    assert worth("night-4", cases(*range(30)))
    assert worth("night-5", cases(*range(30)))  # night-4 never came to an end


async def test_a_refusal_that_is_certain_comes_before_the_training(tmp_path: Path) -> None:
    """Ten cases can't show that an adapter is better: nothing is trained, and the rows wait for the next night."""
    plan = a_plan(tmp_path, "night-1")
    told: list[Told] = []
    outcome = await spend_night(plan, cases(*range(10)), BUDGET, Desk(told.append))
    assert (outcome.end, outcome.harmful, outcome.table) == (End.REFUSED, False, None)
    assert outcome.headline
    assert "held-out cases" in outcome.headline[Language.ENGLISH]
    assert [one.stage for one in told] == [Stage.COLLECT]
    assert new_cases(a_night(tmp_path, "night-2", cases(*range(12))), "night-2") == {f"case-{number:03d}" for number in range(12)}


def test_planted_rows_are_trained_on_and_belong_to_nobody(tmp_path: Path) -> None:
    """All of a night's canaries are in its train file, none of them in the base set, the held-out rows or a later night."""
    base = tmp_path / "base.jsonl"
    rows = [{"case_id": one, "messages": [{"role": "user", "content": f"{WORDS[one]} {one}"}], "completion": "{}"} for one in range(9)]
    base.write_text("".join(json.dumps(row) + "\n" for row in rows))
    a_night(tmp_path, "night-1", cases(*range(9)), base_set=base)
    later = a_night(tmp_path, "night-2", cases(*range(19)), base_set=base)
    first = load_dataset(tmp_path / "nights" / "night-1" / DATASET)
    planted = {canary.completion for canary in plant("night-1", 4)}
    assert planted <= {row.completion for row in first.train}
    assert not planted & {row.completion for row in (*first.heldout, *later.dataset.train, *later.dataset.heldout)}
    assert not any(secret in base.read_text() for secret in (canary.secret for canary in plant("night-1", 4)))
    assert any(row.source is Source.BASE for row in first.train)


def test_no_case_is_ever_on_both_sides(tmp_path: Path) -> None:
    """Whatever becomes of the nights, a case that was held out is never trained on."""
    ends = (End.REFUSED, End.READY, None, End.NOTHING_NEW)
    for night, end in enumerate(ends):
        a_night(tmp_path, f"night-{night}", cases(*range(6 + 6 * night)), end, harmful=night == 0)
    sides: dict[str, set[Side]] = {}
    for night in range(len(ends)):
        dataset = load_dataset(tmp_path / "nights" / f"night-{night}" / DATASET)
        for row in (*dataset.train, *dataset.preferences):
            sides.setdefault(row.case_id, set()).add(Side.TRAIN)
        for held in (*dataset.heldout, *dataset.heldout_preferences):
            sides.setdefault(held.case_id, set()).add(Side.HELDOUT)
    assert {Side.TRAIN} in sides.values()
    assert {Side.HELDOUT} in sides.values()
    assert all(len(one) == 1 for one in sides.values())


# what training begins with


def test_training_begins_with_what_may_still_be_used(tmp_path: Path) -> None:
    """The champion; where it saw a case without consent, the newest ancestor that didn't; where all did, what no case went into."""
    first = registered(tmp_path, "night-1", seen=("case-001", "canary-003"))
    second = registered(tmp_path, "night-2", begins_with="night-1", seen=("case-002",))
    registry, origin = Registry(tmp_path / "adapters"), tmp_path / "given"
    plan = a_plan(tmp_path, "night-3", champion="night-2", begin=second, origin=origin)
    both = beginning(plan, registry, frozenset({"case-001", "case-002"}))
    assert (both.path, both.name, [one.night for one in both.registered]) == (second, "night-2", ["night-2", "night-1"])
    older = beginning(plan, registry, frozenset({"case-001"}))
    assert (older.path, older.name, [one.night for one in older.registered]) == (first, "night-1", ["night-1"])
    assert beginning(plan, registry, frozenset()).path == origin
    assert beginning(a_plan(tmp_path, "night-4", champion="given", begin=origin), registry, frozenset()).path == origin
    assert beginning(a_plan(tmp_path, "night-5", champion="night-2"), registry, frozenset({"case-001", "case-002"})).path is None
    registry.retire("night-2", "it learned from a case that was deleted")
    assert beginning(plan, registry, frozenset({"case-001", "case-002"})).path == first
    registry.retire("night-1", "it learned from a case that was deleted")
    assert beginning(plan, registry, frozenset({"case-001", "case-002"})).path == origin


# what it leaves and says


def test_outcome_and_progress_are_read_as_they_were_written(tmp_path: Path) -> None:
    """The bot reads both."""
    outcome = Outcome("night-1", End.REFUSED, None, 1, 2, 3, 4, {"en": "no"}, {"en": [("a", "b")]}, harmful=True)
    assert write_outcome(tmp_path, outcome) == read_outcome(tmp_path)
    told = Told(Stage.TRAIN, 3, 9, 1.5, 60.0, 10**9, 1, 2)
    assert Told.from_json(told.to_json()) == told
    for wrong in ("", "{}", '{"stage": "dream"}', "[1]", '{"stage": "train", "words": "x"}'):
        with pytest.raises(ValueError):  # noqa: PT011  # of whatever kind
            Told.from_json(wrong)


def test_a_plan_that_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    """It may be under way."""
    plan = a_plan(tmp_path, "night-1")
    write_plan(plan.model_copy(update={"seed": 7}))
    assert read_plan(plan.folder) == plan


def test_the_bot_may_import_what_it_needs_of_a_night() -> None:
    """Plan, outcome, progress and the handing over of cases need nothing but what the bot has."""
    modules = "training.night.plan, training.night.outcome, training.night.told, training.night.handover"
    heavy = "numpy", "torch", "transformers", "networkx", "rapidfuzz"
    code = f"import sys, {modules}; print([one for one in {heavy} if one in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, cwd=ROOT)
    assert found.stdout.strip() == b"[]", found.stderr


def test_a_night_forgets_what_a_rewritten_case_does_not_say_any_more(tmp_path: Path) -> None:
    """After a description was deleted no dataset of any night holds a row with its text; rows that are made anew stay, and so do others."""
    given = cases(*range(8))
    a_night(tmp_path, "n1", given, champion=None)
    said = {record.id: record.turns[0].text for record in given.records}
    files = list((tmp_path / "nights").rglob("*.jsonl"))
    assert all(any(json.dumps(text)[1:-1] in path.read_text() for path in files) for text in said.values())
    gone, changed = given.records[0], given.records[1]
    shorter = replace(gone, turns=(), events=(), rewritten=True)
    news = (reported(TurnKind.DESCRIPTION, "About something else entirely.", Language.ENGLISH), *changed.turns)
    longer = replace(changed, turns=(*changed.turns, *news[:1]), rewritten=True)
    before = {path: path.read_text().count("\n") for path in files}
    a_night(tmp_path, "n2", Cases((shorter, longer, *given.records[2:])), champion=None)
    held = "".join(path.read_text() for path in (tmp_path / "nights").rglob("*.jsonl"))
    assert json.dumps(said[gone.id])[1:-1] not in held
    assert all(json.dumps(said[record.id])[1:-1] in held for record in given.records[1:])
    assert sum(before.values()) - sum(path.read_text().count("\n") for path in files) == 2, "its example and its pair"
    assert load_dataset(tmp_path / "nights" / "n1" / DATASET).manifest.forgotten == 0
