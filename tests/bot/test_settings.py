"""The settings: where values come from, what is refused, and that people can read about each of them."""

from pathlib import Path

import pytest

from bot.domain.safety_card import CrisisContact
from bot.settings import Settings, SettingsError, SlackMode, default_home, describe, load_settings, unknown_variables
from deploy.env_example import render
from inference.note import Language

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory without a `.env`."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_nothing_needs_to_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any setting, the database and the key lie in the data directory."""
    monkeypatch.setenv("PHYASSIST_HOME", "/data/here")
    settings = load_settings()
    assert settings.store.url == "sqlite+aiosqlite:////data/here/phyassist.db"
    assert settings.store.key_file == Path("/data/here/master.key")
    assert settings.slack.bot_token is None
    assert settings.language is Language.ENGLISH


def test_database_and_key_can_be_set_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Setting only the database leaves the key in the data directory, and the other way round."""
    monkeypatch.setenv("PHYASSIST_HOME", "/data")
    monkeypatch.setenv("PHYASSIST_STORE__URL", "postgresql+asyncpg://host/name")
    assert load_settings().store.key_file == Path("/data/master.key")
    assert load_settings().store.url == "postgresql+asyncpg://host/name"


def test_home_may_start_with_a_tilde(monkeypatch: pytest.MonkeyPatch) -> None:
    """`~` in the data directory means the user's home, also for the database in it."""
    monkeypatch.setenv("PHYASSIST_HOME", "~/cases")
    settings = load_settings()
    assert settings.home == Path.home() / "cases"
    assert settings.store.url == f"sqlite+aiosqlite:///{Path.home()}/cases/phyassist.db"


def test_the_environment_wins_over_the_env_file(empty_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`.env` is read, the environment goes first, and other programs' lines in the file are let be."""
    (empty_folder / ".env").write_text("OTHER=1\nPHYASSIST_SLACK__MODE=http\nPHYASSIST_INFERENCE__MODEL=from-file\n")
    monkeypatch.setenv("PHYASSIST_INFERENCE__MODEL", "from-environment")
    settings = load_settings()
    assert settings.slack.mode is SlackMode.HTTP
    assert settings.inference.model == "from-environment"


@pytest.mark.parametrize("written", ["U1,U2", " U1 , U2 ", '["U1", "U2"]'])
def test_lists_are_written_with_commas_or_as_json(written: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways of writing a list give the same list."""
    monkeypatch.setenv("PHYASSIST_SLACK__ADMIN_USERS", written)
    assert load_settings().slack.admin_users == ("U1", "U2")


def test_empty_values_count_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty variable, as compose files pass them, is the default."""
    for name in ("SLACK__BOT_TOKEN", "SLACK__TEAM_IDS", "INFERENCE__CONTEXT_TOKENS", "STORE__URL", "NIGHT__CRON"):
        monkeypatch.setenv(f"PHYASSIST_{name}", "")
    settings = load_settings()
    assert settings.slack.bot_token is None
    assert settings.slack.team_ids == ()
    assert settings.inference.context_tokens == 0
    assert settings.store.url.startswith("sqlite")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SLACK__API_URL", "slack.example/api"),
        ("SLACK__HTTP_PORT", "70000"),
        ("SLACK__TEAM_IDS", "[broken"),
        ("SLACK__MODE", "pigeon"),
        ("INFERENCE__MAX_TOKENS", "many"),
        ("NIGHT__CRON", "at night"),
        ("NIGHT__TIMEZONE", "Mars/Olympus"),
        ("SLACK__BOTTOKEN", "xoxb-1"),
    ],
)
def test_a_wrong_value_is_refused_by_name(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the variable and never repeats its value, which may be a secret."""
    monkeypatch.setenv(f"PHYASSIST_{name}", value)
    with pytest.raises(SettingsError) as error:
        load_settings()
    assert f"PHYASSIST_{name}: " in str(error.value)
    assert value not in str(error.value)


def test_secrets_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    """Printing the settings prints no token."""
    monkeypatch.setenv("PHYASSIST_SLACK__BOT_TOKEN", "xoxb-planted")
    monkeypatch.setenv("PHYASSIST_INFERENCE__API_KEY", "planted")
    assert "planted" not in repr(load_settings())


def test_misspelt_variables_are_found() -> None:
    """A variable with our prefix that nothing reads is reported; set-up's and the tests' own are not."""
    environment = {
        "PHYASSIST_SLAK__MODE": "",
        "PHYASSIST_HOME": "",
        "PHYASSIST_TORCH_INDEX": "",
        "PHYASSIST_TEST_POSTGRES_URL": "",
        "PATH": "",
    }
    assert unknown_variables(environment) == ["PHYASSIST_SLAK__MODE"]


def test_every_setting_is_explained() -> None:
    """Every setting has a docstring, and no two share a name."""
    described = list(describe())
    assert all(setting.meaning.endswith(".") for setting in described), [setting.variable for setting in described if not setting.meaning]
    assert len({setting.variable for setting in described}) == len(described) > 20


def test_the_example_file_is_up_to_date() -> None:
    """`.env.example` is what the docstrings say; mend with `python -m deploy.env_example > .env.example`."""
    assert (ROOT / ".env.example").read_text(encoding="utf-8") == render()


def test_the_example_file_works_as_it_is(empty_folder: Path) -> None:
    """With the example's lines switched on, every default is accepted."""
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    (empty_folder / ".env").write_text("\n".join(line.removeprefix("#") for line in lines if line.startswith("#PHYASSIST_")))
    assert load_settings() == Settings()


def test_the_data_directory_follows_the_platform() -> None:
    """Linux has XDG_DATA_HOME or ~/.local/share, macOS its Library."""
    assert default_home({"XDG_DATA_HOME": "/xdg"}, "linux") == Path("/xdg/phyassist")
    assert default_home({}, "linux") == Path.home() / ".local/share/phyassist"
    assert default_home({}, "darwin") == Path.home() / "Library/Application Support/phyassist"


def test_a_recipe_is_a_json_object_of_known_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the training would refuse at night is refused at the start, and the night keeps what it decides itself."""
    monkeypatch.setenv("PHYASSIST_NIGHT__RECIPE", '{"epochs": 1, "rank": 16}')
    monkeypatch.setenv("PHYASSIST_NIGHT__BASE", "~/model")
    monkeypatch.setenv("PHYASSIST_NIGHT__BEGIN", "")
    night = load_settings().night
    assert night.recipe == {"epochs": 1, "rank": 16}
    assert (night.base, night.begin) == (Path.home() / "model", None)
    for wrong, word in (
        ("epochs=1", "is no JSON object"),
        ('{"epoch": 1}', "epoch"),
        ('{"rank": 7}', "rank"),
        ('{"seed": 1}', "decides seed"),
    ):
        monkeypatch.setenv("PHYASSIST_NIGHT__RECIPE", wrong)
        with pytest.raises(SettingsError, match="PHYASSIST_NIGHT__RECIPE") as caught:
            load_settings()
        assert word in str(caught.value)


def test_mixing_is_a_json_object_of_shares(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the night's dataset would refuse is refused at the start; what is not set keeps its default."""
    monkeypatch.setenv("PHYASSIST_NIGHT__MIXING", '{"base": 0.3}')
    monkeypatch.setenv("PHYASSIST_NIGHT__AT_ONCE", "16")
    night = load_settings().night
    assert (night.mixing, night.at_once) == ({"base": 0.3}, 16)
    for wrong, word in (
        ("base=0.3", "is no JSON object"),
        ('{"basis": 0.3}', "there is no basis"),
        ('{"base": "much"}', "base"),
        ('{"base": 0.9, "earlier": 0.2}', "leave room for new rows"),
    ):
        monkeypatch.setenv("PHYASSIST_NIGHT__MIXING", wrong)
        with pytest.raises(SettingsError, match="PHYASSIST_NIGHT__MIXING") as caught:
            load_settings()
        assert word in str(caught.value)


def test_crisis_contacts_are_a_json_list_for_each_language(monkeypatch: pytest.MonkeyPatch) -> None:
    """None are built in; each has a name and a way to reach it, and a wrong one is refused at the start."""
    assert set(load_settings().safety.by_language().values()) == {()}
    monkeypatch.setenv(
        "PHYASSIST_SAFETY__CONTACTS_EN",
        '[{"name": "City line", "reach": "000 000", "hours": "at night"}, {"name": "Ward", "reach": "bell"}]',
    )
    contacts = load_settings().safety.by_language()
    assert contacts[Language.ENGLISH] == (CrisisContact("City line", "000 000", "at night"), CrisisContact("Ward", "bell"))
    assert contacts[Language.CHINESE] == ()
    for wrong, word in (
        ("City line, 000 000", "is no JSON list"),
        ('{"name": "City line"}', "valid tuple"),
        ('[{"name": "City line"}]', "REACH"),
        ('[{"name": "", "reach": "000"}]', "at least 1 character"),
        ('[{"name": "City line", "reach": "000", "phone": "000"}]', "no such setting"),
    ):
        monkeypatch.setenv("PHYASSIST_SAFETY__CONTACTS_ZH", wrong)
        with pytest.raises(SettingsError, match="PHYASSIST_SAFETY__CONTACTS_ZH") as caught:
            load_settings()
        assert word in str(caught.value)
