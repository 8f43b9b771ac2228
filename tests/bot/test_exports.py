"""Exported notes: written in both languages, opened again by other libraries, compared word by word."""

import base64
import hashlib
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from subprocess import run

import docx
import pytest
from fhir.resources.R4B.documentreference import DocumentReference
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from pypdf import PdfReader

from bot.domain.case import Case, CaseState
from bot.domain.formats import BUILT_IN
from bot.domain.note import Item, Note, Origin, Purpose
from bot.domain.shared_file import FileType
from bot.domain.signing import Addendum, Role, Signer
from bot.exports.markdown import escape
from bot.exports.writer import write_note
from inference.note import Kind, Language, clean_text
from tests.support.builders import NOW, a_counselor, a_note, a_revision

SAID = {
    Language.ENGLISH: (
        "She sleeps “badly” — naïve & <tired>; *one* #2.",
        "Walk daily.",
        "Keep a diary.",
        "Since when?",
        "The diary is kept.",
    ),
    Language.CHINESE: (
        "来访者说“停不下来”，心悸（palpitations）。",
        "每天散步。",
        "写睡眠日记。",
        "从什么时候开始？",
        "来电：已开始写日记。",
    ),
}
NAMES = {Language.ENGLISH: ("Anna Berg", "Sol Ortiz"), Language.CHINESE: ("李安娜", "孙督导")}
EXPECTED = {
    Language.ENGLISH: (
        "Final note",
        "Subjective",
        "Plan",
        "(carried forward)",
        "Approved by Anna Berg (counselor)",
        "Addendum 1",
        "Not filled in",
    ),
    Language.CHINESE: ("最终记录", "主观资料", "计划", "（延续自上次）", "由李安娜（咨询师）于", "补充说明 1", "未填写"),
}


def a_case(language: Language) -> Case:
    """The case of the note."""
    return Case("case", "T1", "C1", "C-4F2A91", language, CaseState.OPEN, NOW)


def a_final_note(language: Language, approved: bool = True) -> Note:
    """A SOAP note with all that a note can have; its objective section is empty, as in notes from before that was required."""
    said, (anna, sol) = SAID[language], NAMES[language]
    items = (
        Item(Kind.ANALYSIS, said[0], Origin.MODEL),
        Item(Kind.ADVICE, said[1], Origin.COUNSELOR),
        Item(Kind.ADVICE, said[2], Origin.MODEL, carried=True),
        Item(Kind.QUESTION, said[3], Origin.MODEL),
        Item(Kind.ANALYSIS, said[0], Origin.COUNSELOR, section="subjective"),
    )
    newest = a_revision(*items, number=2, by=a_counselor())
    note = a_note(a_revision(*items), newest, purpose=Purpose.SUMMARY)
    if approved:
        supervisor = Signer("U0SOL", sol, Role.SUPERVISOR)
        note = note.approve("U0ANNA", newest.id, NOW, Role.COUNSELOR, anna)
        note = note.cosign(supervisor, newest.content_hash, NOW + timedelta(hours=1))
        note = note.add(Addendum("a", 0, supervisor, said[4], NOW + timedelta(days=1)))
    return replace(note, format=BUILT_IN["soap"])


def words_of(content: bytes, file_type: FileType) -> str:
    """The text of a file, as another program reads it, without spaces: where lines break is the layout's business."""
    match file_type:
        case FileType.DOCX:
            text = "".join(paragraph.text for paragraph in docx.Document(BytesIO(content)).paragraphs)
        case FileType.PDF:
            text = "".join(page.extract_text() for page in PdfReader(BytesIO(content)).pages)
        case FileType.MARKDOWN:
            text = rendered(content.decode())
        case FileType.FHIR:
            (markdown, _) = json.loads(content)["content"]
            text = rendered(base64.b64decode(markdown["attachment"]["data"]).decode())
    return re.sub(r"\s+", "", text)


def rendered(markdown: str) -> str:
    """What a reader of Markdown sees."""
    return "\n".join(child.content for token in MarkdownIt().parse(markdown) for child in token.children or ())


def tight(text: str) -> str:
    """Without spaces."""
    return re.sub(r"\s+", "", text)


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("file_type", list(FileType))
def test_every_word_is_in_the_file(file_type: FileType, language: Language) -> None:
    """Items, sections, signatures, hashes and addenda, in this order; names of signers, and the case by its code."""
    note = a_final_note(language)
    found = words_of(write_note(a_case(language), note, file_type), file_type)
    assert note.approval
    for text in (
        *SAID[language],
        *EXPECTED[language],
        *NAMES[language],
        "C-4F2A91",
        note.approval.content_hash,
        note.addenda[0].content_hash,
    ):
        assert tight(text) in found
    places = [found.index(tight(text)) for text in SAID[language]]
    assert places == sorted(places)


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("file_type", [FileType.DOCX, FileType.PDF, FileType.MARKDOWN])
def test_a_draft_says_so(file_type: FileType, language: Language) -> None:
    """On each page or at the top; an approved note doesn't."""
    mark = {Language.ENGLISH: "DRAFT", Language.CHINESE: "草稿"}[language]
    content = write_note(a_case(language), a_final_note(language, approved=False), file_type)
    assert mark in words_of(content, file_type)
    if file_type is FileType.DOCX:
        assert docx.Document(BytesIO(content)).sections[0].header.paragraphs[0].text == mark
    if file_type is FileType.PDF:
        assert all(mark in page.extract_text() for page in PdfReader(BytesIO(content)).pages)
    assert mark not in words_of(write_note(a_case(language), a_final_note(language), file_type), file_type)


@pytest.mark.parametrize("language", list(Language))
def test_an_itemized_note_has_its_three_headings(language: Language) -> None:
    """Without a format, the kinds are the sections."""
    note = replace(a_final_note(language), format=None)
    note = replace(note, revisions=tuple(replace(each, items=each.items[:-1]) for each in note.revisions))
    headings = {Language.ENGLISH: ["Analysis", "Advice", "Questions to ask"], Language.CHINESE: ["分析", "建议", "可提的问题"]}[language]
    document = docx.Document(BytesIO(write_note(a_case(language), note, FileType.DOCX)))
    found = [paragraph.text for paragraph in document.paragraphs if paragraph.style and paragraph.style.name == "Heading 1"]
    assert found[:3] == headings


def fonts_of(content: bytes) -> Iterator[tuple[str, bool]]:
    """The fonts that a PDF's pages name, and whether each is inside."""
    for page in PdfReader(BytesIO(content)).pages:
        for font in page["/Resources"]["/Font"].values():
            name = str(font["/BaseFont"])
            yield name, "/FontDescriptor" in font and "/FontFile2" in font["/FontDescriptor"]


@pytest.mark.parametrize("language", list(Language))
def test_a_pdf_carries_its_fonts(language: Language) -> None:
    """All but Helvetica, which the library names on each page and nothing is set in: no reader needs a Chinese font of its own."""
    fonts = dict(fonts_of(write_note(a_case(language), a_final_note(language), FileType.PDF)))
    assert {name for name, inside in fonts.items() if not inside} <= {"/Helvetica"}
    assert any("DroidSansFallback" in name for name in fonts) or language is Language.ENGLISH


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("approved", [True, False])
def test_the_fhir_resource_is_valid_and_names_nobody(language: Language, approved: bool) -> None:
    """R4's structure (R4B has the same for this resource); code and ids stand for people, and the attachments are what they say."""
    note = a_final_note(language, approved)
    content = write_note(a_case(language), note, FileType.FHIR)
    resource = DocumentReference.model_validate_json(content)
    assert resource.docStatus == ("amended" if approved else "preliminary")
    plain = json.loads(content)
    assert plain["subject"]["identifier"]["value"] == "C-4F2A91"
    assert plain["author"][0]["identifier"] == {"system": "urn:x-phyassist:slack:T1", "value": "U0ANNA"}
    assert ("authenticator" in plain) is approved
    types = {}
    for each in plain["content"]:
        attachment = each["attachment"]
        data = base64.b64decode(attachment["data"])
        assert attachment["size"] == len(data)
        assert base64.b64decode(attachment["hash"]) == hashlib.sha1(data, usedforsecurity=False).digest()
        types[attachment["contentType"]] = data
        attachment["data"] = ""
    assert types["text/markdown"] == write_note(a_case(language), note, FileType.MARKDOWN)
    assert types["application/pdf"].startswith(b"%PDF-")
    outside = json.dumps(plain, ensure_ascii=False)
    assert not [text for text in (*SAID[language], *NAMES[language]) if text in outside]


def test_a_character_that_no_font_has_is_marked() -> None:
    """In the PDF; the other files have it."""
    note = a_final_note(Language.ENGLISH)
    (first, newest) = note.revisions
    note = replace(note, revisions=(first, replace(newest, items=(Item(Kind.ANALYSIS, "Smiles 😀 today.", Origin.MODEL),))))
    assert "Smiles〓today." in words_of(write_note(a_case(Language.ENGLISH), note, FileType.PDF), FileType.PDF)
    assert "Smiles😀today." in words_of(write_note(a_case(Language.ENGLISH), note, FileType.DOCX), FileType.DOCX)


@given(st.text("ab *_`#[]<>&\\~|!-+=.0123)(你", min_size=1, max_size=20).map(clean_text).filter(bool))
@settings(deadline=None)
def test_markdown_shows_any_text_as_it_is(text: str) -> None:
    """Whatever somebody wrote, as a list item."""
    assert rendered(f"1. {escape(text)}") == text


def test_nothing_heavy_is_loaded_before_the_first_export() -> None:
    """The libraries of Word and PDF stay out of a bot that exports nothing."""
    code = "import sys, bot.exports.writer; print(sorted({'docx', 'lxml', 'reportlab'} & set(sys.modules)))"
    assert run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
