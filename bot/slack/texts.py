"""Every sentence the bot says, in each language of a case."""

from dataclasses import dataclass

from bot.domain.reading import Reading
from bot.slack.night_texts import NIGHT_TEXTS, NightTexts
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
    accept: str
    approve: str
    approve_sure: str
    approve_question: str
    cancel: str
    try_again: str
    approved: str
    accepted: str
    save: str
    modal_title: str
    modal_help: str
    modal_empty: str
    night: NightTexts
    learning_until: str
    answer_now: str
    without_buttons: str
    help: str
    unknown: str
    summarizing: str
    status: str
    no_case: str
    model_ready: str
    model_away: str


_ENGLISH = Texts(
    headings={Kind.ANALYSIS: "Analysis", Kind.ADVICE: "Advice", Kind.QUESTION: "Questions to ask"},
    signs={
        Sign.WAITING: "The model is not available right now. Your post is saved, and I will answer as soon as the model is back.",
        Sign.LEARNING: "The model is learning{until}; your post is saved and answered afterwards.",
        Sign.STEPPING_ASIDE: "The training was asked to step aside. The answer comes as soon as it has; that may take a few minutes.",
        Sign.INTERRUPTED: "The note broke off. I am writing it again.",
        Sign.NO_ANSWER: "I could not write this note. Your post is saved; please try again.",
        Sign.TOO_LONG: "This text is too long to read at once (the limit is about {number} characters). Please post it in shorter parts.",
        Sign.EMPTY: "I found no text to work with. Please describe the situation in words.",
        Sign.FILES_ONLY: "I can't read attached files yet. Please post the description as text.",
        Sign.NOT_TAKEN: "I did not take up the message above, so there is nothing to add this to. Please post it all as a new message.",
        Sign.NOTHING_TO_SUMMARIZE: "There is no new note to summarize. Please post a description first; the note appears in its thread.",
        Sign.LOCKED: "This final note is approved and can no longer be changed. To go on, please post a new description.",
        Sign.OUT_OF_DATE: "The note has changed in the meantime, so I did not do that. Please look at its newest version and try again.",
        Sign.GONE: "I can't find a note for this. Nothing was changed.",
        Sign.PRESS_AGAIN: "Slack did not answer in time. Please press the button again.",
        Sign.WELCOME: (
            "Hello, I am PhyAssist. I draft notes for counselors; this channel is for one case.\n"
            "• Post a description of symptoms or of the situation, without names. I reply in its thread with a note.\n"
            "• Edit the note (button *Edit*, or reply with your version): I add what is missing, and your own words stay as they are.\n"
            "• `/phyassist summarize` drafts the final note, which you correct and approve.\n"
            "Case texts are stored encrypted. Everyone in this channel can read what is posted here. I never write to patients."
        ),
        Sign.NOT_PRIVATE: "To protect patients, I work in private channels only. Please make this channel private, or use another one.",
        Sign.NOT_INVITED: "I am not a member of this channel. To use it for a case, please invite me: `/invite @PhyAssist`.",
        Sign.SHARED: "This channel is shared with another organization, so I don't read it. Please use a private channel of your team.",
        Sign.GUEST_MEMBER: "A guest is a member of this channel, so I don't read it. Please remove the guest or use another channel.",
        Sign.GUEST_AUTHOR: "Guests can't use PhyAssist. Please ask a member of the team.",
        Sign.WRONG_TEAM: "PhyAssist is not set up for this workspace. Please ask your admin.",
        Sign.NOT_MEMBER: "Only members of this channel can do that.",
        Sign.CASE_GONE: "I can't find this case any more. Nothing was changed.",
        Sign.CASE_OUT_OF_DATE: (
            "Somebody changed the consent for this case in the meantime, so I saved nothing. Please enter `/phyassist case` again and look "
            "at what is recorded now."
        ),
        Sign.CONSENT_HOLDS: (
            "Consent for training is recorded for this case, given on {on}. People whose names are taken out before training: {number}. "
            "`/phyassist case` changes or withdraws it at any time."
        ),
        Sign.CONSENT_OFF: (
            "There is no consent for training: nothing of this case is used to train the model. People on the list of names: {number}."
        ),
        Sign.CONSENT_WITHDRAWN: (
            "Consent for training is withdrawn. From the next night on this case is not used, and its older training rows are dropped. "
            "Adapters that have already learned from it are listed to the admins. People on the list of names: {number}."
        ),
    },
    readings={
        Reading.DESCRIPTION: "I read your message as a description.",
        Reading.INFORMATION: "I read your message as added information and wrote the note again.",
        Reading.EDITED: "I read your message as an edited answer: your lines stay, and I only add what is missing.",
    },
    reread={
        Reading.INFORMATION: "Read as added information",
        Reading.EDITED: "Read as edited answer",
        Reading.DESCRIPTION: "Read as a description",
    },
    note_posted="PhyAssist wrote a note.",
    summary_posted="PhyAssist wrote the final note of this session.",
    summary_title="Final note (draft)",
    approved_title="Final note",
    version="Version {number} · {author}",
    your_words="✎ a counselor's words, kept as they are",
    writing="is writing a note …",
    edit="Edit",
    accept="Accept",
    approve="Approve",
    approve_sure="Approve this note?",
    approve_question="You confirm that you have read the whole note and that it is correct. Once approved, it can no longer be changed.",
    cancel="Cancel",
    try_again="Try again",
    approved="Approved by {who} on {when} · version {number} · {hash}",
    accepted="Accepted by {who} on {when}",
    save="Submit",
    modal_title="Edit the note",
    modal_help="One item per line. Change, delete or add lines; what you write stays as it is.",
    modal_empty="Please leave at least one line in the note.",
    night=NIGHT_TEXTS[Language.ENGLISH],
    learning_until=" until about {when}",
    answer_now="Answer now",
    without_buttons="Slack did not take the usual form of this message, so it has no buttons. Replies in its thread work as always.",
    help=(
        "*PhyAssist* drafts notes for counselors. You are the author.\n"
        "• Post a description in this channel, without names: the note appears in its thread.\n"
        "• Reply in the thread with more information, or with your edited version of the note. You can also edit with the *Edit* "
        "button, or mark a message with the shortcut *Use as edited answer*.\n"
        "• `/phyassist summarize`: a draft of the session's final note, to correct and approve.\n"
        "• Press *Accept* under a note that you take over as it is.\n"
        "• `/phyassist case`: this case's consent for training, and the names to take out before.\n"
        "• `/phyassist status`: what is waiting, and whether the model is available.\n"
        "Messages that begin with a colleague's @name are between colleagues; I don't take them as case material."
    ),
    unknown="I don't know `{word}`. Here is what I can do:",
    summarizing="I am working on the final note of this session. It will appear in this channel.",
    status="Case {code} · notes: {notes} · posts waiting: {waiting} · {model}",
    no_case="This channel has no case yet. Post a description to open one. {model}",
    model_ready="The model is available.",
    model_away="The model is not available right now; posts are saved and answered later.",
)

_CHINESE = Texts(
    headings={Kind.ANALYSIS: "分析", Kind.ADVICE: "建议", Kind.QUESTION: "可提的问题"},
    signs={
        Sign.WAITING: "模型暂时不可用。您的内容已保存，模型恢复后我会立即回复。",
        Sign.LEARNING: "模型正在学习{until}；您的内容已保存，学习结束后回复。",
        Sign.STEPPING_ASIDE: "已请训练让出。让出后立即回复，可能需要几分钟。",
        Sign.INTERRUPTED: "撰写中断了，我正在重新撰写这份记录。",
        Sign.NO_ANSWER: "这份记录没有写成。您的内容已保存，请再试一次。",
        Sign.TOO_LONG: "这段文字太长，无法一次读完（上限约 {number} 个字符）。请分成几段发送。",
        Sign.EMPTY: "没有读到文字内容。请用文字描述情况。",
        Sign.FILES_ONLY: "目前还不能读取附件，请直接用文字发送描述。",
        Sign.NOT_TAKEN: "上面那条消息没有被采用，所以无法补充。请把内容一起作为一条新消息发送。",
        Sign.NOTHING_TO_SUMMARIZE: "目前没有新的记录可以总结。请先发送描述，记录会出现在该描述的消息列中。",
        Sign.LOCKED: "这份最终记录已经定稿，不能再修改。如需继续，请发送新的描述。",
        Sign.OUT_OF_DATE: "记录在此期间已有更新，您刚才的操作没有生效。请先查看最新版本，再重新操作。",
        Sign.GONE: "没有找到对应的记录，未做任何改动。",
        Sign.PRESS_AGAIN: "Slack 没有及时回应，请再按一次按钮。",
        Sign.WELCOME: (
            "您好，我是 PhyAssist，协助咨询师起草记录。一个频道对应一个个案。\n"
            "• 请发送症状或情况的描述，不要写姓名。我会在该描述的消息列中回复一份记录。\n"
            "• 您可以修改这份记录（点按钮 *修改*，或直接回复您的版本），我会补充缺少的内容；您写的内容原样保留。\n"
            "• `/phyassist summarize` 起草最终记录，由您修改并定稿。\n"
            "个案内容加密保存；频道里的内容，本频道的所有成员都能看到。我从不联系来访者。"
        ),
        Sign.NOT_PRIVATE: "为保护来访者的隐私，我只在私人频道中工作。请把本频道设为私人频道，或换一个频道。",
        Sign.NOT_INVITED: "我还不是这个频道的成员。如需在这里建立个案，请用 `/invite @PhyAssist` 邀请我。",
        Sign.SHARED: "这个频道与其他组织共享，所以我不读取其中的内容。请使用本团队自己的私人频道。",
        Sign.GUEST_MEMBER: "这个频道里有访客，所以我不读取其中的内容。请移除访客，或换一个频道。",
        Sign.GUEST_AUTHOR: "访客不能使用 PhyAssist，请联系团队成员。",
        Sign.WRONG_TEAM: "这个工作区尚未设置 PhyAssist，请联系管理员。",
        Sign.NOT_MEMBER: "只有本频道的成员可以进行这项操作。",
        Sign.CASE_GONE: "找不到这个个案，未做任何改动。",
        Sign.CASE_OUT_OF_DATE: (
            "在此期间有人更改了本个案的同意记录，所以您刚才的内容没有保存。请重新输入 `/phyassist case`，查看现在的记录。"
        ),
        Sign.CONSENT_HOLDS: (
            "本个案已记录训练同意，同意日期为 {on}。训练前会去掉姓名的人数：{number}。随时可以用 `/phyassist case` 更改或撤回。"
        ),
        Sign.CONSENT_OFF: "本个案没有训练同意：其内容不会用于训练模型。姓名名单上的人数：{number}。",
        Sign.CONSENT_WITHDRAWN: (
            "训练同意已撤回。从下一个夜间训练起，本个案不再使用，此前保留的内容也会删除；已经学过本个案的适配器会列给管理员。"
            "姓名名单上的人数：{number}。"
        ),
    },
    readings={
        Reading.DESCRIPTION: "我把您的消息理解为描述。",
        Reading.INFORMATION: "我把您的消息理解为补充信息，并重写了记录。",
        Reading.EDITED: "我把您的消息理解为修改后的记录：您的内容原样保留，我只补充缺少的部分。",
    },
    reread={
        Reading.INFORMATION: "按补充信息理解",
        Reading.EDITED: "按修改后的记录理解",
        Reading.DESCRIPTION: "按描述理解",
    },
    note_posted="PhyAssist 写好了一份记录。",
    summary_posted="PhyAssist 写好了本次会谈的最终记录。",
    summary_title="最终记录（草稿）",
    approved_title="最终记录",
    version="第 {number} 版 · {author}",
    your_words="✎ 咨询师写的内容，原样保留",
    writing="正在撰写记录……",
    edit="修改",
    accept="采纳",
    approve="确认定稿",
    approve_sure="将这份记录定稿？",
    approve_question="定稿表示您已通读全文，并确认内容无误。定稿后不能再修改。",
    cancel="取消",
    try_again="再试一次",
    approved="由 {who} 于 {when} 确认定稿 · 第 {number} 版 · {hash}",
    accepted="由 {who} 于 {when} 采纳",
    save="提交",
    modal_title="修改记录",
    modal_help="每行一条，可以修改、删除或添加；您写的内容会原样保留。",
    modal_empty="请在记录中至少保留一行内容。",
    night=NIGHT_TEXTS[Language.CHINESE],
    learning_until="，大约到 {when}",
    answer_now="立即回复",
    without_buttons="Slack 没有接受这条消息通常的形式，所以这里没有按钮。您仍可照常在消息列中回复。",
    help=(
        "*PhyAssist* 为咨询师起草记录，您是作者。\n"
        "• 在本频道发送描述，不要写姓名：记录会出现在该描述的消息列中。\n"
        "• 在消息列中回复补充信息，或回复您修改后的记录；也可以点按钮 *修改*，或使用消息快捷方式 *Use as edited answer*。\n"
        "• `/phyassist summarize`：起草本次会谈的最终记录，由您修改并定稿。\n"
        "• 如果直接采用一份记录，请点记录下方的按钮 *采纳*。\n"
        "• `/phyassist case`：本个案的训练同意，以及训练前要去掉的姓名。\n"
        "• `/phyassist status`：查看还有多少条内容等待处理，以及模型是否可用。\n"
        "以 @同事 开头的消息属于同事间的交流，我不会当作个案材料。"
    ),
    unknown="没有 `{word}` 这个命令。可以使用：",
    summarizing="正在撰写本次会谈的最终记录，稍后会出现在本频道。",
    status="个案 {code} · {notes} 份记录 · {waiting} 条内容等待处理 · {model}",
    no_case="这个频道还没有个案。发送描述即可建立个案。{model}",
    model_ready="模型可用。",
    model_away="模型暂时不可用；内容会保存，稍后回复。",
)

_TEXTS = {Language.ENGLISH: _ENGLISH, Language.CHINESE: _CHINESE}


def texts(language: Language) -> Texts:
    """The words of a language."""
    return _TEXTS[language]
