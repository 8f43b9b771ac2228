"""Every sentence about nights and adapters, in each language; `texts.py` holds the rest."""

from dataclasses import dataclass

from bot.catalog import Translate, catalog
from bot.workflow.night_ports import NightEnd
from bot.workflow.nights import Start
from training.night.told import Stage


@dataclass(frozen=True)
class NightTexts:
    """The words of one language."""

    admins_only: str
    help: str
    starts: dict[Start, str]
    begun: str
    begun_by: str
    begun_by_clock: str
    cases: str
    stages: dict[Stage, str]
    steps: str
    loss: str
    minutes: str
    memory: str
    title: str
    ends: dict[NightEnd, str]
    rows: str
    sealed: str
    failed: str
    rest: str
    promote: str
    roll_back: str
    compare: str
    leave: str
    left: str
    promote_sure: str
    promote_question: str
    roll_back_sure: str
    roll_back_question: str
    working: str
    promoted: str
    base: str
    no_adapter: str
    listed: str
    champion: str
    previous: str
    retired: str
    base_champion: str
    name_missing: str
    cannot: str
    by_whom: str
    lessons: str
    lesson: str
    lesson_deleted: str
    lesson_withdrawn: str
    lesson_retired: str
    lesson_champion: str


def _words(_: Translate) -> NightTexts:
    return NightTexts(
        admins_only=_("Only admins can do that."),
        help=_(
            "*For admins*, from any channel:\n"
            "• `/phyassist retrain`: train a new adapter now, not only at night.\n"
            "• `/phyassist adapters`: all adapters, and which one is in service.\n"
            "• `/phyassist promote NAME`: put an adapter into service; `base` is the model without one.\n"
            "• `/phyassist rollback`: put the adapter before the present one back."
        ),
        starts={
            Start.BEGUN: _("{name} has begun. The admins' channel shows how far it is."),
            Start.RUNNING: _("A training is under way already; nothing was begun."),
            Start.KNOWN: _("{name} was begun already. Please try again in a minute."),
            Start.OFF: _("No training is set up. `phyassist doctor` says what PHYASSIST_NIGHT__BASE needs."),
        },
        begun=_("{name} · {who} · {cases}"),
        begun_by=_("asked for by {who}"),
        begun_by_clock=_("by schedule"),
        cases=_("cases with consent: {number}"),
        stages={
            Stage.COLLECT: _("Collecting what counselors approved, accepted and edited."),
            Stage.TRAIN: _("Training."),
            Stage.ASIDE: _("The training has stepped aside for an urgent post."),
            Stage.CHAMPION: _("Measuring the adapter in service."),
            Stage.CHALLENGER: _("Measuring the new adapter."),
            Stage.SERVE: _("Putting the new adapter into service."),
        },
        steps=_("{done} of {of}"),
        loss=_("loss {loss:.3f}"),
        minutes=_("about {minutes} min left"),
        memory=_("{gigabytes:.1f} GB"),
        title=_("Night training"),
        ends={
            NightEnd.PROMOTED: _("The new adapter {name} is in service."),
            NightEnd.READY: _("The new adapter {name} passed and waits for an admin."),
            NightEnd.REFUSED: _("The new adapter was refused; {champion} stays in service."),
            NightEnd.NOTHING_NEW: _("There was nothing new to learn; {champion} stays in service."),
            NightEnd.FAILED: _("This night failed; {champion} stays in service."),
        },
        rows=_("Trained on {train} examples and {pairs} edits of {cases} cases; measured on {heldout} examples held out."),
        sealed=_("Cases that could not be decrypted and were left out: {number}. The bot's log says which ones."),
        failed=_(
            "Reason: {reason}\nIt is not begun again by itself. Mend the reason (`phyassist doctor`, logs/night.log), then "
            "`/phyassist retrain`; the next scheduled night takes everything up again, too."
        ),
        rest=_("{number} more rows are in the adapter's report."),
        promote=_("Promote"),
        roll_back=_("Roll back"),
        compare=_("Compare notes"),
        leave=_("Leave"),
        left=_("{name} was left; {champion} stays in service."),
        promote_sure=_("Promote {name}?"),
        promote_question=_("New answers then come from this adapter. You can roll back at any time."),
        roll_back_sure=_("Take {name} out?"),
        roll_back_question=_("New answers then come from what was in service before."),
        working=_("On it; this takes a few seconds."),
        promoted=_("In service: {champion}. A rollback brings back {previous}."),
        base=_("the model without an adapter"),
        no_adapter=_("No adapter is registered yet."),
        listed=_("`{name}` · added {when}"),
        champion=_("*in service*"),
        previous=_("before it"),
        retired=_("retired {when}: {reason}"),
        base_champion=_("In service: the model without an adapter."),
        name_missing=_("Please say which one, such as `/phyassist promote night-2026-11-21`. `/phyassist adapters` lists them."),
        cannot=_("That can't be done: {reason}."),
        by_whom=_("{what} By {who}, {when}."),
        lessons=_("Adapters that learned from cases which may no longer be used:"),
        lesson=_("• `{adapter}`: {what}."),
        lesson_deleted=_("deleted cases: {number}"),
        lesson_withdrawn=_("consent withdrawn: {codes}"),
        lesson_retired=_("it is retired and can't go into service again"),
        lesson_champion=_("it is in service until another takes its place: `/phyassist retrain`, `promote` or `rollback`"),
    )


night_texts = catalog("night", _words)
"""The words of a language."""
