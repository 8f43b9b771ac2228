"""What a text speaks of, as a set of comparable features: stems of words, pairs of Chinese signs, and the families of both.

Two texts rest on one another as far as their features agree. This is plain comparison of words: quick, the same each time, and explainable;
it knows no grammar, and `findings.py` looks at negation by itself.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

import yaml

FAMILIES = Path(__file__).parent / "families.yaml"
FAMILY = "#"
"""What the feature of a family begins with."""
_ENDINGS = ("", "s", "es", "d", "ed", "ing", "er", "ers", "ly", "'s")
_WORD = re.compile(r"[a-z][a-z'’-]*[a-z]|[a-z]|\d+")
_HAN = re.compile(r"[\u4e00-\u9fff]+")
_SUFFIXES = ("ingly", "edly", "ness", "ing", "ies", "ied", "ely", "ed", "es", "ly", "'s", "s", "e", "y")

# Words that every description, or every note, may hold: they join nothing to anything.
_COMMON = frozenset(
    """
    a about above after again against all almost along already also although always am an and another any anybody anyone anything are around as
    ask asked asks at away back be became because become been before began begin being below besides better between both bring but by call came can
    cannot client client's clients come comes consider could counselor day days describe described describes did different discuss do does doing done
    down during each early either else encourage enough even ever every everybody everyone everything explain explore far feel feeling feelings feels
    felt few find first for found from full further gave get gets getting give given gives go goes going gone good got great had half happen
    happened happens hard has have having he help helped helpful helping helps her here hers herself him himself his how however i if in
    introduce is it its itself just keep keeps kept kind know known knows last later least left less let like little long look looks lot made main
    concern make makes making man many may maybe me mean means mention mentions might mind moment month months more most much must my need
    needs never new next no nobody none nor normally not note nothing notice now number of off offer often on once one ones only onto open or
    other others otherwise our out over own part patient people perhaps person place plan point possible practise practice prepare present pt put
    quite rather really recommend regard report reported reports right said same say says see seem seems seen session sessions set several she
    should show shows since small so some somebody someone something sometimes somewhat soon start started starts step steps still such suggest
    support take taken takes talk talks tell tells than that the their them then there these they thing things think thinking thinks this those
    though thought three through time times to today together told too took toward towards tried try trying turn two under until up upon use used
    uses using usual usually very view want wants was way ways we week weeks well went were what when where whether which while who whole whom
    whose why will wish with within without woman word words would write writing wrote year years yes yet you your yourself
    """.split()
)
_COMMON_HAN = frozenset("的了是在有和与及或就都也很还又把被让给从到对为以于而且但却并不没无未吗呢吧啊么什怎哪谁这那其之他她它我你您们自己个些")
_COMMON_PAIRS = frozenset(
    """
    来访 访者 咨询 询师 建议 可以 可能 考虑 一起 什么 时候 情况 自己 通常 最近 已经 开始 觉得 感到 感觉 认为 表示 说自 帮助 了解 讨论 探讨 尝试 练习
    记录 如何 怎样 怎么 哪些 为什 哪个 之间 以及 或者 因为 所以 如果 需要 应该 能够 使人 本身 往往 容易 一次 一个 一些 一下 两周 几周 每天 每周
    今天 昨天 明天 目前 现在 以前 以后 之前 之后 当时 事情 东西 问题 困扰 主要 方面 部分 方式 方法 办法 这样 那样 这些 那些 他们 我们 她们 大家
    是否 有没 没有 不是 不会 不能 不要 不再 继续 进行 提供 介绍 说明 询问 注意 会谈 下次 本次 约定 具体 典型 影响 导致 引起 造成 变化 变得 起来
    出来 下来 过来 半年 多年 个月 星期 白天 晚上 早上 一直 总是 经常 有时 反复 越来 来越 非常 特别 比较 更加 不断 希望 想要 愿意 决定 别人 人家
    """.split()
)


def features(text: str) -> frozenset[str]:
    """The features of a text in either language, or in both at once."""
    small = text.lower().replace("’", "'")
    found = {f"{FAMILY}{name}" for name in families(small)}
    found.update(stem(word) for word in _WORD.findall(small) if word not in _COMMON and (len(word) > 2 or word.isdigit()))
    for run in _HAN.findall(small):
        found.update(pair for pair in map("".join, zip(run, run[1:], strict=False)) if _tells(pair))
    return frozenset(found)


def families(text: str) -> set[str]:
    """The names of the families that a text in small letters speaks of."""
    lists = _lists()
    words = _WORD.findall(text)
    found = {name for word in words for name in _of_word(word)}
    for place, word in enumerate(words):
        for rest, ending, names in lists.phrases.get(word, ()):
            following = words[place + 1 : place + 1 + len(rest)]
            if len(following) == len(rest) and following[:-1] == rest[:-1] and _ends_as(following[-1], rest[-1], ending):
                found.update(names)
    for run in _HAN.findall(text):
        for place in range(len(run)):
            for length in lists.lengths.get(run[place], ()):
                found.update(lists.chinese.get(run[place : place + length], ()))
    return found


def stem(word: str) -> str:
    """A word without its usual English ending: "worries", "worried" and "worry" are one."""
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 3:
            return word[: -len(suffix)]
    return word


@dataclass(frozen=True)
class _Lists:
    """The families by how they are found: whole words, beginnings of words, phrases by their first word, Chinese by length."""

    words: Mapping[str, frozenset[str]]
    beginnings: Mapping[str, frozenset[str]]
    phrases: Mapping[str, Sequence[tuple[list[str], bool, frozenset[str]]]]
    chinese: Mapping[str, frozenset[str]]
    lengths: Mapping[str, frozenset[int]]


@cache
def _lists() -> _Lists:
    listed = yaml.safe_load(FAMILIES.read_text(encoding="utf-8"))
    words, beginnings, chinese = (defaultdict[str, set[str]](set) for _ in range(3))
    phrases = defaultdict[str, list[tuple[list[str], bool, frozenset[str]]]](list)
    for name, family in listed.items():
        for entry in family["en"]:
            first, *rest = str(entry).removesuffix("*").split()
            if rest:
                phrases[first].append((rest, str(entry).endswith("*"), frozenset({name})))
            elif str(entry).endswith("*"):
                beginnings[first].add(name)
            else:
                words[first].add(name)
        for entry in family["zh"]:
            chinese[str(entry)].add(name)
    lengths = defaultdict[str, set[int]](set)
    for entry in chinese:
        lengths[entry[0]].add(len(entry))
    frozen = [{word: frozenset(names) for word, names in each.items()} for each in (words, beginnings, chinese)]
    return _Lists(frozen[0], frozen[1], dict(phrases), frozen[2], {sign: frozenset(each) for sign, each in lengths.items()})


@lru_cache(maxsize=20_000)
def _of_word(word: str) -> frozenset[str]:
    """The families of one English word, whatever its ending."""
    lists = _lists()
    found = {name for size in range(2, len(word) + 1) for name in lists.beginnings.get(word[:size], ())}
    for ending in _ENDINGS:
        if word.endswith(ending):
            found |= lists.words.get(word.removesuffix(ending), frozenset())
    return frozenset(found)


def _ends_as(word: str, wanted: str, any_ending: bool) -> bool:
    return word.startswith(wanted) if any_ending else any(word == wanted + ending for ending in _ENDINGS)


def _tells(pair: str) -> bool:
    return pair not in _COMMON_PAIRS and not _COMMON_HAN.intersection(pair)
