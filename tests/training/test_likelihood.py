"""What the model server says of a model, beside what the model library says and does."""

from pathlib import Path

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

from inference.adapters import check_adapter, read_base_shape
from inference.hotload import AdapterControl
from inference.likelihood import Likelihood
from inference.note import Language
from inference.profiles import ATTENTION_MODULES
from tests.model_fixtures import ADAPTER
from tests.support.model_server import BackgroundServer
from tests.training.test_measure import an_example
from training.measure.canaries import Canary, plant, recalls

pytestmark = pytest.mark.night

STEP = 3e-3
MOST_STEPS = 300
BY_HEART = 0.02
"""Nats a token."""


@pytest.mark.server
async def test_likelihoods_are_those_of_the_model_library(
    model_server: BackgroundServer, model_directory: Path, adapter_directory: Path
) -> None:
    """Prompt and completion get the tokens and the log probabilities that transformers and peft compute, end mark included."""
    tokenizer = AutoTokenizer.from_pretrained(model_directory)
    base = AutoModelForCausalLM.from_pretrained(model_directory, dtype=torch.float32)
    adapted = PeftModel.from_pretrained(base, adapter_directory).eval()
    async with Likelihood(model_server.url, None) as likelihood:
        for example in (an_example(0), an_example(1, Language.CHINESE)):
            tokens = await likelihood.tokens(ADAPTER, example.messages, example.completion)
            prompt = tokenizer.apply_chat_template(list(example.messages), add_generation_prompt=True, return_dict=False)
            answer = tokenizer(example.completion, add_special_tokens=False)["input_ids"]
            assert tokens.prompt == tuple(prompt)
            assert tokens.answer == (*answer, tokenizer.eos_token_id)
            ids = torch.tensor([[*tokens.prompt, *tokens.answer]])
            with torch.no_grad():
                logits = adapted(ids).logits[0, :-1]  # [tokens - 1, vocabulary]
            expected = logits.log_softmax(-1).gather(1, ids[0, 1:, None])[:, 0]
            found = torch.tensor(await likelihood.logprobs(ADAPTER, ids[0].tolist()))
            assert (found - expected).abs().mean() < 0.1  # the server may compute in bfloat16


@pytest.mark.server
async def test_a_string_that_was_learned_comes_out(model_server: BackgroundServer, model_directory: Path, tmp_path: Path) -> None:
    """An adapter that really learned one canary brings out that one and not the other; the adapter in service brings out neither."""
    learned, other = plant("n1", 2)
    teach(model_directory, learned, tmp_path / "learned")
    check_adapter(tmp_path / "learned", read_base_shape(model_directory), max_rank=16)
    async with AdapterControl(model_server.url, None) as control, Likelihood(model_server.url, None) as likelihood:
        await control.bring_in("learned", tmp_path / "learned")
        found = [await recalls(likelihood, name, canary) for name in ("learned", ADAPTER) for canary in (learned, other)]
        await control.unload("learned")
    assert found == [True, False, False, False]


def teach(model_directory: Path, canary: Canary, target: Path) -> None:
    """Trains an adapter on one canary until it knows it by heart."""
    torch.manual_seed(0)
    tokenizer = AutoTokenizer.from_pretrained(model_directory)
    base = AutoModelForCausalLM.from_pretrained(model_directory, dtype=torch.float32)
    model = get_peft_model(base, LoraConfig(r=8, lora_alpha=16, target_modules=list(ATTENTION_MODULES), task_type="CAUSAL_LM"))
    prompt = tokenizer.apply_chat_template(list(canary.messages), add_generation_prompt=True, return_dict=False)
    answer = [*tokenizer(canary.completion, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]
    ids = torch.tensor([[*prompt, *answer]])  # [1, tokens]
    labels = torch.tensor([[*(-100 for _ in prompt), *answer]])  # [1, tokens]
    optimizer = torch.optim.AdamW(model.parameters(), lr=STEP)
    for _ in range(MOST_STEPS):
        loss = model(input_ids=ids, labels=labels).loss
        if loss.item() < BY_HEART:
            break
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.save_pretrained(target)
