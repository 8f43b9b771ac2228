"""`phyassist data prepare`."""

from pathlib import Path
from typing import Annotated

import typer

from training.workbench.commands.groups import data
from training.workbench.rows import FORMS

ALL = 0


@data.command("prepare")
def prepare(
    target: Annotated[Path, typer.Argument(help="The folder to make. It is there completely or not at all.")],
    sources: Annotated[
        list[str],
        typer.Option(
            "--from",
            metavar="NAME=PATH",
            help="A set and where it lies, any number of times: imhi (its folder), imhi-DR … imhi-SAD, counsel-chat, counsel-chat-html "
            "(the older dump), mental-health-chatbot, triples (problem, analysis, advice; CSV, JSON lines or YAML).",
        ),
    ],
    form: Annotated[str, typer.Option(help=f"The form of rows: {', '.join(FORMS)}.")] = "prompt-completion",
    rows: Annotated[int, typer.Option(help="Rows to learn from, of each set; 0 for all.", min=0)] = 600,
    dev_rows: Annotated[int, typer.Option(help="Rows to choose the best checkpoint by, of each set; 0 for none.", min=0)] = 60,
    test_rows: Annotated[int, typer.Option(help="Rows to measure on, of each set; 0 for none.", min=0)] = 60,
    seed: Annotated[int, typer.Option(help="Decides which rows are drawn and held out.")] = 0,
    most_characters: Annotated[int, typer.Option(help="Longer prompts and answers are left out; 0 for any length.", min=0)] = 2000,
    keep_links: Annotated[bool, typer.Option("--keep-links", help="Keep rows with a URL.")] = False,
    keep_special: Annotated[bool, typer.Option("--keep-special", help="Keep rows with emoji, symbols and control characters.")] = False,
    encoding: Annotated[str, typer.Option(help="The encoding of tables and triples.")] = "utf-8",
    csv: Annotated[bool, typer.Option(help="Write each side as CSV too, where the form has plain columns.")] = True,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would become of the rows, and write nothing.")] = False,
) -> None:
    """Make training rows from public English sets and from triples: repaired, cleaned, split, sampled, joined.

    Rows are dropped that are empty, too long, hold a URL, or special characters; each is counted by its reason.
    """
    from rich.console import Console

    from training.corpora.cleaning import Rule
    from training.corpora.overview import overview, reasons
    from training.corpora.prepare import Settings
    from training.corpora.prepare import prepare as prepared
    from training.corpora.sets import read_sets
    from training.corpora.watched import watched
    from training.workbench.artifacts import free_place
    from training.workbench.errors import WorkbenchError
    from training.workbench.rows import Split, write_rows

    if form not in FORMS:
        raise WorkbenchError(f"there is no form {form}: rows are {', '.join(FORMS)}")
    if not dry_run:
        free_place(target)
    wanted = {Split.TRAIN: rows or None, Split.DEV: dev_rows, Split.TEST: test_rows}
    settings = Settings(form, wanted, seed, Rule(most_characters, not keep_links, not keep_special))
    with watched() as progress:
        found = prepared(read_sets(sources, encoding, progress), settings, progress)
    if not dry_run:
        write_rows(target, found.rows, found.origin, spreadsheet=csv and form != "conversation")
    console = Console()
    console.print(overview(found.sets))
    if any(counts.dropped or counts.repaired for counts in found.sets):
        console.print(reasons(found.sets))
    console.print("Nothing was written: this was a dry run." if dry_run else f"Written: {target}", soft_wrap=True)
