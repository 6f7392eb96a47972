"""The shipped book: who waits may leave a voice message, ask to be called back, or go back, at any moment."""

from pathlib import Path

import pytest

from ivr.queues import load
from ivr.testing.clock import FakeClock
from ivr.testing.line import HangUp, Press
from ivr.testing.stage import Stage
from menus.loader import load_book
from menus.schema import Callback, MenuBook, Record, Route

ROOT = Path(__file__).parents[2]
#: A lost card is not left on a machine: when nobody comes, the card desk is called.
NEVER_LEFT = {"lost_card_queue"}
TUESDAY = 1_796_100_000.0  # 2026-12-01 12:40 in Shanghai


@pytest.fixture(scope="module")
def book() -> MenuBook:
    return load_book(ROOT / "config" / "menus")


def test_every_queue_is_left_by_key_for_a_voice_message_and_for_a_callback_that_keeps_the_place(book: MenuBook) -> None:
    queues = {name: step for name, step in book.steps.items() if isinstance(step, Route)}
    assert len(queues) > 8
    for name, step in queues.items():
        targets = [book.steps[way.then] for way in step.ways]
        voice = [one for one in targets if isinstance(one, Record)]
        kept = [one for one in targets if isinstance(one, Callback) and one.time == "keep_place"]
        assert (name, bool(voice), bool(kept)) == (name, name not in NEVER_LEFT, name not in NEVER_LEFT)


def test_star_leads_back_from_every_queue(book: MenuBook) -> None:
    assert book.back_key == "*"
    for name, step in book.steps.items():
        assert not isinstance(step, Route) or all(way.key != "*" for way in step.ways), name


@pytest.mark.parametrize(("key", "who", "tier"), [("1", "kind", 1), ("2", "ruth", 2), ("0", "kind", 1)])
async def test_the_question_of_a_complaint_says_who_may_get_it_and_by_the_rules_its_tier(
    book: MenuBook, key: str, who: str, tier: int
) -> None:
    queues = load(ROOT / "config" / "queues.yaml").table("Asia/Shanghai")
    node = Stage(book, queues=queues, clock=FakeClock(TUESDAY))
    skills = {"rude": {"complaints": 1, "general": 5}, "kind": {"complaints": 2}, "ruth": {"complaints": 8}}
    rude, *_ = [node.agent(name, skills={**some, "lang:en": 5}) for name, some in skills.items()]
    leg = node.leg(Press("0", hearing="main_greeting"), HangUp(hearing="goodbye"), call_id="first")
    await node.take(leg)
    assert leg.rung == ["PJSIP/rude"]
    rude.state = "ready"
    presses = (Press("7", hearing="main_greeting"), Press(key, hearing="complaint_question"))
    await node.take(leg := node.leg(*presses, HangUp(hearing="goodbye"), call_id="second"))
    assert (leg.rung, node.need.tier) == ([f"PJSIP/{who}"], tier)
    assert node.need.terms.get("barred", []) == ([rude.id] if key == "1" else [])
