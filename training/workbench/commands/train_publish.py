"""`phyassist train card` and `phyassist train push`."""

from pathlib import Path
from typing import Annotated

import typer

from training.workbench.commands.groups import train


@train.command()
def card(
    folder: Annotated[Path, typer.Argument(help="The folder of a model or an adapter, or of the run which made it.")],
    licence: Annotated[str, typer.Option("--license", help="The licence, as the hub names it: apache-2.0, mit, cc-by-4.0, other, …")],
    language: Annotated[list[str] | None, typer.Option(help="Codes of the languages it knows, like en; may be repeated.")] = None,
    base: Annotated[str | None, typer.Option(help="The base's name on the hub.")] = None,
) -> None:
    """Write the model card, README.md, from what the manifests say; look through it, and add what they can't know."""
    from training.weights.card import Published, write_card
    from training.workbench.places import OUTPUT, RUN_CONFIG

    place = folder / OUTPUT if (folder / RUN_CONFIG).is_file() else folder
    print(write_card(place, Published(licence, tuple(language or ("en",)), base)))


@train.command()
def push(
    folder: Annotated[Path, typer.Argument(help="The folder of a model, an adapter or a delta, or of the run which made it.")],
    repository: Annotated[str, typer.Argument(help="Its name on the hub: owner/name.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be sent, without asking the hub anything.")] = False,
    no_cases: Annotated[bool, typer.Option("--no-cases", help="No patient's case is in what the manifests don't tell about.")] = False,
    public: Annotated[bool, typer.Option("--public", help="Make a new repository public; private otherwise.")] = False,
) -> None:
    """Publish on the Hugging Face hub. Nothing that patients' cases went into is ever sent."""
    from training.weights.publish import plan, refuse_problems
    from training.weights.publish import push as pushed

    found = plan(folder, repository, no_cases)
    print(f"{found.folder} ({found.kind}) to {repository}")
    for file in found.files:
        print(f"{file.sha256}  {file.bytes:>14,}  {file.name}")
    data = [f"{one.name} ({one.licence or 'licence unknown'})" for one in found.lineage.data]
    print(f"{sum(file.bytes for file in found.files):,} bytes; data: {', '.join(data) or 'none that a manifest names'}")
    refuse_problems(found)
    if dry_run:
        print("card and origin are in order; nothing was sent")
        return
    print(pushed(found, public))
