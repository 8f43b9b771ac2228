"""Cases from before codes were unique and cases could be suspended: what the migration makes of them."""

from alembic import command
from sqlalchemy import Connection, text

from bot.domain.case import CaseState
from bot.store.engine import make_engine
from bot.store.migrate import alembic_config, upgrade
from tests.bot.test_store import a_database

OLD = """
INSERT INTO "case" VALUES ('0a1b2c3d4e5f', 'T1', 'C1', 'C-0A1B2C', 'en', 'open', '2026-03-02 09:30:00+00:00');
INSERT INTO "case" VALUES ('0a1b2cffffff', 'T1', 'C2', 'C-0A1B2C', 'zh', 'open', '2026-03-03 09:30:00+00:00');
INSERT INTO "case" VALUES ('0a1b2c777777', 'T2', 'C1', 'C-0A1B2C', 'en', 'closed', '2026-03-04 09:30:00+00:00');
"""


async def test_old_cases_keep_what_they_were(store_url: str) -> None:
    """Their language is settled, they need no card, and of two with one code in a team the later one gets another."""
    engine = make_engine(store_url)

    def before(connection: Connection) -> None:
        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0005")

    async with engine.begin() as connection:
        await connection.run_sync(before)
        for statement in OLD.split(";")[:-1]:
            await connection.execute(text(statement))
    await engine.dispose()
    await upgrade(store_url)
    async with a_database(store_url) as database, database.begin() as uow:
        first, second, third = await uow.cases()
        assert [case.code for case in (first, second, third)] == ["C-0A1B2C", "C-0A1B2CFFFFFF", "C-0A1B2C"]
        assert [case.note_format for case in (first, second, third)] == ["itemized"] * 3
        assert all(case.language_settled and case.welcomed and case.suspended_for is None for case in (first, second, third))
        assert (third.state, third.closed_at) == (CaseState.CLOSED, None)
