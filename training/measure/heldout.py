"""One held-out example or preference pair, as one model fares on it.

The loss is that of the completion alone, as in training: its tokens and the end mark, behind the prompt that the server's own template
makes. The model's own note is asked for as the bot asks, at temperature 0 and held to the note's schema. A note that runs into the token
limit counts as none: the bot would mend it, but a model that misses its end is not to be promoted for that. How near a model comes to the
approved note is asked line by line (`followed.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from inference.client import ChatModel, Delta, FinishReason
from inference.errors import InvalidNote
from inference.likelihood import Likelihood, Tokens
from inference.note import NoteItem, note_schema, parse_additions, parse_note
from inference.prompt import Message, asks_for_additions
from training.data.examples import Example, Preference
from training.measure.followed import followed
from training.measure.served import Asking

OwnNote = tuple[NoteItem, ...] | None
"""What a model answers; None where that is no note."""


@dataclass(frozen=True)
class Asked:
    """Both ways of asking one model of one server."""

    model: ChatModel
    likelihood: Likelihood
    name: str
    asking: Asking


async def example_row(asked: Asked, example: Example) -> dict[str, float | bool | int | None]:
    """Fields of an `ExampleScore`; tokens 0 where prompt and completion are more than the model takes.

    Raises:
        ModelUnavailable, ModelRefused: as the client.
    """
    tokens = await asked.likelihood.tokens(asked.name, example.messages, example.completion)
    if not tokens.fits:
        return {"tokens": 0}
    lost = -await _total(asked, tokens) / len(tokens.answer)
    note = await own_note(asked, example.messages)
    row: dict[str, float | bool | int | None] = {"tokens": len(tokens.answer), "loss": _not_below_zero(lost), "valid": note is not None}
    if note is not None:
        near = await followed(asked.likelihood, asked.name, example)
        row |= {"edit_distance": near.distance, "kept_item_rate": near.kept_item_rate}
    return row


async def pair_row(asked: Asked, pair: Preference) -> dict[str, float | bool | int | None]:
    """Fields of a `PairScore`; `fits` is false where a side is more than the model takes. Raises: as `example_row`."""
    chosen = await asked.likelihood.tokens(asked.name, pair.messages, pair.chosen)
    rejected = await asked.likelihood.tokens(asked.name, pair.messages, pair.rejected)
    if not (chosen.fits and rejected.fits):
        return {"fits": False}
    return {"fits": True, "margin": await _total(asked, chosen) - await _total(asked, rejected)}


async def own_note(asked: Asked, messages: Sequence[Message]) -> OwnNote:
    """What the model answers, as the bot would read it; None where that is no note. Raises: as `example_row`."""
    additions = asks_for_additions(messages)
    how = asked.asking
    schema = note_schema(0 if additions else 1, how.limits)
    text, reason = "", None
    async for event in asked.model.stream(messages, model=asked.name, max_tokens=how.max_tokens, schema=schema, priority=how.priority):
        if isinstance(event, Delta):
            text += event.text
        else:
            reason = event.reason
    if reason is FinishReason.LENGTH:
        return None
    try:
        return (parse_additions if additions else parse_note)(text)
    except InvalidNote:
        return None


async def _total(asked: Asked, tokens: Tokens) -> float:
    """The log probability of the whole answer, nats."""
    found = await asked.likelihood.logprobs(asked.name, (*tokens.prompt, *tokens.answer))
    return sum(found[len(tokens.prompt) - 1 :])


def _not_below_zero(loss: float) -> float:
    """Rounding can bring the loss of a certain answer below zero; NaN stays NaN."""
    return 0.0 if loss < 0 else loss
