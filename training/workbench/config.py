"""The one configuration of the workbench: what to train, on what, and how. Imports no model library.

A file of it is YAML. `extends: NAME` begins with a preset (folder `presets`) or with another file, and changes what it says itself; on the
command line `--set optimiser.learning_rate=1e-4` changes single settings. What a run used is written whole into its folder.
"""

import difflib
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from training.workbench.errors import WorkbenchError
from training.workbench.sections import Reinforce, Reward

PRESETS = Path(__file__).with_name("presets")
EXTENDS = "extends"


class Task(StrEnum):
    """What is trained. Full fine-tuning is `sft` with the method `full`."""

    SFT = "sft"
    """Supervised fine-tuning on answers that are given."""
    REWARD = "reward"
    """A reward model on comparisons of answers."""
    REINFORCE = "reinforce"
    """Reinforcement against a reward model."""
    EMBEDDINGS = "embeddings"
    """Continued pretraining of the embeddings of an expanded vocabulary, all else frozen."""


class Quantise(StrEnum):
    """How the frozen base is held in memory."""

    NONE = "none"
    NF4 = "nf4"
    """4 bits a weight with double quantisation (Dettmers et al., NeurIPS 2023), about half a byte; experts of Mixtral included."""


class Dtype(StrEnum):
    """The type of frozen weights and of what flows between layers. What is trained is float32 always: a training that goes on from a
    checkpoint is exact only so."""

    BF16 = "bf16"
    FP32 = "fp32"


class TooLong(StrEnum):
    """What happens to rows of more than `max_length` tokens."""

    DROP = "drop"
    """They are left out, and counted in the run's result."""
    CUT = "cut"
    """They lose what is too much before their end-of-sequence token, which stays; counted as well."""
    REFUSE = "refuse"
    """The run does not begin."""


class Render(StrEnum):
    """How a prompt and its completion become one text."""

    CHAT = "chat"
    """As a user's and an assistant's turn in the tokenizer's chat template: what the served model is asked with."""
    PLAIN = "plain"
    """One after the other, with the tokens that the tokenizer itself adds at the beginning."""


class Tracker(StrEnum):
    """Who is told how the training goes, beside the run's own progress file."""

    NONE = "none"
    TENSORBOARD = "tensorboard"
    WANDB = "wandb"
    """It sends figures, and nothing else, to a server: so it has to be asked for, and to be installed."""


class DeepSpeed(StrEnum):
    """How DeepSpeed spreads a training over processes."""

    NONE = "none"
    ZERO2 = "zero2"
    """Optimizer and gradients are shared out; each process holds all parameters."""
    ZERO3 = "zero3"
    """Parameters are shared out too."""


class Section(BaseModel):
    """A part of the configuration: it never changes, and knows no settings but its own."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Model(Section):
    """The model to begin with."""

    path: str
    """A folder with a Hugging Face causal model, the folder of a finished run that made one, or the name of one on the hub."""
    adapters: tuple[str, ...] = ()
    """Folders of LoRA adapters (or of runs that made one), applied one after the other. They are merged into the base before it is
    quantised, and a new adapter is trained on top of them all."""
    quantise: Quantise = Quantise.NONE
    """Nothing, since it needs bitsandbytes and costs a third of speed; `nf4` is what makes a model of 7 to 47 billion weights fit."""
    dtype: Dtype = Dtype.BF16
    """bf16 as models are published; fp32 for comparisons on a CPU. The method `full` trains in float32 whatever this says."""
    attention: Literal["auto", "sdpa", "eager", "flash_attention_2"] = "auto"
    """torch's own (`sdpa`), or where an architecture has none (Bloom) its plain one: what every installation has, and CPUs too."""
    chat_template: str | None = None
    """A Jinja file, or the name of one in `training/workbench/templates`, for models whose tokenizer has none (Falcon, BELLE). It is saved
    with what comes out. None takes the tokenizer's own."""
    trust_remote_code: bool = False
    """Whether code that lies in the model's folder may run. Only for sources that you trust; most models need none."""


class Data(Section):
    """The rows to learn from."""

    path: str
    """A folder of rows that `phyassist data` made, or a file of JSON lines."""
    form: Literal["prompt-completion", "conversation", "text", "comparison"] | None = None
    """Of a file; a folder says it itself."""
    dev: str | None = None
    """Folder or file with rows to choose the best checkpoint by. None takes the split `dev` of the folder, where it has one."""
    dev_share: float = Field(default=0.0, ge=0, lt=0.5)
    """The share of rows that is taken from training for that, where there are none else; by the seed. 0 evaluates nothing."""
    render: Render = Render.CHAT
    """For prompts with completions. The chat template, so that training and serving ask in the same words."""
    max_length: int = Field(default=1024, ge=8)
    """Tokens of a row, or of a packed sequence. 1,024 holds 99 % of the write-ups' questions with answers."""
    too_long: TooLong = TooLong.DROP
    """A cut answer teaches to stop in the middle; so longer rows are left out."""
    packing: bool = False
    """Several rows a sequence, which see nothing of each other (best fit decreasing): quicker where rows are short."""
    group_by_length: bool = False
    """Rows of like length together: less padding, at the price of an order that is less random."""


class Lora(Section):
    """Low-rank adaptation (Hu et al., ICLR 2022): the base stays as it is, and an adapter is trained beside it."""

    kind: Literal["lora"] = "lora"
    rank: int = Field(default=32, ge=1)
    """32 is the write-ups' and the largest of the usual ones; memory grows with it, little."""
    alpha: int = Field(default=32, gt=0)
    """The adapter's weight is alpha / rank, here 1."""
    dropout: float = Field(default=0.05, ge=0, lt=1)
    """Of the adapter's input, in training."""
    modules: tuple[str, ...] | Literal["all-linear"] = "all-linear"
    """Names of the linear layers that are adapted; "all-linear" is all but the head, as the QLoRA paper found best. For Mixtral name
    attention's own (q_proj, k_proj, v_proj, o_proj): its experts cost a server memory in every slot, its router takes no dropout."""
    checkpointing: bool = True
    """Gradient checkpointing: a third more arithmetic, and activations of one layer at a time in place of all."""


class Full(Section):
    """All parameters are trained, in float32."""

    kind: Literal["full"] = "full"
    checkpointing: bool = True
    """As for LoRA."""


class Embeddings(Section):
    """Only rows of the embedding (and head) that an expansion of the vocabulary has added are trained."""

    kind: Literal["embeddings"] = "embeddings"
    checkpointing: bool = True
    """As for LoRA."""


Method = Annotated[Lora | Full | Embeddings, Field(discriminator="kind")]


class Optimiser(Section):
    """How a step is made of gradients."""

    name: Literal["adamw_torch", "paged_adamw_32bit", "paged_adamw_8bit", "adafactor"] = "adamw_torch"
    """The paged ones are bitsandbytes' and move to the host's memory when the GPU's is short; without a GPU plain AdamW stands in."""
    learning_rate: float = Field(default=2e-4, gt=0)
    """2e-4 is usual for LoRA of models up to 13 billion weights, 1e-4 above, 1e-5 to 2e-5 for full fine-tuning."""
    schedule: Literal["cosine", "linear", "constant", "constant_with_warmup"] = "cosine"
    """How the rate falls after warming up; constant never does."""
    warmup: float = Field(default=0.03, ge=0, lt=1)
    """The share of all steps over which the rate rises from nothing."""
    weight_decay: float = Field(default=0.0, ge=0)
    """None: adapters are small, and start at nothing."""
    max_grad_norm: float = Field(default=1.0, gt=0)
    """Longer gradients are shortened to this."""


class Steps(Section):
    """How long, and how many rows at once."""

    epochs: float = Field(default=1.0, gt=0)
    """Passes over the rows."""
    max_steps: int | None = Field(default=None, ge=1)
    """As many steps as this, whatever the epochs say."""
    batch: int = Field(default=1, ge=1)
    """Rows that go through the model at once, in each process. When memory runs out it is halved, and accumulation doubled."""
    accumulation: int = Field(default=8, ge=1)
    """Batches a step: a step sees batch x accumulation x processes rows."""


class Evaluation(Section):
    """Measuring on the rows held back, where there are any."""

    every: int = Field(default=50, ge=1)
    """Steps between evaluations; the last step is followed by one always."""
    patience: int | None = Field(default=None, ge=1)
    """Evaluations in a row without a better value after which the training ends. None goes through to the end."""
    keep_best: bool = True
    """Whether the best checkpoint becomes the output, or the last."""
    batch: int = Field(default=4, ge=1)
    """Rows at once; without gradients more have room."""


class Saving(Section):
    """Checkpoints to go on from."""

    every: int = Field(default=50, ge=1)
    """Steps between them: what a crash can cost at most. A new best one is saved whenever it is found."""
    keep: int = Field(default=2, ge=2)
    """How many stay while the training runs, the best among them. Two, so that one is whole while the other is written."""
    after: bool = False
    """Whether they stay when the run is complete; each holds the optimizer too, three times the size of what is trained."""


class Distributed(Section):
    """Several processes, a GPU each."""

    processes: int = Field(default=1, ge=1)
    """On each machine. A run with fewer or more of them than it says does not begin."""
    nodes: int = Field(default=1, ge=1)
    """Machines. More than one are started by hand, with what `phyassist train launch-command` prints."""
    deepspeed: DeepSpeed = DeepSpeed.NONE
    """None is one process, or data parallel ones that hold everything each."""


class Config(Section):
    """What to train, on what, and how."""

    task: Task = Task.SFT
    model: Model
    data: Data
    method: Method = Lora()
    optimiser: Optimiser = Optimiser()
    steps: Steps = Steps()
    evaluation: Evaluation = Evaluation()
    saving: Saving = Saving()
    tracking: Tracker = Tracker.NONE
    """None: figures of a training on health data stay here unless somebody wants them elsewhere. The run's own file has them all."""
    seed: int = 0
    """Decides an adapter's first numbers, the order of rows and the dropout."""
    distributed: Distributed = Distributed()
    reward: Reward = Reward()
    """Settings of the task `reward` alone (`sections.py`)."""
    reinforce: Reinforce = Reinforce()
    """Settings of the task `reinforce` alone (`sections.py`)."""

    @field_validator("method", mode="before")
    @classmethod
    def _lora(cls, found: object) -> object:
        return {"kind": "lora", **found} if isinstance(found, Mapping) else found

    @field_validator("tracking", mode="before")
    @classmethod
    def _none(cls, found: object) -> object:
        return Tracker.NONE if found is None else found

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        if self.method.kind != "lora" and self.model.quantise is not Quantise.NONE:
            raise ValueError(f"method.kind {self.method.kind} trains weights of the base, which model.quantise nf4 can't: set it to none")
        if (self.task is Task.EMBEDDINGS) != (self.method.kind == "embeddings"):
            raise ValueError("the task embeddings and method.kind embeddings belong together: set both, or neither")
        if self.data.packing and self.data.group_by_length:
            raise ValueError("data.packing fills sequences up, so data.group_by_length has nothing left to group: choose one")
        if self.distributed.deepspeed is not DeepSpeed.NONE and self.model.quantise is not Quantise.NONE:
            raise ValueError("distributed.deepspeed shares out weights, which model.quantise nf4 does not allow: set one of them to none")
        return self

    @property
    def sha256(self) -> str:
        """The hash of all settings."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()

    def text(self) -> str:
        """All settings as YAML, those left at their defaults too."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def presets() -> tuple[str, ...]:
    """The names of the presets that come along."""
    return tuple(sorted(path.stem for path in PRESETS.glob("*.yaml")))


def load_config(source: str | Path | None, changes: Sequence[str] = (), settings: Mapping[str, Any] | None = None) -> Config:
    """The configuration of a file or a preset, with changes.

    Args:
        source: the path of a YAML file or the name of a preset; None begins with the defaults.
        changes: `a.b=value` each, the value as YAML has it.
        settings: the same as nested mappings, for options of a command; they come after the file and before `changes`.

    Raises:
        WorkbenchError: it is missing, no YAML, or a setting does not exist or can't be; the message has its path and what is allowed.
    """
    found = {} if source is None else _read(str(source), ())
    name = "the settings" if source is None else Path(source).name
    for change in (settings or {}, *map(_change, changes)):
        found = _merged(found, change)
    try:
        return Config.model_validate(found)
    except ValidationError as error:
        raise WorkbenchError(f"{name} can't be used: " + "; ".join(_told(error))) from None


def _read(source: str, seen: tuple[str, ...]) -> dict[str, Any]:
    path = PRESETS / f"{source}.yaml" if source in presets() else Path(source)
    if source in seen:
        raise WorkbenchError(f"{source} extends itself: {' extends '.join((*seen, source))}")
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, IsADirectoryError):
        raise WorkbenchError(f"there is no file {source}, and no preset of this name; presets are {', '.join(presets())}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        place = getattr(error, "problem_mark", None)
        raise WorkbenchError(f"{path.name} is no YAML{f': see its line {place.line + 1}' if place else ''}") from None
    if not isinstance(found, dict):
        raise WorkbenchError(f"{path.name} must hold settings by name, like `task: sft`")
    base = found.pop(EXTENDS, None)
    if base is None:
        return found
    beside = path.parent / str(base)
    origin = str(beside) if str(base) not in presets() and beside.is_file() else str(base)
    return _merged(_read(origin, (*seen, source)), found)


def _change(change: str) -> dict[str, Any]:
    path, equals, value = change.partition("=")
    keys = path.strip().split(".")
    if not equals or not all(keys):
        raise WorkbenchError(f"--set takes a path and a value, like optimiser.learning_rate=1e-4, not {change!r}")
    try:
        found: Any = yaml.safe_load(value)
    except yaml.YAMLError:
        raise WorkbenchError(f"the value of --set {path} is no YAML") from None
    for key in reversed(keys):
        found = {key: found}
    result: dict[str, Any] = found
    return result


def _merged(base: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """`change` over `base`, section by section; a section of another `kind` begins afresh."""
    result = dict(base)
    for key, value in change.items():
        old = result.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping) and value.get("kind", old.get("kind")) == old.get("kind"):
            result[key] = _merged(old, value)
        else:
            result[key] = value
    return result


def _told(error: ValidationError) -> Iterator[str]:
    """What is wrong with each setting, and what is allowed in its place."""
    for one in error.errors():
        place = _place(one["loc"], unknown=one["type"] == "extra_forbidden")
        path = ".".join(place)
        if one["type"] == "extra_forbidden":
            names = sorted(_fields_at(place[:-1]))
            near = difflib.get_close_matches(place[-1], names, n=1)
            meant = f" (did you mean {near[0]}?)" if near else ""
            yield f"there is no setting {path}{meant}; there are {', '.join(names)}"
        elif one["type"] == "missing":
            yield f"{path} must be set"
        elif one["type"] == "value_error":
            yield f"{path}: {one['ctx']['error']}" if path else str(one["ctx"]["error"])
        else:
            yield f"{path}: {one['msg'][0].lower()}{one['msg'][1:]}, not {json.dumps(one['input'], default=str, ensure_ascii=False)}"


def _place(found: Sequence[str | int], unknown: bool) -> tuple[str, ...]:
    """A setting's path without what pydantic adds to it, names of a union's members among others; the last part of an unknown one stays."""
    names: list[str] = []
    for number, part in enumerate(map(str, found), start=1):
        if part in _fields_at(names) or (unknown and number == len(found)):
            names.append(part)
    return tuple(names)


def _fields_at(place: Sequence[str]) -> set[str]:
    """The names of all settings that a section may have, which is named by its path."""
    sections: list[type[BaseModel]] = [Config]
    for name in place:
        sections = [
            kind for section in sections if name in section.model_fields for kind in _sections(section.model_fields[name].annotation)
        ]
    return {name for section in sections for name in section.model_fields}


def _sections(annotation: Any) -> Iterator[type[BaseModel]]:
    """The sections that a setting of this type may be."""
    for kind in (annotation, *get_args(annotation)):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield kind
