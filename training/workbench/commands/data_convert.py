"""`phyassist data convert`, `split` and `to-belle`: Chinese sets and files of the same formats, to rows and back."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from statistics import median_low
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from training.workbench.commands.groups import data

if TYPE_CHECKING:
    from training.corpora.tally import Tally
    from training.workbench.rows import Origin, Row, Split

FORMATS = """\b
Formats; `auto` tells them by the content of each file:
  medical-table  CSV department,title,ask,answer, also GB18030 (Toyhom)
  dialogue-text  来访者：… 心理咨询师：… (CPsyCoun), 患者：… 医生：…; `---` between dialogues
  cpsycoun       ["求助者：…", "支持者：…"], one dialogue a file (CPsyCounE)
  smile          [{"role": "client" | "counselor", "content"}], one dialogue a file
  emollm         {"conversation": [{"system", "input", "output"}]}
  alpaca         {"instruction", "input", "output", "history": [[said, answered]]} (COVID doctor)
  belle          {"id", "conversations": [{"from": "human" | "gpt", "value"}]}
  messages       {"messages" or "conversations": [{"role", "content"}]} (ChatGLM3)
  seed-tasks     {"instruction", "instances": [{"input", "output"}]} (BELLE)
  questions      {"text", "annotations": [{"Q", "A"}]} (TCM), {"text", "answer"} (d2q)
  comparison     {"instruction", "output": [better, worse]}, {"prompt", "chosen", "rejected"}

\b
Licences of the public sets: mit (Toyhom, EmoLLM), cc0-1.0 (SMILE), cc-by-sa-4.0 (CPsyCoun), odc-by (BELLE's seed
tasks), apache-2.0 (TCM questions as MTCMB has them)
""".replace("[", r"\[")  # rich, which prints it, reads brackets as styles

Dev = Annotated[float, typer.Option(help="Share of the dialogues (or documents, or questions) to choose the best checkpoint by.")]
Test = Annotated[float, typer.Option(help="Share of them to measure on.")]
SHORT = 10
"""Characters of an answer that says hardly anything: 18.8 % of the COVID doctor's, whose write-up lengthened them by reinforcement."""
Seed = Annotated[int, typer.Option(help="Decides which ones are held out.")]


@data.command("convert", epilog=FORMATS)
def convert(
    form: Annotated[str, typer.Argument(metavar="FORMAT", help="What the files are, see below, or `auto`.")],
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Files, or folders of files; UTF-8, UTF-16 or GB18030.")],
    out: Annotated[Path, typer.Option(help="The folder to make.")],
    dev: Dev = 0.0,
    test: Test = 0.0,
    seed: Seed = 42,
    most_chars: Annotated[int, typer.Option(help="Leave out rows with more characters in all; 0 for any number.")] = 6000,
    near: Annotated[float, typer.Option(help="Leave out rows that share so much with another (1: only exact repetitions).")] = 1.0,
    answers: Annotated[
        bool, typer.Option("--each-answer", help="A row for every answer, with the turns before it, for prediction.")
    ] = False,
    compare: Annotated[str, typer.Option(help="Make comparisons of the dialogues by a rule: cut, elsewhere or both.")] = "",
    licence: Annotated[str | None, typer.Option("--license", help="The files' licence, see below: a model's card names it.")] = None,
    spreadsheet: Annotated[bool, typer.Option("--csv", help="Also as CSV, where rows have no turns.")] = False,
) -> None:
    """Convert public sets, mostly Chinese, to rows: conversations, questions about documents, or comparisons."""
    from training.corpora import convert as conversion
    from training.corpora.splitting import each_answer, split_rows
    from training.workbench.rows import Origin, write_rows

    with _shown(files) as opened:
        found = conversion.convert(files, conversion.Wanted(form, most_chars, near, licence), opened)
    splits: Mapping[Split, Sequence[Row]] = split_rows(found.rows, dev, test, seed) if found.rows else {}
    if compare:
        splits = _compared(splits, compare, seed, found.tally)
    if answers:
        splits = {split: each_answer(rows) for split, rows in splits.items()}
    settings = {"format": form, "dev": dev, "test": test, "seed": seed, "most_chars": most_chars, "near": near}
    settings |= {"each_answer": answers, "compare": compare}
    origin = Origin("data convert", found.sources, _counts(found.tally.dropped), _counts(found.tally.repaired), settings)
    write_rows(out, splits, origin, spreadsheet)
    _tell(out, splits, origin)


@data.command("split")
def split(
    folder: Annotated[Path, typer.Argument(help="A folder of rows.")],
    out: Annotated[Path, typer.Option(help="The folder to make.")],
    dev: Dev = 0.1,
    test: Test = 0.0,
    seed: Seed = 42,
) -> None:
    """Split rows anew: dialogues, documents and questions stay whole, whichever side they were on before."""
    from training.corpora.splitting import split_rows
    from training.workbench.rows import Origin, Source, licences, read_rows, write_rows

    found = read_rows(folder)
    splits = split_rows([row for rows in found.splits.values() for row in rows], dev, test, seed)
    files = [(f"{side}.jsonl", len(rows)) for side, rows in found.splits.items()]
    licence = licences(found.manifest)
    sources = [Source(f"{folder.name}/{name}", found.manifest.files[name].sha256, count, licence) for name, count in files]
    origin = Origin("data split", sources, settings={"dev": dev, "test": test, "seed": seed})
    write_rows(out, splits, origin)
    _tell(out, splits, origin)


@data.command("to-belle")
def to_belle(
    folder: Annotated[Path, typer.Argument(help="A folder of conversations.")],
    target: Annotated[Path, typer.Argument(metavar="FILE", help="The file to make, one object a line.")],
    side: Annotated[str, typer.Option(help="Which rows: train, dev or test.")] = "train",
) -> None:
    """Write conversations in BELLE's format, {"id", "conversations": [{"from", "value"}]}, for other tools."""
    from training.corpora.belle import write_belle
    from training.workbench.errors import WorkbenchError
    from training.workbench.rows import Conversation, Split, read_rows

    found = read_rows(folder)
    if side not in found.splits or found.form != "conversation":
        raise WorkbenchError(f"{folder.name} has no conversations on the side {side}")
    count = write_belle(target, [row for row in found.splits[Split(side)] if isinstance(row, Conversation)])
    typer.echo(f"{target}: {count} conversations")


def _compared(splits: Mapping["Split", Sequence["Row"]], rule: str, seed: int, tally: "Tally") -> dict["Split", Sequence["Row"]]:
    """Comparisons of each side by itself: a worse answer never comes from another side."""
    from training.corpora.comparisons import Rule, comparisons
    from training.workbench.errors import WorkbenchError
    from training.workbench.rows import Conversation

    if rule not in list(Rule):
        raise WorkbenchError(f"there is no rule {rule}: choose {', '.join(Rule)}")
    dialogues = {split: [row for row in rows if isinstance(row, Conversation)] for split, rows in splits.items()}
    if any(len(dialogues[split]) < len(rows) for split, rows in splits.items()):
        raise WorkbenchError("comparisons are made of dialogues; these rows are none: leave out --compare")
    return {split: comparisons(rows, Rule(rule), seed, tally) for split, rows in dialogues.items()}


@contextmanager
def _shown(files: Sequence[Path]) -> Iterator[Callable[[Path], AbstractContextManager[BinaryIO]]]:
    """Opens files, with a bar on a terminal that shows how much of them all is read."""
    from rich.console import Console
    from rich.progress import Progress

    from training.corpora.convert import listed

    console = Console(stderr=True)
    whole = sum(path.stat().st_size for path, _ in listed(files) if path.is_file())
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("reading", total=whole)

        @contextmanager
        def opened(path: Path) -> Iterator[BinaryIO]:
            with path.open("rb") as file, progress.wrap_file(file, whole, task_id=task) as shown:
                yield shown

        yield opened


def _counts(found: Counter[str]) -> dict[str, int]:
    return {str(reason): count for reason, count in sorted(found.items()) if count}


def _tell(out: Path, splits: Mapping["Split", Sequence["Row"]], origin: "Origin") -> None:
    from training.corpora.repeats import answers_of

    typer.echo(f"{out}: " + ", ".join(f"{len(rows)} {split}" for split, rows in splits.items()))
    lengths = sorted(len(answer) for rows in splits.values() for row in rows for answer in answers_of(row))
    if lengths:
        short = sum(length < SHORT for length in lengths) / len(lengths)
        typer.echo(f"  answers: {len(lengths)}, half of them up to {median_low(lengths)} characters, {short:.1%} under {SHORT}")
    for told, counts in (("left out", origin.dropped), ("repaired", origin.repaired)):
        for reason, count in counts.items():
            typer.echo(f"  {told}: {count} ({reason})")
