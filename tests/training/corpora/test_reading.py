"""Files that can't be read are told apart, by file and line, and never by what they say."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.corpora.made_up import write_csv
from training.corpora.reading import read_records, read_table, read_text
from training.workbench.errors import WorkbenchError

SECRET = "a secret sentence"


def test_a_table_is_read_by_its_quotes(tmp_path: Path) -> None:
    """Commas, line ends, doubled quotes and long fields belong to their field; blank lines, a mark at the beginning and CRLF do no harm."""
    long = "x" * 300_000
    (tmp_path / "a.csv").write_bytes(f'\ufeffask,say\r\n"one, ""two""\nthree","{long}"\r\n\r\nfour,five\r\n'.encode())
    told: list[tuple[str, int, int]] = []
    table = read_table(tmp_path / "a.csv", ("ask", "say"), progress=lambda *news: told.append(news))
    assert [dict(row) for row in table.rows] == [{"ask": 'one, "two"\nthree', "say": long}, {"ask": "four", "say": "five"}]
    assert (table.source.name, table.source.rows, len(table.source.sha256)) == ("a.csv", 2, 64)
    assert told[-1] == ("a.csv", 5, 5)


@settings(max_examples=40)
@given(rows=st.lists(st.fixed_dictionaries(dict.fromkeys(("a", "b"), st.text(st.characters(codec="utf-8", exclude_characters="\0\r"))))))
def test_any_table_comes_back(tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, str]]) -> None:
    """What Python's csv module writes is read as it was."""
    path = write_csv(tmp_path_factory.mktemp("table") / "a.csv", ("a", "b"), rows)
    assert [dict(row) for row in read_table(path, ("a",)).rows] == rows


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (f"ask\n{SECRET}\n", "lacks the column answer"),
        (f"{SECRET},other\nb,c\n", "lacks the columns ask, answer"),
        ("", "is empty"),
        ("ask,answer,ask\na,b,c\n", "two columns of the same name"),
        (f'ask,answer\na,"{SECRET}\nb,c\n', r"line 3: a quote is missing or too many"),
        (f'ask,answer\na,"b"{SECRET}\n', r"line 2: a quote is missing or too many"),
        (f"ask,answer\na,b\nc,{SECRET},e\n", "line 3: 3 fields instead of 2"),
        ("ask,answer\na\0,b\n", "zero bytes"),
    ],
)
def test_what_is_no_table_is_said(tmp_path: Path, content: str, told: str) -> None:
    """Missing and doubled columns, open quotes and uneven rows, with their line."""
    (tmp_path / "a.csv").write_text(content, encoding="utf-8")
    with pytest.raises(WorkbenchError, match=told) as raised:
        read_table(tmp_path / "a.csv", ("ask", "answer"))
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize(
    ("encoding", "text", "likely"),
    [
        ("gb18030", "部门,回答\n内科,你好，请多喝水，注意休息，按时吃药。\n" * 20, "gb18030"),
        ("utf-16", "ask,answer\nwell,so\n" * 20, "utf-16"),
    ],
)
def test_another_encoding_is_named(tmp_path: Path, encoding: str, text: str, likely: str) -> None:
    """A file that is not UTF-8 is refused with the encoding that it may have, and read when that is said."""
    (tmp_path / "a.csv").write_text(text, encoding=encoding)
    with pytest.raises(WorkbenchError, match=f"is not utf-8.*--encoding, perhaps {likely}"):
        read_table(tmp_path / "a.csv", ())
    assert len(read_table(tmp_path / "a.csv", (), encoding).rows) == 39
    assert read_text(tmp_path / "a.csv", encoding) == text


def test_files_that_are_not_there_are_named(tmp_path: Path) -> None:
    """Nothing, a folder, and an encoding that doesn't exist."""
    for path, encoding, told in (
        (tmp_path / "a.csv", "utf-8", "there is no file a.csv"),
        (tmp_path, "utf-8", "is a folder"),
        (tmp_path / "a.csv", "utf-9", "no encoding utf-9"),
    ):
        with pytest.raises(WorkbenchError, match=told):
            read_table(path, (), encoding)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jsonl", '{"a": 1}\n\n{"a": 2}\n'),
        ("a.json", '[{"a": 1}, {"a": 2}]'),
        ("a.json", '{"a": 1}\n{"a": 2}'),
        ("a.yaml", "- a: 1\n- a: 2\n"),
    ],
)
def test_records_are_read_in_all_their_notations(tmp_path: Path, name: str, content: str) -> None:
    """JSON lines (also under `.json`), a JSON array and a YAML list hold the same objects."""
    (tmp_path / name).write_text(content)
    found = read_records(tmp_path / name)
    assert [row["a"] for row in found.rows] == [1, 2]
    assert found.source.rows == 2


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.jsonl", '{"a": 1}\n{"a": secret}', "line 2 of a.jsonl is no JSON"),
        ("a.json", '[{"a": 1},\n secret]', "a.json is no JSON, line 2"),
        ("a.jsonl", '{"a": 1}\n["secret"]', "entry 2 of a.jsonl is no object"),
        ("a.yaml", "- a: 1\n- b: [secret\n", "a.yaml is no YAML, line"),
        ("a.yaml", "secret: 1\n", "is no list of entries"),
        ("a.yaml", "- secret\n", "entry 1 of a.yaml is no object"),
        ("a.yaml", "a: \x01secret", "a.yaml is no YAML"),
    ],
)
def test_what_is_no_record_is_said(tmp_path: Path, name: str, content: str, told: str) -> None:
    """With its line or its number, without its text."""
    (tmp_path / name).write_text(content)
    with pytest.raises(WorkbenchError, match=told) as raised:
        read_records(tmp_path / name)
    assert "secret" not in str(raised.value)
