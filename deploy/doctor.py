"""`phyassist doctor`: tries what is set, on the real parts, and says how to mend what does not work."""

from collections.abc import AsyncIterator, Sequence

from rich.console import Console
from rich.table import Table

from bot.settings import InferenceSettings, Settings, SettingsError, load_settings
from deploy.checks.finding import Finding, Health, problem
from deploy.checks.machine import check_home, check_key_file, check_machine
from deploy.checks.model import check_model
from deploy.checks.night import check_night
from deploy.checks.notes import check_notes
from deploy.checks.record import check_record
from deploy.checks.safety import check_safety
from deploy.checks.slack import check_slack
from deploy.checks.store import check_store
from inference.registry import ADAPTERS_DIRECTORY, Follower

STYLE = {Health.OK: "green", Health.NOTE: "yellow", Health.PROBLEM: "bold red"}


async def examine(skip_model: bool = False) -> list[Finding]:
    """Every finding, in the order in which the parts depend on each other."""
    return [finding async for finding in _examine(skip_model)]


async def _examine(skip_model: bool) -> AsyncIterator[Finding]:
    for finding in check_machine():
        yield finding
    try:
        settings = load_settings()
    except SettingsError as error:
        for line in str(error).splitlines():
            yield problem("Settings", line, "Correct it in the environment or .env; .env.example explains every setting.")
        return
    own = (*check_home(settings), *check_key_file(settings.store.key_file), *check_safety(settings.safety), *check_notes(settings.notes))
    for finding in own:
        yield finding
    for checks in (check_night(settings.night), check_store(settings.store.url), check_record(settings)):
        async for finding in checks:
            yield finding
    if not skip_model:
        async for finding in check_model(_asked(settings)):
            yield finding
    async for finding in check_slack(settings.slack):
        yield finding


def _asked(settings: Settings) -> InferenceSettings:
    """The settings of the model, with the name that the bot really asks for."""
    inference = settings.inference
    champion = Follower(settings.home / ADAPTERS_DIRECTORY).champion() if inference.follow_registry else None
    return inference.model_copy(update={"model": champion}) if champion else inference


def show(findings: Sequence[Finding], console: Console | None = None) -> int:
    """Print the findings as a table; the exit status, 1 when something does not work."""
    out = console or Console()
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("what", no_wrap=True)
    table.add_column("state", no_wrap=True)
    table.add_column("found, and how to mend it", overflow="fold")
    for finding in findings:
        text = finding.text if not finding.mend else f"{finding.text}\n→ {finding.mend}"
        table.add_row(finding.subject, f"[{STYLE[finding.health]}]{finding.health}[/]", _plain(text))
    out.print(table)
    problems = sum(finding.health is Health.PROBLEM for finding in findings)
    out.print(f"\n{problems} of {len(findings)} checks found a problem." if problems else "\nEverything that was checked works.")
    return 1 if problems else 0


def _plain(text: str) -> str:
    """Square brackets as they are, not as Rich's markup."""
    return text.replace("[", "\\[")
