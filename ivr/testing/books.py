"""A small whole book for tests: two languages, a personal top menu, a sub-menu, routes and ends."""

import json

import yaml

from menus.loader import Examined, examine, parse_book
from menus.schema import MenuBook
from menus.yaml_source import parse, read_yaml

#: Every rule is kept; the one warning is that nobody is offered a callback. Tests break it one line at a time.
SMALL = """\
version: 1
name: Small Bank
time_zone: Asia/Shanghai
languages: [en, zh]
entry: hello
option_phrase: {en: "For {label}, press {key}.", zh: "{label}，请按{key}。"}
heard_within_s: 30
waiting: {hold: hold, position: place, still: still}
tasks:
  balance: {en: checks the balance, zh: 查询余额}
  transfer: {en: transfers money, zh: 转账}
  card: {en: asks about cards, zh: 咨询银行卡}
  complaint: {en: complains, zh: 投诉}
  agent: {en: asks for an agent, zh: 找人工客服}
prompts:
  welcome: {text: {en: Welcome., zh: 欢迎。}}
  main: {text: {en: Main menu., zh: 主菜单。}}
  again: {text: {en: Once more., zh: 再说一遍。}}
  silent: {text: {en: I heard nothing., zh: 没有收到。}}
  silent_again: {text: {en: Still nothing., zh: 仍然没有收到。}}
  wrong: {text: {en: Wrong key., zh: 按键有误。}}
  hold: {text: {en: Please hold., zh: 请稍候。}}
  place: {text: {en: "You are number {position:number}.", zh: "您是第{position:number}位。"}}
  still: {text: {en: Still waiting., zh: 请继续等待。}}
  bye: {text: {en: Goodbye., zh: 再见。}}
steps:
  hello: {kind: say, prompts: [welcome], then: main}
  main:
    kind: menu
    order: personal
    greeting: main
    greeting_again: again
    options:
      - {id: balance, key: 1, task: balance, label: {en: balance, zh: 余额}, then: general}
      - {id: transfer, key: 2, task: transfer, label: {en: transfers, zh: 转账}, then: general}
      - {id: cards, key: 3, task: card, label: {en: cards, zh: 银行卡}, then: cards}
      - {id: chinese, key: 4, only_in: [en], spoken_in: zh, pinned: true, label: {zh: 中文}, then: to_zh}
      - {id: english, key: 4, only_in: [zh], spoken_in: en, pinned: true, label: {en: English}, then: to_en}
      - {id: complaint, key: 5, task: complaint, pinned: true, label: {en: a complaint, zh: 投诉}, then: general}
      - {id: agent, key: 0, task: agent, pinned: true, label: {en: an agent, zh: 人工}, then: general}
    no_input: {timeout_s: 5, tries: 3, prompts: [silent, silent_again], then: general}
    invalid: {tries: 2, prompts: [wrong], then: general}
  cards:
    kind: menu
    options:
      - {id: lost, key: 1, label: {en: a lost card, zh: 挂失}, then: general}
      - {id: agent, key: 0, task: agent, pinned: true, label: {en: an agent, zh: 人工}, then: general}
    no_input: {prompts: [silent], then: general}
    invalid: {prompts: [wrong], then: general}
  to_zh: {kind: language, language: zh, then: main}
  to_en: {kind: language, language: en, then: main}
  general: {kind: route, queue: general, reason: General, then: thanks, otherwise: nobody}
  thanks: {kind: goodbye, prompts: [bye]}
  nobody: {kind: goodbye, prompts: [bye], because: no_agents}
"""


def small_book() -> MenuBook:
    """The small book."""
    return parse_book({"small.yaml": SMALL})


def book_with_wait_words() -> MenuBook:
    """The small book, which tells callers how long they will probably wait."""
    plain = small_book().model_dump(by_alias=True, exclude_defaults=True, mode="json")
    plain["waiting"] |= {"less_than": "less", "between": "between", "more_than": "more"}
    text = {
        "less": "Less than {most:count}.",
        "between": "{least:count} to {most:count}.",
        "more": "Over {least:count}.",
    }
    plain["prompts"] |= {name: {"text": {"en": said, "zh": said}} for name, said in text.items()}
    return MenuBook.model_validate(plain)


_RECORDED = "recorded: {announced: record_now, asked: may_we}\nprompts:\n"
_RECORDED_PROMPTS = """\
  record_now: {text: {en: We record., zh: 录音。}}
  may_we: {text: {en: May we record?, zh: 可以录音吗？}}
"""


def book_that_records() -> MenuBook:
    """The small book, which tells callers that conversations are recorded, or asks them."""
    return parse_book({"small.yaml": SMALL.replace("prompts:\n", _RECORDED + _RECORDED_PROMPTS, 1)})


def book_with_a_menu_after_talks() -> MenuBook:
    """The small book, where transfers lead over a notice to an agent, and the conversation to another menu."""
    text = SMALL.replace(
        "label: {en: transfers, zh: 转账}, then: general}", "label: {en: transfers, zh: 转账}, then: notice}"
    ).replace("  bye: {text:", "  notice: {text: {en: Keep your card at hand., zh: 请准备好银行卡。}}\n  bye: {text:")
    return parse_book({"small.yaml": text + _AFTER})


def text_with(steps: str, *, prompts: str = "", more: str = "") -> str:
    """The small book as text, in whose main menu key 3 leads to the step `first` of these; `main` is beyond.

    Steps and prompts are lines of YAML with an indentation of two, `more` is whole sections of the book.
    """
    start, end = SMALL.index("  cards:\n    kind: menu"), SMALL.index("  to_zh: {kind")
    text = (SMALL[:start] + SMALL[end:]).replace("then: cards}", "then: first}")
    return text.replace("  bye: {text:", f"{prompts}  bye: {{text:") + steps + more


def book_with(steps: str, *, prompts: str = "", more: str = "") -> MenuBook:
    """The book of `text_with`. Its form is checked, the rules between its parts are not."""
    return MenuBook.model_validate(yaml.safe_load(text_with(steps, prompts=prompts, more=more)))


_AFTER = """\
  notice: {kind: say, prompts: [notice], then: transfers}
  transfers: {kind: route, queue: general, reason: Transfers, then: after, otherwise: nobody}
  after:
    kind: menu
    options:
      - {id: done, key: 1, label: {en: the end, zh: 结束}, then: thanks}
      - {id: agent, key: 0, task: agent, pinned: true, label: {en: an agent, zh: 人工}, then: transfers}
    no_input: {prompts: [silent], then: thanks}
    invalid: {prompts: [wrong], then: thanks}
"""


def book_with_callbacks() -> MenuBook:
    """The small book, whose queue can be left for a callback or a notice, and that tells what is open.

    Read without the rules over whole books: it is here to be walked.
    """
    text = (
        SMALL.replace("hello: {kind: say, prompts: [welcome], then: main}", _MATTERS)
        .replace("then: general}", "then: queue}")
        .replace("  general: {kind: route, queue: general, reason: General, then: thanks, otherwise: nobody}", _QUEUE)
        .replace(
            "waiting: {hold", "calling_back: {greeting: greeting, then: thanks, otherwise: nobody}\nwaiting: {hold"
        )
        .replace("prompts:\n", "calendar: {hours: {service: 'Mo-Fr 08:00-20:00'}}\nprompts:\n" + _PROMPTS)
        .replace("  bye: {text", "  notice: {text: {en: Keep your card at hand., zh: 请准备好银行卡。}}\n  bye: {text")
    )
    return read_yaml(text, "small.yaml", MenuBook)


_PROMPTS = """\
  greeting: {text: {en: We call you back. Press 1., zh: 我们给您回电，请按1。}}
  may_call: {text: {en: Press 1 for a call back., zh: 回电请按1。}}
  may_go: {text: {en: Press 2 for a notice., zh: 通知请按2。}}
  open_case: {text: {en: Your matter is open., zh: 您有未结事项。}}
  missed: {text: {en: We called you., zh: 我们给您打过电话。}}
  before: {text: {en: You called before., zh: 您来过电话。}}
  kept: {text: {en: "We call at {callback_at:time}.", zh: "我们{callback_at:time}回电。"}}
"""
_MATTERS = """\
hello: {kind: say, prompts: [welcome], then: open}
  open:
    kind: matters
    case: open_case
    case_then: notice
    callback: missed
    callback_then: queue
    repeat: before
    then: main"""
_QUEUE = """\
  queue:
    kind: route
    queue: general
    reason: General
    credit_minutes: 1
    ways:
      - {key: 1, prompt: may_call, after_s: 10, then: keep}
      - {key: 2, prompt: may_go, when: "queue.general.waiting > 1", then: notice}
    then: thanks
    otherwise: soon
  keep: {kind: callback, queue: general, reason: Cards, time: keep_place, then: told, otherwise: notice}
  soon: {kind: callback, queue: general, reason: Cards, time: now, hours: service, then: told, otherwise: notice}
  told: {kind: say, prompts: [kept], then: thanks}
  notice: {kind: say, prompts: [notice], then: thanks}"""


def small_book_with(example: str) -> Examined:
    """What is found in the small book with another file over it: what the file says itself, the small book does not.

    The site has the skills general and cards, three tiers, and the queues general, and advice, which asks callers
    whether it may record; it may call +86 and ask https://crm.example/ivr/.
    """
    (small, _), (mine, _) = parse(SMALL, "small.yaml"), parse(example, "example.yaml")
    rest = small.plain() if small else {}
    for key, value in (mine.plain() if mine else {}).items():
        if key in ("steps", "prompts", "tasks") and isinstance(value, dict):
            rest[key] = {name: entry for name, entry in rest[key].items() if name not in value}
        else:
            rest.pop(key, None)
    return examine(
        {"small.yaml": json.dumps(rest), "example.yaml": example},
        queues={"general", "advice"},
        skills={"general", "cards"},
        tiers=3,
        recording={"general": "never", "advice": "asked"},
        time_zone="Asia/Shanghai",
        outbound=("+86",),
        webhooks=("https://crm.example/ivr/",),
    )
