"""The words of the form of a case, in each language."""

from dataclasses import dataclass

from bot.domain.case import CaseState
from inference.note import Language


@dataclass(frozen=True)
class CaseTexts:
    """The words of the form of a case."""

    title: str
    facts: str
    languages: dict[Language, str]
    states: dict[CaseState, str]
    consent: str
    consent_means: str
    given: str
    off: str
    off_means: str
    given_by: str
    given_by_hint: str
    given_on: str
    names: str
    names_hint: str
    history: str
    history_given: str
    history_withdrawn: str
    who_missing: str
    who_too_long: str
    day_missing: str
    day_to_come: str
    name_too_long: str


_ENGLISH = CaseTexts(
    title="Case",
    facts="*{code}* · {language} · {state}",
    languages={Language.ENGLISH: "English", Language.CHINESE: "Chinese"},
    states={CaseState.OPEN: "open", CaseState.CLOSED: "closed"},
    consent="Consent for training",
    consent_means=(
        "With consent, the model may learn at night from what counselors approved, accepted and edited in this case, after names and "
        "the like are taken out. Consent counts for the whole case and can be withdrawn at any time, here, in one step."
    ),
    given="Given",
    off="Off",
    off_means="Nothing of this case is used; what was used before is dropped.",
    given_by="Given by",
    given_by_hint="In a few words, without a name, such as: the client, on paper",
    given_on="Given on",
    names="Names to take out before training",
    names_hint=(
        "Everybody of this case, one person a line, new ones at the end; other names in brackets: Anna Smith (Annie). "
        "People who are not listed are found only beside a title, such as Dr Patel."
    ),
    history="Recorded so far",
    history_given="Given by {given_by} on {on} · recorded by {who} on {when}",
    history_withdrawn="Withdrawn · recorded by {who} on {when}",
    who_missing="Please say in a few words who gave consent.",
    who_too_long="Please say it in at most {number} characters.",
    day_missing="Please choose the day on which consent was given.",
    day_to_come="This day has not come yet.",
    name_too_long="Please enter one person a line, in at most {number} characters.",
)

_CHINESE = CaseTexts(
    title="个案",
    facts="*{code}* · {language} · {state}",
    languages={Language.ENGLISH: "英文", Language.CHINESE: "中文"},
    states={CaseState.OPEN: "进行中", CaseState.CLOSED: "已结束"},
    consent="训练同意",
    consent_means=(
        "有了同意，模型可以在夜间学习本个案中由咨询师定稿、采纳和修改过的内容；姓名等信息会先去掉。"
        "同意适用于整个个案，随时可以在这里一步撤回。"
    ),
    given="已同意",
    off="关闭",
    off_means="本个案的内容不用于训练；以前用过的会删除。",
    given_by="由谁同意",
    given_by_hint="简单写明即可，不要写姓名，例如：来访者，书面",
    given_on="同意日期",
    names="训练前要去掉的姓名",
    names_hint=(
        "本个案涉及的所有人，每行一位，新的写在最后；其他称呼写在括号里，例如：张伟（小张）。"
        "没有列出的人，只有带称谓时才能识别，例如：王老师。"
    ),
    history="已有记录",
    history_given="由{given_by}于 {on} 同意 · {who} 于 {when} 记录",
    history_withdrawn="已撤回 · {who} 于 {when} 记录",
    who_missing="请简单写明由谁同意。",
    who_too_long="请不要超过 {number} 个字符。",
    day_missing="请选择同意日期。",
    day_to_come="这一天还没有到。",
    name_too_long="请每行只写一位，且不超过 {number} 个字符。",
)

_TEXTS = {Language.ENGLISH: _ENGLISH, Language.CHINESE: _CHINESE}


def case_texts(language: Language) -> CaseTexts:
    """The words of a language."""
    return _TEXTS[language]
