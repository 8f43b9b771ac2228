"""Numbers that identify: documents and accounts by their check digits or their label, telephones by the numbering plans."""

import re
from collections.abc import Callable, Sequence
from functools import partial

import phonenumbers
from stdnum import iban, luhn
from stdnum.cn import ric
from stdnum.us import ssn

from inference.note import Language
from training.data.deidentify.folding import LATIN
from training.data.deidentify.identifiers import Identifier, Rule, rule

HELPLINES = frozenset((phonenumbers.PhoneNumberType.TOLL_FREE, phonenumbers.PhoneNumberType.SHARED_COST, phonenumbers.PhoneNumberType.UAN))
"""Kinds of numbers that belong to services: a crisis line in a note is advice, not an identifier."""
REGIONS = {Language.ENGLISH: ("US", "GB", "CN"), Language.CHINESE: ("CN", "US", "GB")}
"""Whose numbers are meant where no country is given, the likeliest first."""

_FREE, _ENDS = r"(?<![\d])(?<!\d[-./])(?<![A-Za-z])", r"(?!\d)(?![-/.]\d)"
_DOCUMENT = (
    r"(?:passport|MRN|medical record|driver'?s licen[sc]e|national insurance|social security|SSN|NHS|"
    r"insurance (?:no|number|id)|policy (?:no|number)|"
    r"(?:student|employee|patient|member|staff)(?: (?:no|number|id))|account (?:no|number)|"
    r"身份证|护照|病历|医保|社保|学号|工号|住院号|门诊号|驾驶证|驾照|银行卡|卡号|账号|警号)(?:[\s:.#是为]|号码?|卡|\b(?:no|number|num|id|is)\b){0,6}"
)
_CALL = (
    r"(?:\b(?:phone|tel|telephone|mobile|cell|call(?:ed)?|text(?:ed)?|ring|rang|fax|whatsapp)\b[^\d\n.;!?]{0,15}|"
    r"(?:电话|手机|座机|联系方式|致电|拨打|传真)[^\d\n。;]{0,8})"
)


def _phone(regions: Sequence[str], certain: bool, candidate: str) -> int:
    """The candidate's length where it can be somebody's phone number. `certain` says that its form or its context leaves no doubt."""
    for number in (_parsed(candidate, region) for region in regions):
        if number is not None and phonenumbers.is_valid_number(number):
            return 0 if _is_helpline(number) else len(candidate)
    return len(candidate) if certain else 0


def _international(candidate: str) -> int:
    """The length of the longest beginning that is a possible number with its country code; a text may go on with other figures."""
    for end in _group_ends(candidate):
        compact = re.sub(r"\D", "", candidate[:end]).removeprefix("00" if candidate.startswith("00") else "")
        if len(compact) < 9 or not re.search(r"\d{3}", candidate[:end]):
            continue
        number = _parsed(f"+{compact}", None)
        if number is not None and phonenumbers.is_possible_number(number):
            return 0 if _is_helpline(number) else end
    return 0


def _parsed(candidate: str, region: str | None) -> phonenumbers.PhoneNumber | None:
    try:
        return phonenumbers.parse(candidate, region)
    except phonenumbers.NumberParseException:
        return None


def _is_helpline(number: phonenumbers.PhoneNumber) -> bool:
    return phonenumbers.number_type(number) in HELPLINES


def _checked(valid: Callable[[str], bool], candidate: str) -> int:
    """The length of the longest beginning, in whole groups, that passes a check digit."""
    return next((end for end in _group_ends(candidate) if valid(re.sub(r"[ -]", "", candidate[:end]))), 0)


def _group_ends(candidate: str) -> list[int]:
    return [match.end() for match in re.finditer(r"[^\W_]+\)?", candidate)][::-1]


def _card(digits: str) -> bool:
    return 13 <= len(digits) <= 19 and bool(luhn.is_valid(digits))


def _document(candidate: str) -> int:
    """A document's number has figures, and is no date and no small count."""
    digits = sum(char.isdigit() for char in candidate)
    return len(candidate) if digits >= 4 and not re.fullmatch(r"(?:19|20)\d\d(?:[-/.]\d{1,2}){0,2}", candidate) else 0


def _american_id(candidate: str) -> int:
    return len(candidate) if ssn.is_valid(candidate.replace(" ", "-")) else 0


_id = partial(rule, Identifier.ID)
DOCUMENTS = (
    _id(rf"(?<!{LATIN})\d{{6}}[ -]?\d{{8}}[ -]?\d{{3}}[\dX](?!{LATIN})", re.IGNORECASE, partial(_checked, ric.is_valid)),
    _id(rf"{_FREE}\d{{3}}([- ])\d\d\1\d{{4}}{_ENDS}", 0, _american_id),
    _id(rf"(?<!{LATIN})[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d\d ?\d\d ?\d\d ?[A-D](?!{LATIN})", re.IGNORECASE),
    _id(rf"(?<!{LATIN})[A-Z]{{2}}\d\d(?:[ -]?[A-Z\d]{{1,4}}){{3,9}}", re.IGNORECASE, partial(_checked, iban.is_valid)),
    _id(rf"{_FREE}[2-6]\d{{3}}(?:[ -]?\d{{2,7}}){{2,4}}(?!\d)", 0, partial(_checked, _card)),
    _id(rf"(?<!{LATIN}){_DOCUMENT}(?P<x>(?=[A-Z]{{0,4}}\d)[A-Z\d](?:[ -]?[A-Z\d]){{4,20}})(?!{LATIN})", re.IGNORECASE, _document),
)


def _phones(regions: Sequence[str]) -> tuple[Rule, ...]:
    american, american_or_not = partial(_phone, ("US", "CN"), True), partial(_phone, ("US", "CN"), False)
    mobile, surely = partial(_phone, ("CN",), True), partial(_phone, regions, True)
    landline = r"\(?0\d{2,4}\)?[ -]?\d{3,4}[ -]?\d{3,4}(?:(?:转| ?ext\.? ?)\d{1,5})?"
    phone = partial(rule, Identifier.PHONE)
    return (
        phone(rf"(?<!{LATIN})(?<!\+)(?:\+|00) ?\(?[1-9]\d{{0,14}}\)?(?:[ ().-]{{1,3}}\d{{1,14}}){{0,6}}", 0, _international),
        phone(rf"{_FREE}(?:1[-. ])?(?:\([2-9]\d\d\) ?|[2-9]\d\d[-.])\d{{3}}[-. ]\d{{4}}{_ENDS}", 0, american),
        phone(rf"{_FREE}(?:1[-. ]?)?[2-9]\d\d ?\d{{3}} ?\d{{4}}{_ENDS}", 0, american_or_not),
        phone(rf"{_FREE}1[3-9]\d[ -]?\d{{4}}[ -]?\d{{4}}{_ENDS}", 0, mobile),
        phone(rf"{_FREE}{landline}{_ENDS}", re.IGNORECASE, surely),
        phone(rf"{_CALL}(?P<x>(?<!\d)\(?\d{{3,5}}\)?[ -]?\d{{3,4}}(?:[ -]?\d{{3,4}})?){_ENDS}", re.IGNORECASE, surely),
    )


PHONES = {language: _phones(regions) for language, regions in REGIONS.items()}
