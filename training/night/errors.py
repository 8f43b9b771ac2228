"""Errors of a night.

NightFailed        it can't be done; the message is the reason, fit for a report, and never holds text of a case
Interrupted        it was told to stop, and left everything for a later process to go on with
"""


class NightFailed(Exception):
    """A night ended without an outcome. What is in service stays so."""


class Interrupted(Exception):
    """The night was told to stop, and left everything for a later process to go on with."""
