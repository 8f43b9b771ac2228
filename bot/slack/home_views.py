"""App Home as Slack's Block Kit: a person's cases by code, what waits in them, and last night's training. Never a word of a case.

Slack takes 100 blocks a view. Cases are lines, some dozens in a section; beyond a page of them there are buttons to turn it.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.domain.case import CaseState
from bot.slack.blocks import Block, button, context, escape, fit, header, moment, plain, section
from bot.slack.case_texts import case_texts
from bot.slack.overview_texts import OverviewTexts, overview_texts
from bot.slack.status_views import model_line
from bot.slack.texts import texts
from bot.workflow.night_ports import NightRun
from bot.workflow.overview import CaseOverview
from bot.workflow.ports import Sign
from bot.workflow.status import ModelNow
from inference.note import Language

HOME_VIEW = "home"
PAGE_BACK_ACTION, PAGE_ON_ACTION = "home_page_back", "home_page_on"
REPORT_ACTION, ADAPTERS_ACTION = "home_report", "home_adapters"
CASES_A_PAGE = 50
WAITING_SHOWN = 20
SECTION_CHARS = 2800


@dataclass(frozen=True)
class Home:
    """What a person's App Home shows. `workspace_url` ends with a slash. `admin` adds buttons; `report_url` is where the night was told."""

    language: Language
    workspace_url: str
    model: ModelNow
    cases: Sequence[CaseOverview] = field(default_factory=tuple)
    night: NightRun | None = None
    admin: bool = False
    report_url: str = ""
    refusal: Sign | None = None
    page: int = 0


def home_view(home: Home) -> dict[str, Any]:
    """The view; a page beyond the last one is the last one."""
    words = overview_texts(home.language)
    if home.refusal:
        return _view([section(texts(home.language).signs[home.refusal])], 0)
    pages = max(1, -(-len(home.cases) // CASES_A_PAGE))
    page = max(0, min(home.page, pages - 1))
    blocks = _cases(home, page, pages, words) if home.cases else [header(words.begin), section(words.how)]
    return _view([*blocks, {"type": "divider"}, *_foot(home, words)], page)


def adapters_modal(listed: str, language: Language) -> dict[str, Any]:
    """The adapters, for an admin."""
    words = overview_texts(language)
    return {"type": "modal", "title": plain(words.adapters_title), "close": plain(words.close), "blocks": [section(listed)]}


def _view(blocks: list[Block], page: int) -> dict[str, Any]:
    return {"type": "home", "callback_id": HOME_VIEW, "private_metadata": json.dumps({"page": page}), "blocks": blocks}


def _cases(home: Home, page: int, pages: int, words: OverviewTexts) -> list[Block]:
    """The first page begins with what waits, of all cases; each page lists its share of them, as they are sorted."""
    shown = home.cases[page * CASES_A_PAGE : (page + 1) * CASES_A_PAGE]
    listed = _lines(_line(each, home, [*_waits(each, words), *_posts(each, words)]) for each in shown)
    mine = [header(words.my_cases.format(number=len(home.cases))), *listed, *_pager(page, pages, words)]
    return mine if page else [header(words.waiting), *_waiting(home, words), {"type": "divider"}, *mine]


def _waiting(home: Home, words: OverviewTexts) -> list[Block]:
    waiting = [each for each in home.cases if each.waits]
    if not waiting:
        return [section(words.calm)]
    blocks = _lines(_line(each, home, _waits(each, words)) for each in waiting[:WAITING_SHOWN])
    more = len(waiting) - WAITING_SHOWN
    return [*blocks, *([context(words.more_cases.format(number=more))] if more > 0 else [])]


def _lines(lines: Iterable[str]) -> list[Block]:
    return [section("\n".join(group)) for group in fit(list(lines), SECTION_CHARS)]


def _line(each: CaseOverview, home: Home, waits: Sequence[str]) -> str:
    case = each.case
    link = f"<{home.workspace_url}archives/{case.channel_id}|{escape(case.code)}>" if home.workspace_url else escape(case.code)
    state = [] if case.state is CaseState.OPEN else [case_texts(home.language).states[case.state]]
    return "• " + " · ".join([link, *state, *waits])


def _waits(each: CaseOverview, words: OverviewTexts) -> list[str]:
    counted = [(words.short_safety, each.safety), (words.short_drafts, each.drafts), (words.short_questions, each.questions)]
    said = [text.format(number=number) for text, number in counted if number]
    return [*said, *([words.short_failed] if each.failed else [])]


def _posts(each: CaseOverview, words: OverviewTexts) -> list[str]:
    return [words.short_posts.format(number=each.posts)] if each.posts else []


def _pager(page: int, pages: int, words: OverviewTexts) -> list[Block]:
    if pages == 1:
        return []
    turns = []
    if page > 0:
        turns.append(button(PAGE_BACK_ACTION, words.newer, str(page - 1)))
    if page < pages - 1:
        turns.append(button(PAGE_ON_ACTION, words.older, str(page + 1)))
    return [{"type": "actions", "elements": turns}, context(words.page.format(page=page + 1, pages=pages))]


def _foot(home: Home, words: OverviewTexts) -> list[Block]:
    lines = [model_line(home.model, home.language)]
    if home.night:
        how = words.nights[home.night.end] if home.night.end else words.night_under_way
        lines.append(words.training.format(when=moment(home.night.ended_at or home.night.started_at), how=how))
    blocks: list[Block] = [section("\n".join(lines))]
    if home.admin:
        elements = [button(ADAPTERS_ACTION, words.adapters, ADAPTERS_ACTION)]
        if home.report_url:
            elements.insert(0, button(REPORT_ACTION, words.report, REPORT_ACTION) | {"url": home.report_url})
        blocks.append({"type": "actions", "elements": elements})
    return [*blocks, context(words.privacy)]
