"""How many tokens a text has, where no tokenizer is at hand."""

import math


def estimate_tokens(text: str) -> int:
    """How many tokens `text` has at most, give or take, for servers that don't count them.

    Sentencepiece and byte-level tokenizers of the Llama family take three or more ASCII letters a token, one token a digit or
    mark, and fall back to UTF-8 bytes for rarer signs. Chinese comes out two to three times too high, which costs history, not answers.
    """
    letters = sum(char.isascii() and (char.isalpha() or char.isspace()) for char in text)
    rest = sum(len(char.encode(errors="replace")) for char in text if not (char.isascii() and (char.isalpha() or char.isspace())))
    return math.ceil(letters / 3) + rest
