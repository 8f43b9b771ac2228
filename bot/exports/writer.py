"""Which file type is written by what. The libraries are loaded when the first such file is written."""

from bot.domain.case import Case
from bot.domain.note import Note
from bot.domain.shared_file import FileType
from bot.exports.document import document_of
from bot.exports.fhir import fhir_of
from bot.exports.markdown import markdown_of
from bot.exports.pdf import pdf_of
from bot.exports.word import word_of


def write_note(case: Case, note: Note, file_type: FileType) -> bytes:
    """A final note as a file."""
    document = document_of(case, note)
    match file_type:
        case FileType.DOCX:
            return word_of(document)
        case FileType.PDF:
            return pdf_of(document)
        case FileType.MARKDOWN:
            return markdown_of(document).encode()
        case FileType.FHIR:
            return fhir_of(case, note, document.title, markdown_of(document), pdf_of(document))
