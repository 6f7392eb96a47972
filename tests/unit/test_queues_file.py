"""The file of queues: what is wrong in it is named with its place; what calls make of it."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from ivr.errors import Misconfigured
from ivr.queues import load
from ivr.settings import SHIPPED
from menus.facts import CallerFacts, RecentCall
from routing.terms import Overflow, Softening, Wanted

HEAD = "version: 1\ncalendar:\n  hours: {day: 'Mo-Fr 08:00-18:00', never: 'Mo-Su off'}\nqueues:\n  general:\n"


def told(tmp_path: Path, text: str) -> list[str]:
    file = tmp_path / "queues.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(Misconfigured) as wrong:
        load(file)
    return [line.removeprefix(f"{file}:") for line in str(wrong.value).splitlines()]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (
            "    skills: {general: 5}\n    softening:\n    - {after_s: 60, skills: {general: 3}}\n"
            "    - {after_s: 30, skills: {general: 1}}",
            "9:17: out-of-order: a later step must come later: write the steps earliest first",
        ),
        (
            "    skills: {general: 5}\n    softening: [{after_s: 10, skills: {general: 5}}]",
            "7:49: hardens: a step asks for less: 'general' is at 5 before it",
        ),
        (
            "    skills: {general: 5}\n    softening: [{after_s: 10, skills: {generl: 5}}]",
            "7:48: unknown-skill: the queue does not ask for the skill 'generl', and `staff.skills` does not declare it"
            "; did you mean 'general'?",
        ),
        (
            "    skills: {general: 5}\n    softening:\n    - {after_s: 9, skills: {house: 0}}\n"
            "    - {after_s: 19, skills: {house: 2}}\n"
            "staff: {skills: {general: {en: General}, house: {en: Moving house}}}",
            "9:37: hardens: a step asks for less: 'house' is at 0 before it",
        ),
        (
            "    skills: {general: 5}\n    softening: [{after_s: 900, skills: {general: 3}}]",
            "7:27: never-reached: nobody waits longer than `max_wait_s`: 900 s",
        ),
        (
            "    skills: {general: 5}\n    overflow: [{to: card}]\n  cards: {skills: {cards: 1}}",
            "7:21: unknown-queue: there is no queue 'card'; did you mean 'cards'?",
        ),
        (
            "    skills: {general: 5}\n    most_level: 3",
            "7:17: never-reached: agents need level 5 to serve this queue: none is a junior",
        ),
        (
            "    skills: {general: 5}\n    overflow: [{to: general}]",
            "7:21: circle: a queue overflows to another one, not to itself",
        ),
        (
            "    skills: {general: 5}\n    overflow: [{to: senior}]\n  senior: {skills: {general: 7}}",
            "7:21: never-serves: whoever fits 'senior' fits 'general' already: nobody is added",
        ),
        (
            "    skills: {general: 5}\n    overflow: [{to: cards}, {to: cards}]\n  cards: {skills: {cards: 1}}",
            "7:34: repeated: 'cards' helps out already",
        ),
        (
            "    skills: {general: 5}\n    hours: dya",
            "7:12: unknown-hours: `calendar` has no hours 'dya'; did you mean 'day'?",
        ),
        (
            "    skills: {general: 5}\n    after_hours: other\n  other: {skills: {other: 1}}",
            "7:18: never-reached: a queue without `hours` is always open",
        ),
        (
            "    skills: {general: 5}\n    hours: day\n    after_hours: nowhere",
            "8:18: unknown-queue: there is no queue 'nowhere'",
        ),
        (
            "    skills: {general: 5}\n    max_talk_s: 60",
            "7:17: never-reached: the warning would come at once: `max_talk_s` is 60 s; lower `talk_warning_s`",
        ),
        (
            "    skills: {general: 5}\n    last_agent: {wait_s: 900}",
            "7:17: never-reached: callers wait for their last agent longer than `max_wait_s`",
        ),
        (
            "    skills: {general: 5}\n    own_agent: {wait_s: 900}",
            "7:16: never-reached: callers wait for their own agent longer than `max_wait_s`",
        ),
        (
            "    skills: {complaints: 1}\ncomplaints:\n  rules: [{tier: 4, overdue: true}]",
            "8:18: unknown-tier: there are 3 tiers",
        ),
        (
            "    skills: {complaints: 1}\ncomplaints:\n  rules: [{tier: 2}]",
            "8:11: wrong-value: a rule names what must hold, such as `severity` or `overdue`",
        ),
        (
            "    skills: {complaints: 1}\ncomplaints:\n  tiers: [{name: {en: A}, level: 3}, {name: {en: B}, level: 3}]",
            "8:61: out-of-order: a higher tier needs a higher level: the one before has 3",
        ),
        (
            "    skills: {complaints: 1}\ncomplaints:\n  tiers:\n  - {name: {en: A, zh: 甲}, level: 3}\n"
            "  - {name: {en: B}, level: 5}",
            "10:12: missing-language: the name in 'zh' is missing; other tiers have it",
        ),
        (
            "    skills: {complaints: 1}\ncomplaints: {skill: complaint}",
            "7:21: never-reached: no queue asks for the skill 'complaint'; did you mean 'complaints'?",
        ),
        (
            "    skills: {complaints: 1}\ncomplaints: {rules: [{tier: 2, contacts: {count: 2, within_days: 30}}]}",
            "7:66: never-reached: earlier calls are known for 7 days",
        ),
        (
            "    skills: {complaints: 1}\ncomplaints:\n  about: {card_fraud: {en: Card fraud}}\n"
            "  rules: [{tier: 2, about: [card_frad]}]",
            "9:29: unknown-about: `about` has no 'card_frad'; did you mean 'card_fraud'?",
        ),
        (
            "    skills: {generl: 5}\nstaff: {skills: {general: {en: General}}}",
            "6:22: unknown-skill: no skill 'generl' is declared in `staff.skills`; did you mean 'general'?",
        ),
        (
            "    skills: {general: 5}\n    preferred: {vip: 1}\nstaff: {skills: {general: {en: General}}}",
            "7:22: unknown-skill: no skill 'vip' is declared in `staff.skills`",
        ),
        (
            "    skills: {general: 5, 'lang:en': 3}\ncallers: {life_events: {child: {famly: 1}}}\n"
            "staff: {skills: {general: {en: General}, family: {en: Family}}}",
            "7:40: unknown-skill: no skill 'famly' is declared in `staff.skills`; did you mean 'family'?",
        ),
        (
            "    skills: {general: 5}\ncallers: {credits: {segments: {privat: 2}}}\n"
            "staff: {segments: {private: {en: Private banking}}}",
            "7:40: unknown-segment: no segment 'privat' is declared in `staff.segments`; did you mean 'private'?",
        ),
        (
            "    skills: {general: 5}\nstaff:\n  skills: {general: {en: General}}\n"
            "  teams: {a: {name: {en: A}, skills: {genral: 1}}}",
            "9:47: unknown-skill: no skill 'genral' is declared in `staff.skills`; did you mean 'general'?",
        ),
        (
            "    skills: {general: 5}\n    wrap_up_s: 0\n    wrap_up_extensions: 3",
            "8:25: never-reached: with `wrap_up_s: 0` there is no time to extend",
        ),
    ],
)
def test_a_rule_that_is_broken_is_named_with_its_place(tmp_path, lines, expected):
    assert told(tmp_path, HEAD + lines + "\n") == [expected]


def test_queues_that_lead_round_in_a_circle_after_hours_are_named(tmp_path):
    lines = "    skills: {general: 1}\n    hours: day\n    after_hours: night\n  night:\n"
    lines += "    skills: {night: 1}\n    hours: day\n    after_hours: general\n"
    assert told(tmp_path, HEAD + lines) == [
        "8:18: circle: after hours callers go round in a circle: general → night → general",
        "12:18: circle: after hours callers go round in a circle: night → general → night",
    ]


def test_hours_that_cannot_be_read_and_steps_that_soften_nothing_are_named(tmp_path):
    text = "version: 1\ncalendar: {hours: {day: 'Mx 8-9'}}\nqueues:\n  general:\n    skills: {general: 1}\n"
    assert told(tmp_path, text)[0].startswith("2:25: bad-hours: ")  # further lines show the place in the hours
    (line,) = told(tmp_path, HEAD + "    skills: {general: 1}\n    softening: [{after_s: 5}]\n")
    assert line.startswith("7:17: ")
    assert line.endswith("a step softens `skills` or adds `languages`")


def test_what_cannot_come_of_misses_and_reasons_without_words_are_named(tmp_path):
    text = "version: 1\noffers:\n  misses: {most: 1, pause_s: 9}\n  refusals:\n    reasons:\n      bored: {en: Bored}\n"
    text += "queues: {general: {skills: {general: 1}}}\n"
    (line,) = told(tmp_path, text)
    assert line.startswith("6:14: ")
    assert "zh" in line
    (line,) = told(tmp_path, text.replace("{en: Bored}", "{en: Bored, zh: 无聊}"))
    assert line == "3:30: never-reached: with `most: 1` the first miss sets aside already"


def test_the_rules_of_offers_come_from_the_file(tmp_path):
    text = "version: 1\noffers:\n  misses: {most: 3, within_s: 600, pause_s: 9}\n  refusals:\n    most_an_hour: 4\n"
    text += "    reasons: {busy: {en: Busy, zh: 忙}, broken: {en: Broken, zh: 故障, pause: true}}\n"
    rules = queues(tmp_path, text + "queues: {general: {skills: {general: 1}}}\n").offers.rules()
    assert (rules.misses.most, rules.misses.within_s, rules.misses.pause_s) == (3, 600, 9)
    assert (rules.refusals.most_an_hour, rules.refusals.reasons) == (4, {"busy", "broken"})
    assert rules.refusals.pausing == {"broken"}


def queues(tmp_path: Path, text: str):
    file = tmp_path / "queues.yaml"
    file.write_text(text, encoding="utf-8")
    return load(file).table("Asia/Shanghai")


def at(hour: int) -> float:
    return datetime(2026, 11, 25, hour, tzinfo=UTC).timestamp()  # a Wednesday; Shanghai is 8 hours ahead


def test_callers_come_after_hours_to_the_first_open_queue_or_to_none(tmp_path):
    site = queues(
        tmp_path,
        HEAD + "    skills: {general: 1}\n    hours: day\n    after_hours: night\n"
        "  night:\n    skills: {night: 1}\n    hours: never\n    after_hours: always\n"
        "  always: {skills: {always: 1}}\n  alone: {skills: {alone: 1}, hours: day}\n",
    )
    assert [site.open_one("general", at(hour)) for hour in (1, 12)] == ["general", "always"]
    assert [site.open_one("alone", at(hour)) for hour in (1, 12)] == ["alone", None]


def test_a_need_gets_the_terms_of_its_queue_and_of_its_caller(tmp_path):
    site = queues(
        tmp_path,
        "version: 1\ncallers: {life_events: {moving_house: {moving: 2}}}\nqueues:\n  general:\n"
        "    skills: {general: 5}\n    goal_s: 30\n    preferred: {moving: 1, sales: 1}\n"
        "    softening: [{after_s: 60, skills: {general: 2}, languages: [zh]}]\n"
        "    overflow: [{to: cards, after_s: 90, until_s: 300}]\n    last_agent: {wait_s: 45}\n"
        "  cards: {skills: {cards: 3}}\n",
    )
    today = date(2026, 11, 25)
    terms = site.terms(
        "general", CallerFacts(life_events=(("moving_house", today), ("new_car", today))), Wanted(7, "last", 45)
    )
    assert (terms.goal_s, terms.preferred) == (30, {"moving": 3.0, "sales": 1.0})
    assert (terms.agent_id, terms.agent_wait_s) == (7, 45)
    assert terms.softening == (Softening(60, {"general": 2}, ("zh",)),)
    assert terms.overflow == (Overflow("cards", {"cards": 3}, 90, 300),)
    assert site.terms("general", CallerFacts()).agent_wait_s == 0


def test_credit_of_callers_is_the_sum_of_what_holds(tmp_path):
    site = queues(
        tmp_path,
        "version: 1\ncallers: {credits: {segments: {private: 3}, open_case: 2, repeat_call: 1, missed_callback: 4}}\n"
        "queues: {general: {skills: {general: 1}}}\n",
    )
    credits, now = site.callers.credits, at(10)
    yesterday = RecentCall(datetime.fromtimestamp(now - 90_000, UTC), None, None, "left")
    just_now = RecentCall(datetime.fromtimestamp(now - 60, UTC), None, None, "left")
    assert credits.minutes(CallerFacts(), now) == 0
    assert credits.minutes(CallerFacts(segment="private", open_cases=2), now) == 5
    assert credits.minutes(CallerFacts(recent=(yesterday,)), now) == 0
    assert credits.minutes(CallerFacts(recent=(just_now,), missed_callback=True), now) == 5


def test_the_shipped_queues_are_fine():
    assert "general" in load(SHIPPED / "queues.yaml").queues
