"""Large books for tests and measurements: as many lines, menus and options as wanted, every rule kept."""

from collections.abc import Iterator

#: Of each line that is dialled: a top menu of seven matters, complaint and agent, and seven menus below it.
_MATTERS = {
    "cards": "卡片", "loans": "贷款", "savings": "储蓄", "transfers": "转账", "insurance": "保险", "funds": "基金",
    "points": "积分",
}  # fmt: skip
_ASKED = {
    "balance": "余额", "limit": "额度", "delivery": "寄送", "fees": "费用", "renewal": "续期", "documents": "资料",
    "addresses": "地址",
}  # fmt: skip
OPTIONS_A_LINE = len(_MATTERS) + 2 + len(_MATTERS) * (len(_ASKED) + 1)
_LINES_A_FILE = 5

_HEAD = """\
version: 1
name: Large Bank
time_zone: Asia/Shanghai
languages: [en, zh]
entry: start_0
option_phrase: {en: "For {label}, press {key}.", zh: "{label}，请按{key}。"}
waiting: {hold: hold, position: place, still: still}
segments: [affluent]
calling_back: {greeting: later, then: bye, otherwise: bye}
calendar: {country: CN, hours: {service: "Mo-Fr 08:00-20:00; PH off"}}
tasks:
  complaint: {en: complains, zh: 投诉}
  agent: {en: asks for an agent, zh: 找人工客服}
prompts:
  silent: {text: {en: I heard nothing., zh: 没有收到。}}
  wrong: {text: {en: Wrong key., zh: 按键有误。}}
  hold: {text: {en: Please hold., zh: 请稍候。}}
  place: {text: {en: "You are number {position:number}.", zh: "您是第{position:number}位。"}}
  still: {text: {en: Still waiting., zh: 请继续等待。}}
  later: {text: {en: We will call you back., zh: 我们会给您回电。}}
  bye: {text: {en: Goodbye., zh: 再见。}}
  card: {text: {en: Type your card number., zh: 请输入卡号。}}
  pin: {text: {en: Type your PIN., zh: 请输入密码。}}
  no_match: {text: {en: That did not match., zh: 信息不符。}}
  told: {text: {en: "You have {balance:money}.", zh: "余额为{balance:money}。"}}
steps:
  agent: {kind: route, queue: general, reason: General, then: bye, otherwise: later}
  complaint: {kind: route, queue: general, reason: Complaint, tier: 2, then: bye, otherwise: later}
  later: {kind: callback, queue: general, reason: Nobody came, then: told_later, otherwise: bye}
  told_later: {kind: goodbye, prompts: [later]}
  bye: {kind: goodbye, prompts: [bye]}
entries:
"""
_AGENT = "      - {id: agent, key: 0, task: agent, pinned: true, label: {en: an agent, zh: 人工}, then: agent}\n"
_COMPLAINT = (
    "      - {id: complaint, key: 8, task: complaint, pinned: true, label: {en: a complaint, zh: 投诉}, "
    "then: complaint}\n"
)
_ENDS = (
    "    no_input: {timeout_s: 5, tries: 3, prompts: [silent], then: agent}\n"
    "    invalid: {tries: 3, prompts: [wrong], then: agent}\n"
)


def large_book(options: int) -> dict[str, str]:
    """The files of a book with at least so many options."""
    lines = -(-options // OPTIONS_A_LINE)
    entries = "".join(f"  line_{line}: {{numbers: ['4{line:05}'], then: start_{line}}}\n" for line in range(1, lines))
    files = {"book.yaml": _HEAD + (entries or "  {}\n")}
    for first in range(0, lines, _LINES_A_FILE):
        some = range(first, min(first + _LINES_A_FILE, lines))
        prompts = "".join("".join(_prompts(line)) for line in some)
        tasks = "".join("".join(_tasks(line)) for line in some)
        steps = "".join("".join(_steps(line)) for line in some)
        files[f"lines-{first:04}.yaml"] = f"prompts:\n{prompts}tasks:\n{tasks}steps:\n{steps}"
    return files


def _prompts(line: int) -> Iterator[str]:
    yield f"  welcome_{line}: {{text: {{en: Welcome to line {line}., zh: 欢迎致电{line}号线。}}}}\n"
    for matter in _MATTERS:
        yield f"  {matter}_{line}: {{text: {{en: 'About {matter}, line {line}.', zh: '{line}号线业务。'}}}}\n"


def _tasks(line: int) -> Iterator[str]:
    for matter in _MATTERS:
        yield f"  {matter}_{line}: {{en: asks about {matter}, zh: 咨询业务}}\n"


def _steps(line: int) -> Iterator[str]:
    yield f"  start_{line}: {{kind: say, prompts: [welcome_{line}], then: top_{line}}}\n"
    yield f"  top_{line}:\n    kind: menu\n    order: personal\n    options:\n"
    for key, (matter, chinese) in enumerate(_MATTERS.items(), start=1):
        promoted = f", promote_when: 'calendar.day <= {key + line % 20}'" if key % 2 else ", promote_for: [affluent]"
        yield (
            f"      - {{id: {matter}, key: {key}, task: {matter}_{line}, "
            f"label: {{en: {matter}, zh: {chinese}}}, then: {matter}_{line}{promoted}}}\n"
        )
    yield from (_COMPLAINT, _AGENT, _ENDS)
    for matter in _MATTERS:
        yield f"  {matter}_{line}:\n    kind: menu\n    greeting: {matter}_{line}\n    options:\n"
        for key, asked in enumerate(_ASKED, start=1):
            when = ", when: hours.service" if asked == "delivery" else ""
            then = f"verify_{line}" if asked == "balance" else "agent"
            yield (
                f"      - {{id: {asked}, key: {key}, reason: {asked} of {matter}, "
                f"label: {{en: {asked}, zh: {_ASKED[asked]}}}, then: {then}{when}}}\n"
            )
        yield from (_AGENT, _ENDS)
    yield (
        f"  verify_{line}: {{kind: verify, ask_customer: card, ask_secret: pin, wrong: no_match, then: balance_{line}, "
        "otherwise: agent, locked: agent}\n"
    )
    yield f"  balance_{line}: {{kind: transact, do: balance, say: [told], then: agent, otherwise: agent}}\n"
