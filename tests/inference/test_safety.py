"""Words of danger: what is said plainly is found in both languages, everyday words near danger are not."""

import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.note import Language
from inference.prompt import DANGER, TurnKind, reported
from inference.safety import Risk, mentioned_risk

PLAIN = {
    Risk.SUICIDE: {
        Language.ENGLISH: (
            "She had suicidal thoughts again this week.",
            "He says he wants to kill himself.",
            "Client thinks about ending it.",
            "She doesn’t want to live any more.",
            "He tried to take his own life in May.",
            "Everybody would be better off without her, she says.",
            "Took an overdose two years ago.",
            "He wrote a farewell letter to his sons.",
            "Denies SI, passive ideation only.",
            "She OD'd in March.",
            "He has lost the will to live.",
            "Everyone would be happier without me, he repeated.",
        ),
        Language.CHINESE: (
            "她说不想活了。",
            "上个月有过自杀的念头。",
            "他写好了遗书。",
            "她说“死了算了”。",
            "曾经割腕。",
            "他在攒安眠药，囤了一瓶药。",
            "来访者否认自杀意念。",
            "他有过寻短见的念头，想一了百了。",
            "想从楼上跳下去。",
        ),
    },
    Risk.SELF_HARM: {
        Language.ENGLISH: (
            "Self-harm since spring.",
            "She cuts herself after arguments.",
            "Fresh cuts under the sleeve.",
            "He burned his forearm with a cigarette.",
            "She bangs her head against the wall.",
            "NSSI since fourteen.",
            "He has an urge to cut every evening.",
            "She holds a lighter against her forearm.",
        ),
        Language.CHINESE: (
            "最近又有自伤行为。",
            "她割自己的手臂。",
            "用烟头烫自己。",
            "手腕上有新的划痕。",
            "她用刀片划伤自己。",
            "他扇自己耳光。",
        ),
    },
    Risk.ABUSE: {
        Language.ENGLISH: (
            "Her husband hits her when he drinks.",
            "He was abused as a child.",
            "She was raped last autumn.",
            "Partner grabs her by the throat.",
            "He was beaten at home.",
            "Long history of DV.",
            "Her stepfather touched her at night.",
            "His wife locks him in.",
        ),
        Language.CHINESE: (
            "她长期遭受家暴。",
            "小时候被继父猥亵。",
            "丈夫喝醉了打她。",
            "他从小挨打。",
            "她被丈夫打得鼻青脸肿。",
            "表哥摸过她。",
        ),
    },
    Risk.VIOLENCE: {
        Language.ENGLISH: (
            "He hit his wife on Sunday.",
            "She threatened a neighbour.",
            "He wants to kill his boss.",
            "Pulled a knife in the pub.",
            "There was violence in the family.",
            "He denies HI.",
            "She fantasises about stabbing her colleague.",
            "He threw a plate at his wife.",
        ),
        Language.CHINESE: (
            "他威胁要报复前任。",
            "上周打了孩子。",
            "他随身带刀，说要拿刀捅人。",
            "有暴力行为。",
            "他想砍死同事。",
            "他扬言要砍人。",
        ),
    },
}
HARMLESS = {
    Language.ENGLISH: (
        "She had a panic attack on the train.",
        "He hits the gym every day.",
        "The deadline is killing her.",
        "Father died of a heart attack.",
        "It hits him hard that the children are gone.",
        "He cut down on coffee.",
        "She is dying to see her sister.",
        "Drug abuse is not a topic.",
        "He jumps from task to task.",
        "He hits the punching bag until he is dead tired.",
        "She beat herself up over the mistake.",
        "He cut himself shaving and burned himself out at work.",
        "She is killing time and wants to die of shame.",
        "He is tired of living with his parents.",
        "She took her tablets with breakfast.",
        "Inflation hits her hard, and he beat her record.",
        "Hi, he doesn't want to be here today.",
    ),
    Language.CHINESE: (
        "她在地铁上惊恐发作。",
        "他每天去健身房打卡。",
        "工作累得要命。",
        "父亲去年做了手术。",
        "孩子在学校被同学打断了发言。",
        "周末报复性熬夜。",
        "他打球，打电话，打游戏。",
        "累死了，气死我了，想死你了。",
        "她想跳槽，随他去吧。",
        "他把自己关在房间，强迫自己早起。",
        "兄弟俩抢玩具，他被打断、被打压。",
    ),
}


@pytest.mark.parametrize(
    ("risk", "language", "text"),
    [(risk, language, text) for risk, both in PLAIN.items() for language, texts in both.items() for text in texts],
)
def test_a_danger_said_plainly_is_found(risk: Risk, language: Language, text: str) -> None:
    """Each sentence is read as the danger it names, alone and within a longer report."""
    assert mentioned_risk(text, language) is risk
    assert mentioned_risk(f"{HARMLESS[language][0]} {text} {HARMLESS[language][1]}", language) is risk


@pytest.mark.parametrize(("language", "text"), [(language, text) for language, texts in HARMLESS.items() for text in texts])
def test_everyday_words_are_no_danger(language: Language, text: str) -> None:
    """Words that stand near danger in other sentences raise no alarm."""
    assert mentioned_risk(text, language) is None


def test_the_most_pressing_danger_comes_first() -> None:
    """Of several dangers the report is read for the most pressing one."""
    assert mentioned_risk("Her husband hits her. She says she wants to die.", Language.ENGLISH) is Risk.SUICIDE


def test_a_case_in_one_language_is_searched_in_the_other_one_too() -> None:
    """An English sentence in a Chinese case is not overlooked, nor the other way round."""
    assert mentioned_risk("She is suicidal.", Language.CHINESE) is Risk.SUICIDE
    assert mentioned_risk("她说不想活了。", Language.ENGLISH) is Risk.SUICIDE


@given(st.text(max_size=200), st.sampled_from(Language))
def test_the_prompt_points_out_what_was_found(text: str, language: Language) -> None:
    """A report is followed by its warning exactly where a danger was found."""
    for said in (text, f"{text} suicide"):
        risk = mentioned_risk(said, language)
        turn = reported(TurnKind.DESCRIPTION, said, language)
        warnings = [warning for warning in DANGER[language].values() if turn.text.endswith(f"\n{warning}")]
        assert bool(warnings) == (risk is not None)
        if risk:
            assert turn.text.endswith(DANGER[language][risk])


def test_a_very_long_report_is_searched_in_reasonable_time() -> None:
    """Patterns don't explode: twenty times the text takes no more than a hundred times as long."""

    def seconds(text: str) -> float:
        start = time.perf_counter()
        assert mentioned_risk(text, Language.ENGLISH) is None
        assert mentioned_risk(text, Language.CHINESE) is None
        return time.perf_counter() - start

    for piece in ("his own his own ", "he grabbed the big old ", "被他被他", "打了" * 5 + "一", "not want to want to "):
        short = min(seconds(piece * 200) for _ in range(3))
        assert seconds(piece * 4000) < 100 * short + 0.5


def test_most_of_what_nobody_fitted_the_list_to_is_found() -> None:
    """Sentences by a writer who had not seen the list, never to be used for fitting it: most dangers are found, next to no false ones."""
    lines = (Path(__file__).parent / "danger_sentences.jsonl").read_text(encoding="utf-8").splitlines()
    sentences = [json.loads(line) for line in lines]
    found = [mentioned_risk(one["text"], Language(one["language"])) is not None for one in sentences]
    danger = [hit for one, hit in zip(sentences, found, strict=True) if one["risk"]]
    harmless = [hit for one, hit in zip(sentences, found, strict=True) if not one["risk"]]
    assert (len(danger), len(harmless)) == (200, 150)
    assert sum(danger) >= 160
    assert sum(harmless) <= 3
