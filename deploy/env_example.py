"""Writes `.env.example` from the docstrings of the settings: `python -m deploy.env_example > .env.example`."""

import sys
import textwrap

from bot.settings import NESTING, PREFIX, describe

HEADER = """\
# Settings of PhyAssist. Copy this file to `.env` beside it and fill in what you need; the environment wins over the file.
# Each line shows the default; where nothing stands after the sign, there is none, or it depends on the machine.
# `phyassist doctor` tries every one of them and says how to mend what doesn't work. Keep `.env` to yourself: it holds secrets.
"""
WIDTH = 120


def render() -> str:
    """The whole file, one setting a paragraph, a heading for each section."""
    lines = [HEADER]
    section = ""
    for setting in describe():
        head, _, _ = setting.variable.removeprefix(PREFIX).partition(NESTING)
        heading = head.lower() if NESTING in setting.variable.removeprefix(PREFIX) else ""
        if heading != section:
            section = heading
            lines.append(f"\n# ---- {section} ----\n")
        lines += textwrap.wrap(setting.meaning, WIDTH, initial_indent="# ", subsequent_indent="# ")
        lines.append(f"#{setting.variable}={setting.default}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(render())
