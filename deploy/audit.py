"""`phyassist audit`: the audit from a shell, beside a bot that runs or one that doesn't. Nothing here changes it."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deploy.explain import explained

if TYPE_CHECKING:
    from bot.workflow.audit_export import Export

app = typer.Typer(help="The audit: who did what, when.", no_args_is_help=True)

HeadOption = Annotated[
    list[str] | None,
    typer.Option("--head", help="A head that was kept elsewhere, as NUMBER:HASH; an export or a certificate of deletion shows one."),
]


@app.command()
def verify(head: HeadOption = None) -> None:
    """Follow the chain from its first row; exits 1 where it breaks, and says where."""
    with explained():
        raise typer.Exit(_verify(head or []))


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(help="Where audit.csv and audit.json are written.", file_okay=False)],
    only: Annotated[str, typer.Option(help="A day, a month, a period (2026-11-01..2026-11-14) or the code of a case.")] = "",
    head: HeadOption = None,
) -> None:
    """Write the rows as CSV, and beside them, as JSON, whether the chain is sound; exits 1 where it isn't."""
    with explained():
        raise typer.Exit(_export(folder, only, head or []))


def _verify(given: list[str]) -> int:
    return _say(asyncio.run(_exported("", given)))


def _export(folder: Path, only: str, given: list[str]) -> int:
    made = asyncio.run(_exported(only, given))
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / "audit.csv").write_bytes(made.csv)
    (folder / "audit.json").write_bytes(made.about)
    typer.echo(f"{made.rows} rows in {folder / 'audit.csv'}.")
    return _say(made)


def _say(made: "Export") -> int:
    if made.broken:
        typer.echo(f"The audit is not sound: row {made.broken.number}: {made.broken.fault}. It is sound up to row {made.head.number}.")
        return 1
    typer.echo(f"The audit is sound. Its head is {made.head.number}:{made.head.hash}")
    return 0


async def _exported(only: str, given: list[str]) -> "Export":
    """The rows that are wanted, and how the chain is, beside all heads that are known."""
    from bot.domain.audit import Head
    from bot.settings import load_settings
    from bot.store.database import Database
    from bot.store.engine import make_engine
    from bot.store.heads import HEADS_FILE, KeptHeads
    from bot.store.migrate import ensure_schema
    from bot.workflow.audit_export import NoSelection, export_audit, read_selection

    settings = load_settings()
    await ensure_schema(settings.store.url)
    database = Database(make_engine(settings.store.url), b"")  # no row of the audit is encrypted
    try:
        heads = [Head(int(number), text) for number, _, text in (one.partition(":") for one in given)]
        async with database.begin() as uow:
            codes = {case.code: case.id for case in await uow.cases()}
        codes = {one.code: one.case_id for one in await database.deletions()} | codes
        kept = [*KeptHeads(settings.home / HEADS_FILE).read(), *heads]
        return await export_audit(database, read_selection(only, codes), kept, datetime.now(UTC), "shell")
    except NoSelection:
        raise typer.BadParameter("--only takes a day, a month, a period or the code of a case") from None
    except ValueError:
        raise typer.BadParameter("--head is written NUMBER:HASH") from None
    finally:
        await database.close()
