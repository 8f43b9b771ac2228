"""Rows as tokens, and which of them are learned: one place for every form, so that training, measuring and chat ask in the same words.

- prompt with completion: the completion and the token that ends it
- conversation: the assistant's turns and the tokens that end them, and nothing else, for any chat template; TRL's own way needs a template
  with `{% generation %}` in it, which most models have not
- text: all of it, and its end

A prompt is cut into tokens by itself, as a server does; what a template has written at the beginning is not written a second time.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from training.workbench.config import Render, TooLong
from training.workbench.errors import WorkbenchError
from training.workbench.rows import Conversation, PromptCompletion, Row, Text, Turn

IGNORED = -100
"""The label of tokens that are not learned, as torch and transformers have it."""


@dataclass(frozen=True)
class Encoded:
    """A row as tokens; `labels` are the tokens that are learned, elsewhere `IGNORED`. Both (tokens,)."""

    input_ids: tuple[int, ...]
    labels: tuple[int, ...]


@dataclass(frozen=True)
class Rows:
    """Rows that fit, and what became of all of them."""

    rows: tuple[Encoded, ...]
    counts: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Encoder:
    """Cuts rows into tokens. `ends` are the tokens that end an answer (`models.end_tokens`)."""

    tokenizer: Any
    ends: frozenset[int]
    render: Render = Render.CHAT

    def encode(self, row: Row) -> Encoded:
        """A row of any form but comparisons.

        Raises:
            WorkbenchError: the tokenizer has no chat template, or one that writes a turn otherwise once others follow.
        """
        match row:
            case PromptCompletion():
                return self._prompt_completion(row)
            case Conversation():
                return self.conversation(row.messages)
            case Text():
                ids = self._ended(self.plain(row.text))
                return Encoded(ids, ids)
            case _:
                raise WorkbenchError("comparisons are for reward models: `phyassist train reward`")

    def prompt(self, prompt: str) -> tuple[int, ...]:
        """What a model is asked with, for an answer to a prompt of the form prompt-completion."""
        if self.render is Render.PLAIN:
            return self.plain(prompt)
        return self.asked((Turn("user", prompt),))

    def asked(self, turns: Sequence[Turn]) -> tuple[int, ...]:
        """What a model is asked with, for the next turn of a conversation."""
        return self._cut(self._rendered(turns, asking=True))[0]

    def plain(self, text: str) -> tuple[int, ...]:
        """A text with what the tokenizer writes before it, its first token not twice."""
        ids = tuple(self.tokenizer(text)["input_ids"])
        first = self.tokenizer.bos_token_id
        ids = ids[1:] if first is not None and ids[:2] == (first, first) else ids
        return ids[:-1] if len(ids) > 1 and ids[-1] == self.tokenizer.eos_token_id and not text.endswith(self.tokenizer.eos_token) else ids

    def conversation(self, turns: Sequence[Turn]) -> Encoded:
        """A conversation, of which the assistant's turns are learned."""
        whole = self._rendered(turns, asking=False)
        ids, places = self._cut(whole)
        learned = [False] * len(ids)
        for number, turn in enumerate(turns):
            if turn.role == "assistant":
                begin, end = self._span(turns, number, whole)
                self._learn(ids, places, begin, end, learned)
        if turns[-1].role == "assistant" and learned and learned[-1] and ids[-1] not in self.ends:
            ids, learned = (*ids, int(self.tokenizer.eos_token_id)), [*learned, True]
        return Encoded(ids, tuple(token if one else IGNORED for token, one in zip(ids, learned, strict=True)))

    def _prompt_completion(self, row: PromptCompletion) -> Encoded:
        if self.render is Render.CHAT:
            return self.conversation((Turn("user", row.prompt), Turn("assistant", row.completion)))
        prompt, whole = self.plain(row.prompt), self.plain(row.prompt + row.completion)
        if whole[: len(prompt)] != prompt:  # a token reaches over the border, which a server, cutting the prompt alone, can't have
            whole = prompt + tuple(self.tokenizer(row.completion, add_special_tokens=False)["input_ids"])
        ids = self._ended(whole)
        return Encoded(ids, (IGNORED,) * len(prompt) + ids[len(prompt) :])

    def _span(self, turns: Sequence[Turn], number: int, whole: str) -> tuple[int, int]:
        """The characters of an assistant's turn in the whole text: from what the model is asked with to where the turn ends."""
        asked = self._rendered(turns[:number], asking=True)
        answered = self._rendered(turns[: number + 1], asking=False)
        if not (whole.startswith(answered.rstrip()) and answered.startswith(asked)):
            raise WorkbenchError(
                "the chat template writes a turn otherwise once others follow or are asked for, so answers can't be told from questions: "
                "give another one (model.chat_template), or rows of the form text"
            )
        return len(asked), len(answered)

    def _learn(self, ids: Sequence[int], places: Sequence[tuple[int, int]], begin: int, end: int, learned: list[bool]) -> None:
        """Marks the tokens of a turn up to the first that ends it. Some templates have none: there the next turn's header is what a model
        writes to end its own, and is marked if it is one of the tokens that end an answer."""
        inside = [place for place, (first, last) in enumerate(places) if first < end and last > begin and first != last]
        for place in inside:
            learned[place] = True
            if ids[place] in self.ends:
                learned[place + 1 : inside[-1] + 1] = [False] * (inside[-1] - place)
                return
        after = inside[-1] + 1 if inside else len(ids)
        if after < len(ids) and ids[after] in self.ends:
            learned[after] = True

    def _rendered(self, turns: Sequence[Turn], asking: bool) -> str:
        if self.tokenizer.chat_template is None:
            raise WorkbenchError(
                "the model's tokenizer has no chat template: set model.chat_template (human-assistant, say), or data.render to plain "
                "for prompts with completions"
            )
        messages = [{"role": turn.role, "content": turn.content} for turn in turns]
        try:
            text: str = self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=asking)
        except Exception as error:
            if type(error).__module__.startswith("jinja2"):
                raise WorkbenchError(f"the chat template does not take a conversation of these roles: {error}") from None
            raise
        return text

    def _cut(self, text: str) -> tuple[tuple[int, ...], list[tuple[int, int]]]:
        """Tokens and their characters; the template has written the first token already, so none is added."""
        cut = self.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        return tuple(cut["input_ids"]), cut["offset_mapping"]

    def _ended(self, ids: tuple[int, ...]) -> tuple[int, ...]:
        return ids if ids and ids[-1] in self.ends else (*ids, int(self.tokenizer.eos_token_id))


def encode_rows(rows: Iterable[Row], encoder: Encoder, max_length: int, too_long: TooLong) -> Rows:
    """Rows as tokens, those that are too long treated as the settings say.

    Raises:
        WorkbenchError: none is left, or one is too long and that was to be refused.
    """
    encoded = [encoder.encode(row) for row in rows]
    kept, longest = [], max((len(one.input_ids) for one in encoded), default=0)
    counts = {"rows": len(encoded), "too_long": 0, "nothing_to_learn": 0}
    for one in encoded:
        if len(one.input_ids) > max_length:
            counts["too_long"] += 1
            if too_long is TooLong.DROP:
                continue
            if too_long is TooLong.REFUSE:
                raise WorkbenchError(
                    f"a row has {len(one.input_ids)} tokens, data.max_length is {max_length}: raise it, or let rows be dropped"
                )
            one = _shorter(one, max_length)  # noqa: PLW2901  # the same row
        if all(label == IGNORED for label in one.labels):
            counts["nothing_to_learn"] += 1
            continue
        kept.append(one)
    counts["used"] = len(kept)
    counts["tokens"] = sum(len(one.input_ids) for one in kept)
    if not kept:
        why = f"all {counts['too_long']} are longer than data.max_length, {max_length}; the longest has {longest} tokens"
        raise WorkbenchError(f"no row is left to learn from: {why if counts['too_long'] else 'none has an answer'}")
    return Rows(tuple(kept), counts)


def _shorter(row: Encoded, length: int) -> Encoded:
    """The row in so many tokens or fewer: an answer that is cut still ends with the token that ends it, whatever a template writes behind
    that; where the limit falls into a question, the row ends with the answer before it."""
    learned = [place for place, label in enumerate(row.labels) if label != IGNORED]
    before = [place for place in learned if place < length]
    if learned and learned[-1] >= length and row.labels[length - 1] != IGNORED:
        kept: tuple[int, ...] = (*range(length - 1), learned[-1])
    else:
        kept = tuple(range(before[-1] + 1 if before else length))
    return Encoded(*(tuple(ids[place] for place in kept) for ids in (row.input_ids, row.labels)))
