"""The form of a case as Slack's Block Kit, and what somebody entered in it: pure functions of typed values."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from bot.domain.case import CaseFile, Consent, Withdrawal, consent_now
from bot.domain.formats import BUILT_IN, Formats
from bot.slack.blocks import INPUT_CHARS, Block, context, escape, fit, moment, plain, text_input
from bot.slack.case_setup import EnteredSetup, read_setup, seen_setup, setup_blocks, state_block
from bot.slack.case_texts import CaseTexts, case_texts
from bot.slack.texts import texts
from bot.workflow.incoming import SaidConsent
from inference.note import Language, clean_text

CASE_VIEW = "case_form"
CONSENT, GIVEN_BY, GIVEN_ON, NAMES = "consent", "given_by", "given_on", "names"
"""Block ids; long lists of names take several blocks, "names:0", "names:1" and so on."""
GIVEN, OFF = "given", "off"

GIVEN_BY_CHARS = 200
NAME_CHARS = 200
STEPS_SHOWN = 5

Values = Mapping[str, Mapping[str, Mapping[str, Any]]]


@dataclass(frozen=True)
class Entered:
    """What a form holds: consent (None is off), names and what was changed of the rest, or, by block, what has to be entered otherwise."""

    consent: SaidConsent | None
    names: tuple[str, ...]
    errors: Mapping[str, str]
    setup: EnteredSetup = field(default_factory=EnteredSetup)


def case_modal(file: CaseFile, formats: Formats = BUILT_IN) -> dict[str, Any]:
    """The form of a case. What it was opened on goes with it, so that nobody undoes what they did not see."""
    case = file.case
    words, buttons = case_texts(case.language), texts(case.language)
    about = {
        "case": case.id,
        "channel": case.channel_id,
        "language": case.language,
        "consents": len(file.consents),
        "roster": file.roster.version,
        **seen_setup(case),
    }
    return {
        "type": "modal",
        "callback_id": CASE_VIEW,
        "title": plain(words.title),
        "submit": plain(buttons.save),
        "close": plain(buttons.cancel),
        "private_metadata": json.dumps(about),
        "blocks": [*setup_blocks(case, formats), *_consent_blocks(file, words), *_name_blocks(file, words), state_block(case)],
    }


def read_case_form(
    values: Values, language: Language, now: datetime, about: Mapping[str, Any] | None = None, taken: Collection[str] = ()
) -> Entered:
    """What was entered: `values` is Slack's `view.state.values`, `about` what the form was opened on, `taken` the codes of other cases."""
    words = case_texts(language)
    entered = {block_id: next(iter(actions.values()), {}) for block_id, actions in values.items()}
    lines = [line for block_id, field in entered.items() if block_id.startswith(NAMES) for line in (field.get("value") or "").splitlines()]
    names = tuple(dict.fromkeys(name for line in lines if (name := clean_text(line))))
    setup = read_setup(entered, about or {}, language, names, taken)
    errors = dict(setup.errors)
    if any(len(name) > NAME_CHARS for name in names):
        errors[f"{NAMES}:0"] = words.name_too_long.format(number=NAME_CHARS)
    chosen = (entered.get(CONSENT, {}).get("selected_option") or {}).get("value")
    if chosen != GIVEN:
        return Entered(None, names, errors, setup)
    given_by, day = clean_text(entered.get(GIVEN_BY, {}).get("value") or ""), entered.get(GIVEN_ON, {}).get("selected_date")
    if not given_by:
        errors[GIVEN_BY] = words.who_missing
    elif len(given_by) > GIVEN_BY_CHARS:
        errors[GIVEN_BY] = words.who_too_long.format(number=GIVEN_BY_CHARS)
    if not day:
        errors[GIVEN_ON] = words.day_missing
    elif date.fromisoformat(day) > (now + timedelta(days=1)).date():  # it may be tomorrow already where the counselor is
        errors[GIVEN_ON] = words.day_to_come
    return Entered(None if errors else SaidConsent(given_by=given_by, given_on=day), names, errors, setup)


def _consent_blocks(file: CaseFile, words: CaseTexts) -> list[Block]:
    holds = consent_now(file.consents)
    off = {"text": plain(words.off), "value": OFF, "description": plain(words.off_means)}
    given = {"text": plain(words.given), "value": GIVEN}
    choice = {"type": "radio_buttons", "action_id": "choice", "options": [off, given], "initial_option": given if holds else off}
    who: Block = {"type": "plain_text_input", "action_id": "text", "max_length": GIVEN_BY_CHARS}
    day: Block = {"type": "datepicker", "action_id": "day"}
    if holds:
        who["initial_value"], day["initial_date"] = holds.given_by, holds.given_on.isoformat()
    steps = [_step(step, words) for step in file.consents[-STEPS_SHOWN:]]
    return [
        _field(CONSENT, words.consent, choice),
        context(words.consent_means),
        _field(GIVEN_BY, words.given_by, who, words.given_by_hint),
        _field(GIVEN_ON, words.given_on, day),
        *([context("\n".join([f"*{words.history}*", *steps]))] if steps else []),
    ]


def _name_blocks(file: CaseFile, words: CaseTexts) -> list[Block]:
    groups = fit(file.roster.names or [""], INPUT_CHARS)
    blocks = [text_input(f"{NAMES}:{index}", words.names, "\n".join(names)) for index, names in enumerate(groups)]
    return [*blocks[:-1], blocks[-1] | {"hint": plain(words.names_hint)}]


def _step(step: Consent | Withdrawal, words: CaseTexts) -> str:
    who, when = f"<@{step.recorded_by}>", moment(step.recorded_at)
    if isinstance(step, Withdrawal):
        return words.history_withdrawn.format(who=who, when=when)
    return words.history_given.format(given_by=escape(step.given_by), on=step.given_on, who=who, when=when)


def _field(block_id: str, label: str, element: Block, hint: str = "") -> Block:
    """A field of the form; none is required by Slack itself, because what is missing depends on the choice."""
    block: Block = {"type": "input", "block_id": block_id, "label": plain(label), "optional": True, "element": element}
    return block | ({"hint": plain(hint)} if hint else {})
