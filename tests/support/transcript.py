"""The main messages as people read them, for `bot/MESSAGES.md`: `python -m tests.support.transcript > bot/MESSAGES.md`.

All of them are made by the bot's own views and shown by the sandbox's renderer; `tests/bot/test_messages.py` fails where the file says
otherwise.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from bot.domain.case import Case, CaseState
from bot.domain.formats import BUILT_IN
from bot.domain.note import Item, Note, Origin, Purpose
from bot.domain.questions import Question
from bot.domain.reading import Reading
from bot.domain.safety_card import CrisisContact, Seen
from bot.domain.shared_file import FileType
from bot.domain.signing import Addendum, Role, Signer
from bot.exports.writer import write_note
from bot.slack.evidence_views import Cited
from bot.slack.home_views import Home, home_view
from bot.slack.night_texts import night_texts
from bot.slack.status_views import status_blocks
from bot.slack.texts import texts
from bot.slack.views import pages
from bot.workflow.night_ports import NightEnd, NightRun
from bot.workflow.overview import CaseOverview, Draft
from bot.workflow.ports import Content, NoteView, Notice, SafetyCardView, Sign, Why
from bot.workflow.status import ModelNow, ModelState, Status
from deploy.sandbox.render import plain_blocks, plain_mrkdwn, plain_view
from deploy.sandbox.validate import checked_blocks, checked_view
from deploy.sandbox.validate.check import Surface
from inference.note import Kind, Language
from tests.support.builders import NOW, a_card, a_counselor, a_note, a_revision

WORKSPACE = "https://team.slack.com/"
DESCRIPTION, REPLY = "1700000000.000100", "1700000300.000100"
CITED = {DESCRIPTION: Cited(1), REPLY: Cited(2)}


@dataclass(frozen=True)
class Said:
    """What the invented case says in one language; the titles of its messages are in the order of `_messages`."""

    titles: tuple[str, ...]
    people: dict[str, str]
    items: tuple[str, str, str, str, str]
    reported: str
    observed: str
    added: str
    contact: CrisisContact


SAID = {
    Language.ENGLISH: Said(
        (
            "The bot was invited",
            "A note, after an edited version was handed back",
            "A report that speaks of danger",
            "`/phyassist status`",
            "App Home",
            "`/phyassist summarize soap`, approved, co-signed and added to",
            "`/phyassist export`, as Markdown",
            "`/phyassist help`, to an admin",
        ),
        {"U0ANNA": "Anna Berg", "U0SOL": "Sol Ortiz"},
        (
            "Sleep is short, four to five hours a night for six weeks.",
            "Worry about the next day keeps the client awake.",
            "Keep a sleep diary for two weeks.",
            "Walk after lunch, as agreed.",
            "What is different on good nights?",
        ),
        "The client has slept four to five hours a night for six weeks.",
        "Alert, speaks slowly, keeps eye contact.",
        "Phone call: the diary is kept.",
        CrisisContact("Crisis line", "555 0100", "day and night"),
    ),
    Language.CHINESE: Said(
        (
            "邀请之后",
            "交回修改后的版本之后的记录",
            "描述中提到危险",
            "`/phyassist status`",
            "App Home",
            "`/phyassist summarize soap`，已定稿、会签并补充",
            "`/phyassist export`（Markdown）",
            "`/phyassist help`（管理员）",
        ),
        {"U0ANNA": "李安娜", "U0SOL": "孙督导"},
        (
            "睡眠不足，六周以来每晚只睡四到五小时。",
            "担心第二天的事，难以入睡。",
            "记录两周睡眠日记。",
            "按约定午饭后散步。",
            "睡得好的晚上，有什么不同？",
        ),
        "来访者六周以来每晚只睡四到五小时。",
        "意识清楚，语速较慢，有目光接触。",
        "来电：已开始写睡眠日记。",
        CrisisContact("危机热线", "555 0100", "全天"),
    ),
}


def transcript() -> str:
    """The whole file."""
    parts = [
        "# What people see\n",
        "By the bot's own views and the sandbox's renderer: `[…]` is a button, `[⋯]` the menu beside a line. The case is made up.",
        "After a change of words: `python -m tests.support.transcript > bot/MESSAGES.md` (a test compares).\n",
    ]
    for language, heading in ((Language.ENGLISH, "English"), (Language.CHINESE, "简体中文")):
        parts.append(f"## {heading}\n")
        for title, text in zip(SAID[language].titles, _messages(language), strict=True):
            parts.append(f"### {title}\n\n```text\n{text}\n```\n")
    return "\n".join(parts)


def _messages(language: Language) -> Iterator[str]:
    case = Case("case", "T1", "C0123456789", "C-7F3K", language, CaseState.OPEN, NOW)
    yield _shown(Notice(Sign.WELCOME, language, case=case), language)
    yield _shown(_note(language), language)
    seen = (Seen("U0ANNA", NOW),)
    yield _shown(SafetyCardView(replace(a_card(), seen=seen), (SAID[language].contact,), language), language)
    overview = CaseOverview(case, drafts=1, questions=1, safety=1)
    status = Status(overview, [Draft(DESCRIPTION, NOW)], [Question("q", SAID[language].items[4], NOW)], 1)
    yield _text(status_blocks(status, ModelNow(ModelState.READY), WORKSPACE), language)
    night = NightRun("night-2026-03-01", None, NOW, DESCRIPTION, NOW, NightEnd.PROMOTED, "")
    calm = CaseOverview(replace(case, id="other", code="C-4H2M"))
    yield plain_view(checked_view(home_view(Home(language, WORKSPACE, ModelNow(ModelState.READY), (overview, calm), night)), Surface.HOME))
    final = _final_note(language)
    yield _shown(NoteView(final, language), language)
    yield write_note(case, final, FileType.MARKDOWN).decode().strip()
    yield plain_mrkdwn(f"{texts(language).help}\n\n{night_texts(language).help}")


def _items(language: Language) -> list[Item]:
    first, second, diary, walk, question = SAID[language].items
    return [
        Item(Kind.ANALYSIS, first, Origin.MODEL, (DESCRIPTION,)),
        Item(Kind.ANALYSIS, second, Origin.MODEL, (DESCRIPTION, REPLY)),
        Item(Kind.ADVICE, diary, Origin.MODEL, kept=True),
        Item(Kind.ADVICE, walk, Origin.COUNSELOR),
        Item(Kind.QUESTION, question, Origin.MODEL),
    ]


def _note(language: Language) -> NoteView:
    items = _items(language)
    mine = a_revision(*items[:4], number=2, by=a_counselor())
    note = a_note(a_revision(*items[:3]), mine, a_revision(*items, number=3))
    return NoteView(note, language, reading=Reading.EDITED, reply_ts=REPLY, why=Why(mine.id, edited=True, reason=None))


def _final_note(language: Language) -> Note:
    said = SAID[language]
    analysis, worry, diary, walk, question = (replace(item, kept=False) for item in _items(language))
    reported = Item(Kind.ANALYSIS, said.reported, Origin.COUNSELOR, section="subjective")
    observed = Item(Kind.ANALYSIS, said.observed, Origin.COUNSELOR, section="objective")
    drafted = [reported, analysis, worry, replace(diary, carried=True), walk, question]
    newest = a_revision(*drafted, observed, number=2, by=a_counselor())
    note = replace(a_note(a_revision(*drafted), newest, purpose=Purpose.SUMMARY), format=BUILT_IN["soap"])
    supervisor = Signer("U0SOL", said.people["U0SOL"], Role.SUPERVISOR)
    note = note.approve("U0ANNA", newest.id, NOW, Role.COUNSELOR, said.people["U0ANNA"])
    note = note.cosign(supervisor, newest.content_hash, NOW + timedelta(hours=1))
    return note.add(Addendum("a", 0, supervisor, said.added, NOW + timedelta(days=1)))


def _shown(content: Content, language: Language) -> str:
    return "\n".join(_text(page.blocks, language) for page in pages(content, CITED))


def _text(blocks: Sequence[dict[str, object]], language: Language) -> str:
    people = SAID[language].people
    return plain_blocks(checked_blocks(list(blocks)), lambda user_id: people.get(user_id, user_id))


if __name__ == "__main__":
    sys.stdout.write(transcript())
