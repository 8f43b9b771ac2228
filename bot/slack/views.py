"""Notes as Slack's Block Kit, messages and the modal to edit one in: pure functions of typed values.

Slack's limits that matter here: 50 blocks and about 13,000 characters of JSON a message, 3,000 characters a section or input.
Long notes are split on item borders into several messages.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.domain.note import Origin, Purpose
from bot.domain.reading import Reading
from bot.slack.blocks import Block, button, context, escape, fit, header, moment, plain, section
from bot.slack.case_card import card, reopen_button
from bot.slack.case_card_texts import card_texts
from bot.slack.case_setup import setup_line
from bot.slack.change_views import change_blocks, change_notice
from bot.slack.evidence_views import Citations, legend
from bot.slack.final_views import (
    SECTIONS_ACTION,
    approved_buttons,
    below_approved,
    carried_legend,
    final_sections,
    final_title,
)
from bot.slack.item_views import lines_with_menus, marked, marks_explained, new_texts, reasons, thumbs, wish_buttons
from bot.slack.safety_views import card_blocks
from bot.slack.texts import Texts, texts
from bot.workflow.ports import Content, NoteView, Notice, PartialNote, SafetyCardView, Sign
from inference.note import Kind

_AFTER_THE_FORM = {Sign.CONSENT_HOLDS, Sign.CONSENT_OFF, Sign.CONSENT_WITHDRAWN}
SECTION_CHARS = 2800
PAGE_CHARS = 9000
MOST_BLOCKS = 45
"""Slack takes 50; a heading and what stands below come on top."""

EDIT_ACTION = "edit_note"
APPROVE_ACTION = "approve_summary"
ACCEPT_ACTION = "accept_answer"
REREAD_ACTION = "reread_reply"
TRY_AGAIN_ACTION = "try_again"
ANSWER_NOW_ACTION = "answer_now"
SHORTCUT = "use_as_edited_answer"


@dataclass(frozen=True)
class Page:
    """One Slack message: its blocks, and the plain text for notifications, which never holds case text."""

    text: str
    blocks: tuple[Block, ...]


def pages(content: Content, cited: Citations | None = None) -> tuple[Page, ...]:
    """The messages that show `content`, at least one; `cited` are the case's descriptions by id, None where evidence is not to be shown."""
    match content:
        case NoteView():
            return _note_pages(content, cited)
        case PartialNote():
            return (_partial_page(content),)
        case Notice():
            return (_notice_page(content),)
        case SafetyCardView():
            return (Page(*card_blocks(content)),)


def notice_text(notice: Notice) -> str:
    """A notice as one sentence."""
    said = change_notice(notice)
    if said is not None:
        return said
    words = texts(notice.language)
    until = words.learning_until.format(when=moment(notice.until)) if notice.until else ""
    signs = words.signs | card_texts(notice.language).signs
    code = escape(notice.case.code) if notice.case else ""
    number, who = f"{notice.number:,}", f"<@{notice.who}>"
    sentence = signs[notice.sign].format(number=number, on=notice.on or "", until=until, code=code, who=who, named=notice.named)
    return f"{setup_line(notice.case)}\n{sentence}" if notice.case and notice.sign in _AFTER_THE_FORM else sentence


# pages


def _note_pages(view: NoteView, cited: Citations | None) -> tuple[Page, ...]:
    words = texts(view.language)
    summary = view.note.purpose is Purpose.SUMMARY
    title = words.summary_posted if summary else words.note_posted
    approved = view.note.approval is not None
    groups = _pack([*_lines(view, words, cited), *below_approved(view)], PAGE_CHARS)
    last = len(groups) - 1
    result = []
    for index, blocks in enumerate(groups):
        head = [header(final_title(view, words.approved_title if approved else words.summary_title))] if summary and index == 0 else []
        # the sections of a format show no evidence, so there is nothing to explain
        explained = [] if view.note.format else legend(view.note.items, cited, view.language)
        foot = _foot(view, words, explained) if index == last else []
        result.append(Page(title, (*head, *blocks, *foot)))
    return tuple(result)


def _lines(view: NoteView, words: Texts, cited: Citations | None) -> list[Block]:
    """The items: in the sections of the note's format, or line by line with menus, or kind by kind."""
    if view.note.format:
        return final_sections(view.note.format, view.note.items, view.language, view.note.approval is None, cited)
    new = new_texts(view)
    listed = [(item.kind, marked(item, new, cited)) for item in view.note.items]
    return lines_with_menus(view, cited) or _sections(listed, words)


def _foot(view: NoteView, words: Texts, general: Sequence[str]) -> list[Block]:
    revision = view.note.current
    if revision is None:
        return []
    line = [words.version.format(number=revision.number, author=_author(revision.author.name, revision.author.origin))]
    if view.note.approval:
        return [*([context(" · ".join(general))] if general else []), approved_buttons(view)]
    line += [*marks_explained(view), *carried_legend(view), *general]
    acceptance = view.note.acceptance
    if acceptance:
        line.append(words.accepted.format(who=f"<@{acceptance.user_id}>", when=moment(acceptance.at)))
    read_as = [words.readings[view.reading]] if view.reading and view.reading is not Reading.DESCRIPTION else []
    foot: list[Block] = [context(" · ".join(line)), *([context(read_as[0])] if read_as else [])]
    # what is tapped most comes first and stays in its place; what people think of the note comes last
    return [*foot, {"type": "actions", "elements": _buttons(view, words)}, *change_blocks(view), *thumbs(view), *reasons(view)]


def _buttons(view: NoteView, words: Texts) -> list[Block]:
    note = view.note
    buttons = [button(SECTIONS_ACTION if note.format else EDIT_ACTION, words.edit, note.id)]
    if note.purpose is Purpose.SUMMARY and note.current:
        sure = {
            "title": plain(words.approve_sure),
            "text": plain(words.approve_question),
            "confirm": plain(words.approve),
            "deny": plain(words.cancel),
        }
        value = json.dumps([note.id, note.current.id])
        return [*buttons, button(APPROVE_ACTION, words.approve, value) | {"style": "primary", "confirm": sure}]
    buttons += wish_buttons(view)
    if note.current and note.items and not note.acceptance:
        buttons.append(button(ACCEPT_ACTION, words.accept, json.dumps([note.id, note.current.id])))
    if view.reading in {Reading.INFORMATION, Reading.EDITED} and view.reply_ts and view.reply_ts != note.thread_ts:
        other = Reading.EDITED if view.reading is Reading.INFORMATION else Reading.INFORMATION
        value = json.dumps([note.id, view.reply_ts, other, note.current.id if note.current else ""])
        buttons.append(button(REREAD_ACTION, words.reread[other], value))
    return buttons


def _partial_page(content: PartialNote) -> Page:
    words = texts(content.language)
    order = list(Kind)
    items = [*content.kept, *content.coming]
    lines = [(item.kind, escape(item.text)) for item in sorted(items, key=lambda item: order.index(item.kind))]
    blocks = _pack(_sections(lines, words), PAGE_CHARS)[0]
    return Page(words.note_posted, (*blocks, context(f"PhyAssist {words.writing}")))


def _notice_page(notice: Notice) -> Page:
    text = notice_text(notice)
    if notice.sign is Sign.WELCOME and notice.case:
        return Page(text, card(notice.case))
    blocks = [section(text)]
    if notice.sign is Sign.CASE_CLOSED and notice.case:
        blocks.append({"type": "actions", "elements": [reopen_button(notice.case)]})
    if notice.sign is Sign.NO_ANSWER and notice.note_id:
        again = button(TRY_AGAIN_ACTION, texts(notice.language).try_again, json.dumps([notice.note_id, notice.failed_at]))
        blocks.append({"type": "actions", "elements": [again]})
    if notice.sign is Sign.LEARNING:
        now = button(ANSWER_NOW_ACTION, texts(notice.language).answer_now, ANSWER_NOW_ACTION)
        blocks.append({"type": "actions", "elements": [now]})
    return Page(text, tuple(blocks))


# parts


def _sections(lines: Iterable[tuple[Kind, str]], words: Texts) -> list[Block]:
    """One section a kind, or several where one would be too long; items are numbered within their kind."""
    listed = list(lines)
    blocks = []
    for kind in Kind:
        numbered = [f"{number}. {text}" for number, text in enumerate((text for each, text in listed if each is kind), start=1)]
        for index, chunk in enumerate(fit(numbered, SECTION_CHARS)):
            heading = [f"*{words.headings[kind]}*"] if index == 0 else []
            blocks.append(section("\n".join([*heading, *chunk])))
    return blocks


def _pack(blocks: Sequence[Block], limit: int) -> list[list[Block]]:
    """Blocks in groups of at most `limit` characters of JSON and `MOST_BLOCKS` blocks; at least one group."""
    groups: list[list[Block]] = [[]]
    used = 0
    for block in blocks:
        size = len(json.dumps(block, ensure_ascii=False))
        if groups[-1] and (used + size > limit or len(groups[-1]) == MOST_BLOCKS):
            groups.append([])
            used = 0
        groups[-1].append(block)
        used += size
    return groups


def _author(name: str, origin: Origin) -> str:
    return f"<@{name}>" if origin is Origin.COUNSELOR else escape(name)
