"""Words of danger: what is said plainly or in a usual indirect way is found in both languages, everyday words near danger are not."""

import json
import re
import time
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from inference.note import Language
from inference.prompt import DANGER, TurnKind, reported
from inference.safety import AS_WRITTEN, WORDS, Risk, mentioned_risk

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
INDIRECT = {
    Risk.SUICIDE: {
        Language.ENGLISH: (
            "Gave away her violin and both cats last week.",
            "She told a friend that she won't be here by Christmas.",
            "He has put his affairs in order.",
            "He was pulled back from the railings in May.",
            "He says that the kids would cope fine without him.",
            "She wonders whether anyone would notice if she were gone.",
            "He asked how many of those tablets would be dangerous.",
        ),
        Language.CHINESE: (
            "她把珍藏的邮票都送了同学。",
            "他在天台坐了一夜，被保安劝下来。",
            "她说家里少了她会更好。",
            "孩子写道：下辈子再见。",
            "他怕自己走极端。",
        ),
    },
    Risk.SELF_HARM: {
        Language.ENGLISH: (
            "There are marks under her long sleeves.",
            "She refuses to roll up her sleeves.",
            "He keeps a piece of broken mirror in his sock.",
            "She says the pain clears her head.",
        ),
        Language.CHINESE: (
            "大热天也穿长袖，不肯挽袖子。",
            "他说见血了才觉得平静。",
            "笔袋里藏着刀片。",
        ),
    },
    Risk.ABUSE: {
        Language.ENGLISH: (
            "Her husband checks her messages and keeps her wages.",
            "The toddler is left alone overnight.",
            "The nurse ties the old man to the chair.",
            "Her drink was spiked at a party.",
            "She is afraid of her husband.",
            "Her ex waits outside her office.",
            "The teacher sent her pictures and asked for some in return.",
            "The girl flinches when somebody lifts a hand.",
        ),
        Language.CHINESE: (
            "老公每天查她手机，不许她跟娘家联系。",
            "护工把老人绑在椅子上。",
            "前男友天天堵在她公司楼下。",
            "教练碰她的胸。",
            "孩子身上青一块紫一块。",
            "几个同学扒他的裤子。",
        ),
    },
    Risk.VIOLENCE: {
        Language.ENGLISH: (
            "He set fires in empty barns.",
            "The voices tell him to hurt his neighbour.",
            "They will pay for it, he said.",
            "If he can't have her, nobody will have her.",
            "He shoved his father down the stairs.",
        ),
        Language.CHINESE: (
            "他说要拉几个人垫背。",
            "往前妻家门口泼了汽油。",
            "早晚会出人命。",
            "他恨不得捅了老板。",
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
        "She gave away her old clothes when she moved.",
        "He checked his phone fifty times during the session.",
        "The company is better off without the old software.",
        "She hides the presents from her husband.",
        "He stood on the platform and couldn't board the train.",
        "She wears long sleeves because of the sun.",
        "He is not allowed to drive after the operation.",
        "A colleague stabbed her in the back with that mail.",
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
        "天台上种的花都开了。",
        "她夜里反复算账，快撑不住了。",
        "他说话出口伤人，事后道歉。",
        "父母管得严，不让她晚上出去玩。",
        "办公室太冷，她总穿长袖。",
    ),
}


@pytest.mark.parametrize(
    ("risk", "language", "text"),
    [
        (risk, language, text)
        for sentences in (PLAIN, INDIRECT)
        for risk, both in sentences.items()
        for language, texts in both.items()
        for text in texts
    ],
)
def test_a_danger_is_found(risk: Risk, language: Language, text: str) -> None:
    """Each sentence, plain or indirect, is read as the danger it speaks of, alone and within a longer report."""
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


@pytest.mark.parametrize(
    "text",
    [
        "He wants\nto kill\u00a0 himself.",
        "SHE WANTS TO DIE.",
        "Sleeps badly\nShe cuts\nNo appetite",
        "他跳\n樓。\n他說想自殺。",
        "妳知道他長期遭受家庭暴力嗎？",
        "佢話唔想活了!",
    ],
)
def test_how_it_is_written_makes_no_difference(text: str) -> None:
    """Line breaks, capitals, wide blanks, traditional signs, Cantonese words and half-width punctuation hide nothing."""
    assert mentioned_risk(text, Language.ENGLISH) is not None
    assert mentioned_risk(text, Language.CHINESE) is not None


def test_abbreviations_are_read_as_they_are_written() -> None:
    """SI is a danger where si is a name or a word of another language."""
    assert mentioned_risk("Pt reports SI.", Language.ENGLISH) is Risk.SUICIDE
    assert mentioned_risk("Si moves out in May.", Language.ENGLISH) is None


def test_the_list_is_written_in_small_letters() -> None:
    """A capital would never be found in a text that is read in small letters, unless its line is read as written."""
    listed = yaml.safe_load(WORDS.read_text(encoding="utf-8"))
    lines = [line for language in Language for lines in listed[language.value].values() for line in lines if AS_WRITTEN not in line]
    lines += [*listed["harmless"], *(line for lines in listed["words"].values() for line in lines)]
    assert [line for line in lines if re.search(r"(?<!\\)[A-Z]", line)] == []


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

    for piece in (
        "his own his own ",
        "he grabbed the big old ",
        "被他被他",
        "打了" * 5 + "一",
        "not want to want to ",
        "she said that she would ",
        "孩子把他",
        "他说以后 ",
    ):
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
    assert sum(danger) >= 182
    assert sum(harmless) <= 3
