"""What differs between two books is told in the words of menus."""

import pytest

from ivr.testing.books import SMALL, small_book
from menus.difference import TEXTS, Change, difference
from menus.loader import read_book
from menus.schema import MenuBook

#: A book with a step of several kinds, to change.
RICH = SMALL.replace(
    "general: {kind: route, queue: general, reason: General, then: thanks, otherwise: nobody}",
    """general:
    kind: route
    queue: general
    reason: General
    ways: [{key: 1, prompt: still, after_s: 30, then: thanks}]
    then: thanks
    otherwise: nobody
  choose:
    kind: goto
    cases:
      - {when: calendar.day <= 5, then: main}
      - {when: customer.known, then: general}
    then: cards""",
).replace(
    "tasks:",
    """entries:
  cards_line: {numbers: ["4001"], then: cards, campaign: Spring}
calendar: {hours: {service: "Mo-Fr 08:00-20:00"}}
tasks:""",
    1,
)  # fmt: skip


def _book(*changes: tuple[str, str], text: str = RICH) -> MenuBook:
    for old, new in changes:
        assert text.count(old) >= 1, old
        text = text.replace(old, new, 1)
    return read_book({"book.yaml": text})


def _told(*changes: tuple[str, str]) -> list[str]:
    return [str(change) for change in difference(_book(), _book(*changes))]


def test_a_book_does_not_differ_from_itself() -> None:
    assert difference(small_book(), small_book()) == ()


LOST = "{id: lost, key: 1, label: {en: a lost card, zh: 挂失}, then: general}"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("label: {en: cards, zh: 银行卡}, then: cards", "label: {en: cards, zh: 银行卡}, then: general",
         "menu main: key 3 now goes to general (was cards)"),
        ("{id: cards, key: 3", "{id: cards, key: 6", "menu main: cards is now on key 6 (was 3)"),
        ("{en: cards, zh: 银行卡}", "{en: your cards, zh: 银行卡}",
         "menu main: key 3 is now called “your cards” in en (was “cards”)"),
        ("zh: 银行卡}", "zh: 卡}", "menu main: key 3 is now called “卡” in zh (was “银行卡”)"),
        (LOST, LOST.replace("}, then", "}, when: customer.known, then"),
         "menu cards: key 1 is now offered only if customer.known (was always)"),
        (LOST, LOST + "\n      - {id: new, key: 2, label: {en: a new card, zh: 新卡}, then: general}",
         "menu cards: key 2 is new: a new card goes to general"),
        (f"      - {LOST}\n", "", "menu cards: key 1 is gone: a lost card went to general"),
        (LOST, LOST.replace("}, then", "}, pinned: true, then"),
         "menu cards: key 1: pinned is now true (was false)"),
        ("order: personal", "order: fixed", "menu main: order is now fixed (was personal)"),
        ("{timeout_s: 5, tries: 3", "{timeout_s: 8, tries: 3", "menu main: no_input.timeout_s is now 8 (was 5)"),
        ("prompts: [wrong], then: general", "prompts: [wrong], then: nobody",
         "menu main: invalid now goes to nobody (was general)"),
        ("Welcome.", "Good day.", "prompt welcome: says in en now “Good day.” (was “Welcome.”)"),
        ("  bye: {text:", "  more: {text: {en: More., zh: 更多。}}\n  bye: {text:", "prompt more: is new"),
        ("welcome: {text:", "welcome: {recording: {en: hi}, text:",
         "prompt welcome: recording.en is now hi (was not set)"),
        ("calendar.day <= 5, then: main", "calendar.day <= 5, then: cards",
         "goto choose: if calendar.day <= 5, it now goes to cards (was main)"),
        ("\n      - {when: customer.known, then: general}", "",
         "goto choose: it does not ask any more if customer.known (went to general)"),
        ("then: cards\n  thanks", "then: main\n  thanks", "goto choose: then now goes to main (was cards)"),
        ("{key: 1, prompt: still", "{key: 2, prompt: still", "route general: key 2 is new: still goes to thanks"),
        ("after_s: 30", "after_s: 60", "route general: key 1: after_s is now 60 (was 30)"),
        ("reason: General", "reason: Others", "route general: reason is now Others (was General)"),
        ("\n    queue: general", "\n    queue: cards", "route general: queue is now cards (was general)"),
        ("then: cards, campaign", "then: main, campaign", "entry cards_line: then now goes to main (was cards)"),
        ('["4001"]', '["4001", "4002"]', "entry cards_line: numbers is now 4001, 4002 (was 4001)"),
        ("Mo-Fr 08:00-20:00", "Mo-Fr 09:00-17:00",
         "hours: service is now Mo-Fr 09:00-17:00 (was Mo-Fr 08:00-20:00)"),
        ("heard_within_s: 30", "heard_within_s: 30\ngate: {promote_at: 0.7}",
         "book: gate.promote_at is now 0.7 (was 0.5)"),
        ("name: Small Bank", "name: Other Bank", "book: name is now Other Bank (was Small Bank)"),
        ("{en: complains,", "{en: is cross,", "task complaint: says in en now “is cross” (was “complains”)"),
        ("kind: say, prompts: [welcome], then: main", "kind: language, language: zh, then: main",
         "language hello: is now a step of the kind language (was say)"),
    ],
)  # fmt: skip
def test_a_change_is_one_sentence(old: str, new: str, told: str) -> None:
    assert told in _told((old, new))


def test_steps_that_come_and_go_are_told() -> None:
    bye = "thanks: {kind: goodbye, prompts: [bye]}"
    assert _told((bye, f"{bye}\n  ends: {{kind: goodbye, prompts: [welcome]}}")) == ["goodbye ends: is new"]
    assert [str(one) for one in difference(_book((bye, f"{bye}\n  ends: {{kind: goodbye}}")), _book())] == [
        "goodbye ends: is gone"
    ]


def test_a_step_under_another_name_is_one_change_though_many_lead_to_it() -> None:
    renamed = RICH.replace("thanks", "farewell")
    assert [str(one) for one in difference(_book(), _book(text=renamed))] == ["goodbye thanks: is now called farewell"]


def test_another_order_of_options_is_told_once() -> None:
    lines = [line for line in RICH.splitlines() if "{id: balance" in line or "{id: transfer" in line]
    swapped = RICH.replace("\n".join(lines), "\n".join(reversed(lines)))
    (change,) = difference(_book(), _book(text=swapped))
    assert str(change).startswith("menu main: the options are now in the order transfer, balance, cards")


def test_a_recording_that_holds_something_else_is_told_though_the_texts_are_the_same() -> None:
    book = small_book()
    changes = difference(book, book, old_recordings={"hi": "aa", "a": "1"}, new_recordings={"hi": "bb", "a": "1"})
    assert [str(change) for change in changes] == ["recording hi: holds another sound now"]


def test_programs_get_kind_and_values() -> None:
    (change,) = difference(_book(), _book(("Welcome.", "Good day.")))
    assert change.to_json() == {
        "part": "prompt",
        "name": "welcome",
        "kind": "words",
        "values": {"language": "en", "old": "Welcome.", "new": "Good day."},
        "text": "prompt welcome: says in en now “Good day.” (was “Welcome.”)",
    }


@pytest.mark.parametrize("kind", TEXTS)
def test_every_sentence_is_made_of_values_that_there_are(kind: str) -> None:
    values = {name: "x" for name in ("key", "label", "language", "new", "old", "what")}
    assert str(Change("menu", "main", kind, values)).startswith("menu main: ")
