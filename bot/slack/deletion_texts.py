"""Words about the end of a case, in each language."""

from dataclasses import dataclass

from bot.catalog import Translate, catalog


@dataclass(frozen=True)
class DeletionTexts:
    """The words of one language."""

    title: str
    submit: str
    destroys: str
    stays: str
    code: str
    code_hint: str
    code_wrong: str
    no_case: str
    unknown_code: str
    certificate: str
    head: str
    by_person: str
    by_time: str
    destroyed: str
    database: str
    messages: str
    messages_left: str
    messages_unseen: str
    datasets: str
    no_datasets: str
    adapters: str
    no_adapters: str
    in_service: str
    unclear: str
    left: str
    audited: str
    between: str
    announced: str
    announced_elsewhere: str


def _words(_: Translate) -> DeletionTexts:
    return DeletionTexts(
        title=_("Delete case"),
        submit=_("Delete for good"),
        destroys=_(
            "*Case {code}* and everything that PhyAssist keeps of it will be destroyed: descriptions, notes, final notes, names, "
            "consent and the key that they are encrypted with. My messages in its channel are deleted, and its lines leave the "
            "training data. *This can't be undone.*"
        ),
        stays=_(
            "What counselors wrote in the channel stays in Slack, where only they or an admin of the workspace can delete it. Export "
            "first what your rules oblige you to keep."
        ),
        code=_("Type {code} to confirm"),
        code_hint=_("Exactly as it stands above."),
        code_wrong=_("This is not the code of the case, {code}."),
        no_case=_("This channel has no case. To delete another one, name its code, such as `/phyassist case delete C-1A2B3C`."),
        unknown_code=_("There is no case with the code {code}."),
        certificate=_("Certificate of deletion"),
        head=_("*Case {code}* (`{id}`) was deleted on {when} {by}."),
        by_person=_("by {who}"),
        by_time=_("because its retention period was over"),
        destroyed=_(
            "*Destroyed:* the case's data key; {notes} notes and final notes with all their versions, {descriptions} versions of "
            "descriptions, names, consents and everything else in the database. What was encrypted with that key can't be read any "
            "more."
        ),
        database=_("*Backups* of the database that were made before are not touched. Please remove them by your own rules."),
        messages=_("*Slack:* {number} messages of mine in the channel were deleted."),
        messages_left=_("Slack did not let me delete {number} of my messages."),
        messages_unseen=_(
            "*Slack:* I could not look into the channel (archived, or I am no member), so messages of mine may still stand there."
        ),
        datasets=_("*Training data:* the case was taken out of {names}."),
        no_datasets=_("*Training data:* the case was in none."),
        adapters=_("*Adapters that learned from the case:* {names}. They are retired and can't go into service again."),
        no_adapters=_("*Adapters that learned from the case:* none."),
        in_service=_("`{name}` is still in service, until another takes its place: `/phyassist retrain`, `promote` or `rollback`."),
        unclear=_("*Nobody can tell* whether the case is in {names}: their files are damaged. Please have an admin look at them."),
        left=_(
            "*What stays in Slack:* what people wrote in the channel. To remove it, delete the channel (channel name → Settings → "
            "Delete), or ask an admin of the workspace."
        ),
        audited=_("Audit row {number} · `{hash}`"),
        between=_(", "),
        announced=_(
            "This case was closed on {closed} and will be deleted for good on {due}, with everything that PhyAssist keeps of it. To "
            "keep it, open it again with `/phyassist case reopen`; to have its final notes elsewhere, export them before that day."
        ),
        announced_elsewhere=_("Case {code}, whose channel I can't write to, was closed on {closed} and will be deleted for good on {due}."),
    )


deletion_texts = catalog("deletion", _words)
