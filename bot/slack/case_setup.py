"""The part of a case's form that says how PhyAssist works in it, code, language, format of final notes, and whether it is open."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.domain.case import Case, CaseState
from bot.domain.case_code import LONGEST, SHORTEST, clean_code, code_problem
from bot.domain.formats import BUILT_IN, Formats, note_formats
from bot.slack.blocks import Block, escape, plain
from bot.slack.case_setup_texts import setup_texts
from bot.slack.case_texts import case_texts
from inference.note import Language

CODE, LANGUAGE, FORMAT, STATE = "code", "language", "note_format", "state"
"""Block ids."""
OPEN, CLOSED = "open", "closed"


@dataclass(frozen=True)
class EnteredSetup:
    """What somebody changed in this part, None being what they left as it was; or, by block, what has to be entered otherwise."""

    code: str | None = None
    language: Language | None = None
    note_format: str | None = None
    closed: bool | None = None
    errors: Mapping[str, str] = field(default_factory=dict)


def seen_setup(case: Case) -> dict[str, Any]:
    """What the form was opened on, to tell later what somebody changed in it."""
    return {"code": case.code, "format": case.note_format, "closed": case.state is CaseState.CLOSED}


def setup_blocks(case: Case, formats: Formats) -> list[Block]:
    """Code, language and format."""
    words, names = setup_texts(case.language), case_texts(case.language).languages
    text = {"type": "plain_text_input", "action_id": "text", "initial_value": case.code, "max_length": LONGEST}
    named = format_names(case.language, formats)
    choices = dict.fromkeys((*note_formats(formats), case.note_format))  # a team's own format may be gone since
    return [
        _field(CODE, words.code, text, words.code_hint.format(shortest=SHORTEST, longest=LONGEST)),
        _field(LANGUAGE, words.language, _select([(each.value, names[each]) for each in Language], case.language), words.language_hint),
        _field(FORMAT, words.note_format, _select([(each, named.get(each, each)) for each in choices], case.note_format)),
    ]


def state_block(case: Case) -> Block:
    """Whether the case is open. What suspends it is nothing that a form could change."""
    words = setup_texts(case.language)
    is_open = {"text": plain(words.open), "value": OPEN}
    closed = {"text": plain(words.closed), "value": CLOSED, "description": plain(words.closed_means)}
    initial = closed if case.state is CaseState.CLOSED else is_open
    choice = {"type": "radio_buttons", "action_id": "choice", "options": [is_open, closed], "initial_option": initial}
    return _field(STATE, words.state, choice)


def read_setup(
    entered: Mapping[str, Mapping[str, Any]], about: Mapping[str, Any], language: Language, names: Sequence[str], taken: Collection[str]
) -> EnteredSetup:
    """What was entered, by block; `about` is what the form was opened on, `taken` the codes of other cases."""
    words = setup_texts(language)
    code = clean_code(entered.get(CODE, {}).get("value") or "")
    chosen = {block: (entered.get(block, {}).get("selected_option") or {}).get("value") for block in (LANGUAGE, FORMAT, STATE)}
    errors: dict[str, str] = {}
    if code and code != about.get("code"):
        problem = code_problem(code, names)
        if problem:
            errors[CODE] = words.problems[problem].format(shortest=SHORTEST, longest=LONGEST)
        elif code in taken:
            errors[CODE] = words.taken
    closed = None if chosen[STATE] is None else chosen[STATE] == CLOSED
    return EnteredSetup(
        code if code and code != about.get("code") else None,
        next((each for each in Language if each.value == chosen[LANGUAGE] and each is not language), None),
        chosen[FORMAT] if chosen[FORMAT] != about.get("format") else None,
        closed if closed != about.get("closed") else None,
        errors,
    )


def format_names(language: Language, formats: Formats) -> dict[str, str]:
    """What each format is called."""
    return {name: form.title.of(language) for name, form in formats.items()} | setup_texts(language).formats


def setup_line(case: Case) -> str:
    """How PhyAssist works in a case, in one line."""
    words, names = setup_texts(case.language), case_texts(case.language)
    return words.line.format(
        code=escape(case.code),
        language=names.languages[case.language],
        note_format=escape(format_names(case.language, BUILT_IN).get(case.note_format, case.note_format)),
        state=names.states[case.state],
    )


def _select(options: Sequence[tuple[str, str]], chosen: str) -> Block:
    shown = [{"text": plain(label), "value": value} for value, label in options]
    initial = next(option for option in shown if option["value"] == chosen)
    return {"type": "static_select", "action_id": "choice", "options": shown, "initial_option": initial}


def _field(block_id: str, label: str, element: Block, hint: str = "") -> Block:
    block: Block = {"type": "input", "block_id": block_id, "label": plain(label), "element": element}
    return block | ({"hint": plain(hint)} if hint else {})
