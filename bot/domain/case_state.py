"""Whether a case takes posts: closing and opening it, and what its channel does to it. Pure; each function returns the case as it is then.

A case is closed by people and suspended by what happens to its channel, each by itself: one that was closed stays so when its channel comes
back, and one that is opened again while something stands against its channel is suspended.
"""

from dataclasses import replace
from datetime import datetime

from bot.domain.case import Case, CaseState, Suspension


def close(case: Case, at: datetime) -> Case:
    """Ended; the first end stays."""
    return _settled(replace(case, closed_at=case.closed_at or at))


def reopen(case: Case) -> Case:
    """Going on."""
    return _settled(replace(case, closed_at=None))


def suspend(case: Case, why: Suspension, at: datetime) -> Case:
    """Suspended for this reason; with another reason than before, since the first one.

    That the channel was deleted stays: afterwards it can't be told from one that the bot was removed from.
    """
    if case.suspended_for is Suspension.DELETED and why is Suspension.REMOVED:
        return case
    return _settled(replace(case, suspended_for=why, suspended_at=case.suspended_at or at))


def resume(case: Case) -> Case:
    """Nothing stands against its channel."""
    return _settled(replace(case, suspended_for=None, suspended_at=None))


def _settled(case: Case) -> Case:
    if case.closed_at:
        return replace(case, state=CaseState.CLOSED)
    return replace(case, state=CaseState.SUSPENDED if case.suspended_for else CaseState.OPEN)
