"""The words around final notes: their sections, what stands below an approved one, and the modals for it."""

from dataclasses import dataclass

from bot.catalog import Translate, catalog
from bot.domain.shared_file import FileType
from bot.domain.signing import Role


@dataclass(frozen=True)
class FinalTexts:
    """The words of one language."""

    titled: str
    to_fill_in: str
    to_fill_in_first: str
    as_reported: str
    own_words: str
    carried: str
    roles: dict[Role, str]
    person: str
    written_by: str
    cosigned: str
    addendum: str
    add_addendum: str
    addendum_title: str
    addendum_label: str
    addendum_means: str
    cosign: str
    cosign_sure: str
    cosign_question: str
    sections_help: str
    sections_empty: str
    not_filled: str
    addendum_empty: str
    export: str
    export_title: str
    export_notes: str
    export_types: str
    export_means: str
    file_types: dict[FileType, str]
    option: str
    option_draft: str
    itemized: str
    choose_one: str


def _words(_: Translate) -> FinalTexts:
    return FinalTexts(
        titled=_("{title} · {format}"),
        to_fill_in=_("To be filled in by the counselor"),
        to_fill_in_first=_("To be filled in by the counselor before approval"),
        as_reported=_("As reported"),
        own_words=_("Counselor's entry"),
        carried=_("↻ carried forward from the last final note"),
        roles={Role.COUNSELOR: _("counselor"), Role.SUPERVISOR: _("supervisor"), Role.ADMIN: _("admin")},
        person=_("{who} ({role})"),
        written_by=_("drafted by {adapter}"),
        cosigned=_("Co-signed by {who} on {when}"),
        addendum=_("*Addendum {number}* · {who} · {when} · {hash}"),
        add_addendum=_("Add addendum"),
        addendum_title=_("Add an addendum"),
        addendum_label=_("Addendum"),
        addendum_means=_(
            "The approved note stays as it is. Your text is added below it, with your name and the time, and can't be changed later."
        ),
        cosign=_("Co-sign"),
        cosign_sure=_("Co-sign this note?"),
        cosign_question=_("You confirm as a supervisor that you have read the whole note and stand behind it."),
        sections_help=_("One line per entry. Change, delete or add lines; what you write stays as it is."),
        sections_empty=_("Please leave at least one line in the note."),
        not_filled=_("Nothing is filled in for you here."),
        addendum_empty=_("Please write a few words."),
        export=_("Export"),
        export_title=_("Export final notes"),
        export_notes=_("Final notes"),
        export_types=_("As"),
        export_means=_("The files appear in each note's thread. Everyone in this channel can open them there."),
        file_types={
            FileType.DOCX: _("Word (.docx)"),
            FileType.PDF: _("PDF (.pdf)"),
            FileType.MARKDOWN: _("Markdown (.md)"),
            FileType.FHIR: _("FHIR R4 DocumentReference (.json)"),
        },
        option=_("{day} · {format}"),
        option_draft=_("{day} · {format} · draft, not approved"),
        itemized=_("itemized"),
        choose_one=_("Please choose at least one."),
    )


final_texts = catalog("final", _words)
