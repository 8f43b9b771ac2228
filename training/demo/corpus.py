"""The two training corpora as endless, seeded streams of encoded rows: prose for the base model, notes for the adapter."""

from collections.abc import Callable, Iterator
from itertools import count, product
from random import Random

from training.demo.content import Content
from training.demo.prose import answer_row, conversation_row, fragment_row, textbook_text, topic_row
from training.demo.tasks import long_case_row, note_row, short_case_row, windowed_row
from training.demo.tokens import Encoded, Encoder, as_read

FRAGMENTS_FIRST = 8000
"""Rows at the beginning that are nearly all fragments: the model learns what words are about before it learns to write."""

TELLING = 4
"""How often the tokenizer sees the words that tell problems apart, so that they become tokens of their own."""

LEARNED_OF_DESCRIPTIONS = 0.25
"""The base model learns to continue descriptions too, on this share of their tokens: enough for the language, at a low price."""


WORDS_FIRST, MIXED, FLUENT = (85, 10, 4, 1, 0, 0), (45, 22, 25, 4, 3, 1), (20, 8, 65, 4, 2, 1)
"""How many fragments, descriptions with their topic, prose answers, textbook passages, short and long conversations of a hundred."""


def base_rows(content: Content, encoder: Encoder, seed: int, longest: int) -> Iterator[Encoded]:
    """Descriptions with topics and prose answers, textbook passages, and some conversations up to `longest` tokens."""
    return _rows(content, encoder, seed, longest, lambda place: WORDS_FIRST if place < FRAGMENTS_FIRST else MIXED)


def fluency_rows(content: Content, encoder: Encoder, seed: int, longest: int) -> Iterator[Encoded]:
    """The same with prose answers above all: what a model reads that knows its words by now."""
    return _rows(content, encoder, seed, longest, lambda _: FLUENT)


def _rows(content: Content, encoder: Encoder, seed: int, longest: int, shares: Callable[[int], tuple[int, ...]]) -> Iterator[Encoded]:
    rng = Random(seed)
    for place in count():
        kind = rng.choices(("fragment", "topic", "answer", "textbook", "talk", "long"), shares(place))[0]
        if kind == "fragment":
            row = encoder.row(fragment_row(content, rng))
        elif kind == "textbook":
            row = encoder.text(textbook_text(content, rng))
        elif kind == "topic":
            row = encoder.row(topic_row(content, rng))
        elif kind == "answer":
            row = encoder.row(answer_row(content, rng))
        else:
            row = encoder.row(conversation_row(content, rng, 1 if kind == "talk" else rng.randint(3, 9)))
        if len(row.ids) <= longest:
            yield _with_some_prompt(row, rng)


def adapter_rows(content: Content, encoder: Encoder, seed: int, longest: int) -> Iterator[Encoded]:
    """Descriptions with their notes, and cases of a few or many turns up to `longest` tokens."""
    rng = Random(seed)
    while True:
        kind = rng.choices(("note", "short", "long", "windowed"), (52, 41, 5, 2))[0]
        if kind == "note":
            row = encoder.row(note_row(content, rng))
        elif kind == "short":
            row = encoder.row(short_case_row(content, rng))
        elif kind == "long":
            row = encoder.row(long_case_row(content, rng, rng.choice((2, 3, 4, 6, 9, 14))))
        else:
            row = encoder.row(windowed_row(content, rng, encoder.count, rng.choice((1000, 1400))))
        if len(row.ids) <= longest:
            yield row


def sample_texts(content: Content, rows: int, seed: int) -> Iterator[str]:
    """Texts of both corpora, for the tokenizer."""
    rng = Random(seed)
    for _ in range(rows):
        yield textbook_text(content, rng)
        for message in rng.choice((note_row, short_case_row, answer_row))(content, rng).messages:
            yield as_read(message["content"])
    for _, part in product(range(TELLING), (part for problem in content.problems for part in problem.parts.values())):
        yield "\n".join(part.said).lower()
    for _, risk in product(range(TELLING), (part for parts in content.risks.values() for part in parts.values())):
        yield "\n".join([*risk.mention, *risk.keywords]).lower()
    for phrases in content.phrases.values():
        yield "\n".join(line for lines in phrases.values() for line in lines)


def _with_some_prompt(row: Encoded, rng: Random) -> Encoded:
    return Encoded(row.ids, tuple(learn or rng.random() < LEARNED_OF_DESCRIPTIONS for learn in row.learned))
