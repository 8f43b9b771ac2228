"""Prompts and answers as tokens, for what scores answers or samples them: a prompt is what a model is asked with, an answer ends with the
tokenizer's end-of-sequence token, whichever of the model's end tokens closed it, and only if one did.
"""

from collections.abc import Collection, Sequence
from typing import Any

from training.workbench.config import Render
from training.workbench.errors import WorkbenchError
from training.workbench.rows import Comparison, Conversation, PromptCompletion, Row

Prompt = str | list[dict[str, str]]
"""Running text, or turns for a chat template: TRL's two forms."""


def prompt_of(row: Row, render: Render) -> Prompt:
    """What a row asks: its prompt, or all turns before the last one of the assistant.

    Raises:
        WorkbenchError: running text asks nothing.
    """
    if isinstance(row, Conversation):
        last = max((place for place, turn in enumerate(row.messages) if turn.role == "assistant"), default=len(row.messages))
        return [{"role": turn.role, "content": turn.content} for turn in row.messages[:last]]
    if isinstance(row, PromptCompletion | Comparison):
        return row.prompt if render is Render.PLAIN else [{"role": "user", "content": row.prompt}]
    raise WorkbenchError("rows of the form text have no prompts to answer: give conversations, prompts with completions, or comparisons")


def prompt_tokens(tokenizer: Any, prompt: Prompt) -> list[int]:
    """The tokens that a model is asked with.

    Raises:
        WorkbenchError: there is no chat template.
    """
    if isinstance(prompt, str):
        found: list[int] = tokenizer(prompt)["input_ids"]
        return found
    return _tokens(tokenizer, _rendered(tokenizer, prompt, True))


def answer_tokens(tokenizer: Any, prompt: Prompt, answer: str, ends: Collection[int]) -> list[int]:
    """The tokens of a finished answer, as they come after the prompt's.

    Raises:
        WorkbenchError: there is no chat template, or it changes the prompt when an answer follows.
    """
    if isinstance(prompt, str):
        return closed([*_tokens(tokenizer, answer), int(tokenizer.eos_token_id)], ends, tokenizer)
    before = _rendered(tokenizer, prompt, True)
    whole = _rendered(tokenizer, [*prompt, {"role": "assistant", "content": answer}], False)
    if not whole.startswith(before):
        raise WorkbenchError("the chat template writes a prompt in another way when an answer follows: choose data.render plain, or another template")
    tokens = _tokens(tokenizer, whole.removeprefix(before))
    return closed([*tokens, int(tokenizer.eos_token_id)], ends, tokenizer)


def closed(tokens: Sequence[int], ends: Collection[int], tokenizer: Any) -> list[int]:
    """An answer up to its first end token, which becomes the tokenizer's own; one that was cut off stays without."""
    for place, token in enumerate(tokens):
        if token in ends:
            return [*tokens[:place], int(tokenizer.eos_token_id)]
    return list(tokens)


def _rendered(tokenizer: Any, turns: Sequence[dict[str, str]], asking: bool) -> str:
    if tokenizer.chat_template is None:
        raise WorkbenchError("the tokenizer has no chat template: set model.chat_template, or data.render to plain")
    text: str = tokenizer.apply_chat_template(list(turns), tokenize=False, add_generation_prompt=asking)
    return text


def _tokens(tokenizer: Any, text: str) -> list[int]:
    found: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    return found
