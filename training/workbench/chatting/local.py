"""A model in this process, on transformers: any causal model, with LoRA adapters that can be switched off."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from inference.client import DEFAULT_CONTEXT_TOKENS, Delta, Finished, FinishReason, Usage
from training.workbench.chatting.settings import Sampling
from training.workbench.chatting.styles import Prompt
from training.workbench.errors import WorkbenchError

if TYPE_CHECKING:
    from training.workbench.chatting.pieces import Pieces

LONGEST_CONTEXT = 10**9
"""Tokenizers without a limit name a number above this."""


class LocalModel:
    """`LanguageModel` in this process. It writes one answer at a time; others wait."""

    takes_seed = True

    def __init__(self, model: Any, tokenizer: Any, names: Sequence[str]) -> None:
        """Talk to a transformers or PEFT model with its tokenizer; `names` are the base's and its adapters', from below."""
        self.name, self.name_below = (" + ".join(part) for part in (names, names[:-1] or names))
        self.context_tokens = _context(model, tokenizer)
        self._model, self._tokenizer = model.eval(), tokenizer
        self._writing = threading.Lock()

    @property
    def has_template(self) -> bool:
        """See `LanguageModel.has_template`."""
        return self._tokenizer.chat_template is not None

    async def count(self, prompt: Prompt) -> int:
        """See `LanguageModel.count`."""
        return len(self._encoded(prompt)["input_ids"][0])

    async def stream(self, prompt: Prompt, sampling: Sampling) -> AsyncGenerator[Delta | Finished]:
        """See `LanguageModel.stream`."""
        from training.workbench.chatting.pieces import Pieces

        inputs = self._encoded(prompt)
        pieces = Pieces(self._tokenizer)
        stopped = threading.Event()
        writing = asyncio.create_task(asyncio.to_thread(self._write, inputs, sampling, pieces, stopped))
        try:
            async for text in pieces:
                if text:
                    yield Delta(text)
            yield await writing
        finally:
            stopped.set()  # the next token is the last; until then the model is busy
            await asyncio.wait([writing])
            writing.exception()  # of an answer that nobody waits for any more: looked at, so that asyncio doesn't log it

    async def close(self) -> None:
        """Nothing is open; a model behind a URL has connections."""

    @contextmanager
    def without_adapter(self) -> Iterator[None]:
        """What is below the (last) adapter, in the same memory, as long as the block lasts."""
        with self._model.disable_adapter():
            yield

    def _encoded(self, prompt: Prompt) -> Any:
        """Token ids and attention mask, each (1, tokens), on the model's device."""
        from jinja2 import TemplateError

        if isinstance(prompt, str):
            encoded = self._tokenizer(prompt, return_tensors="pt")
        else:
            try:
                encoded = self._tokenizer.apply_chat_template(
                    list(prompt), add_generation_prompt=True, return_tensors="pt", return_dict=True
                )
            except TemplateError:
                raise WorkbenchError(
                    f"the chat template of {self.name} doesn't take this conversation: try --style markers or no --system"
                ) from None
        encoded.pop("token_type_ids", None)  # of tokenizers made for other models; causal models refuse them
        return encoded.to(self._model.device)

    def _write(self, inputs: Any, sampling: Sampling, pieces: "Pieces", stopped: threading.Event) -> Finished:
        """The whole answer, in a thread; its text goes to `pieces`.

        Raises:
            WorkbenchError: memory ran out.
        """
        import torch
        from transformers import StoppingCriteriaList

        from training.workbench.faults import out_of_memory

        def told_to_stop(ids: torch.Tensor, _scores: Any, **_: Any) -> torch.Tensor:
            return torch.full((len(ids),), stopped.is_set(), dtype=torch.bool, device=ids.device)

        try:
            with self._writing, torch.inference_mode():
                if sampling.seed is not None:
                    torch.manual_seed(sampling.seed)
                ids = self._model.generate(
                    **inputs,
                    generation_config=_generation(sampling, self._tokenizer),
                    streamer=pieces,
                    stopping_criteria=StoppingCriteriaList([told_to_stop]),
                )
        except Exception as error:
            if not out_of_memory(error):
                raise
            raise WorkbenchError("memory ran out: lower max_tokens or memory, or load the model with --quantise nf4") from None
        finally:
            pieces.end()  # a second end is never read
        return _finished(ids, inputs["input_ids"].shape[1], sampling.max_tokens, self._ends())

    def _ends(self) -> set[int]:
        found = self._model.generation_config.eos_token_id
        return set(found if isinstance(found, list) else [found]) | {self._tokenizer.eos_token_id}


def load(path: str, adapters: Sequence[str], **how: Any) -> LocalModel:
    """A model of a folder or the hub with its adapters, by `training.workbench.models`; the name says both.

    Raises:
        WorkbenchError: it can't be loaded, or an adapter was made for another base.
    """
    from training.workbench.models import load_model, load_tokenizer

    model, tokenizer = load_model(path, adapters=tuple(adapters), **how), load_tokenizer(path)
    return LocalModel(model, tokenizer, [part.rstrip("/").rpartition("/")[2] for part in (path, *adapters)])


def _generation(sampling: Sampling, tokenizer: Any) -> Any:
    from transformers import GenerationConfig

    drawn = {"temperature": sampling.temperature, "top_p": sampling.top_p, "top_k": sampling.top_k} if sampling.temperature else {}
    return GenerationConfig(
        max_new_tokens=sampling.max_tokens,
        do_sample=bool(drawn),
        use_cache=True,
        repetition_penalty=sampling.repetition_penalty,
        pad_token_id=tokenizer.eos_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id,
        **drawn,
    )


def _finished(ids: Any, prompt_tokens: int, max_tokens: int, ends: set[int]) -> Finished:
    written = ids[0, prompt_tokens:].tolist()
    cut = len(written) >= max_tokens and written[-1] not in ends
    return Finished(FinishReason.LENGTH if cut else FinishReason.STOP, Usage(prompt_tokens, len(written), None))


def _context(model: Any, tokenizer: Any) -> int:
    """What the model's own configuration says, else its tokenizer's, else what every model worth using has."""
    found = getattr(model.config.get_text_config(), "max_position_embeddings", None) or tokenizer.model_max_length
    return int(found) if found < LONGEST_CONTEXT else DEFAULT_CONTEXT_TOKENS
