"""Attached documents: real files of each kind are read by the real libraries in a process of their own; bad ones cost a sentence."""

import io
import sys
import zipfile
from collections.abc import Iterable

import pytest
from pypdf import PdfReader, PdfWriter

from bot.documents import reading
from bot.documents.process import DocumentProcesses
from bot.documents.reading import read
from bot.workflow.attachments import MOST_BYTES, Attachments, DocumentKind, Fault, TooLarge, Unreadable, kind_of
from bot.workflow.incoming import FileRef
from bot.workflow.ports import Sign
from tests.support.builders import a_post
from tests.support.documents import a_docx, a_pdf

CHINESE = "来访者最近两周睡眠不好，夜里常常醒来。\n她说工作压力很大，不想见朋友。"
WESTERN = "Die Klientin schläft schlecht und grübelt über früher."


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "gb18030"])
def test_chinese_text_is_read_in_the_encodings_that_are_in_use(encoding: str) -> None:
    """What Notepad and Word write, with and without a mark."""
    assert read(DocumentKind.TEXT, CHINESE.encode(encoding)) == CHINESE


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
def test_western_text_is_not_taken_for_chinese(encoding: str) -> None:
    """Umlauts in an old encoding are bytes that Chinese uses, too."""
    assert read(DocumentKind.TEXT, WESTERN.encode(encoding)) == WESTERN


def test_a_word_document_is_read_in_its_order() -> None:
    """Paragraphs and tables where they stand; a merged cell once."""
    text = read(DocumentKind.DOCX, a_docx("Session 3", CHINESE, table=(("Sleep", "four hours"), ("Mood", "low")), after="Next week again."))
    assert text.splitlines() == ["Session 3", *CHINESE.splitlines(), "Sleep | four hours", "Mood | low", "Next week again."]


def test_a_pdf_is_read_page_by_page() -> None:
    """The text of all pages."""
    assert read(DocumentKind.PDF, a_pdf("She sleeps badly.", "She works nights.")).splitlines() == [
        "She sleeps badly.",
        "She works nights.",
    ]


def a_locked_pdf(password: str) -> bytes:
    """A PDF that opens with a password; with an empty one it is only locked against printing and the like."""
    writer, out = PdfWriter(clone_from=PdfReader(io.BytesIO(a_pdf("Secret words.")))), io.BytesIO()
    writer.encrypt(password, owner_password="owner", algorithm="AES-256")
    writer.write(out)
    return out.getvalue()


def a_picture_pdf() -> bytes:
    """A PDF without text, as a scanner makes it."""
    writer, out = PdfWriter(), io.BytesIO()
    writer.add_blank_page(200, 200)
    writer.write(out)
    return out.getvalue()


def a_bomb(megabytes: int) -> bytes:
    """A Word document of some kilobytes that unpacks to many megabytes."""
    source, out = zipfile.ZipFile(io.BytesIO(a_docx("x"))), io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as bomb:
        for name in source.namelist():
            filler = b"<!--" + b" " * (megabytes * 1024**2) + b"-->" if name == "word/document.xml" else b""
            bomb.writestr(name, source.read(name) + filler)
    return out.getvalue()


def a_lying_bomb() -> bytes:
    """The same, with a list of contents that says it is small."""
    content = bytearray(a_bomb(100))
    place = content.rindex(b"word/document.xml") - 46
    content[place + 24 : place + 28] = (1000).to_bytes(4, "little")
    return bytes(content)


@pytest.mark.parametrize(
    ("kind", "content", "fault"),
    [
        (DocumentKind.TEXT, b"", Fault.NO_TEXT),
        (DocumentKind.TEXT, b" \n\t ", Fault.NO_TEXT),
        (DocumentKind.TEXT, bytes(range(256)) * 20, Fault.BROKEN),
        (DocumentKind.TEXT, b"word " * 400_000, Fault.TOO_MUCH),
        (DocumentKind.DOCX, b"PK\x03\x04 broken", Fault.BROKEN),
        (DocumentKind.DOCX, b"no document at all", Fault.BROKEN),
        (DocumentKind.DOCX, a_docx(), Fault.NO_TEXT),
        (DocumentKind.DOCX, a_bomb(100), Fault.TOO_MUCH),
        (DocumentKind.DOCX, a_lying_bomb(), Fault.BROKEN),
        (DocumentKind.DOCX, b"\xd0\xcf\x11\xe0" + bytes(600) + "EncryptedPackage".encode("utf-16-le"), Fault.LOCKED),
        (DocumentKind.PDF, a_locked_pdf("geheim"), Fault.LOCKED),
        (DocumentKind.PDF, a_picture_pdf(), Fault.NO_TEXT),
        (DocumentKind.PDF, b"%PDF-1.7 and nothing more", Fault.BROKEN),
        (DocumentKind.PDF, a_pdf("x")[:200], Fault.BROKEN),
    ],
)
async def test_what_cant_be_read_is_said_to_be_so(kind: DocumentKind, content: bytes, fault: Fault) -> None:
    """Empty, broken, locked, pictures alone, or far more than it seems: each ends as what it is, and the process with it."""
    with pytest.raises(Unreadable) as caught:
        await DocumentProcesses().text_of(kind, content)
    assert caught.value.fault is fault


async def test_a_pdf_that_is_only_locked_against_printing_is_read() -> None:
    """An empty password opens it for everybody."""
    assert await DocumentProcesses().text_of(DocumentKind.PDF, a_locked_pdf("")) == "Secret words."


async def test_too_many_pages_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A book is no description."""
    monkeypatch.setattr(reading, "MOST_PAGES", 2)
    with pytest.raises(Unreadable) as caught:
        read(DocumentKind.PDF, a_pdf("1", "2", "3"))
    assert caught.value.fault is Fault.TOO_MUCH


async def test_a_document_that_takes_too_long_is_given_up() -> None:
    """Its process is ended, and the bot goes on."""
    processes = DocumentProcesses(read_s=0.01)
    with pytest.raises(Unreadable) as caught:
        await processes.text_of(DocumentKind.PDF, a_pdf("x"))
    assert caught.value.fault is Fault.TOO_MUCH


async def test_the_reading_process_knows_none_of_our_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a hostile file makes of it, it has no token and no key."""
    monkeypatch.setenv("PHYASSIST_SLACK__BOT_TOKEN", "xoxb-secret")
    names: list[str] = []
    real = sys.modules["asyncio"].create_subprocess_exec

    async def spying(*arguments: object, env: dict[str, str], **options: object) -> object:
        names.extend(env)
        return await real(*arguments, env=env, **options)  # type: ignore[arg-type]  # as they came

    monkeypatch.setattr("asyncio.create_subprocess_exec", spying)
    assert await DocumentProcesses().text_of(DocumentKind.TEXT, b"Sleeps badly.") == "Sleeps badly."
    assert not [name for name in names if "PHYASSIST" in name or "TOKEN" in name]


@pytest.mark.parametrize(
    ("name", "mimetype", "kind"),
    [
        ("report.PDF", "", DocumentKind.PDF),
        ("notes.md", "application/octet-stream", DocumentKind.TEXT),
        ("Untitled", "text/plain; charset=utf-8", DocumentKind.TEXT),
        ("session.docx", "", DocumentKind.DOCX),
        ("session.doc", "application/msword", None),
        ("picture.png", "text/plain", None),
        ("", "", None),
    ],
)
def test_a_file_is_what_its_name_says(name: str, mimetype: str, kind: DocumentKind | None) -> None:
    """A snippet has no ending: there Slack's word counts."""
    assert kind_of(FileRef(id="F1", name=name, mimetype=mimetype)) is kind


class Shelf:
    """Files by their address, and what their documents say."""

    def __init__(self, *texts: str) -> None:
        self.texts, self.fetched = list(texts), 0

    async def fetch(self, file: FileRef, most_bytes: int) -> bytes:
        self.fetched += 1
        if file.name == "huge.txt":
            raise TooLarge
        return b""

    async def text_of(self, kind: DocumentKind, content: bytes) -> str:
        return self.texts.pop(0)


def files(*names: str, **what: object) -> list[FileRef]:
    """Files with these names."""
    return [FileRef.model_validate({"id": f"F{name}", "name": name, "url": "https://files.slack.com/x", **what}) for name in names]


async def test_text_and_files_are_one_description_in_their_order() -> None:
    """First what was written, then each file."""
    shelf = Shelf("One.", " Two. ")
    post = a_post("Written.").model_copy(update={"files": tuple(files("a.txt", "b.pdf"))})
    assert await Attachments(shelf, shelf).whole_text(post) == "Written.\n\nOne.\n\nTwo."


@pytest.mark.parametrize(
    ("given", "sign", "limit"),
    [
        (files("a.txt", "b.xlsx"), Sign.FILE_KIND, 0),
        (files("a.txt", url=""), Sign.FILE_ELSEWHERE, 0),
        (files("a.txt", size=MOST_BYTES + 1), Sign.FILE_TOO_LARGE, 10),
        (files(*"abcdef"), Sign.FILE_TOO_MANY, 5),
    ],
)
async def test_what_can_be_refused_unseen_is_not_fetched(given: Iterable[FileRef], sign: Sign, limit: int) -> None:
    """Kind, place, size and number are known before."""
    shelf = Shelf("x")
    with pytest.raises(Exception, match=sign) as caught:
        await Attachments(shelf, shelf).whole_text(a_post().model_copy(update={"files": tuple(given)}))
    assert getattr(caught.value, "limit", None) == limit
    assert shelf.fetched == 0


async def test_a_file_that_is_larger_than_slack_says_is_refused() -> None:
    """What comes is counted."""
    shelf = Shelf("x")
    with pytest.raises(Exception, match=Sign.FILE_TOO_LARGE):
        await Attachments(shelf, shelf).whole_text(a_post().model_copy(update={"files": tuple(files("huge.txt"))}))
