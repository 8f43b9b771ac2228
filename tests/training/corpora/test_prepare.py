"""`phyassist data prepare`: sets cleaned, split, sampled and joined; the same seed gives the same folder."""

import csv
import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.note import parse_note
from tests.training.corpora.made_up import COUNSEL_CHAT, an_answer, write_csv, write_imhi
from tests.training.corpora.public_samples import SAMPLES, needs_samples
from training.corpora import counsel_chat, imhi
from training.corpora.pieces import Corpus, Piece, key_of
from training.corpora.prepare import Settings, prepare
from training.corpora.sampling import draw, side_of
from training.corpora.sets import READERS, read_sets
from training.corpora.watched import watched
from training.workbench import commands
from training.workbench.commands.groups import run_group
from training.workbench.errors import WorkbenchError
from training.workbench.rows import Conversation, PromptCompletion, Split, Text, read_rows

ALL = dict.fromkeys(Split)


def a_piece(text: str, group: str = "", side: Split | None = None, answer: str = "So.") -> Piece:
    """A piece whose prompt is `text`."""
    return Piece(text, group or text, text, answer, key_of(text), side)


def a_corpus(*pieces: Piece, name: str = "some") -> Corpus:
    """A corpus of these pieces."""
    return Corpus(name, (), pieces)


def prompts(corpora: list[Corpus], settings: Settings) -> Mapping[Split, list[str]]:
    """The prompts of each side."""
    rows = prepare(corpora, settings).rows
    return {split: [row.prompt for row in found if isinstance(row, PromptCompletion)] for split, found in rows.items()}


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 3), st.sampled_from([None, *Split])), max_size=60),
    st.integers(0, 5),
    st.sampled_from([None, 0, 1, 7]),
)
def test_nothing_is_on_two_sides(rows: list[tuple[int, int, Split | None]], seed: int, count: int | None) -> None:
    """Whatever the sets put where, no prompt is both learned and held out, nothing is twice on a side, and no side has too many rows."""
    corpora = [a_corpus(*(a_piece(f"prompt {n}", side=s, answer=f"answer {a}") for n, a, s in rows), name=name) for name in ("one", "two")]
    found = prepare(corpora, Settings(rows=dict.fromkeys(Split, count), seed=seed))
    sides = {split: [row.prompt for row in made if isinstance(row, PromptCompletion)] for split, made in found.rows.items()}
    for split, made in sides.items():
        assert all(not set(made) & set(other) for name, other in sides.items() if name != split)
        assert count is None or len(made) <= 2 * count
    for counts in found.sets:
        assert counts.read == len(rows) == counts.kept + sum(counts.dropped.values())


def test_a_leak_is_not_learned() -> None:
    """What another set, or the set itself, holds out in other capitals and points is dropped from learning, and counted."""
    one = a_corpus(a_piece("How, then?", side=Split.TRAIN), a_piece("Why?", side=Split.TRAIN), a_piece("WHY", side=Split.DEV), name="one")
    two = a_corpus(a_piece("how then", side=Split.TEST), a_piece("Else?", side=Split.TRAIN), a_piece("why!", side=Split.TEST), name="two")
    assert prompts([one, two], Settings()) == {Split.TRAIN: ["Else?"], Split.TEST: ["how then", "why!"]}
    found = prepare([one, two], Settings())
    assert [dict(counts.dropped) for counts in found.sets] == [{"repeats a held-out row": 3}, {}]


def test_what_is_dropped_still_is_held_out() -> None:
    """A test row which the rule drops is measured on elsewhere, so its prompt isn't learned either."""
    held = a_piece("How?", side=Split.TEST, answer="x" * 3000)
    corpus = a_corpus(held, a_piece("How?", side=Split.TRAIN), a_piece("Why?", side=Split.TRAIN))
    assert prompts([corpus], Settings()) == {Split.TRAIN: ["Why?"]}


def test_rows_of_a_group_stay_together() -> None:
    """Sides are drawn for groups, in about the shares that are held out, and stay when the set grows."""
    pieces = [a_piece(f"prompt {n} {m}", group=f"group {n}") for n in range(300) for m in range(2)]
    found = prompts([a_corpus(*pieces)], Settings(rows=ALL))
    groups = {split: {prompt.split()[1] for prompt in made} for split, made in found.items()}
    assert sum(map(len, groups.values())) == 300
    assert all(15 < len(groups[split]) < 50 for split in (Split.DEV, Split.TEST))
    fewer = prompts([a_corpus(*pieces[:100])], Settings(rows=ALL))
    assert all(set(made) <= set(found[split]) for split, made in fewer.items())


def test_a_small_set_has_all_sides() -> None:
    """Of three groups one is learned, and one is held out for each purpose; of a single one nothing is held out."""
    three = prompts([a_corpus(*(a_piece(f"prompt {n}") for n in range(3)))], Settings(rows=ALL))
    assert {split: len(found) for split, found in three.items()} == dict.fromkeys(Split, 1)
    assert prompts([a_corpus(a_piece("one"))], Settings(rows=ALL)) == {Split.TRAIN: ["one"]}


def test_no_side_is_drawn_that_is_not_wanted() -> None:
    """Without dev and test rows all is learned; where a set has its own test rows, no others are taken for it."""
    pieces = [a_piece(f"prompt {n}") for n in range(50)]
    assert len(prompts([a_corpus(*pieces)], Settings(rows={Split.TRAIN: None, Split.DEV: 0, Split.TEST: 0}))[Split.TRAIN]) == 50
    with_test = prompts([a_corpus(*pieces, a_piece("own", side=Split.TEST))], Settings(rows=ALL))
    assert with_test[Split.TEST] == ["own"]


@given(st.integers(0, 40), st.none() | st.integers(0, 50), st.text(max_size=5))
def test_a_draw_is_the_seeds(size: int, count: int | None, seed: str) -> None:
    """As many rows as are wanted and there, in their order, the same each time."""
    drawn = draw(range(size), count, seed)
    assert drawn == sorted(set(drawn)) == draw(range(size), count, seed)
    assert len(drawn) == (size if count is None else min(size, count))
    assert side_of("a group", seed) is side_of("a group", seed)


def test_other_seeds_draw_other_rows() -> None:
    """The seed decides rows and sides."""
    assert draw(range(200), 5, "one") != draw(range(200), 5, "other")
    corpus = a_corpus(*(a_piece(f"prompt {n}") for n in range(200)))
    one, same, other = (prompts([corpus], Settings(rows=dict.fromkeys(Split, 5), seed=seed)) for seed in (1, 1, 2))
    assert one == same
    assert all(one[split] != other[split] for split in Split)


# the command


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with small made-up files of several sets."""
    write_imhi(tmp_path / "imhi", "dreaddit", Split.TRAIN, [f"Post {n} on a long day." for n in range(8)])
    write_imhi(tmp_path / "imhi", "dreaddit", Split.TEST, ["post 3, on a long day", "Another post."])
    answers = [an_answer(n, str(n % 20)) for n in range(40)]
    answers += [an_answer(40, answerText=""), an_answer(41, answerText="See www.x.org"), an_answer(42, answerText="Well 😀")]
    write_csv(tmp_path / "counsel.csv", COUNSEL_CHAT, answers)
    triples = [{"problem": f"The client reports worry number {n}.", "analysis": "Worry.", "advice": "Rest."} for n in range(6)]
    (tmp_path / "one.jsonl").write_text("\n".join(map(json.dumps, triples[:4])))
    (tmp_path / "two.jsonl").write_text("\n".join(map(json.dumps, triples[3:])))
    return tmp_path


def phyassist(*arguments: str | Path) -> int:
    """Exit status of `phyassist data prepare`."""
    with pytest.raises(SystemExit) as ended:
        run_group("data", ["prepare", *map(str, arguments)])
    return int(ended.value.code or 0)


def test_the_command_writes_rows_with_their_origin(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """JSON lines, CSV, a manifest of sources with licences, counts and settings, a table of all; the same seed, the same bytes."""
    given = ["--from", f"imhi-dreaddit={files}/imhi", "--from", f"counsel-chat={files}/counsel.csv", "--rows", "10", "--dev-rows", "3"]
    for name in ("a", "b"):
        assert phyassist(files / name, *given) == 0
    shown = capsys.readouterr().out
    assert "counsel-chat" in shown
    assert "left out: emoji or symbol" in shown
    found = read_rows(files / "a")
    made = found.manifest.made
    assert [source["name"] for source in made["sources"]] == [
        "train_data/instruction_data/dreaddit/train.csv",
        "test_data/test_instruction/dreaddit.csv",
        "counsel.csv",
    ]
    assert [source["licence"] for source in made["sources"]] == [imhi.LICENCE, imhi.LICENCE, counsel_chat.LICENCE]
    assert made["settings"]["sets"]["imhi-dreaddit"]["dropped"] == {"repeats a held-out row": 1}
    assert made["settings"]["sets"]["counsel-chat"]["dropped"] == {"empty": 1, "URL": 1, "emoji or symbol": 1}
    assert made["dropped"] == {"empty": 1, "URL": 1, "emoji or symbol": 1, "repeats a held-out row": 1}
    assert made["settings"]["seed"] == 0
    assert made["rows"]["train"] == len(found.splits[Split.TRAIN]) == 17
    with (files / "a" / "train.csv").open(encoding="utf-8", newline="") as file:
        assert [PromptCompletion(**row) for row in csv.DictReader(file)] == list(found.splits[Split.TRAIN])
    assert found.manifest.files == read_rows(files / "b").manifest.files
    assert "Post 1" not in (files / "a" / "manifest.json").read_text()


def test_a_dry_run_writes_nothing(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It shows the same table."""
    assert phyassist(files / "a", "--from", f"counsel-chat={files}/counsel.csv", "--dry-run") == 0
    shown = capsys.readouterr().out
    assert "counsel-chat" in shown
    assert "Nothing was written" in shown
    assert not (files / "a").exists()


def test_a_target_that_is_there_is_refused_before_anything_is_read(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Reading takes a while, so a name that is taken is said first; a dry run needs no name."""
    assert phyassist(files, "--from", "counsel-chat=nothing.csv") == 1
    assert "is there already" in capsys.readouterr().err
    assert phyassist(files, "--from", f"counsel-chat={files}/counsel.csv", "--dry-run") == 0


def test_triples_of_several_files_become_one_set_of_notes(files: Path) -> None:
    """Each file is a set with its own count; a problem that two files have stays on one side, and its note is there once."""
    given = ["--from", f"triples={files}/one.jsonl", "--from", f"triples={files}/two.jsonl", "--dev-rows", "0", "--test-rows", "0"]
    assert phyassist(files / "a", *given) == 0
    found = read_rows(files / "a")
    assert set(found.manifest.made["settings"]["sets"]) == {"triples", "triples 2"}
    rows = [row for row in found.splits[Split.TRAIN] if isinstance(row, PromptCompletion)]
    assert len({row.prompt for row in rows}) == 6
    assert all(parse_note(row.completion) for row in rows)


def test_the_rule_measures_a_problem_without_the_instructions_around_it(tmp_path: Path) -> None:
    """A problem of just the length that is allowed stays, one sign more is too long."""
    lines = [{"problem": "x" * length, "analysis": "Worry.", "advice": "Rest."} for length in (2000, 2001)]
    (tmp_path / "one.jsonl").write_text("\n".join(map(json.dumps, lines)))
    found = prepare(read_sets([f"triples={tmp_path}/one.jsonl"]), Settings(rows=ALL))
    assert (found.sets[0].kept, dict(found.sets[0].dropped)) == (1, {"too long": 1})


@pytest.mark.parametrize(("form", "kind"), [("text", Text), ("conversation", Conversation)])
def test_other_forms(files: Path, form: str, kind: type) -> None:
    """Running text with markers, and conversations, which have no CSV."""
    assert phyassist(files / "a", "--from", f"counsel-chat={files}/counsel.csv", "--form", form) == 0
    assert {type(row) for rows in read_rows(files / "a").splits.values() for row in rows} == {kind}
    assert (files / "a" / "train.csv").exists() is (form == "text")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["--from", "imhi"], "--from takes NAME=PATH"),
        (["--from", "poems=x.csv"], "where NAME is one of imhi, imhi-DR"),
        (["--from", "counsel-chat={}/counsel.csv", "--from", "counsel-chat={}/counsel.csv"], "counsel-chat is given twice"),
        (["--from", "counsel-chat={}/nothing.csv"], "there is no file nothing.csv"),
        (["--from", "mental-health-chatbot={}/counsel.csv"], "counsel.csv lacks the columns human, zen"),
        (["--from", "imhi={}/imhi"], "neither train.csv nor val.csv of DR"),
        (["--from", "counsel-chat={}/counsel.csv", "--form", "poem"], "there is no form poem"),
        (["--from", "counsel-chat={}/counsel.csv", "--form", "comparison"], "no row is left to learn from"),
        (["--from", "counsel-chat={}/counsel.csv", "--encoding", "utf-16"], "in that encoding"),
    ],
)
def test_what_can_not_be_prepared_is_said(files: Path, capsys: pytest.CaptureFixture[str], given: list[str], told: str) -> None:
    """One line on standard error, exit status 1, and nothing written."""
    assert phyassist(files / "a", *(word.format(files) for word in given)) == 1
    assert told in capsys.readouterr().err
    assert not (files / "a").exists()


def test_help_takes_no_model_library() -> None:
    """The command's module imports none of what it runs; every set that it names in its help can be read."""
    commands.load("data")
    from training.workbench.commands import data_prepare

    assert not {"prepared", "read_sets", "Console"} & set(vars(data_prepare))
    assert {"counsel-chat", "counsel-chat-html", "mental-health-chatbot", "triples", "imhi-DR", "imhi-SAD"} <= set(READERS)


@needs_samples
def test_the_known_leaks_of_the_public_samples_are_dropped() -> None:
    """One row of dreaddit and one of DR; of Irf and MultiWD none by themselves, and several hundred of each other's posts when joined."""
    settings = Settings(rows={Split.TRAIN: 3, Split.DEV: 3, Split.TEST: 3})
    alone = [prepare(read_sets([f"imhi-{name}={SAMPLES}/imhi"]), settings).sets[0] for name in ("dreaddit", "DR", "Irf")]
    assert [counts.dropped.get("repeats a held-out row", 0) for counts in alone] == [1, 1, 0]
    joined = prepare(read_sets([f"imhi={SAMPLES}/imhi"]), settings)
    shared = {counts.name: counts.dropped.get("repeats a held-out row", 0) for counts in joined.sets}
    assert shared["imhi-Irf"] > 100
    assert shared["imhi-MultiWD"] > 100


def test_an_unknown_name_lists_the_sets() -> None:
    """So a typing error is mended at once."""
    with pytest.raises(WorkbenchError, match="mental-health-chatbot, triples"):
        read_sets(["nothing=x"])


def test_progress_is_shown_in_a_terminal_only(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """In a terminal there is a bar for what is being done, until it is done; a pipe gets none of it."""
    for terminal in ("", "1"):
        monkeypatch.setenv("FORCE_COLOR", terminal)
        with watched() as told:
            told("counsel.csv", 1, 2)
            told("counsel.csv", 2, 2)
            told("imhi.csv", 1, 2)
        shown = capsys.readouterr().err
        before, name, after = shown.partition("imhi.csv")
        assert bool(name) is ("counsel.csv" in before) is bool(terminal)
        assert "counsel.csv" not in after
