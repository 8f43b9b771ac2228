"""The words of the card of a case, and of what is said when its channel or its state changes."""

from dataclasses import dataclass

from bot.catalog import Translate, catalog
from bot.workflow.ports import Sign


@dataclass(frozen=True)
class CardTexts:
    """The words of one language."""

    signs: dict[Sign, str]
    title: str
    does_title: str
    does: str
    stores_title: str
    stores: str
    sees_title: str
    sees: str
    set_up: str
    later: str
    reopen: str
    reopen_sure: str
    reopen_question: str
    cancel: str


def _words(_: Translate) -> CardTexts:
    return CardTexts(
        signs={
            Sign.WELCOME: _(
                "Hello, I am PhyAssist. I draft notes for counselors; you correct and approve them. This channel is now case {code}. "
                "I never write to patients."
            ),
            Sign.ARCHIVED: _("This channel is archived. Nothing was changed."),
            Sign.CASE_CLOSED: _(
                "Case {code} is closed, so I take up nothing here. To go on, open it again, with this button or with "
                "`/phyassist case reopen`."
            ),
            Sign.CASE_OPEN: _("Case {code} is not closed. Nothing was changed."),
            Sign.CASE_NOW_CLOSED: _(
                "{who} closed case {code}. From now on I take up nothing here; `/phyassist case reopen` opens the case again."
            ),
            Sign.CASE_NOW_OPEN: _("{who} opened case {code} again. You can go on where you stopped."),
            Sign.SUSPENDED_SHARED: _(
                "This channel is shared with another organization, or is about to be. To protect the patient, I have stopped: what is "
                "posted here is not taken up or stored. As soon as the channel belongs to your team alone again, I go on by myself."
            ),
            Sign.SUSPENDED_GUEST: _(
                "A guest is a member of this channel now, and can read what was written here. To protect the patient, I have stopped: "
                "what is posted here is not taken up or stored. As soon as the guest has left, I go on by myself."
            ),
            Sign.SUSPENDED_PUBLIC: _(
                "The channel of case {code} is public now: everybody in the workspace can read the notes in it. I have stopped there. "
                "Please have a workspace owner make it private again; then I go on by myself."
            ),
            Sign.RESUMED: _(
                "Case {code} goes on. What was posted here in the meantime I did not take up; please post again what belongs to the case."
            ),
            Sign.NAME_IN_CHANNEL_NAME: _(
                "The new name of this channel holds a name from this case's list. Channel names are shown in notifications, searches and "
                "exports. Please choose a neutral one, such as the code {code}."
            ),
            Sign.CODE_TAKEN: _(
                "Another case has got this code in the meantime, so I saved nothing. Please enter `/phyassist case` again and choose "
                "another one."
            ),
        },
        title=_("PhyAssist drafts notes for this case"),
        does_title=_("What I do"),
        does=_(
            "• Post a description of symptoms or of the situation, without names. I reply in its thread with a note.\n"
            "• Edit the note (button *Edit*, or reply with your version): I add what is missing, and your own words stay as they are.\n"
            "• `/phyassist summarize` drafts the final note, which you correct and approve."
        ),
        stores_title=_("What I store"),
        stores=_(
            "Descriptions, notes and edits, with who wrote them and when: on your team's own server, encrypted with a key for this case "
            "alone. The model learns from them only if you record consent. Messages that begin with a colleague's @name are between you; I "
            "don't store them."
        ),
        sees_title=_("Who sees it"),
        sees=_(
            "Every member of this channel, also those who join later. If the channel becomes public or shared, or a guest joins, I stop at "
            "once and say why. If consent is recorded, admins may be shown examples with the names taken out."
        ),
        set_up=_("Set up this case"),
        later=_("Code, language, format of final notes and consent. The same form opens with `/phyassist case` at any time."),
        reopen=_("Open again"),
        reopen_sure=_("Open this case again?"),
        reopen_question=_("Case {code} then takes up posts again."),
        cancel=_("Cancel"),
    )


card_texts = catalog("case_card", _words)
"""The words of a language."""
