"""The words of an exported note, in each language."""

from dataclasses import dataclass

from bot.catalog import Translate, catalog
from bot.domain.signing import Role
from inference.note import Kind


@dataclass(frozen=True)
class DocumentWords:
    """The words of one language."""

    title: str
    draft: str
    draft_means: str
    case: str
    format: str
    itemized: str
    drafted: str
    version: str
    headings: dict[Kind, str]
    as_reported: str
    own_words: str
    to_fill_in: str
    carried: str
    signatures: str
    approved: str
    cosigned: str
    written_by: str
    content_hash: str
    addendum: str
    addendum_by: str
    roles: dict[Role, str]
    signed_as: str
    colon: str


def _words(_: Translate) -> DocumentWords:
    return DocumentWords(
        title=_("Final note"),
        draft=_("DRAFT"),
        draft_means=_("This draft is not approved."),
        case=_("Case"),
        format=_("Format"),
        itemized=_("Itemized"),
        drafted=_("Drafted"),
        version=_("Version"),
        headings={Kind.ANALYSIS: _("Analysis"), Kind.ADVICE: _("Advice"), Kind.QUESTION: _("Questions to ask")},
        as_reported=_("As reported"),
        own_words=_("Counselor's entry"),
        to_fill_in=_("Not filled in"),
        carried=_(" (carried forward)"),
        signatures=_("Approval"),
        approved=_("Approved by {who} on {when}"),
        cosigned=_("Co-signed by {who} on {when}"),
        written_by=_("Drafted by PhyAssist (adapter {adapter})"),
        content_hash=_("Content hash (SHA-256)"),
        addendum=_("Addendum {number}"),
        addendum_by=_("Added by {who} on {when}"),
        roles={Role.COUNSELOR: _("counselor"), Role.SUPERVISOR: _("supervisor"), Role.ADMIN: _("admin")},
        signed_as=_("{name} ({role})"),
        colon=_(": "),
    )


document_words = catalog("document", _words)
