"""Whole books: what the rules refuse, where they say it stands, and several files making one book."""

import pytest

from ivr.testing.books import SMALL, small_book
from menus.loader import Examined, examine, parse_book
from menus.schema import Route
from menus.yaml_source import Faults


def line_of(text: str) -> int:
    """The line in which a text stands first."""
    return SMALL[: SMALL.index(text)].count("\n") + 1


def broken(old: str, new: str) -> Examined:
    assert old in SMALL, old
    return examine({"small.yaml": SMALL.replace(old, new)}, queues={"general"})


def test_the_small_book_keeps_every_rule() -> None:
    examined = examine({"small.yaml": SMALL}, queues={"general"})
    assert examined.faults == ()
    assert [warning.code for warning in examined.warnings] == ["rings-out"]  # nobody is offered a callback
    assert examined.book == small_book()


@pytest.mark.parametrize(
    ("old", "new", "code", "said"),
    [
        ("entry: hello", "entry: helo", "unknown-step", "did you mean 'hello'?"),
        ("label: {en: cards, zh: 银行卡}, then: cards}", "label: {en: cards, zh: 银行卡}, then: carts}", "unknown-step",
         "did you mean 'cards'?"),
        ("reason: General, then: thanks", "reason: General, then: thank", "unknown-step", "did you mean 'thanks'?"),
        ("greeting: main\n", "greeting: mian\n", "unknown-prompt", "did you mean 'main'?"),
        ("position: place", "position: plaice", "unknown-prompt", "did you mean 'place'?"),
        ("task: card,", "task: cart,", "unknown-task", "did you mean 'card'?"),
        ("queue: general", "queue: genral", "unknown-queue", "did you mean 'general'?"),
        ("language: zh, then: main", "language: fr, then: main", "unknown-language", "'fr'"),
        ("spoken_in: en, pinned", "spoken_in: fr, pinned", "unknown-language", "'fr'"),
        ("only_in: [zh]", "only_in: [fr]", "unknown-language", "'fr'"),
        ("languages: [en, zh]", "languages: [en, zh, zh]", "duplicate-language", "twice"),
        ("bye: {text: {en: Goodbye., zh: 再见。}}", "bye: {text: {en: Goodbye.}}", "missing-language", "'zh'"),
        ("label: {en: cards, zh: 银行卡}", "label: {en: cards}", "missing-language", "'zh'"),
        ("card: {en: asks about cards, zh: 咨询银行卡}", "card: {en: asks about cards}", "missing-language", "'zh'"),
        ("number {position:number}", "number", "missing-slot", "{position:number}"),
        ("en: Main menu.", "en: \"Main {menu:number}.\"", "unfilled-slot", "{menu}"),
        ("number {position:number}", "number {position:date}", "wrong-slot", "number"),
        ("key: 2, task", "key: 1, task", "duplicate-key", "'balance'"),
        ("key: 2, task", "key: star, task", "global-key", "back or repeat"),
        ("id: transfer", "id: balance", "duplicate-id", "'balance'"),
        ("  hello: {kind: say", "  alone: {kind: goodbye}\n  hello: {kind: say", "unreachable-step", "'alone'"),
        ("prompts: [silent, silent_again], then: general", "prompts: [silent, silent_again], then: main",
         "endless-loop", "main → main"),
        ("otherwise: nobody}", "otherwise: hello}", "endless-loop", "hello → main → general → hello"),
        ("key: 5, task: complaint", "key: 5", "no-complaint", "'en'"),
        ("key: 5, task: complaint,", "key: 5, task: complaint, only_in: [en],", "no-complaint", "'zh'"),
        ("key: 5, task: complaint, pinned: true", "key: 5, task: complaint", "not-pinned", "complaint"),
        ("key: 0, task: agent, pinned: true, label: {en: an agent, zh: 人工}, then: general}\n    no_input: {prompts",
         "key: 9, task: agent, pinned: true, label: {en: an agent, zh: 人工}, then: general}\n    no_input: {prompts",
         "moved-key", "key 0"),
        ("      - {id: lost, key: 1, label: {en: a lost card, zh: 挂失}, then: general}\n"
         "      - {id: agent, key: 0, task: agent,",
         "      - {id: lost, key: 1, label: {en: a lost card, zh: 挂失}, then: general}\n"
         "      - {id: agent, key: 0, task: balance,",
         "no-agent", "'en'"),
        ("heard_within_s: 30", "heard_within_s: 9", "heard-late", "promises 9 s"),
        ("kind: say, prompts: [welcome], then: main", "kind: say, prompts: [welcome], then: thanks", "no-top-menu",
         "before complaint and agent were offered"),
        ("en: Welcome.", "en: \"{oops\"", "wrong-value", "braces"),
        ("en: Welcome.", "en: \"...\"", "wrong-value", "nothing to say"),
        ("en: Welcome.", "en: \"{n:roman}\"", "wrong-value", "known are number"),
        ("label: {en: balance,", "label: {en: \"{x:number}\",", "wrong-value", "no slots"),
        ("For {label}, press {key}.", "For {label}.", "wrong-value", "{key}"),
        ("key: 2, task", "key: 22, task", "wrong-value", "star or pound"),
        ("Asia/Shanghai", "Asia/Beijing", "wrong-value", "time zone"),
        ("Asia/Shanghai", "Asia", "wrong-value", "time zone"),
        ("version: 1", "version: 2", "wrong-value", "less than or equal to 1"),
        ("hold: {text:", "Hold On: {text:", "wrong-value", "lower-case letters, digits"),
        ("hold: {text: {en: Please hold., zh: 请稍候。}}",
         "hold: {text: {en: Please hold., zh: 请稍候。}, recording: {en: ../../etc/passwd}}", "wrong-value",
         "lower-case letters, digits"),
        ("hold: {text: {en: Please hold., zh: 请稍候。}}",
         "hold: {text: {en: Please hold., zh: 请稍候。}, recording: {en: \"http://a\"}}", "wrong-value", ""),
        ("queue: general", "queue: a&b", "wrong-value", ""),
        ("queue: general", "queue: private-bank", "wrong-value", "lower-case letters, digits and _"),
        ("reason: General", "reason: " + 49 * "x", "wrong-value", "at most 48"),
        ("card: {en: asks", 33 * "c" + ": {en: asks", "wrong-value", "at most 32"),
        ("task: card,", "task: " + 33 * "c" + ",", "wrong-value", "at most 32"),
        ("reason: General,", "reason: General, needs: {VIP: 3},", "wrong-value", "a skill is lower-case"),
    ],
)  # fmt: skip
def test_what_breaks_a_rule_is_named_with_its_line(old: str, new: str, code: str, said: str) -> None:
    examined = broken(old, new)
    assert examined.book is None
    matching = [fault for fault in examined.faults if fault.code == code and said in fault.message]
    assert matching, "\n".join(map(str, examined.faults))
    lines = range(line_of(old), line_of(old) + new.count("\n") + 1)
    elsewhere = {"no-top-menu", "endless-loop", "heard-late", "no-complaint", "no-agent", "unreachable-step"}
    if code not in elsewhere:
        assert any(fault.line in lines for fault in matching), "\n".join(map(str, matching))


def test_a_step_may_need_a_language_and_a_reason_of_48_characters() -> None:
    text = SMALL.replace("reason: General,", f"reason: {48 * 'x'}, needs: {{'lang:en': 3, vip-desk: 2}},")
    step = parse_book({"small.yaml": text}).steps["general"]
    assert isinstance(step, Route)
    assert step.needs == {"lang:en": 3, "vip-desk": 2}
    assert len(step.reason) == 48


def test_a_menu_of_thirteen_options_is_refused_and_one_of_ten_advised_against() -> None:
    lost = "      - {id: lost, key: 1, label: {en: a lost card, zh: 挂失}, then: general}\n"
    more = [lost.replace("lost,", f"lost{n},").replace("key: 1", f"key: {n}", 1) for n in range(1, 10)]
    examined = broken(lost, "".join(more))
    assert [(fault.code, fault.line) for fault in examined.warnings if fault.code == "many-options"] == [
        ("many-options", line_of(lost))
    ]
    doubled = broken(lost, "".join([*more, *more[:3]]))
    assert "too-many-options" in {fault.code for fault in doubled.faults}


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("key: 3, task: card", "key: 6, task: card", "key-order"),
        ("key: 1, label: {en: a lost card", "key: 2, label: {en: a lost card", "key-gap"),
        ("en: a lost card, zh: 挂失", "en: an agent for cards, zh: 挂失", "alike-labels"),
        ("key: 1, label: {en: a lost card", "key: 5, label: {en: a lost card", "complaint-key"),
        ("  hold: {text:", "  unused: {text: {en: a, zh: 一}}\n  hold: {text:", "unused-prompt"),
    ],
)
def test_what_is_unwise_is_a_warning_and_the_book_is_taken(old: str, new: str, code: str) -> None:
    examined = broken(old, new)
    assert examined.book is not None, "\n".join(map(str, examined.faults))
    assert code in {warning.code for warning in examined.warnings}


@pytest.mark.parametrize("old", ["welcome], then: main", "zh: 银行卡}, then: cards"])
def test_one_misspelt_way_is_one_unknown_step_and_no_list_of_what_lay_behind_it(old: str) -> None:
    faults = [fault.code for fault in broken(old, old[:-1]).faults]
    assert "unknown-step" in faults
    assert "unreachable-step" not in faults


def test_a_book_in_another_time_zone_than_the_site_is_refused_with_its_line() -> None:
    (fault,) = examine({"small.yaml": SMALL}, time_zone="Europe/Berlin").faults
    assert (fault.line, fault.col, fault.code) == (line_of("time_zone"), 12, "other-time-zone")
    assert "the book says Asia/Shanghai, the settings Europe/Berlin" in fault.message
    assert examine({"small.yaml": SMALL}, time_zone="Asia/Shanghai").faults == ()


def test_menus_below_menus_below_menus_are_advised_against() -> None:
    deeper = "  cards:\n    kind: menu\n"
    copy = SMALL[SMALL.index(deeper) : SMALL.index("  to_zh:")]
    text = SMALL.replace("zh: 挂失}, then: general", "zh: 挂失}, then: deeper").replace(
        "  to_zh:", copy.replace("  cards:", "  deeper:") + "  to_zh:", 1
    )
    examined = examine({"small.yaml": text})
    assert examined.book is not None, "\n".join(map(str, examined.faults))
    assert [warning.code for warning in examined.warnings] == ["deep-menu", "rings-out"]


def test_several_files_make_one_book_and_faults_name_their_file() -> None:
    at = SMALL.index("steps:")
    files = {"a.yaml": SMALL[:at], "b.yaml": SMALL[at:]}
    assert parse_book(files) == small_book()
    files["b.yaml"] = files["b.yaml"].replace("then: cards}", "then: carts}")
    with pytest.raises(Faults) as raised:
        parse_book(files)
    (dangling,) = raised.value.faults
    assert str(dangling).startswith("b.yaml:11:76: unknown-step")


def test_two_files_that_hold_the_same_are_a_fault_that_names_both() -> None:
    again = "prompts:\n  welcome: {text: {en: Hi., zh: 你好。}}\nname: Other\n"
    examined = examine({"a.yaml": SMALL, "b.yaml": again})
    assert [str(fault) for fault in examined.faults] == [
        f"b.yaml:2:3: clash: 'welcome' stands here and in a.yaml:{line_of('welcome: {text')}",
        "b.yaml:3:1: clash: 'name' stands here and in a.yaml:2",
    ]


def test_all_faults_of_all_files_come_at_once() -> None:
    at = SMALL.index("steps:")
    files = {
        "a.yaml": SMALL[:at].replace("entry: hello", "entry: hello\nentri: x").replace("version: 1", "version: 01"),
        "b.yaml": SMALL[at:].replace("tries: 2", "tries: many"),
        "c.yaml": "prompts: [\n",
    }
    assert {(fault.file, fault.code) for fault in examine(files).faults} == {
        ("a.yaml", "not-a-number"),
        ("a.yaml", "unknown-key"),
        ("b.yaml", "not-a-number"),
        ("c.yaml", "syntax"),
    }


def test_a_book_that_lacks_its_parts_says_which() -> None:
    examined = examine({"a.yaml": "version: 1\n"})
    assert {fault.message for fault in examined.faults} >= {"'steps' is missing", "'prompts' is missing"}
