"""Word lists behind names: titles, Chinese surnames, and names that are everyday words as well."""


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


TITLES = ("Mr", "Mrs", "Ms", "Miss", "Mx", "Dr", "Prof", "Professor", "Doctor")
FORMS_OF_ADDRESS = ("先生", "女士", "小姐", "太太", "老师", "医生", "大夫", "医师", "教授", "主任",
                    "经理", "校长", "阿姨", "叔叔", "同学", "师傅", "律师", "警官", "护士")  # fmt: skip

GUARDS = {
    entry[0]: entry[1:]
    for entry in _words("""
    王国女大霸 李行桃 张紧主夸慌嚣扩一两几每那这 周上下每一本这那两三四几整 许也允或不些 何如任为几奈 谢感谢多答致
    高提升最很更身太好增 林园森树丛 叶树茶 孙子外祖曾 马立罗人骑兵 金资基奖现黄美押租薪罚
    钱有没花赚多少借付给省要挣的 方对双校医警各地多男女甲乙资官 文语英中作论 于关由对至在处属终出善过等敢
    程课工过教旅日流行 任主责信班担 余其业多剩 段阶手时片 曾不未何 钟分点闹 赖依信耐 戴爱佩穿 白明坦表空
    范规示模师 顾照兼回 施实措设 夏初盛 石岩化宝 史历 常经平正非异 江长 黎巴 丁园
""")
}
"""A surname, and the characters before it that make another word of both: 下周, 如何, 感谢."""
COMPOUND = ("欧阳", "司马", "上官", "诸葛", "东方", "皇甫", "尉迟", "公孙",
            "慕容", "令狐", "夏侯", "司徒", "端木", "南宫", "独孤", "长孙", "宇文")  # fmt: skip
PLAIN = (
    "陈杨赵黄吴徐胡朱郭罗梁宋郑韩唐冯董萧彭吕苏卢蒋蔡贾魏薛阎潘杜汪田姜邓"
    "沈邹熊孟陶崔侯邱尹郝龚邵覃洪谭廖姚袁曹秦雷贺倪韦傅刘严汤武乔龙万贝柯"
)
"""Surnames that are looked for wherever a form of address follows."""
SURNAMES = frozenset((*GUARDS, *PLAIN, *COMPOUND))

FUNCTION_WORDS = _words("""
    an he so do my in to you she her me is at on no go or be by we it if as am us can him had has was the and for not see too
""")
"""Names that are never taken alone (He Wei, My Nguyen), only beside a title or with another name of the person."""
ORDINARY_WORDS = _words("""
    will may mark rose grace hope joy faith summer april june august bill young long dawn rich frank art jack sue pat guy ray
    king love day hall christian drew chase hunter sky star summers winter wood woods cook baker white black brown green gray
    grey short little small best good price page park parks bell hill field fields stone rice lane west north bond case banks
    hand power wise sharp swift moody strong still bright angel chance destiny charity honor honour ivy lily daisy violet
    iris ruby pearl amber jade heather holly olive hazel autumn eve gay son low sun moon kid max min van marks walker fisher
    carter mason parker hardy loving singer savage stark bliss mercy patience
""")
"""Names that are words as well: alone they count only with a capital, or every "she will" would become a person."""
PARTICLES = _words("""
    de la le du da di dos del van von der den ter bin ibn al el st jr sr
""") | {title.casefold() for title in TITLES}
"""What a roster entry may hold beside names; it finds nobody."""
ORDINARY_ZH = _words("""
    高兴 安静 平安 健康 幸福 快乐 开心 美丽 文静 安心 明白 平静 自信 自强 坚强 和平 安宁 成功 建设
    希望 欢喜 冷静 思想 理想 光明 明天 明年 天天 明明 常常 刚刚 慢慢 渐渐 好好 多多 星星 小时 小学
    小心 小孩 小说 小组 小区 小吃 小便 小气 小事 大家 老师 老板 老家 老人 老是 老实 老年 老公 老婆
    老子 阿姨 可能 自然 一直 如果 永远 认真 努力 家人 安全 温柔 善良 阳光 春天 夏天 秋天 冬天 学习
    学校
""")
"""Chinese words that a given name, or 小, 老 or 阿 before a character, can be as well; these are never taken for the name."""
