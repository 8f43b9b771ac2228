"""Safety cards: whom they name."""

import re
from collections.abc import Iterator

from bot.settings import ContactSettings, SafetySettings
from deploy.checks.finding import Finding, note, ok

SUBJECT = "Crisis contacts"
_REACHABLE = re.compile(r"\d.*\d.*\d|https?://|\S@\S", re.DOTALL)
"""A number, a link or an address."""


def check_safety(settings: SafetySettings) -> Iterator[Finding]:
    """Contacts are entered, in both languages, and each says how to reach it. Whether a number is right, only a person can tell."""
    listed = {"PHYASSIST_SAFETY__CONTACTS_EN": settings.contacts_en, "PHYASSIST_SAFETY__CONTACTS_ZH": settings.contacts_zh}
    if not any(listed.values()):
        mend = "Enter your local ones: PHYASSIST_SAFETY__CONTACTS_EN and __CONTACTS_ZH; .env.example shows how."
        yield note(SUBJECT, "none are set: safety cards say so instead of naming anybody", mend)
        return
    for variable, contacts in listed.items():
        if contacts:
            yield ok(SUBJECT, f"{variable}: {', '.join(contact.name for contact in contacts)}")
        else:
            yield note(SUBJECT, f"{variable} is empty: those of the other language are shown", "Enter them if there are any.")
        yield from (_unreachable(variable, contact) for contact in contacts if not _REACHABLE.search(contact.reach))


def _unreachable(variable: str, contact: ContactSettings) -> Finding:
    return note(SUBJECT, f"{variable}: {contact.name} has no number, link or address", "Check what `reach` says.")
