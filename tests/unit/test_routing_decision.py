"""The decision: who is offered what, in which order, and why."""

import json
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.testing.generated import some
from routing.agent import Agent, AgentState
from routing.decision import Policy, decide
from routing.need import Need, NeedState
from routing.skills import TIER_LEVELS, Missing, asked_of_agent, fits, missing
from routing.snapshot import Snapshot
from routing.terms import Terms

NOW = 10_000.0
SKILLS = ("cards", "general", "complaints")


def agent(number: int, *, state=AgentState.READY, since=0.0, **skills: int) -> Agent:
    return Agent(number, f"agent-{number}", state, 7, f"PJSIP/{number}", {"lang:en": 5, "general": 5, **skills}, since)


def need(number: int, *, since=0.0, **more) -> Need:
    return Need(number, f"call-{number}", "general", since, 3, required=more.pop("required", {"general": 1}), **more)


def pairs(needs, agents, now=NOW, policy=None):
    return [(made.need_id, made.agent_id) for made in decide(Snapshot(tuple(needs), tuple(agents)), now, policy)]


def a_need(number):
    return st.builds(
        Need,
        id=st.just(number),
        call_id=st.just(f"call-{number}"),
        queue=st.just("general"),
        since=st.integers(0, 50).map(float),
        version=st.integers(0, 9),
        state=st.sampled_from([NeedState.WAITING] * 4 + list(NeedState)),
        required=st.dictionaries(st.sampled_from(SKILLS), st.integers(1, 10), max_size=2),
        language=st.sampled_from(["en", "zh"]),
        tier=st.integers(1, 3),
        credit_s=st.integers(0, 40).map(float),
        not_agents=st.frozensets(st.integers(1, 8), max_size=3),
        refused_by=st.frozensets(st.integers(1, 8), max_size=1),
        terms=st.builds(Terms, preferred=st.dictionaries(st.sampled_from(SKILLS), st.floats(0.5, 9), max_size=2)),
    )


def an_agent(number):
    return st.builds(
        Agent,
        id=st.just(number),
        name=st.just(f"agent-{number}"),
        state=st.sampled_from([AgentState.READY] * 4 + list(AgentState)),
        version=st.integers(0, 9),
        phone=st.just(f"PJSIP/{number}"),
        skills=st.dictionaries(
            st.sampled_from([*SKILLS, "lang:en", "lang:zh"]), st.integers(1, 10), min_size=2, max_size=5
        ),
        since=st.integers(0, 50).map(float),
    )


def refused_is_missed(snapshot):
    """Whoever refused a need has missed it."""
    needs = tuple(replace(one, not_agents=one.not_agents | one.refused_by) for one in snapshot.needs)
    return replace(snapshot, needs=needs)


demand = st.dictionaries(st.sampled_from(sorted(SKILLS)), st.integers(0, 500), max_size=4)
snapshots = st.builds(Snapshot, some(a_need, 8), some(an_agent, 8), demand).map(refused_is_missed)


@given(snapshots)
def test_no_need_and_no_agent_is_used_twice(snapshot):
    made = decide(snapshot, NOW)
    assert len({one.need_id for one in made}) == len({one.agent_id for one in made}) == len(made)


@given(snapshots)
def test_only_ready_agents_who_fit_are_offered_waiting_needs(snapshot):
    needs = {one.id: one for one in snapshot.needs}
    agents = {one.id: one for one in snapshot.agents}
    for made in decide(snapshot, NOW):
        chosen, wanted = agents[made.agent_id], needs[made.need_id]
        assert chosen.state is AgentState.READY
        assert wanted.state is NeedState.WAITING
        assert fits(chosen.skills, asked_of_agent(wanted))
        assert (made.need_version, made.agent_version) == (wanted.version, chosen.version)


@given(snapshots)
def test_no_fitting_agent_stays_idle_while_a_need_waits(snapshot):
    made = decide(snapshot, NOW)
    served, used = {one.need_id for one in made}, {one.agent_id for one in made}
    for wanted in snapshot.needs:
        if wanted.state is NeedState.WAITING and wanted.id not in served:
            for idle in snapshot.agents:
                if idle.state is AgentState.READY and idle.id not in used | wanted.refused_by:
                    assert not fits(idle.skills, asked_of_agent(wanted))


@given(snapshots, st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(snapshot, random: Random):
    needs, agents = list(snapshot.needs), list(snapshot.agents)
    random.shuffle(needs)
    random.shuffle(agents)
    assert decide(Snapshot(tuple(needs), tuple(agents), snapshot.demand), NOW) == decide(snapshot, NOW)


@given(snapshots)
def test_priority_is_exactly_a_credit_of_seconds(snapshot):
    as_age = tuple(replace(one, since=one.since - one.credit_s, credit_s=0.0) for one in snapshot.needs)
    plain = Policy(in_time_s=0, crowded_s=0)
    assert pairs(snapshot.needs, snapshot.agents, policy=plain) == pairs(as_age, snapshot.agents, policy=plain)


@given(snapshots)
def test_among_equal_needs_the_one_that_waits_longer_is_served_first(snapshot):
    made = {one.need_id for one in decide(snapshot, NOW)}
    for one in snapshot.needs:
        for other in snapshot.needs:
            alike = asked_of_agent(one) == asked_of_agent(other) and one.state is other.state is NeedState.WAITING
            alike = alike and one.refused_by <= other.refused_by
            if alike and one.place() < other.place() and other.id in made:
                assert one.id in made


@given(snapshots)
def test_every_decision_says_why_and_why_not_the_others_as_plain_json(snapshot):
    for made in decide(snapshot, NOW):
        why = json.loads(json.dumps(dict(made.why), allow_nan=False))
        named = {other["agent"] for other in why["others"]}
        assert named == {other.name for other in snapshot.agents if other.id != made.agent_id}
        assert all(other["why_not"] for other in why["others"])
        assert all(level["has"] >= level["asked"] for level in why["levels"].values())


@given(snapshots)
def test_agents_who_missed_a_need_are_asked_again_only_when_every_other_who_fits_is_needed_for_somebody(snapshot):
    needs = {one.id: one for one in snapshot.needs}
    decisions = decide(snapshot, NOW)
    used = {made.agent_id for made in decisions}
    for made in decisions:
        wanted = needs[made.need_id]
        if made.agent_id in wanted.not_agents:
            for other in snapshot.agents:
                if other.state is AgentState.READY and other.id not in used | wanted.not_agents:
                    assert not fits(other.skills, asked_of_agent(wanted))


@given(snapshots)
def test_an_agent_who_refused_a_need_is_never_asked_for_it_again(snapshot):
    needs = {one.id: one for one in snapshot.needs}
    for made in decide(snapshot, NOW):
        assert made.agent_id not in needs[made.need_id].refused_by


def test_the_longest_idle_of_those_who_fit_is_chosen():
    idle = [agent(1, since=30), agent(2, since=10), agent(3, since=5, general=0)]
    assert pairs([need(1)], idle) == [(1, 2)]


def test_a_need_that_came_back_is_served_before_those_who_came_later():
    came_back = need(1, since=10, not_agents=frozenset({9}))
    assert pairs([need(2, since=20), came_back], [agent(1)]) == [(1, 1)]


def test_a_credit_of_sixty_seconds_overtakes_those_who_came_less_than_sixty_seconds_before():
    late = need(2, since=100, credit_s=60)
    assert pairs([need(1, since=41), late], [agent(1)]) == [(2, 1)]
    assert pairs([need(1, since=39), late], [agent(1)]) == [(1, 1)]


def test_an_agent_who_missed_the_call_gets_it_again_only_when_alone():
    asked = need(1, not_agents=frozenset({1}))
    assert pairs([asked], [agent(1, since=0), agent(2, since=50)]) == [(1, 2)]
    assert pairs([asked], [agent(1, since=0)]) == [(1, 1)]


def test_a_rare_skill_does_not_hold_up_the_needs_behind_it():
    assert pairs([need(1, since=0, required={"cards": 9}), need(2, since=5)], [agent(1)]) == [(2, 1)]


def test_an_agent_needs_the_language_of_the_caller():
    assert pairs([need(1, language="zh")], [agent(1), agent(2, since=9, **{"lang:zh": 1})]) == [(1, 2)]


def test_a_complaint_of_a_higher_tier_needs_a_higher_level():
    for tier, level in TIER_LEVELS.items():
        wanted = asked_of_agent(need(1, tier=tier))
        assert fits({"general": 1, "lang:en": 1, "complaints": level}, wanted)
        if level:
            assert missing({"general": 1, "lang:en": 1, "complaints": level - 1}, wanted) == (
                Missing("complaints", level, level - 1),
            )


def test_what_is_missing_is_named_with_both_levels():
    lacks = missing({"general": 1}, asked_of_agent(need(1, required={"general": 4}, language="zh")))
    assert [str(one) for one in lacks] == ["general 1, asked 4", "lang:zh 0, asked 1"]


def test_why_not_names_every_kind_of_reason():
    agents = [
        agent(1, since=1, general=9),
        agent(2, since=2),
        agent(3, since=3, general=1),
        agent(4, since=4),
        agent(5, state=AgentState.BUSY),
    ]
    first, second = need(1, required={"general": 9}), need(2, since=1, not_agents=frozenset({4}))
    made = decide(Snapshot((first, second), tuple(agents)), NOW)
    why_not = {other["agent"]: other["why_not"] for other in made[1].why["others"]}
    assert why_not == {
        "agent-1": "taken by need 1",
        "agent-2": "spared for others: general",
        "agent-4": "has missed this need",
        "agent-5": "busy",
    }
    assert made[0].why["others"][1] == {"agent": "agent-3", "why_not": "general 1, asked 9"}


def test_the_list_of_others_is_bounded_and_the_rest_is_counted():
    agents = tuple(agent(number) for number in range(1, 31))
    made = decide(Snapshot((need(1),), agents), NOW, Policy(others_named=4))
    assert len(made[0].why["others"]) == 4
    assert made[0].why["others_left_out"] == 25


@pytest.mark.fault("D4", "the clock is set back while callers wait")
def test_waiting_times_are_never_negative_when_the_clock_is_set_back():
    made = decide(Snapshot((need(1, since=500),), (agent(1, since=900),)), 100.0)
    assert (made[0].why["waited_s"], made[0].why["idle_s"]) == (0.0, 0.0)


def test_nothing_is_decided_without_agents_or_needs():
    assert pairs([], [agent(1)]) == []
    assert pairs([need(1)], []) == []
