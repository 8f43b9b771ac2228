"""The words of a case's history, in each language."""

from dataclasses import dataclass

from bot.catalog import Translate, catalog
from bot.domain.differences import Change
from bot.domain.note import Purpose


@dataclass(frozen=True)
class HistoryTexts:
    """The words of one language."""

    title: str
    place: dict[Purpose, str]
    part: str
    empty: str
    described: str
    informed: str
    edited: str
    version: str
    by_model: str
    changes: dict[Change, str]
    unchanged: str
    nothing_left: str
    unanswered: str
    legend: str
    draft: str
    approved: str
    accepted: str
    older: str
    newer: str
    part_before: str
    part_after: str
    go_to: str
    close: str


def _words(_: Translate) -> HistoryTexts:
    return HistoryTexts(
        title=_("History"),
        place={Purpose.ANSWER: _("Note {number} of {of}"), Purpose.SUMMARY: _("Final note · {number} of {of}")},
        part=_("part {part} of {parts}"),
        empty=_("This case has no notes yet."),
        described=_("*Description* · {who} · {when}"),
        informed=_("*More information* · {who} · {when}"),
        edited=_("*Message edited* · {who} · {when}"),
        version=_("*Version {number}* · {author} · {when}"),
        by_model=_("model {name}"),
        changes={
            Change.KEPT: _("kept: {number}"),
            Change.REWRITTEN: _("rewritten: {number}"),
            Change.CUT: _("dropped: {number}"),
            Change.ADDED: _("added: {number}"),
        },
        unchanged=_("the same as the version before"),
        nothing_left=_("No lines."),
        unanswered=_("No note was written yet."),
        legend=_("~Struck out~ was taken out · *bold* is new in this version · ✎ marks a counselor's words"),
        draft=_("Draft, waiting for approval"),
        approved=_("Approved by {who} on {when} · version {number} · {hash}"),
        accepted=_("Accepted by {who} on {when} · version {number}"),
        older=_("Older"),
        newer=_("Newer"),
        part_before=_("Part before"),
        part_after=_("Next part"),
        go_to=_("Go to a day"),
        close=_("Close"),
    )


history_texts = catalog("history", _words)
