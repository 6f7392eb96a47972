"""The floor that is kept warm decides as a fresh look at everybody would; nobody starves; batches serve the most."""

from collections import defaultdict
from dataclasses import replace
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.testing.generated import some
from routing.agent import Agent, AgentState
from routing.assignment import assign
from routing.decision import Policy, decide, decide_on
from routing.floor import Floor, Match
from routing.kept import KeptFloor
from routing.need import Need, NeedState
from routing.policy import bound_s
from routing.skills import alternatives, fits
from routing.snapshot import Snapshot
from routing.terms import NO_TERMS, Overflow, Softening, Terms

SKILLS = ("a", "b", "c")
TERMS = (
    NO_TERMS,
    Terms(goal_s=20, softening=(Softening(10, {"a": 0, "b": 1}), Softening(40, languages=("zh",)))),
    Terms(overflow=(Overflow("c", {"c": 1}, 15, 60),)),
    Terms(agent_id=2, agent_wait_s=30),
    Terms(goal_s=60),
    Terms(preferred={"b": 2.0}),
    Terms(most_level=1),
    Terms(barred=frozenset({1, 3})),
)


def an_agent(number):
    return st.builds(
        Agent,
        id=st.just(number),
        name=st.just(f"agent-{number}"),
        state=st.sampled_from([AgentState.READY] * 3 + [AgentState.BUSY, AgentState.PAUSED]),
        version=st.just(0),
        phone=st.just(""),
        skills=st.dictionaries(st.sampled_from([*SKILLS, "lang:en", "lang:en", "lang:zh"]), st.integers(1, 3)).map(
            lambda skills: {"lang:en": 1, **skills}
        ),
        since=st.integers(0, 50).map(float),
    )


def a_need(number):
    return st.builds(
        Need,
        id=st.just(number),
        call_id=st.just(f"call-{number}"),
        queue=st.just("q"),
        since=st.integers(0, 100).map(float),
        version=st.just(0),
        required=st.dictionaries(st.sampled_from(SKILLS), st.integers(1, 3), max_size=2),
        credit_s=st.sampled_from([0.0, 0.0, 30.0]),
        not_agents=st.frozensets(st.integers(1, 5), max_size=2),
        terms=st.sampled_from(TERMS),
        refused_by=st.frozensets(st.integers(1, 5), max_size=1),
    ).map(lambda need: replace(need, not_agents=need.not_agents | need.refused_by))


moments = st.lists(st.integers(0, 5), min_size=8, max_size=8)


def may_serve(agent: Agent, need: Need, now: float) -> bool:
    if agent.id in need.never:
        return False
    return could_serve(agent, need, now)


def in_their_order(needs, agents, now, policy=Policy()):  # noqa: B008 (it is frozen)
    """Needs as they are served, from the rules: lines in their order, between lines what puts them forward counts."""
    free = [agent for agent in agents if agent.state is AgentState.READY]
    lines = defaultdict[object, list[Need]](list)
    for need in sorted(needs, key=Need.place):
        asked = tuple(tuple(sorted(one.items())) for one in alternatives(need, now))
        lines[asked, tuple(need.terms.preferred), need.terms.most_level].append(need)
    crowds = {
        key: len(line) / sum(agent.may_be_waited_for and could_serve(agent, line[0], now) for agent in agents)
        for key, line in lines.items()
        if any(could_serve(agent, line[0], now) for agent in free)
    }

    def ahead_s(key):
        first = lines[key][0]
        goal_s = first.terms.goal_s
        in_time_s = policy.in_time_s if goal_s and now - first.since <= goal_s else 0.0
        return in_time_s + policy.crowded_s * crowds[key] / max(crowds.values())

    turns = defaultdict[object, list[tuple[float, int, Need]]](list)
    for key in crowds:
        turn = float("-inf")
        for need in lines[key]:
            lesser = [other for other in crowds if lines[other][0].credit_s < need.credit_s]
            ahead = max(map(ahead_s, [key, *lesser]))
            turn = max(turn, need.since - need.credit_s + need.terms.goal_s - ahead)
            turns[key].append((turn, need.id, need))
    order = []
    while any(turns.values()):
        first = min((line for line in turns.values() if line), key=lambda line: line[0][:2])
        order.append(first.pop(0)[2])
    return order


def could_serve(agent: Agent, need: Need, now: float) -> bool:
    return any(fits(agent.skills, asked) for asked in alternatives(need, now))


def match_of(floor: Floor, now: float) -> Match | None:
    """The only match on a floor."""
    made = assign(floor, now)
    assert len(made) <= 1
    return made[0] if made else None


@given(some(an_agent, 5), some(a_need, 6), st.lists(st.tuples(st.integers(1, 5), st.integers(1, 30)), max_size=12))
def test_a_warm_floor_decides_as_a_fresh_one(agents, needs, steps):
    """Agents come and go, time passes, needs soften: the choice is that of a floor made anew."""
    now, floor, there = 100.0, Floor(), {}
    for agent in agents:
        floor.agent_is(agent, now)
        there[agent.id] = agent
    for need in needs:
        floor.need_is(need, now)
    for number, seconds in steps:
        now += seconds
        agent = there.get(number)
        if agent is None:
            continue
        ready = agent.state is not AgentState.READY
        there[number] = replace(agent, state=AgentState.READY if ready else AgentState.PAUSED, since=now)
        floor.agent_is(there[number], now)
        fresh = Floor.of(Snapshot(needs, tuple(there.values())), now)
        assert assign(floor, now) == assign(fresh, now)


@given(some(an_agent, 1), some(a_need, 5))
def test_a_freed_agent_takes_the_first_of_those_they_may_serve(agents, needs):
    needs = tuple(replace(need, terms=replace(need.terms, agent_id=None)) for need in needs)
    match = match_of(Floor.of(Snapshot(needs, agents), 100.0), 100.0)
    free = [agent for agent in agents if agent.state is AgentState.READY]
    mine = [need for need in needs if any(may_serve(agent, need, 100.0) for agent in free)]
    first = next((need for need in in_their_order(needs, agents, 100.0) if need in mine), None)
    assert (match.need_id if match else None) == (first.id if first else None)


@settings(max_examples=150)
@given(some(an_agent, 4), some(a_need, 4))
def test_a_batch_serves_the_best_set_of_needs_in_their_order(agents, needs):
    """Held against every possible assignment, whoever has missed, refused or may never get a need."""
    needs = tuple(replace(need, terms=replace(need.terms, agent_id=None)) for need in needs)
    ready = [agent for agent in agents if agent.state is AgentState.READY]
    order = in_their_order(needs, agents, 100.0)
    best: list[bool] = [False] * len(order)
    for given_to in permutations([*ready, *[None] * len(order)], len(order)):
        pairs = list(zip(order, given_to, strict=True))
        if all(agent is None or may_serve(agent, need, 100.0) for need, agent in pairs):
            best = max(best, [agent is not None for _, agent in pairs])
    served = {made.need_id for made in decide(Snapshot(needs, agents), 100.0)}
    assert [need.id in served for need in order] == best


def first_served(*needs, agents=None):
    skilled = Agent(1, "one", AgentState.READY, 0, "", {"lang:en": 1, "a": 1, "b": 1}, 0.0)
    return decide(Snapshot(needs, (skilled, *(agents or ()))), 100.0)[0]


IN_GOAL = Terms(goal_s=20)


def test_a_line_whose_first_can_still_be_served_within_the_goal_goes_first_by_so_many_seconds():
    late = Need(1, "", "", 0.0, 0, required={"a": 1}, terms=IN_GOAL)
    fresh = Need(2, "", "", 81.0, 0, required={"b": 1}, terms=IN_GOAL)
    made = first_served(late, fresh)
    assert (made.need_id, made.why["forward_s"], made.why["in_time"]) == (2, 660.0, True)
    assert first_served(late, replace(fresh, since=79.0)).need_id == 1  # too late for both
    longer = replace(late, since=81.0 - Policy().in_time_s)
    assert first_served(longer, fresh).need_id == 1  # nobody waits for ever


def test_what_puts_lines_forward_takes_nothing_from_who_has_more_credit():
    late = Need(1, "", "", 0.0, 0, required={"a": 1}, terms=IN_GOAL)
    many = [Need(number, "", "", 95.0, 0, required={"b": 1}, terms=IN_GOAL) for number in (2, 3, 4)]
    assert first_served(late, *many).need_id == 2
    assert first_served(replace(late, credit_s=1.0), *many).need_id == 1
    for credit_s, first in ((4.0, 1), (3.0, 2)):  # came 4 s later; of equals who was stated first
        assert first_served(replace(late, since=99.0, credit_s=credit_s), *many).need_id == first


@given(some(an_agent, 1), some(a_need, 6))
def test_who_has_less_credit_is_served_first_only_where_age_credit_and_goal_say_so(agents, needs):
    """Held against everybody with more credit who is first in line too, and whom the agent may serve."""
    needs = tuple(replace(need, terms=replace(need.terms, agent_id=None)) for need in needs)
    floor = Floor.of(Snapshot(needs, agents), 100.0)
    match = match_of(floor, 100.0)
    if match is not None:
        firsts = [group.waiting[0] for group in floor.line.standing]
        chosen = floor.line.needs[match.need_id]
        for place, need_id, _, credit_s in firsts:
            if may_serve(agents[0], floor.line.needs[need_id], 100.0) and credit_s > chosen.credit_s:
                assert chosen.place() <= (place, need_id) or all(first[1] != chosen.id for first in firsts)


def test_nobody_is_put_before_another_in_the_same_line():
    late = Need(1, "", "", 0.0, 0, required={"a": 1}, terms=IN_GOAL)
    fresh = Need(2, "", "", 90.0, 0, required={"a": 1}, terms=IN_GOAL)
    made = first_served(late, fresh)
    assert (made.need_id, made.why["in_time"]) == (1, False)


def test_the_line_with_the_most_needs_per_agent_at_work_goes_first():
    few = [Need(1, "", "", 0.0, 0, required={"a": 1})]
    many = [Need(number, "", "", 50.0, 0, required={"b": 1}) for number in (2, 3, 4)]
    assert first_served(*few, *many).need_id == 2
    busy = [
        Agent(number, "", AgentState.BUSY, 0, "", {"lang:en": 1, "b": 1}, 0.0) for number in range(2, 7)
    ]  # three wait for six agents, one for one
    assert first_served(*few, *many, agents=busy).need_id == 1
    paused = [replace(agent, state=AgentState.PAUSED) for agent in busy]
    assert first_served(*few, *many, agents=paused).need_id == 2


BOUND_TERMS = (
    NO_TERMS,
    Terms(goal_s=20.0),
    Terms(goal_s=300.0, softening=(Softening(40, {"a": 0, "b": 0}), Softening(90, languages=("zh",)))),
    Terms(agent_id=2, agent_wait_s=60.0),
    Terms(overflow=(Overflow("c", {"c": 1}, 15, 60),), barred=frozenset({1})),
)


@settings(max_examples=150)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 40),
            st.sampled_from([0.0, 60.0, 300.0]),
            st.sampled_from(SKILLS),
            st.sampled_from(BOUND_TERMS),
            st.frozensets(st.integers(1, 3), max_size=1),
        ),
        min_size=2,
        max_size=25,
    ),
    st.lists(st.tuples(st.integers(1, 3), st.integers(0, 7), st.integers(0, 120)), min_size=3, max_size=30),
)
@pytest.mark.fault("F16", "a flow of preferred callers and a rare skill")
def test_nobody_is_overtaken_by_who_came_later_than_the_bound(arrivals, freed):
    """Calls of three priorities, with goals, held and softening, come all the time; agents become free now and then.

    In every round of the dispatcher each of whoever is served is held against all who are left waiting and whom the
    same agent might have served instead.
    """
    policy, now, busy_until = Policy(), 0.0, dict[int, float]()
    kept, waiting, agents = KeptFloor(policy), dict[int, Need](), dict[int, Agent]()
    coming = list(enumerate(arrivals, 1))
    for number, kinds, talk_s in freed:
        for _ in range(min(len(coming), 2)):
            call, (gap, credit, skill, terms, missed) = coming.pop(0)
            now += gap
            waiting[call] = Need(
                call, "", "", now, 0, required={skill: 1}, credit_s=credit, terms=terms, not_agents=missed
            )
        skills = {"lang:en": 1} | {skill: 1 for bit, skill in enumerate(SKILLS) if kinds >> bit & 1}
        if busy_until.get(number, 0.0) <= now:
            agents[number] = Agent(number, f"a{number}", AgentState.READY, 0, "", skills, now)
        for one, until in busy_until.items():
            if until <= now and agents[one].state is AgentState.BUSY:
                agents[one] = replace(agents[one], state=AgentState.READY, since=now)
        picture = Snapshot(tuple(waiting.values()), tuple(agents.values()))
        floor = kept.show(picture, (), now)
        made, held = decide_on(floor, now), {need.id for need in waiting.values() if floor.line.is_held(need.id)}
        left = [need for need in waiting.values() if need.id not in {one.need_id for one in made}]
        for one in made:
            chosen, agent = waiting.pop(one.need_id), agents[one.agent_id]
            for other in left:
                theirs = other.id not in held or other.terms.agent_id == agent.id
                if theirs and may_serve(agent, other, now):
                    most, least = (need.credit_s - need.terms.goal_s for need in (chosen, other))
                    assert chosen.since - other.since <= bound_s(policy, most, least)
            agents[agent.id] = replace(agent, state=AgentState.BUSY, since=now)
            busy_until[agent.id] = now + talk_s
        free = [agent for agent in agents.values() if agent.state is AgentState.READY]
        for other in left:
            theirs = [agent for agent in free if other.id not in held or other.terms.agent_id == agent.id]
            assert not any(may_serve(agent, other, now) for agent in theirs), "an agent is idle beside a caller"


def test_a_low_call_is_served_before_high_calls_that_came_later_than_their_credit():
    """A low call waits while high calls keep coming: it is served once they are their credit younger."""
    floor = Floor()
    floor.need_is(Need(1, "", "", 0.0, 0, required={"a": 1}), 0.0)
    served_at = None
    for number in range(2, 40):
        now = number * 10.0
        floor.need_is(Need(number, "", "", now, 0, required={"a": 1}, credit_s=120.0), now)
        floor.agent_is(Agent(1, "one", AgentState.READY, 0, "", {"a": 1, "lang:en": 1}, now), now)
        match = match_of(floor, now)
        assert match is not None
        floor.need_left(match.need_id)
        if match.need_id == 1:
            served_at = now
            break
    assert served_at == 120.0  # the call of that moment is 120 s younger: of equals who came first


def test_a_held_need_is_put_forward_with_the_agent_it_waits_for():
    busy = Agent(1, "one", AgentState.BUSY, 0, "", {"a": 1, "lang:en": 1}, 0.0)
    floor = Floor()
    floor.agent_is(busy, 0.0)
    floor.need_is(Need(1, "", "", 0.0, 0, required={"a": 1}), 0.0)
    floor.need_is(Need(2, "", "", 20.0, 0, required={"a": 1}, terms=Terms(agent_id=1, agent_wait_s=60)), 20.0)
    floor.agent_is(replace(busy, state=AgentState.READY, since=25.0), 25.0)
    match = match_of(floor, 25.0)
    assert match is not None
    assert match.need_id == 2


def test_a_held_need_is_open_to_all_once_its_agent_logs_out():
    floor = Floor()
    theirs = Agent(1, "one", AgentState.BUSY, 0, "", {"a": 1, "lang:en": 1}, 0.0)
    floor.agent_is(theirs, 0.0)
    floor.agent_is(Agent(2, "two", AgentState.READY, 0, "", {"a": 1, "lang:en": 1}, 0.0), 0.0)
    floor.need_is(Need(1, "", "", 0.0, 0, required={"a": 1}, terms=Terms(agent_id=1, agent_wait_s=60)), 0.0)
    assert match_of(floor, 5.0) is None
    floor.agent_left(1, 5.0)
    match = match_of(floor, 5.0)
    assert match is not None
    assert match.agent_id == 2


def test_one_event_is_decided_with_versions_and_reasons():
    floor = Floor()
    floor.agent_is(Agent(1, "one", AgentState.READY, 4, "", {"a": 1, "lang:en": 1}, 0.0), 0.0)
    floor.need_is(Need(7, "call", "", 5.0, 3, required={"a": 1}), 5.0)
    (made,) = decide_on(floor, 9.0)
    assert (made.need_id, made.need_version, made.agent_id, made.agent_version) == (7, 3, 1, 4)
    assert (made.why["waited_s"], made.why["idle_s"]) == (4.0, 9.0)


def test_needs_that_are_being_served_and_agents_who_are_gone_play_no_part():
    floor = Floor()
    need = Need(1, "", "", 0.0, 0, required={"a": 1})
    floor.need_is(need, 0.0)
    floor.need_is(replace(need, state=NeedState.OFFERED), 1.0)
    floor.agent_is(Agent(1, "one", AgentState.READY, 0, "", {"a": 1, "lang:en": 1}, 0.0), 1.0)
    assert match_of(floor, 1.0) is None
    floor.agent_left(1, 1.0)
    floor.need_is(need, 2.0)
    assert match_of(floor, 2.0) is None


def test_kinds_of_needs_that_nobody_has_any_more_are_forgotten():
    floor = Floor()
    floor.agent_is(Agent(1, "one", AgentState.READY, 0, "", {"last": 1, "lang:en": 1}, 0.0), 0.0)
    for number in range(3000):
        floor.need_is(Need(number, "", "", 0.0, 0, required={f"skill-{number}": 1}), 0.0)
        floor.need_left(number)
    floor.need_is(Need(9999, "", "", 0.0, 0, required={"last": 1}), 0.0)
    assert len(floor.line.groups) < 1100
    match = match_of(floor, 0.0)
    assert match is not None
    assert match.need_id == 9999
