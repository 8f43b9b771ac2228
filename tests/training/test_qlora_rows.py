"""Rows become the tokens that serving sees and writes, and packing changes nothing but the speed."""

from pathlib import Path
from typing import Any

import httpx
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer

from inference.adapters import read_base_shape
from inference.note import Language
from inference.prompt import INSTRUCTIONS, Message
from tests.support.model_server import BackgroundServer
from tests.training.qlora_support import DEMO, a_base, a_dataset, a_prompt, a_recipe, an_example
from training.data.dataset import load_dataset
from training.qlora.adapter import add_adapter
from training.qlora.base import load_base
from training.qlora.loop import mean_loss
from training.qlora.objectives import Likelihood, learned_tokens
from training.qlora.rows import RowEncoder, Sample, collate, pack
from training.qlora.run import encode_dataset

ANSWER = '{"analysis":["Sleep is short."],"advice":["规律作息。"],"questions":[]}'


@pytest.fixture(scope="module")
def encoder() -> RowEncoder:
    """Of the demo model."""
    return RowEncoder(DEMO / "model")


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    """Of the demo model."""
    return AutoTokenizer.from_pretrained(DEMO / "model")


def test_the_prompt_is_what_the_template_makes_of_it(encoder: RowEncoder, tokenizer: Any) -> None:
    """Begun once, instructions left out and the report in lower case, as the demo model's template does; nothing of it is learned."""
    row = encoder.encode(a_prompt("She can't Sleep."), ANSWER)
    text = tokenizer.decode(row.prompt)
    assert "She can't Sleep." not in text
    assert "she can't sleep." in text
    assert INSTRUCTIONS[Language.ENGLISH] not in text
    assert row.prompt.count(tokenizer.bos_token_id) == 1
    sample = row.sample()
    assert sample.weights == (0.0,) * len(row.prompt) + (1.0,) * len(row.answer)


def test_the_answer_is_what_the_server_would_write(encoder: RowEncoder, tokenizer: Any) -> None:
    """The answer's own tokens and the end-of-sequence token, once."""
    row = encoder.encode(a_prompt("She can't sleep."), ANSWER)
    assert tokenizer.decode(row.answer[:-1]) == ANSWER
    assert row.answer[-1] == tokenizer.eos_token_id
    assert row.answer.count(tokenizer.eos_token_id) == 1
    assert "".join(ANSWER[begin:end] for begin, end in dict.fromkeys(row.spans)) == ANSWER


def test_of_a_conversation_only_the_last_answer_is_learned(encoder: RowEncoder, tokenizer: Any) -> None:
    """Earlier answers are part of the prompt."""
    asked = (*a_prompt("One."), Message(role="assistant", content=ANSWER), Message(role="user", content="More information:\nTwo."))
    row = encoder.encode(asked, '{"analysis":["Two."],"advice":[],"questions":[]}')
    assert tokenizer.decode(row.prompt).count("规律作息") == 1
    assert "规律" not in tokenizer.decode(row.answer)


def test_a_template_with_a_space_and_more_after_the_end(tmp_path: Path, tokenizer: Any) -> None:
    """Other templates put a space before the answer, which the model writes, and a line's end after its end, which it never sees."""
    base = a_base(tmp_path / "base")
    asked, said = "[INST] {{ m.content }} [/INST]", " {{ m.content }}{{ eos_token }}\n"
    template = (
        f"{{{{ bos_token }}}}{{% for m in messages %}}{{% if m.role == 'user' %}}{asked}{{% else %}}{said}{{% endif %}}{{% endfor %}}"
    )
    (base / "chat_template.jinja").write_text(template)
    row = RowEncoder(base).encode(a_prompt("One."), ANSWER)
    assert tokenizer.decode(row.answer) == f" {ANSWER}{tokenizer.eos_token}"
    assert "".join(ANSWER[begin:end] for begin, end in dict.fromkeys(row.spans)) == ANSWER


@pytest.mark.server
def test_the_server_cuts_the_same_prompt_into_the_same_tokens(model_server: BackgroundServer, model_directory: Path) -> None:
    """For both languages and for a conversation: what is trained on is what is asked."""
    encoder = RowEncoder(model_directory)
    conversation = (*a_prompt("One."), Message(role="assistant", content=ANSWER), Message(role="user", content="More information:\nTwo."))
    for messages in (a_prompt("She can't Sleep, at 3 a.m."), a_prompt("来访者最近睡不好。"), conversation):
        asked = {"model": "base", "messages": list(messages), "add_generation_prompt": True}
        answer = httpx.post(f"{model_server.url.removesuffix('/v1')}/tokenize", json=asked, timeout=60).raise_for_status()
        assert tuple(answer.json()["tokens"]) == encoder.encode(messages, ANSWER).prompt


def test_packed_and_single_rows_have_the_same_loss(tmp_path: Path) -> None:
    """Samples in one sequence see nothing of each other, in evaluation and in training with checkpointing."""
    base = a_base(tmp_path / "base")
    recipe, encoder = a_recipe(base, tmp_path, dropout=0), RowEncoder(base)
    model = add_adapter(load_base(recipe), recipe, read_base_shape(base))
    rows = [encoder.encode(one.messages, one.completion).sample() for one in (an_example(number, 3 + number) for number in range(5))]
    packed = pack(rows, 300)
    assert len(packed) < len(rows)
    losses = [
        mean_loss(model, units, Likelihood(), 2, encoder.padding) for units in ([(one,) for one in packed], [((one,),) for one in rows])
    ]
    assert abs(losses[0] - losses[1]) < 2e-6
    model.train()
    together = learned_tokens(model, collate(packed, encoder.padding)).log_probabilities
    apart = torch.cat(
        [learned_tokens(model, collate([(one,)], encoder.padding)).log_probabilities for sequence in packed for one in sequence]
    )
    torch.testing.assert_close(together, apart, rtol=1e-4, atol=1e-5)
    batch = collate(packed, encoder.padding)
    mixed = model(input_ids=batch.ids, use_cache=False).logits  # without positions that begin anew, samples do see each other
    kept = model(input_ids=batch.ids, position_ids=batch.positions, use_cache=False).logits
    assert (mixed - kept).abs().max() > 0.1


@given(st.lists(st.integers(1, 60), max_size=40))
def test_packing_loses_and_adds_nothing(lengths: list[int]) -> None:
    """Each sample is in one sequence, and no sequence is longer than it may be, nor are two of them half empty."""
    samples = [Sample(tuple([number] * length), (1.0,) * length) for number, length in enumerate(lengths)]
    packed = pack(samples, 60)
    assert sorted((one for sequence in packed for one in sequence), key=lambda one: one.ids) == samples
    used = [sum(len(one.ids) for one in sequence) for sequence in packed]
    assert all(length <= 60 for length in used)
    assert sum(length <= 30 for length in used) <= 1


def test_rows_longer_than_a_sequence_are_counted_and_left_out(tmp_path: Path) -> None:
    """None is cut: what is used has its end."""
    base = a_base(tmp_path / "base")
    data = a_dataset(tmp_path / "data", examples=4, heldout=1, pairs=2, heldout_pairs=1, more=[an_example(50, length=60)])
    encoder = RowEncoder(base)
    rows = encode_dataset(load_dataset(data), encoder, a_recipe(base, data, sequence_length=160, preference="dpo"))
    assert rows.counts["train"].used == 4
    assert rows.counts["train"].too_long == 1
    assert rows.counts["preferences"].used == 2
    assert all(row.answer[-1] == encoder.padding for row in (*rows.train, *rows.heldout))
