"""Dialogues as running text: who speaks stands before what is said (CPsyCoun, records of online consultations).

来访者：最近总是睡不好。          a line that begins with a speaker and a colon begins a turn
                                  empty lines don't matter
心理咨询师：可以试试下面的办法：
1. 睡前不看手机                   a line without a speaker goes on with the turn
（一段时间后）                    a line all in brackets is a stage direction: left out, counted
---                               three dashes or equals signs, or `id=…`, begin another dialogue
"""

import re
from collections.abc import Iterable, Iterator
from typing import Literal

from training.corpora.tally import Tally
from training.workbench.rows import Turn

Role = Literal["system", "user", "assistant"]

USERS = ("来访者", "求助者", "咨询者", "患者", "病人", "用户", "提问者", "client", "seeker", "patient", "user", "human")
ASSISTANTS = (
    "心理咨询师",
    "咨询师",
    "支持者",
    "倾听者",
    "医生",
    "大夫",
    "助手",
    "counselor",
    "supporter",
    "doctor",
    "assistant",
    "gpt",
    "bot",
)
ROLES: dict[str, Role] = {**dict.fromkeys(USERS, "user"), **dict.fromkeys(ASSISTANTS, "assistant"), "system": "system", "系统": "system"}
"""Who a speaker of a public set is, in lower case."""

DIRECTIONS = "stage directions left out"
BEFORE = "lines before the first speaker left out"
_SPEAKER = re.compile(rf"\s*({'|'.join(ROLES)})\s*[：:](.*)", re.IGNORECASE | re.DOTALL)
_DIRECTION = re.compile(r"\s*(?:（[^（）]*）|\([^()]*\)|【[^【】]*】)\s*")
_BORDER = re.compile(r"\s*(?:-{3,}|={3,}|id\s*=\s*\S+)\s*", re.IGNORECASE)


def speaks(line: str) -> bool:
    """Whether a line begins a turn."""
    return bool(_SPEAKER.match(line))


def dialogues(lines: Iterable[str], tally: Tally) -> Iterator[list[Turn]]:
    """The turns of each dialogue of a text, as they stand there."""
    turns: list[Turn] = []
    for line in lines:
        if _BORDER.fullmatch(line):
            if turns:
                yield turns
            turns = []
            continue
        _take(line, turns, tally)
    if turns:
        yield turns


def turns_of(texts: Iterable[str], tally: Tally) -> list[Turn]:
    """The turns of one dialogue given as a list of texts, each with its speaker (CPsyCounE)."""
    turns: list[Turn] = []
    for text in texts:
        _take(text, turns, tally)
    return turns


def _take(line: str, turns: list[Turn], tally: Tally) -> None:
    if begun := _SPEAKER.match(line):
        turns.append(Turn(ROLES[begun[1].lower()], begun[2].strip()))
    elif not line.strip():
        return
    elif _DIRECTION.fullmatch(line):
        tally.repaired[DIRECTIONS] += 1
    elif turns:
        turns[-1] = Turn(turns[-1].role, f"{turns[-1].content}\n{line.strip()}".lstrip("\n"))
    else:
        tally.repaired[BEFORE] += 1
