"""The name of the therapist who wrote an answer, so that it can be taken out of the answer.

Counsel-chat's column for it runs on without a blank ("Ann ExampleLicensed Counselor", "Ann Example, MA, LPCHelping you"). The address of
the therapist's page has the same words apart ("ann-example-ma-lpc-2"), so the name ends where the two stop agreeing.
"""

import re

PRACTICE = re.compile(
    r"\b(?:(?:counsel|therap|psycho)\w*|services?|cent(?:er|re)|group|clinic|wellness|health|llc|inc)\b|\|", re.IGNORECASE
)
"""What begins the name of a practice, or says what somebody is."""
CREDENTIAL = re.compile(r"(?:[A-Z]\.?){2,}(?:[-/][A-Z]+)?|Ph\.?D\.?|Psy\.?D\.?|Ed\.?[DSM]\.?|M\.?(?:S\.)?Ed\.?|MSc|Dr\.?|Mrs?\.?|Ms\.?")
HEADINGS = frozenset({"dr", "mr", "mrs", "ms"})
_FIRST_TWO = re.compile(r"(?:Dr\.? )?[A-Z][\w'-]+ +(?:[A-Z]\.? +)?[A-Z](?:[a-z]{0,2}[A-Z])?[a-z'-]+")


def therapist_name(info: str, page: str = "") -> str:
    """The words of the name that `info` begins with, by the address of their `page`; empty for a practice, which is nobody's name."""
    said = _agreeing(info, page) or _first_words(info)
    practice = PRACTICE.search(said)
    person = said[: practice.start()] if practice else said
    said_of_them = [word for word in re.split(r"[\s,]+", person) if word]
    words = [word for word in said_of_them if not CREDENTIAL.fullmatch(word)] or said_of_them[:2]  # some write all in capitals
    if practice and (len(words) < 2 or any(char.isdigit() for char in person)):
        return ""
    return " ".join(words)


def _agreeing(info: str, page: str) -> str:
    """As much of `info` as the last part of an address spells, if that is two words at least. Letters with accents are in no address."""
    parts = page.rstrip("/").rpartition("/")[2].lower().split("-")
    lowered, end, agreed = info.lower(), 0, 0
    for place, part in enumerate(parts):
        match = re.compile(rf"[^a-z0-9]*{re.escape(part)}").match(lowered, end) if part else None
        if match is None:
            if place == 0 and part in HEADINGS:
                continue
            break
        end, agreed = match.end(), agreed + 1
    return info[:end] if agreed > 1 else ""


def _first_words(info: str) -> str:
    """Without an address: what stands before a comma if that is short, else the first two names."""
    before = info.partition(",")[0]
    if len(before.split()) <= 3 and not re.search(r"[a-z]{3}[A-Z]", before):
        return before
    match = _FIRST_TWO.match(info)
    return match[0] if match else ""
