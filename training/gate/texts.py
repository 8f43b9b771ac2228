"""Every sentence of the gate's report, in each language."""

from dataclasses import dataclass

from inference.note import Language
from training.gate.verdict import Criterion, Outcome, Reason, Role


@dataclass(frozen=True)
class Texts:
    """The words of one language. Sentences take {champion}, {challenger}, {count}, {threshold}, and {worst}, the bad end of an interval."""

    columns: tuple[str, ...]
    names: dict[Criterion, str]
    roles: dict[Role, str]
    outcomes: dict[Outcome, str]
    limits: dict[Criterion, str]
    reasons: dict[Reason, str]
    interval: str
    points: str
    base: str
    promoted: str
    refused: str
    nothing: str = "–"


_ENGLISH = Texts(
    columns=("Criterion", "Kind", "In service", "New", "Difference (confidence interval)", "Limit", "Result", "Why"),
    names={
        Criterion.CASES: "Held-out cases",
        Criterion.UNSEEN: "Held-out cases it was trained on",
        Criterion.LOSS: "Surprise at approved notes (held-out loss)",
        Criterion.EDIT_DISTANCE: "Characters that differ from the approved note, line by line (edit distance)",
        Criterion.PROGRESS: "Better in one of these two",
        Criterion.PREFERENCE: "Prefers the counselor's version to the draft (preference accuracy)",
        Criterion.KEPT: "Items kept word for word",
        Criterion.VALID: "Valid notes",
        Criterion.SAFETY: "Safety tests",
        Criterion.CANARIES: "Planted strings that came out (memorisation)",
        Criterion.BENCHMARK: "Benchmark {benchmark}",
    },
    roles={Role.MUST: "must", Role.IMPROVEMENT: "improvement", Role.GUARD: "guard"},
    outcomes={Outcome.PASSED: "passed", Outcome.FAILED: "failed", Outcome.NOT_JUDGED: "not judged"},
    limits={
        Criterion.CASES: "at least {threshold}",
        Criterion.UNSEEN: "none",
        Criterion.LOSS: "at worst {threshold} higher",
        Criterion.EDIT_DISTANCE: "at worst {threshold} higher",
        Criterion.PROGRESS: "one is better",
        Criterion.PREFERENCE: "not clearly lower",
        Criterion.KEPT: "not clearly lower",
        Criterion.VALID: "at least {threshold}",
        Criterion.SAFETY: "none newly failed",
        Criterion.CANARIES: "none",
        Criterion.BENCHMARK: "at most {threshold} lower",
    },
    reasons={
        Reason.ENOUGH_CASES: "There are enough held-out cases to tell a difference from chance.",
        Reason.TOO_FEW_CASES: "There are only {count} held-out cases; {threshold} are needed to tell a difference from chance.",
        Reason.UNSEEN: "The new adapter was trained on none of the cases that it is judged on.",
        Reason.TRAINED_ON: "The new adapter was trained on {count} of the cases that it is judged on, so its scores say nothing.",
        Reason.BETTER: "Better than in service by more than chance explains.",
        Reason.WITHIN_MARGIN: "No clear gain, and not worse by more than {threshold}.",
        Reason.MAYBE_WORSE: "It may be worse by as much as {worst}; at most {threshold} is allowed.",
        Reason.WORSE: "Worse than in service by more than chance explains, possibly by {worst}; at most {threshold} is allowed.",
        Reason.PROGRESS: "At least one of the two is clearly better.",
        Reason.NO_PROGRESS: "Neither is clearly better, so a change would bring nothing.",
        Reason.NOT_CLEARLY_WORSE: "What difference there is may be chance.",
        Reason.TOO_FEW_PAIRS: "There are pairs from only {count} cases; {threshold} are needed to judge them.",
        Reason.VALID: "It writes no fewer valid notes than the one in service, and enough of them.",
        Reason.FEWER_VALID: "It writes fewer valid notes than the one in service: {challenger} instead of {champion}.",
        Reason.BELOW_FLOOR: "Only {challenger} of its notes are valid; {threshold} are needed.",
        Reason.SAFE: "It passes every safety test that the one in service passes.",
        Reason.NEWLY_UNSAFE: "It fails {count} of the safety tests that the one in service passes.",
        Reason.TOO_FEW_FIXTURES: "Only {count} safety tests were run; {threshold} are needed.",
        Reason.NOTHING_OUT: "None of the strings planted in its training data came out.",
        Reason.CANARIES_OUT: "{count} of the strings planted in its training data came out: it would repeat what it was trained on.",
        Reason.TOO_FEW_CANARIES: "Only {count} strings were planted; {threshold} are needed to see whether any comes out.",
        Reason.BENCHMARK_HOLDS: "Not lower by more than {threshold}.",
        Reason.BENCHMARK_FELL: "It fell from {champion} to {challenger}, by more than {threshold}.",
        Reason.CHAMPION_MISSING: "A value of the adapter in service was not measured, so nothing can be compared.",
        Reason.CHALLENGER_MISSING: "A value of the new adapter was not measured, so nothing can be compared.",
        Reason.CHAMPION_BROKEN: "A value of the adapter in service is infinite or not a number: the evaluation went wrong.",
        Reason.CHALLENGER_BROKEN: "A value of the new adapter is infinite or not a number: its training or its evaluation went wrong.",
        Reason.CASES_FIRST: "Not judged, because there are too few held-out cases.",
    },
    interval="{difference} ({low} to {high}; {confidence})",
    points="{value} points",
    base="the base without an adapter",
    promoted="{challenger} takes the place of {champion}: it is better, and nothing speaks against it.",
    refused="{champion} stays; {challenger} is refused. Against it: {names}.",
)

_CHINESE = Texts(
    columns=("标准", "类型", "现用", "新版", "差值（置信区间）", "界限", "结果", "原因"),
    names={
        Criterion.CASES: "留出个案数",
        Criterion.UNSEEN: "训练时见过的留出个案",
        Criterion.LOSS: "对已批准记录的意外程度（留出损失）",
        Criterion.EDIT_DISTANCE: "逐条与已批准记录不同的字符（编辑距离）",
        Criterion.PROGRESS: "以上两项至少一项更好",
        Criterion.PREFERENCE: "更倾向咨询师的版本而非草稿（偏好准确率）",
        Criterion.KEPT: "原样保留的条目",
        Criterion.VALID: "有效记录",
        Criterion.SAFETY: "安全测试",
        Criterion.CANARIES: "被说出的预埋字符串（记忆检查）",
        Criterion.BENCHMARK: "基准测试 {benchmark}",
    },
    roles={Role.MUST: "硬性要求", Role.IMPROVEMENT: "改进", Role.GUARD: "防退步"},
    outcomes={Outcome.PASSED: "通过", Outcome.FAILED: "未通过", Outcome.NOT_JUDGED: "未评判"},
    limits={
        Criterion.CASES: "至少{threshold}",
        Criterion.UNSEEN: "无",
        Criterion.LOSS: "最多高{threshold}",
        Criterion.EDIT_DISTANCE: "最多高{threshold}",
        Criterion.PROGRESS: "一项更好",
        Criterion.PREFERENCE: "不明显更低",
        Criterion.KEPT: "不明显更低",
        Criterion.VALID: "至少{threshold}",
        Criterion.SAFETY: "无新的失败",
        Criterion.CANARIES: "无",
        Criterion.BENCHMARK: "最多低{threshold}",
    },
    reasons={
        Reason.ENOUGH_CASES: "留出个案足够多，可以区分真实差异与偶然。",
        Reason.TOO_FEW_CASES: "只有{count}个留出个案；需要{threshold}个才能区分真实差异与偶然。",
        Reason.UNSEEN: "用来评判的个案，新适配器在训练时都没有见过。",
        Reason.TRAINED_ON: "用来评判的个案中有{count}个被用于训练新适配器，因此其分数没有意义。",
        Reason.BETTER: "比现用的更好，超出偶然的范围。",
        Reason.WITHIN_MARGIN: "没有明显提高，变差也不超过{threshold}。",
        Reason.MAYBE_WORSE: "可能变差多达{worst}；最多允许{threshold}。",
        Reason.WORSE: "比现用的更差，超出偶然的范围，可能差{worst}；最多允许{threshold}。",
        Reason.PROGRESS: "两项中至少一项明显更好。",
        Reason.NO_PROGRESS: "两项都没有明显更好，更换不会带来好处。",
        Reason.NOT_CLEARLY_WORSE: "现有的差异可能出于偶然。",
        Reason.TOO_FEW_PAIRS: "偏好对只来自{count}个个案；需要{threshold}个才能评判。",
        Reason.VALID: "有效记录不比现用的少，数量也足够。",
        Reason.FEWER_VALID: "有效记录比现用的少：{challenger}，而现用的为{champion}。",
        Reason.BELOW_FLOOR: "只有{challenger}的记录有效；需要{threshold}。",
        Reason.SAFE: "现用的能通过的安全测试，它都能通过。",
        Reason.NEWLY_UNSAFE: "现用的能通过的安全测试中，它有{count}个未通过。",
        Reason.TOO_FEW_FIXTURES: "只做了{count}个安全测试；需要{threshold}个。",
        Reason.NOTHING_OUT: "预埋在训练数据中的字符串一个也没有被说出。",
        Reason.CANARIES_OUT: "预埋在训练数据中的字符串有{count}个被说出：它会复述训练内容。",
        Reason.TOO_FEW_CANARIES: "只预埋了{count}个字符串；需要{threshold}个才能看出是否会被说出。",
        Reason.BENCHMARK_HOLDS: "下降不超过{threshold}。",
        Reason.BENCHMARK_FELL: "从{champion}降到{challenger}，超过{threshold}。",
        Reason.CHAMPION_MISSING: "现用适配器有一个数值没有测量，因此无法比较。",
        Reason.CHALLENGER_MISSING: "新适配器有一个数值没有测量，因此无法比较。",
        Reason.CHAMPION_BROKEN: "现用适配器有一个数值是无穷大或不是数字：评估出了问题。",
        Reason.CHALLENGER_BROKEN: "新适配器有一个数值是无穷大或不是数字：训练或评估出了问题。",
        Reason.CASES_FIRST: "留出个案太少，未评判。",
    },
    interval="{difference}（{low} 至 {high}；{confidence}）",
    points="{value}个百分点",
    base="不带适配器的基础模型",
    promoted="{challenger}取代{champion}：它更好，也没有不利的结果。",
    refused="{champion}继续使用；{challenger}未被采用，不利的结果：{names}。",
)

TEXTS = {Language.ENGLISH: _ENGLISH, Language.CHINESE: _CHINESE}
