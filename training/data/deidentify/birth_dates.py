"""Birth dates: dates beside a word that says so. Other dates stay, a note needs them."""

import re

from training.data.deidentify.folding import HAN, SEALED
from training.data.deidentify.identifiers import Identifier, rule

_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|"
    r"sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
_DATE = (
    rf"(?<!\d)(?:\d{{4}}[-/.]\d{{1,2}}[-/.]\d{{1,2}}|\d{{1,2}}[-/. ]\d{{1,2}}[-/. ]\d{{2,4}}|\d{{8}}"
    rf"|{_DAY}(?:\s+of)?[\s-]+{_MONTH}(?:,?[\s-]+(?:\d{{4}}|'\d\d))?"
    rf"|{_MONTH}\s+{_DAY}(?:,?\s+\d{{4}})?|{_MONTH},?\s+(?:of\s+)?\d{{4}})(?![\d/])"
)
_N = r"[\d〇零一二三四五六七八九十]"
_DATE_ZH = (
    rf"(?:(?:{_N}{{2,4}}\s?年\s?)?{_N}{{1,3}}\s?月\s?初?{_N}{{1,3}}\s?[日号]?|"
    rf"{_N}{{2,4}}\s?年\s?{_N}{{1,3}}\s?月|\d{{4}}[-/.]\d{{1,2}}(?:[-/.]\d{{1,2}})?|\d{{8}})(?!\d)"
)
_LABEL = r"(?:\bDOB\b|\bD\.O\.B\.?|\b(?:date\s+of\s+birth|birth\s?date|birthdate|birthday)\b|(?<![\w.])b\.)"
_LINK = r"(?:[\s:=,(-]|\b(?:is|was|on|in|the|falls|fell|this|next|last|year|of|coming|up)\b){0,8}"
_OTHER_CLAUSE = r"(?:she|he|they|we|i|and|but|until|since|from|when|while|session|seen)"
_BORN = rf"(?<![-\w])born\b(?:(?!\b{_OTHER_CLAUSE}\b)[^.;!?\n\d{SEALED}]){{0,30}}?"
_OWNER = r"(?:(?:her|his|their|my|the|(?:\w{1,15}'s))\s+)?(?:\d{1,2}(?:st|nd|rd|th)\s+)?"
_BIRTH_ZH = r"(?:出生(?:日期|年月日?|时间|于)?|生日|生于|诞生于?)[是为在于:,的\s(公农阴阳历]{0,8}"
_AFTER_BIRTH = rf"[\s,(]?[是为]?(?:{HAN}{{0,4}}的)?{HAN}?(?:生日|出生|诞生|生(?=[,。;)\s]|$))"

BIRTH_DATES = (
    rule(Identifier.BIRTH_DATE, rf"(?:{_LABEL}{_LINK}|{_BORN})(?P<x>{_DATE})", re.IGNORECASE),
    rule(Identifier.BIRTH_DATE, rf"{_LABEL}\s*(?:is|was|on|:|=)?\s*(?:on )?(?P<x>\d{{1,2}}[/.]\d{{1,2}})(?!\d|[/.]\d)", re.IGNORECASE),
    rule(Identifier.BIRTH_DATE, rf"(?P<x>{_DATE})\s*(?:[,(]|is|was|as|being)?\s*{_OWNER}(?:birthday|DOB|date of birth)\b", re.IGNORECASE),
    rule(Identifier.BIRTH_DATE, rf"{_BIRTH_ZH}(?P<x>{_DATE_ZH})"),
    rule(Identifier.BIRTH_DATE, rf"(?<!\d)(?P<x>{_DATE_ZH}){_AFTER_BIRTH}"),
)
