"""IMHI: its files, its traps, and the figures of the public samples."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.training.corpora.made_up import as_mac_roman, write_csv, write_imhi
from tests.training.corpora.public_samples import SAMPLES, needs_samples
from training.corpora.cleaning import Drop, Rule
from training.corpora.imhi import ANSWER, QUERY, SETS, file_of, read_imhi, read_part, repaired
from training.corpora.pieces import key_of
from training.workbench.errors import WorkbenchError
from training.workbench.rows import Split


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_any_text_survives_being_read_wrongly(text: str) -> None:
    """UTF-8 that was read as Mac Roman comes back, in the sets where that happened; elsewhere nothing is touched."""
    assert repaired(as_mac_roman(text), "Irf") == text
    assert repaired(text, "DR") == text


@pytest.mark.parametrize("text", ["a lone Ö", "plain", "你好"])
def test_what_was_read_rightly_stays(text: str) -> None:
    """Text that is no UTF-8 in disguise is left as it is, in those sets too."""
    assert repaired(text, "MultiWD") == text


def test_a_query_is_split_at_its_last_question(tmp_path: Path) -> None:
    """A post may ask itself; quotes, line ends and placeholders in it stay; entities and characters of no width do not."""
    write_imhi(tmp_path, "DR", Split.TRAIN, ['He said ""no"", twice.\nMy Question: why? &amp; <url> <name>&amp;#x200B; \u201cso\u201d'])
    part = read_part(tmp_path, "DR", Split.TRAIN)
    assert part is not None
    (item,) = part.items
    assert item.post == 'He said ""no"", twice.\nMy Question: why? & <url> <name> "so"'
    assert item.question == "Does the poster suffer from stress?"
    assert item.query == f'Consider this post: "{item.post}" Question: {item.question}'
    assert (part.source.name, part.source.rows) == ("train_data/instruction_data/DR/train.csv", 1)


def test_a_row_that_is_no_query_is_named(tmp_path: Path) -> None:
    """A file of another kind with the same columns is refused by the number of the row, without its text."""
    write_csv(file_of(tmp_path, "DR", Split.TRAIN), (QUERY, ANSWER), [{QUERY: "my secret"}])
    with pytest.raises(WorkbenchError, match=r"row 1 of train.csv \(DR\) is no IMHI query") as raised:
        read_part(tmp_path, "DR", Split.TRAIN)
    assert "secret" not in str(raised.value)


def test_val_stands_in_where_there_is_no_train(tmp_path: Path) -> None:
    """With train.csv val is held out; without it its rows may go to either side; without both the set can't be learned from."""
    write_imhi(tmp_path, "DR", Split.TRAIN, ["one"])
    write_imhi(tmp_path, "DR", Split.DEV, ["two"])
    write_imhi(tmp_path, "Irf", Split.DEV, [as_mac_roman("it’s three"), "four"])
    write_imhi(tmp_path, "Irf", Split.TEST, ["five"])
    assert [piece.side for piece in read_imhi(tmp_path, "DR").pieces] == [Split.TRAIN, Split.DEV]
    found = read_imhi(tmp_path, "Irf")
    assert [(piece.side, piece.key) for piece in found.pieces] == [(None, "it s three"), (None, "four"), (Split.TEST, "five")]
    assert found.repaired == {"wrongly decoded text": 1}
    with pytest.raises(WorkbenchError, match=r"neither train.csv nor val.csv of SAD"):
        read_imhi(tmp_path, "SAD")


@needs_samples
def test_the_public_samples_are_repaired() -> None:
    """Of 1,936 queries that are not ASCII in Irf and MultiWD, 1,934 are mended; every query has a post and a question."""
    parts = [part for name in SETS for split in Split if (part := read_part(SAMPLES / "imhi", name, split)) is not None]
    assert (sum(part.suspect for part in parts), sum(part.repaired for part in parts)) == (1936, 1934)
    assert sum(len(part.items) for part in parts) == 11_985
    affected = [part for part in parts if part.suspect]
    reasons = [Rule().against(item.query, item.answer) for part in affected for item in part.items]
    assert sum(part.suspect for part in affected) / len(reasons) > 0.25  # what a filter of special characters would drop
    assert sum(reason in {Drop.CONTROL, Drop.PICTURE} for reason in reasons) / len(reasons) < 0.02


@needs_samples
def test_the_known_repetitions_are_there() -> None:
    """Row 271 of dreaddit's train part repeats a test post, row 106 of DR's a val post, and these alone."""
    for name, split, place in (("dreaddit", Split.TEST, 271), ("DR", Split.DEV, 106)):
        train, other = (read_part(SAMPLES / "imhi", name, one) for one in (Split.TRAIN, split))
        assert train is not None
        assert other is not None
        posts = {key_of(item.post) for item in other.items}
        assert [item.place for item in train.items if key_of(item.post) in posts] == [place]
