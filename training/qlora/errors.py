"""Errors of a training.

TrainingFailed             it can't be done, or can't go on; the reason is fit for a report
└── NotQuantised           a base that should take half a byte a weight takes more
Stopped                    it was asked to stop, and left a checkpoint to go on from
"""


class TrainingFailed(Exception):
    """A training ended without an adapter. The message is the reason; it never holds text of a row."""


class NotQuantised(TrainingFailed):
    """Experts or attention were left in a wide type, without a word from any library."""


class Stopped(Exception):
    """The training was asked to stop, and did at a step's end with a checkpoint."""
