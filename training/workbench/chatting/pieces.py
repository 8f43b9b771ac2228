"""The text of an answer while its tokens are drawn."""

from typing import Any

from transformers import AsyncTextIteratorStreamer


class Pieces(AsyncTextIteratorStreamer):  # type: ignore[misc]  # transformers has no types here
    """Whole words of an answer as they are complete, to be read with `async for`; joined they are the whole answer's decoding.

    The library's own begins to decode anew after each line, where tokenizers of the Llama kind (Mixtral's too) drop a space: lists would
    lose their indentation. Here the whole answer is decoded at each token, which costs nothing beside drawing it.
    """

    token_cache: list[int]
    print_len: int
    next_tokens_are_prompt: bool

    def __init__(self, tokenizer: Any) -> None:
        """Read in the event loop that runs now; tokens may come from any thread."""
        super().__init__(tokenizer, skip_prompt=True, skip_special_tokens=True)

    def put(self, value: Any) -> None:
        """Take the prompt's token ids, (1, tokens), which are skipped, then one more token at each call."""
        if self.next_tokens_are_prompt:
            self.next_tokens_are_prompt = False
            return
        self.token_cache.extend(value.tolist())
        text = self.tokenizer.decode(self.token_cache, **self.decode_kwargs)
        whole = text.endswith("\n") or (text and self._is_chinese_char(ord(text[-1])))
        end = len(text) if whole else text.rfind(" ") + 1
        if end > self.print_len:
            self.on_finalized_text(text[self.print_len : end])
            self.print_len = end
