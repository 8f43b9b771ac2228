"""What the model server says of likelihoods, beside the model library."""

from pathlib import Path

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from inference.likelihood import Likelihood
from inference.note import Language
from tests.model_fixtures import ADAPTER
from tests.support.model_server import BackgroundServer
from tests.training.test_measure import an_example


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
