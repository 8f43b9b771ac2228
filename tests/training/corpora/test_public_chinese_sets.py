"""The public Chinese sets, where samples are at hand: as many rows come out as their descriptions say, each loss has its reason."""

import os
from pathlib import Path

import pytest

from training.corpora.cleaning import Drop
from training.corpora.convert import Converted, Wanted, convert
from training.corpora.dialogues import JOINED, UNANSWERED
from training.corpora.questions import document_of
from training.corpora.speakers import DIRECTIONS
from training.workbench.rows import Conversation, PromptCompletion

SAMPLES = Path(os.environ.get("PHYASSIST_TEST_DATA") or Path(__file__).parents[4] / "shared" / "data")
ANY_LENGTH = Wanted(most_chars=0)

pytestmark = pytest.mark.skipif(not SAMPLES.is_dir(), reason="no samples of public sets beside the checkout")


def read(place: str) -> Converted:
    """The rows of a sample."""
    if not (SAMPLES / place).exists():
        pytest.skip(f"no {place} among the samples")
    return convert([SAMPLES / place], ANY_LENGTH)


def turns(found: Converted) -> int:
    """How many turns all conversations have."""
    return sum(len(row.messages) for row in found.rows if isinstance(row, Conversation))


def test_the_medical_table() -> None:
    """700 rows in GB18030, of which 4 repeat another; its quotes are in order."""
    found = read("zh-medical-dialogue/sample_neike5000-6000.csv")
    assert (len(found.rows), +found.tally.dropped, +found.tally.repaired) == (696, {Drop.REPEATED: 4}, {})


def test_cpsycoun_as_text() -> None:
    """150 dialogues of 2,430 turns; 41 last words without an answer, 29 turns that only stage directions had parted."""
    found = read("zh-counselling/cpsycoun/CPsyCounD")
    assert (len(found.rows), turns(found), +found.tally.dropped) == (150, 2430 - 41 - 29, {})
    assert +found.tally.repaired == {UNANSWERED: 41, JOINED: 29, DIRECTIONS: 49}


def test_cpsycoun_as_lists() -> None:
    """45 dialogues of 592 turns in nine folders that use the same names."""
    found = read("zh-counselling/cpsycoun/CPsyCounE")
    assert (len(found.rows), turns(found), len({row.id for row in found.rows if isinstance(row, Conversation)})) == (45, 592, 45)
    assert not +found.tally.dropped + found.tally.repaired


def test_smile() -> None:
    """200 dialogues of 2,199 turns, 21 of which end with the client."""
    found = read("zh-counselling/smile")
    assert (len(found.rows), turns(found)) == (200, 2199 - 21 - 2)
    assert +found.tally.repaired == {UNANSWERED: 21, JOINED: 2}


def test_emollm() -> None:
    """300 dialogues of 950 exchanges, each with a system before the first."""
    found = read("zh-counselling/emollm/data.json")
    assert (len(found.rows), turns(found)) == (300, 300 + 2 * 950)
    assert all(row.messages[0].role == "system" for row in found.rows if isinstance(row, Conversation))


def test_belle_seed_tasks() -> None:
    """175 tasks in JSON lines that are called JSON, with their own ids."""
    found = read("belle/zh_seed_tasks.json")
    assert (len(found.rows), turns(found)) == (175, 350)
    assert all(row.id.startswith("seed_task_") for row in found.rows if isinstance(row, Conversation))


def test_tcm_questions() -> None:
    """306 questions about 98 documents, two of which stand there twice."""
    found = read("tcm-qg/TCM-LitData.jsonl")
    assert len(found.rows) == 306
    assert len({document_of(row.prompt) for row in found.rows if isinstance(row, PromptCompletion)}) == 98
