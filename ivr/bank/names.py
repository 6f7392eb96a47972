"""Names of the demonstration bank's customers: Chinese in characters or in pinyin, and some from elsewhere."""

from random import Random

#: Family names, as (characters, pinyin), the common ones repeated.
FAMILY = (
    *(("王", "Wang"), ("李", "Li"), ("张", "Zhang"), ("刘", "Liu"), ("陈", "Chen")) * 3,
    *(("杨", "Yang"), ("黄", "Huang"), ("赵", "Zhao"), ("吴", "Wu"), ("周", "Zhou")) * 2,
    *(("徐", "Xu"), ("孙", "Sun"), ("马", "Ma"), ("朱", "Zhu"), ("胡", "Hu"), ("郭", "Guo"), ("何", "He")),
    *(("林", "Lin"), ("高", "Gao"), ("罗", "Luo"), ("郑", "Zheng"), ("梁", "Liang"), ("谢", "Xie"), ("宋", "Song")),
    *(("唐", "Tang"), ("许", "Xu"), ("韩", "Han"), ("冯", "Feng"), ("邓", "Deng"), ("曹", "Cao"), ("彭", "Peng")),
    *(("曾", "Zeng"), ("欧阳", "Ouyang"), ("上官", "Shangguan"), ("司马", "Sima")),
)

#: Given names, as (characters, pinyin).
GIVEN = (
    *(("伟", "Wei"), ("芳", "Fang"), ("娜", "Na"), ("敏", "Min"), ("静", "Jing"), ("丽", "Li"), ("强", "Qiang")),
    *(("磊", "Lei"), ("军", "Jun"), ("洋", "Yang"), ("勇", "Yong"), ("艳", "Yan"), ("杰", "Jie"), ("娟", "Juan")),
    *(("涛", "Tao"), ("明", "Ming"), ("超", "Chao"), ("霞", "Xia"), ("平", "Ping"), ("刚", "Gang"), ("婷", "Ting")),
    *(("秀英", "Xiuying"), ("桂英", "Guiying"), ("建国", "Jianguo"), ("志强", "Zhiqiang"), ("海燕", "Haiyan")),
    *(("雪梅", "Xuemei"), ("晓东", "Xiaodong"), ("文博", "Wenbo"), ("子涵", "Zihan"), ("欣怡", "Xinyi")),
    *(("浩然", "Haoran"), ("雨桐", "Yutong"), ("思远", "Siyuan"), ("佳琪", "Jiaqi"), ("俊杰", "Junjie")),
    *(("梦瑶", "Mengyao"), ("嘉豪", "Jiahao"), ("诗涵", "Shihan"), ("宇轩", "Yuxuan"), ("美玲", "Meiling")),
)

ELSEWHERE_GIVEN = (
    *("Emma", "Oliver", "Sophie", "Thomas", "Anna", "Lucas", "Olga", "Dmitri", "Rajesh", "Priya", "Fatima", "Omar"),
    *("Yuki", "Kenji", "Min-jun", "Seo-yeon", "José", "María", "Zoë", "Siobhán", "Łukasz", "Ngọc"),
)
ELSEWHERE_FAMILY = (
    *("Hughes", "Smith", "O'Connor", "Müller", "Schmidt", "Dubois", "Petrova", "Ivanov", "Kumar", "Sharma"),
    *("Hassan", "Tanaka", "Sato", "Kim", "Park", "García", "van den Berg", "Kowalski", "Nguyễn", "Lindström"),
)

FIRMS_ZH = ("贸易", "科技", "餐饮", "物流", "服装", "建材", "印刷", "咨询")
FIRMS_EN = ("Trading", "Technology", "Catering", "Logistics", "Garments", "Building Supplies", "Printing", "Consulting")
PLACES = (("海达", "Haida"), ("金桥", "Jinqiao"), ("东方", "Dongfang"), ("瑞丰", "Ruifeng"), ("华美", "Huamei"))


def person_name(rng: Random, language: str) -> str:
    """A name, written as a speaker of that language has it on file."""
    if language != "zh" and rng.random() < 0.3:
        return f"{rng.choice(ELSEWHERE_GIVEN)} {rng.choice(ELSEWHERE_FAMILY)}"
    family, given = rng.choice(FAMILY), rng.choice(GIVEN)
    return family[0] + given[0] if language == "zh" else f"{family[1]} {given[1]}"


def firm_name(rng: Random, language: str) -> str:
    """The name of a small firm."""
    place, trade = rng.choice(PLACES), rng.randrange(len(FIRMS_ZH))
    family = rng.choice(FAMILY)
    if language == "zh":
        return f"{family[0]}氏{place[0]}{FIRMS_ZH[trade]}有限公司"
    return f"{family[1]} {place[1]} {FIRMS_EN[trade]} Ltd."
