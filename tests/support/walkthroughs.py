"""Walk-throughs as tests see them: the commands of a Markdown file, what they should print, and a place to run them.

A fence ```console holds commands after `$ ` and, below each, what it prints. They run in CI, so they are of small size:

    $ phyassist train tiny-model work/tiny
    $ printf 'Hello\\nexit\\n' | phyassist chat work/tiny
    …
    model> …

`…` alone stands for any lines, inside a line for any characters; a command with nothing below it may print what it likes. A command ends
with 0, or as `# exits 1` behind it says. Lines go on after a backslash, and with `> ` in front in a here document.

A fence ```text holds commands for the real model, which no test can run: lines that begin with `phyassist` are parsed, so that each
command, option and number of arguments is one that exists; what they change in a preset with `--set` is tried out.
"""

import contextlib
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typer.main import get_command
from typer.testing import CliRunner

from training.workbench.config import load_config, presets

ROOT = Path(__file__).parents[2]
SHOWN_TO_COMMANDS = ("training", "tests")
"""Folders of the repository that stand in the folder where a walk-through runs, as they do in a checkout."""

_FENCE = re.compile(r"^\s*```(\w*)")
_EXITS = re.compile(r"\s+#\s*exits (?:with )?(\d+)\s*$")
_HERE = re.compile(r"<<\s*(['\"]?)(\w+)\1")
_ANY = "…"


@dataclass(frozen=True)
class Command:
    """A command of a document: the number of its line, what is typed, its exit status, and the lines it should print (none: any)."""

    line: int
    text: str
    status: int
    expected: tuple[str, ...]


@dataclass(frozen=True)
class Done:
    """What a command did."""

    status: int
    stdout: str
    stderr: str


def commands_of(markdown: str) -> list[Command]:
    """The commands of all ```console fences, in order."""
    found: list[Command] = []
    for number, block in _fences(markdown, "console"):
        lines = list(enumerate(block, start=number))
        while lines:
            at, line = lines.pop(0)
            if not line.startswith("$ "):
                raise ValueError(f"line {at}: a console block begins with a command after `$ `")
            typed = [line[2:]]
            while lines and (typed[-1].endswith("\\") or _wants_more(typed)):
                typed.append(lines.pop(0)[1].removeprefix("> "))
            text = re.sub(r"[ \t]*\\\n\s*", " ", "\n".join(typed))
            status = _EXITS.search(text)
            expected = []
            while lines and not lines[0][1].startswith("$ "):
                expected.append(lines.pop(0)[1].rstrip())
            found.append(Command(at, _EXITS.sub("", text), int(status[1]) if status else 0, tuple(expected)))
    return found


def commands_to_parse(markdown: str) -> list[Command]:
    """The lines of ```text fences that begin with `phyassist`."""
    found = []
    for number, block in _fences(markdown, "text"):
        joined = re.sub(r"[ \t]*\\\n\s*", " ", "\n".join(block))
        lines = (line.strip().removeprefix("$ ") for line in joined.split("\n"))
        found += [Command(number, line, 0, ()) for line in lines if line.startswith("phyassist ")]
    return found


def matches(expected: tuple[str, ...], printed: str) -> bool:
    """Whether `printed` is what the document shows; blank lines at both ends don't count."""
    lines = "".join(line.rstrip() + "\n" for line in printed.strip("\n").split("\n"))
    pattern = "".join("(?:.*\n)*?" if line.strip() == _ANY else _wild(line) + "\n" for line in _without_blank_ends(expected))
    return re.fullmatch(pattern, lines) is not None


class Checkout:
    """A scratch folder which looks to commands like a checkout of the repository; what they write is the test's own."""

    def __init__(self, folder: Path) -> None:
        """Link the repository's folders into an empty one."""
        self.folder = folder
        for name in SHOWN_TO_COMMANDS:
            (folder / name).symlink_to(ROOT / name, target_is_directory=True)

    def run(self, typed: str) -> Done:
        """Run a line: `phyassist` in this process, everything else in bash; `|` hands on text.

        Raises:
            ValueError: `phyassist` is joined with other commands by more than a `|`.
        """
        given, errors, done = "", "", Done(0, "", "")
        for stage in _stages(typed):
            words = _words(stage)
            done = self._phyassist(words[1:], given) if words[:1] == ["phyassist"] else self._bash(stage, given)
            given, errors = done.stdout, errors + done.stderr
            if done.status:
                break
        return Done(done.status, done.stdout, errors)

    def _phyassist(self, arguments: list[str], given: str) -> Done:
        from deploy.cli import app

        arguments, given, target = _redirected(arguments, given, self.folder)
        with _place(self.folder):
            result = CliRunner().invoke(app, arguments, input=given)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        if target is not None:
            target.write_text(result.stdout, encoding="utf-8")
        return Done(result.exit_code, result.stdout if target is None else "", result.stderr)

    def _bash(self, line: str, given: str) -> Done:
        programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        environment = {**os.environ, "PATH": programs, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            ["bash", "-c", line], cwd=self.folder, env=environment, input=given, capture_output=True, text=True, timeout=300
        )
        return Done(done.returncode, done.stdout, done.stderr)


def parse_only(typed: str) -> None:
    """Parse a `phyassist` command as if to run it; that a file is not there doesn't matter.

    Raises:
        Exception: no such command, option or setting of a preset, an argument too many or too few, or a value of the wrong kind.
    """
    from deploy.cli import app
    from training.workbench import commands
    from training.workbench.commands.groups import GROUPS

    name, *arguments = _words(typed.partition(" #")[0])[1:]
    if name in GROUPS:
        commands.load(name)
        _parse(get_command(GROUPS[name]), name, arguments)
    else:
        _parse(get_command(app), "phyassist", [name, *arguments])


def _parse(command: Any, name: str, arguments: list[str], parent: Any = None) -> None:
    try:
        context = command.make_context(name, list(arguments), parent=parent)
    except Exception as error:
        if "does not exist" in str(getattr(error, "message", "")):
            return
        raise
    if hasattr(command, "resolve_command"):
        with context:
            child, inner, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        _parse(inner, child, rest, context)
    elif context.params.get("config") in presets():
        load_config(context.params["config"], context.params.get("changes") or ())


def _fences(markdown: str, language: str) -> Iterator[tuple[int, list[str]]]:
    """The number of the first line, and the lines, of each fence of a language."""
    inside: str | None = None
    block: list[str] = []
    for number, line in enumerate(markdown.split("\n"), start=1):
        fence = _FENCE.match(line)
        if fence is None:
            block.append(line)
            continue
        if inside == language:
            yield number - len(block), block
        inside, block = (fence[1] or "plain") if inside is None else None, []


def _wants_more(typed: list[str]) -> bool:
    """Whether a here document isn't at its end."""
    here = _HERE.search(typed[0])
    return here is not None and here[2] not in typed[1:]


def _wild(line: str) -> str:
    return ".*".join(map(re.escape, line.split(_ANY)))


def _without_blank_ends(lines: tuple[str, ...]) -> list[str]:
    return "\n".join(lines).strip("\n").split("\n")


def _stages(typed: str) -> list[str]:
    """A pipeline's parts, where `phyassist` is one of them; anything else is one part, for bash."""
    first = typed.partition("\n")[0]
    tokens = _tokens(first)
    if "phyassist" not in tokens:
        return [typed]
    if set(tokens) & {"&&", "||", ";", "&", "<<"}:
        raise ValueError(f"one command a line, please, where phyassist is one of them: {first}")
    stages, start = [], 0
    quote = ""
    for at, sign in enumerate(typed):
        if sign in "'\"":
            quote = "" if quote == sign else quote or sign
        elif sign == "|" and not quote:
            stages.append(typed[start:at].strip())
            start = at + 1
    return [*stages, typed[start:].strip()]


def _tokens(line: str) -> list[str]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|<>;&")
    lexer.whitespace_split = True
    return list(lexer)


def _words(stage: str) -> list[str]:
    return shlex.split(stage, comments=True)


def _redirected(arguments: list[str], given: str, folder: Path) -> tuple[list[str], str, Path | None]:
    """Arguments without `< FILE` and `> FILE`, what is typed in, and where the output goes."""
    target = None
    if ">" in arguments:
        at = arguments.index(">")
        target = folder / arguments[at + 1]
        arguments = arguments[:at] + arguments[at + 2 :]
    if "<" in arguments:
        at = arguments.index("<")
        given = (folder / arguments[at + 1]).read_text(encoding="utf-8")
        arguments = arguments[:at] + arguments[at + 2 :]
    return arguments, given, target


@contextlib.contextmanager
def _place(folder: Path) -> Iterator[None]:
    """Commands run in `folder`, on a plain terminal; the environment is as before when they are done."""
    before: Mapping[str, str] = dict(os.environ)
    os.environ.update(TERM="dumb", NO_COLOR="1", COLUMNS="100", PYTHONPATH=str(ROOT))
    try:
        with contextlib.chdir(folder):
            yield
    finally:
        os.environ.clear()
        os.environ.update(before)
