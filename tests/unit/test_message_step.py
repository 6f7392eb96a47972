"""Text messages that a call sends: to whom, what they say, and when they are not sent."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from ivr.call import Call
from ivr.parts import LiveCall
from ivr.steps.send import send
from ivr.testing.bank import MemoryBank
from ivr.testing.books import book_with
from ivr.testing.line import Break, HangUp, Press
from ivr.testing.pops import a_customer
from ivr.testing.stage import ANI, Stage
from menus.facts import CallerFacts
from menus.schema import Send
from menus.walk import Left, Position

MOBILE, LANDLINE = "+8613900000009", "+861065551234"
TEMPLATES = """\
templates:
  office: {private: false, text: {en: We open at nine., zh: 九点开门。}}
  due: {text: {en: "Due on {due:date}.", zh: "{due:date}到期。"}}
"""
PROMPTS = """\
  sent: {text: {en: It was sent., zh: 已发送。}}
  not_sent: {text: {en: It was not sent., zh: 未发送。}}
"""
STEPS = """\
  first: {kind: message, template: office, then: sent, otherwise: not_sent}
  sent: {kind: say, prompts: [sent], then: main}
  not_sent: {kind: say, prompts: [not_sent], then: main}
"""
IN = Press("3", hearing="main")
DUE = {"due": date(2026, 12, 6)}


def a_stage(steps: str = STEPS) -> Stage:
    return Stage(book_with(steps, prompts=PROMPTS, more=TEMPLATES))


async def sent_by(
    stage: Stage,
    *,
    verified_as: int | None = 7,
    language: str = "en",
    values: Any = DUE,
    ani: str | None = ANI,
    numbers: tuple[str, ...] = (LANDLINE, MOBILE),
    bank_away: bool = False,
    **step: Any,
) -> Left:
    """How the step leaves a caller who stands at it."""
    bank = MemoryBank(a_customer(0.0, id=7, numbers=numbers))
    bank.away = bank_away
    parts = replace(stage.parts, bank=bank)
    live = LiveCall("PJSIP/trunk-call-1")
    call = Call(stage.leg(), parts, parts.edition(None), CallerFacts(ani=ani), language, live, stage.clock.now())
    position = Position("first", language, visits={"first": 1}, values=values, verified_as=verified_as)
    wanted = Send(kind="message", **{"template": "due", "then": "main", "otherwise": "main", **step})
    left = await send(call, wanted, position)
    assert isinstance(left, Left)
    return left


async def test_a_caller_is_sent_what_everybody_may_know() -> None:
    stage = a_stage()
    await stage.take(leg := stage.leg(IN, HangUp(hearing="again")))
    (message,) = stage.store.messages
    assert (message.to, message.text, message.template) == (ANI, "We open at nine.", "office")
    assert leg.heard[2:] == ["sent", "again"]
    (told,) = stage.told("message")
    assert told == {"template": "office", "to": "+861…01", "outcome": "taken"}


async def test_a_verified_caller_is_sent_what_is_private_in_the_language_of_the_call() -> None:
    stage = a_stage()
    assert (await sent_by(stage, language="zh")).by == "then"
    (message,) = stage.store.messages
    assert (message.to, message.text, message.customer_id) == (ANI, "2026年12月6日到期。", 7)


async def test_a_customers_message_goes_to_their_mobile_number_whoever_calls() -> None:
    stage = a_stage()
    assert (await sent_by(stage, to="customer", ani="+8613700000003")).by == "then"
    assert [message.to for message in stage.store.messages] == [MOBILE]


@pytest.mark.parametrize(
    ("how", "outcome"),
    [
        ({"verified_as": None}, "not_verified"),
        ({"verified_as": None, "to": "customer", "template": "office"}, "not_verified"),
        ({"ani": None}, "no_number"),
        ({"to": "customer", "numbers": (LANDLINE,)}, "no_number"),
        ({"to": "customer", "verified_as": 8}, "no_number"),
        ({"to": "customer", "bank_away": True}, "no_number"),
        ({"values": {}}, "unwritten"),
        ({"values": {"due": "soon"}}, "unwritten"),
    ],
    ids=str,
)
async def test_what_cannot_be_sent_goes_the_other_way_with_a_word_why(how: Any, outcome: str) -> None:
    stage = a_stage()
    assert (await sent_by(stage, **how)).by == "otherwise"
    assert stage.store.messages == []
    assert [told["outcome"] for told in stage.told("message")] == [outcome]


async def test_who_wants_no_messages_is_sent_none() -> None:
    stage = a_stage()
    stage.store.opted_out.add(ANI)
    await stage.take(leg := stage.leg(IN, HangUp(hearing="again")))
    assert leg.heard[2:] == ["not_sent", "again"]
    assert stage.told("message")[0]["outcome"] == "opted_out"


async def test_while_the_store_is_away_the_caller_is_told_that_nothing_was_sent() -> None:
    stage = a_stage()
    stage.store.away = True
    assert (await sent_by(stage)).by == "otherwise"
    stage.store.away = False
    await stage.log.settle("call-1", deadline_s=1)
    assert stage.told("message")[0]["outcome"] == "store_away"


async def test_an_engine_that_takes_the_call_over_does_not_send_it_again() -> None:
    stage = a_stage()
    await stage.take(stage.leg(IN, Break(hearing="sent")))
    assert stage.store.calls["call-1"].position is not None
    stage.store.calls["call-1"].position["step"] = "first"  # it died before the next step was written down
    second = Stage(stage.editions[1].book, beside=stage, node="node-b")
    await second.take(second.leg(HangUp(hearing="sent"), rung=2))
    assert [message.key for message in stage.store.messages] == ["call-1:first-1"]


async def test_a_caller_who_asks_for_it_twice_is_sent_it_twice() -> None:
    stage = a_stage()
    await stage.take(stage.leg(IN, Press("3", hearing="again"), HangUp(hearing="again")))
    assert [message.key for message in stage.store.messages] == ["call-1:first-1", "call-1:first-2"]
