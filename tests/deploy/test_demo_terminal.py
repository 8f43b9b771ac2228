"""What the demo draws, read from a recorded console."""

from io import StringIO

from rich.console import Console

from deploy.demo.terminal import Terminal
from deploy.sandbox.seen import Posted

NAMES = {"U1": "anna", "U2": "phyassist"}


def a_message(text: str, user: str = "U2", thread_ts: str | None = None) -> Posted:
    """A message of one section."""
    block = {"type": "section", "text": {"type": "mrkdwn", "text": text}}
    return Posted.of({"ts": "2.0", "user": user, "text": "", "thread_ts": thread_ts, "blocks": [block]})


def drawn(width: int = 120) -> tuple[Terminal, StringIO]:
    """A terminal, and where what it draws ends up."""
    paper = StringIO()
    return Terminal(Console(file=paper, width=width), NAMES), paper


def test_a_message_says_who_and_where() -> None:
    """Channel, thread, or the one person who sees it; people by their names."""
    terminal, paper = drawn()
    with terminal:
        terminal.grows(a_message("Half a"), "case-001")
        terminal.stands(a_message("Hello <@U1>"), "case-001")
        terminal.stands(a_message("A reply", "U1", thread_ts="1.0"), "case-001")
        terminal.stands(a_message("In service."), "admins", only_for="ada")
    said = paper.getvalue()
    for part in ("phyassist · #case-001 ", "Hello @anna", "anna · #case-001, thread", "phyassist · only ada sees this"):
        assert part in said
    assert "#admins" not in said


def test_markup_in_a_line_is_text() -> None:
    """Nothing that a reason holds is taken for a style."""
    terminal, paper = drawn()
    terminal.tells("It stopped at [step] 3")
    assert paper.getvalue() == "It stopped at [step] 3\n"


def test_two_messages_stand_side_by_side() -> None:
    """Their titles in one line, their words below, also where the terminal is narrow."""
    for width in (80, 200):
        terminal, paper = drawn(width)
        terminal.beside(("Before", a_message("One.\nTwo.")), ("After", a_message("One.")))
        first, second, *_ = paper.getvalue().splitlines()
        assert first.index("Before") < first.index("After")
        assert second.count("One.") == 2
        assert len(first) <= 140


def test_a_bar_that_another_follows_is_full() -> None:
    """Of each thing the last word is drawn, and how many of how many."""
    terminal, paper = drawn()
    with terminal.bars() as show:
        show("Collecting", 0, 0, "")
        show("Training", 3, 44, "loss 1.2")
        show("Training", 44, 44, "loss 0.4")
        show("Measuring", 8, 9, "not done when it was last looked at")
        show("Judging", 0, 0, "")
    lines = paper.getvalue().splitlines()
    assert [line.split()[0] for line in lines if line.strip()] == ["Collecting", "Training", "Measuring", "Judging"]
    assert "44 of 44 · loss 0.4" in lines[1]
    assert lines[2].rstrip().endswith("9 of 9")
    assert all("━" * 30 in line for line in lines[:4])
