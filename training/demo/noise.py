"""Imperfect text, so that the model learns to live with words it has not seen and words that are not there."""

from random import Random

from inference.note import Language


def noisy(text: str, language: Language, rng: Random, strength: float) -> str:
    """`text` with some words (Chinese: characters) dropped, swapped or mistyped. `strength` 0 to 1 is the share touched, roughly."""
    units = list(text) if language is Language.CHINESE else text.split(" ")
    kept = []
    for unit in units:
        if rng.random() >= strength:
            kept.append(unit)
        elif language is Language.ENGLISH and rng.random() < 0.4:
            kept.append(_mistyped(unit, rng))
    joined = ("" if language is Language.CHINESE else " ").join(kept)
    return joined or text


def without_marks(text: str, language: Language, rng: Random) -> str:
    """The same text as hurried people type it: lower case, or spaces in place of marks."""
    if language is Language.ENGLISH:
        return text.lower()
    return "".join(" " if char in "，。；：" and rng.random() < 0.7 else char for char in text).strip()


def spliced(first: str, second: str, language: Language, rng: Random) -> str:
    """The beginning of one sentence followed by the end of another one about the same thing."""
    gap = "" if language is Language.CHINESE else " "
    head = list(first) if language is Language.CHINESE else first.split(" ")
    tail = list(second) if language is Language.CHINESE else second.split(" ")
    cut_head, cut_tail = rng.randint(len(head) // 2, len(head)), rng.randint(0, len(tail) // 2)
    return gap.join([*head[:cut_head], *tail[cut_tail:]])


def _mistyped(word: str, rng: Random) -> str:
    if len(word) < 3:
        return word
    at = rng.randrange(len(word) - 1)
    return rng.choice(
        (
            word[:at] + word[at + 1 :],
            word[:at] + word[at + 1] + word[at] + word[at + 2 :],
            word[:at] + word[at] + word[at:],
        )
    )
