"""Conversations with models: prompts, memory, pieces as they come, endings; on tiny models and on one that says what it is told to."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given as tried_with
from hypothesis import settings as trial
from hypothesis import strategies as st
from rich.cells import cell_len

from inference.client import Delta, Finished, FinishReason, Usage
from inference.errors import StreamBroken
from training.corpora.forms import as_text
from training.corpora.pieces import Piece
from training.workbench.chatting.dialogue import Answered, Dialogue, Forgot
from training.workbench.chatting.local import LocalModel, load
from training.workbench.chatting.settings import PRESETS, ChatSettings, Sampling, changed, preset
from training.workbench.chatting.styles import MARKERS, STYLES, TEMPLATE, Exchange, Prompt, style
from training.workbench.chatting.wrapping import Wrapping, wrapped
from training.workbench.config import Dtype
from training.workbench.errors import WorkbenchError
from training.workbench.rows import Text

PLANTED = "the planted green kettle"
ENGLISH, CHINESE = "I can't sleep. What helps?", "我最近睡不好，怎么办？"


@dataclass
class Scripted:
    """A model that answers with the given pieces, one list after the other; a word is a token. It keeps the prompts."""

    answers: list[Sequence[str]]
    context_tokens: int = 1000
    name: str = "scripted"
    has_template: bool = True
    takes_seed: bool = True
    reason: FinishReason = FinishReason.STOP
    broken: bool = False
    prompts: list[Prompt] = field(default_factory=list)
    closed: int = 0

    async def count(self, prompt: Prompt) -> int:
        """Words."""
        texts = [prompt] if isinstance(prompt, str) else [message["content"] for message in prompt]
        return sum(len(text.split()) for text in texts)

    async def stream(self, prompt: Prompt, sampling: Sampling) -> AsyncGenerator[Delta | Finished]:
        """The next of the answers."""
        self.prompts.append(prompt)
        pieces = self.answers.pop(0)
        try:
            for piece in pieces:
                await asyncio.sleep(0)
                yield Delta(piece)
            if self.broken:
                raise StreamBroken("the model server gave up the answer")
            yield Finished(self.reason, Usage(1, len(pieces), None))
        finally:
            self.closed += 1


def a_dialogue(model: Scripted, name: str = TEMPLATE, system: str = "", **given: object) -> Dialogue:
    """A conversation with a scripted model."""
    return Dialogue(model, STYLES[name], changed(ChatSettings(max_tokens=20), given), system)


async def ask(dialogue: Dialogue, question: str) -> tuple[str, list[Answered | Forgot]]:
    """The pieces, joined, and the other events."""
    text, others = "", []
    async for event in dialogue.ask(question):
        if isinstance(event, Delta):
            text += event.text
        else:
            others.append(event)
    return text, others


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> LocalModel:
    """A tiny model of random numbers, loaded once."""
    from tests.support.tiny_models import tiny_model
    from training.workbench.tiny import Architecture

    return load(str(tiny_model(Architecture.LLAMA)), [], dtype=Dtype.FP32)


@pytest.fixture(scope="module")
def demo() -> LocalModel:
    """The demo model, which writes whole words in English and Chinese."""
    return load(str(Path(__file__).parents[3] / "training" / "demo" / "model"), [], dtype=Dtype.FP32)


@pytest.mark.parametrize("question", [ENGLISH, CHINESE])
@pytest.mark.parametrize("which", ["tiny", "demo"])
async def test_pieces_join_to_what_generate_writes(which: str, question: str, request: pytest.FixtureRequest) -> None:
    """The streamed pieces are several, and joined are exactly the text that `generate` gives for the same prompt."""
    model: LocalModel = request.getfixturevalue(which)
    prompt = STYLES[TEMPLATE].prompt("", [], question)
    sampling = Sampling(max_tokens=40, temperature=0)
    events = [event async for event in model.stream(prompt, sampling)]
    encoded = model._encoded(prompt)
    ids = model._model.generate(**encoded, max_new_tokens=40, do_sample=False, pad_token_id=2)
    written = ids[0, encoded["input_ids"].shape[1] :]
    pieces = [event.text for event in events if isinstance(event, Delta)]
    assert len(pieces) > 1
    assert "".join(pieces) == model._tokenizer.decode(written, skip_special_tokens=True)
    end = events[-1]
    assert isinstance(end, Finished)
    assert end.usage is not None
    assert (end.usage.prompt_tokens, end.usage.completion_tokens) == (await model.count(prompt), len(written))
    assert end.reason is (FinishReason.STOP if written[-1] == 2 else FinishReason.LENGTH)


@tried_with(st.text(alphabet="ab .\n中睡，é😀", min_size=1, max_size=30))
@trial(deadline=None)
def test_pieces_are_the_decoding_of_a_tokenizer_like_mixtrals(text: str) -> None:
    """Where decoding drops the first space and falls back to bytes, pieces still join to the decoding of the whole answer."""
    import torch

    from training.workbench.chatting.pieces import Pieces

    tokenizer = a_llama_tokenizer()
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]

    async def streamed() -> list[str]:
        pieces = Pieces(tokenizer)
        pieces.put(torch.tensor([[1, 2, 3]]))
        for one in ids:
            pieces.put(torch.tensor([one]))
        pieces.end()
        return [piece async for piece in pieces]

    assert "".join(asyncio.run(streamed())) == tokenizer.decode(ids, skip_special_tokens=True)


@cache
def a_llama_tokenizer() -> Any:
    """One of few words in the manner of Llama's and Mixtral's: spaces as signs of their own, bytes for what it doesn't know."""
    from tokenizers import Tokenizer, decoders, models, normalizers
    from transformers import PreTrainedTokenizerFast

    words = ["<unk>", *(f"<0x{byte:02X}>" for byte in range(256)), "▁", "a", "b", "▁a", "▁b", "ab", "中", "."]
    merges = [("▁", "a"), ("▁", "b"), ("a", "b")]
    tokenizer = Tokenizer(models.BPE({word: at for at, word in enumerate(words)}, merges, unk_token="<unk>", byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    strip = decoders.Strip(" ", 1, 0)
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), strip])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, clean_up_tokenization_spaces=False)


async def test_a_seed_decides_the_answer(tiny: LocalModel) -> None:
    """The same seed draws the same answer, another seed another, and temperature 0 needs none."""

    async def drawn(**given: object) -> str:
        dialogue = Dialogue(tiny, STYLES[TEMPLATE], changed(ChatSettings(max_tokens=12), given))
        return (await ask(dialogue, ENGLISH))[0]

    assert await drawn(seed=1) == await drawn(seed=1) != await drawn(seed=2)
    assert await drawn(temperature=0) == await drawn(temperature=0)
    assert await drawn(temperature=0) == await drawn(top_k=1)
    assert await drawn(temperature=0) == await drawn(top_p=1e-6)
    assert await drawn(temperature=0) != await drawn(temperature=0, repetition_penalty=2.0)


async def test_leaving_an_answer_stops_the_writing(tiny: LocalModel) -> None:
    """Closing a stream ends the generation long before its limit, and the model is free for the next answer."""
    prompt = STYLES[TEMPLATE].prompt("", [], ENGLISH)
    asked: list[int] = []
    hook = tiny._model.register_forward_pre_hook(lambda *_: asked.append(1))
    try:
        async with aclosing(tiny.stream(prompt, Sampling(max_tokens=1500, seed=0))) as events:
            async for _ in events:
                break
    finally:
        hook.remove()
    assert len(asked) < 1000
    assert not tiny._writing.locked()


async def test_what_goes_wrong_in_the_model_is_told(tiny: LocalModel) -> None:
    """An error in the thread that generates reaches the one who asked; memory that ran out is a sentence."""
    import torch

    def fail(*_: object) -> None:
        raise torch.OutOfMemoryError("no room")

    hook = tiny._model.register_forward_pre_hook(fail)
    try:
        with pytest.raises(WorkbenchError, match="memory ran out"):
            [event async for event in tiny.stream("Hello", Sampling(max_tokens=4))]
    finally:
        hook.remove()


async def test_a_template_that_refuses_is_told(demo: LocalModel) -> None:
    """A chat template that refuses a conversation is a sentence with a way out."""
    with pytest.raises(WorkbenchError, match="--style markers"):
        await demo.count(({"role": "assistant", "content": "I begin."},))


async def test_the_tokenizer_counts(tiny: LocalModel) -> None:
    """A prompt's length is that of the model's own tokenizer, with its special tokens, and the context is the model's."""
    assert await tiny.count("Hello") == len(tiny._tokenizer("Hello")["input_ids"])
    assert tiny.context_tokens == 2048


async def test_memory_is_of_the_last_turns() -> None:
    """With a memory of one, the model is told the last question and answer, and nothing older; the template has them as turns."""
    model = Scripted([["one"], ["two"], ["three"]])
    dialogue = a_dialogue(model, memory=1)
    for question in ("first?", "second?", "third?"):
        await ask(dialogue, question)
    assert [message["content"] for message in model.prompts[-1]] == ["second?", "two", "third?"]
    assert [message["role"] for message in model.prompts[-1]] == ["user", "assistant", "user"]


async def test_what_does_not_fit_leaves_oldest_first_and_is_said_once() -> None:
    """When the conversation is longer than the model takes, its oldest turns are left out; a sentence says so the first time only."""
    model = Scripted([["a b c d"]] * 5, context_tokens=24)
    dialogue = a_dialogue(model, max_tokens=4)
    told = []
    for number in range(5):
        told += [event for event in (await ask(dialogue, f"question number {number} has six words"))[1] if isinstance(event, Forgot)]
        assert await model.count(model.prompts[-1]) <= 20
    assert told == [Forgot()]
    assert [message["content"][:17] for message in model.prompts[-1]] == ["question number 3", "a b c d", "question number 4"]
    dialogue.clear()
    assert dialogue.exchanges == []


async def test_a_question_that_does_not_fit_is_refused() -> None:
    """A question that is too long for the model by itself is refused with figures, and is not part of the conversation."""
    dialogue = a_dialogue(Scripted([], context_tokens=10))
    with pytest.raises(WorkbenchError, match="11 tokens long, and 5 have room"):
        await ask(dialogue, "word " * 11)
    assert dialogue.exchanges == []


async def test_an_answer_has_half_of_the_context_at_most() -> None:
    """A limit on answers beyond half of what the model takes would leave no room for questions."""
    assert a_dialogue(Scripted([], context_tokens=30), max_tokens=500).answer_tokens == 15


@pytest.mark.parametrize(
    ("reason", "trim", "kept"),
    [
        (FinishReason.LENGTH, True, "Sleep comes late."),
        (FinishReason.LENGTH, False, "Sleep comes late. He ea"),
        (FinishReason.STOP, True, "Sleep comes late. He ea"),
    ],
)
async def test_an_answer_that_the_limit_cut_is_trimmed(reason: FinishReason, trim: bool, kept: str) -> None:
    """An answer cut by the limit loses its last sentence, on screen and in memory; what the model ended itself stays as it is."""
    model = Scripted([[" Sleep comes ", "late. He ea"]], reason=reason)
    dialogue = a_dialogue(model, trim=trim)
    text, events = await ask(dialogue, "Why?")
    assert text == "Sleep comes late. He ea"
    assert events == [Answered(kept, kept != text, reason, Usage(1, 2, None))]
    assert dialogue.exchanges == [Exchange("Why?", kept)]


async def test_an_answer_with_markers_ends_at_the_next_turn() -> None:
    """A model trained on marked text goes on with the next turn: that is cut away, also when the marker comes in parts."""
    model = Scripted([[" Try to walk.\n<HU", "MAN>: And then? <ASSISTANT>: ", "More."], ["Fine."]])
    dialogue = a_dialogue(model, MARKERS, system="Answer truthfully.")
    text, events = await ask(dialogue, "What helps?")
    assert text.rstrip() == "Try to walk."
    assert isinstance(events[-1], Answered)
    assert (events[-1].text, events[-1].trimmed, model.closed) == ("Try to walk.", False, 1)
    await ask(dialogue, "And then?")
    assert model.prompts[-1] == ("Answer truthfully.\n\n<HUMAN>: What helps?\n<ASSISTANT>: Try to walk.\n<HUMAN>: And then?\n<ASSISTANT>:")


async def test_an_answer_left_in_the_middle_is_remembered_so_far() -> None:
    """Who stops an answer has read what came until then, and may refer to it; nothing is remembered of an answer that had not begun."""
    model = Scripted([["Sleep ", "comes ", "late."]])
    dialogue = a_dialogue(model)
    async with aclosing(dialogue.ask("Why?")) as events:
        async for _ in events:
            break
    assert dialogue.exchanges == [Exchange("Why?", "Sleep")]
    assert model.closed == 1


async def test_a_broken_answer_is_as_if_not_asked() -> None:
    """When the server fails in the middle, the question can be asked again; nothing half-said stays."""
    dialogue = a_dialogue(Scripted([["Sleep "]], broken=True))
    with pytest.raises(StreamBroken):
        await ask(dialogue, "Why?")
    assert dialogue.exchanges == []


async def test_undo_takes_back_the_last_exchange() -> None:
    """Undo forgets the last question with its answer, and says when there is none."""
    dialogue = a_dialogue(Scripted([["one"], ["two"]]))
    await ask(dialogue, "first?")
    await ask(dialogue, "second?")
    assert dialogue.undo()
    assert dialogue.exchanges == [Exchange("first?", "one")]
    assert dialogue.undo()
    assert not dialogue.undo()


async def test_no_word_of_a_conversation_is_logged(tiny: LocalModel, caplog: pytest.LogCaptureFixture) -> None:
    """Neither question nor answer gets into a log, at any level."""
    caplog.set_level(logging.DEBUG)
    dialogue = Dialogue(tiny, STYLES[MARKERS], ChatSettings(max_tokens=4, seed=0))
    text, _ = await ask(dialogue, PLANTED)
    assert PLANTED not in caplog.text
    assert text.strip()
    assert text.strip() not in caplog.text


async def test_half_a_surrogate_pair_does_no_harm(tiny: LocalModel) -> None:
    """A terminal may hand on bytes that are no text; they are replaced, not a reason to fall over."""
    dialogue = Dialogue(tiny, STYLES[TEMPLATE], ChatSettings(max_tokens=2, seed=0))
    await ask(dialogue, "sleep\udcff")
    assert all(exchange.question == "sleep?" for exchange in dialogue.exchanges)


def test_styles_follow_the_model() -> None:
    """The chat template where there is one, else markers; asking for what the model lacks is told."""
    assert style(None, True) is STYLES[TEMPLATE]
    assert style(None, False) is STYLES[MARKERS]
    with pytest.raises(WorkbenchError, match="no chat template"):
        style(TEMPLATE, False)
    with pytest.raises(WorkbenchError, match="there is no style alpaca"):
        style("alpaca", True)


def test_markers_are_those_that_rows_are_trained_with() -> None:
    """What a model is asked with begins as the rows began that it learned, to the space."""
    row = as_text(Piece("1", "1", ENGLISH, "A walk.", "1"))
    assert isinstance(row, Text)
    assert row.text == f"{STYLES[MARKERS].prompt('', [], ENGLISH)} A walk."


def test_the_system_is_told_before_the_first_question() -> None:
    """In a chat template the system's words are part of the first question, which every template takes."""
    prompt = STYLES[TEMPLATE].prompt("Be brief.", [Exchange("a?", "b")], "c?")
    assert prompt == (
        {"role": "user", "content": "Be brief.\n\na?"},
        {"role": "assistant", "content": "b"},
        {"role": "user", "content": "c?"},
    )


def test_settings_are_checked() -> None:
    """Values are read as they are typed; unknown settings, presets and impossible values are told in a sentence."""
    assert changed(ChatSettings(), {"temperature": "0.2", "top_k": "5", "trim": "no"}) == ChatSettings(temperature=0.2, top_k=5, trim=False)
    assert changed(ChatSettings(seed=3), {"seed": None, "top_p": None}) == ChatSettings()
    assert preset("falcon-compare") == ChatSettings(max_tokens=200, temperature=0.7, top_p=0.7, memory=0)
    assert set(PRESETS) == {"phyassist", "falcon-compare", "falcon-chat", "chatglm", "belle"}
    for wrong in ({"temperature": "warm"}, {"temperature": "3"}, {"top_p": "0"}, {"warmth": "1"}, {"temperature": "nan"}):
        with pytest.raises(WorkbenchError, match=next(iter(wrong))):
            changed(ChatSettings(), wrong)
    with pytest.raises(WorkbenchError, match="there is no preset gpt"):
        preset("gpt")


@tried_with(st.text(alphabet="ab  \n中，。x", max_size=60), st.integers(5, 20), st.integers(1, 9))
def test_wrapping_loses_nothing(text: str, width: int, size: int) -> None:
    """However a text comes in pieces, its lines are the same, none is wider than the terminal, and no sign but spaces is lost."""
    wrapping = Wrapping(width)
    shown = "".join(wrapping.feed(text[at : at + size]) for at in range(0, len(text), size)) + wrapping.rest()
    assert shown == wrapped(text, width)
    assert all(cell_len(line) <= width for line in shown.split("\n"))
    assert shown.replace(" ", "").replace("\n", "") == text.replace(" ", "").replace("\n", "")


def test_wrapping_keeps_words_and_marks_together() -> None:
    """Lines break between words; a Chinese full stop begins no line; control characters of a model don't reach the terminal."""
    assert wrapped("sleep comes late", 11) == "sleep comes\nlate"
    assert wrapped("睡眠很晚。好", 10) == "睡眠很晚。\n好"
    assert wrapped("\x1b[2Jsleep\x07", 20) == "[2Jsleep"
