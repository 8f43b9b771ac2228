"""An exported note as a PDF with its fonts inside: it looks the same in every program, in both languages.

Latin letters are set in Vera, which reportlab brings along; Han characters in Droid Sans Fallback (`fonts/`). Of both, only the characters
that occur go into the file. What neither has (an emoji, say) is shown as 〓.
"""

import io
from collections.abc import Iterator
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from bot.exports.document import Chapter, Document
from inference.note import Language

LATIN, BOLD, HAN = "Vera", "VeraBd", "DroidSansFallback"
HAN_FILE = Path(__file__).parent / "fonts" / "DroidSansFallback.ttf"
MARGIN_CM = 2.3
DARK, RED, GREY = "#1f4e5f", "#b00020", "#666666"
UNKNOWN = "\u3013"
"""The geta mark, by which typesetters say that they lack a character."""


def pdf_of(document: Document) -> bytes:
    """The whole file, A4, with page numbers."""
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.units import cm
    from reportlab.platypus import SimpleDocTemplate

    _fonts()
    stream, margin = io.BytesIO(), MARGIN_CM * cm
    page = SimpleDocTemplate(
        stream,
        pagesize=A4,
        leftMargin=margin,
        rightMargin=margin,
        topMargin=margin,
        bottomMargin=margin,
        title=document.title,
        author="PhyAssist",
        lang="zh-CN" if document.language is Language.CHINESE else "en-US",
    )

    def decorate(canvas: Any, _: Any) -> None:
        """The page's number, and, on a draft, that it is one."""
        canvas.saveState()
        canvas.setFont(LATIN, 8)
        canvas.setFillColor(GREY)
        canvas.drawCentredString(A4[0] / 2, 1.2 * cm, str(canvas.getPageNumber()))
        if document.draft:
            canvas.setFillColor(RED)
            canvas.setFont(HAN if document.language is Language.CHINESE else BOLD, 11)
            canvas.drawRightString(A4[0] - margin, A4[1] - 1.4 * cm, document.draft)
        canvas.restoreState()

    page.build(list(_flow(document)), onFirstPage=decorate, onLaterPages=decorate)
    return stream.getvalue()


def _flow(document: Document) -> Iterator[Any]:
    from reportlab.platypus import Paragraph

    styles = _styles(document.language)
    yield Paragraph(_runs(document.title), styles["title"])
    for fact in document.facts:
        yield Paragraph(f"<font color='{GREY}'>{_runs(fact.label + document.colon)}</font>{_runs(fact.text)}", styles["fact"])
    for chapter in (*document.chapters, *([document.signatures] if document.signatures else []), *document.addenda):
        yield from _chapter(chapter, styles)


def _chapter(chapter: Chapter, styles: dict[str, Any]) -> Iterator[Any]:
    from reportlab.platypus import Paragraph

    yield Paragraph(_runs(chapter.title), styles["heading"])
    if chapter.missing:
        yield Paragraph(f"<font color='{GREY}'>{_runs(chapter.missing)}</font>", styles["text"])
    for group in chapter.groups:
        if group.heading:
            yield Paragraph(_runs(group.heading), styles["subheading"])
        for number, line in enumerate(group.lines, start=1):
            if group.numbered:
                yield Paragraph(_runs(line), styles["item"], bulletText=f"{number}.")
            else:
                yield Paragraph(_runs(line), styles["text"])


def _styles(language: Language) -> dict[str, Any]:
    from reportlab.lib.styles import ParagraphStyle

    wrap = "CJK" if language is Language.CHINESE else None
    text = ParagraphStyle("text", fontName=LATIN, fontSize=10, leading=15, spaceAfter=4, wordWrap=wrap, splitLongWords=1)
    return {
        "text": text,
        "fact": ParagraphStyle("fact", text, fontSize=9, leading=13, spaceAfter=0),
        "item": ParagraphStyle("item", text, leftIndent=26, bulletFontName=LATIN, bulletFontSize=10),
        "title": ParagraphStyle("title", text, fontSize=19, leading=27, textColor=DARK, spaceAfter=8),
        "heading": ParagraphStyle("heading", text, fontSize=13, leading=19, textColor=DARK, spaceBefore=12, keepWithNext=1),
        "subheading": ParagraphStyle("subheading", text, textColor=GREY, spaceBefore=3, keepWithNext=1),
    }


def _runs(text: str) -> str:
    """Text as reportlab's markup, with each run in the font that has its characters."""
    latin, han = _fonts()

    def font_of(char: str) -> str:
        return LATIN if ord(char) in latin else HAN if ord(char) in han else UNKNOWN

    runs = ((font, "".join(run)) for font, run in groupby(text, font_of))
    return "".join(f"<font name='{HAN}'>{escape(_known(font, run))}</font>" if font != LATIN else escape(run) for font, run in runs)


def _known(font: str, run: str) -> str:
    return UNKNOWN * len(run) if font == UNKNOWN else run


@cache
def _fonts() -> tuple[frozenset[int], frozenset[int]]:
    """Registers the fonts, once a process; the characters that the Latin and the Han font have."""
    import reportlab
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont

    folder = Path(reportlab.__file__).parent / "fonts"
    fonts = [TTFont(LATIN, folder / "Vera.ttf"), TTFont(BOLD, folder / "VeraBd.ttf"), TTFont(HAN, HAN_FILE)]
    for font in fonts:
        pdfmetrics.registerFont(font)
    return frozenset(fonts[0].face.charToGlyph), frozenset(fonts[2].face.charToGlyph)
