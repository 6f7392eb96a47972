"""What the switch says of phones: who is passed over for it, and what is only the trace of our own call."""

from dataclasses import replace

import pytest

from routing.agent import Agent, AgentState
from routing.decision import decide
from routing.need import Need
from routing.phone import BELIEVED_S, OWN_TRACE_S, PhoneSeen, PhoneState, trouble
from routing.snapshot import Snapshot
from routing.terms import Terms

NOW = 1000.0
IN_USE, UNREACHABLE = PhoneState.IN_USE, PhoneState.UNREACHABLE


def seen(state: PhoneState, *, since: float = NOW - 8, at: float = NOW - 1) -> PhoneSeen:
    return PhoneSeen(state, since, at)


@pytest.mark.parametrize(
    ("phone", "freed_at", "expected"),
    [
        (None, None, None),
        (seen(PhoneState.IDLE), None, None),
        (seen(PhoneState.UNKNOWN), None, None),
        (seen(IN_USE), None, IN_USE),
        (seen(UNREACHABLE), None, UNREACHABLE),
        (seen(IN_USE, since=NOW - 8), NOW - 9, IN_USE),  # began after our call: one of their own
        (seen(IN_USE, since=NOW - 90), NOW - OWN_TRACE_S, IN_USE),  # may still be our call …
        (seen(IN_USE, since=NOW - 90), NOW - OWN_TRACE_S - 0.1, None),  # … but not for ever
        (seen(UNREACHABLE, since=NOW - 90), NOW - 60, UNREACHABLE),
        (seen(IN_USE, since=NOW - 900, at=NOW - BELIEVED_S - 0.1), None, None),
        (seen(UNREACHABLE, since=NOW - 900, at=NOW - BELIEVED_S - 0.1), None, None),
    ],
)
def test_only_what_is_fresh_and_not_our_own_trace_keeps_offers_away(phone, freed_at, expected):
    assert trouble(phone, freed_at, NOW) is expected


def one_waits(*agents: Agent, terms: Terms | None = None) -> Snapshot:
    need = Need(1, "c1", "general", NOW - 5, 0, required={"a": 1}, terms=terms or Terms())
    return Snapshot((need,), agents)


def agent(number: int, phone: PhoneState | None = None, **skills: int) -> Agent:
    skills = {"lang:en": 5, "a": 5, **skills}
    return Agent(number, f"agent-{number}", AgentState.READY, 0, f"PJSIP/{number}", skills, 0.0, phone)


@pytest.mark.parametrize(("phone", "word"), [(IN_USE, "phone in use"), (UNREACHABLE, "phone unreachable")])
def test_an_agent_whose_phone_cannot_be_rung_is_passed_over_and_the_reason_says_so(phone, word):
    (made,) = decide(one_waits(agent(1, phone), agent(2, b=9)), NOW)
    assert made.agent_id == 2
    assert made.why["others"] == [{"agent": "agent-1", "why_not": word}]
    assert decide(one_waits(agent(1, phone)), NOW) == ()


def test_a_caller_waits_for_their_last_agent_while_the_phone_is_in_use_but_not_when_it_cannot_be_reached():
    terms = Terms(agent_id=1, agent_wait_s=30)
    assert decide(one_waits(agent(1, IN_USE), agent(2), terms=terms), NOW) == ()
    (made,) = decide(one_waits(agent(1, UNREACHABLE), agent(2), terms=terms), NOW)
    assert made.agent_id == 2
    (made,) = decide(one_waits(replace(agent(1), phone_trouble=None), agent(2), terms=terms), NOW)
    assert made.agent_id == 1
