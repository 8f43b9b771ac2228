"""Dialogues as people wrote them, made into conversations that every chat template takes.

Templates want users and assistants in alternation, a user first; the loss is on the assistant's turns. So turns of one speaker that follow
each other are joined; an assistant's words before anybody asked are left out, because they answer nothing, and a user's last words that
nobody answered are left out, because nothing is learned from them. All of it is counted.
"""

from collections.abc import Iterable

from training.corpora.tally import Tally
from training.corpora.tidying import tidy
from training.workbench.rows import Conversation, Turn

JOINED = "turns of one speaker joined"
OPENING = "dialogues that began with the assistant: begun at the first question"
UNANSWERED = "last turns without an answer left out"
EMPTY = "empty turns left out"
NO_ANSWER, NO_QUESTION, DAMAGED, LATE_SYSTEM = "without an answer", "without a question", "damaged characters", "system text in the middle"


def conversation(identity: str, turns: Iterable[Turn], tally: Tally) -> Conversation | None:
    """The conversation that a dialogue makes, or None if it makes none; either way `tally` says what was done."""
    said = _said(turns, tally)
    if said is None:
        tally.dropped[DAMAGED] += 1
        return None
    system, talk = (said[:1], said[1:]) if said and said[0].role == "system" else ([], said)
    if any(turn.role == "system" for turn in talk):
        tally.dropped[LATE_SYSTEM] += 1
        return None
    if not any(turn.role == "user" for turn in talk):
        tally.dropped[NO_QUESTION] += 1
        return None
    alternating = _joined(talk, tally)
    if alternating[0].role == "assistant":
        tally.repaired[OPENING] += 1
        alternating = alternating[1:]
    if alternating[-1].role == "user":
        if len(alternating) > 1:
            tally.repaired[UNANSWERED] += 1
        alternating = alternating[:-1]
    if not alternating:
        tally.dropped[NO_ANSWER] += 1
        return None
    return Conversation(identity, (*system, *alternating))


def opening(row: Conversation) -> str:
    """The first thing that a user says in it: what tells one dialogue from another, however far it was recorded."""
    return next(turn.content for turn in row.messages if turn.role == "user")


def _said(turns: Iterable[Turn], tally: Tally) -> list[Turn] | None:
    """The turns that say something, tidied; None if one of them is damaged."""
    said = []
    for turn in turns:
        text = tidy(turn.content, tally)
        if text is None:
            return None
        if text:
            said.append(Turn(turn.role, text))
        elif turn.role != "system":
            tally.repaired[EMPTY] += 1
    return said


def _joined(turns: list[Turn], tally: Tally) -> list[Turn]:
    joined = turns[:1]
    for turn in turns[1:]:
        if turn.role == joined[-1].role:
            joined[-1] = Turn(turn.role, f"{joined[-1].content}\n{turn.content}")
            tally.repaired[JOINED] += 1
        else:
            joined.append(turn)
    return joined
