"""What every test has at hand: a clean environment, and databases of both kinds."""

import asyncio
import os
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest
from hypothesis import settings

from tests.support.databases import drop_templates
from tests.support.postgres import URL_VARIABLE, find_programs, temporary_postgres

# No test may reach a model hub; set before anything imports a model library.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")

# Machines are shared: how long an example takes says nothing. All else is as the environment has it (on CI, the same examples each time).
settings.register_profile("untimed", settings(), deadline=None)
settings.load_profile("untimed")

pytest_plugins = ["tests.model_fixtures"]

POSTGRES_IS_MISSING = "PostgreSQL is not installed here: install it (Debian: apt-get install postgresql) to run this test as well"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that start model servers come first, then those that train: they take longest, and the short ones fill the gaps at the end."""
    servers = {item.path for item in items if item.get_closest_marker("server")}
    trainings = Path(__file__).parent / "training"
    items.sort(key=lambda item: 0 if item.path in servers else 1 if trainings in item.path.parents else 2)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No test sees the settings of the person who runs it."""
    for name in list(os.environ):
        if name.startswith("PHYASSIST_") and not name.startswith("PHYASSIST_TEST_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PHYASSIST_HOME", str(tmp_path_factory.mktemp("home")))


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The address of a running PostgreSQL: the one which the environment names, else one started for these tests."""
    given = os.environ.get(URL_VARIABLE)
    programs = find_programs()
    if given:
        yield given
        asyncio.run(drop_templates())
    elif programs is not None:
        with temporary_postgres(programs) as url:
            yield url
    elif os.environ.get("CI"):
        pytest.fail("CI must run the PostgreSQL tests, and PostgreSQL is not installed")
    else:
        pytest.skip(POSTGRES_IS_MISSING)


@pytest.fixture
async def postgres_database(postgres_url: str) -> AsyncIterator[str]:
    """The address of a new, empty PostgreSQL database, dropped after the test."""
    name = f"phyassist_{uuid.uuid4().hex}"
    server = postgres_url.replace("+asyncpg", "")
    connection = await asyncpg.connect(server)
    try:
        await connection.execute(f'CREATE DATABASE "{name}"')
        yield postgres_url.rsplit("/", 1)[0] + f"/{name}"
        await connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    finally:
        await connection.close()


@pytest.fixture(params=["sqlite", "postgres"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a new, empty database; the test runs once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path / 'phyassist.db'}"
    address: str = request.getfixturevalue("postgres_database")
    return address
