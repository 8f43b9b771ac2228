"""Expanding a vocabulary: what was there stays as it was, what is new stands for what it stood for, and the savings are measured."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from tests.support.tiny_models import tiny_model
from training.workbench.artifacts import read_manifest
from training.workbench.errors import WorkbenchError
from training.workbench.expansion import KIND, expand_model, new_rows, read_texts
from training.workbench.models import load_model, load_tokenizer
from training.workbench.tiny import TOKENIZER, Architecture
from training.workbench.vocabulary import Expansion, expand

TEXTS = [
    *(f"来访者说夜里反复惊醒，胸闷心悸，第{day}天，饮食减少。" for day in "一二三四五六"),
    *(f"昨日复诊，惊醒次数减少，心悸好转，舌苔薄白{sign}" for sign in "。！？；"),
    *(
        f"The psychotherapist reported psychosomatic complaints, hypervigilance and rumination {often}."
        for often in ("daily", "often", "twice")
    ),
    "Rumination and hypervigilance; psychosomatic complaints subsided.",
]
BYTES = [f"<0x{number:02X}>" for number in range(256)]
KINDS = ("byte-level", "metaspace")
written = st.lists(
    st.sampled_from([*TEXTS, *"惊醒心悸薄 abc\n\t😀é▁", "  ", "hypervigilance", "龘", "of the"]) | st.text(max_size=12), max_size=6
).map("".join)


@cache
def old_tokenizer(kind: str) -> Tokenizer:
    """Byte-level as the demo model's, or in the manner of LLaMA: `▁` for a space, unknown characters in bytes, English alone."""
    if kind == "byte-level":
        return Tokenizer.from_file(str(TOKENIZER / "tokenizer.json"))
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    english = [text for text in TEXTS if text.isascii()] + ["of the patient and of the day, the night"] * 3
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    tokenizer.train_from_iterator(
        english, trainers.BpeTrainer(vocab_size=380, special_tokens=["<unk>", "<s>", "</s>", *BYTES], show_progress=False)
    )
    layout = json.loads(tokenizer.to_str())
    layout["added_tokens"] = layout["added_tokens"][:3]
    tokenizer = Tokenizer.from_str(json.dumps(layout))
    tokenizer.pre_tokenizer = None  # type: ignore[assignment]  # LLaMA's has none
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    return tokenizer


@cache
def expansion(kind: str) -> Expansion:
    """The old tokenizer with what the texts are full of."""
    return expand(old_tokenizer(kind), TEXTS, 120)


def ids(tokenizer: Tokenizer, text: str) -> list[int]:
    """The tokens of a text alone."""
    found: list[int] = tokenizer.encode(text, add_special_tokens=False).ids
    return found


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=written)
def test_a_text_comes_back_as_it_went_in(kind: str, text: str) -> None:
    """Decoding what was encoded gives the text, Chinese or English, exactly where the old tokenizer gave it."""
    old, new = old_tokenizer(kind), expansion(kind).tokenizer
    there_and_back = new.decode(ids(new, text), skip_special_tokens=False)
    assert there_and_back == old.decode(ids(old, text), skip_special_tokens=False)
    assert there_and_back == text or (kind == "metaspace" and "▁" in text)  # such tokenizers write a space for it


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=written)
def test_new_tokens_only_join_what_was_apart(kind: str, text: str) -> None:
    """With each new token written as its old pieces, every text is cut as before; so one without new tokens is unchanged."""
    new = expansion(kind)
    assert [piece for token in ids(new.tokenizer, text) for piece in new.pieces.get(token, (token,))] == ids(old_tokenizer(kind), text)


@pytest.mark.parametrize("kind", KINDS)
def test_new_tokens_are_new_and_each_can_be_reached(kind: str) -> None:
    """The texts use all numbers from the first new one on, or what these were made of; and they need far fewer tokens."""
    old, new = old_tokenizer(kind), expansion(kind)
    assert sorted(new.pieces) == list(range(new.first, new.first + len(new.pieces)))
    assert new.first == max(old.get_vocab().values()) + 1
    before, after = (sum(len(ids(one, text)) for text in TEXTS) for one in (old, new.tokenizer))
    assert after < {"byte-level": 0.85, "metaspace": 0.4}[kind] * before  # the former knows these characters, one by one
    assert "心悸" in ({new.tokenizer.id_to_token(token) for token in new.pieces} if kind == "metaspace" else {"心悸"})


def test_characters_spelled_in_bytes_become_tokens() -> None:
    """A tokenizer that spelled Chinese in bytes gets its characters first, and no merge of a space with a word behind it."""
    new = expansion("metaspace")
    assert new.characters > 20
    token = new.tokenizer.token_to_id("悸")
    assert [old_tokenizer("metaspace").id_to_token(piece) for piece in new.pieces[token]] == [f"<0x{byte:02X}>" for byte in "悸".encode()]
    assert not any(name[1:].count("▁") or "，" in name[1:] for name in map(new.tokenizer.id_to_token, new.pieces))


def test_other_tokenizers_are_refused() -> None:
    """A tokenizer of another kind is refused with its kind; so is text that has nothing new."""
    with pytest.raises(WorkbenchError, match="Unigram"):
        expand(Tokenizer(models.Unigram([("a", 0.0)])), TEXTS, 10)
    with pytest.raises(WorkbenchError, match="keeps spaces neither"):
        expand(Tokenizer(models.BPE({"a": 0}, [])), TEXTS, 10)
    with pytest.raises(WorkbenchError, match="nothing new"):
        expand(old_tokenizer("byte-level"), ["a"], 10)


@pytest.fixture(scope="module")
def text_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """New text in a file."""
    path = tmp_path_factory.mktemp("texts") / "new.txt"
    path.write_text("\n".join(TEXTS * 3), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("architecture", "sizes"),
    [(Architecture.LLAMA, {}), (Architecture.BLOOM, {}), (Architecture.LLAMA, {"tie_word_embeddings": True, "vocab_size": 8300})],
    ids=["llama", "bloom, tied", "tied, with spare rows"],
)
def test_each_new_row_is_the_mean_of_its_old_pieces(
    text_file: Path, tmp_path: Path, architecture: Architecture, sizes: dict[str, Any]
) -> None:
    """The expanded model loads as any other; old rows are as they were, new ones of both embeddings are means; savings are measured."""
    old_folder = tiny_model(architecture, **sizes)
    made = expand_model(str(old_folder), read_texts([text_file]), 20, tmp_path / "expanded").made
    rows = new_rows(tmp_path / "expanded")
    assert made["new_rows"] == [8192, 8212] == [rows.start, rows.stop]
    assert read_manifest(tmp_path / "expanded", KIND).made["savings"]["Chinese"]["after"] < made["savings"]["Chinese"]["before"]
    old, new = load_model(old_folder), load_model(tmp_path / "expanded")
    before, after = load_tokenizer(old_folder), load_tokenizer(tmp_path / "expanded")
    assert after.decode(after.encode(TEXTS[0], add_special_tokens=False)) == TEXTS[0]
    token = after.encode(" hypervigilance", add_special_tokens=False)[0]
    pieces = before.encode(after.decode([token]), add_special_tokens=False)
    assert token >= rows.start
    assert len(pieces) > 1
    for get in ("get_input_embeddings", "get_output_embeddings"):
        table, expanded = (getattr(model, get)().weight for model in (old, new))
        assert torch.equal(table[: rows.start], expanded[: rows.start])
        assert torch.equal(expanded[token], table[pieces].float().mean(0).to(expanded.dtype))
    tied = new.get_input_embeddings().weight is new.get_output_embeddings().weight
    assert tied == (architecture is Architecture.BLOOM or "tie_word_embeddings" in sizes)


def test_text_in_another_encoding_is_told_with_its_remedy(tmp_path: Path) -> None:
    """A GB18030 file is refused by name, with how to convert it; nothing of the text is in the message."""
    (tmp_path / "old.txt").write_bytes("来访者".encode("gb18030"))
    with pytest.raises(WorkbenchError, match=r"old\.txt is not UTF-8: convert it"):
        read_texts([tmp_path / "old.txt"])
    with pytest.raises(WorkbenchError, match="no new tokens"):
        new_rows(tiny_model(Architecture.LLAMA))
