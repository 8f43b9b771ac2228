"""A case's history as chat messages: the one prompt that serving and training share.

The prompt is append-only. Each turn of a case becomes text once and is not changed later, so the server's prefix cache
holds everything but the newest turn; only a message that is edited or deleted changes the turns that were read from it.
When the token budget is full, old turns leave in one large step (half the budget), not one at a time, because each step costs
a cold cache. They leave right after an answer, as soon as the next turn might not fit, so that the server can read what
remains while the counselor reads the note. The opening description always stays.

What left is not forgotten: a digest of it stands after the opening (`inference.digest`), and a report that touches something said
in it is preceded by those sentences. Both depend on which turns have left, so they change with each large step, and only then.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypedDict

from inference.digest import Correction, Past, Reported, fitting, line_tokens
from inference.note import Language, NoteItem, dump_note, list_note
from inference.safety import Risk, mentioned_risk
from inference.tokens import estimate_tokens


class TurnKind(StrEnum):
    """What happened in the case at this point."""

    DESCRIPTION = "description"
    """The counselor described symptoms or a situation: a full note is asked for."""
    INFORMATION = "information"
    """The counselor added to a description: a full note is asked for that considers it."""
    EDITED = "edited"
    """The counselor handed back an edited note: what is still missing is asked for, nothing else."""
    SUMMARIZE = "summarize"
    """The counselor asks for the final note, from the notes listed."""
    ANSWER = "answer"
    """What the model answered."""


class Message(TypedDict):
    """One chat message as the OpenAI API and chat templates take it."""

    role: str
    content: str


@dataclass(frozen=True)
class Turn:
    """One turn of a case. `text` is the prompt text of the turn; `tokens` its length by the model's own tokenizer."""

    kind: TurnKind
    text: str
    tokens: int = 0


@dataclass(frozen=True)
class Prompt:
    """Messages to send, how many tokens they are estimated at, and how many old turns were left out."""

    messages: tuple[Message, ...]
    tokens: int
    left_out: int


# Tokens that a chat template adds around one message ([INST], role marks, end of sequence), rounded up.
TEMPLATE_TOKENS = 8
RESERVE = 1 / 8
"""Share of the budget that is kept free for the counselor's next turn."""
DIGEST = 1 / 8
"""Share of the budget that the digest of what left may take."""
RECALL = 1 / 16
"""Share of the budget that a report may bring back, but no more than `MOST_RECALLED` tokens."""
MOST_RECALLED = 80

INSTRUCTIONS = {
    Language.ENGLISH: (
        "You assist a psychological counselor. You draft notes for the counselor, who is the author; you never speak to the patient. "
        'Answer with JSON: the lists "analysis", "advice" and "questions", short sentences. Keep to what is reported: name no person, '
        "no disorder and no finding that the counselor did not mention. "
        "If suicide, self-harm, violence or abuse is mentioned, begin with safety."
    ),
    Language.CHINESE: (
        "你协助一位心理咨询师。你为咨询师起草记录，咨询师是作者；你从不直接与来访者说话。"
        '用JSON回答："analysis"、"advice"、"questions"三个列表，句子简短。只依据所报告的内容：'
        "不提咨询师没有提到的人、障碍或发现。如果提到自杀、自伤、暴力或虐待，先写安全。"
    ),
}

LEFT_OUT = {
    Language.ENGLISH: "(Earlier turns are left out here.)",
    Language.CHINESE: "（此处省略较早的内容。）",
}

RECALLED = {
    Language.ENGLISH: "(From earlier in this case:)",
    Language.CHINESE: "（本个案较早的内容：）",
}

_HARM = "Violence or abuse"  # who does it to whom is more than words can tell
DANGER = {
    Language.ENGLISH: {
        Risk.SUICIDE: "(Suicide is mentioned: begin with safety.)",
        Risk.SELF_HARM: "(Self-harm is mentioned: begin with safety.)",
        Risk.ABUSE: f"({_HARM} is mentioned: begin with safety.)",
        Risk.VIOLENCE: f"({_HARM} is mentioned: begin with safety.)",
    },
    Language.CHINESE: {
        Risk.SUICIDE: "（提到了自杀：先写安全。）",
        Risk.SELF_HARM: "（提到了自伤：先写安全。）",
        Risk.ABUSE: "（提到了暴力或虐待：先写安全。）",
        Risk.VIOLENCE: "（提到了暴力或虐待：先写安全。）",
    },
}
"""What the prompt adds to a report that names a danger."""

_REPORTS = frozenset({TurnKind.DESCRIPTION, TurnKind.INFORMATION})
_HEADINGS = {
    Language.ENGLISH: {
        TurnKind.DESCRIPTION: "Description:\n{text}",
        TurnKind.INFORMATION: "More information:\n{text}\nWrite the note again.",
        TurnKind.EDITED: "I edited the note. It now reads:\n{text}\nKeep it as it is. Write only what is missing.",
        TurnKind.SUMMARIZE: "Write the final note of this session from these notes:\n{text}",
    },
    Language.CHINESE: {
        TurnKind.DESCRIPTION: "描述：\n{text}",
        TurnKind.INFORMATION: "补充信息：\n{text}\n请重写记录。",
        TurnKind.EDITED: "我修改了记录，现在是：\n{text}\n请保持原样，只写还缺少的内容。",
        TurnKind.SUMMARIZE: "请根据这些记录写出本次会谈的最终记录：\n{text}",
    },
}


def reported(kind: TurnKind, text: str, language: Language) -> Turn:
    """A turn in which the counselor reports something: a description or added information. A danger that it names is pointed out."""
    risk = mentioned_risk(text, language)
    said = text.strip() if risk is None else f"{text.strip()}\n{DANGER[language][risk]}"
    return Turn(kind, _HEADINGS[language][kind].format(text=said))


def handed_back(kind: TurnKind, items: Sequence[NoteItem], language: Language) -> Turn:
    """A turn that lists a note: the counselor's edited answer, or the notes that a summary is made from."""
    return Turn(kind, _HEADINGS[language][kind].format(text=list_note(items)))


def answered(items: Sequence[NoteItem]) -> Turn:
    """The model's own answer, as it wrote it."""
    return Turn(TurnKind.ANSWER, dump_note(items))


def asks_for_additions(messages: Sequence[Message]) -> bool:
    """Whether the last thing said hands back an edited note, so that the answer may add nothing."""
    ends = (_HEADINGS[language][TurnKind.EDITED].rpartition("{text}")[2] for language in Language)
    return messages[-1]["content"].endswith(tuple(ends))


def last_said(messages: Sequence[Message]) -> tuple[Language, str]:
    """A prompt's language, and what the counselor said last in it, without instructions and without what was brought back from earlier."""
    instructed = (language for language in Language if messages[0]["content"].startswith(INSTRUCTIONS[language]))
    language = next(instructed, Language.ENGLISH)
    said = messages[-1]["content"].removeprefix(INSTRUCTIONS[language]).strip()
    return language, said.partition("\n\n")[2] if said.startswith(RECALLED[language]) else said


def preamble(language: Language) -> str:
    """What stands before the first turn at most; serving and training take its length from the budget alike."""
    return f"{INSTRUCTIONS[language]}\n\n{LEFT_OUT[language]}\n\n"


def build_prompt(
    turns: Sequence[Turn], language: Language, budget: int, preamble_tokens: int = 0, corrections: Sequence[Correction] = ()
) -> Prompt:
    """Chat messages for a case's turns within `budget` tokens.

    `turns` are in order, oldest first, with their `tokens` filled in (0 counts as nothing, as in training). The last turn must be the
    counselor's. Turns of one role in a row are joined, because chat templates demand alternating roles. `corrections` of the digest are
    in the order in which they were made.
    """
    budget -= preamble_tokens
    start = window_start(turns, budget)
    opening = [] if start < 2 else [turns[0]]  # a window that begins at 1 leaves nothing out, as the opening is always sent
    kept = list(turns if start < 2 else turns[start:])
    while opening and kept[:-1] and kept[0].kind is TurnKind.ANSWER:
        kept = kept[1:]
    told = _what_left(turns, start, language, budget, corrections) if opening else _NOTHING
    messages: list[Message] = []
    parts = [INSTRUCTIONS[language], *(turn.text for turn in opening), *told.digest_text(language)]
    role, tokens = "user", preamble_tokens + estimate_tokens("\n".join(told.digest))
    for turn in kept:
        turn_role = "assistant" if turn.kind is TurnKind.ANSWER else "user"
        if turn_role != role:
            messages.append(Message(role=role, content="\n\n".join(parts)))
            parts, role = [], turn_role
        recalled = told.recall_text(turn, language)
        parts += [*recalled, turn.text]
        tokens += sum(map(estimate_tokens, recalled))
    messages.append(Message(role=role, content="\n\n".join(parts)))
    tokens += sum(turn.tokens + TEMPLATE_TOKENS for turn in [*opening, *kept])
    return Prompt(tuple(messages), tokens, len(turns) - len(kept) - len(opening))


@dataclass(frozen=True)
class Left:
    """What a prompt says of the turns that left it: the lines of the digest, and what a report may bring back."""

    upto: int
    """How many turns of the case the digest and the opening stand for."""
    digest: tuple[str, ...] = ()
    past: Past | None = None
    recall_tokens: int = 0

    def digest_text(self, language: Language) -> list[str]:
        """What stands after the opening; nothing while nothing left."""
        if self.past is None:
            return []
        return ["\n".join([LEFT_OUT[language], *(f"- {line}" for line in self.digest)])]

    def recall_text(self, turn: Turn, language: Language) -> list[str]:
        """What stands before a turn; most turns bring nothing back."""
        if self.past is None or turn.kind not in _REPORTS:
            return []
        lines = self.past.recall(_reported(turn, language).text, self.recall_tokens, self.digest)
        return ["\n".join([RECALLED[language], *(f"- {line}" for line in lines)])] if lines else []


_NOTHING = Left(0)


def what_left(turns: Sequence[Turn], language: Language, budget: int, corrections: Sequence[Correction] = ()) -> Left:
    """What a prompt of these turns says of those that are left out of it; `budget` is without the preamble."""
    start = window_start(turns, budget)
    return _NOTHING if start < 2 else _what_left(turns, start, language, budget, corrections)


def _what_left(turns: Sequence[Turn], start: int, language: Language, budget: int, corrections: Sequence[Correction]) -> Left:
    share = _Share.of(budget)
    room = max(budget - turns[0].tokens - turns[start].tokens - 2 * TEMPLATE_TOKENS, 0)  # of budgets that hold little more than two turns
    recall = min(share.recall, room)
    tokens = min(share.digest, room - recall)
    corrected = next((one for one in reversed(corrections) if one.since < len(turns) and one.upto <= start), Correction(1, 0, ()))
    past = Past([_reported(turn, language) for turn in turns[1:start] if turn.kind in _REPORTS])
    lines = fitting(corrected.lines, tokens)
    covered = sum(turn.kind in _REPORTS for turn in turns[1 : corrected.upto])
    added = past.digest(tokens - sum(map(line_tokens, lines)), covered)
    return Left(start, (*lines, *added), past, recall)


def window_start(turns: Sequence[Turn], budget: int) -> int:
    """The index of the first turn that is sent, after the opening one, which is always sent.

    Replays the case from its beginning: whenever a turn makes the window overflow, or an answer leaves less than the reserve for the
    next turn, old turns leave until half the budget is free. The result depends on the history alone, so it stays the same from turn to
    turn until the next large step. Once turns have left, the digest and what reports bring back have their share of the budget.
    """
    if not turns:
        return 0
    share = _Share.of(budget)
    lengths = [turn.tokens + TEMPLATE_TOKENS for turn in turns]
    recalls = [share.recall if turn.kind in _REPORTS else 0 for turn in turns]
    start, used = 0, 0
    for end, turn in enumerate(turns, start=1):
        used += lengths[end - 1] + recalls[end - 1] * (start > 1)
        reserve = int(budget * RESERVE) if turn.kind is TurnKind.ANSWER else 0
        if used + reserve <= budget:
            continue
        while start < end - 1 and used > budget // 2:
            if start == 1:  # the first turns that leave; the opening stays
                used += share.digest + sum(recalls[1:end])
            used -= (lengths[start] + recalls[start]) * (start > 0)
            start += 1
    return start


@dataclass(frozen=True)
class _Share:
    """Tokens of a budget that are for what left: for the digest, and for what one report brings back."""

    digest: int
    recall: int

    @classmethod
    def of(cls, budget: int) -> "_Share":
        return cls(int(budget * DIGEST), min(int(budget * RECALL), MOST_RECALLED))


def _reported(turn: Turn, language: Language) -> Reported:
    """What the counselor reported in a turn, without the words around it."""
    before, _, after = _HEADINGS[language][turn.kind].partition("{text}")
    text = turn.text.removeprefix(before).removesuffix(after)
    remarks = [remark for remark in DANGER[language].values() if text.endswith(remark)]
    return Reported(text.removesuffix(remarks[0]) if remarks else text, bool(remarks))
