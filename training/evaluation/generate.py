"""Answers of a model in this process, batch by batch, by transformers' own `generate`.

Prompts are padded on the left, so that every answer begins right behind its prompt. Questions of like length share a batch; which ones do
depends on nothing but the questions, and chance begins anew with each batch, so a run that was killed ends like one that was not.
"""

import hashlib
from collections.abc import Collection, Sequence
from typing import Any

import torch
from transformers import GenerationConfig

from training.evaluation.predictions import Answer
from training.evaluation.questions import Question
from training.evaluation.source import Decoding, trimmed
from training.workbench.encoding import Encoder
from training.workbench.errors import WorkbenchError
from training.workbench.faults import out_of_memory


class LocalSource:
    """A causal model and its tokenizer, as `training/workbench/models.py` loads them. `ends` are the tokens that end an answer. `batch`
    questions are answered at once; when memory runs out, half of them."""

    def __init__(self, model: Any, tokenizer: Any, ends: Collection[int], decoding: Decoding, batch: int = 8) -> None:
        self._model, self._tokenizer, self._decoding, self._batch = model.eval(), tokenizer, decoding, batch
        self._ends, self._encoder = sorted(ends), Encoder(tokenizer, frozenset(ends), decoding.render)
        self._pad: int = tokenizer.pad_token_id
        # Whatever the model's publisher recommends for chats (temperatures, penalties) would slip into every setting that is left open.
        model.generation_config = GenerationConfig(eos_token_id=self._ends, pad_token_id=self._pad)

    def plan(self, questions: Sequence[Question]) -> list[list[Question]]:
        """See `Source.plan`."""
        lengths = {one.id: len(self.prompt_ids(one)) for one in questions}
        context = context_of(self._model)
        room = None if context is None else context - self._decoding.max_new_tokens
        if long := [length for length in lengths.values() if room is not None and length > room]:
            raise WorkbenchError(
                f"{len(long)} of {len(questions)} prompts are too long: the longest has {max(long)} tokens, and {room} are left beside an "
                f"answer of {self._decoding.max_new_tokens}. Ask for shorter answers with --max-new-tokens, or leave these rows out"
            )
        ordered = sorted(questions, key=lambda one: (-lengths[one.id], one.id))
        return [ordered[start : start + self._batch] for start in range(0, len(ordered), self._batch)]

    def answers(self, batch: Sequence[Question]) -> list[Answer]:
        """See `Source.answers`."""
        try:
            return self._answers(batch)
        except Exception as error:
            if not out_of_memory(error):
                raise
            if len(batch) == 1:
                raise WorkbenchError("memory runs out with a single prompt: shorter answers, a smaller model, or --quantise nf4") from None
        torch.cuda.empty_cache()
        half = (len(batch) + 1) // 2
        return [*self.answers(batch[:half]), *self.answers(batch[half:])]

    def prompt_ids(self, question: Question) -> list[int]:
        """The tokens of a prompt, as in training. Raises: WorkbenchError, where it can't be rendered."""
        asked = question.prompt
        if question.plain:
            return list(self._encoder.plain(str(asked)))
        return list(self._encoder.prompt(asked) if isinstance(asked, str) else self._encoder.asked(asked))

    def _answers(self, batch: Sequence[Question]) -> list[Answer]:
        ids = [self.prompt_ids(one) for one in batch]
        width = max(map(len, ids))
        rows = torch.tensor([[self._pad] * (width - len(row)) + row for row in ids])  # [batch, width]
        mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in ids])
        how, device = self._decoding, self._model.device
        sampling = {"temperature": how.temperature, "top_p": how.top_p, "top_k": 0} if how.temperature else {}
        config = GenerationConfig(max_new_tokens=how.max_new_tokens, do_sample=bool(how.temperature), use_cache=True, **sampling)
        stop = {"stop_strings": list(how.stop), "tokenizer": self._tokenizer} if how.stop else {}
        with torch.random.fork_rng(), torch.inference_mode():
            torch.manual_seed(_seed(how.seed, batch))
            written = self._model.generate(input_ids=rows.to(device), attention_mask=mask.to(device), generation_config=config, **stop)
        return [self._answer(row[width:].tolist()) for row in written]

    def _answer(self, ids: Sequence[int]) -> Answer:
        """An answer from its tokens, which may end in an end mark and padding."""
        end = next((place for place, token in enumerate(ids) if token in self._ends), len(ids))
        text = self._tokenizer.decode(ids[:end], skip_special_tokens=True, clean_up_tokenization_spaces=False)
        stopped = any(mark in text for mark in self._decoding.stop)
        return Answer(trimmed(text, self._decoding.stop), end, cut=end == self._decoding.max_new_tokens and not stopped)


def context_of(model: Any) -> int | None:
    """How many tokens a model takes, prompt and answer together; None where its positions have no end (ALiBi)."""
    found = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    return None if found is None else int(found)


def _seed(seed: int, batch: Sequence[Question]) -> int:
    """A seed of a batch's own: 63 bits of a hash."""
    named = f"{seed} {' '.join(one.id for one in batch)}"
    return int.from_bytes(hashlib.sha256(named.encode()).digest()[:8]) >> 1
