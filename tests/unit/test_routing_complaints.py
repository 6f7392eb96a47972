"""The complaint pyramid as the decision sees it: tiers that never fall, authority within reach, neutral agents."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.agent import Agent, AgentState
from routing.complaints import SEVERITIES, Complaint, Rule, Tier, Times, place, rungs, spoken, tier_of_level
from routing.decision import decide, decide_on
from routing.kept import KeptFloor
from routing.need import Need
from routing.snapshot import Snapshot
from routing.terms import Authority, Terms

LADDER = (Tier(1), Tier(4, fallback_s=60), Tier(7, fallback_s=120))
LANGUAGES = {"lang:en": 5}

times = st.builds(Times, st.integers(1, 4), st.floats(0.5, 100))
rules = st.lists(
    st.builds(
        Rule,
        tier=st.none() | st.integers(1, 3),
        up=st.integers(0, 2),
        severity=st.none() | st.sampled_from(SEVERITIES),
        about=st.frozensets(st.sampled_from(["card_fraud", "life"]), max_size=2),
        segments=st.frozensets(st.sampled_from(["mass", "private"]), max_size=2),
        worth_cents=st.none() | st.integers(1, 900),
        open_case=st.booleans(),
        overdue=st.booleans(),
        complaints=st.none() | times,
        contacts=st.none() | times,
    ),
    max_size=5,
)
days = st.lists(st.floats(0, 120), max_size=4).map(tuple)
complaints = st.builds(
    Complaint,
    asked=st.integers(1, 3),
    severity=st.none() | st.sampled_from(SEVERITIES),
    about=st.frozensets(st.sampled_from(["card_fraud", "life"]), max_size=2),
    segment=st.none() | st.sampled_from(["mass", "private"]),
    worth_cents=st.integers(0, 1000),
    open_cases=st.integers(0, 3),
    case_tier=st.integers(0, 3),
    overdue=st.integers(0, 2),
    opened_days=days,
    called_days=days,
)


@given(complaints, rules, days, days, st.integers(0, 2), st.sampled_from(SEVERITIES))
def test_a_tier_never_falls_with_more_severity_or_a_longer_history(complaint, rules, opened, called, more, severity):
    worse = replace(
        complaint,
        severity=max(complaint.severity or "", severity, key=("", *SEVERITIES).index),
        open_cases=complaint.open_cases + more,
        case_tier=min(3, complaint.case_tier + more),
        overdue=complaint.overdue + more,
        opened_days=complaint.opened_days + opened,
        called_days=complaint.called_days + called,
        worth_cents=complaint.worth_cents + 100 * more,
    )
    before, after = place(complaint, rules, 3), place(worse, rules, 3)
    assert max(complaint.asked, complaint.case_tier) <= before.tier <= after.tier <= 3
    assert before.tier == 1 or before.why  # whoever is above the front line is told why


@pytest.mark.parametrize(
    ("complaint", "rule", "told"),
    [
        ({"severity": "high"}, Rule(2, severity="medium"), "at least tier 2: it is of high severity"),
        ({"about": frozenset(["life"])}, Rule(2, about=frozenset(["life"])), "at least tier 2: it is about life"),
        ({"overdue": 1}, Rule(3, overdue=True), "at least tier 3: an answer is overdue"),
        (
            {"opened_days": (1.0, 80.0)},
            Rule(3, complaints=Times(3, 90)),
            "at least tier 3: it is complaint number 3 within 90 days",
        ),
        (
            {"open_cases": 1, "called_days": (0.5,)},
            Rule(up=1, open_case=True, contacts=Times(1, 1)),
            "up by 1: a case is open and they have called about it 1 times before within 1 days",
        ),
    ],
)
def test_a_rule_that_holds_brings_a_complaint_up_and_says_why(complaint, rule, told):
    found = place(Complaint(**complaint), [rule], 3)
    assert [spoken(why) for why in found.why] == [told]
    assert found.tier == (rule.tier or 2)
    assert place(Complaint(), [rule], 3).tier == 1


def test_the_authority_of_an_agent_is_that_of_their_own_level():
    assert [tier_of_level(level, LADDER) for level in (0, 1, 3, 4, 6, 7, 10)] == [0, 1, 1, 2, 2, 3, 3]


def need(tier: int, *, barred=frozenset()) -> Need:
    asked = Authority("complaints", LADDER[tier - 1].level, rungs(tier, LADDER))
    required = {"complaints": 1}
    return Need(
        1, "call-1", "complaints", 0.0, 1, required=required, tier=tier, terms=Terms(authority=asked, barred=barred)
    )


def agent(number: int, level: int, state=AgentState.READY) -> Agent:
    return Agent(number, f"agent-{number}", state, 1, f"PJSIP/{number}", {"complaints": level, **LANGUAGES}, 0.0)


def chosen(one: Need, agents, age: float):
    made = decide(Snapshot((one,), tuple(agents)), age)
    return made[0].agent_id if made else None


@given(st.integers(1, 3), st.lists(st.integers(1, 10), min_size=1, max_size=5))
def test_a_complaint_of_any_tier_reaches_somebody_within_the_stated_time(tier, levels):
    agents = [agent(number, level) for number, level in enumerate(levels, start=1)]
    got = chosen(need(tier), agents, sum(one.fallback_s for one in LADDER[1:tier]))
    assert got is not None
    best, asked = max(levels), LADDER[tier - 1].level
    if best >= asked:  # somebody may decide it: nobody lower gets it, however long it waits
        assert levels[got - 1] >= asked
        assert (
            chosen(need(tier), [one for one in agents if one.skills["complaints"] < asked] + [busy(best)], 9e5) is None
        )


def busy(level: int) -> Agent:
    return agent(99, level, AgentState.BUSY)


def test_the_tier_below_serves_only_from_the_stated_wait_on():
    junior, specialist = agent(1, 2), agent(2, 5)
    assert [chosen(need(3), [junior, specialist], age) for age in (119, 120, 9000)] == [None, 2, 2]
    assert [chosen(need(3), [junior], age) for age in (120, 179, 180)] == [None, None, 1]


def test_a_floor_that_is_kept_finds_out_when_the_last_who_may_decide_goes_and_when_somebody_comes():
    kept, junior, others = KeptFloor(), agent(1, 2), [agent(number, 2, AgentState.BUSY) for number in range(10, 20)]
    waiting = [replace(need(2), id=number, call_id=f"call-{number}") for number in range(1, 9)]

    def got(*seniors: Agent) -> set[int]:
        made = decide_on(kept.show(Snapshot(tuple(waiting), (junior, *others, *seniors)), (), 70.0), 70.0)
        return {decision.agent_id for decision in made}

    senior = agent(2, 8, AgentState.BUSY)
    assert [got(senior), got(), got(senior), got(replace(senior, state=AgentState.READY))] == [set(), {1}, set(), {2}]


levels = st.lists(st.integers(1, 10), min_size=1, max_size=6)


@given(levels, st.sets(st.integers(1, 6), min_size=1), st.sets(st.integers(1, 6)), st.integers(1, 3))
def test_the_agent_complained_about_is_never_offered_the_complaint(levels, barred, missed, tier):
    agents = [agent(number, level) for number, level in enumerate(levels, start=1)]
    one = replace(need(tier, barred=frozenset(barred)), not_agents=frozenset(missed))
    another = Need(2, "call-2", "complaints", 50.0, 1, required={"complaints": 1})
    for needs in ((one,), (one, another)):
        for age in (60.0, 9000.0):
            made = decide(Snapshot(needs, tuple(agents)), age)
            mine = [decision for decision in made if decision.need_id == 1]
            assert not {decision.agent_id for decision in mine} & barred
            if age == 9000.0 and needs == (one,):
                assert bool(mine) == bool({number for number, _ in enumerate(levels, start=1)} - barred)
            for decision in mine:
                others = {other["agent"]: other["why_not"] for other in decision.why["others"]}
                told = [others.get(f"agent-{number}") for number in barred if number <= len(levels)]
                assert set(told) <= {"the complaint is about them, or they have sent it on"}
                assert decision.why["neutral"]


def test_a_senior_who_lacks_another_skill_that_is_asked_keeps_no_complaint_waiting():
    """They could never take it, so that the lower level will do in time as if they were not there."""
    asked = replace(need(3), required={"complaints": 1, "insurance": 1})
    senior, able = agent(1, 8, AgentState.BUSY), agent(2, 5)
    able = replace(able, skills={**able.skills, "insurance": 5})
    age = sum(one.fallback_s for one in LADDER)
    assert chosen(asked, [able], age) == 2
    assert chosen(asked, [senior, able], age) == 2
    assert chosen(asked, [replace(senior, skills={**senior.skills, "insurance": 1}), able], age) is None
