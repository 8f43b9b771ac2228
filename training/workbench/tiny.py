"""Tiny causal models of random numbers, of the architectures that the write-ups used: for tests, and for trying a walk-through offline.

They have the demo model's tokenizer, which knows English and Chinese, and a chat template in the manner of their family. They know nothing;
what can be seen with them is that a training runs, and that its loss falls.
"""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

from training.workbench.artifacts import new_folder, write_manifest
from training.workbench.places import MODEL

TOKENIZER = Path(__file__).parents[1] / "demo" / "model"
TEMPLATES = Path(__file__).with_name("templates")
BOS, EOS, WORDS = 1, 2, 8192
GLM_TOKENS = ("[gMASK]", "<sop>", "<|system|>", "<|user|>", "<|assistant|>")


class Architecture(StrEnum):
    """Of a tiny model, and who used it."""

    MIXTRAL = "mixtral"
    """PhyAssist."""
    LLAMA = "llama"
    """Most others."""
    FALCON = "falcon"
    """Falcon-7B: one key and value for all heads, attention beside the feed-forward network, no padding token."""
    GLM = "glm"
    """What ChatGLM became: its turns end with the next turn's header."""
    BLOOM = "bloom"
    """BELLE: ALiBi in place of position embeddings, one matrix for queries, keys and values."""


def make_tiny_model(target: Path, architecture: Architecture, seed: int = 0, **sizes: Any) -> Path:
    """Writes a tiny model with its tokenizer into a new folder; `sizes` are settings of the architecture's configuration.

    Raises:
        WorkbenchError: there is something at `target`, or nothing may be written there.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(str(TOKENIZER), local_files_only=True)
    if architecture is Architecture.GLM:
        tokenizer.add_special_tokens({"additional_special_tokens": list(GLM_TOKENS)})
        tokenizer.chat_template = (TEMPLATES / "glm.jinja").read_text(encoding="utf-8")
    if architecture in {Architecture.FALCON, Architecture.BLOOM}:
        tokenizer.chat_template = (TEMPLATES / "human-assistant.jinja").read_text(encoding="utf-8")
    if architecture is Architecture.FALCON:
        tokenizer.pad_token = None
    ends = [EOS, tokenizer.convert_tokens_to_ids("<|user|>")] if architecture is Architecture.GLM else EOS
    settings = {**_SIZES[architecture], "vocab_size": max(WORDS, len(tokenizer)), "bos_token_id": BOS, "eos_token_id": ends, **sizes}
    torch.manual_seed(seed)
    config = AutoConfig.for_model(str(architecture), initializer_range=0.1, **settings)
    model: Any = AutoModelForCausalLM.from_config(config).to(torch.bfloat16)
    with new_folder(target) as folder:
        model.save_pretrained(folder)
        tokenizer.save_pretrained(str(folder))
        write_manifest(folder, MODEL, {"command": "train tiny-model", "architecture": str(architecture), "seed": seed})
    return target


_LLAMA: Mapping[str, Any] = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 32,
    "max_position_embeddings": 2048,
    "pad_token_id": EOS,
}
_SIZES: Mapping[Architecture, Mapping[str, Any]] = {
    Architecture.MIXTRAL: {**_LLAMA, "num_local_experts": 4, "num_experts_per_tok": 2, "sliding_window": None},
    Architecture.LLAMA: _LLAMA,
    Architecture.GLM: _LLAMA,
    Architecture.FALCON: {
        "hidden_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "multi_query": True,
        "parallel_attn": True,
        "bias": False,
        "alibi": False,
        "new_decoder_architecture": False,
    },
    Architecture.BLOOM: {"hidden_size": 64, "n_layer": 2, "n_head": 2, "pad_token_id": EOS},
}
"""Widths are multiples of 64, the block of NF4; layers and heads are as few as show what there is to show."""
