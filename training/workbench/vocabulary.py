"""More tokens for a tokenizer: byte-pair encoding goes on, on new text, from where the tokenizer stopped.

A model that met little Chinese cuts it into characters or bytes, so texts take more room and time than they need. BELLE gave LLaMA 50,000
tokens more for that (Ji et al., 2023). Here new merges are learned over the old tokenizer's pieces and rank below all old ones ("continued
BPE training", Purason et al., 2025), so each new token can be reached, and a text that holds none of them is cut as it was.

Two kinds of tokenizers are known, which is nearly all of them: byte-level ones, as GPT-2's, Bloom's and Falcon's, and those in the way of
SentencePiece with `▁` for a space, as LLaMA's and Mixtral's. The latter get characters first which they had to spell in bytes.
"""

import json
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from training.workbench.errors import WorkbenchError

SPACE = "▁"
COVERAGE = 0.9995
"""The share of all characters that shall be tokens of their own where they were bytes: SentencePiece's default, `character_coverage`."""
LONGEST = 16
"""Old pieces in a new token at most: SentencePiece's default for the characters of one."""
SPARE = 1.2
"""How many more merges are learned than asked for, since some are left out."""
FIRST_STAND_IN = 0x10000
"""Each old piece is stood in for by one character from here on, where none is a space or half of a pair: a million of them."""
BATCH = 1000


@dataclass(frozen=True)
class Expansion:
    """A tokenizer with its new tokens."""

    tokenizer: Tokenizer
    pieces: Mapping[int, tuple[int, ...]]
    """The old tokens that each new one stands for, by its id; ids of new ones follow all old ones without a gap."""
    characters: int
    """How many of the new tokens are characters that were bytes or unknown before."""

    @property
    def first(self) -> int:
        """The lowest new id."""
        return min(self.pieces)


def expand(old: Tokenizer, texts: Sequence[str], tokens: int, at_least: int = 2) -> Expansion:
    """Learns up to `tokens` new tokens from texts, each of which occurs `at_least` times; fewer where the texts don't have as many.

    Raises:
        WorkbenchError: the tokenizer is of another kind, or the texts have nothing that occurs often enough.
    """
    layout = json.loads(old.to_str())
    byte_level = _is_byte_level(layout)
    first = max(old.get_vocab(with_added_tokens=True).values()) + 1
    vocabulary = layout["model"]["vocab"]
    # Otherwise their ids would be counted on from the number of tokens in the vocabulary when the file is read, and that changes.
    vocabulary.update({one["content"]: one["id"] for one in layout["added_tokens"]})
    characters = [] if byte_level else _characters(old, texts, at_least)[:tokens]
    pieces = {first + place: tuple(old.encode(character, add_special_tokens=False).ids) for place, character in enumerate(characters)}
    if not byte_level:  # a space that stands before each text is not part of the character
        pieces = {new: tuple(one for one in ids if old.id_to_token(one) != SPACE) or ids for new, ids in pieces.items()}
    vocabulary.update({character: first + place for place, character in enumerate(characters)})
    with_characters = Tokenizer.from_str(json.dumps(layout))
    for left, right in _learned(with_characters, texts, tokens - len(characters), at_least, byte_level):
        layout["model"]["merges"].append([left, right])
        if left + right not in vocabulary:
            new = first + len(pieces)
            pieces[new] = (*_old_pieces(vocabulary[left], pieces), *_old_pieces(vocabulary[right], pieces))
            vocabulary[left + right] = new
    if not pieces:
        raise WorkbenchError(f"the text has nothing new that occurs {at_least} times: give more of it, or text of another kind")
    merged = Tokenizer.from_str(json.dumps(layout))
    _check_old_ids(old, merged)
    return Expansion(merged, pieces, len(characters))


def _is_byte_level(layout: Mapping[str, Any]) -> bool:
    """Whether its pieces are bytes, or else words with `▁`.

    Raises:
        WorkbenchError: neither, or not byte-pair encoding at all.
    """
    model = layout["model"]
    if model.get("type") != "BPE":
        raise WorkbenchError(f"the tokenizer is of the kind {model.get('type')}: only byte-pair encoding (BPE) can be expanded")
    if model.get("continuing_subword_prefix") or model.get("end_of_word_suffix"):
        raise WorkbenchError("the tokenizer marks where words end or go on: only byte-level and SentencePiece's BPE can be expanded")
    around = json.dumps([layout["normalizer"], layout["pre_tokenizer"]], ensure_ascii=False)
    if '"ByteLevel"' in around:
        return True
    if SPACE in around:
        return False
    raise WorkbenchError("the tokenizer keeps spaces neither as bytes nor as ▁: only byte-level and SentencePiece's BPE can be expanded")


def _characters(old: Tokenizer, texts: Iterable[str], at_least: int) -> list[str]:
    """Characters that are no tokens yet, the frequent first, until all but a two-thousandth of the texts is covered."""
    counts = Counter(character for text in texts for character in (old.normalizer.normalize_str(text) if old.normalizer else text))
    known = old.get_vocab(with_added_tokens=True)
    missing = sum(counts.values()) * (1 - COVERAGE)
    new = [(character, count) for character, count in counts.most_common() if character not in known and character.isprintable()]
    new = [(character, count) for character, count in new if not character.isspace() and count >= at_least]
    while new and new[-1][1] <= missing:
        missing -= new.pop()[1]
    return [character for character, _ in new]


def _learned(tokenizer: Tokenizer, texts: Sequence[str], tokens: int, at_least: int, byte_level: bool) -> Iterator[tuple[str, str]]:
    """Merges in the order of their rank, with so many tokens as products; both parts of each are known by then.

    The library's own trainer learns them over words in which each old piece is one character. A merge whose product the old tokenizer knows
    by other merges is left out, with all that build on it: texts without a new token would be cut in another way than before.
    """
    trainee = Tokenizer(models.BPE())
    trainee.pre_tokenizer = pre_tokenizers.Split("\n", "removed")
    limits: dict[str, Any] = {"min_frequency": at_least, "max_token_length": LONGEST, "show_progress": False}
    trainer = trainers.BpeTrainer(vocab_size=tokenizer.get_vocab_size() + int(SPARE * tokens) + BATCH, **limits)
    trainee.train_from_iterator(_words(tokenizer, texts, byte_level), trainer)
    old = set(tokenizer.get_vocab(with_added_tokens=True))
    made, left_out = set[str](), set[str]()
    for left, right in json.loads(trainee.to_str())["model"]["merges"]:
        first, second = _spelled(tokenizer, left), _spelled(tokenizer, right)
        if first + second in old or {left, right} & left_out:
            left_out.add(left + right)
        elif first + second in made or len(made) < tokens:
            made.add(first + second)
            yield first, second
        else:
            return


def _spelled(tokenizer: Tokenizer, stand_ins: str) -> str:
    return "".join(_name(tokenizer, ord(one) - FIRST_STAND_IN) for one in stand_ins)


def _name(tokenizer: Tokenizer, token: int) -> str:
    return tokenizer.id_to_token(token) or ""


def _words(tokenizer: Tokenizer, texts: Sequence[str], byte_level: bool) -> Iterator[str]:
    """Each text as lines of stand-ins, a line a word: nothing is merged across the end of one.

    A byte-level tokenizer says itself where words end. SentencePiece ends them at spaces, between scripts, and at whatever is no letter,
    when it is trained; its tokenizers no longer say so.
    """
    special = set(tokenizer.get_added_tokens_decoder())

    @cache
    def script(piece: int) -> str:
        text = _name(tokenizer, piece).removeprefix(SPACE)
        if piece in special or (not byte_level and not (text and all(unicodedata.category(one)[0] in "LM" for one in text))):
            return ""
        if byte_level:
            return "bytes"
        return "han" if all(unicodedata.name(one, "").startswith("CJK") for one in text) else "letters"

    for start in range(0, len(texts), BATCH):
        for encoded in tokenizer.encode_batch(texts[start : start + BATCH], add_special_tokens=False):
            line, before = "", ("", -1)
            for piece, word in zip(encoded.ids, encoded.word_ids, strict=True):
                here = (script(piece), -1 if word is None else word)
                apart = here != before or not here[0] or (not byte_level and _name(tokenizer, piece).startswith(SPACE))
                line += ("\n" if apart else "") + chr(FIRST_STAND_IN + piece)
                before = here
            yield line


def _old_pieces(token: int, pieces: Mapping[int, tuple[int, ...]]) -> tuple[int, ...]:
    return pieces.get(token, (token,))


def _check_old_ids(old: Tokenizer, merged: Tokenizer) -> None:
    kept = merged.get_vocab(with_added_tokens=True)
    if any(kept.get(token) != number for token, number in old.get_vocab(with_added_tokens=True).items()):
        raise WorkbenchError("the tokenizer's tokens would not keep their numbers: it can't be expanded")
