"""Nights and adapters as Slack's Block Kit: pure functions of typed values. Numbers, names and reasons; no text of a case."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bot.slack.blind_views import blind_line
from bot.slack.blocks import Block, button, context, escape, fit, header, moment, plain, section
from bot.slack.night_texts import NightTexts, night_texts
from bot.workflow.blind import Blind
from bot.workflow.night_ports import Failure, Lesson, NightEnd, NightRun
from inference.note import Language
from inference.registry import Listed, Pointer, Role
from training.night.outcome import End, Outcome
from training.night.told import Told

PROMOTE_ACTION = "promote_adapter"
ROLL_BACK_ACTION = "roll_back_adapter"
COMPARE_ACTION = "compare_notes"
LEAVE_ACTION = "leave_adapter"
SECTION_CHARS = 2800
TABLE_CHARS = 8000
"""Of a table's rows, as text: with the rest, a message stays below Slack's limit for blocks."""
REASON_CHARS = 1500


@dataclass(frozen=True)
class NightMessage:
    """The one message of a night: its blocks, and the plain text for notifications."""

    text: str
    blocks: tuple[Block, ...]


def begun_message(night: NightRun, cases: int | None, told: Told | None, language: Language) -> NightMessage:
    """A night under way; `cases` None: not counted yet."""
    words = night_texts(language)
    who = words.begun_by.format(who=f"<@{night.requested_by}>") if night.requested_by else words.begun_by_clock
    line = words.begun.format(name=escape(night.name), who=who, cases=words.cases.format(number="…" if cases is None else cases))
    progress = [section(progress_line(told, language))] if told else []
    return NightMessage(f"{words.title}: {night.name}", (header(words.title), *progress, context(line)))


def progress_line(told: Told, language: Language) -> str:
    """Stage, steps, loss, time left, memory: what of it is known."""
    words = night_texts(language)
    parts = [f"{words.stages[told.stage]}"]
    if told.of:
        parts.append(words.steps.format(done=f"{told.done:,}", of=f"{told.of:,}"))
    if told.parts > 1:
        parts[0] = f"{parts[0]} {told.part}/{told.parts}"
    if told.loss is not None:
        parts.append(words.loss.format(loss=told.loss))
    if told.seconds_left is not None:
        parts.append(words.minutes.format(minutes=max(1, round(told.seconds_left / 60))))
    if told.memory_bytes:
        parts.append(words.memory.format(gigabytes=told.memory_bytes / 1e9))
    return " · ".join(parts)


def ended_message(night: NightRun, ended: Outcome | Failure, language: Language, pointer: Pointer, blind: Blind) -> NightMessage:
    """How a night ended, with its table, what admins preferred blind, and the buttons that fit what is in service now."""
    words = night_texts(language)
    if isinstance(ended, Failure):
        said = words.ends[NightEnd.FAILED].format(champion=_name(pointer.champion, words))
        failed = words.failed.format(reason=escape(ended.reason[:REASON_CHARS]))
        return NightMessage(f"{words.title}: {said}", (header(words.title), section(said), section(failed), _about(night, words)))
    champion = _name(ended.champion, words)
    said = words.ends[NightEnd(ended.end.value)].format(name=escape(night.name), champion=champion)
    lines = [f"*{said}*"]
    if ended.headline:
        lines.append(escape(ended.headline[language.value]))
    if ended.train_rows:
        lines.append(words.rows.format(train=ended.train_rows, pairs=ended.pairs, cases=ended.cases, heldout=ended.heldout_rows))
    if ended.sealed:
        lines.append(words.sealed.format(number=ended.sealed))
    blocks = [header(words.title), *(section("\n".join(group)) for group in fit(lines, SECTION_CHARS))]
    if ended.table:
        blocks += _table(ended.table[language.value], words)
    compared = [blind_line(blind.tally, language)] if blind.tally.admins else []
    blocks += [context(line) for line in (*compared, night.remark) if line]
    blocks += [_about(night, words), *_actions(night.name, ended.end, pointer, blind, words)]
    return NightMessage(f"{words.title}: {said}", tuple(blocks))


def adapter_list(listing: Sequence[Listed], pointer: Pointer, language: Language) -> str:
    """All adapters, the newest first, as lines; the oldest are left out where there are too many for a message."""
    words = night_texts(language)
    first = [words.base_champion] if pointer.champion is None else []
    rows = [_listed(row, words) for row in reversed(listing)]
    if not rows:
        return words.no_adapter
    return "\n".join(fit([*first, *rows], SECTION_CHARS)[0])


def in_service(pointer: Pointer, language: Language) -> str:
    """What is in service, and what a rollback would bring back."""
    words = night_texts(language)
    return words.promoted.format(champion=_name(pointer.champion, words), previous=_name(pointer.previous, words))


def left_alone(name: str, pointer: Pointer, language: Language) -> str:
    """What holds where a night's adapter is not put into service."""
    words = night_texts(language)
    return words.left.format(name=escape(name), champion=_name(pointer.champion, words))


def lessons_text(lessons: Sequence[Lesson], language: Language) -> str:
    """Which adapters learned from cases that may not be used any more, and what that means."""
    words = night_texts(language)
    return "\n".join([words.lessons, *(_lesson(lesson, words) for lesson in lessons)])


def _lesson(lesson: Lesson, words: NightTexts) -> str:
    what = []
    if lesson.deleted:
        what += [words.lesson_deleted.format(number=len(lesson.deleted)), words.lesson_retired]
    if lesson.withdrawn:
        what.append(words.lesson_withdrawn.format(codes=", ".join(map(escape, lesson.withdrawn))))
    if lesson.in_service:
        what.append(words.lesson_champion)
    return words.lesson.format(adapter=escape(lesson.adapter), what="; ".join(what))


def _listed(row: Listed, words: NightTexts) -> str:
    parts = [words.listed.format(name=escape(row.adapter.name), when=moment(row.adapter.added))]
    if row.role is Role.CHAMPION:
        parts.append(words.champion)
    if row.role is Role.PREVIOUS:
        parts.append(words.previous)
    if row.retirement:
        parts.append(words.retired.format(when=f"{row.retirement.at:%Y-%m-%d}", reason=escape(row.retirement.reason)))
    return "• " + " · ".join(parts)


def _table(rows: Sequence[Sequence[str]], words: NightTexts) -> list[Block]:
    """The gate's findings, a paragraph each: eight columns are too many for a phone. What has no room is counted."""
    _, *findings = rows
    texts_of = [_finding(row) for row in findings]
    shown, used = [], 0
    for text in texts_of:
        used += len(text)
        if used > TABLE_CHARS:
            break
        shown.append(text)
    blocks = [section("\n".join(group)) for group in fit(shown, SECTION_CHARS)] if shown else []
    left = len(texts_of) - len(shown)
    return [*blocks, *([context(words.rest.format(number=left))] if left else [])]


def _finding(row: Sequence[str]) -> str:
    """Name and outcome; both values, the difference and the limit; the reason."""
    name, role, champion, challenger, difference, limit, outcome, reason = map(escape, row)
    return f"*{name}* ({role}): *{outcome}*\n{champion} → {challenger} · {difference} · {limit}\n{reason}"


def _actions(name: str, end: End, pointer: Pointer, blind: Blind, words: NightTexts) -> list[Block]:
    """A night's adapter can be taken out while it is in service, and put in or left while it isn't; a refused one has no button."""
    if end not in {End.PROMOTED, End.READY}:
        return []
    compare = [button(COMPARE_ACTION, words.compare, name)] if blind.samples else []
    if pointer.champion == name:
        sure = _sure(words.roll_back_sure.format(name=name), words.roll_back_question, words.roll_back)
        elements = [button(ROLL_BACK_ACTION, words.roll_back, name) | {"confirm": sure}, *compare]
    else:
        sure = _sure(words.promote_sure.format(name=name), words.promote_question, words.promote)
        promote = button(PROMOTE_ACTION, words.promote, name) | {"style": "primary", "confirm": sure}
        elements = [promote, *compare, button(LEAVE_ACTION, words.leave, name)]
    return [{"type": "actions", "elements": elements}]


def _sure(title: str, question: str, confirm: str) -> dict[str, Any]:
    return {"title": plain(title), "text": plain(question), "confirm": plain(confirm), "deny": plain("×")}


def _about(night: NightRun, words: NightTexts) -> Block:
    who = words.begun_by.format(who=f"<@{night.requested_by}>") if night.requested_by else words.begun_by_clock
    return context(f"{escape(night.name)} · {who} · {moment(night.started_at)}")


def _name(adapter: str | None, words: NightTexts) -> str:
    return escape(adapter) if adapter else words.base
