"""Learning from edits: the pair of a draft and what the counselor made of it, as units for DPO or samples for SALT.

SALT (Yao et al., EMNLP 2023) looks at words: those which the counselor brought in are to become likelier, those which were taken out
unlikely, and those which stand in both stay. What was taken out is found item by item first (`training.data.edits`), so an item that merely
changed its place counts as kept, then token by token within items that were rewritten.
"""

import json
from collections.abc import Sequence

from rapidfuzz.distance import Indel

from inference.errors import InvalidNote
from inference.note import FIELD, NoteItem, parse_additions
from training.data.edits import Fate, align
from training.data.examples import Preference
from training.qlora.recipe import Recipe
from training.qlora.rows import Encoded, RowEncoder, Sample, Unit

Span = tuple[int, int]


def encode_pair(pair: Preference, encoder: RowEncoder) -> tuple[Encoded, Encoded]:
    """The answer that won and the one that lost, each after the prompt."""
    return encoder.encode(pair.messages, pair.chosen), encoder.encode(pair.messages, pair.rejected)


def dpo_unit(won: Encoded, lost: Encoded) -> Unit:
    """A pair as two rows of one batch, the winner first."""
    return ((won.sample(),), (lost.sample(),))


def salt_samples(pair: Preference, won: Encoded, lost: Encoded, recipe: Recipe) -> list[Sample]:
    """The edit and the draft, each token with its weight; a side on which no token has any is left out."""
    in_draft, in_edit = shared_tokens(pair.rejected, lost, pair.chosen, won)
    edit = won.sample([recipe.salt_kept if kept else recipe.salt_added for kept in in_edit])
    draft = lost.sample([recipe.salt_kept if kept else -recipe.salt_removed for kept in in_draft])
    return [sample for sample in (edit, draft) if any(sample.weights)]


def shared_tokens(draft_text: str, draft: Encoded, edit_text: str, edit: Encoded) -> tuple[list[bool], list[bool]]:
    """For each token of the draft and of the edit: does it stand in the other as well?

    What holds a note together, the brackets and the end, always does. Texts that are no notes are compared as two rows of tokens.
    """
    before, after = item_spans(draft_text), item_spans(edit_text)
    if before is None or after is None:
        return _compared(draft.answer, edit.answer)
    in_draft, in_edit = [True] * len(draft.answer), [True] * len(edit.answer)
    for line in align([item for item, _ in before], [item for item, _ in after]).lines:
        if line.fate is Fate.KEPT:
            continue
        mine = [] if line.before is None else _inside(before[line.before][1], draft.spans)
        other = [] if line.after is None else _inside(after[line.after][1], edit.spans)
        kept = _compared([draft.answer[place] for place in mine], [edit.answer[place] for place in other])
        for places, flags, target in ((mine, kept[0], in_draft), (other, kept[1], in_edit)):
            for place, flag in zip(places, flags, strict=True):
                target[place] = flag
    return in_draft, in_edit


def item_spans(text: str) -> list[tuple[NoteItem, Span]] | None:
    """The items of a note with the characters of their texts, quotation marks left out; None if the text is not a note as we write it."""
    try:
        items = parse_additions(text)
    except InvalidNote:
        return None
    found: list[tuple[NoteItem, Span]] = []
    written = "{"
    for kind, field in FIELD.items():
        written += f'{"," if len(written) > 1 else ""}"{field}":['
        for place, item in enumerate(one for one in items if one.kind is kind):
            quoted = json.dumps(item.text, ensure_ascii=False)
            written += "," if place else ""
            found.append((item, (len(written) + 1, len(written) + len(quoted) - 1)))
            written += quoted
        written += "]"
    return found if written + "}" == text else None


def _inside(span: Span, tokens: Sequence[Span]) -> list[int]:
    """The tokens that lie within some characters; one that also covers a bracket or a quotation mark belongs to the note's frame."""
    return [place for place, (begin, end) in enumerate(tokens) if span[0] <= begin < end <= span[1]]


def _compared(one: Sequence[int], other: Sequence[int]) -> tuple[list[bool], list[bool]]:
    """For each token of both, whether it is in the longest common subsequence."""
    in_one, in_other = [False] * len(one), [False] * len(other)
    for step in Indel.opcodes(one, other):
        if step.tag == "equal":
            in_one[step.src_start : step.src_end] = [True] * (step.src_end - step.src_start)
            in_other[step.dest_start : step.dest_end] = [True] * (step.dest_end - step.dest_start)
    return in_one, in_other
