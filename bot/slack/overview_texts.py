"""The words of `/phyassist status` and of App Home, in each language."""

from dataclasses import dataclass

from bot.catalog import Translate, catalog
from bot.workflow.night_ports import NightEnd
from bot.workflow.status import ModelState


@dataclass(frozen=True)
class OverviewTexts:
    """The words of one language."""

    status: str
    nothing_waits: str
    safety: str
    failed: str
    drafts: str
    draft: str
    draft_shown: str
    questions: str
    more_questions: str
    tick_off: str
    posts: str
    unaccepted: str
    models: dict[ModelState, str]
    until: str
    waiting: str
    calm: str
    short_safety: str
    short_failed: str
    short_drafts: str
    short_questions: str
    short_posts: str
    more_cases: str
    my_cases: str
    newer: str
    older: str
    page: str
    training: str
    nights: dict[NightEnd, str]
    night_under_way: str
    report: str
    adapters: str
    adapters_title: str
    close: str
    begin: str
    how: str
    privacy: str


def _words(_: Translate) -> OverviewTexts:
    return OverviewTexts(
        status=_("*Case {code}*"),
        nothing_waits=_("Nothing waits for you in this case."),
        safety=_(":warning: Safety cards that nobody has marked as seen: {number}"),
        failed=_("The newest description has no note: writing it failed. Press *Try again* under it, or post it anew."),
        drafts=_("Final notes that wait for approval: {number} ({which})"),
        draft=_("drafted {when}"),
        draft_shown=_("<{url}|drafted {when}>"),
        questions=_("Open questions: {number}"),
        more_questions=_("and {number} more"),
        tick_off=_("Tick off questions"),
        posts=_("Posts that are not answered yet: {number}"),
        unaccepted=_("Notes not accepted yet: {number}"),
        models={
            ModelState.READY: _("The model is available."),
            ModelState.AWAY: _("The model is not available right now; posts are saved and answered later."),
            ModelState.LEARNING: _("The model is learning{until}; posts are saved and answered afterwards."),
        },
        until=_(" until about {when}"),
        waiting=_("Waiting for you"),
        calm=_("Nothing waits for you."),
        short_safety=_(":warning: safety cards: {number}"),
        short_failed=_("a note could not be written"),
        short_drafts=_("to approve: {number}"),
        short_questions=_("open questions: {number}"),
        short_posts=_("being answered: {number}"),
        more_cases=_("Something waits in {number} more cases; they are in the list below."),
        my_cases=_("My cases: {number}"),
        newer=_("Back"),
        older=_("More cases"),
        page=_("page {page} of {pages}"),
        training=_("Last training, {when}: {how}"),
        nights={
            NightEnd.PROMOTED: _("a new version of the model is in use."),
            NightEnd.READY: _("a new version of the model passed its tests and waits for an admin."),
            NightEnd.REFUSED: _("the new version of the model was not better, so the present one stays."),
            NightEnd.NOTHING_NEW: _("there was nothing new to learn."),
            NightEnd.FAILED: _("it could not be finished; the present model stays."),
        },
        night_under_way=_("it is under way."),
        report=_("Report"),
        adapters=_("Adapters"),
        adapters_title=_("Adapters"),
        close=_("Close"),
        begin=_("How to begin"),
        how=_(
            "1. Make a private channel for one case, without a name in the channel's name.\n"
            "2. Invite me there: `/invite @PhyAssist`.\n"
            "3. Post a description of symptoms or situation, without names. The note appears in its thread; you correct it, and I build on "
            "that.\n"
            "4. `/phyassist summarize` drafts the final note, which you approve."
        ),
        privacy=_("This page shows codes and numbers only. What was written stays in the channel of its case."),
    )


overview_texts = catalog("overview", _words)
