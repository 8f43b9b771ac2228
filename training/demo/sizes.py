"""How big the demo model is and how long it trains: the shipped size, and a quick one for tests."""

from dataclasses import dataclass

from transformers import MixtralConfig

from training.demo.loop import Schedule
from training.demo.tokens import BOS, EOS


@dataclass(frozen=True)
class Size:
    """One recipe. `longest` is the longest training row in tokens; `positions` what the model accepts."""

    name: str
    vocabulary: int
    tokenizer_rows: int
    hidden: int
    experts_width: int
    layers: int
    longest: int
    positions: int
    base: Schedule
    fluency: Schedule
    adapter: Schedule
    rank: int = 16
    seed: int = 7

    def config(self, vocabulary: int) -> MixtralConfig:
        """The Mixtral configuration. Heads have 32 dimensions, the smallest that vLLM's CPU attention takes."""
        return MixtralConfig(
            vocab_size=vocabulary,
            hidden_size=self.hidden,
            intermediate_size=self.experts_width,
            num_hidden_layers=self.layers,
            num_attention_heads=self.hidden // 32,
            num_key_value_heads=self.hidden // 64,
            head_dim=32,
            num_local_experts=4,
            num_experts_per_tok=2,
            max_position_embeddings=self.positions,
            sliding_window=None,
            rope_parameters={"rope_type": "default", "rope_theta": 1e5},
            bos_token_id=BOS,
            eos_token_id=EOS,
            pad_token_id=EOS,
            tie_word_embeddings=False,
            output_router_logits=False,
            experts_implementation="grouped_mm",
        )


SHIPPED = Size(
    name="shipped",
    vocabulary=8192,
    tokenizer_rows=3000,
    hidden=256,
    experts_width=256,
    layers=4,
    longest=2600,
    positions=4096,
    base=Schedule(
        tokens=5_500_000,
        blur=0.1,
        batch_tokens=2048,
        rate=3e-3,
        matrix_rate=0.02,
        warmup_tokens=20_000,
    ),
    fluency=Schedule(tokens=3_600_000, blur=0.1, batch_tokens=2048, rate=2e-3, matrix_rate=0.015, warmup_tokens=20_000, falling=0.7),
    adapter=Schedule(tokens=1_700_000, batch_tokens=4096, rate=4e-3, warmup_tokens=30_000, balance=0.0),
)

QUICK = Size(
    name="quick",
    vocabulary=1024,
    tokenizer_rows=60,
    hidden=64,
    experts_width=64,
    layers=2,
    longest=1024,
    positions=4096,
    base=Schedule(tokens=20_000, batch_tokens=2048, rate=3e-3, matrix_rate=0.03, warmup_tokens=2_000),
    fluency=Schedule(tokens=10_000, batch_tokens=2048, rate=2e-3, matrix_rate=0.02, warmup_tokens=2_000),
    adapter=Schedule(tokens=10_000, batch_tokens=2048, rate=3e-3, warmup_tokens=2_000, balance=0.0),
)
