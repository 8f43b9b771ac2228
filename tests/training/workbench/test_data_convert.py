"""`phyassist data convert`, `split`, `to-belle`: folders of rows with manifests, and a sentence for what can't be done."""

import json
from pathlib import Path

import pytest

from training.corpora.splitting import group_of
from training.workbench.commands.groups import run_group
from training.workbench.rows import Comparison, Conversation, RowFolder, Split, licences, read_rows

TALKS = [
    [(f"第{number}天睡不好，怎么办？", f"先记录第{number}天的作息。再看规律。"), ("还有呢？", "少喝咖啡。")] for number in range(1, 13)
]


def run(*arguments: str | Path) -> int:
    """The exit status of `phyassist data` with these arguments."""
    with pytest.raises(SystemExit) as ended:
        run_group("data", list(map(str, arguments)))
    return int(ended.value.code or 0)


@pytest.fixture
def covid(tmp_path: Path) -> Path:
    """A file as the COVID doctor's: a sample for each answer, the turns before it as history."""
    samples = [
        {"instruction": asked, "input": "", "output": answered, "history": [list(pair) for pair in talk[:place]]}
        for talk in TALKS
        for place, (asked, answered) in enumerate(talk)
    ]
    path = tmp_path / "train.json"
    path.write_text(json.dumps(samples, ensure_ascii=False), encoding="utf-8")
    return path


def sides(folder: RowFolder) -> dict[Split, set[bytes]]:
    """The groups on each side."""
    return {split: {group_of(row) for row in rows} for split, rows in folder.splits.items()}


def test_a_folder_of_rows_says_where_they_come_from(covid: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Dialogues on sides of their own; sources with hashes, counts by reason and settings in the manifest; a summary on the screen."""
    assert run("convert", "auto", covid, "--out", tmp_path / "rows", "--dev", "0.25") == 0
    found = read_rows(tmp_path / "rows")
    assert {split: len(rows) for split, rows in found.splits.items()} == {Split.TRAIN: 9, Split.DEV: 3}
    assert all(isinstance(row, Conversation) and len(row.messages) == 4 for rows in found.splits.values() for row in rows)
    assert found.manifest.made["dropped"] == {"the beginning of a longer dialogue": 12}
    assert found.manifest.made["sources"][0]["name"] == "train.json"
    assert licences(found.manifest) is None  # nobody said one
    assert found.manifest.made["settings"]["dev"] == 0.25
    told = capsys.readouterr().out
    assert "9 train, 3 dev" in told
    assert "12 (the beginning of a longer dialogue)" in told
    assert "answers: 24, half of them up to 5 characters, 50.0% under 10" in told


def test_samples_for_prediction_stay_on_their_dialogues_side(covid: Path, tmp_path: Path) -> None:
    """A sample for every answer, and none of one dialogue on two sides."""
    assert run("convert", "alpaca", covid, "--out", tmp_path / "rows", "--dev", "0.2", "--test", "0.2", "--each-answer") == 0
    found = read_rows(tmp_path / "rows")
    assert sum(map(len, found.splits.values())) == 24
    groups = sides(found)
    assert sum(map(len, groups.values())) == len(set().union(*groups.values())) == 12


def test_comparisons_come_from_their_own_side(covid: Path, tmp_path: Path) -> None:
    """A worse answer from elsewhere is never from another side."""
    assert run("convert", "auto", covid, "--out", tmp_path / "rows", "--dev", "0.3", "--compare", "elsewhere") == 0
    found = read_rows(tmp_path / "rows")
    assert found.form == "comparison"
    for rows in found.splits.values():
        chosen = {row.chosen for row in rows if isinstance(row, Comparison)}
        assert {row.rejected for row in rows if isinstance(row, Comparison)} <= chosen


def test_rows_are_split_anew(covid: Path, tmp_path: Path) -> None:
    """All rows of the old sides, on new ones; the old files are the sources, under the licence of what they were made of."""
    assert run("convert", "auto", covid, "--out", tmp_path / "rows", "--dev", "0.25", "--license", "cc0-1.0") == 0
    assert run("split", tmp_path / "rows", "--out", tmp_path / "again", "--dev", "0.1", "--test", "0.25", "--seed", "7") == 0
    old, new = read_rows(tmp_path / "rows"), read_rows(tmp_path / "again")
    assert {split: len(rows) for split, rows in new.splits.items()} == {Split.TRAIN: 8, Split.DEV: 1, Split.TEST: 3}
    assert set().union(*sides(old).values()) == set().union(*sides(new).values())
    names = {source["name"]: source["sha256"] for source in new.manifest.made["sources"]}
    assert names == {f"rows/{name}": entry.sha256 for name, entry in old.manifest.files.items()}
    assert licences(old.manifest) == licences(new.manifest) == "cc0-1.0"


def test_belles_format_goes_out_and_comes_back(covid: Path, tmp_path: Path) -> None:
    """The same rows with the same ids, in a file for its owner alone."""
    assert run("convert", "auto", covid, "--out", tmp_path / "rows") == 0
    assert run("to-belle", tmp_path / "rows", tmp_path / "belle.json") == 0
    assert (tmp_path / "belle.json").stat().st_mode & 0o077 == 0
    first = json.loads((tmp_path / "belle.json").read_text(encoding="utf-8").split("\n")[0])
    assert [turn["from"] for turn in first["conversations"]] == ["human", "gpt", "human", "gpt"]
    assert run("convert", "belle", tmp_path / "belle.json", "--out", tmp_path / "back") == 0
    assert read_rows(tmp_path / "back").splits == read_rows(tmp_path / "rows").splits


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["odd", "train.json", "--out", "rows"], "no format odd"),
        (["auto", "none.json", "--out", "rows"], "no file none.json"),
        (["auto", "train.json", "--out", "rows", "--compare", "worst"], "no rule worst"),
        (["auto", "train.json", "--out", "rows", "--most-chars", "3"], "no row is left to learn from: dropped were 24 too long"),
        (["auto", "train.json", "--out", "rows", "--dev", "1"], "shares"),
        (["auto", "train.json", "--out", "rows", "--near", "0"], "near-duplicates"),
        (["questions", "asked.json", "--out", "rows", "--compare", "cut"], "made of dialogues"),
    ],
)
def test_what_cannot_be_done_is_a_sentence(
    covid: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, arguments: list[str], told: str
) -> None:
    """On standard error, with exit status 1 and nothing written."""
    (tmp_path / "asked.json").write_text('{"text": "慢走有益。", "answer": "走吗？"}', encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert run("convert", *arguments) == 1
    assert told in capsys.readouterr().err
    assert not (tmp_path / "rows").exists()


def test_only_conversations_go_out_as_belle(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And only from a side that is there."""
    (tmp_path / "asked.json").write_text('{"text": "慢走有益。", "answer": ["走吗？", "走多久？"]}', encoding="utf-8")
    assert run("convert", "auto", tmp_path / "asked.json", "--out", tmp_path / "rows", "--csv") == 0
    assert (tmp_path / "rows" / "train.csv").is_file()
    assert run("to-belle", tmp_path / "rows", tmp_path / "belle.json") == 1
    assert "no conversations" in capsys.readouterr().err


def test_the_help_shows_what_the_formats_look_like(capsys: pytest.CaptureFixture[str]) -> None:
    """Every one of them, with its brackets."""
    from training.corpora.convert import FORMATS

    assert run("convert", "--help") == 0
    shown = capsys.readouterr().out
    assert all(form in shown for form in FORMATS)
    assert "[better, worse]" in shown
