"""An exported note as a Word document. Fonts are named, not embedded: office programs have these or take one like them."""

import io
from typing import Any

from bot.exports.document import Chapter, Document
from inference.note import Language

LATIN, HAN = "Calibri", "Microsoft YaHei"
LOCALES = {Language.ENGLISH: "en-US", Language.CHINESE: "zh-CN"}
RED, DARK, GREY = "B00020", "1F4E5F", "666666"
STYLES = (("Normal", 11, None), ("Title", 22, DARK), ("Heading 1", 14, DARK), ("Heading 2", 11, DARK), ("Header", 11, RED))
"""Style, size in points, colour."""


def word_of(document: Document) -> bytes:
    """The whole file, A4."""
    import docx  # with its XML library some megabytes, which a bot that exports nothing doesn't need
    from docx.shared import Cm, Pt

    file = docx.Document()
    page = file.sections[0]
    page.page_width, page.page_height = Cm(21.0), Cm(29.7)
    page.left_margin = page.right_margin = page.top_margin = page.bottom_margin = Cm(2.5)
    for name, points, colour in STYLES:
        _set_font(file.styles[name], points, colour, LOCALES[document.language])
    properties = file.core_properties
    properties.title, properties.author, properties.comments = document.title, "PhyAssist", ""
    properties.language = LOCALES[document.language]

    file.add_heading(document.title, level=0)
    if document.draft:
        page.header.paragraphs[0].text = document.draft
    for fact in document.facts:
        paragraph = file.add_paragraph()
        paragraph.paragraph_format.space_after = Pt(2)
        paragraph.add_run(f"{fact.label}{document.colon}").bold = True
        paragraph.add_run(fact.text)
    for chapter in (*document.chapters, *([document.signatures] if document.signatures else []), *document.addenda):
        _add_chapter(file, chapter)
    stream = io.BytesIO()
    file.save(stream)
    return stream.getvalue()


def _add_chapter(file: Any, chapter: Chapter) -> None:
    from docx.shared import Cm, Pt, RGBColor

    file.add_heading(chapter.title, level=1)
    if chapter.missing:
        run = file.add_paragraph().add_run(chapter.missing)
        run.italic, run.font.color.rgb = True, RGBColor.from_string(GREY)
    for group in chapter.groups:
        if group.heading:
            file.add_heading(group.heading, level=2)
        for number, line in enumerate(group.lines, start=1):
            # written out: Word's own numbering would go on from list to list, and renumber what was approved
            paragraph = file.add_paragraph(f"{number}.\t{line}" if group.numbered else line)
            layout = paragraph.paragraph_format
            layout.space_after = Pt(4)
            if group.numbered:
                layout.left_indent, layout.first_line_indent = Cm(0.9), Cm(-0.9)
                layout.tab_stops.add_tab_stop(Cm(0.9))


def _set_font(style: Any, points: int, colour: str | None, locale: str) -> None:
    """One font for Latin letters, one for Han characters; the template's own are those of its theme."""
    from docx.oxml.ns import qn
    from docx.shared import Pt, RGBColor

    style.font.name, style.font.size = LATIN, Pt(points)
    if colour:
        style.font.color.rgb = RGBColor.from_string(colour)
    fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
    for theme in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
        fonts.attrib.pop(qn(f"w:{theme}"), None)
    fonts.set(qn("w:eastAsia"), HAN)
    for language in style.element.get_or_add_rPr().findall(qn("w:lang")):
        style.element.rPr.remove(language)
    language = style.element.rPr.makeelement(qn("w:lang"), {qn("w:val"): locale, qn("w:eastAsia"): "zh-CN"})
    style.element.rPr.append(language)
