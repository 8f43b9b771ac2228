"""What the bot says of descriptions that were edited or deleted, of messages that it took as one, and of files."""

from dataclasses import dataclass

from bot.catalog import Translate, catalog
from bot.domain.change import ChangeKind
from bot.domain.reading import Reading
from bot.workflow.ports import Sign


@dataclass(frozen=True)
class ChangeTexts:
    """The words of one language."""

    changed: dict[tuple[ChangeKind, Reading], str]
    nothing_left: str
    write_again: dict[ChangeKind, str]
    remove: str
    remove_sure: str
    remove_question: str
    keep: str
    joined: str
    separate: str
    signs: dict[Sign, str]
    """Sentences with `{number}`, `{length}` and `{name}`."""


def _words(_: Translate) -> ChangeTexts:
    edited, deleted = ChangeKind.EDITED, ChangeKind.DELETED
    return ChangeTexts(
        changed={
            (edited, Reading.DESCRIPTION): _("The description was edited after this note was written."),
            (edited, Reading.INFORMATION): _("A reply that this note rests on was edited after it was written."),
            (deleted, Reading.DESCRIPTION): _("The description was deleted. This note may rest on it."),
            (deleted, Reading.INFORMATION): _("A reply was deleted. This note may rest on it."),
            (deleted, Reading.EDITED): _("An edited answer was deleted. Its lines still stand in this note: edit the note, or remove it."),
        },
        nothing_left=_("Nothing else was reported here, so there is nothing to write it again from."),
        write_again={edited: _("Write again with the changes"), deleted: _("Write again without it")},
        remove=_("Remove note"),
        remove_sure=_("Remove this note?"),
        remove_question=_(
            "All its versions and the replies below it are deleted from PhyAssist's records and are not used any more. A final note that "
            "took lines over keeps them. This can't be undone."
        ),
        keep=_("Keep it"),
        joined=_("I took your {number} messages as one description."),
        separate=_("Separate descriptions"),
        signs={
            Sign.NOTHING_LEFT: _("There is nothing left to write this note from. Please post a new description, or remove the note."),
            Sign.NOTE_REMOVED: _("This note was removed."),
            Sign.TOO_LONG: _(
                "This text is too long to read at once: it has about {length} characters, and about {number} fit. Please post it in parts, "
                "each as "
                "a message of its own."
            ),
            Sign.FILE_KIND: _(
                "I can't read {name}, so I took nothing of this message. I read .txt, .md, .docx and .pdf files; please send one of "
                "these, or "
                "post the text itself."
            ),
            Sign.FILE_TOO_LARGE: _(
                "{name} is too large, so I took nothing of this message. A file may have up to {number} MB; please send a smaller one, "
                "or post "
                "the text itself."
            ),
            Sign.FILE_TOO_MANY: _("I read up to {number} files at once, so I took nothing of this message. Please send fewer."),
            Sign.FILE_LOCKED: _(
                "{name} is protected by a password, so I took nothing of this message. Please send it without one, or post the text itself."
            ),
            Sign.FILE_NO_TEXT: _(
                "I found no text in {name}, so I took nothing of this message. If it is a scan or a picture, please post the text itself."
            ),
            Sign.FILE_BROKEN: _(
                "{name} can't be opened: it seems to be damaged, or of another kind than its name says. I took nothing of this message; "
                "please "
                "save it anew and send it again, or post the text itself."
            ),
            Sign.FILE_TOO_MUCH: _(
                "{name} has more in it than I can read. I took nothing of this message; please send the part that matters, or post it as "
                "text."
            ),
            Sign.FILE_ELSEWHERE: _(
                "{name} is not stored in this workspace, so I can't read it and took nothing of this message. Please upload the file "
                "itself, or "
                "post the text."
            ),
            Sign.FILE_GONE: _("{name} is no longer in Slack, so I took nothing of this message. Please send it again."),
            Sign.FILE_NOT_GIVEN: _(
                "Slack did not give me {name}, so I took nothing of this message. Please post the text itself, and tell your admin that "
                "PhyAssist needs the permission files:read."
            ),
        },
    )


change_texts = catalog("changes", _words)
