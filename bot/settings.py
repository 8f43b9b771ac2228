"""The settings, and the only reader of the environment.

Every setting is an environment variable with the prefix ``PHYASSIST_``; sections are nested with ``__``, so that
``settings.slack.bot_token`` is ``PHYASSIST_SLACK__BOT_TOKEN``. A file ``.env`` in the folder where the command starts is read as
well; the environment wins. `.env.example` lists them all and is made from the docstrings here.

    SettingsError       a setting is missing or wrong; the message names it, never its value
"""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, PydanticUndefined
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from bot.domain.formats import BUILT_IN, Formats
from bot.domain.safety_card import CrisisContact
from bot.domain.templates import UnusableTemplates, read_templates
from inference.note import Language
from training.data.settings import Settings as Mixing
from training.night.plan import Promotion
from training.qlora.recipe import Recipe

PREFIX = "PHYASSIST_"
NESTING = "__"
ENV_FILE = ".env"
# Read elsewhere: by set-up, by the sandbox's commands, by the tests.
FOREIGN_PREFIXES = ("PHYASSIST_TORCH_INDEX", "PHYASSIST_FLAVOUR", "PHYASSIST_SANDBOX_URL", "PHYASSIST_TEST_")


class SettingsError(Exception):
    """A setting is missing or wrong; the message names the setting and never shows its value."""


class SlackMode(StrEnum):
    """How Slack reaches the bot."""

    SOCKET = "socket"
    HTTP = "http"


class Cosignature(StrEnum):
    """Whether supervisors sign along what counselors approved."""

    OFF = "off"
    OPTIONAL = "optional"


class NightGpu(StrEnum):
    """Whether the nightly training shares its GPUs with the model server (which then stops for it) or has its own."""

    SHARED = "shared"
    DEDICATED = "dedicated"


class LogLevel(StrEnum):
    """How much the log tells; case text is in none of them."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


def _split_list(value: object) -> object:
    """`a, b` or `["a", "b"]` as a list."""
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):
        try:
            return json.loads(value)
        except ValueError as error:
            raise ValueError("is neither a list separated by commas nor a JSON list") from error
    return [part.strip() for part in value.split(",") if part.strip()]


def _read_object(value: object) -> object:
    """`{"epochs": 1}` as a mapping."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError as error:
        raise ValueError("is no JSON object") from error


def _read_list(value: object) -> object:
    """`[{"name": "…"}]` as a list."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError as error:
        raise ValueError("is no JSON list") from error


def _good_recipe(recipe: dict[str, Any]) -> dict[str, Any]:
    """Settings of a training; only such as a night leaves open."""
    taken = {"base", "dataset", "begin", "seed"} & set(recipe)
    if taken:
        raise ValueError(f"the night itself decides {', '.join(sorted(taken))}")
    try:
        Recipe(base=Path("base"), dataset=Path("dataset"), **recipe)
    except ValidationError as error:
        raise ValueError(_faults(error)) from None
    return recipe


def _good_mixing(mixing: dict[str, Any]) -> dict[str, Any]:
    """Settings of how rows are mixed."""
    unknown = set(mixing) - {field.name for field in fields(Mixing)}
    if unknown:
        raise ValueError(f"there is no {', '.join(sorted(unknown))}")
    try:
        TypeAdapter(Mixing).validate_python(mixing)
    except ValidationError as error:
        raise ValueError(_faults(error)) from None
    return mixing


def _faults(error: ValidationError) -> str:
    return "; ".join(": ".join(filter(None, (".".join(map(str, one["loc"])), one["msg"]))) for one in error.errors())


def _known_timezone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError("is no time zone that this machine knows, such as Europe/Berlin") from error
    return name


def _readable_cron(text: str) -> str:
    try:
        CronTrigger.from_crontab(text)
    except ValueError as error:
        raise ValueError("is no cron expression of five fields, such as 30 2 * * *") from error
    return text


def _empty_as_none(value: object) -> object:
    return None if value == "" else value


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_list)]
Secret = Annotated[SecretStr | None, BeforeValidator(_empty_as_none)]
Timezone = Annotated[str, AfterValidator(_known_timezone)]
Cron = Annotated[str, AfterValidator(_readable_cron)]
Place = Annotated[Path | None, BeforeValidator(_empty_as_none), AfterValidator(lambda path: path and path.expanduser().absolute())]
RecipeChanges = Annotated[dict[str, Any], NoDecode, BeforeValidator(_read_object), AfterValidator(_good_recipe)]
MixingChanges = Annotated[dict[str, Any], NoDecode, BeforeValidator(_read_object), AfterValidator(_good_mixing)]


class Section(BaseModel):
    """What every section has in common: immutable, no unknown names, no values in error messages."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, hide_input_in_errors=True)


class SlackSettings(Section):
    """The workspace, and who may do what in it."""

    bot_token: Secret = None
    """The bot's token, `xoxb-…` (Slack: OAuth & Permissions)."""
    app_token: Secret = None
    """The app-level token for Socket Mode, `xapp-…`, with the scope connections:write (Slack: Basic Information)."""
    signing_secret: Secret = None
    """The signing secret, needed in HTTP mode only (Slack: Basic Information)."""
    api_url: str = Field("https://slack.com/api/", pattern="^https?://.+/$")
    """Where the Web API is: Slack's own, or anything Slack-compatible such as `phyassist sandbox`. Ends with a slash."""
    mode: SlackMode = SlackMode.SOCKET
    """`socket`: the bot connects to Slack, no public address needed. `http`: Slack posts signed requests to the bot."""
    http_host: str = "127.0.0.1"
    """Where the bot listens in HTTP mode."""
    http_port: int = Field(3000, ge=0, le=65535)
    """The port in HTTP mode; 0 takes a free one."""
    team_ids: Names = ()
    """The workspaces (T…) which the bot serves, separated by commas; empty means the one its token belongs to."""
    admin_users: Names = ()
    """Users (U…) who are admins, separated by commas."""
    admin_usergroup: str = ""
    """The user group (S…) whose members are admins."""
    supervisor_users: Names = ()
    """Users (U…) who are supervisors, separated by commas: they co-sign final notes and may delete cases."""
    supervisor_usergroup: str = ""
    """The user group (S…) whose members are supervisors."""
    admin_channel: str = ""
    """The private channel (C… or G…) for reports and alarms."""
    update_seconds: float = Field(2.5, ge=0.0, le=60.0)
    """Seconds between two live updates of a note that is being written; Slack allows about 50 updates a minute."""
    join_seconds: float = Field(20.0, ge=0.0, le=600.0)
    """How soon one person's messages must follow each other to be one description, if no note to them is there yet; 0: never."""


class StoreSettings(Section):
    """Where cases are kept."""

    url: str
    """The database: SQLite in the data directory, or `postgresql+asyncpg://user:password@host/name` for several instances."""
    key_file: Path
    """The master key file, made at the first start with mode 600. Without it no case can be read: back it up, apart from the data."""
    retention_days: int | None = Field(None, ge=1)
    """Days after which a closed case is deleted for good, with a certificate in the admins' channel; empty keeps closed cases."""
    retention_notice_days: int = Field(14, ge=1)
    """How many days before that it is announced in the case's channel; a case is never deleted sooner than this after its announcement."""


class NotesSettings(Section):
    """Final notes."""

    templates: Place = None
    """A YAML file with the team's own note formats; `phyassist doctor` checks it. Empty: the built-in formats alone."""
    cosignature: Cosignature = Cosignature.OPTIONAL
    """`optional`: a supervisor can co-sign an approved note. `off`: nobody is asked."""


class InferenceSettings(Section):
    """The model."""

    url: str = Field("http://127.0.0.1:8000/v1", pattern="^https?://.+")
    """Any OpenAI-compatible server's address, up to and with `/v1`."""
    api_key: Secret = None
    """The key of that server, where it asks for one."""
    model: str = Field("phyassist", min_length=1)
    """The name of the model or adapter to ask for, as the server lists it, while no adapter of the registry is in service."""
    follow_registry: bool = True
    """Whether answers come from the adapter that was promoted, as the data directory's `adapters` say; `false` always asks for MODEL."""
    max_tokens: int = Field(700, ge=64, le=8192)
    """The most tokens of one answer."""
    items_per_kind: int = Field(8, ge=1, le=20)
    """The most items of each kind (analysis, advice, questions) in one answer."""
    item_chars: int = Field(400, ge=20, le=2000)
    """The most characters of one item."""
    context_tokens: int = Field(0, ge=0)
    """The model's context length in tokens, prompt and answer together; 0 asks the server."""
    temperature: float = Field(0.0, ge=0.0, le=2.0)
    """How freely the model writes; 0 gives the same answer to the same case."""
    timeout: float = Field(120.0, gt=0.0)
    """Seconds without a token after which an answer counts as broken off."""


class ContactSettings(Section):
    """One crisis contact, as a safety card shows it."""

    name: str = Field(min_length=1, max_length=60)
    reach: str = Field(min_length=1, max_length=80)
    hours: str = Field("", max_length=40)


Contacts = Annotated[tuple[ContactSettings, ...], NoDecode, BeforeValidator(_read_list), Field(max_length=8)]


class SafetySettings(Section):
    """Safety cards."""

    contacts_en: Contacts = ()
    """Local crisis contacts that safety cards show in English cases, the first one first, as a JSON list such as
    `[{"name": "Crisis line of the city", "reach": "its number", "hours": "day and night"}]`; `hours` may be left out."""
    contacts_zh: Contacts = ()
    """The same for Chinese cases. Where one language has none, those of the other are shown."""

    def by_language(self) -> dict[Language, tuple[CrisisContact, ...]]:
        """The contacts as cards take them."""
        listed = {Language.ENGLISH: self.contacts_en, Language.CHINESE: self.contacts_zh}
        return {language: tuple(CrisisContact(one.name, one.reach, one.hours) for one in each) for language, each in listed.items()}


class NightSettings(Section):
    """The nightly training."""

    cron: Cron = "30 2 * * *"
    """When it starts, as a cron expression of five fields."""
    timezone: Timezone = "UTC"
    """The time zone of that expression, such as Europe/Berlin."""
    gpu: NightGpu = NightGpu.SHARED
    """`shared`: the model server stops for the training. `dedicated`: the training has GPUs of its own."""
    base: Place = None
    """Directory of the model that is trained: the one that is served, in the format of a model hub. Empty: no training at night."""
    begin: Place = None
    """Directory of the adapter that the model server was started with, the one that PHYASSIST_INFERENCE__MODEL names. Training goes on from
    it until another adapter was promoted; empty begins with the bare model."""
    base_set: Place = None
    """A file of examples, one JSON object a line, of which some are mixed in so that nothing is forgotten."""
    recipe: RecipeChanges = Field(default_factory=dict)
    """Settings of the training that differ from its defaults, as a JSON object such as `{"epochs": 1}`."""
    mixing: MixingChanges = Field(default_factory=dict)
    """How many rows of earlier nights and of the base set are mixed in, and how many cases are held out to measure with, where that differs
    from the defaults: shares as a JSON object such as `{"earlier": 0.3, "base": 0.1, "heldout": 0.2}`."""
    at_once: int = Field(4, ge=1, le=64)
    """Requests at a time while adapters are measured: few, so that counselors on the same server don't notice."""
    promotion: Promotion = Promotion.ASK
    """What happens to an adapter that passed its tests. `ask`: it waits for an admin. `automatic`: it goes into service at once."""
    python: Place = None
    """The Python interpreter that has the training packages; empty takes the bot's own."""


def default_home(environment: Mapping[str, str] | None = None, platform: str = sys.platform) -> Path:
    """The data directory of this kind of machine, where none is set."""
    values = os.environ if environment is None else environment
    if platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "phyassist"
    return Path(values.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "phyassist"


class Settings(BaseSettings):
    """Everything that can be set."""

    model_config = SettingsConfigDict(
        frozen=True,
        env_prefix=PREFIX,
        env_nested_delimiter=NESTING,
        env_file=ENV_FILE,
        env_ignore_empty=True,
        env_file_encoding="utf-8",
        extra="ignore",
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
        validate_default=True,
    )

    home: Path = Field(default_factory=default_home)
    """The data directory: database, key, adapters, logs. The default depends on the machine."""
    language: Language = Language.ENGLISH
    """The language before a case has one, and where a first description has no letters: `en` or `zh`."""
    log_level: LogLevel = LogLevel.INFO
    """How much the log tells: debug, info, warning or error."""
    slack: SlackSettings = SlackSettings()
    store: StoreSettings
    notes: NotesSettings = NotesSettings()
    inference: InferenceSettings = InferenceSettings()
    night: NightSettings = NightSettings()
    safety: SafetySettings = SafetySettings()

    @model_validator(mode="before")
    @classmethod
    def _store_in_home(cls, data: Any) -> Any:
        """Database and key lie in the data directory unless they are set."""
        if not isinstance(data, dict) or isinstance(data.get("store"), StoreSettings):
            return data
        home = Path(data.get("home") or default_home()).expanduser().absolute()
        given = {name: value for name, value in (data.get("store") or {}).items() if value != ""}
        return {
            **data,
            "home": home,
            "store": {"url": f"sqlite+aiosqlite:///{home}/phyassist.db", "key_file": home / "master.key", **given},
        }


def load_settings(**given: Any) -> Settings:
    """The settings of the environment and `.env`, with `given` on top; raises SettingsError with one line for each wrong one."""
    try:
        return Settings(**given)
    except ValidationError as error:
        raise SettingsError("\n".join(map(_explain, error.errors()))) from None


def load_formats(settings: NotesSettings) -> Formats:
    """The note formats: built in, and of the team's file.

    Raises:
        SettingsError: the file can't be read, or is no file of templates; the message says what is wrong with it.
    """
    if settings.templates is None:
        return BUILT_IN
    variable = variable_name("notes", "templates")
    try:
        return read_templates(settings.templates.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{variable}: {settings.templates} can't be read ({type(error).__name__})") from None
    except UnusableTemplates as error:
        raise SettingsError("\n".join(f"{variable}: {line}" for line in str(error).splitlines())) from None


def _explain(fault: ErrorDetails) -> str:
    """One line for one wrong setting."""
    reason = "there is no such setting" if fault["type"] == "extra_forbidden" else fault["msg"].removeprefix("Value error, ")
    return f"{variable_name(*map(str, fault['loc']))}: {reason}"


def variable_name(*path: str) -> str:
    """The environment variable of a setting: ("slack", "bot_token") is PHYASSIST_SLACK__BOT_TOKEN."""
    return PREFIX + NESTING.join(path).upper()


@dataclass(frozen=True)
class Described:
    """One setting as people see it."""

    variable: str
    default: str
    meaning: str
    secret: bool


def describe() -> Iterator[Described]:
    """Every setting in order, section by section."""
    for name, field in Settings.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, Section):
            for inner, described in section.model_fields.items():
                yield _described(described, name, inner)
        else:
            yield _described(field, name)


def _described(field: FieldInfo, *path: str) -> Described:
    secret = "SecretStr" in str(field.annotation)
    return Described(variable_name(*path), _as_text(field.default), field.description or "", secret)


def _as_text(value: object) -> str:
    """A default as it would stand in `.env`; empty where there is none or it depends on the machine."""
    return "" if value in (None, ()) or value is PydanticUndefined else str(value)


def unknown_variables(environment: Mapping[str, str] | None = None) -> list[str]:
    """Variables with our prefix which no setting reads: most likely misspelt."""
    known = {described.variable for described in describe()}
    values = os.environ if environment is None else environment
    return sorted(
        name for name in values if name.startswith(PREFIX) and not name.startswith(FOREIGN_PREFIXES) and name.upper() not in known
    )
