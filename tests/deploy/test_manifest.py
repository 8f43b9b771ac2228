"""The files which other programs read: Slack's manifest, the compose file, the systemd units."""

import configparser
import functools
import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import typer
import yaml

from bot.settings import describe
from bot.slack.night_listeners import ADMIN_WORDS
from deploy.model import app
from inference.profiles import ProfileName

DEPLOY = Path(__file__).parents[2] / "deploy"
VARIABLES = {setting.variable for setting in describe()}


def text(longest: int, shortest: int = 1) -> dict[str, Any]:
    """A JSON schema for a text of limited length."""
    return {"type": "string", "minLength": shortest, "maxLength": longest}


def closed(required: list[str], /, **properties: Any) -> dict[str, Any]:
    """A JSON schema for an object with these properties and no others."""
    return {"type": "object", "required": required, "properties": properties, "additionalProperties": False}


YES_NO = {"type": "boolean"}
NAMES = {"type": "array", "items": {"type": "string"}, "uniqueItems": True}
SHORTCUT = closed(
    ["name", "type", "callback_id", "description"],
    name=text(24),
    type={"enum": ["message", "global"]},
    callback_id=text(255),
    description=text(150),
)
COMMAND = closed(
    ["command", "description"],
    command={"type": "string", "pattern": "^/[a-z]+$", "maxLength": 32},
    description=text(2000),
    usage_hint=text(1000),
    should_escape=YES_NO,
)
# Lengths and required parts as in Slack's public manifest schema, version 2.
MANIFEST = closed(
    ["display_information", "features", "oauth_config", "settings"],
    _metadata=closed([], major_version={"type": "integer"}, minor_version={"type": "integer"}),
    display_information=closed(
        ["name"],
        name=text(35),
        description=text(140),
        long_description=text(4000, 175),
        background_color={"type": "string", "pattern": "^#([0-9a-fA-F]{3}){1,2}$"},
    ),
    features=closed(
        ["bot_user"],
        app_home=closed([], home_tab_enabled=YES_NO, messages_tab_enabled=YES_NO, messages_tab_read_only_enabled=YES_NO),
        bot_user=closed(["display_name"], display_name=text(80), always_online=YES_NO),
        shortcuts={"type": "array", "items": SHORTCUT, "maxItems": 10},
        slash_commands={"type": "array", "items": COMMAND, "maxItems": 50},
    ),
    oauth_config=closed(["scopes"], scopes=closed(["bot"], bot=NAMES)),
    settings=closed(
        [],
        event_subscriptions=closed([], bot_events=NAMES),
        interactivity=closed(["is_enabled"], is_enabled=YES_NO),
        org_deploy_enabled=YES_NO,
        socket_mode_enabled=YES_NO,
        token_rotation_enabled=YES_NO,
    ),
)
# The scope that Slack asks for before it delivers an event; those not listed need none beyond the installed app.
SCOPE_OF_EVENT = {
    "app_mention": "app_mentions:read",
    "channel_id_changed": "channels:read",
    "channel_shared": "groups:read",
    "channel_unshared": "groups:read",
    "group_archive": "groups:read",
    "group_deleted": "groups:read",
    "group_left": "groups:read",
    "group_rename": "groups:read",
    "group_unarchive": "groups:read",
    "member_joined_channel": "groups:read",
    "member_left_channel": "groups:read",
    "message.groups": "groups:history",
    "subteam_members_changed": "usergroups:read",
    "user_change": "users:read",
}


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    """Slack's manifest of the app."""
    loaded: dict[str, Any] = json.loads((DEPLOY / "slack" / "manifest.json").read_text(encoding="utf-8"))
    return loaded


def merged(one: Any, other: Any) -> Any:
    """A compose file with another on top: mappings are joined, lists appended, other values replaced."""
    if isinstance(one, dict) and isinstance(other, dict):
        return {**one, **{key: merged(one[key], value) if key in one else value for key, value in other.items()}}
    return [*one, *other] if isinstance(one, list) and isinstance(other, list) else other


@pytest.fixture(scope="module", params=[("compose.yaml",), ("compose.yaml", "compose.nights.yaml")], ids=["plain", "nights"])
def compose(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The compose file; and with the one for nights on top."""
    loaded = [yaml.safe_load((DEPLOY / name).read_text(encoding="utf-8")) for name in request.param]
    whole: dict[str, Any] = functools.reduce(merged, loaded)
    return whole


@pytest.fixture(scope="module")
def nights() -> dict[str, Any]:
    """Both."""
    plain, on_top = (yaml.safe_load((DEPLOY / name).read_text(encoding="utf-8")) for name in ("compose.yaml", "compose.nights.yaml"))
    whole: dict[str, Any] = merged(plain, on_top)
    return whole


def test_slack_would_accept_the_manifest(manifest: dict[str, Any]) -> None:
    """Every part is one that Slack knows and within its lengths."""
    jsonschema.validate(manifest, MANIFEST)


def test_the_app_may_receive_every_event_it_subscribes_to(manifest: dict[str, Any]) -> None:
    """For each event, the scope that it needs is asked for."""
    scopes = set(manifest["oauth_config"]["scopes"]["bot"])
    events = manifest["settings"]["event_subscriptions"]["bot_events"]
    assert {SCOPE_OF_EVENT[event] for event in events if event in SCOPE_OF_EVENT} <= scopes


def test_the_ways_in_are_there(manifest: dict[str, Any]) -> None:
    """Socket Mode, the slash command, the message shortcut are on; and so is the home tab."""
    features = manifest["features"]
    assert manifest["settings"]["socket_mode_enabled"]
    assert [command["command"] for command in features["slash_commands"]] == ["/phyassist"]
    assert [(shortcut["callback_id"], shortcut["name"]) for shortcut in features["shortcuts"]] == [
        ("use_as_edited_answer", "Use as edited answer")
    ]
    assert features["app_home"]["home_tab_enabled"]


def test_the_hint_of_the_command_names_every_word(manifest: dict[str, Any]) -> None:
    """Slack shows it while somebody types: what everybody may say, then what admins may."""
    (command,) = manifest["features"]["slash_commands"]
    everybody, admins = command["usage_hint"].split("(admins:")
    known = {"summarize", "export", "case", "status", "questions", "history", "digest", "help"}
    assert {hint.split()[0] for hint in everybody.split("|")} == known
    assert {word.split()[0] for word in admins.rstrip(")").split("|")} == ADMIN_WORDS | {"audit"}


SERVICE = closed(
    [],
    image=text(200),
    build=closed(["context"], context=text(200), dockerfile=text(200), target=text(50)),
    restart={"enum": ["no", "always", "on-failure", "unless-stopped"]},
    command={"type": "array", "items": {"type": "string"}},
    environment={"type": "object", "additionalProperties": {"type": "string"}},
    env_file={"type": "array", "items": closed(["path"], path=text(200), required=YES_NO)},
    volumes={"type": "array", "items": {"type": "string", "pattern": "^[a-z]+:/"}},
    healthcheck=closed(["test"], test={"type": "array"}, interval=text(9), timeout=text(9), retries={"type": "integer"}),
    depends_on={
        "type": "object",
        "additionalProperties": closed(["condition"], condition={"enum": ["service_started", "service_healthy"]}),
    },
    networks=NAMES,
    init=YES_NO,
    shm_size=text(9),
    stop_grace_period=text(9),
    deploy={"type": "object"},
)


def test_the_compose_file_is_well_formed(compose: dict[str, Any]) -> None:
    """Services have only parts of the compose specification, and name volumes, networks and services that exist."""
    schema = closed(["services"], name=text(50), services={"type": "object", "additionalProperties": SERVICE}, volumes={}, networks={})
    jsonschema.validate(compose, schema)
    for service in compose["services"].values():
        assert ("image" in service) != ("build" in service)
        assert set(service.get("depends_on", ())) <= set(compose["services"])
        assert {volume.partition(":")[0] for volume in service.get("volumes", ())} <= set(compose["volumes"])
        assert set(service.get("networks", ())) <= set(compose["networks"])


def test_the_compose_file_sets_only_settings_that_exist(compose: dict[str, Any]) -> None:
    """Each PHYASSIST_ variable of the bot is read by a setting."""
    names = {name for name in compose["services"]["bot"]["environment"] if name.startswith("PHYASSIST_")}
    assert names
    assert names <= VARIABLES


def test_images_are_built_from_stages_and_files_that_exist(compose: dict[str, Any]) -> None:
    """Targets are stages of the Dockerfile, and what it copies is in the repository."""
    lines = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").splitlines()
    stages = {line.rsplit(" ", 1)[1] for line in lines if line.startswith("FROM ")}
    built = [service["build"] for service in compose["services"].values() if "build" in service]
    assert {build["target"] for build in built} <= stages
    assert all((DEPLOY / build["context"] / build["dockerfile"]).is_file() for build in built)
    copied = [line.split()[1] for line in lines if line.startswith("COPY ")]
    assert all((DEPLOY.parent / path).exists() for path in copied)


def mounts(service: dict[str, Any]) -> dict[str, str]:
    """Where a service has which volume."""
    return {place: volume for volume, _, place in (mount.partition(":") for mount in service["volumes"])}


def test_bot_and_model_server_share_their_data_directory_and_no_key(compose: dict[str, Any]) -> None:
    """Adapters, nights and the locks for the GPUs are the same files at the same place for both; the master key is the bot's alone."""
    bot, model = compose["services"]["bot"], compose["services"]["model"]
    home = bot["environment"]["PHYASSIST_HOME"]
    assert model["environment"]["PHYASSIST_HOME"] == home
    assert mounts(bot)[home] == mounts(model)[home] == "home"
    key = bot["environment"]["PHYASSIST_STORE__KEY_FILE"]
    assert mounts(bot)[str(Path(key).parent)] == "keys"
    assert "keys" not in mounts(model).values()
    lines = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").splitlines()
    (made,) = [line for line in lines if "install -d" in line]
    assert {home, str(Path(key).parent)} <= set(made.split())  # or the volumes would be root's


def test_a_night_has_what_it_needs(nights: dict[str, Any]) -> None:
    """The bot's image has the training packages; both services have the GPUs, the same two unless somebody says otherwise."""
    bot, model = nights["services"]["bot"], nights["services"]["model"]
    built = [line.split() for line in (DEPLOY / "Dockerfile").read_text(encoding="utf-8").splitlines() if line.startswith("FROM ")]
    begins_with = {name: image for _, image, _, name in built}
    assert begins_with[bot["build"]["target"]] == model["build"]["target"]
    packages = (DEPLOY.parent / "locks" / "gpu.lock").read_text(encoding="utf-8")
    for name in ("peft", "bitsandbytes", "accelerate", "slack-bolt", "asyncpg"):
        assert f"\n{name}==" in packages
    for service in (bot, model):
        (devices,) = service["deploy"]["resources"]["reservations"]["devices"]
        assert (devices["driver"], devices["count"], devices["capabilities"]) == ("nvidia", "all", ["gpu"])
        assert service["environment"]["CUDA_VISIBLE_DEVICES"].endswith("_GPUS:-0,1}")
        assert service["init"]


def test_the_model_server_is_started_as_its_command_allows(compose: dict[str, Any]) -> None:
    """With the values that stand for what nobody set, the command line is one that `phyassist` understands, with a profile that exists."""
    command = [re.sub(r"\$\{\w+:-(.*)\}", r"\1", part) for part in compose["services"]["model"]["command"]]
    assert command[:2] == ["model", "serve"]
    context = typer.main.get_command(app).make_context("model", command[1:2], resilient_parsing=True)
    serve = typer.main.get_group(app).commands["serve"]
    given = serve.make_context("serve", command[2:], parent=context).params
    assert given["profile"] in {ProfileName.GPU_2X24, ProfileName.GPU_2X80}
    assert (given["tensor_parallel"], given["host"]) == (2, "0.0.0.0")  # noqa: S104 (inside its container)


@pytest.mark.parametrize("unit", sorted((DEPLOY / "systemd").glob("*.service")), ids=lambda path: path.stem)
def test_systemd_units_start_a_command_that_exists(unit: Path) -> None:
    """Each unit runs as its own user, starts again by itself, and calls a `phyassist` command with a profile that exists."""
    parser = configparser.RawConfigParser(strict=False)
    parser.read_string(unit.read_text(encoding="utf-8"))
    service = parser["Service"]
    command = service["ExecStart"].split()
    assert command[0].endswith("/.venv/bin/phyassist")
    assert command[1:] in (["bot"], ["model", "serve", "--profile", ProfileName.GPU_2X24])
    assert service["User"] == "phyassist"
    assert service["Restart"] == "always"
