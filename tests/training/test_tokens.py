"""Tokens in training are those of serving."""

from itertools import islice
from random import Random

import pytest
from transformers import PreTrainedTokenizerFast

from inference.note import Kind, Language, NoteItem
from inference.prompt import TurnKind, build_prompt, handed_back, reported
from training.demo.batches import batches, pad
from training.demo.content import Content, load_content
from training.demo.corpus import adapter_rows, base_rows, sample_texts
from training.demo.tasks import long_case_row, windowed_row
from training.demo.tokens import EOS, Encoder, train_tokenizer


@pytest.fixture(scope="module")
def content() -> Content:
    """The shipped content."""
    return load_content()


@pytest.fixture(scope="module")
def tokenizer(content: Content) -> PreTrainedTokenizerFast:
    """A small tokenizer of the shipped kind."""
    return train_tokenizer(sample_texts(content, 40, 0), 2000)


def test_rows_are_encoded_as_the_chat_template_has_them(content: Content, tokenizer: PreTrainedTokenizerFast) -> None:
    """A training row has token for token what the server makes of the same messages."""
    encoder, rng = Encoder(tokenizer), Random(1)
    for _ in range(10):
        row = long_case_row(content, rng, 3)
        assert tokenizer.apply_chat_template(list(row.messages), return_dict=False) == list(encoder.row(row).ids)


def test_a_prompt_is_the_beginning_of_its_row(content: Content, tokenizer: PreTrainedTokenizerFast) -> None:
    """What the server feeds before the answer is exactly what came before it in training, so the answer starts where it was learned."""
    row = long_case_row(content, Random(4), 2)
    prompt = tokenizer.apply_chat_template(list(row.messages[:-1]), add_generation_prompt=True, return_dict=False)
    encoded = Encoder(tokenizer).row(row)
    assert list(encoded.ids[: len(prompt)]) == prompt
    assert encoded.learned[len(prompt)]
    assert not encoded.learned[len(prompt) - 1]


def test_the_template_leaves_the_instructions_out(tokenizer: PreTrainedTokenizerFast) -> None:
    """Of a prompt as the bot builds it, the model reads the report alone, in lower case; other messages stay as they are."""
    for language in Language:
        turn = reported(TurnKind.DESCRIPTION, "Text.", language)
        messages = build_prompt([turn], language, 1000).messages
        read = tokenizer.apply_chat_template(list(messages), tokenize=False)
        assert read == f"<s>[INST] {turn.text.lower()} [/INST]"
        listed = handed_back(TurnKind.EDITED, [NoteItem(Kind.ADVICE, "Call Dr X.")], language)
        read = tokenizer.apply_chat_template([{"role": "user", "content": listed.text}], tokenize=False)
        assert read == f"<s>[INST] {listed.text} [/INST]"
    assert "[INST] Hello\n\nthere [/INST]" in tokenizer.apply_chat_template([{"role": "user", "content": "Hello\n\nthere"}], tokenize=False)


def test_only_answers_are_learned(content: Content, tokenizer: PreTrainedTokenizerFast) -> None:
    """The learned tokens spell the model's answers, each with its end; of a windowed case the last one alone."""
    encoder = Encoder(tokenizer)
    row = long_case_row(content, Random(4), 2)
    encoded = encoder.row(row)
    learned = tokenizer.decode([one for one, learn in zip(encoded.ids, encoded.learned, strict=True) if learn])
    assert learned == "".join(message["content"] + "</s>" for message in row.messages[1::2])
    last = encoder.row(windowed_row(content, Random(4), encoder.count, 800))
    kept = [one for one, learn in zip(last.ids, last.learned, strict=True) if learn]
    assert kept.count(EOS) == 1


def test_any_text_survives(tokenizer: PreTrainedTokenizerFast) -> None:
    """Text that the tokenizer has never seen comes back unchanged."""
    for text in ("naïve café 🙂", "שלום", "龘", "a\tb\n\nc", 'quote " and \\ slash'):
        assert tokenizer.decode(tokenizer.encode(text, add_special_tokens=False)) == text


@pytest.mark.parametrize("stream", [base_rows, adapter_rows])
def test_batches_hold_every_row_once(content: Content, tokenizer: PreTrainedTokenizerFast, stream: "type") -> None:
    """Rows are sorted and padded into batches within their token limit, and none is lost."""
    rows = list(islice(stream(content, Encoder(tokenizer), 1, 1024), 60))
    made = list(batches(iter(rows), 2048, seed=1))
    assert sum(batch.ids.shape[0] for batch in made) == len(rows)
    assert all(batch.tokens <= 2048 for batch in made)


def test_labels_are_the_next_tokens(content: Content, tokenizer: PreTrainedTokenizerFast) -> None:
    """The label of each place is the token that follows, where it is to be learned, and padding is never learned."""
    first, second = islice(adapter_rows(content, Encoder(tokenizer), 1, 2048), 2)
    batch = pad([first, second])
    for place, row in enumerate((first, second)):
        expected = [one if learn else -100 for one, learn in zip(row.ids[1:], row.learned[1:], strict=True)]
        assert batch.labels[place, : len(expected)].tolist() == expected
        assert (batch.labels[place, len(expected) :] == -100).all()
