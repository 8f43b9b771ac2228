"""Names, numbers, addresses and birth dates leave a text; what a note needs stays. All people and numbers here are made up."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.note import Language
from training.data.deidentify import PLACEHOLDER, Clean, Deidentifier, Roster, deidentify

EN, ZH = Language.ENGLISH, Language.CHINESE
ROSTER = Roster(
    (
        *("Anna Smith (Annie)", "Tom Smith", "José O'Brien", "Will", "May Chen", "He Wei", "Jean-Luc"),
        *("王小明", "李芳", "欧阳静", "陈明", "周杰", "乐乐"),
    )
)

ENGLISH_FOUND = [
    ("Anna slept badly.", "[NAME_1] slept badly."),
    ("anna smith came late, and ANNA'S mother called.", "[NAME_1] came late, and [NAME_1]'S mother called."),
    ("Annie says Smith, Anna is on the form.", "[NAME_1] says [NAME_1] is on the form."),
    ("A. Smith signed for her.", "[NAME_1] signed for her."),
    ("Mr Smith and Mrs. Smith argue; the Smiths fight.", "Mr [NAME_1] and Mrs. [NAME_1] argue; the [NAME_1] fight."),
    ("Tom Smith and Anna Smith are siblings.", "[NAME_2] and [NAME_1] are siblings."),
    ("Jose O'Brien and José O’Brien are one man.", "[NAME_3] and [NAME_3] are one man."),
    ("Will said he will try; will she?", "[NAME_4] said he will try; will she?"),
    ("In May she slept; May said so on May 12, and she may call.", "In May she slept; [NAME_5] said so on May 12, and she may call."),
    ("He is tired, but He Wei is not. Wei left.", "He is tired, but [NAME_6] is not. [NAME_6] left."),
    ("Jean-Luc's boss; Luc is calm.", "[NAME_7]'s boss; [NAME_7] is calm."),
    ("Dr Patel raised it; Dr. Amy Patel agreed, Ms Lopez did not.", "Dr [NAME_14] raised it; Dr. [NAME_14] agreed, Ms [NAME_15] did not."),
    ("anna_smith1987 is the login.", "[NAME_1]1987 is the login."),
    ("Ａｎｎａ spoke, and An\u200bna wept.", "[NAME_1] spoke, and [NAME_1] wept."),
    ("It was Anna\nSmith who wept.", "It was [NAME_1] who wept."),
    ("Mail anna.smith+x@mail.example.co.uk, or josé@exámple.com.", "Mail [EMAIL], or [EMAIL]."),
    ("anna (at) mail (dot) com, bob at mail dot com", "[EMAIL], [EMAIL]"),
    ("Call 202-555-0143 or (415) 555-0123 or 2025550143.", "Call [PHONE] or [PHONE] or [PHONE]."),
    ("Ring 020 7946 0958, 07700 900123, 01632 960 123 ext 12.", "Ring [PHONE], [PHONE], [PHONE]."),
    ("+86 138 1234 5678 14 times; 0044 20 7946 0958.", "[PHONE] 14 times; [PHONE]."),
    ("Her number in Berlin: +49 30 123456.", "Her number in Berlin: [PHONE]."),
    ("Call 555-0143 tonight.", "Call [PHONE] tonight."),
    ("SSN 536-90-4399, NI AB 12 34 56 C.", "SSN [ID], NI [ID]."),
    ("IBAN GB29 NWBK 6016 1331 9268 19 AND nothing.", "IBAN [ID] AND nothing."),
    ("Card 4111 1111 1111 1111, not 4111 1111 1111 1112.", "Card [ID], not 4111 1111 1111 1112."),
    ("Passport no. AB1234567, MRN: 00123456.", "Passport no. [ID], MRN: [ID]."),
    ("NHS number 943 476 5919.", "NHS number [ID]."),
    ("Lives at 12 Oak Street, Apt 4B, Leeds LS1 4AP. Next.", "Lives at [ADDRESS]. Next."),
    ("Lives at Flat 3, 12 St. Mary's Road.", "Lives at [ADDRESS]."),
    ("From 1600 Pennsylvania Ave, Washington, DC 20500 to 221B Baker St", "From [ADDRESS] to [ADDRESS]"),
    ("lives at 12 oak street; postcode ls1 4ap", "lives at [ADDRESS]; postcode [ADDRESS]"),
    ("PO Box 123; zip 90210; SW1A 1AA", "[ADDRESS]; zip [ADDRESS]; [ADDRESS]"),
    ("DOB: 12/05/1987. Born on 12 May 1987 in Leeds.", "DOB: [BIRTH_DATE]. Born on [BIRTH_DATE] in Leeds."),
    ("Date of birth\n12 May 1987; d.o.b 1987-05-12", "Date of birth\n[BIRTH_DATE]; d.o.b [BIRTH_DATE]"),
    ("On 12 May, her birthday, she cried. Birthday: 12/05.", "On [BIRTH_DATE], her birthday, she cried. Birthday: [BIRTH_DATE]."),
    ("See https://example.com/a?b=c, www.example.org.", "See [URL], [URL]."),
    ("Her page is linkedin.com/in/anna-s.", "Her page is [URL]."),
    ("@anna_s and <@U12345> met.", "[HANDLE] and [HANDLE] met."),
    ("Instagram: anna_s1; wechat id: wxid_abc", "Instagram: [HANDLE]; wechat id: [HANDLE]"),
    ("王小明 and Anna met; 小明 left.", "[NAME_8] and [NAME_1] met; [NAME_8] left."),
]  # fmt: skip

ENGLISH_KEPT = [
    "Annabelle is a doll, and annals are books.",
    "28 years old, slept 4 hours, PHQ-9 14, GAD-7 12, mood 7/10, BP 120/80.",
    "Sertraline 50 mg at 9am and 10:30 pm, 3x/day; B12 5MG daily.",
    "Seen on 12 May 2024, again 2024-05-12 14:30 and 05/12/2024; worse since 2019-2020.",
    "Born in 1987, the youngest of 4.",
    "Since the baby was born she has slept badly, worse from 12 May.",
    "Stubborn since 12 May 2024.",
    "Crisis lines 988, 116 123, 0800 1111 and 1-800-273-8255 were given.",
    "Walked 100-2000 steps, 2 miles down the road, a 5 minute drive.",
    "In 2019 Park Street closed.",
    "Dr. She said so. The Dr said no. Miss him.",
    "Met @ 9am, @50mg, @home; Instagram: she scrolls.",
    "Scores 14 12 10 9 8 7 6 5; +3 points, from +10 to 20.",
    "Passport lost in 2019; called 12 times; text 3 friends.",
    "Moved from Leeds to London, works at 3 sites.",
    "[NAME_1] and [EMAIL] were cleaned before.",
    "",
]

CHINESE_FOUND = [
    ("王小明说他睡不好，小明的妈妈也是。", "[NAME_8]说他睡不好，[NAME_8]的妈妈也是。"),
    ("王先生、王女士和小王都来了，老王没来。", "[NAME_8]先生、[NAME_8]女士和[NAME_8]都来了，[NAME_8]没来。"),
    ("李芳和阿芳，芳姐，芳芳。", "[NAME_9]和[NAME_9]，[NAME_9]姐，[NAME_9]。"),
    ("欧阳静，欧阳老师，静姐，很安静。", "[NAME_10]，[NAME_10]老师，[NAME_10]姐，很安静。"),
    ("陈明明天来，陈老师知道。", "[NAME_11]明天来，[NAME_11]老师知道。"),
    ("下周老师说，周老师说，周一。", "下周老师说，[NAME_12]老师说，周一。"),
    ("乐乐很快乐。", "[NAME_13]很快乐。"),
    ("张医生建议，张医生同意，黄主任反对。", "[NAME_14]医生建议，[NAME_14]医生同意，[NAME_15]主任反对。"),
    ("王 小明走了。", "[NAME_8]走了。"),
    ("Anna说她累，ANNA哭了。", "[NAME_1]说她累，[NAME_1]哭了。"),
    ("电话13812345678。", "电话[PHONE]。"),
    ("手机138 1234 5678或138-1234-5678。", "手机[PHONE]或[PHONE]。"),
    ("手机１３８１２３４５６７８。", "手机[PHONE]。"),
    ("座机010-62345678，（0571）87654321转123。", "座机[PHONE]，[PHONE]。"),
    ("从+86 13812345678打来。", "从[PHONE]打来。"),
    ("联系电话：62345678。", "联系电话：[PHONE]。"),
    ("邮箱zhangwei@qq.com联系。", "邮箱[EMAIL]联系。"),
    ("邮箱ｚｈａｎｇ＠ｑｑ．ｃｏｍ。", "邮箱[EMAIL]。"),
    ("我的邮箱是张伟@例子.中国。", "我的邮箱是[EMAIL]。"),
    ("身份证11010519491231002X。", "身份证[ID]。"),
    ("号码11010519491231002x在此", "号码[ID]在此"),
    ("身份证号：110105194912310021。", "身份证号：[ID]。"),
    ("银行卡6222 0212 3456 7890 128。", "银行卡[ID]。"),
    ("护照E12345678，学号2019123456。", "护照[ID]，学号[ID]。"),
    ("住在北京市海淀区中关村大街27号3单元502室。", "住在[ADDRESS]。"),
    ("住在广东省深圳市南山区科技园路5号，很远。", "住在[ADDRESS]，很远。"),
    ("搬到解放路12号和幸福小区3号楼2单元501室。", "搬到[ADDRESS]和[ADDRESS]。"),
    ("她在解放路十二号等。", "她在[ADDRESS]等。"),
    ("住番禺路88弄12号301室。", "住[ADDRESS]。"),
    ("住上海市徐汇区。", "住[ADDRESS]。"),
    ("邮编100080", "邮编[ADDRESS]"),
    ("1987年5月12日出生。", "[BIRTH_DATE]出生。"),
    ("出生日期：1987-05-12，女。", "出生日期：[BIRTH_DATE]，女。"),
    ("生日是5月12日；5月12日是她的生日。", "生日是[BIRTH_DATE]；[BIRTH_DATE]是她的生日。"),
    ("生于一九八七年五月十二日。", "生于[BIRTH_DATE]。"),
    ("女，1990年3月生，已婚。", "女，[BIRTH_DATE]生，已婚。"),
    ("微信号：abc_123，QQ：123456789。", "微信号：[HANDLE]，QQ：[HANDLE]。"),
    ("QQ12345678，微信是wx_998877。", "QQ[HANDLE]，微信是[HANDLE]。"),
    ("微博@小明的日常 在更新。", "微博[HANDLE] 在更新。"),
    ("见https://weibo.com/u/123，然后。", "见[URL]，然后。"),
]  # fmt: skip

CHINESE_KEPT = [
    "28岁，睡眠4小时，PHQ-9得14分，心情7/10分，每天50毫克，晚上11点。",
    "2024年5月12日来访，3月2日复诊，持续3个月。",
    "1987年出生，家里老二。",
    "生日那天哭了，5月12日来访。",
    "小时候，小时，老师，老板，明天，明白。",
    "国王先生，感谢老师，语文老师，任何老师，高中老师，班主任老师，也许老师会骂。",
    "走路10分钟，知道12号要考试，坐3号线。",
    "来自四川省成都市，在北京工作，去了市区。",
    "热线400-161-9995、12356、120、110不变。",
    "微信步数10000步，用微信20分钟。",
    "护照2019年丢了，电话打了3次。",
    "芳香的花，安静的房间，快乐的一周。",
    "血压120/80，体重65.5公斤，1000000元。",
    "[NAME_1]和[PHONE]已经处理过。",
]


@pytest.mark.parametrize(("text", "expected"), ENGLISH_FOUND)
def test_english_identifiers_become_placeholders(text: str, expected: str) -> None:
    """Exactly the identifiers go, and everything around them stays."""
    assert deidentify(text, EN, ROSTER).text == expected


@pytest.mark.parametrize(("text", "expected"), CHINESE_FOUND)
def test_chinese_identifiers_become_placeholders(text: str, expected: str) -> None:
    """Exactly the identifiers go, and everything around them stays."""
    assert deidentify(text, ZH, ROSTER).text == expected


@pytest.mark.parametrize(("text", "language"), [*((text, EN) for text in ENGLISH_KEPT), *((text, ZH) for text in CHINESE_KEPT)])
def test_what_a_note_needs_stays(text: str, language: Language) -> None:
    """Ages, scores, doses, times, ordinary dates, helplines and everyday words are no identifiers."""
    assert deidentify(text, language, ROSTER) == Clean(text, {})


def test_counts_say_how_many_of_each_kind() -> None:
    """The report of a text names kinds and numbers, and nothing that was in it."""
    clean = deidentify("Anna, Tom: 202-555-0143, anna@mail.com, tom@mail.com", EN, ROSTER)
    assert clean.found == {"NAME": 2, "PHONE": 1, "EMAIL": 2}


def test_names_keep_their_numbers_in_all_texts_of_a_case() -> None:
    """Listed and unlisted people have one number each, whatever text they come up in and in whatever order."""
    case = Deidentifier(ROSTER)
    texts = ["Mr Jones met Tom.", "Anna met Dr Brown.", "Dr Brown and Mr Jones left."]
    assert [case.clean(text, EN).text for text in texts] == [
        "Mr [NAME_14] met [NAME_2].",
        "[NAME_1] met Dr [NAME_15].",
        "Dr [NAME_15] and Mr [NAME_14] left.",
    ]


def test_a_number_that_a_text_already_uses_is_not_given_to_somebody_else() -> None:
    """A text cleaned earlier keeps its people apart from new ones."""
    assert deidentify("[NAME_3] met Mr Jones.", EN, Roster()).text == "[NAME_3] met Mr [NAME_4]."


def test_a_short_name_beside_the_full_one_is_the_same_person() -> None:
    """Two entries of one person share a number; a name that two people have stays a person of its own."""
    assert deidentify("Anna; Anna Smith; Bob", EN, Roster(("Anna", "Anna Smith", "Bob"))).text == "[NAME_1]; [NAME_1]; [NAME_2]"
    assert deidentify("Ben Lee; Ben Fox", EN, Roster(("Ben", "Ben Lee", "Ben Fox"))).text == "[NAME_2]; [NAME_3]"
    assert deidentify("小明，王小明", ZH, Roster(("小明", "王小明"))).text == "[NAME_1]，[NAME_1]"


def test_a_single_chinese_character_needs_company_to_be_a_name() -> None:
    """A nickname of one character counts with 小 or 阿, before a form of address, or standing alone."""
    assert deidentify("明天小明来，阿明走，“明”哭，明白。", ZH, Roster(("明",))).text == "明天[NAME_1]来，[NAME_1]走，“[NAME_1]”哭，明白。"


def test_the_longest_of_overlapping_identifiers_wins() -> None:
    """A name inside an address, a link or a street is part of it."""
    text = "anna@smith.com, https://smith.com/anna, 12 Anna Street"
    assert deidentify(text, EN, ROSTER) == Clean("[EMAIL], [URL], [ADDRESS]", {"EMAIL": 1, "URL": 1, "ADDRESS": 1})


def test_what_a_first_replacement_lays_bare_is_found_as_well() -> None:
    """An address glued to a name begins a word only when the name is gone."""
    assert deidentify("Anna12 Oak Street", EN, ROSTER) == Clean("[NAME_1][ADDRESS]", {"NAME": 1, "ADDRESS": 1})


def test_accents_and_invisible_characters_go_with_their_name() -> None:
    """A name in decomposed form, or with zero-width characters after it, leaves nothing behind."""
    assert deidentify("I met Andre\u0301 and Andre\u200b.", EN, Roster(("André",))).text == "I met [NAME_1] and [NAME_1]."


def test_names_and_texts_stay_out_of_representations() -> None:
    """A roster or a clean text that lands in a log or an exception shows none of its words."""
    assert "Anna" not in repr(ROSTER)
    assert "slept" not in repr(deidentify("slept badly", EN, ROSTER))


@pytest.mark.parametrize("names", [(), ("",), (" . ",), ("X",), ("Dr",)])
def test_a_roster_without_usable_names_finds_nothing(names: tuple[str, ...]) -> None:
    """Empty entries, marks, single letters and bare titles are no names."""
    assert deidentify("X slept. The Dr came.", EN, Roster(names)).found == {}


@pytest.mark.parametrize(
    "unit",
    [
        *("a", "1", "1 ", "a.", "a-", "@a", "+1 ", "12 Aa ", "born ", "Anna Smith ", "annaanna"),
        *("路", "市区镇村路", "小明", "GB29 ", "6222 ", "[NAME_1]", "http://", "her sleep "),
    ],
)
@pytest.mark.parametrize("language", Language)
def test_a_hundred_thousand_characters_take_no_time_worth_naming(unit: str, language: Language) -> None:
    """No pattern backtracks without bound; a quadratic one would take minutes on these. The bound is wide, as machines are busy."""
    text = (unit * (100_000 // len(unit) + 1))[:100_000]
    begun = time.process_time()
    deidentify(text, language, ROSTER)
    assert time.process_time() - begun < 10


FRAGMENTS = [text for text, _ in (*ENGLISH_FOUND, *CHINESE_FOUND)] + [*ENGLISH_KEPT, *CHINESE_KEPT]
PIECES = [
    "Anna",
    "Smith",
    "王",
    "小明",
    "老师",
    "Dr ",
    "Jones",
    " ",
    "\n",
    "1",
    "138",
    "12345678",
    "@",
    "a.com",
    "born ",
    "12 May 1987",
    "生日",
    "路",
    "号",
    "市",
    "区",
    "+44 ",
    "[NAME_1]",
    "[",
    "]",
    "DOB:",
    "QQ",
    "https://",
    "，",
    "１",
    "é",
    "'s",
]
texts = st.one_of(
    st.lists(st.sampled_from(PIECES), max_size=14).map("".join),
    st.lists(st.sampled_from(FRAGMENTS), max_size=4).map(" ".join),
    st.text(max_size=60),
)
fillers = st.sampled_from(
    ["she slept 4 hours", "mood 7/10", "seen 12 May 2024", "她睡了4小时", "2024年5月12日来访", "，", ". ", "\n", "'s dad", "的妈妈"]
)


@given(texts, st.sampled_from(Language))
def test_cleaning_twice_changes_nothing(text: str, language: Language) -> None:
    """A text that was cleaned holds nothing more to find, even for somebody who has seen nothing of the case."""
    once = deidentify(text, language, ROSTER)
    assert deidentify(once.text, language, ROSTER) == Clean(once.text, {})


@given(st.lists(st.one_of(fillers, st.sampled_from(["Anna Smith", "ANNA", "smith", "Annie", "王小明", "小明", "欧阳静"])), max_size=12))
def test_names_of_the_roster_never_survive(parts: list[str]) -> None:
    """However the names are cased, repeated and surrounded, none is left."""
    cleaned = deidentify(" ".join(parts), EN, ROSTER).text.casefold()
    assert not [name for name in ("anna", "smith", "annie", "小明", "欧阳") if name in cleaned]


@given(st.lists(fillers, max_size=12), st.sampled_from(Language))
def test_a_text_without_identifiers_is_unchanged(parts: list[str], language: Language) -> None:
    """Nothing is found where nothing is, and no character is normalised away."""
    text = " ".join(parts)
    assert deidentify(text, language, ROSTER) == Clean(text, {})


@given(st.lists(st.sampled_from(["Anna", "Tom Smith", "李芳"]), min_size=1, max_size=8))
def test_placeholders_stand_in_the_order_of_what_they_replace(names: list[str]) -> None:
    """Each name is replaced where it stood."""
    expected = [{"Anna": "[NAME_1]", "Tom Smith": "[NAME_2]", "李芳": "[NAME_9]"}[name] for name in names]
    assert deidentify("; ".join(names), EN, ROSTER).text == "; ".join(expected)


@given(texts, st.sampled_from(Language))
def test_counts_equal_the_placeholders_that_were_added(text: str, language: Language) -> None:
    """Every replacement is counted once, and every count is a replacement."""
    clean = deidentify(text, language, ROSTER)
    added = len(PLACEHOLDER.findall(clean.text)) - len(PLACEHOLDER.findall(text))
    assert sum(clean.found.values()) == added
