"""Notes that admins compare blind, as Slack's Block Kit: pure functions of typed values.

A modal, because only the person who opens it sees it, and it stays in no channel's history. Slack takes up to 100 blocks and 250 kB of
JSON; what is cut off below keeps five samples of any length within both, in any writing.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from bot.slack.blind_texts import BlindTexts, blind_texts
from bot.slack.blocks import Block, context, escape, fit, header, plain, section
from bot.slack.texts import texts
from bot.workflow.blind import Choice, NightSample, Side, Tally
from inference.note import Kind, Language, NoteItem

BLIND_VIEW = "blind_notes"
SECTION_CHARS = 2800
SECTIONS = 2
TEXT_BYTES = 14_000
"""The most for what was asked, and for each note, as sections and as JSON: 5,600 characters of English or 2,300 of Chinese."""
NEITHER = "neither"

Values = Mapping[str, Mapping[str, Mapping[str, Any]]]


def blind_modal(night: str, samples: Sequence[NightSample], language: Language) -> dict[str, Any]:
    """The notes as A and B, with the question which one is better."""
    words = blind_texts(language)
    blocks = [section(words.intro.format(name=escape(night)))]
    for place, one in enumerate(samples, start=1):
        blocks += _asked(one, place, len(samples), words)
        for side in Side:
            blocks += _note(words.note.format(side=words.sides[side]), one, side, words)
        blocks.append(_question(one.number, words))
    return {
        "type": "modal",
        "callback_id": BLIND_VIEW,
        "title": plain(words.title),
        "submit": plain(words.show),
        "close": plain(words.close),
        "private_metadata": json.dumps({"night": night, "shown": [one.number for one in samples]}),
        "blocks": blocks,
    }


def shown_modal(samples: Sequence[NightSample], choices: Mapping[int, Choice | None], tally: Tally, language: Language) -> dict[str, Any]:
    """The same notes with whose they are, what this admin had said, and what all said."""
    words = blind_texts(language)
    blocks = [section(blind_line(tally, language)), *([] if samples else [section(words.gone)])]
    for place, one in enumerate(samples, start=1):
        blocks += _asked(one, place, len(samples), words)
        for side in Side:
            title = words.note_shown.format(side=words.sides[side], whose=words.whose[one.meant(side)])
            blocks += _note(title, one, side, words)
        choice = choices.get(one.number)
        blocks.append(context(words.you_said[choice] if choice else words.you_said_nothing))
    return {"type": "modal", "title": plain(words.title_shown), "close": plain(words.close), "blocks": blocks}


def read_blind(values: Values) -> Mapping[int, Side | None]:
    """What was chosen, by number of the sample; None is neither, what was left open is missing. `values` is Slack's `view.state.values`."""
    chosen: dict[int, Side | None] = {}
    for block_id, actions in values.items():
        option = next(iter(actions.values()), {}).get("selected_option")
        if option:
            chosen[int(block_id)] = None if option["value"] == NEITHER else Side(option["value"])
    return chosen


def blind_line(tally: Tally, language: Language) -> str:
    """What admins preferred, as one line of numbers."""
    return blind_texts(language).line.format(admins=tally.admins, new=tally.new, old=tally.old, neither=tally.neither)


def _asked(one: NightSample, place: int, of: int, words: BlindTexts) -> list[Block]:
    return [header(words.asked.format(number=place, of=of)), *_cut([line for line in escape(one.sample.said).splitlines() if line.strip()])]


def _note(title: str, one: NightSample, side: Side, words: BlindTexts) -> list[Block]:
    items = one.note(side)
    lines = [f"_{words.no_note}_"] if items is None else _lines(items, one.sample.language)
    return _cut([f"*{title}*", *lines])


def _lines(items: Sequence[NoteItem], language: Language) -> list[str]:
    headings, lines = texts(language).headings, []
    for kind in Kind:
        said = [escape(item.text) for item in items if item.kind is kind]
        lines += [f"_{headings[kind]}_", *(f"{number}. {text}" for number, text in enumerate(said, start=1))] if said else []
    return lines


def _cut(lines: Sequence[str]) -> list[Block]:
    """Escaped lines as sections, as far as there is room."""
    text = whole = "\n".join(lines) or "…"
    while len(json.dumps(text)) > TEXT_BYTES:
        text = re.sub(r"&\w*$", "", text[: len(text) * 9 // 10])  # no half of an escaped character
    groups = fit(text.splitlines(), SECTION_CHARS)
    shown = ["\n".join(group) for group in groups[:SECTIONS]]
    left_out = len(groups) > SECTIONS or text != whole
    return [section(each) for each in (*shown[:-1], shown[-1] + (" …" if left_out else ""))]


def _question(number: int, words: BlindTexts) -> Block:
    options = [*((side.value, words.sides[side]) for side in Side), (NEITHER, words.neither)]
    choice = {"type": "radio_buttons", "action_id": "choice", "options": [{"text": plain(text), "value": value} for value, text in options]}
    return {"type": "input", "block_id": str(number), "label": plain(words.question), "optional": True, "element": choice}
