"""Every sentence about nights and adapters, in each language; `texts.py` holds the rest."""

from dataclasses import dataclass

from bot.workflow.night_ports import NightEnd
from bot.workflow.nights import Start
from inference.note import Language
from training.night.told import Stage


@dataclass(frozen=True)
class NightTexts:
    """The words of one language."""

    admins_only: str
    help: str
    starts: dict[Start, str]
    begun: str
    begun_by: str
    begun_by_clock: str
    cases: str
    stages: dict[Stage, str]
    steps: str
    loss: str
    minutes: str
    memory: str
    title: str
    ends: dict[NightEnd, str]
    rows: str
    sealed: str
    failed: str
    rest: str
    promote: str
    roll_back: str
    compare: str
    leave: str
    left: str
    promote_sure: str
    promote_question: str
    roll_back_sure: str
    roll_back_question: str
    working: str
    promoted: str
    base: str
    no_adapter: str
    listed: str
    champion: str
    previous: str
    retired: str
    base_champion: str
    name_missing: str
    cannot: str
    by_whom: str
    lessons: str
    lesson: str
    lesson_deleted: str
    lesson_withdrawn: str
    lesson_retired: str
    lesson_champion: str


_ENGLISH = NightTexts(
    admins_only="Only admins can do that.",
    help=(
        "*For admins*, from any channel:\n"
        "• `/phyassist retrain`: train a new adapter now, not only at night.\n"
        "• `/phyassist adapters`: all adapters, and which one is in service.\n"
        "• `/phyassist promote NAME`: put an adapter into service; `base` is the model without one.\n"
        "• `/phyassist rollback`: put the adapter before the present one back."
    ),
    starts={
        Start.BEGUN: "{name} has begun. The admins' channel shows how far it is.",
        Start.RUNNING: "A training is under way already; nothing was begun.",
        Start.KNOWN: "{name} was begun already. Please try again in a minute.",
        Start.OFF: "No training is set up. `phyassist doctor` says what PHYASSIST_NIGHT__BASE needs.",
    },
    begun="{name} · {who} · {cases}",
    begun_by="asked for by {who}",
    begun_by_clock="by schedule",
    cases="cases with consent: {number}",
    stages={
        Stage.COLLECT: "Collecting what counselors approved, accepted and edited.",
        Stage.TRAIN: "Training.",
        Stage.ASIDE: "The training has stepped aside for an urgent post.",
        Stage.CHAMPION: "Measuring the adapter in service.",
        Stage.CHALLENGER: "Measuring the new adapter.",
        Stage.SERVE: "Putting the new adapter into service.",
    },
    steps="{done} of {of}",
    loss="loss {loss:.3f}",
    minutes="about {minutes} min left",
    memory="{gigabytes:.1f} GB",
    title="Night training",
    ends={
        NightEnd.PROMOTED: "The new adapter {name} is in service.",
        NightEnd.READY: "The new adapter {name} passed and waits for an admin.",
        NightEnd.REFUSED: "The new adapter was refused; {champion} stays in service.",
        NightEnd.NOTHING_NEW: "There was nothing new to learn; {champion} stays in service.",
        NightEnd.FAILED: "This night failed; {champion} stays in service.",
    },
    rows="Trained on {train} examples and {pairs} edits of {cases} cases; measured on {heldout} examples held out.",
    sealed="Cases that could not be decrypted and were left out: {number}. The bot's log says which ones.",
    failed=(
        "Reason: {reason}\nIt is not begun again by itself. Mend the reason (`phyassist doctor`, logs/night.log), then "
        "`/phyassist retrain`; the next scheduled night takes everything up again, too."
    ),
    rest="{number} more rows are in the adapter's report.",
    promote="Promote",
    roll_back="Roll back",
    compare="Compare notes",
    leave="Leave",
    left="{name} was left; {champion} stays in service.",
    promote_sure="Promote {name}?",
    promote_question="New answers then come from this adapter. You can roll back at any time.",
    roll_back_sure="Take {name} out?",
    roll_back_question="New answers then come from what was in service before.",
    working="On it; this takes a few seconds.",
    promoted="In service: {champion}. A rollback brings back {previous}.",
    base="the model without an adapter",
    no_adapter="No adapter is registered yet.",
    listed="`{name}` · added {when}",
    champion="*in service*",
    previous="before it",
    retired="retired {when}: {reason}",
    base_champion="In service: the model without an adapter.",
    name_missing="Please say which one, such as `/phyassist promote night-2026-11-21`. `/phyassist adapters` lists them.",
    cannot="That can't be done: {reason}.",
    by_whom="{what} By {who}, {when}.",
    lessons="Adapters that learned from cases which may no longer be used:",
    lesson="• `{adapter}`: {what}.",
    lesson_deleted="deleted cases: {number}",
    lesson_withdrawn="consent withdrawn: {codes}",
    lesson_retired="it is retired and can't go into service again",
    lesson_champion="it is in service until another takes its place: `/phyassist retrain`, `promote` or `rollback`",
)

_CHINESE = NightTexts(
    admins_only="只有管理员可以进行这项操作。",
    help=(
        "*管理员*可在任何频道使用：\n"
        "• `/phyassist retrain`：现在就训练新的适配器，不必等到夜间。\n"
        "• `/phyassist adapters`：列出所有适配器，以及正在使用的那一个。\n"
        "• `/phyassist promote 名称`：启用一个适配器；`base` 表示不带适配器的模型。\n"
        "• `/phyassist rollback`：换回前一个适配器。"
    ),
    starts={
        Start.BEGUN: "{name} 已开始，进度显示在管理员频道。",
        Start.RUNNING: "已有训练正在进行，没有另外开始。",
        Start.KNOWN: "{name} 已经开始过，请一分钟后再试。",
        Start.OFF: "尚未设置训练。`phyassist doctor` 会说明 PHYASSIST_NIGHT__BASE 需要什么。",
    },
    begun="{name} · {who} · {cases}",
    begun_by="由 {who} 发起",
    begun_by_clock="按计划开始",
    cases="已同意训练的个案：{number}",
    stages={
        Stage.COLLECT: "正在收集咨询师定稿、采纳和修改过的内容。",
        Stage.TRAIN: "正在训练。",
        Stage.ASIDE: "有紧急内容需要回复，训练暂时让出。",
        Stage.CHAMPION: "正在评测现用的适配器。",
        Stage.CHALLENGER: "正在评测新的适配器。",
        Stage.SERVE: "正在启用新的适配器。",
    },
    steps="第 {done} 步，共 {of} 步",
    loss="损失 {loss:.3f}",
    minutes="约剩 {minutes} 分钟",
    memory="{gigabytes:.1f} GB",
    title="夜间训练",
    ends={
        NightEnd.PROMOTED: "新的适配器 {name} 已启用。",
        NightEnd.READY: "新的适配器 {name} 已通过评测，等待管理员决定。",
        NightEnd.REFUSED: "新的适配器未通过评测；继续使用{champion}。",
        NightEnd.NOTHING_NEW: "没有新的内容可以学习；继续使用{champion}。",
        NightEnd.FAILED: "这次训练失败；继续使用{champion}。",
    },
    rows="训练用了 {cases} 个个案的 {train} 条样例和 {pairs} 处修改；评测用了预留的 {heldout} 条样例。",
    sealed="无法解密、因此未使用的个案：{number} 个。机器人的日志写明了是哪些个案。",
    failed=(
        "原因：{reason}\n不会自动重新开始。请先排除原因（`phyassist doctor`、logs/night.log），再用 `/phyassist retrain`；"
        "下一个计划中的夜间训练也会重新处理全部内容。"
    ),
    rest="还有 {number} 行，见适配器的报告。",
    promote="启用",
    roll_back="换回",
    compare="比较记录",
    leave="暂不启用",
    left="{name} 暂不启用；继续使用{champion}。",
    promote_sure="启用 {name}？",
    promote_question="此后的回复由这个适配器生成。随时可以换回。",
    roll_back_sure="停用 {name}？",
    roll_back_question="此后的回复由之前使用的适配器或模型生成。",
    working="正在处理，需要几秒钟。",
    promoted="正在使用：{champion}。换回时将使用：{previous}。",
    base="不带适配器的模型",
    no_adapter="还没有登记任何适配器。",
    listed="`{name}` · 登记于 {when}",
    champion="*正在使用*",
    previous="前一个",
    retired="已于 {when} 停用：{reason}",
    base_champion="正在使用：不带适配器的模型。",
    name_missing="请写明是哪一个，例如 `/phyassist promote night-2026-11-21`。`/phyassist adapters` 会列出全部。",
    cannot="无法完成：{reason}。",
    by_whom="{what}由 {who} 于 {when} 操作。",
    lessons="以下适配器学过不能再使用的个案：",
    lesson="• `{adapter}`：{what}。",
    lesson_deleted="已删除的个案：{number} 个",
    lesson_withdrawn="已撤回同意的个案：{codes}",
    lesson_retired="已停用，不能再次启用",
    lesson_champion="目前仍在使用，直到换成另一个：`/phyassist retrain`、`promote` 或 `rollback`",
)

NIGHT_TEXTS = {Language.ENGLISH: _ENGLISH, Language.CHINESE: _CHINESE}
