"""The text of a document, by the libraries that know its format. Runs in a process of its own (`__main__.py`), with limits.

text    charset-normalizer finds the encoding: UTF-8, UTF-16, GB18030 and what else it is sure of
docx    python-docx: paragraphs and tables in their order; text boxes, comments, headers and footers are left out
pdf     pypdf: the text that the file holds; pictures are not read
"""

import io
import zipfile
from collections.abc import Iterable, Iterator

from bot.workflow.attachments import DocumentKind, Fault, Unreadable

MOST_CHARS = 400_000
"""Of a document's text: far more than any model's context, and little to hold in memory."""
MOST_PAGES = 300
MOST_UNPACKED = 64 * 1024 * 1024
"""Bytes that a document may unpack to; a zip bomb has a thousand times its own size."""
IN_USE = ["utf_16_le", "utf_16_be", "big5", "shift_jis", "euc_kr", "cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256"]
"""Encodings that programs of today still write: among all that there ever were, short texts resemble several."""
MOST_PARTS = 5_000
"""Files inside a document."""


def read(kind: DocumentKind, content: bytes) -> str:
    """The document's text.

    Raises:
        Unreadable: why it could not be read.
    """
    if not content:
        raise Unreadable(Fault.NO_TEXT)
    text = {DocumentKind.TEXT: _text, DocumentKind.DOCX: _docx, DocumentKind.PDF: _pdf}[kind](content)
    if not text.strip():
        raise Unreadable(Fault.NO_TEXT)
    return text.strip()


def _text(content: bytes) -> str:
    if len(content) > 4 * MOST_CHARS:
        raise Unreadable(Fault.TOO_MUCH)
    decoded = _decoded(content)
    if decoded is None or "\0" in decoded:
        raise Unreadable(Fault.BROKEN)
    return decoded


def _decoded(content: bytes) -> str | None:
    """The text of bytes in an encoding that they don't name."""
    from charset_normalizer import from_bytes

    for encoding in ("utf-8-sig", "utf-16") if content.startswith((b"\xff\xfe", b"\xfe\xff")) else ("utf-8-sig",):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    if _is_gb(content):  # legal as many Western encodings as well; what it says decides
        return content.decode("gb18030")
    best = from_bytes(content, cp_isolation=IN_USE).best()
    return str(best) if best else None


def _is_gb(content: bytes) -> bool:
    """Whether bytes are Chinese in GB18030: all of them legal, and what is not ASCII mostly common characters."""
    try:
        text = content.decode("gb18030")
    except UnicodeDecodeError:
        return False
    foreign = [char for char in text if char > "\x7f"]
    han = sum(_is_common(char) for char in foreign)
    return bool(foreign) and han * 10 >= len(foreign) * 8


def _is_common(char: str) -> bool:
    """A character of GB 2312's first level, the 3,755 in daily use, or its punctuation."""
    try:
        lead = char.encode("gb2312")[0]
    except UnicodeEncodeError:
        return False
    return lead in {0xA1, 0xA3} or 0xB0 <= lead <= 0xD7


def _docx(content: bytes) -> str:
    if content.startswith(b"\xd0\xcf\x11\xe0"):  # an encrypted document is wrapped in the older format
        raise Unreadable(Fault.LOCKED if "EncryptedPackage".encode("utf-16-le") in content else Fault.BROKEN)
    _check_unpacked(content)
    from docx import Document
    from docx.document import Document as Opened
    from docx.table import Table

    document: Opened = Document(io.BytesIO(content))

    def lines(parts: Iterable[object]) -> Iterator[str]:
        for part in parts:
            if isinstance(part, Table):
                for row in part.rows:
                    cells = {id(cell._tc): cell for cell in row.cells}  # a merged cell is in a row several times
                    yield " | ".join(" ".join(lines(cell.iter_inner_content())) for cell in cells.values())
            else:
                yield str(getattr(part, "text", ""))

    return _joined(lines(document.iter_inner_content()))


def _check_unpacked(content: bytes) -> None:
    """What the document's own list says it unpacks to; `zipfile` reads no more of a part than that says."""
    try:
        parts = zipfile.ZipFile(io.BytesIO(content)).infolist()
    except zipfile.BadZipFile:
        raise Unreadable(Fault.BROKEN) from None
    if any(part.flag_bits & 1 for part in parts):
        raise Unreadable(Fault.LOCKED)
    if len(parts) > MOST_PARTS or sum(part.file_size for part in parts) > MOST_UNPACKED:
        raise Unreadable(Fault.TOO_MUCH)


def _pdf(content: bytes) -> str:
    from pypdf import PasswordType, PdfReader

    reader = PdfReader(io.BytesIO(content))
    if reader.is_encrypted and reader.decrypt("") is PasswordType.NOT_DECRYPTED:  # many are locked against printing alone
        raise Unreadable(Fault.LOCKED)
    if len(reader.pages) > MOST_PAGES:
        raise Unreadable(Fault.TOO_MUCH)
    return _joined(page.extract_text() for page in reader.pages)


def _joined(lines: Iterable[str]) -> str:
    found: list[str] = []
    length = 0
    for line in lines:
        found.append(line)
        length += len(line) + 1
        if length > MOST_CHARS:
            raise Unreadable(Fault.TOO_MUCH)
    return "\n".join(found)
