"""The model card: what an adapter is, for people who did not make it.

Its sections follow Mitchell et al., Model Cards for Model Reporting (FAT* 2019), as far as they say something here.
"""

from collections.abc import Iterable, Sequence

from inference.note import Language
from training.gate.report import headline, table
from training.gate.verdict import Verdict
from training.release.manifest import AdapterManifest

_CARD = """\
# {name}

A LoRA adapter for the model {base}. It drafts itemized notes for psychological counselors.

## Intended use

For PhyAssist alone: a counselor describes a case, the model drafts a note, the counselor keeps, corrects or discards it. The counselor is
the author. Not for patients, not for diagnosis, not for emergencies, and not without a counselor who reads every word.

## What it was trained on

Notes which this team's counselors approved, accepted or corrected, of cases with consent for training, de-identified. What identifies
people can be missed. Case ids are in `manifest.json`; no text is in this directory, but weights can hold on to what they learned.

{training}

## Limits

- It knows what this team wrote about these cases, and carries over its habits, good and bad.
- The gate's figures are of held-out cases of the same team. They say little about other teams, languages or kinds of cases.
- Safety fixtures are few and look for words. A mentioned danger can still be missed: the bot's own remark on it and the counselor remain.
- Deleting a case does not take it out of these weights; the adapter is then retired and replaced.

## Scores

{scores}

The whole table with its reasons, in English and Chinese, is in `report.md`; every single value in `report.json`.
"""


def model_card(manifest: AdapterManifest, verdict: Verdict) -> str:
    """The card as Markdown."""
    return _CARD.format(name=manifest.name, base=manifest.base, training=_training(manifest), scores=_scores(verdict))


def report_markdown(verdict: Verdict) -> str:
    """The gate's report in both languages."""
    return "\n\n".join(_report(verdict, language) for language in (Language.ENGLISH, Language.CHINESE)) + "\n"


def _training(manifest: AdapterManifest) -> str:
    rows = [
        ("cases", len(manifest.cases)),
        *((f"rows from: {source}", count) for source, count in sorted(manifest.sources.items())),
        ("preference pairs", manifest.pairs),
        ("night", manifest.night),
        ("went on from", manifest.begins_with or manifest.origin or "the base model"),
    ]
    return markdown_table([("what", "how many or which"), *((what, str(value)) for what, value in rows)])


def _scores(verdict: Verdict) -> str:
    rows = table(verdict, Language.ENGLISH)
    return f"{headline(verdict, Language.ENGLISH)}\n\n{markdown_table([(row[0], row[2], row[3], row[6]) for row in rows])}"


def _report(verdict: Verdict, language: Language) -> str:
    return f"# {headline(verdict, language)}\n\n{markdown_table(table(verdict, language))}"


def markdown_table(rows: Sequence[Iterable[str]]) -> str:
    """A Markdown table of the first row as headings and the others below."""
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    columns = lines[0].count(" | ") + 1
    return "\n".join([lines[0], "|" + " --- |" * columns, *lines[1:]])
