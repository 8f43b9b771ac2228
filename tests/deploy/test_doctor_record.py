"""What the doctor says of the audit and of retention."""

from pathlib import Path

import pytest
from sqlalchemy import text

from bot.settings import Settings, load_settings
from bot.store.engine import make_engine
from bot.store.heads import HEADS_FILE, KeptHeads
from deploy.checks.finding import Finding, Health
from deploy.checks.record import AUDIT, RETENTION, check_record
from tests.bot.test_audit import an_entry
from tests.bot.test_store import a_database
from tests.support.builders import NOW


async def found(settings: Settings) -> list[Finding]:
    """All findings."""
    return [finding async for finding in check_record(settings)]


async def test_a_sound_audit_is_well_and_a_cut_one_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the heads beside the database; without a database there is nothing to say, and none is made."""
    monkeypatch.setenv("PHYASSIST_HOME", str(tmp_path))
    settings = load_settings()
    (retention,) = await found(settings)
    assert (retention.subject, retention.health) == (RETENTION, Health.NOTE)
    assert list(tmp_path.iterdir()) == []
    async with a_database(settings.store.url) as database:
        async with database.begin() as uow:
            for number in range(3):
                await uow.record(an_entry(subject=f"s{number}"))
        KeptHeads(tmp_path / HEADS_FILE).keep(await database.audit_head(), NOW)
    audit, _ = await found(settings)
    assert (audit.subject, audit.health, audit.text) == (AUDIT, Health.OK, "sound, 3 rows, heads kept beside the database: 1")
    engine = make_engine(settings.store.url)
    async with engine.begin() as connection:
        await connection.execute(text("DELETE FROM audit WHERE number = 3"))
    await engine.dispose()
    audit, _ = await found(settings)
    assert (audit.health, audit.text) == (Health.PROBLEM, "not sound: row 3: cut")


async def test_retention_is_said_and_wants_a_channel_for_certificates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both numbers are named."""
    monkeypatch.setenv("PHYASSIST_HOME", str(tmp_path))
    monkeypatch.setenv("PHYASSIST_STORE__RETENTION_DAYS", "365")
    (retention,) = await found(load_settings())
    assert (retention.health, retention.text) == (Health.NOTE, "closed cases are deleted after 365 days, announced 14 days before")
    monkeypatch.setenv("PHYASSIST_SLACK__ADMIN_CHANNEL", "C0ADMINS")
    (retention,) = await found(load_settings())
    assert retention.health is Health.OK
