"""The words around notes that admins compare blind, in each language."""

from dataclasses import dataclass

from bot.workflow.blind import Choice, Side
from inference.note import Language


@dataclass(frozen=True)
class BlindTexts:
    """The words of one language."""

    title: str
    title_shown: str
    intro: str
    asked: str
    note: str
    note_shown: str
    no_note: str
    question: str
    sides: dict[Side, str]
    neither: str
    show: str
    close: str
    whose: dict[Choice, str]
    you_said: dict[Choice, str]
    you_said_nothing: str
    line: str
    gone: str
    press_again: str


_ENGLISH = BlindTexts(
    title="Compare notes",
    title_shown="Which is which",
    intro=(
        "The same held-out descriptions, answered by {name} and by what it was measured against. Say which notes you would rather have; "
        "then you see whose they are. Names and the like were taken out as far as they were found. It is still case material, shown to you "
        "alone: please leave it here."
    ),
    asked="{number} of {of}",
    note="Note {side}",
    note_shown="Note {side}: {whose}",
    no_note="No readable note.",
    question="Which note would you rather have?",
    sides={Side.A: "A", Side.B: "B"},
    neither="Neither is better",
    show="Show which is which",
    close="Close",
    whose={Choice.NEW: "the new adapter", Choice.OLD: "what was there before", Choice.NEITHER: "neither"},
    you_said={
        Choice.NEW: "You preferred the new adapter's note.",
        Choice.OLD: "You preferred the note of what was there before.",
        Choice.NEITHER: "You found neither better.",
    },
    you_said_nothing="You didn't say which one you prefer.",
    line="Compared blind (admins: {admins}). Preferred: the new adapter's note {new}×, the one from before {old}×, neither {neither}×.",
    gone="The notes are not there any more: their cases were deleted, or may not be used for training now.",
    press_again="Slack didn't open the notes in time. Please press again.",
)

_CHINESE = BlindTexts(
    title="比较记录",
    title_shown="揭晓",
    intro=(
        "同一批预留描述，由 {name} 和评测时的对照分别写出记录。请选出您更愿意使用的一份，之后会显示哪一份出自哪一个。"
        "能识别出的姓名等信息已经去除，但这仍然是个案材料，只有您能看到，请不要外传。"
    ),
    asked="第 {number} 条，共 {of} 条",
    note="记录 {side}",
    note_shown="记录 {side}：{whose}",
    no_note="没有可读的记录。",
    question="您更愿意使用哪一份？",
    sides={Side.A: "A", Side.B: "B"},
    neither="不分高下",
    show="揭晓",
    close="关闭",
    whose={Choice.NEW: "新的适配器", Choice.OLD: "之前使用的", Choice.NEITHER: "不分高下"},
    you_said={
        Choice.NEW: "您选了新的适配器写的记录。",
        Choice.OLD: "您选了之前使用的写的记录。",
        Choice.NEITHER: "您认为不分高下。",
    },
    you_said_nothing="您没有选择。",
    line="盲评：{admins} 位管理员。选新的 {new} 次，选之前的 {old} 次，不分高下 {neither} 次。",
    gone="记录已经不在：相关个案已被删除，或目前不能用于训练。",
    press_again="Slack 没能及时打开，请再点一次。",
)

_TEXTS = {Language.ENGLISH: _ENGLISH, Language.CHINESE: _CHINESE}


def blind_texts(language: Language) -> BlindTexts:
    """The words of a language."""
    return _TEXTS[language]
