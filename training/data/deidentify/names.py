"""People: the names of a case's roster in all their forms, and names beside a title ("Dr Patel", "王老师")."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from training.data.deidentify.folding import CJK, HAN, LETTER, fold
from training.data.deidentify.identifiers import Identifier, Span
from training.data.deidentify.words import (
    COMPOUND,
    FORMS_OF_ADDRESS,
    FUNCTION_WORDS,
    GUARDS,
    ORDINARY_WORDS,
    ORDINARY_ZH,
    PARTICLES,
    PLAIN,
    SURNAMES,
    TITLES,
)

_TITLE = f"(?:{'|'.join(TITLES)})"
_ADDRESSED = f"(?:{'|'.join(FORMS_OF_ADDRESS)})"
_NO_NAMES = (
    r"(?:The|She|He|They|We|It|You|This|That|There|Her|His|My|Our|Who|What|When|If|On|In|At|And|But|Then|So|No|Yes|Not|After|Before|Since|"
    r"Today|(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day|January|February|March|April|June|July|August|September|October|November|December)\b"
)
_TITLED = re.compile(rf"\b{_TITLE}\.?[ ](?P<x>(?!{_NO_NAMES})[A-Z][\w'-]{{1,30}}(?<!'s)(?:[ ](?!{_NO_NAMES})[A-Z][\w'-]{{1,30}}(?<!'s))?)")
"""A title and a name that need not be on the roster; the title stays, it tells a note who speaks."""
_GUARDED = "|".join(f"(?<![{guard}]){surname}" for surname, guard in sorted(GUARDS.items()))
_TITLED_ZH = re.compile(rf"(?P<x>{_GUARDED}|[{PLAIN}]|{'|'.join(COMPOUND)})(?=老?{_ADDRESSED})")
_AFTER_TITLE = re.compile(rf"\b{_TITLE}\.?\s{{1,2}}$", re.IGNORECASE)
_MONTH_BEFORE = re.compile(
    r"(?:\b(?:in|since|until|till|by|from|to|last|next|this|of|early|mid|late|during)|\d(?:st|nd|rd|th)?)[\s-]+$", re.IGNORECASE
)
_DAY_AFTER = re.compile(r"\.?,?[\s-]+\d")


@dataclass(frozen=True)
class Roster:
    """Names that a counselor entered for a case, one entry a person; their order gives the numbers, so add new ones at the end.

    An entry may hold several names of one person: "Anna Smith (Annie)". An entry whose names all belong to one other entry is that
    person: "Anna" beside "Anna Smith". The names are kept out of `repr`, because case text must not reach a log.
    """

    names: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class Person:
    """An entry of a roster: the number of its person, and the pattern that finds the entry's names."""

    number: int
    pattern: re.Pattern[str]


def people(roster: Roster) -> tuple[Person, ...]:
    """Each entry of a roster that holds a name; entries of one person share their number."""
    entries = [tokens for name in roster.names if (tokens := _tokens(name))]
    known = [frozenset(part for token in tokens for part in (token.casefold(), *_parts_zh(token))) for tokens in entries]
    numbers: dict[int, int] = {}
    for index, tokens in enumerate(entries):
        own = {token.casefold() for token in tokens}
        wider = [other for other in range(len(entries)) if other != index and own <= known[other]]
        same = wider[0] if len(wider) == 1 else index
        numbers[index] = numbers.get(same) or max(numbers.values(), default=0) + 1
        numbers.setdefault(same, numbers[index])
    return tuple(Person(numbers[index], _name_pattern(tokens)) for index, tokens in enumerate(entries))


def find_names(text: str, known: Sequence[Person]) -> Iterator[Span]:
    """Names in a folded text: of known people by their number, and any beside a title, where the surname stands for the person."""
    for person in known:
        for match in person.pattern.finditer(text):
            if _is_name(match):
                yield Span(match.start(), match.end(), Identifier.NAME, person.number)
    for match in (*_TITLED.finditer(text), *_TITLED_ZH.finditer(text)):
        yield Span(match.start("x"), match.end("x"), Identifier.NAME, match["x"].casefold().split()[-1])


def _tokens(name: str) -> tuple[str, ...]:
    """The single names in a roster entry, folded, without titles and particles; hyphenated ones whole and in parts."""
    folded = fold(name).text
    whole = re.findall(rf"[{CJK}]+|{LETTER}+(?:['-]{LETTER}+)*", folded)
    parts = [part for token in whole if "-" in token for part in token.split("-")]
    usable = (token for token in (*whole, *parts) if re.match(rf"[{CJK}]", token) or len(token) > 1)
    return tuple(dict.fromkeys(token for token in usable if token.casefold() not in PARTICLES))


def _parts_zh(token: str) -> tuple[str, ...]:
    """The given name in a Chinese full name, where there is one."""
    surname = _surname(token)
    return (token[len(surname) :],) if surname and len(token) > len(surname) else ()


def _surname(token: str) -> str:
    if not re.fullmatch(rf"{HAN}+", token):
        return ""
    if token[:2] in COMPOUND:
        return token[:2]
    return token[0] if token[0] in SURNAMES or len(token) == 3 or len(token) == 1 else ""


def _name_pattern(tokens: Sequence[str]) -> re.Pattern[str]:
    """Finds one person: a run of the person's names as one match, so that a full name becomes one placeholder."""
    latin = sorted((token for token in tokens if re.match(LETTER, token)), key=len, reverse=True)
    chinese = [token for token in tokens if token not in latin]
    found = [variant for token in chinese for variant in _variants_zh(token)]
    if latin:
        one = "(?:" + "|".join(re.escape(token).replace("'", "'?") for token in latin) + ")"
        initials = "".join(sorted({token[0].upper() for token in latin}))
        initial = rf"(?-i:[{initials}])\.?\s?"
        middle = rf"(?:[\s_-]{{0,2}}|,\s?|\s{LETTER}\.?\s)"
        found.append(rf"(?<!{LETTER})(?:{initial})?{one}(?:{middle}{one}){{0,4}}(?:e?s)?(?!{LETTER})")
    return re.compile("|".join(found), re.IGNORECASE)


def _variants_zh(token: str) -> Iterator[str]:
    """How a Chinese name is written: whole, its given name, 小/老/阿 and one character, its surname before a form of address."""
    if len(token) > 1:
        yield r"\s?".join(token)
    surname, given = _surname(token), "".join(_parts_zh(token))
    if len(given) > 1 and given not in ORDINARY_ZH:
        yield r"\s?".join(given)
    if len(given) == 1 and given * 2 not in ORDINARY_ZH:
        yield given * 2
    if len(given) == 1:
        yield f"{given}(?=[哥姐弟妹])"
    for single in dict.fromkeys(part for part in (surname, given) if len(part) == 1):
        before = "".join(prefix for prefix in "小老阿" if prefix + single not in ORDINARY_ZH)
        if before:
            yield f"[{before}]{single}"
    if surname:
        guard = f"(?<![{GUARDS[surname]}])" if surname in GUARDS else ""
        yield f"{guard}{surname}(?=某|[总哥姐叔姨工]|老?{_ADDRESSED})"
    if len(token) == 1:
        yield rf"(?<!\w){token}(?!\w)"


def _is_name(match: re.Match[str]) -> bool:
    """False where a single name is plainly the everyday word or the month."""
    words = re.findall(rf"{LETTER}+", match[0])
    if len(words) != 1:
        return True
    word = words[0].casefold()
    forms = {word, word.removesuffix("s"), word.removesuffix("es")}
    if not forms & (FUNCTION_WORDS | ORDINARY_WORDS) or _AFTER_TITLE.search(match.string, max(0, match.start() - 12), match.start()):
        return True
    if word in FUNCTION_WORDS or words[0][0].islower():
        return False
    dated = _MONTH_BEFORE.search(match.string, max(0, match.start() - 12), match.start()) or _DAY_AFTER.match(match.string, match.end())
    return not (word in {"may", "april", "june", "august"} and dated)
