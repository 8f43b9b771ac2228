"""Words that speak of danger: when a report holds one, the prompt asks for safety first, whatever the model would notice by itself.

A list of words is no assessment. It finds what is said plainly, also where it is denied ("no thoughts of suicide"), which costs the
counselor a glance; what is only hinted at is left to the model, and to the counselor.
"""

import re
from enum import StrEnum

from inference.note import Language


class Risk(StrEnum):
    """Dangers whose mention puts a safety item first, the most pressing first."""

    SUICIDE = "suicide"
    SELF_HARM = "self_harm"
    ABUSE = "abuse"
    VIOLENCE = "violence"


_SELF = r"(?:him|her|my|your|one|them)sel(?:f|ves)"
_LIMB = r"(?:forearm|arm|wrist|thigh|leg|skin|stomach)s?"
_WEAPON = r"(?:knife|gun|machete|tire iron|baseball bat|weapon)"
_OWN = r"(?:his|her|my|your|their|the)(?: own)?"
_HURTS = (
    r"(?:hit|hits|hitting|beat|beats|beating|slap(?:s|ped|ping)?|kick(?:s|ed|ing)?|punch(?:es|ed|ing)?|shove[sd]?|shoving"
    r"|push(?:es|ed|ing)?|chok(?:e|es|ed|ing)|strangl(?:e|es|ed|ing)|stab(?:s|bed|bing)?|grab(?:s|bed|bing)?|attack(?:s|ed|ing)?|assault(?:s|ed|ing)?|hurts?"
    r"|threaten(?:s|ed|ing)?|grop(?:e|es|ed|ing)|lock(?:s|ed) (?:him|her|them|me) in)"
)
_HURT = (
    r"(?:hit by (?:his|her|their|my|a) (?:husband|wife|partner|father|mother|dad|mum|mom|brother|ex|boyfriend|girlfriend)"
    r"|beaten(?! (?:by the|\w+ to))|slapped|kicked|punched|shoved|choked|strangled|stabbed|grabbed|attacked|assaulted|mugged|threatened"
    r"|groped|followed home)"
)
_CLOSE = (
    r"(?:husband|wife|partner|boyfriend|girlfriend|spouse|fianc[eé]e?|ex|father|dad|mother|mum|mom|parents?"
    r"|step(?:father|mother|dad|mum|mom)|brother|sister|uncle|aunt|cousin|grand(?:father|mother|pa|ma)|coach|teacher|carer|in-laws?|son|daughter)"
)
_SOMEBODY = (
    r"(?:him|her|them|me|someone|somebody|people|others|(?:his|her|their|my|the|a|an)(?: [a-z-]+){0,2} ?(?:wife|husband|partner|boyfriend"
    r"|girlfriend|son|daughter|child|kids?|children|baby|toddler|boy|girl|brother|sister|father|dad|mother|mum|mom|colleague|co-?worker"
    r"|boss|neighbou?r|stranger|man|woman|guy|driver|teacher|classmate|friend|roommate|flatmate|ex))"
)

_ENGLISH: dict[Risk, tuple[str, ...]] = {
    Risk.SUICIDE: (
        r"suicid\w*",
        rf"kill(?:s|ed|ing)? {_SELF}",
        rf"(?:tak(?:e|es|ing|en)|took) {_OWN} li(?:fe|ves)",
        rf"end(?:s|ed|ing)? (?:it all|{_OWN} li(?:fe|ves))",
        r"(?:thinks?|thinking|thought|thoughts|talks?|talking|talked) (?:about|of) (?:ending it|dying|not being here)",
        r"(?:want(?:s|ed)?|wish(?:es|ed)?|hop(?:es|ed)) to (?:die|be dead|disappear for good)",
        r"wish(?:es|ed)? (?:he|she|i|they) (?:was|were|had never been) (?:dead|born)",
        r"(?:better|easier) off (?:dead|without (?:him|her|me|them))|be (?:better|easier) without (?:him|her|me|them)\b(?! at)",
        r"overdos\w*",
        r"(?:\w+n't|not|no longer|never)(?: \w+)? (?:want|wish|care)(?:s|ed|ing)? to (?:live|be alive|be here|wake up|exist|go on living)",
        r"(?:not|never) wak(?:e|ing) up (?:again|any ?more|tomorrow|in the morning)",
        r"(?:no|any) (?:reason|point) (?:to (?:live|go on)|in (?:living|going on|being here|waking up))",
        rf"hang(?:s|ed|ing)? {_SELF}",
        r"jump(?:s|ed|ing)? (?:off|from|in front of)(?: \w+){0,2} (?:bridge|roof|balcony|train|building|window|cliff)",
        r"(?:farewell|goodbye) (?:letter|note)s?",
        r"(?:saving|saved|stockpil\w*|hoard\w*|collect\w*) (?:up )?(?:\w+ )?(?:pills|tablets)",
        r"(?:tired|sick) of (?:living|being alive)",
    ),
    Risk.SELF_HARM: (
        r"self[- ]?(?:harm|injur|mutilat|inflict|hurt)\w*",
        rf"(?:cut|burn|scratch|hurt|hit|punch|bit|pinch|stab|harm|injur)(?:e|s|es|ed|t|ting|ing|ten)? {_SELF}",
        rf"(?:cut|cuts|cutting|slash\w*|slit\w*|carv\w*|burn\w*)(?: (?:on|into|in|up))? {_OWN} (?:\w+ )?{_LIMB}",
        r"fresh (?:cuts|marks|scars|wounds|burns)",
        r"(?:scars?|marks|cuts|burns) on (?:his|her|my|their|the) (?:\w+ )?(?:forearm|arm|wrist|thigh|leg)s?",
        r"razor ?blades?",
        rf"bang(?:s|ed|ing)? {_OWN} head",
        r"cutting again",
    ),
    Risk.ABUSE: (
        r"(?<!drug )(?<!alcohol )(?<!substance )(?<!medication )abus(?:e|ed|es|er|ive|ing)\b",
        r"molest\w*",
        r"rape[ds]?\b|rapist",
        r"domestic violence",
        rf"{_CLOSE}(?: \w+)? {_HURTS} (?:him|her|me)\b(?! (?:hard|out|away))",
        rf"(?:was|been|being|got|gets|were|is) (?:\w+ )?{_HURT}\b",
        r"(?:used|with|took) (?:a|the|his|her) belt|daily beatings?|beatings? (?:at|from|by)",
        r"touched (?:him|her|me) (?:when|as|at|down|under|where)",
        r"lock(?:s|ed) (?:him|her|me) (?:in|up)\b",
        r"stalk(?:s|ed|ing) (?:him|her|me)|stalker|black eye",
    ),
    Risk.VIOLENCE: (
        r"violen(?:ce|t|tly)",
        r"homicid\w*",
        rf"(?:kill|murder|shoot|strangl\w+|hurt|stab|harm) (?:and \w+ )?{_SOMEBODY}\b(?!sel)",
        rf"(?<!it )(?<!would )(?:{_HURTS}) {_SOMEBODY}\b(?!sel| (?:hard|out|away|back|like))",
        r"(?:make (?:him|her|them) pay|get even with|revenge)",
        rf"(?:with|pulled|grabbed|carr(?:y|ies|ied)|bought|waved|drew) (?:a |the )?(?:\w+ )?{_WEAPON}",
        r"thr(?:ew|ows|owing|own) (?:a |the )?\w+ at (?:him|her|his|the|my|their)",
        r"assault(?:s|ed|ing)?\b",
    ),
}
_CHINESE: dict[Risk, tuple[str, ...]] = {
    Risk.SUICIDE: (
        "自杀|轻生|寻死|寻短见|想死|去死|不想活|活不下去|不想再?醒|活着[^，。；]{0,4}(?:没意思|没意义|没什么意思|太累|好累|干什么|干嘛)|没有?活下去的",
        "结束(?:自己的?|这)?(?:生命|一切|人生)|了结(?:自己|生命|一切|算了)|了断|一了百了|遗书|遗言|绝笔",
        "跳楼(?!价)|跳河|跳江|跳桥|跳下去|从[^，。；]{0,4}楼[^，。；]{0,4}(?:下去|跳)|上吊|割腕|烧炭|吞药|服毒|[攒囤存](?:了|着)?[^，。；]{0,6}(?:药|药片)",
        "死了(?:算了|就好|一了百了|干净)|不如死|早点死|随[他她]去|(?:去|早点去)陪[他她]|没有我[^，。；]{0,8}(?:更好|会好|轻松)|不在了[^，。；]{0,8}(?:好|轻松|解脱)",
    ),
    Risk.SELF_HARM: (
        "自伤|自残|自虐",
        "(?:割|划|烫|抓|掐|打|捶|咬|扎|戳|弄|伤害|惩罚)(?:伤|破|疼|痛)?(?:了)?自己|割(?:手|胳膊|大腿|伤)|划(?:手|胳膊|大腿)|烟头烫|用头撞|拿头撞|撞墙",
        "刀片|(?:手腕|手臂|胳膊|大腿|前臂)[^，。；]{0,6}(?:伤口|伤痕|划痕|疤|血|新伤|刀痕|印子)|新的?(?:伤口|划痕)",
    ),
    Risk.ABUSE: (
        "虐待|受虐|施虐|家暴|性侵|猥亵|强奸|强暴|侵犯|性骚扰|打骂|殴打|毒打|挨打|挨揍|被[^，。；、]{0,6}(?:打(?![断扰开动扮算工磨发电])|揍|踢|掐|扇|推搡|威胁|跟踪|拖进|抢劫|强迫)",
        "(?:父亲|爸爸|爸|母亲|妈妈|妈|继父|丈夫|老公|妻子|老婆|男友|男朋友|前夫|前任|对象|伴侣|婆婆|儿子)[^，。；]{0,6}(?:打|揍|扇|掐|踢|抽|推|摔|砸|动手|威胁|锁)(?:了|过|着)?(?:他|她|我|来访者)",
        "皮带抽|扇耳光|摸[他她](?:的)?(?:身体|下面|胸|腿)|关(?:进|在)(?:小黑屋|家里|屋里)|保护费",
    ),
    Risk.VIOLENCE: (
        "暴力|打人|打架|伤人|杀人|行凶|(?:对|跟|向)[^，。；、]{0,6}动手(?!术)|动手打|拿刀|持刀|带刀|捅(?:人|死|他|她|了)|砍(?:人|死|他|她)|弄死|掐死|杀了(?:他|她|你|人)|打死(?:他|她|人)",
        "威胁(?:他|她|要|说|同|老|前|邻|家|对)|报复(?!性)|同归于尽|(?:找|跟)[^，。；]{0,4}算账|算总账|付出代价|抄起[^，。；]{0,6}(?:砸|打)",
        "(?:打|揍|踢|掐|扇|砸)(?:了|过|伤)?(?:他|她|孩子|儿子|女儿|妻子|老婆|丈夫|同事|同学|别人|对方|人家|室友)",
    ),
}


def _compiled(patterns: dict[Risk, tuple[str, ...]], form: str) -> dict[Risk, re.Pattern[str]]:
    return {risk: re.compile(form.format("|".join(some)), re.IGNORECASE) for risk, some in patterns.items()}


_PATTERNS = {
    Language.ENGLISH: _compiled(_ENGLISH, r"(?<![\w-])(?:{})"),
    Language.CHINESE: _compiled(_CHINESE, "{}"),
}
_HARMLESS = re.compile(r"\b(?:panic|heart|asthma|anxiety|gout|migraine) attacks?|hit (?:the|a) (?:gym|wall|road|pub)", re.IGNORECASE)


def mentioned_risk(text: str, language: Language) -> Risk | None:
    """The most pressing danger that `text` names, in so many words, in the language of the case or in the other one."""
    plain = _HARMLESS.sub(" ", text.replace("’", "'"))
    other = Language.CHINESE if language is Language.ENGLISH else Language.ENGLISH
    for patterns in (_PATTERNS[language], _PATTERNS[other]):
        for risk, pattern in patterns.items():
            if pattern.search(plain):
                return risk
    return None
