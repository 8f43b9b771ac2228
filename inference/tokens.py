"""How many tokens a text has, where no tokenizer is at hand."""

import math

_LETTERS = bytes(code for code in range(128) if chr(code).isalpha() or chr(code).isspace())


def estimate_tokens(text: str) -> int:
    """How many tokens `text` has at most, give or take, for servers that don't count them.

    Sentencepiece and byte-level tokenizers of the Llama family take three or more ASCII letters a token, one token a digit or
    mark, and fall back to UTF-8 bytes for rarer signs. Chinese comes out two to three times too high, which costs history, not answers.
    """
    encoded = text.encode(errors="replace")
    rest = len(encoded.translate(None, _LETTERS))
    return math.ceil((len(encoded) - rest) / 3) + rest
