"""Which refusals speak against what was learned. Others say that too little is known, or that the settings were wrong."""

from training.gate.verdict import Reason, Verdict

HARM = {Reason.WORSE, Reason.NEWLY_UNSAFE, Reason.FEWER_VALID, Reason.BELOW_FLOOR}


def did_harm(verdict: Verdict) -> bool:
    """Whether a challenger was refused because it is clearly worse, not for want of evidence."""
    return any(finding.reason in HARM for finding in verdict.refusals)
