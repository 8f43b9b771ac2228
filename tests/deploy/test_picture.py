"""Pictures of a terminal: well-formed, complete, and without a byte from elsewhere."""

import io
import re
import xml.etree.ElementTree as ET
from pathlib import Path

from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from deploy.picture import save_picture

SOURCES = Path(__file__).parents[2]


def a_picture(path: Path, *shown: str) -> str:
    """The picture of a console that showed these texts, each in a frame."""
    console = Console(record=True, width=60, file=io.StringIO())
    for text in shown:
        console.print(Panel(Text(text, style="bold red on blue")))
    save_picture(console, path, "a title & more")
    return path.read_text(encoding="utf-8")


def test_everything_that_was_shown_is_in_it(tmp_path: Path) -> None:
    """Words, signs that XML marks, Chinese, and the title, each within the picture."""
    root = ET.fromstring(a_picture(tmp_path / "a.svg", "Sleeps < 5 hours & {wakes}", "睡眠很差"))  # noqa: S314 (our own)
    said = "".join(root.itertext()).replace("\xa0", " ")
    assert "Sleeps < 5 hours & {wakes}" in said
    assert "睡眠很差" in said
    assert "a title & more" in said
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    assert width > 600
    assert height > 100


def test_it_fetches_nothing(tmp_path: Path) -> None:
    """No address but the name of the format, no font face, no reference outside the picture."""
    picture = a_picture(tmp_path / "a.svg", "Sleeps badly.")
    assert set(re.findall(r"https?://[^\"' )]+", picture)) == {"http://www.w3.org/2000/svg"}
    assert "@font-face" not in picture
    assert set(re.findall(r"url\((.)", picture)) == {"#"}


def test_the_recording_goes_on(tmp_path: Path) -> None:
    """A picture taken in between has what came until then, a later one all of it."""
    console = Console(record=True, file=io.StringIO())
    console.print("first")
    save_picture(console, tmp_path / "a.svg", "")
    console.print("second")
    save_picture(console, tmp_path / "b.svg", "")
    assert "second" not in (tmp_path / "a.svg").read_text()
    assert {"first", "second"} <= set(re.findall("first|second", (tmp_path / "b.svg").read_text()))


def test_no_part_of_ours_rests_on_what_rich_keeps_to_itself() -> None:
    """Private modules of a library may be gone with its next version."""
    files = [path for package in ("bot", "deploy", "inference", "training") for path in (SOURCES / package).rglob("*.py")]
    assert not [path for path in files if re.search(r"^\s*(?:from|import) rich\._", path.read_text(encoding="utf-8"), re.MULTILINE)]
