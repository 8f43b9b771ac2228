"""Every sentence the bot says, in each language of a case."""

from dataclasses import dataclass

from bot.domain.reading import Reading
from bot.workflow.ports import Sign
from inference.note import Kind, Language


@dataclass(frozen=True)
class Texts:
    """The words of one language."""

    headings: dict[Kind, str]
    signs: dict[Sign, str]
    readings: dict[Reading, str]
    reread: dict[Reading, str]
    note_posted: str
    summary_posted: str
    summary_title: str
    approved_title: str
    version: str
    your_words: str
    writing: str
    edit: str
    approve: str
    approve_sure: str
    approve_question: str
    cancel: str
    try_again: str
    approved: str
    save: str
    modal_title: str
    modal_help: str
    modal_empty: str
    help: str
    unknown: str
    summarizing: str
    status: str
    no_case: str
    model_ready: str
    model_away: str
    handed_back: str


_ENGLISH = Texts(
    headings={Kind.ANALYSIS: "Analysis", Kind.ADVICE: "Advice", Kind.QUESTION: "Questions to ask"},
    signs={
        Sign.WAITING: "The model server is not available right now. Your post is saved and will be answered as soon as it is back.",
        Sign.INTERRUPTED: "The answer broke off. It is being written again.",
        Sign.NO_ANSWER: "The model did not give a readable note. Your post is saved; you can try again.",
        Sign.TOO_LONG: "This text is too long to be read at once (limit here: about {number} characters). Please post it in shorter parts.",
        Sign.EMPTY: "There was no text to work on. Please describe the situation in words.",
        Sign.FILES_ONLY: "I can't read attached files yet. Please post the description as text.",
        Sign.NOTHING_TO_SUMMARIZE: "There is no note to summarize yet. Post a description first; the note appears in its thread.",
        Sign.LOCKED: "This final note is approved and does not change any more. Post a new description to go on.",
        Sign.OUT_OF_DATE: "The note has changed since you opened it. Please look at its newest version and try again; nothing was changed.",
        Sign.GONE: "This note does not exist any more. Nothing was changed.",
        Sign.PRESS_AGAIN: "Slack did not answer in time. Please press the button again.",
        Sign.WELCOME: (
            "Hello, I am PhyAssist. This channel is now one case.\n"
            "• Post a description of symptoms or of the situation, without names. I answer in its thread with a note.\n"
            "• Edit the note (button *Edit*, or reply with your version): I add what is still missing. Your own words stay as they are.\n"
            "• `/phyassist summarize` gives the final note, which you correct and approve.\n"
            "Everything is stored encrypted. Who is in this channel can read it. I never write to patients."
        ),
        Sign.NOT_PRIVATE: "I work in private channels only, because this is about patients. Please make this one private, or use another.",
        Sign.NOT_INVITED: "I am not a member of this channel. Invite me with `/invite @PhyAssist`, then it becomes a case.",
        Sign.SHARED: "This channel is shared with another organization, so I don't read it. Please use a private channel of your team.",
        Sign.GUEST_MEMBER: "A guest is a member of this channel, so I don't read it. Please remove the guest or use another channel.",
        Sign.GUEST_AUTHOR: "Guests can't use PhyAssist. Please ask a member of the team.",
        Sign.WRONG_TEAM: "This workspace is not set up for PhyAssist. Please ask your admin.",
        Sign.NOT_MEMBER: "Only members of this channel can do that.",
    },
    readings={
        Reading.DESCRIPTION: "I read your message as a description.",
        Reading.INFORMATION: "I read your reply as added information and wrote the note again.",
        Reading.EDITED: "I read your reply as an edited answer, kept it and added what was missing.",
    },
    reread={
        Reading.INFORMATION: "It is added information",
        Reading.EDITED: "It is an edited answer",
        Reading.DESCRIPTION: "It is a description",
    },
    note_posted="PhyAssist wrote a note.",
    summary_posted="PhyAssist wrote the final note of this session.",
    summary_title="Final note (draft)",
    approved_title="Final note",
    version="Version {number} · {author}",
    your_words="✎ a counselor's words, kept as they are",
    writing="is writing a note …",
    edit="Edit",
    approve="Approve",
    approve_sure="Approve this note?",
    approve_question="You confirm that you have read and corrected it. An approved note does not change any more.",
    cancel="Cancel",
    try_again="Try again",
    approved="Approved by {who} on {when} · version {number} · {hash}",
    save="Hand back",
    modal_title="Edit the note",
    modal_help="One item a line. Change, delete or add lines.",
    modal_empty="Please leave at least one line in the note.",
    help=(
        "*PhyAssist* drafts notes for counselors. You are the author.\n"
        "• Post a description in this channel: the note appears in its thread.\n"
        "• Reply in the thread with more information, or with your edited version of the note. Or use the *Edit* button, or the "
        "message shortcut *Use as edited answer*.\n"
        "• `/phyassist summarize`: the final note of the session, to correct and approve.\n"
        "• `/phyassist status`: what is waiting, and whether the model is available.\n"
        "Messages that begin by addressing a colleague (@name) are between you; I don't read them as case material."
    ),
    unknown="I don't know `{word}`. Here is what I can do:",
    summarizing="I am writing the final note of this session. It will appear in this channel.",
    status="Case {code} · {notes} notes · {waiting} posts waiting · {model}",
    no_case="This channel has no case yet. Post a description to open one. {model}",
    model_ready="The model is available.",
    model_away="The model is not available right now; posts are saved and answered later.",
    handed_back="I took this message as an edited answer. The new note follows in the thread.",
)

_CHINESE = Texts(
    headings={Kind.ANALYSIS: "分析", Kind.ADVICE: "建议", Kind.QUESTION: "可提的问题"},
    signs={
        Sign.WAITING: "模型服务器暂时不可用。您的内容已保存，恢复后会立即回答。",
        Sign.INTERRUPTED: "回答中断了，正在重新撰写。",
        Sign.NO_ANSWER: "模型没有给出可读的记录。您的内容已保存，可以再试一次。",
        Sign.TOO_LONG: "这段文字太长，无法一次读完（此处上限约 {number} 个字符）。请分成几段发送。",
        Sign.EMPTY: "没有可以处理的文字。请用文字描述情况。",
        Sign.FILES_ONLY: "目前还不能读取附件。请把描述以文字发送。",
        Sign.NOTHING_TO_SUMMARIZE: "还没有可以总结的记录。请先发送描述，记录会出现在它的消息列中。",
        Sign.LOCKED: "这份最终记录已经确认，不再更改。如需继续，请发送新的描述。",
        Sign.OUT_OF_DATE: "您打开之后记录已有变化。请查看最新版本后再试；目前没有任何改动。",
        Sign.GONE: "这份记录已不存在，没有任何改动。",
        Sign.PRESS_AGAIN: "Slack 没有及时回应，请再按一次按钮。",
        Sign.WELCOME: (
            "您好，我是 PhyAssist。这个频道现在就是一个个案。\n"
            "• 请发送症状或情况的描述，不要写姓名。我会在它的消息列中回复分析、建议和可提的问题。\n"
            "• 您可以修改这份回答（按钮 *修改*，或直接回复您的版本），我会补充还缺少的内容；您自己写的话保持原样。\n"
            "• `/phyassist summarize` 生成最终记录，由您修改并确认。\n"
            "所有内容加密保存，频道成员可以阅读。我从不联系来访者。"
        ),
        Sign.NOT_PRIVATE: "因为涉及来访者，我只在私密频道工作。请把本频道设为私密，或换一个频道。",
        Sign.NOT_INVITED: "我还不是这个频道的成员。请用 `/invite @PhyAssist` 邀请我，它就成为一个个案。",
        Sign.SHARED: "这个频道与其他组织共享，所以我不读取其中的内容。请使用本团队自己的私密频道。",
        Sign.GUEST_MEMBER: "频道里有访客成员，所以我不读取其中的内容。请移除访客，或换一个私密频道。",
        Sign.GUEST_AUTHOR: "访客不能使用 PhyAssist。请联系团队成员。",
        Sign.WRONG_TEAM: "这个工作区没有设置 PhyAssist。请联系管理员。",
        Sign.NOT_MEMBER: "只有本频道的成员可以这样做。",
    },
    readings={
        Reading.DESCRIPTION: "我把您的消息理解为描述。",
        Reading.INFORMATION: "我把您的回复理解为补充信息，并重写了记录。",
        Reading.EDITED: "我把您的回复理解为修改后的回答，保留了它，并补充了缺少的内容。",
    },
    reread={
        Reading.INFORMATION: "这是补充信息",
        Reading.EDITED: "这是修改后的回答",
        Reading.DESCRIPTION: "这是描述",
    },
    note_posted="PhyAssist 写好了一份记录。",
    summary_posted="PhyAssist 写好了本次会谈的最终记录。",
    summary_title="最终记录（草稿）",
    approved_title="最终记录",
    version="第 {number} 版 · {author}",
    your_words="✎ 咨询师的原话，保持不变",
    writing="正在撰写记录……",
    edit="修改",
    approve="确认",
    approve_sure="确认这份记录？",
    approve_question="您确认已经阅读并修改。确认后的记录不再更改。",
    cancel="取消",
    try_again="再试一次",
    approved="由 {who} 于 {when} 确认 · 第 {number} 版 · {hash}",
    save="交回",
    modal_title="修改记录",
    modal_help="每行一条。可以修改、删除或添加。",
    modal_empty="请至少保留一行内容。",
    help=(
        "*PhyAssist* 为咨询师起草记录，您是作者。\n"
        "• 在本频道发送描述：记录会出现在它的消息列中。\n"
        "• 在消息列中回复补充信息，或回复您修改后的版本；也可以用按钮 *修改*，或消息快捷方式 *Use as edited answer*。\n"
        "• `/phyassist summarize`：生成本次会谈的最终记录，由您修改并确认。\n"
        "• `/phyassist status`：查看等待中的内容，以及模型是否可用。\n"
        "以 @同事 开头的消息是你们之间的交流，我不会当作个案材料。"
    ),
    unknown="我不认识 `{word}`。我能做的有：",
    summarizing="正在撰写本次会谈的最终记录，稍后会出现在本频道。",
    status="个案 {code} · {notes} 份记录 · {waiting} 条等待中 · {model}",
    no_case="这个频道还没有个案。发送描述即可开始。{model}",
    model_ready="模型可用。",
    model_away="模型暂时不可用；内容会保存，稍后回答。",
    handed_back="我把这条消息当作修改后的回答，新的记录会出现在消息列中。",
)

_TEXTS = {Language.ENGLISH: _ENGLISH, Language.CHINESE: _CHINESE}


def texts(language: Language) -> Texts:
    """The words of a language."""
    return _TEXTS[language]
