"""Tables of medical questions and answers: `department,title,ask,answer` (Toyhom's Chinese medical dialogues, GB18030).

Their quoting is RFC 4180 in most rows. In others a quote is part of the text: it opens a field and never closes, or closes in the middle.
Readers that trust it swallow the rows that follow, up to the next quote anywhere. Here a row is read as the standard says, and if that
fails, with the quote as text; if no reading gives as many fields as the header has, the row is left out. Both are counted.
"""

import csv
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from training.corpora.tally import Tally
from training.workbench.errors import WorkbenchError

STRAY, COLUMNS = "rows with stray quotes, read without trusting them", "another number of columns than the header"
MOST_LINES = 60
"""Lines that a quoted field may run over; more are a quote that never closes."""
QUESTIONS = ("ask", "question")
"""The column of the question's text: the files have the first name, their description the second."""
NOTHING = frozenset({"", "无", "无。", "没有", "暂无", "-", "如题", "如题。"})
"""What stands in a question's text where the title says it all."""
_LONGEST_NAME = 12
"""Characters in the name of a department."""
_QUOTED, _PLAIN = re.compile(r'"(.*?)"(?=,|\Z)', re.DOTALL), re.compile(r"([^,]*)")


@dataclass(frozen=True)
class Header:
    """The columns of a table by their places."""

    title: int
    ask: int
    answer: int
    department: int
    width: int


def header_of(line: str) -> Header | None:
    """The columns that a table's first line names, or None if it is the first line of something else."""
    names = [name.strip().strip('"').lower() for name in line.lstrip("\ufeff").split(",")]
    ask = next((name for name in QUESTIONS if name in names), None)
    if ask is None or not {"department", "title", "answer"} <= set(names):
        return None
    return Header(names.index("title"), names.index(ask), names.index("answer"), names.index("department"), len(names))


def records(lines: Iterable[str], tally: Tally, name: str) -> Iterator[tuple[str, str]]:
    """The question and the answer of each row; `name` is for the error.

    Raises:
        WorkbenchError: the first line doesn't name the columns.
    """
    rest = _Lines(iter(lines))
    header = header_of(rest.take() or "")
    if header is None:
        raise WorkbenchError(f"the first line of {name} must name the columns department, title, ask, answer")
    departments: set[str] = set()
    while (line := rest.take()) is not None:
        if not line.strip():
            continue
        fields = _record(line, rest, header, departments, tally)
        if fields is None:
            tally.dropped[COLUMNS] += 1
            continue
        departments.add(fields[header.department])
        yield question_of(fields[header.title], fields[header.ask]), fields[header.answer]


def question_of(title: str, ask: str) -> str:
    """Title and text as one question; once where one of them says nothing, or the text repeats the title."""
    title, ask = title.strip(), ask.strip()
    if ask in NOTHING:
        return title
    return ask if title in NOTHING or title in ask else f"{title}\n{ask}"


def _record(line: str, rest: "_Lines", header: Header, departments: set[str], tally: Tally) -> Sequence[str] | None:
    """The fields of the row that begins with a line, which takes the lines that belong to it; None if it can't be read."""
    text = line
    for taken in range(MOST_LINES):
        fields = standard(text)
        if fields is not None:
            if len(fields) == header.width:
                rest.drop(taken)
                return fields
            break
        following = rest.peek(taken)
        if following is None or _begins_row(following, header, departments):
            break
        text += following
    for reading in (inner, literal):
        fields = reading(line)
        if fields is not None and len(fields) == header.width:
            tally.repaired[STRAY] += 1
            return fields
    return None


def _begins_row(line: str, header: Header, departments: set[str]) -> bool:
    """Whether a line is a row by itself: as many fields as the header, the department a known one or called one."""
    fields = standard(line) or literal(line)
    if len(fields) != header.width:
        return False
    department = fields[header.department]
    return department in departments or (department.endswith("科") and len(department) <= _LONGEST_NAME)


def standard(text: str) -> list[str] | None:
    """Fields as RFC 4180 has them, quotes inside unquoted fields as text; None if a quote is open at the end, or closes too early."""
    try:
        return next(csv.reader([text.rstrip("\r\n")], strict=True), [])
    except csv.Error:
        return None


def inner(text: str) -> list[str] | None:
    """The same, but a quoted field closes only where a comma follows, and quotes in its middle are text; None if one never closes."""
    fields, place, text = [], 0, text.rstrip("\r\n")
    while True:
        found = (_QUOTED if text.startswith('"', place) else _PLAIN).match(text, place)
        if found is None:
            return None
        fields.append(found[1])
        if found.end() == len(text):
            return fields
        place = found.end() + 1


def literal(text: str) -> list[str]:
    """Fields with every quote as text, but for one alone at the beginning or the end of a field, which says nothing."""
    fields = text.rstrip("\r\n").split(",")
    return [field.strip('"') if field.count('"') == 1 and '"' in (field[0], field[-1]) else field for field in fields]


class _Lines:
    """Lines that can be looked at before they are taken."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._ahead: deque[str] = deque()

    def take(self) -> str | None:
        """The next line, or None at the end."""
        return self._ahead.popleft() if self._ahead else next(self._lines, None)

    def peek(self, place: int) -> str | None:
        """The line `place` lines after the next one."""
        while len(self._ahead) <= place:
            line = next(self._lines, None)
            if line is None:
                return None
            self._ahead.append(line)
        return self._ahead[place]

    def drop(self, count: int) -> None:
        """Take `count` lines that were looked at."""
        for _ in range(count):
            self._ahead.popleft()
