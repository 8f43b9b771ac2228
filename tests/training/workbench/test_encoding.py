"""Which tokens of a row are learned, token by token, for chat templates of several kinds."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.tiny_models import tiny_model
from training.workbench.config import Render, TooLong
from training.workbench.encoding import IGNORED, Encoder, encode_rows
from training.workbench.errors import WorkbenchError
from training.workbench.models import end_tokens, load_tokenizer
from training.workbench.rows import Comparison, Conversation, PromptCompletion, Text, Turn, read_file
from training.workbench.tiny import Architecture

TURNS = (Turn("user", "I can't sleep."), Turn("assistant", "Since when?"), Turn("user", "A week."), Turn("assistant", "Go on."))
CHATML = "{%- for m in messages -%}{{ '[' + m.role + ']' + m.content + eos_token + '\n' }}{%- endfor -%}{%- if add_generation_prompt -%}{{ '[assistant]' }}{%- endif -%}"  # noqa: E501


def an_encoder(architecture: Architecture, render: Render = Render.CHAT, template: str | None = None) -> Encoder:
    """An encoder with the tokenizer of a tiny model."""
    model = tiny_model(architecture)
    tokenizer: Any = load_tokenizer(model)
    if template is not None:
        tokenizer.chat_template = template
    return Encoder(tokenizer, end_tokens(model, tokenizer), render)


@cache
def the_encoder(render: Render) -> Encoder:
    """One for all examples of a property."""
    return an_encoder(Architecture.LLAMA, render)


def pieces(encoder: Encoder, ids: tuple[int, ...], labels: tuple[int, ...]) -> list[tuple[str, bool]]:
    """The row as text, cut where learning begins or ends; whether each piece is learned."""
    found: list[tuple[list[int], bool]] = []
    for token, label in zip(ids, labels, strict=True):
        assert label in {IGNORED, token}
        if not found or found[-1][1] != (label != IGNORED):
            found.append(([], label != IGNORED))
        found[-1][0].append(token)
    return [(encoder.tokenizer.decode(some), learned) for some, learned in found]


@pytest.mark.parametrize(
    ("architecture", "template", "expected"),
    [
        (
            Architecture.MIXTRAL,
            None,
            ["<s>[INST] I can't sleep. [/INST]", "Since when?</s>", "[INST] A week. [/INST]", "Go on.</s>"],
        ),
        (
            Architecture.GLM,  # no end of its own: the next header ends a turn, and the last one gets an end
            None,
            ["[gMASK]<sop><|user|>\nI can't sleep.<|assistant|>\n", "Since when?<|user|>", "\nA week.<|assistant|>\n", "Go on.</s>"],
        ),
        (
            Architecture.BLOOM,
            None,
            ["Human: I can't sleep.\n\nAssistant:", " Since when?</s>", "\n\nHuman: A week.\n\nAssistant:", " Go on.</s>"],
        ),
        (
            Architecture.LLAMA,  # what a template writes after the end is not learned
            CHATML,
            ["[user]I can't sleep.</s>\n[assistant]", "Since when?</s>", "\n[user]A week.</s>\n[assistant]", "Go on.</s>", "\n"],
        ),
    ],
)
def test_of_a_conversation_the_assistants_turns_are_learned(architecture: Architecture, template: str | None, expected: list[str]) -> None:
    """Nothing of the user's turns and headers is learned, all of the assistant's is, with the token that ends it; no template has
    `{% generation %}`."""
    encoder = an_encoder(architecture, template=template)
    row = encoder.encode(Conversation("1", TURNS))
    assert pieces(encoder, row.input_ids, row.labels) == [(text, place % 2 == 1) for place, text in enumerate(expected)]


def test_a_template_that_changes_what_was_said_is_refused() -> None:
    """Where a turn is written otherwise once others follow, answers can't be told from questions; no text of the row is told."""
    forgetful = "{%- for m in messages -%}{{ m.role + (m.content if loop.last else '') + eos_token }}{%- endfor -%}"
    with pytest.raises(WorkbenchError, match="writes a turn otherwise") as caught:
        an_encoder(Architecture.LLAMA, template=forgetful).encode(Conversation("1", TURNS))
    assert "sleep" not in str(caught.value)
    with pytest.raises(WorkbenchError, match="roles must alternate"):
        an_encoder(Architecture.LLAMA).encode(Conversation("1", TURNS[1:]))
    with pytest.raises(WorkbenchError, match="phyassist train reward"):
        an_encoder(Architecture.LLAMA).encode(Comparison("a", "b", "c"))


@settings(max_examples=25, deadline=None)
@given(prompt=st.text(min_size=1, max_size=12), completion=st.text(min_size=1, max_size=12), render=st.sampled_from(list(Render)))
def test_a_row_begins_with_what_the_model_will_be_asked_and_ends_with_an_end(prompt: str, completion: str, render: Render) -> None:
    """The tokens of a prompt are those that a server cuts, none of them is learned, all after them are."""
    encoder = the_encoder(render)
    row, asked = encoder.encode(PromptCompletion(prompt, completion)), encoder.prompt(prompt)
    assert row.input_ids[: len(asked)] == asked
    assert row.input_ids[-1] in encoder.ends
    learned = [place for place, label in enumerate(row.labels) if label != IGNORED]
    assert learned
    assert min(learned) >= len(asked)


def test_texts_are_learned_whole_with_one_beginning_and_one_end() -> None:
    """What a tokenizer adds at the beginning is there once, even where the text has it already; the end is learned."""
    encoder = an_encoder(Architecture.LLAMA)
    encoder.tokenizer.add_bos_token = True
    for text in ("### Human: Hello", "<s>### Human: Hello", "### Human: Hello</s>"):
        row = encoder.encode(Text(text))
        assert row.labels == row.input_ids
        assert row.input_ids.count(encoder.tokenizer.eos_token_id) == 1
        assert row.input_ids[-1] == encoder.tokenizer.eos_token_id
        assert row.input_ids.count(encoder.tokenizer.bos_token_id) <= 1
    assert len(an_encoder(Architecture.LLAMA, Render.PLAIN).encode(PromptCompletion("a", "b")).input_ids) >= 3


def test_too_long_rows_are_dropped_cut_or_refused_and_counted() -> None:
    """Rows of more tokens than a sequence holds never lose their end without a word."""
    encoder = an_encoder(Architecture.LLAMA)
    rows = (Text("one two"), Text("three " * 40))
    dropped = encode_rows(rows, encoder, 16, TooLong.DROP)
    assert len(dropped.rows) == 1
    assert (dropped.counts["rows"], dropped.counts["too_long"], dropped.counts["used"]) == (2, 1, 1)
    cut = encode_rows(rows, encoder, 16, TooLong.CUT)
    assert [len(row.input_ids) <= 16 and row.labels[-1] == encoder.tokenizer.eos_token_id for row in cut.rows] == [True, True]
    assert cut.counts["too_long"] == 1
    with pytest.raises(WorkbenchError, match=r"data\.max_length is 16"):
        encode_rows(rows, encoder, 16, TooLong.REFUSE)
    with pytest.raises(WorkbenchError, match=r"all 2 are longer than data\.max_length, 2; the longest has"):
        encode_rows(rows, encoder, 2, TooLong.DROP)
    with pytest.raises(WorkbenchError, match="none has an answer"):
        encode_rows((Conversation("1", TURNS[:1]),), encoder, 64, TooLong.DROP)


@pytest.mark.parametrize("template", [None, CHATML])
def test_a_row_that_is_cut_ends_with_an_end(template: str | None) -> None:
    """At whatever length: what a template writes behind the end is cut first, and no end stands in the middle of a question."""
    encoder = an_encoder(Architecture.LLAMA, template=template)
    whole = encoder.encode(Conversation("1", TURNS))
    ends = [place for place, label in enumerate(whole.labels) if label in encoder.ends]
    assert len(ends) == 2
    for length in range(ends[0] + 1, len(whole.labels)):
        (row,) = encode_rows((Conversation("1", TURNS),), encoder, length, TooLong.CUT).rows
        assert len(row.input_ids) <= length
        assert row.labels[-1] in encoder.ends
        size = len(row.input_ids) - 1
        assert row.input_ids[:size] == whole.input_ids[:size]
        assert size == ends[0] or whole.labels[size] != IGNORED
    with pytest.raises(WorkbenchError, match="no row is left"):
        encode_rows((Conversation("1", TURNS),), encoder, 4, TooLong.CUT)


def test_a_model_without_a_template_says_what_to_set(tmp_path: Path) -> None:
    """A tokenizer without a chat template is told with the settings that help; a file or a name of ours can be given."""
    bare = an_encoder(Architecture.LLAMA)
    bare.tokenizer.chat_template = None
    with pytest.raises(WorkbenchError, match=r"set model.chat_template \(human-assistant, say\), or data.render to plain"):
        bare.encode(PromptCompletion("a", "b"))
    named = load_tokenizer(tiny_model(), "human-assistant")
    assert named.apply_chat_template([{"role": "user", "content": "x"}], tokenize=False) == "Human: x\n\nAssistant:"
    (tmp_path / "own.jinja").write_text("{{ messages[0].content }}", encoding="utf-8")
    own = load_tokenizer(tiny_model(), str(tmp_path / "own.jinja"))
    assert own.apply_chat_template([{"role": "user", "content": "x"}], tokenize=False) == "x"
    with pytest.raises(WorkbenchError, match="there is no chat template nothing"):
        load_tokenizer(tiny_model(), "nothing")


def test_rows_without_a_column_or_in_another_encoding_are_told(tmp_path: Path) -> None:
    """A file of rows that isn't one says which line lacks what, or that it is not UTF-8; no text of a row is told."""
    lacking = tmp_path / "lacking.jsonl"
    lacking.write_text(json.dumps({"prompt": "secret", "answer": "secret"}) + "\n", encoding="utf-8")
    with pytest.raises(WorkbenchError, match=r"line 1 of lacking.jsonl lacks completion") as caught:
        read_file(lacking, "prompt-completion")
    assert "secret" not in str(caught.value)
    chinese = tmp_path / "chinese.jsonl"
    chinese.write_bytes(json.dumps({"text": "失眠"}, ensure_ascii=False).encode("gb18030"))
    with pytest.raises(WorkbenchError, match="is not UTF-8"):
        read_file(chinese, "text")
