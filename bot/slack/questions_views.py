"""The list of a case's open questions as a modal to tick them off in: pure functions of typed values.

Slack takes 100 blocks a modal; older questions than fit wait until some are ticked off.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from bot.domain.case import Case
from bot.domain.questions import Outcome, Question
from bot.slack.blocks import Block, context, escape, fit, header, moment, plain, section
from bot.slack.questions_texts import QuestionsTexts, questions_texts

QUESTIONS_VIEW = "open_questions"
OPEN_ACTION = "show_questions"
CHOICE_ACTION = "question_outcome"
REOPEN = "open"
TICKED_SHOWN = 8
MOST_BLOCKS = 70
"""For open questions and the dates above them; with those ticked off last, a modal stays below 100."""
TEXT_CHARS = 450
"""Of one question: with as many as fit, a modal stays below 250 kB in any writing."""

Values = Mapping[str, Mapping[str, Mapping[str, Any]]]
Ticks = Mapping[str, Outcome | None]
"""What becomes of questions, by name; None opens one again."""


def questions_modal(case: Case, asked: Sequence[Question], ticked: Sequence[Question]) -> dict[str, Any]:
    """The open questions, those asked last first, and those that were ticked off last."""
    words = questions_texts(case.language)
    view = {
        "type": "modal",
        "callback_id": QUESTIONS_VIEW,
        "title": plain(words.title),
        "close": plain(words.close),
        "private_metadata": json.dumps({"case": case.id, "channel": case.channel_id}),
        "blocks": [*_open(asked, words), *_ticked(ticked, words)],
    }
    return view | ({"submit": plain(words.save)} if asked or ticked else {})


def read_questions(values: Values) -> Ticks:
    """What was changed in the modal, `values` being Slack's `view.state.values`."""
    changed: dict[str, Outcome | None] = {}
    for block_id, actions in values.items():
        before, _, name = block_id.partition(":")
        chosen = (actions.get(CHOICE_ACTION, {}).get("selected_option") or {}).get("value", before)
        if chosen != before:
            changed[name] = None if chosen == REOPEN else Outcome(chosen)
    return changed


def _open(asked: Sequence[Question], words: QuestionsTexts) -> list[Block]:
    if not asked:
        return [section(words.none)]
    blocks = [section(words.intro)]
    when = None
    for shown, question in enumerate(asked):
        if len(blocks) + 2 > MOST_BLOCKS:
            return [*blocks, context(words.more.format(number=len(asked) - shown))]
        if question.asked_at != when:
            when = question.asked_at
            blocks.append(context(words.asked.format(when=moment(when))))
        blocks.append(_question(question, _shortened(question.text), words))
    return blocks


def _ticked(ticked: Sequence[Question], words: QuestionsTexts) -> list[Block]:
    blocks = []
    for question in ticked:
        if question.ticked:
            outcome = words.outcomes[question.ticked.outcome]
            by = words.ticked_by.format(outcome=outcome, who=f"<@{question.ticked.user_id}>", when=moment(question.ticked.at))
            blocks.append(_question(question, f"{_shortened(question.text)}\n_{by}_", words))
    return [{"type": "divider"}, header(words.ticked), *blocks] if blocks else []


def _question(question: Question, text: str, words: QuestionsTexts) -> Block:
    options = [{"text": plain(words.outcomes[outcome]), "value": outcome.value} for outcome in Outcome]
    choice: Block = {"type": "static_select", "action_id": CHOICE_ACTION, "placeholder": plain(words.choose), "options": options}
    before = question.ticked.outcome.value if question.ticked else REOPEN
    if question.ticked:
        choice["initial_option"] = next(option for option in options if option["value"] == before)
        options.append({"text": plain(words.reopen), "value": REOPEN})
    return section(text) | {"block_id": f"{before}:{question.name}", "accessory": choice}


def _shortened(text: str) -> str:
    first, *rest = fit([escape(text)], TEXT_CHARS)
    return "\n".join(first) + (" …" if rest else "")
