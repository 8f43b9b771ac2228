"""Every setting of a training, with its default and the reason for it. Imports no model library."""

import hashlib
from enum import StrEnum
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from inference.profiles import ALLOWED_RANKS, ATTENTION_MODULES
from training.qlora.errors import TrainingFailed

RECIPE_FILE = "recipe.json"


class PreferenceStep(StrEnum):
    """What is learned from the counselors' edits, after the examples."""

    NONE = "none"
    DPO = "dpo"
    """Direct preference optimisation (Rafailov et al., NeurIPS 2023): the edit is to become likelier than the draft."""
    SALT = "salt"
    """Sequence alignment learning on human edits (Yao et al., EMNLP 2023): the same word by word."""


class Compute(StrEnum):
    """The type of the frozen weights and of what flows between layers. The adapter itself is always float32."""

    BF16 = "bf16"
    FP32 = "fp32"


class Product(StrEnum):
    """How the outputs of a layer's quantised experts are computed."""

    LOOP = "loop"
    """One expert after the other: each matrix is dequantised by itself, and again for the gradient."""
    GROUPED = "grouped"
    """All experts of a layer are dequantised together, for one grouped product (torch's, called by transformers). They are kept in 16 bits
    from a layer's forward pass to its gradient, 2.8 GB of Mixtral-8x7B, so it needs gradient checkpointing: else all layers are kept so."""


class Tracker(StrEnum):
    """Who else is told how the training goes, beside the progress file."""

    NONE = "none"
    TENSORBOARD = "tensorboard"
    WANDB = "wandb"
    """It sends figures, and nothing else, to a server: so it has to be asked for, and to be installed (`pip install phyassist[wandb]`)."""


class Recipe(BaseModel):
    """What to train, on what, and how."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base: Path
    """Directory of the base model, a Mixtral of any size: the one that is served, in the format of a model hub."""
    dataset: Path
    """Folder of a verified dataset (`training.data.dataset`)."""
    begin: Path | None = None
    """The adapter that training goes on from: the champion, so that nothing it learned is lost. None begins afresh. Rank, alpha and modules
    must be those of this recipe."""

    rank: int = 32
    """One of the ranks that the server can be started with. 32 on attention alone is 27.3 million parameters of Mixtral-8x7B."""
    alpha: int = 32
    """The adapter's weight is alpha / rank, here 1."""
    dropout: float = Field(default=0.05, ge=0, lt=1)
    modules: tuple[str, ...] = ATTENTION_MODULES
    """Attention projections only. PEFT turns Mixtral's router (`gate`) into a parameter target, which refuses dropout and is saved under a
    name that vLLM drops without a word; adapted experts cost the server memory in every slot."""

    learning_rate: float = Field(default=1e-4, gt=0)
    """The usual rate for LoRA of a large model is 1e-4 to 2e-4; the lower one, since most nights go on from a trained adapter."""
    warmup: float = Field(default=0.03, ge=0, lt=1)
    """The share of steps over which the rate rises; then it falls along a cosine to nothing."""
    epochs: int = Field(default=2, ge=1)
    """Two passes: notes of one night are few, and a third mostly memorises them."""
    max_steps: int | None = Field(default=None, ge=1)
    """No more steps than this in each stage, whatever the epochs say."""
    sequence_length: int = Field(default=1024, ge=8)
    """Tokens that a packed sequence holds. Longer examples are counted, reported and left out, never cut: a cut answer lacks its end."""
    pack: bool = True
    """Several examples a sequence, which see nothing of each other; off gives each its own."""
    batch: int = Field(default=1, ge=1)
    """Sequences (in DPO: pairs) that go through the model at once. One of 1,024 tokens is what two cards of 24 GB have room for."""
    accumulation: int = Field(default=8, ge=1)
    """Batches a step."""
    gradient_clip: float = Field(default=1.0, gt=0)
    seed: int = 0
    """Decides the adapter's first numbers, the order of rows and the dropout: the same seed gives the same adapter on the same machine."""

    quantise: bool = True
    """NF4 with double quantisation for attention and experts, about half a byte a weight. Off loads the base as it is."""
    compute: Compute = Compute.BF16
    """bf16 on GPUs; fp32 is for comparisons on a CPU."""
    checkpointing: bool = True
    """Gradient checkpointing: a third more arithmetic, and activations of one layer at a time in place of all."""
    experts: Product = Product.LOOP
    """The grouped product was never run on a GPU; see the README for what it takes on a CPU."""
    gpu_bytes: int | None = None
    """What each GPU may hold of the base; None takes what is free, less a tenth."""

    evaluate_every: int = Field(default=20, ge=1)
    """Steps between evaluations on the held-out rows."""
    patience: int = Field(default=3, ge=1)
    """Evaluations in a row without a better loss after which a stage ends. The best adapter is kept, not the last."""
    save_every: int = Field(default=10, ge=1)
    """Steps between checkpoints: what a crash can cost at most."""
    checkpoints: int = Field(default=2, ge=1)
    """How many are kept."""

    pull: float = Field(default=0.0, ge=0)
    """Weight of the Kullback-Leibler divergence from where the stage began, nats a learned token. It costs one more forward pass; replay of
    earlier rows, which the dataset already holds, does most of the same."""

    preference: PreferenceStep = PreferenceStep.SALT
    """See the README for the comparison behind the default."""
    preference_rate: float = Field(default=2e-5, gt=0)
    """A fifth of the other rate: a preference step corrects, it doesn't teach."""
    preference_epochs: int = Field(default=1, ge=1)
    dpo_beta: float = Field(default=0.1, gt=0)
    """How dear it is to leave the reference; 0.1 is the paper's."""
    salt_added: float = Field(default=1.5, ge=0)
    """Weight of the likelihood of words which the counselor brought in."""
    salt_kept: float = Field(default=1.0, ge=0)
    """Weight of the likelihood of words which stand in draft and edit alike, in both."""
    salt_removed: float = Field(default=0.5, ge=0)
    """Weight of the unlikelihood of words which the counselor took out."""

    tracker: Tracker = Tracker.TENSORBOARD

    @model_validator(mode="after")
    def _can_be_served(self) -> Self:
        if self.rank not in ALLOWED_RANKS:
            raise ValueError(f"the server takes adapters of rank {', '.join(map(str, ALLOWED_RANKS))}")
        if not self.modules or not set(self.modules) <= set(ATTENTION_MODULES):
            raise ValueError(f"only attention may be trained: {', '.join(ATTENTION_MODULES)}")
        return self

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.experts is Product.GROUPED and not (self.checkpointing and self.quantise):
            raise ValueError(
                "grouped experts are for a quantised base with gradient checkpointing, without which all of them are kept wide"
            )
        return self

    @property
    def sha256(self) -> str:
        """The hash of all settings."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


def read_recipe(run_folder: Path) -> Recipe:
    """The recipe of a run.

    Raises:
        TrainingFailed: it is missing or has settings that don't exist or can't be.
    """
    try:
        return Recipe.model_validate_json((run_folder / RECIPE_FILE).read_bytes())
    except FileNotFoundError:
        raise TrainingFailed(f"there is no {RECIPE_FILE} in the run folder") from None
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise TrainingFailed(f"{RECIPE_FILE} can't be used: {wrong}") from None
