"""BARTScore over a tiny random BART: the likelihood of one text, given another, worked out word by word."""

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.support.tiny_models import tiny_model
from training.evaluation.bartscore import BartScorer
from training.evaluation.explanations import offline_score
from training.evaluation.imhi import score
from training.evaluation.scores import imhi_scores
from training.workbench.errors import WorkbenchError
from training.workbench.tiny import Architecture

SOURCES = ["No, she is calm. Reasoning: she says so.", "Yes. Reasoning: 她睡不好。", "Yes."]
TARGETS = ["Yes, she suffers from stress. Reasoning: no sleep since May.", "Yes. Reasoning: 她睡不好。", "No."]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BART of random numbers with the demo model's tokenizer."""
    from transformers import AutoTokenizer, BartConfig, BartForConditionalGeneration

    target = tmp_path_factory.mktemp("bart")
    tokenizer: Any = AutoTokenizer.from_pretrained(str(tiny_model(Architecture.LLAMA)))
    tokenizer.save_pretrained(str(target))
    torch.manual_seed(0)
    sizes = {"d_model": 32, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2, "decoder_attention_heads": 2}
    sizes |= {"encoder_ffn_dim": 64, "decoder_ffn_dim": 64, "max_position_embeddings": 48, "vocab_size": len(tokenizer)}
    marks = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 2, "forced_eos_token_id": 2}
    BartForConditionalGeneration(BartConfig(**sizes, **marks, init_std=0.5)).save_pretrained(target)
    return target


def test_a_score_is_the_mean_log_probability_of_the_target_given_the_source(folder: Path) -> None:
    """Whatever else is in the batch: the sum over the target's words, each after those before it, divided by their number."""
    scorer = BartScorer(folder, batch=2)
    found = scorer.score(SOURCES, TARGETS)
    model, tokenizer = scorer._model, scorer._tokenizer
    for source, target, value in zip(SOURCES, TARGETS, found.scores, strict=True):
        words = tokenizer(target)["input_ids"]
        given = tokenizer(source, return_tensors="pt")["input_ids"]
        written, total = [2], 0.0
        for word in words:
            with torch.no_grad():
                logits = model(input_ids=given, decoder_input_ids=torch.tensor([written])).logits[0, -1]
            total += torch.log_softmax(logits, -1)[word].item()
            written.append(word)
        assert value == pytest.approx(total / len(words), rel=1e-4)
        assert value < 0
    assert found.mean == pytest.approx(sum(found.scores) / 3)
    assert found.cut == 0
    assert scorer.score(["sleep " * 60], ["Yes."]).cut == 1


def test_the_offline_score_never_bears_the_name(folder: Path) -> None:
    """Without weights a set has the offline score alone, and it says what it is; with weights both, each under its own name."""
    plain = imhi_scores(score("DR", TARGETS, SOURCES), TARGETS, SOURCES)
    assert "bartscore" not in plain
    assert "no BARTScore" in plain["explanations"]["measure"]
    both = imhi_scores(score("DR", TARGETS, SOURCES), TARGETS, SOURCES, BartScorer(folder))
    assert both["explanations"] == plain["explanations"]
    assert both["bartscore"]["weights"] == folder.name
    assert both["bartscore"]["mean"] == pytest.approx(BartScorer(folder).score(SOURCES, TARGETS).mean, abs=1e-4)


def test_the_offline_score_looks_at_explanations_alone() -> None:
    """The same reasons under the other label have all points; another reason has fewer."""
    assert offline_score(["Yes. Reasoning: no sleep."], ["No. Reasoning: no sleep."]).rouge_l == 100
    assert offline_score(["Yes. Reasoning: no sleep."], ["Yes. Reasoning: a diary."]).rouge_l == 0


def test_a_folder_without_such_a_model_is_refused(tmp_path: Path) -> None:
    """Nothing there, or a causal model: said before anything is asked."""
    with pytest.raises(WorkbenchError, match="holds no model"):
        BartScorer(tmp_path)
    with pytest.raises(WorkbenchError, match="no sequence-to-sequence model"):
        BartScorer(tiny_model(Architecture.LLAMA))
