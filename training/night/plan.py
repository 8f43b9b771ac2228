"""What a night is to do, as the bot (or an admin at a shell) writes it down before the night begins. Imports no model library."""

from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from inference.note import NoteLimits
from training.gate.thresholds import Thresholds

PLAN_FILE = "plan.json"
DATASET = "dataset"


class Promotion(StrEnum):
    """What happens to an adapter that passed the gate."""

    AUTOMATIC = "automatic"
    """It goes into service at once."""
    ASK = "ask"
    """It is registered, and an admin promotes it."""


class Plan(BaseModel):
    """One night. `name` is also the name of the adapter that it may bring: it is never used twice."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    home: Path
    """The data directory: `adapters` and `gpus` are in it, and the folders of all nights, `nights/NAME`."""
    base: Path
    """Directory of the base model that is trained: the one that is served, or its twin in the hub's format where that is quantised."""
    url: str
    """The model server, with the API's version."""
    champion: str | None = None
    """What the server calls the adapter in service; None is the bare base."""
    begin: Path | None = None
    """That adapter's directory, which training goes on from; None begins afresh."""
    origin: Path | None = None
    """An adapter that no case went into, such as one that the team was given. Training begins with it, else afresh, where everything that
    the champion came from saw a case which may no longer be trained on."""

    recipe: dict[str, Any] = Field(default_factory=dict)
    """Settings of `training.qlora.recipe.Recipe` that differ from its defaults."""
    mixing: dict[str, Any] = Field(default_factory=dict)
    """Settings of `training.data.settings.Settings` that differ from its defaults."""
    thresholds: Thresholds = Thresholds()
    limits: NoteLimits = NoteLimits()
    max_tokens: int = 700
    prompt_tokens: int
    """What the bot has for a prompt: the context less an answer."""
    heldout_rows: int = 200
    """The most held-out examples that are measured, the newest first; each costs an answer of both adapters."""
    at_once: int = 4
    """Requests at a time while adapters are measured: few, so that counselors on the same server don't notice."""
    canaries: int = 10
    base_set: Path | None = None
    """A file of examples, one JSON object a line, of which some are mixed in so that nothing is forgotten."""
    imhi: Path | None = None
    """Folder with the IMHI test sets, where they are present; 50 questions of each are asked."""

    shared_gpus: bool = True
    """The model server stops for the training."""
    promotion: Promotion = Promotion.ASK
    seed: int = 0

    @property
    def folder(self) -> Path:
        """Where the night keeps everything."""
        return self.home / "nights" / self.name


def write_plan(plan: Plan) -> Path:
    """Makes the night's folder with its plan in it; one that is there already is left as it is, for it may be under way."""
    plan.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = plan.folder / PLAN_FILE
    if not path.exists():
        partial = path.with_suffix(".partial")
        partial.write_text(plan.model_dump_json(indent=1))
        partial.replace(path)
    return plan.folder


def read_plan(folder: Path) -> Plan:
    """The plan of a night. Raises: FileNotFoundError, pydantic.ValidationError."""
    return Plan.model_validate_json((folder / PLAN_FILE).read_bytes())
