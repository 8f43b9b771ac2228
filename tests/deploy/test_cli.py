"""The command line as a person meets it: a real process, its output and its exit status."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("torch", "transformers", "vllm", "slack_sdk", "sqlalchemy", "aiohttp", "httpx", "cryptography")


def phyassist(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command with these variables on top of the environment."""
    return python("from deploy.cli import main; main()", *arguments, cwd=cwd, **environment)


def python(code: str, *arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run some code in a process of its own."""
    wide = {"COLUMNS": "200", "TERM": "dumb"}
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=cwd,
        env={**os.environ, **wide, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_help_shows_the_way(tmp_path: Path) -> None:
    """`phyassist --help` names the commands and where to begin."""
    done = phyassist("--help", cwd=tmp_path)
    assert done.returncode == 0
    for word in ("demo", "bot", "sandbox", "doctor", "model", "db", "New here?"):
        assert word in done.stdout


def test_help_loads_nothing_heavy(tmp_path: Path) -> None:
    """The command line itself imports no database, network or model library: help comes at once, and without any extra."""
    done = python(f"import sys, deploy.cli; print([name for name in {HEAVY} if name in sys.modules])", cwd=tmp_path)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "command",
    [
        ["sandbox", "say"],
        ["model", "serve"],
        ["model", "list"],
        ["model", "promote"],
        ["model", "rollback"],
        ["db", "upgrade"],
        ["train", "demo-model"],
    ],
)
def test_every_command_explains_itself(command: list[str], tmp_path: Path) -> None:
    """Each command has a help page of its own, also those that pass their arguments on."""
    done = phyassist(*command, "--help", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "usage:" in done.stdout.lower()


def test_an_unknown_command_is_an_error(tmp_path: Path) -> None:
    """A misspelt command exits with 2."""
    assert phyassist("dmeo", cwd=tmp_path).returncode == 2


def test_a_missing_extra_gets_a_sentence(tmp_path: Path) -> None:
    """Without the package that a command needs, the command says how to get it, and shows no traceback."""
    code = "import sys; sys.modules['torch'] = None; from deploy.cli import main; main()"
    done = python(code, "train", "demo-model", "--quick", cwd=tmp_path)
    assert done.returncode == 1
    assert "phyassist[train]" in done.stderr
    assert "Traceback" not in done.stderr


def test_wrong_settings_get_a_sentence(tmp_path: Path) -> None:
    """A setting that cannot be read is named, with exit status 2 and no traceback."""
    done = phyassist("db", "upgrade", cwd=tmp_path, PHYASSIST_NIGHT__CRON="whenever")
    assert done.returncode == 2
    assert "PHYASSIST_NIGHT__CRON" in done.stderr
    assert "Traceback" not in done.stderr


def test_db_upgrade_makes_the_tables(tmp_path: Path, store_url: str) -> None:
    """`phyassist db upgrade` works on an empty database and again on a full one; the doctor then agrees."""
    for _ in range(2):
        done = phyassist("db", "upgrade", cwd=tmp_path, PHYASSIST_STORE__URL=store_url)
        assert done.returncode == 0, done.stderr
        assert "up to date" in done.stdout
    report = phyassist("doctor", "--no-model", cwd=tmp_path, PHYASSIST_STORE__URL=store_url).stdout
    assert "tables at" in report


def test_db_upgrade_makes_the_data_directory(tmp_path: Path) -> None:
    """On a new machine the data directory is made, for its owner alone."""
    home = tmp_path / "new" / "home"
    assert phyassist("db", "upgrade", cwd=tmp_path, PHYASSIST_HOME=str(home)).returncode == 0
    assert home.stat().st_mode & 0o777 == 0o700


def test_db_upgrade_of_an_unreachable_database_gets_a_sentence(tmp_path: Path) -> None:
    """A database that does not answer is told without a traceback and without its password."""
    done = phyassist("db", "upgrade", cwd=tmp_path, PHYASSIST_STORE__URL="postgresql+asyncpg://user:planted@127.0.0.1:1/name")
    assert done.returncode == 1
    assert "does not answer" in done.stderr
    assert "planted" not in done.stderr + done.stdout


def test_doctor_exits_one_on_a_bare_machine(tmp_path: Path) -> None:
    """With nothing configured the doctor finds problems, says so in a table and exits with 1."""
    done = phyassist("doctor", "--no-model", cwd=tmp_path)
    assert done.returncode == 1
    assert "PHYASSIST_SLACK__BOT_TOKEN is not set" in done.stdout
    assert "checks found a problem" in done.stdout


def test_no_adapter_is_told(tmp_path: Path) -> None:
    """`phyassist model list` on a new machine says that there is none."""
    assert "No adapter" in phyassist("model", "list", cwd=tmp_path).stdout
