"""Where somebody is found online: e-mail addresses, links, and names in social networks."""

import re

from training.data.deidentify.folding import CJK, HAN, LATIN, LETTER, SEALED
from training.data.deidentify.identifiers import Identifier, rule

_DOMAIN = rf"(?:{LATIN}(?:-{{0,3}}{LATIN}){{0,62}}\.){{1,6}}(?:{LETTER}{{2,24}}|中国|公司|网络|在线)"
_HAN_DOMAIN = rf"(?:{HAN}{{1,10}}\.(?:中国|公司|网络|在线|中文网|com|cn))"
_LOCAL = rf"(?:(?<!{LATIN}){LATIN}(?:[.+%&'-]{{0,2}}{LATIN}){{0,63}}|(?:{HAN}(?<![是为到给在箱址])){{1,4}})"
_SPELLED = rf"(?<!{LATIN}){LATIN}(?:[.+-]?{LATIN}){{0,40}}"
_SPELLED_AT = rf"{_SPELLED} ?[\[(]at[\])] ?{LATIN}{{1,40}} ?(?:\.|[\[(]dot[\])]) ?[a-z]{{2,6}}\b"

_URL_CHAR = rf"[^\s{CJK}<>|\"'\[\]。、》」{SEALED}]"
_URL_END = rf"(?:{LATIN}|[/=&#%~-])"
_TLD = r"(?:com|org|net|edu|gov|cn|co\.uk|org\.uk|ac\.uk|nhs\.uk|io)"
_SITE = rf"(?<![a-z\d@.-])(?:[a-z\d][a-z\d-]{{0,62}}\.){{1,5}}{_TLD}(?![\w.-]{{0,64}}@)(?![a-z\d-])"
_PATH = rf"{_URL_CHAR}{{0,2000}}{_URL_END}"

_NETWORK = (
    r"(?:Instagram|Insta|IG|Snapchat|Snap|TikTok|Telegram|Discord|Twitter|Facebook|WhatsApp|WeChat|Weibo|"
    r"Skype|QQ|微信|抖音|微博|小红书|快手)"
)
_NAMED = r"\s?(?:handle|id|username|user name|account|号码?|账号|ID)\s?(?:is|was|叫|是|为)?[:\s]{0,2}"
_ACCOUNT = r"(?P<x>(?=[a-z.-]{0,20}[\d_])[a-z\d_][\w.-]{3,28}[a-z\d_])(?!\d?[步分元个人天次])"
_UNSAID = r"(?!(?:home|work|school|night|noon|all|least|once|times)\b)"

EMAILS = (
    rule(Identifier.EMAIL, rf"{_LOCAL}@(?:{_DOMAIN}|{_HAN_DOMAIN})", re.IGNORECASE),
    rule(Identifier.EMAIL, _SPELLED_AT, re.IGNORECASE),
    rule(Identifier.EMAIL, rf"{_SPELLED} at {LATIN}{{1,40}} dot (?:com|org|net|edu|co|cn)\b", re.IGNORECASE),
)
LINKS = (
    rule(Identifier.URL, rf"(?:(?:https?|ftp)://|(?<!{LATIN})www\.){_PATH}", re.IGNORECASE),
    rule(Identifier.URL, rf"{_SITE}(?:[/?]{_PATH})?", re.IGNORECASE),
)
HANDLES = (
    rule(Identifier.HANDLE, r"<@[UW][A-Z0-9]{5,}(?:\|[^>\n]{1,80})?>"),
    rule(Identifier.HANDLE, rf"(?<!{LATIN})(?<![@.])@{_UNSAID}[a-z_](?:\.?[a-z\d_]){{1,30}}", re.IGNORECASE),
    rule(Identifier.HANDLE, rf"(?<!{LATIN})(?<![@.])@{HAN}[\w]{{1,12}}"),
    rule(Identifier.HANDLE, rf"{_NETWORK}{_NAMED}(?P<x>(?!(?:is|was)\b)[a-z\d_][\w.-]{{2,28}}[a-z\d_])", re.IGNORECASE | re.ASCII),
    rule(Identifier.HANDLE, rf"{_NETWORK}(?: as |\s?[:是]\s?| ?(?=\d{{6}})){_ACCOUNT}", re.IGNORECASE | re.ASCII),
)
