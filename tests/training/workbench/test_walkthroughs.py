"""The walk-throughs do what they say: every command runs, and prints what the document shows."""

import re
from pathlib import Path

import pytest

from tests.support.walkthroughs import ROOT, Checkout, Command, commands_of, commands_to_parse, matches, parse_only

WORKBENCH = ROOT / "training" / "workbench"
WALKTHROUGHS = sorted((WORKBENCH / "walkthroughs").glob("*.md"))


@pytest.mark.parametrize("document", WALKTHROUGHS, ids=lambda path: path.stem)
def test_a_walkthrough_runs(document: Path, tmp_path: Path) -> None:
    """Every command of the document runs in the order given, in a folder that looks like a checkout, and prints what is shown below it."""
    checkout = Checkout(tmp_path)
    commands = commands_of(document.read_text(encoding="utf-8"))
    assert commands, "a walk-through has commands in ```console"
    for command in commands:
        done = checkout.run(command.text)
        where = f"{document.name}, line {command.line}: {command.text}"
        assert done.status == command.status, f"{where}\n{done.stdout}{done.stderr}"
        printed = done.stdout if command.status == 0 else done.stdout + done.stderr
        assert not command.expected or matches(command.expected, printed), f"{where} printed:\n{printed}"


@pytest.mark.parametrize("document", WALKTHROUGHS, ids=lambda path: path.stem)
def test_commands_for_the_real_model_can_be_parsed(document: Path) -> None:
    """What a document proposes for a real model has the commands, options and numbers of arguments that there are."""
    for command in commands_to_parse(document.read_text(encoding="utf-8")):
        try:
            parse_only(command.text)
        except Exception as error:
            raise AssertionError(f"{document.name}, block at line {command.line}: {command.text}: {error}") from error


def test_every_walkthrough_is_listed() -> None:
    """The workbench's README links each walk-through, and no other."""
    listed = re.findall(r"\(walkthroughs/([\w-]+\.md)\)", (WORKBENCH / "README.md").read_text(encoding="utf-8"))
    assert sorted(set(listed)) == [path.name for path in WALKTHROUGHS]


def test_commands_are_read_from_console_fences_only() -> None:
    """Commands, their exit status, continued lines, here documents and what they print are taken from ```console, nothing else."""
    document = """# Title
```console
$ phyassist data --help \\
    --more
first
…
$ cat > notes.txt <<'EOF'
> one
> $ two
> EOF
$ phyassist data nothing  # exits with 2
```
```python
$ not a command
```
"""
    assert commands_of(document) == [
        Command(3, "phyassist data --help --more", 0, ("first", "…")),
        Command(7, "cat > notes.txt <<'EOF'\none\n$ two\nEOF", 0, ()),
        Command(11, "phyassist data nothing", 2, ()),
    ]


@pytest.mark.parametrize(
    ("expected", "printed", "same"),
    [
        (("rows: 3",), "rows: 3\n", True),
        (("rows: 3",), "rows: 4\n", False),
        (("rows: …",), "rows: 4\n", True),
        (("rows: …",), "rows: 4\nmore\n", False),
        (("…", "rows: 4"), "one\ntwo\nrows: 4\n", True),
        (("rows: 4", "…"), "rows: 4\n", True),
        (("rows (4)", ""), "\nrows (4)  \n", True),
    ],
)
def test_what_is_printed_is_compared(expected: tuple[str, ...], printed: str, same: bool) -> None:
    """Lines must be those of the document; `…` stands for anything within a line, or for any lines."""
    assert matches(expected, printed) is same


def test_a_checkout_runs_commands_of_all_kinds(tmp_path: Path) -> None:
    """`phyassist` runs in this process, in the scratch folder, and may be part of a pipeline; other commands run in bash."""
    checkout = Checkout(tmp_path)
    assert "demo-model" in checkout.run("phyassist train --help").stdout
    assert checkout.run("phyassist data no-such-thing").status == 2
    assert checkout.run("ls training/demo/model/config.json").status == 0
    assert checkout.run("cat > notes.txt <<'EOF'\none | two\nEOF").status == 0
    assert (tmp_path / "notes.txt").read_text() == "one | two\n"
    assert checkout.run("phyassist train --help | grep -c demo-model").stdout.strip() == "1"
    with pytest.raises(ValueError, match="one command a line"):
        checkout.run("phyassist train --help && phyassist data --help")


@pytest.mark.parametrize(
    "wrong",
    [
        "phyassist data no-such-thing",
        "phyassist model list --no-such-option",
        "phyassist nothing",
        "phyassist demo extra-argument",
        "phyassist train sft falcon-7b-qlora --out run --set steps.no_such_setting=4",
        "phyassist train sft falcon-7b-qlora",
    ],
)
def test_a_wrong_proposal_is_found(wrong: str) -> None:
    """A command or option which doesn't exist fails to parse, and nothing runs."""
    with pytest.raises(Exception, match=r"[Nn]o such|unexpected|there is no setting|Missing"):
        parse_only(wrong)
