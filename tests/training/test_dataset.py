"""A dataset: no repetitions, whole cases held out, earlier nights replayed, and a manifest that proves it."""

import json
import stat
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.note import Language
from inference.prompt import INSTRUCTIONS, Message
from training.data import dataset
from training.data.dataset import FILES, MANIFEST, BadDataset, forget_case, load_dataset, make_dataset
from training.data.edits import Counts
from training.data.examples import Example, Preference, Rows, Source
from training.data.mixing import Mix, Past, Side, distinct, mix, shingles, split_cases
from training.data.records import Reason
from training.data.settings import Settings

CASES = tuple(f"case-{number}" for number in range(40))
SETTINGS = Settings(heldout=0.3, earlier=0.25, base=0.25)
WORDS = (
    "sleep",
    "work",
    "walk",
    "call",
    "phone",
    "diary",
    "night",
    "worry",
    "friend",
    "school",
    "music",
    "garden",
    "river",
    "stone",
    "bread",
)


class PowerCut(Exception):
    """The machine stops here."""


def words_of(seed: str, count: int = 30) -> str:
    """Words that hardly two seeds have in common in a row."""
    return " ".join(Random(seed).choices(WORDS, k=count))


def an_example(case: str, text: str | None = None, *, night: str = "n1", source: Source = Source.EDIT) -> Example:
    """An example with words of its own, unless they are given."""
    said = f"{INSTRUCTIONS[Language.ENGLISH]}\n\nDescription:\n{text or words_of(f'{case} {night}')}"
    return Example(case, (Message(role="user", content=said),), f"answer {case if text is None else ''}", source, night)


def a_preference(case: str, night: str = "n1") -> Preference:
    """A pair with words of its own."""
    asked = (Message(role="user", content=words_of(f"{case} {night} pair")),)
    return Preference(case, asked, f"won {case}", "lost", Counts(kept=1, added=2), Reason.TONE, night)


def some_rows(cases: Sequence[str] = CASES, night: str = "n1") -> Rows:
    """An example and a pair a case."""
    return Rows(tuple(an_example(case, night=night) for case in cases), tuple(a_preference(case, night) for case in cases))


def base_set(count: int = 60) -> list[Example]:
    """Rows that belong to no case."""
    return [an_example("base", words_of(f"base {number}"), source=Source.BASE, night="") for number in range(count)]


def a_dataset(folder: Path, cases: Sequence[str] = CASES, night: str = "n1", earlier: Sequence[dataset.Dataset] = ()) -> dataset.Dataset:
    """A dataset of a night on disk, read back."""
    make_dataset(folder, some_rows(cases, night), night, set(CASES), earlier, base_set(), SETTINGS)
    return load_dataset(folder)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def cases_in(rows: Sequence[Example] | Sequence[Preference]) -> set[str]:
    """The cases of rows, base rows aside."""
    return {row.case_id for row in rows} - {"base"}


def stop_at(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cuts the power before the `step`th write or rename, counted from 0."""
    done = 0

    def counting(real: Callable[..., None]) -> Callable[..., None]:
        def act(*arguments: object) -> None:
            nonlocal done
            if done == step:
                raise PowerCut
            done += 1
            real(*arguments)

        return act

    monkeypatch.setattr(dataset, "_write", counting(dataset._write))
    monkeypatch.setattr(dataset, "_move", counting(dataset._move))


# which rows, on which side


@given(st.sets(st.text(max_size=6), max_size=12), st.sets(st.text(max_size=6), max_size=12), st.floats(0, 1))
def test_a_case_never_changes_sides(tonight: set[str], later: set[str], share: float) -> None:
    """Whatever cases come on another night, those that were there stay where they were."""
    first = split_cases(tonight, share, {})
    second = split_cases(tonight | later, share, first)
    assert {case: second[case] for case in tonight} == first


@given(st.sets(st.text(max_size=6), min_size=2, max_size=12), st.floats(0, 1))
def test_both_sides_have_a_case_where_there_are_two(cases: set[str], share: float) -> None:
    """Neither the training nor its judgement is left without a case."""
    assert set(split_cases(cases, share, {}).values()) == set(Side)


def test_the_held_out_share_is_about_what_was_asked_for() -> None:
    """The hash spreads cases evenly."""
    sides = split_cases((f"case-{number}" for number in range(2000)), 0.2, {})
    assert 340 < sum(side is Side.HELDOUT for side in sides.values()) < 460


def test_a_case_that_was_trained_on_is_not_held_out_to_fill_a_side() -> None:
    """The only new case is held out; without one, nothing is."""
    assert split_cases(["old", "new"], 0.0, {"old": Side.TRAIN}) == {"old": Side.TRAIN, "new": Side.HELDOUT}
    assert set(split_cases(["old", "older"], 0.9, {"old": Side.TRAIN, "older": Side.TRAIN}).values()) == {Side.TRAIN}


def test_rows_of_a_case_are_on_one_side(tmp_path: Path) -> None:
    """Examples and pairs alike are held out by case."""
    one = a_dataset(tmp_path / "n1")
    held = cases_in(one.heldout) | cases_in(one.heldout_preferences)
    assert held
    assert not held & (cases_in(one.train) | cases_in(one.preferences))
    assert cases_in(one.heldout) == cases_in(one.heldout_preferences)


def test_of_near_duplicates_the_later_stays() -> None:
    """A corrected copy takes the place of what it corrects; width, case and punctuation make no difference at all."""
    text = words_of("x", 60)
    first, second, third = an_example("a", text), an_example("b", text + " again"), an_example("c", words_of("y", 60))
    assert distinct([first, second, third], 0.8) == [second, third]
    assert distinct([an_example("a", "Sleep, work!"), last := an_example("b", "sleep Ｗork")], 1.0) == [last]


def test_the_common_instructions_make_no_duplicates() -> None:
    """Two short descriptions are told apart though most of their prompts is the same."""
    rows = [an_example("a", "sleep is short"), an_example("b", "the river was cold")]
    assert distinct(rows, 0.8) == rows


def test_what_is_held_out_is_not_trained_on_under_another_case() -> None:
    """A text that two cases share is kept where it is held out, tonight's or an earlier night's."""
    sides = split_cases(CASES, SETTINGS.heldout, {})
    train, held = (next(case for case in CASES if sides[case] is side) for side in Side)
    rows = [replace(an_example(case, words_of("shared")), case_id=case) for case in (train, held)]
    mixed = mix(Rows(tuple(rows)), Past(), [], CASES, "n1", SETTINGS)
    assert (mixed.train, mixed.heldout) == ((), (rows[1],))
    mixed = mix(Rows(tuple(rows[:1])), Past(heldout=(rows[1],), sides={train: Side.TRAIN}), [], CASES, "n1", SETTINGS)
    assert mixed.train == ()


@given(st.lists(st.text("abc ", max_size=24), max_size=10), st.sampled_from([0.3, 0.5, 0.7, 0.8, 1.0]))
def test_near_duplicates_are_found_exactly(texts: list[str], threshold: float) -> None:
    """The index finds just what comparing all pairs finds."""
    rows = [Example(str(place), (Message(role="user", content=text),), "", Source.EDIT, "") for place, text in enumerate(texts)]
    kept: list[Example] = []
    for row in reversed(rows):
        mine = shingles(row.messages[0]["content"])
        theirs = [shingles(other.messages[0]["content"]) for other in kept]
        if not any(len(mine & other) / len(mine | other) >= threshold - 1e-9 for other in theirs):
            kept.append(row)
    assert distinct(rows, threshold) == kept[::-1]


def test_earlier_nights_and_the_base_set_have_their_shares(tmp_path: Path) -> None:
    """A quarter each, as set, beside the new half; nothing held out on any night comes back."""
    first = a_dataset(tmp_path / "n1", CASES[:20])
    second = a_dataset(tmp_path / "n2", CASES[20:], "n2", [first])
    nights = [row.night for row in second.train]
    assert second.manifest.sources == {
        "base": len(second.train) - nights.count("n1") - nights.count("n2"),
        "edit": len(nights) - nights.count(""),
    }
    assert nights.count("n1") == round(nights.count("n2") / 2) == nights.count("")
    assert cases_in([row for row in second.train if row.night == "n1"]) < cases_in(first.train)


def test_a_held_out_case_stays_so_when_it_comes_again(tmp_path: Path) -> None:
    """Also when a different share would now put it to the training side."""
    first = a_dataset(tmp_path / "n1")
    make_dataset(tmp_path / "n2", some_rows(night="n2"), "n2", set(CASES), [first], [], replace(SETTINGS, heldout=0.0))
    assert cases_in(load_dataset(tmp_path / "n2").heldout) == cases_in(first.heldout)


def test_rows_of_cases_without_consent_are_neither_new_nor_replayed(tmp_path: Path) -> None:
    """A case that was deleted, or whose consent was withdrawn, is in no list of a new dataset."""
    first = a_dataset(tmp_path / "n1")
    gone = set(sorted(cases_in(first.train))[:5]) | {CASES[-1]}
    make_dataset(tmp_path / "n2", some_rows(night="n2"), "n2", set(CASES) - gone, [first], base_set(), SETTINGS)
    for data in contents(tmp_path / "n2").values():
        assert not any(f'"{case}"'.encode() in data for case in gone)


def test_a_held_out_case_is_never_replayed() -> None:
    """Not even if some earlier night had it among its train rows."""
    rows = tuple(an_example(case) for case in CASES[:2])
    new = Rows(tuple(an_example(case, night="n2") for case in CASES[2:]))
    mixed = mix(new, Past(rows, (), {CASES[0]: Side.HELDOUT, CASES[1]: Side.TRAIN}), [], CASES, "n2", SETTINGS)
    assert cases_in(mixed.train) & set(CASES[:2]) == {CASES[1]}


def test_without_new_rows_there_is_nothing_to_train_on(tmp_path: Path) -> None:
    """Shares are of the whole, so a night without news replays nothing."""
    first = a_dataset(tmp_path / "n1")
    assert a_dataset(tmp_path / "n2", [], "n2", [first]).train == ()


@pytest.mark.parametrize("wrong", [{"earlier": 0.5, "base": 0.5}, {"heldout": 1.5}, {"near_duplicate": 0.0}, {"base": -0.1}])
def test_shares_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    """Before a night is spent on them."""
    with pytest.raises(ValueError, match=r"heldout|earlier"):
        Settings(**wrong)  # type: ignore[arg-type]  # the seed is not among them


# on disk


def test_the_same_rows_and_seed_give_the_same_bytes(tmp_path: Path) -> None:
    """Two nights with the same input can't be told apart; another seed replays other rows."""
    first = a_dataset(tmp_path / "n1", CASES[:20])
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        rows = some_rows(CASES[20:], "n2")
        make_dataset(tmp_path / name, rows, "n2", set(CASES), [first], base_set(), replace(SETTINGS, seed=seed))
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert contents(tmp_path / "a")["train.jsonl"] != contents(tmp_path / "c")["train.jsonl"]


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    """Every field, line separators inside a text included."""
    example = replace(an_example("a"), completion='one\u2028two\r\n"three"\x85四')
    written = Mix((example,), (an_example("b"),), (a_preference("a"),), (replace(a_preference("b"), reason=None),), {"a": Side.TRAIN})
    manifest = dataset.write_dataset(tmp_path / "n1", written, "n1", SETTINGS)
    loaded = load_dataset(tmp_path / "n1")
    assert loaded.mix == written
    assert loaded.manifest == manifest
    assert manifest.files["train.jsonl"].cases == ("a",)
    assert (manifest.files["heldout.jsonl"].rows, manifest.settings, manifest.night) == (1, SETTINGS, "n1")


def test_only_the_owner_may_read_a_dataset(tmp_path: Path) -> None:
    """It is health data: 700 for the folder, even if it was there before, and 600 for every file."""
    (tmp_path / "n1").mkdir(mode=0o755)
    a_dataset(tmp_path / "n1")
    assert stat.S_IMODE((tmp_path / "n1").stat().st_mode) == 0o700
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "n1").iterdir()} == dict.fromkeys(
        (*FILES, MANIFEST), 0o600
    )


@pytest.mark.parametrize("name", [*FILES, MANIFEST])
def test_a_missing_file_is_refused(tmp_path: Path, name: str) -> None:
    """Without its manifest or any of its files a dataset is none."""
    a_dataset(tmp_path / "n1")
    (tmp_path / "n1" / name).unlink()
    with pytest.raises(BadDataset, match=r"manifest|missing"):
        load_dataset(tmp_path / "n1")


@pytest.mark.parametrize("name", FILES)
def test_a_changed_file_is_refused_without_its_text(tmp_path: Path, name: str) -> None:
    """One character is enough, and the error names the file alone."""
    a_dataset(tmp_path / "n1")
    path = tmp_path / "n1" / name
    path.write_bytes(path.read_bytes().replace(b"sleep", b"sleeq", 1))
    with pytest.raises(BadDataset) as refused:
        load_dataset(tmp_path / "n1")
    assert str(refused.value) == f"n1: {name} is not the file that the manifest names"


@pytest.mark.parametrize("change", [{"format": 2}, {"files": {}}, {"settings": {"earlier": 2, "night": "secret"}}, {"night": None}])
def test_a_manifest_that_makes_no_sense_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    """A later format, files left out, settings that can't be."""
    a_dataset(tmp_path / "n1")
    path = tmp_path / "n1" / MANIFEST
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(BadDataset) as refused:
        load_dataset(tmp_path / "n1")
    assert "secret" not in str(refused.value)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """To be read as well as to forget a case in."""
    for act in (load_dataset, lambda folder: forget_case(folder, "a")):
        with pytest.raises(BadDataset, match="no such dataset"):
            act(tmp_path / "n1")


def test_a_crash_leaves_no_dataset_or_a_whole_one(tmp_path: Path) -> None:
    """A first writing, cut off before each of its steps, is refused, and done again gives what it should have."""
    a_dataset(tmp_path / "whole")
    for step in range(100):
        folder = tmp_path / f"step-{step}"
        with pytest.MonkeyPatch.context() as monkeypatch:
            stop_at(step, monkeypatch)
            try:
                a_dataset(folder)
                break
            except PowerCut:
                pass
        with pytest.raises(BadDataset):
            load_dataset(folder)
        a_dataset(folder)
        assert contents(folder) == contents(tmp_path / "whole")
    assert step == 2 * len(FILES) + 3  # each file and the manifest written and moved, and the manifest named


def test_a_crash_while_replacing_leaves_the_old_dataset_or_none(tmp_path: Path) -> None:
    """Never a mixture, whichever step was the last."""
    seen = set()
    for step in range(11):
        folder = tmp_path / f"step-{step}"
        old = a_dataset(folder, CASES[:20])
        with pytest.MonkeyPatch.context() as monkeypatch, pytest.raises(PowerCut):
            stop_at(step, monkeypatch)
            a_dataset(folder, CASES[20:], "n2")
        try:
            assert load_dataset(folder) == old
            seen.add("old")
        except BadDataset:
            seen.add("refused")
    assert seen == {"old", "refused"}


def test_a_forgotten_case_is_in_no_file_any_more(tmp_path: Path) -> None:
    """Rows, counts, hashes and the manifest's lists are without it; everything else stays, and asking again changes nothing."""
    before = a_dataset(tmp_path / "n1")
    for case in (min(cases_in(before.train)), min(cases_in(before.heldout))):
        assert forget_case(tmp_path / "n1", case)
        after = contents(tmp_path / "n1")
        assert not any(f'"{case}"'.encode() in data for data in after.values())
        assert not forget_case(tmp_path / "n1", case)
        assert contents(tmp_path / "n1") == after
    left = load_dataset(tmp_path / "n1")
    assert set(after) == {*FILES, MANIFEST}
    assert (len(left.train), len(left.heldout)) == (len(before.train) - 1, len(before.heldout) - 1)
    assert (left.manifest.forgotten, left.manifest.night, left.manifest.settings) == (2, "n1", SETTINGS)


def test_forgetting_can_be_cut_off_anywhere_and_ended_later(tmp_path: Path) -> None:
    """A crash leaves the old dataset or one that is refused, and the second attempt ends as an undisturbed first one."""
    case = min(cases_in(a_dataset(tmp_path / "whole").train))
    forget_case(tmp_path / "whole", case)
    for step in range(11):
        folder = tmp_path / f"step-{step}"
        old = a_dataset(folder)
        with pytest.MonkeyPatch.context() as monkeypatch, pytest.raises(PowerCut):
            stop_at(step, monkeypatch)
            forget_case(folder, case)
        try:
            assert load_dataset(folder) == old
        except BadDataset:
            assert step > len(FILES) + 1
        forget_case(folder, case)
        assert contents(folder) == contents(tmp_path / "whole")


def test_the_remains_of_a_dataset_that_never_was_keep_no_case(tmp_path: Path) -> None:
    """Rows without a manifest are deleted when a case is forgotten: nobody could say whose they are."""
    a_dataset(tmp_path / "n1")
    (tmp_path / "n1" / MANIFEST).unlink()
    assert not forget_case(tmp_path / "n1", CASES[0])
    assert contents(tmp_path / "n1") == {}


def test_a_dataset_that_somebody_changed_is_not_rewritten(tmp_path: Path) -> None:
    """Forgetting would give the change a valid hash."""
    a_dataset(tmp_path / "n1")
    (tmp_path / "n1" / "train.jsonl").write_bytes(b"{}\n")
    with pytest.raises(BadDataset):
        forget_case(tmp_path / "n1", CASES[0])
