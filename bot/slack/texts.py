"""What the bot says about notes; case, nights and the rest have modules of their own."""

from dataclasses import dataclass

from bot.catalog import Translate, catalog
from bot.domain.reading import Reading
from bot.workflow.ports import Sign
from inference.note import Kind


@dataclass(frozen=True)
class Texts:
    """The words of one language."""

    headings: dict[Kind, str]
    signs: dict[Sign, str]
    readings: dict[Reading, str]
    reread: dict[Reading, str]
    note_posted: str
    summary_posted: str
    summary_title: str
    approved_title: str
    version: str
    your_words: str
    general: str
    rests_on: str
    writing: str
    edit: str
    accept: str
    approve: str
    approve_sure: str
    approve_question: str
    cancel: str
    try_again: str
    approved: str
    accepted: str
    save: str
    modal_empty: str
    learning_until: str
    answer_now: str
    without_buttons: str
    help: str
    unknown: str
    summarizing: str
    no_case: str


def _words(_: Translate) -> Texts:
    return Texts(
        headings={Kind.ANALYSIS: _("Analysis"), Kind.ADVICE: _("Advice"), Kind.QUESTION: _("Questions to ask")},
        signs={
            Sign.WAITING: _("The model is not available right now. Your post is saved, and I will answer as soon as the model is back."),
            Sign.LEARNING: _("The model is learning{until}; your post is saved and answered afterwards."),
            Sign.STEPPING_ASIDE: _(
                "The training was asked to step aside. The answer comes as soon as it has; that may take a few minutes."
            ),
            Sign.INTERRUPTED: _("The note broke off. I am writing it again."),
            Sign.NO_ANSWER: _("I could not write this note. Your post is saved; please try again."),
            Sign.EMPTY: _("I found no text to work with. Please describe the situation in words."),
            Sign.FILES_ONLY: _("I could not read the attached file. Please send it again, or post the description as text."),
            Sign.NOT_TAKEN: _(
                "I did not take up the message above, so there is nothing to add this to. Please post it all as a new message."
            ),
            Sign.NOTHING_TO_SUMMARIZE: _(
                "There is no new note to summarize. Please post a description first; the note appears in its thread."
            ),
            Sign.NOTHING_TO_SHORTEN: _("This note is as short as I can make it. You can still drop lines in their menus, or with Edit."),
            Sign.LOCKED: _("This final note is approved and can no longer be changed. To go on, please post a new description."),
            Sign.OUT_OF_DATE: _(
                "The note has changed in the meantime, so I did not do that. Please look at its newest version and try again."
            ),
            Sign.GONE: _("I can't find a note for this. Nothing was changed."),
            Sign.PRESS_AGAIN: _("Slack did not answer in time. Please press the button again."),
            Sign.NOT_PRIVATE: _(
                "To protect patients, I work in private channels only. Please make this channel private, or use another one."
            ),
            Sign.NOT_INVITED: _("I am not a member of this channel. To use it for a case, please invite me: `/invite @PhyAssist`."),
            Sign.SHARED: _(
                "This channel is shared with another organization, so I don't read it. Please use a private channel of your team."
            ),
            Sign.GUEST_MEMBER: _(
                "A guest is a member of this channel, so I don't read it. Please remove the guest or use another channel."
            ),
            Sign.GUEST_AUTHOR: _("Guests can't use PhyAssist. Please ask a member of the team."),
            Sign.WRONG_TEAM: _("PhyAssist is not set up for this workspace. Please ask your admin."),
            Sign.NOT_MEMBER: _("Only members of this channel can do that."),
            Sign.SECTIONS_MISSING: _("Not approved yet. Please fill in first: {named}. The button *Edit* opens all sections."),
            Sign.NOT_APPROVED: _("This note is not approved yet. Until then you can change the note itself."),
            Sign.NO_COSIGNER: _("Only a supervisor can co-sign a final note."),
            Sign.OWN_APPROVAL: _("You approved this note yourself. Another supervisor can co-sign it."),
            Sign.NO_SUCH_FORMAT: _("I don't know this format. You can choose from: {named}."),
            Sign.NOTHING_TO_EXPORT: _("There is no final note to export yet. `/phyassist summarize` drafts one."),
            Sign.EXPORTED: _("Final note of {on}, exported by {named}"),
            Sign.DRAFT_EXPORTED: _("DRAFT of the final note of {on}, not approved, exported by {named}"),
            Sign.NOT_EXPORTED: _("Slack did not take the files, so they were not exported. Please try again, or ask your admin."),
            Sign.CASE_GONE: _("I can't find this case any more. Nothing was changed."),
            Sign.NOT_SUPERVISOR: _("Only supervisors and admins can do that."),
            Sign.CASE_DELETED: _("The case is deleted. Its certificate follows as soon as the last copies are removed."),
            Sign.CASE_OUT_OF_DATE: _(
                "Somebody changed the consent for this case in the meantime, so I saved nothing. Please enter `/phyassist case` again and "
                "look at what is recorded now."
            ),
            Sign.DIGEST_CORRECTED: _("The digest is corrected. It counts from your next post on."),
            Sign.DIGEST_OUT_OF_DATE: _(
                "The case has changed since you opened the digest, so I saved nothing. Please enter `/phyassist digest` again."
            ),
            Sign.CONSENT_HOLDS: _(
                "Consent for training is recorded for this case, given on {on}. People whose names are taken out before training: "
                "{number}. `/phyassist case` changes or withdraws it at any time."
            ),
            Sign.CONSENT_OFF: _(
                "There is no consent for training: nothing of this case is used to train the model. People on the list of names: {number}."
            ),
            Sign.CONSENT_WITHDRAWN: _(
                "Consent for training is withdrawn. From the next night on this case is not used, and what was kept of it for training is "
                "removed. Admins are told which versions of the model have already learned from it. People on the list of names: {number}."
            ),
            Sign.QUESTIONS_LEFT: _("Saved. Open questions of this case now: {number}."),
            Sign.QUESTIONS_DONE: _("Saved. This case has no open questions now."),
        },
        readings={
            Reading.DESCRIPTION: _("I read your message as a description."),
            Reading.INFORMATION: _("I read your message as added information and wrote the note again."),
            Reading.EDITED: _("I read your message as an edited answer: your lines stay, and I only add what is missing."),
        },
        reread={
            Reading.INFORMATION: _("Read as added information"),
            Reading.EDITED: _("Read as edited answer"),
            Reading.DESCRIPTION: _("Read as a description"),
        },
        note_posted=_("PhyAssist wrote a note."),
        summary_posted=_("PhyAssist wrote the final note of this session."),
        summary_title=_("Final note (draft)"),
        approved_title=_("Final note"),
        version=_("Version {number} · {author}"),
        your_words=_("✎ a counselor's words"),
        general=_("◦ general advice"),
        rests_on=_("[1] the description behind a line"),
        writing=_("is writing a note …"),
        edit=_("Edit"),
        accept=_("Accept"),
        approve=_("Approve"),
        approve_sure=_("Approve this note?"),
        approve_question=_(
            "You confirm that you have read the whole note and that it is correct. Once approved, it can no longer be changed."
        ),
        cancel=_("Cancel"),
        try_again=_("Try again"),
        approved=_("Approved by {who} on {when} · version {number} · {hash}"),
        accepted=_("Accepted by {who} on {when}"),
        save=_("Submit"),
        modal_empty=_("Please leave at least one line in the note."),
        learning_until=_(" until about {when}"),
        answer_now=_("Answer now"),
        without_buttons=_("Slack did not take the usual form of this message, so it has no buttons. Replies in its thread work as always."),
        help=_(
            "*PhyAssist* drafts notes for counselors. You are the author.\n"
            "*Describe.* Post in this channel, without names: text, several messages in a row, or up to five files (.txt, "
            ".md, .docx, .pdf; 10 MB each). The note appears in the thread. If you edit or delete your message later, the "
            "note offers to be written again.\n"
            "*Correct.* Tap the menu beside a line, press *Edit*, or reply with your version or with more information; a "
            "message can also be handed back with its shortcut *Use as edited answer*. *New answer* and *Shorter* have me "
            "write again; *Accept* takes the note over as it is.\n"
            "*Finish.* `/phyassist summarize` drafts the final note, which you correct and approve; add `soap`, `dap`, "
            "`birp`, `girp` or a team's format. `/phyassist export` makes it a Word, PDF, Markdown or FHIR file.\n"
            "*Look up.*\n"
            "• `/phyassist status`: what waits in this case\n"
            "• `/phyassist questions`: open questions, to tick off\n"
            "• `/phyassist history`: each note with all its versions\n"
            "• `/phyassist digest`: what the model is told of earlier sessions, to correct\n"
            "*The case.* `/phyassist case`: code, language, format, consent, names; also `case close`, `case reopen`, and "
            "for supervisors `case delete`.\n"
            "Messages that begin with a colleague's @name stay between you; I don't take them up."
        ),
        unknown=_("I don't know `{word}`. Here is what I can do:"),
        summarizing=_("I am working on the final note of this session. It will appear in this channel."),
        no_case=_("This channel has no case yet. Post a description to open one. {model}"),
    )


texts = catalog("texts", _words)
"""The words of a language."""
