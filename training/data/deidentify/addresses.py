"""Addresses: British and American streets and postcodes, Chinese roads, estates and districts. A city alone stays."""

import re

from training.data.deidentify.folding import LATIN
from training.data.deidentify.identifiers import Identifier, rule

_AREAS = (
    "AB|AL|BA|BB|BD|BH|BL|BN|BR|BS|BT|CA|CB|CF|CH|CM|CO|CR|CT|CV|CW|DA|DD|DE|DG|DH|DL|DN|DT|DY|EC|EH|EN|EX|FK|FY|GL|GU|HA|HD|HG|HP|HR|HS|HU|HX|IG|IP|"
    "IV|KA|KT|KW|KY|LA|LD|LE|LL|LN|LS|LU|ME|MK|ML|NE|NG|NN|NP|NR|NW|OL|OX|PA|PE|PH|PL|PO|PR|RG|RH|RM|SA|SE|SG|SK|SL|SM|SN|SO|SP|SR|SS|ST|SW|SY|TA|TD|"
    "TF|TN|TQ|TR|TS|TW|UB|WA|WC|WD|WF|WN|WR|WS|WV|YO|ZE|[BEGLMNSW]"
)
_POSTCODE = rf"(?:{_AREAS})\d[A-Z\d]? ?\d[ABD-HJLNP-UW-Z]{{2}}"
_STATES = (
    "AL|AK|AZ|AR|CA|CO|CT|DE|FL|GA|HI|ID|IL|IN|IA|KS|KY|LA|ME|MD|MA|MI|MN|MS|MO|MT|"
    "NE|NV|NH|NJ|NM|NY|NC|ND|OH|OK|OR|PA|RI|SC|SD|TN|TX|UT|VT|VA|WA|WV|WI|WY|DC"
)
_ZIP = rf"(?:{_STATES}),? \d{{5}}(?:-\d{{4}})?"
_CODE = r"(?:[a-z]{1,2}\d[a-z\d]? ?\d[a-z]{2}|\d{5}(?:-\d{4})?)"
_SUFFIX = (
    r"(?:Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Dr|Close|Court|Ct|Crescent|Cres|Way|Place|Pl|Square|Sq|Terrace|Gardens|Boulevard|Blvd|"
    r"Grove|Hill|Row|Mews|Parkway|Highway|Hwy|Circle)\b"
)
_FLAT = r"(?:Flat|Apt|Apartment|Unit|Suite|Room)\.? ?#?\w{1,5}"
_TOWN = r"(?:,?\s+(?:[A-Z][a-z]+\s?){1,3})"
_STREET = (
    rf"\b(?:{_FLAT},?\s+)?(?<!\d[./:-])(?!(?:19|20)\d\d\b)\d{{1,5}}[A-Za-z]?(?:[-/]\d{{1,4}})?,?[ ]"
    rf"(?:[NSEW]\.? )?(?:[A-Z][\w'-]{{0,20}}\.? ){{1,4}}{_SUFFIX}"
    rf"(?:,? {_FLAT})?(?:{_TOWN}?,?\s+(?:{_POSTCODE}|{_ZIP})\b)?"
)
_LOWER_STOP = (
    r"(?:a|an|the|of|to|on|in|at|by|per|and|or|from|more|other|different|long|short|busy|dark|quiet|narrow|bad|big|wide|main|same|single|new|old|one|two|"
    r"lanes?|way|min(?:ute)?s?|hours?|hrs?|h|m|km|kms|mi|miles?|metres?|meters?|yards?|feet|ft|mg|ml|days?|weeks?|months?|years?|times?|am|pm|car|side)\b"
)
_STREET_LOWER = rf"(?<![\w./:-])\d{{1,4}}[a-z]? (?:(?!{_LOWER_STOP})[a-z]{{3,15}} ){{1,2}}(?:street|road|avenue|lane)\b"

_H = r"(?:[\u3400-\u9fff〇](?<![在住到于从往去是址的我他她你们了着搬寄过由自经沿离第每]))"
_PROVINCE = rf"{_H}{{2,7}}(?:省|自治区)"
_NO_CITY, _NO_DISTRICT = r"(?<![超城都股夜菜门])", r"(?<![社小校地市景郊园战禁误雷疫])"
_REGION = (
    rf"(?:{_PROVINCE})?(?:{_H}{{2,6}}{_NO_CITY}(?:市|自治州))?"
    rf"(?:{_H}{{1,5}}{_NO_DISTRICT}[区县旗])?(?:{_H}{{1,5}}(?:街道|镇|乡))?(?:{_H}{{1,4}}村)?"
)
_PART = r"(?:(?:\d{1,5}|[A-Za-z]|[一二三四五六七八九十]{1,3})\s?(?:号楼|号院|号|弄|栋|幢|座|单元|层|楼|室|房|户|组))"
_ESTATE = r"(?:小区|花园|苑|大厦|公寓|新村|家园|宿舍|广场)"
_HOUSE = r"\s?(?:\d{1,5}|[一二三四五六七八九十百]{1,5})(?:[-之]\d{1,4})?\s?(?:号院|号楼|号(?!线)|弄)"
_ROAD = rf"{_H}{{1,5}}(?:(?<![走一半上马铁思网公出迷赶这条退后])路|(?<![逛上])街|大道|巷|胡同)[东西南北中]?(?:{_H}段)?"
_ADDRESS_ZH = (
    rf"{_REGION}{_ROAD}{_HOUSE}(?:\s?(?:(?![和与及或]){_H}){{0,8}}?{_ESTATE})?(?:\s?-?{_PART}){{0,5}}"
    rf"|{_REGION}{_H}{{2,8}}{_ESTATE}\s?(?:{_PART}[\s-]?){{1,5}}"
    rf"|(?:{_PROVINCE}|{_H}{{2,4}}{_NO_CITY}市)(?:{_H}{{2,4}}市)?{_H}{{1,4}}{_NO_DISTRICT}[区县](?!域|别|分|长)"
    rf"(?:{_H}{{1,4}}(?:街道|镇|乡))?(?:{_H}{{1,4}}村)?(?:\s?{_PART}){{0,3}}"
)

ADDRESSES = (
    rule(Identifier.ADDRESS, _STREET),
    rule(Identifier.ADDRESS, _STREET_LOWER),
    rule(Identifier.ADDRESS, rf"(?<!{LATIN})(?:{_POSTCODE}|{_ZIP})(?!{LATIN})|\bP\.?O\.? Box \d{{1,6}}"),
    rule(Identifier.ADDRESS, rf"\b(?:postcode|post code|zip(?: code)?)[\s:]{{1,2}}(?:is )?(?P<x>{_CODE})\b", re.IGNORECASE),
    rule(Identifier.ADDRESS, r"邮(?:政)?编码?[:是\s]{0,3}(?P<x>\d{6})(?!\d)"),
    rule(Identifier.ADDRESS, rf"(?!和(?![平谐])|[与及或])(?:{_ADDRESS_ZH})"),
)
