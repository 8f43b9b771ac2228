"""How answers are drawn, and the reference write-ups' own values for it. Imports no model library."""

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from training.workbench.errors import WorkbenchError


class Sampling(BaseModel):
    """How the tokens of an answer are drawn."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    max_tokens: int = Field(default=256, ge=1)
    """Tokens of an answer at most; never more than half of what the model can take together with the conversation."""
    temperature: float = Field(default=0.7, ge=0, le=2)
    """0 takes the likeliest token always; higher values draw more freely."""
    top_p: float = Field(default=1.0, gt=0, le=1)
    """Only the likeliest tokens are drawn that have this probability together; 1 leaves out none."""
    top_k: int = Field(default=0, ge=0)
    """Only so many of the likeliest tokens are drawn; 0 leaves out none."""
    repetition_penalty: float = Field(default=1.0, ge=1, le=2)
    """The score of a token that was there already is divided by this (Keskar et al., 2019); 1 changes nothing."""
    seed: int | None = Field(default=None, ge=0, lt=2**32)
    """The same question after the same conversation gets the same answer; None draws afresh each time. For models in this process."""


class ChatSettings(Sampling):
    """A conversation's settings."""

    memory: int = Field(default=8, ge=0)
    """Earlier turns, each a question with its answer, that the model is told again; those that don't fit its context are left out too."""
    trim: bool = True
    """Whether an answer that the limit cut off loses its unfinished last sentence."""


PRESETS: Mapping[str, ChatSettings] = {
    "phyassist": ChatSettings(max_tokens=512, temperature=0.2),
    "falcon-compare": ChatSettings(max_tokens=200, temperature=0.7, top_p=0.7, memory=0),
    "falcon-chat": ChatSettings(max_tokens=256, temperature=0.4, top_p=0.6, repetition_penalty=1.3, memory=1),
    "chatglm": ChatSettings(max_tokens=512, temperature=0.95, top_p=0.7, top_k=50),
    "belle": ChatSettings(max_tokens=200, temperature=0.35, top_p=0.85, top_k=30, repetition_penalty=1.2),
}
"""Settings by name. The write-ups' own: Falcon's comparison of base and adapter, Falcon's chat with one remembered turn, the tool that the
COVID doctor was tuned with, and BELLE's. (Falcon's comparison set no `do_sample`, so its temperature did nothing: `--temperature 0` repeats
what it printed.) `phyassist` is ours: near to the greedy decoding of notes."""


def preset(name: str | None) -> ChatSettings:
    """The settings of a name; None is the defaults.

    Raises:
        WorkbenchError: there is no preset of this name.
    """
    if name is None:
        return ChatSettings()
    if name not in PRESETS:
        raise WorkbenchError(f"there is no preset {name}; there are {', '.join(PRESETS)}")
    return PRESETS[name]


def changed(settings: ChatSettings, changes: Mapping[str, object]) -> ChatSettings:
    """`settings` with some of them changed; values may be text, as a person types it. None unsets a seed, and changes nothing else.

    Raises:
        WorkbenchError: there is no such setting, or it can't have the value.
    """
    given = {name: value for name, value in changes.items() if value is not None or name == "seed"}
    try:
        return ChatSettings.model_validate({**settings.model_dump(), **given})
    except ValidationError as error:
        wrong = error.errors()[0]
        name = ".".join(map(str, wrong["loc"]))
        if wrong["type"] == "extra_forbidden":
            raise WorkbenchError(f"there is no setting {name}; there are {', '.join(ChatSettings.model_fields)}") from None
        raise WorkbenchError(f"{name}: {wrong['msg'][0].lower()}{wrong['msg'][1:]}, not {wrong['input']}") from None
