"""Training rows of one case: what was approved or accepted is to be learned, what was edited away lost against it.

The prompt is made by `inference.prompt.build_prompt` from the very turns that stood in it, within the same token budget, so it equals
the prompt that was served; de-identification is the one difference. What is learned from an answer is the note as the counselor left it:

    description, information   the whole note: what was handed back, with what was then accepted of the answers to that edit
    edited                     the same, less what was handed back before: the prompt asks for what is missing alone
    summarize                  the approved summary, and nothing where it isn't approved

Information that came later is not learned from an earlier prompt, which could not know it. Consent counts as it stands now: a case
without it yields nothing, a case with it yields all its answers, those before the day of consent included.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from inference.errors import InvalidNote
from inference.note import Language, NoteItem, clean_text, dump_note, parse_additions
from inference.prompt import TEMPLATE_TOKENS, Message, Turn, TurnKind, answered, build_prompt, preamble
from training.data.edits import Counts, align
from training.data.records import AnswerEvent, CaseRecord, Reason, Verdict

Clean = Callable[[str], str]


class Source(StrEnum):
    """Where an example comes from."""

    SUMMARY = "summary"
    EDIT = "edit"
    ACCEPTED = "accepted"
    BASE = "base"
    CANARY = "canary"


@dataclass(frozen=True)
class Example:
    """A prompt, alternating from user to user, and the answer to learn. `night` names the night that made it."""

    case_id: str
    messages: tuple[Message, ...]
    completion: str
    source: Source
    night: str


@dataclass(frozen=True)
class Preference:
    """A prompt with the answer that won and the one that lost; `counts` says what was done to the one to get the other."""

    case_id: str
    messages: tuple[Message, ...]
    chosen: str
    rejected: str
    counts: Counts
    reason: Reason | None
    night: str


@dataclass(frozen=True)
class Rows:
    """Examples and preference pairs, oldest first."""

    examples: tuple[Example, ...] = ()
    preferences: tuple[Preference, ...] = ()


@dataclass(frozen=True)
class Budget:
    """What the server had for a prompt: `tokens`, template included, counted by `count`, the model's own tokenizer."""

    tokens: int
    count: Callable[[str], int]

    def preamble(self, language: Language) -> int:
        """Tokens of what stands before the first turn, as the bot reserves them."""
        return self.count(preamble(language)) + TEMPLATE_TOKENS

    def counted(self, turns: Sequence[Turn]) -> list[Turn]:
        """Turns that were stored without a length get theirs."""
        return [turn if turn.tokens else replace(turn, tokens=self.count(turn.text)) for turn in turns]


def build_rows(record: CaseRecord, clean: Clean, budget: Budget, night: str) -> Rows:
    """The training rows of one case; none without consent.

    `clean` takes names and the like out of each text. Lengths stay those of the texts as they were served, so the same turns are left
    out of a long prompt as were then.
    """
    if record.consent is None:
        return Rows()
    turns = [_cleaned(turn, clean) for turn in budget.counted(record.turns)]
    corrections = [replace(one, lines=tuple(map(clean, one.lines))) for one in record.corrections]
    reserved = budget.preamble(record.language)
    examples: list[Example] = []
    preferences: list[Preference] = []
    for index, event in enumerate(record.events):
        final = outcome(record, index)
        if final is None:
            continue
        asked = record.turns[event.asked].kind
        won, lost = (_clean_items(items, clean) for items in _sides(asked, event, final))
        if not won:  # nothing to learn from, not even that nothing is missing: an edit may have taken everything out
            continue
        messages = build_prompt(turns[: event.asked + 1], record.language, budget.tokens, reserved, corrections).messages
        if asked is not TurnKind.SUMMARIZE or event.verdict is Verdict.APPROVED:
            examples.append(Example(record.id, messages, dump_note(won), _source(asked, event), night))
        change = align(lost, won)
        if event.edit and lost and not change.unchanged:
            pair = Preference(record.id, messages, dump_note(won), dump_note(lost), change.counts, event.edit.reason, night)
            preferences.append(pair)
    return Rows(tuple(examples), tuple(preferences))


def outcome(record: CaseRecord, index: int) -> tuple[NoteItem, ...] | None:
    """The whole note as the counselor left it after an answer; None while nobody stands behind it.

    An edit stands as it was handed back. If the answer to that edit was accepted or edited in turn, the note as it stood then counts.
    """
    event = record.events[index]
    if event.edit is None:
        return (*event.kept, *event.draft) if event.verdict is not Verdict.OPEN else None
    following = next((place for place in range(index + 1, len(record.events)) if record.events[place].note_id == event.note_id), None)
    if following is not None and record.turns[record.events[following].asked].kind is TurnKind.EDITED:
        return outcome(record, following) or event.edit.items
    return event.edit.items


def _sides(asked: TurnKind, event: AnswerEvent, final: tuple[NoteItem, ...]) -> tuple[tuple[NoteItem, ...], tuple[NoteItem, ...]]:
    """What won and what lost, as answers to the turn: the whole note, or after an edit only what was not handed back with it."""
    shown = (*event.kept, *event.draft)
    if asked is not TurnKind.EDITED:
        return final, shown
    standing = {line.after for line in align(shown, final).lines if line.before is not None and line.before < len(event.kept)}
    return tuple(item for place, item in enumerate(final) if place not in standing), event.draft


def _source(asked: TurnKind, event: AnswerEvent) -> Source:
    if asked is TurnKind.SUMMARIZE:
        return Source.SUMMARY
    return Source.EDIT if event.edit else Source.ACCEPTED


def _cleaned(turn: Turn, clean: Clean) -> Turn:
    """The turn with a clean text and its length as served; an answer is cleaned item by item, so that it stays JSON."""
    if turn.kind is TurnKind.ANSWER:
        try:
            return replace(answered(_clean_items(parse_additions(turn.text), clean)), tokens=turn.tokens)
        except InvalidNote:
            pass
    return replace(turn, text=clean(turn.text))


def _clean_items(items: Sequence[NoteItem], clean: Clean) -> tuple[NoteItem, ...]:
    cleaned = (replace(item, text=clean_text(clean(item.text))) for item in items)
    return tuple(item for item in cleaned if item.text)
