"""An exported note as Markdown (CommonMark)."""

import re
from collections.abc import Iterator

from bot.exports.document import Chapter, Document

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~&])")
_LEADING = re.compile(r"^(\d+)([.)])|^([-+=])")


def markdown_of(document: Document) -> str:
    """The whole file; every sign that would mean something to Markdown is escaped."""
    title = f"{document.draft} · {document.title}" if document.draft else document.title
    facts = [f"- **{escape(fact.label)}**{document.colon}{escape(fact.text)}" for fact in document.facts]
    lines = [f"# {escape(title)}", "", *facts]
    for chapter in (*document.chapters, *([document.signatures] if document.signatures else []), *document.addenda):
        lines += _chapter(chapter)
    return "\n".join(lines) + "\n"


def _chapter(chapter: Chapter) -> Iterator[str]:
    yield from ("", f"## {escape(chapter.title)}")
    if chapter.missing:
        yield from ("", f"*{escape(chapter.missing)}*")
    for group in chapter.groups:
        if group.heading:
            yield from ("", f"### {escape(group.heading)}")
        yield ""
        for number, line in enumerate(group.lines, start=1):
            yield f"{number}. {escape(line)}" if group.numbered else f"- {escape(line)}"


def escape(text: str) -> str:
    """Text that Markdown shows as it is."""
    safe = _SPECIAL.sub(r"\\\1", text)
    return _LEADING.sub(lambda found: f"{found[1]}\\{found[2]}" if found[1] else f"\\{found[3]}", safe)
