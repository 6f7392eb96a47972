"""What is open is told at the start of a call, and a key goes on with it."""

from datetime import datetime, timedelta

import pytest

from ivr.testing.books import book_with_callbacks
from ivr.testing.line import Break, HangUp, Press
from ivr.testing.stage import ANI, Stage
from menus.facts import CallerFacts, RecentCall
from menus.schema import Matters, MenuBook


def stage(book: MenuBook | None = None, *, hours: float = 1, task: str | None = "transfer", **facts) -> Stage:
    """A node whose caller called so many hours ago, if asked for, and of whom these facts are known."""
    node = Stage(book or book_with_callbacks())
    at = datetime.fromtimestamp(node.clock.now(), node.parts.settings.zone) - timedelta(hours=hours)
    recent = (RecentCall(at, task, None, "left"),) if facts.pop("called", False) else ()
    node.store.facts[ANI] = (CallerFacts(ani=ANI, customer_id=1, matches=1, language="en", recent=recent, **facts),)
    return node


def with_matters(**changes) -> MenuBook:
    book = book_with_callbacks()
    step = book.steps["open"]
    assert isinstance(step, Matters)
    return book.model_copy(update={"steps": {**book.steps, "open": step.model_copy(update=changes)}})


@pytest.mark.parametrize(
    ("facts", "prompt", "leads_to"),
    [
        ({"open_cases": 1}, "open_case", "notice"),
        ({"missed_callback": True}, "missed", "hold"),
        ({"called": True}, "before", "hold"),
    ],
)
async def test_what_is_open_is_told_and_the_key_goes_on_with_it(facts, prompt, leads_to):
    node = stage(**facts)
    await node.take(leg := node.leg(Press("1", after_s=1), HangUp(hearing=leads_to)))
    assert leg.heard == ["welcome", prompt, leads_to]
    assert [event["taken"] for event in node.told("matter")] == [True]


async def test_the_first_matter_that_applies_is_told_alone():
    node = stage(open_cases=1, missed_callback=True, called=True)
    await node.take(leg := node.leg(HangUp(hearing="main")))
    assert leg.heard == ["welcome", "open_case", "main"]
    assert node.told("matter")[0] == {"matter": "case", "taken": False}


async def test_a_matter_that_the_book_has_no_words_for_is_passed_over():
    node = stage(with_matters(case=None), open_cases=1, missed_callback=True)
    await node.take(leg := node.leg(HangUp(hearing="main")))
    assert leg.heard == ["welcome", "missed", "main"]


async def test_who_has_nothing_open_hears_nothing_of_it():
    node = stage()
    await node.take(leg := node.leg(HangUp(hearing="main")))
    assert leg.heard == ["welcome", "main"]
    assert node.told("matter") == []


async def test_silence_goes_on_after_its_time():
    node = stage(open_cases=1)
    said_at: list[float] = []
    leg = node.leg(HangUp(hearing="main.balance"))
    say = leg.say

    async def note(clips, **options):
        said_at.append(node.clock.monotonic())
        return await say(clips, **options)

    leg.say = note  # type: ignore[method-assign]
    await node.take(leg)
    told, menu = said_at[1], said_at[2]
    assert menu - told == pytest.approx(3 + sum(c["of_s"] for c in node.told("prompts")[1]["clips"]))


@pytest.mark.parametrize("press", [Press("3", hearing="open_case"), Press("3", after_s=1)])
async def test_another_key_is_meant_for_the_menu(press):
    node = stage(open_cases=1)
    await node.take(leg := node.leg(press, HangUp(hearing="cards.lost")))
    assert leg.heard == ["welcome", "open_case", "cards.lost"]


async def test_a_key_pressed_during_the_offer_takes_it_at_once():
    node = stage(open_cases=1)
    await node.take(leg := node.leg(Press("1", hearing="open_case"), HangUp(hearing="notice")))
    assert leg.heard == ["welcome", "open_case", "notice"]


@pytest.mark.parametrize("key", ["3", "1"])
async def test_a_key_typed_ahead_is_kept_for_the_menu_and_takes_no_offer_that_was_not_heard(key):
    node = stage(open_cases=1)
    await node.take(leg := node.leg(Press(key, hearing="welcome"), HangUp(hearing="cards.lost"), HangUp()))
    assert leg.heard[:2] == (["welcome", "cards.lost"] if key == "3" else ["welcome", "hold"])


async def test_a_call_of_long_ago_is_not_told_of():
    node = stage(called=True, hours=25)
    await node.take(leg := node.leg(HangUp(hearing="main")))
    assert leg.heard == ["welcome", "main"]


class NotLookedInto(RecentCall):
    """A call of which nobody may ask where it stood."""

    def __getattribute__(self, name):
        assert name != "step"
        return super().__getattribute__(name)


async def test_calls_of_long_ago_are_not_looked_into():
    node = stage()
    at = datetime.fromtimestamp(node.clock.now(), node.parts.settings.zone)
    late = RecentCall(at - timedelta(hours=1), None, None, "left")
    old = (NotLookedInto(at - timedelta(hours=25), "transfer", None, "left"),) * 19
    node.store.facts[ANI] = (CallerFacts(ani=ANI, customer_id=1, matches=1, language="en", recent=(late, *old)),)
    await node.take(leg := node.leg(HangUp(hearing="main")))
    assert leg.heard == ["welcome", "main"]


async def test_what_the_last_call_was_about_is_named_to_nobody_who_is_not_verified():
    node = stage(with_matters(repeat_named={"transfer": "notice"}), called=True)
    await node.take(leg := node.leg(HangUp(hearing="main")))
    assert leg.heard == ["welcome", "before", "main"]


async def test_with_words_for_verified_callers_only_nobody_else_hears_any():
    node = stage(with_matters(repeat=None, repeat_named={"transfer": "notice"}), called=True)
    await node.take(leg := node.leg(HangUp(hearing="main")))
    assert leg.heard == ["welcome", "main"]


async def test_a_call_about_nothing_that_can_be_taken_up_is_not_told_of():
    node = stage(called=True, task=None)
    await node.take(leg := node.leg(HangUp(hearing="main")))
    assert leg.heard == ["welcome", "main"]


async def test_what_the_next_call_is_told_comes_from_the_record_of_this_one():
    node = Stage(book_with_callbacks())
    node.store.facts[ANI] = (CallerFacts(ani=ANI, customer_id=1, matches=1, language="en"),)
    await node.take(node.leg(Press("2", hearing="main.balance"), HangUp(hearing="hold")))
    await node.take(leg := node.leg(Press("1", hearing="before"), HangUp(hearing="hold"), call_id="call-2"))
    assert leg.heard == ["welcome", "before", "hold"]


async def test_a_verified_caller_is_told_what_the_last_call_was_about():
    node = stage(with_matters(repeat_named={"transfer": "notice"}), called=True)
    await node.take(node.leg(Break(hearing="welcome")))
    row = node.store.calls["call-1"]
    row.position = {**(row.position or {}), "step": "open", "verified_as": 1}  # another engine has verified them
    await node.take(leg := node.leg(Press("1", after_s=1), HangUp(hearing="hold"), rung=2))
    assert leg.heard == ["notice", "hold"]
