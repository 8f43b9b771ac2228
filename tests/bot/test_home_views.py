"""App Home and the status message as people read them: short, in their language, within Slack's limits, and without a word of a case."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.case import Case, CaseState
from bot.domain.questions import Question
from bot.slack.home_views import ADAPTERS_ACTION, CASES_A_PAGE, Home, adapters_modal, home_view
from bot.slack.status_views import status_blocks
from bot.slack.texts import texts
from bot.workflow.night_ports import NightEnd, NightRun
from bot.workflow.overview import CaseOverview, Draft
from bot.workflow.ports import Sign
from bot.workflow.status import ModelNow, ModelState, Status
from deploy.sandbox.render import plain_blocks, plain_view
from deploy.sandbox.validate import checked_blocks, checked_view
from deploy.sandbox.validate.check import Surface
from inference.note import Language
from tests.support.builders import NOW

URL = "https://team.slack.com/"
READY = ModelNow(ModelState.READY)
NIGHT = NightRun("night-2026-03-01", None, NOW, "1700000000.000200", NOW, NightEnd.PROMOTED, "")


def a_case(number: int = 1, language: Language = Language.ENGLISH, state: CaseState = CaseState.OPEN) -> Case:
    """A case."""
    return Case(f"case-{number}", "T1", f"C{number:08d}", f"C-{number:03d}", language, state, NOW)


def an_overview(number: int = 1, **waiting: int) -> CaseOverview:
    """A case in which this waits."""
    return CaseOverview(a_case(number), **waiting)


def shown(home: Home) -> str:
    """What somebody reads."""
    return plain_view(checked_view(home_view(home), Surface.HOME))


def everywhere(view: dict[str, Any]) -> str:
    """All of a view, in one text."""
    return str(view)


ENGLISH = Home(
    Language.ENGLISH, URL, READY, (an_overview(1, drafts=1, questions=3, posts=2), an_overview(2), an_overview(3, failed=1)), NIGHT
)


def test_a_home_says_what_waits_then_all_cases_then_the_night() -> None:
    """Each case by its code, with a link to its channel; numbers and nothing else."""
    assert shown(ENGLISH).splitlines() == [
        "WAITING FOR YOU",
        "• C-001 (https://team.slack.com/archives/C00000001) · to approve: 1 · open questions: 3",
        "• C-003 (https://team.slack.com/archives/C00000003) · a note could not be written",
        "─" * 40,
        "MY CASES: 3",
        "• C-001 (https://team.slack.com/archives/C00000001) · to approve: 1 · open questions: 3 · being answered: 2",
        "• C-002 (https://team.slack.com/archives/C00000002)",
        "• C-003 (https://team.slack.com/archives/C00000003) · a note could not be written",
        "─" * 40,
        "The model is available.",
        "Last training, 2026-03-02 09:30 UTC: a new version of the model is in use.",
        "This page shows codes and numbers only. What was written stays in the channel of its case.",
    ]


def test_a_home_in_chinese() -> None:
    """The same in the language in which the person reads Slack, whatever the language of the cases."""
    text = shown(replace(ENGLISH, language=Language.CHINESE, admin=True))
    assert "待您处理" in text
    assert "待定稿 1 份 · 待问的问题 3 个" in text
    assert "我的个案：3 个" in text
    assert "新版本的模型已投入使用。" in text
    assert "[适配器]" in text
    assert "model" not in text


def test_without_a_case_a_home_says_how_to_begin() -> None:
    """Four steps, and no empty lists."""
    text = shown(replace(ENGLISH, cases=()))
    assert "HOW TO BEGIN" in text
    assert "`/invite @PhyAssist`" in text
    assert "MY CASES" not in text


def test_a_guest_reads_why_there_is_nothing() -> None:
    """The guard's sentence alone."""
    refused = Home(Language.ENGLISH, "", READY, refusal=Sign.GUEST_AUTHOR)
    assert shown(refused) == texts(Language.ENGLISH).signs[Sign.GUEST_AUTHOR]
    assert len(home_view(refused)["blocks"]) == 1


def test_admins_alone_have_buttons() -> None:
    """To the adapters, and to the night's report where there is one."""
    assert ADAPTERS_ACTION not in everywhere(home_view(ENGLISH))
    assert "[Adapters]" in shown(replace(ENGLISH, admin=True))
    assert "[Report]  [Adapters]" in shown(replace(ENGLISH, admin=True, report_url=f"{URL}archives/C9/p1700000000000200"))
    assert checked_view(adapters_modal("• one", Language.CHINESE), Surface.MODAL)


@pytest.mark.parametrize("end", [*NightEnd, None])
@pytest.mark.parametrize("language", Language)
def test_each_end_of_a_night_is_one_line(language: Language, end: NightEnd | None) -> None:
    """Also of one that is under way; without any night there is no line."""
    night = replace(NIGHT, end=end, ended_at=NOW if end else None)
    home = replace(ENGLISH, language=language, night=night)
    assert len(shown(home).splitlines()) == len(shown(replace(home, night=None)).splitlines()) + 1


@pytest.mark.parametrize("language", Language)
def test_two_hundred_cases_are_turned_page_by_page(language: Language) -> None:
    """Each page fits into Slack, every case is on exactly one, in order; what waits is on the first, twenty of them."""
    waiting = {"drafts": 9, "questions": 99, "failed": 1, "posts": 9, "safety": 9}
    cases = tuple(an_overview(number, **waiting) for number in range(200))
    listed: list[str] = []
    for page in range(4):
        view = checked_view(home_view(Home(language, URL, READY, cases, NIGHT, page=page)), Surface.HOME)
        assert len(view["blocks"]) <= 20
        texts = [block["text"]["text"] for block in view["blocks"] if block["type"] == "section"]
        lines = [line for text in texts for line in text.splitlines() if line.startswith("•")]
        listed += lines[-CASES_A_PAGE:]
        assert len(lines) == CASES_A_PAGE + (20 if page == 0 else 0)
    assert [line.split("|")[1][:5] for line in listed] == [case.case.code for case in cases]
    first = shown(Home(language, URL, READY, cases, NIGHT))
    assert "180" in first
    assert everywhere(home_view(Home(language, URL, READY, cases, NIGHT, page=99))).count('{"page": 3}') == 1


def test_a_closed_case_says_so() -> None:
    """Beside its code."""
    closed = CaseOverview(a_case(state=CaseState.CLOSED))
    assert "· closed" in shown(replace(ENGLISH, cases=(closed,)))
    assert "Nothing waits for you." in shown(replace(ENGLISH, cases=(closed,)))


# status


def a_status(language: Language = Language.ENGLISH, questions: int = 7) -> Status:
    """A case in which something of each kind waits."""
    overview = CaseOverview(a_case(language=language), drafts=1, questions=questions, failed=1, posts=2, safety=1)
    asked = [Question(f"q{number}", f"Question <{number}>?", NOW) for number in range(questions)]
    return Status(overview, [Draft("1700000000.000100", NOW), Draft(None, NOW)], asked, 4)


def test_a_status_is_short_and_complete() -> None:
    """What waits, most urgent first, the newest questions, the rest in small print."""
    learning = ModelNow(ModelState.LEARNING, NOW + timedelta(hours=1))
    assert plain_blocks(checked_blocks(status_blocks(a_status(), learning, URL))).splitlines() == [
        "*Case C-001*",
        "• :warning: Safety cards that nobody has marked as seen: 1",
        "• The newest description has no note: writing it failed. Press *Try again* under it, or post it anew.",
        "• Final notes that wait for approval: 2 (drafted 2026-03-02 · drafted 2026-03-02)",
        "• Open questions: 7",
        *(f"– Question <{number}>?" for number in range(5)),
        "and 2 more",
        "[Tick off questions]",
        "Posts that are not answered yet: 2",
        "Notes not accepted yet: 4",
        "The model is learning until about 2026-03-02 10:30 UTC; posts are saved and answered afterwards.",
    ]


def test_a_status_of_a_calm_case() -> None:
    """Says that nothing waits, in the case's language."""
    status = Status(CaseOverview(a_case(language=Language.CHINESE)), (), (), 0)
    assert plain_blocks(checked_blocks(status_blocks(status, READY, ""))).splitlines() == [
        "*个案 C-001*",
        "本个案目前没有待办事项。",
        "模型可用。",
    ]
