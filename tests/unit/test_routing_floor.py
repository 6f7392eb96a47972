"""The floor that is kept warm decides as a fresh look at everybody would; nobody starves; batches serve the most."""

from collections import Counter, defaultdict
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
from routing.skills import alternatives, asked_of_agent, fits
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


SHIPPED, PLAIN = Policy(), Policy(in_time_s=0, crowded_s=0)
FORWARD = Policy(in_time_s=40, crowded_s=50)


def in_their_order(needs, agents, now, policy):
    """Needs as they are served, from the rules: rows in their order; between rows what puts them forward counts."""
    free = [agent for agent in agents if agent.state is AgentState.READY]
    rows = defaultdict[object, list[Need]](list)
    for need in sorted(needs, key=Need.place):
        if any(could_serve(agent, need, now) for agent in free):
            rows[tuple(sorted(asked_of_agent(need).items()))].append(need)
    all_of = Counter(tuple(sorted(asked_of_agent(need).items())) for need in needs)
    crowds, merits = {}, {}
    for key in rows:
        at_work = sum(agent.may_be_waited_for and fits(agent.skills, dict(key)) for agent in agents)
        crowds[key] = all_of[key] / max(1, at_work)
        merits[key] = min(
            need.credit_s - need.terms.goal_s for need in needs if tuple(sorted(asked_of_agent(need).items())) == key
        )

    def choosing(key):
        return {agent.id for agent in free if any(could_serve(agent, need, now) for need in rows[key])}

    def together(key):
        """Rows that are connected with this one by agents who are free."""
        found = [key]
        for one in found:
            found += [other for other in rows if other not in found and choosing(other) & choosing(one)]
        return found

    def ahead_s(key):
        first = rows[key][0]
        in_time = 0 < first.terms.goal_s >= now - first.since
        most = max(crowds[other] for other in together(key))
        return policy.in_time_s * in_time + policy.crowded_s * crowds[key] / most

    turns = dict[object, list[tuple[float, int, Need]]]()
    for key, row in rows.items():
        turn, turns[key] = float("inf"), []
        every = [need for need in needs if tuple(sorted(asked_of_agent(need).items())) == key]
        for need in sorted(every, key=Need.place, reverse=True):  # also who cannot be served now
            own = need.credit_s - need.terms.goal_s
            lesser = [other for other in together(key) if merits[other] < own]
            turn = min(turn, need.since - own - max(map(ahead_s, [key, *lesser])))
            if need in row:
                turns[key].insert(0, (turn, need.id, need))
    order = []
    while any(turns.values()):
        first = min((row for row in turns.values() if row), key=lambda row: row[0][:2])
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


@pytest.mark.parametrize("policy", [SHIPPED, FORWARD])
@given(some(an_agent, 1), some(a_need, 5))
def test_a_freed_agent_takes_the_first_of_those_they_may_serve(policy, agents, needs):
    needs = tuple(replace(need, terms=replace(need.terms, agent_id=None)) for need in needs)
    match = match_of(Floor.of(Snapshot(needs, agents), 100.0, policy), 100.0)
    free = [agent for agent in agents if agent.state is AgentState.READY]
    mine = [need for need in needs if any(may_serve(agent, need, 100.0) for agent in free)]
    first = next((need for need in in_their_order(needs, agents, 100.0, policy) if need in mine), None)
    assert (match.need_id if match else None) == (first.id if first else None)


@pytest.mark.parametrize("policy", [SHIPPED, FORWARD])
@settings(max_examples=150)
@given(some(an_agent, 4), some(a_need, 4))
def test_a_batch_serves_the_best_set_of_needs_in_their_order(policy, agents, needs):
    """Held against every possible assignment, whoever has missed, refused or may never get a need."""
    needs = tuple(replace(need, terms=replace(need.terms, agent_id=None)) for need in needs)
    ready = [agent for agent in agents if agent.state is AgentState.READY]
    order = in_their_order(needs, agents, 100.0, policy)
    best: list[bool] = [False] * len(order)
    for given_to in permutations([*ready, *[None] * len(order)], len(order)):
        pairs = list(zip(order, given_to, strict=True))
        if all(agent is None or may_serve(agent, need, 100.0) for need, agent in pairs):
            best = max(best, [agent is not None for _, agent in pairs])
    served = {made.need_id for made in decide(Snapshot(needs, agents), 100.0, policy)}
    assert [need.id in served for need in order] == best


@given(some(an_agent, 4), some(a_need, 6))
def test_who_has_less_credit_or_a_longer_goal_is_served_first_only_where_their_age_says_so(agents, needs):
    """Held against everybody with more whom the same agent may serve, wherever they stand."""
    needs = {need.id: replace(need, terms=replace(need.terms, agent_id=None)) for need in needs}
    able = {agent.id: agent for agent in agents}
    made = decide(Snapshot(tuple(needs.values()), agents), 100.0, FORWARD)
    left = needs.keys() - {one.need_id for one in made}
    for one in made:
        for need_id in left:
            other, chosen = needs[need_id], needs[one.need_id]
            if may_serve(able[one.agent_id], other, 100.0) and other.merit_s > chosen.merit_s:
                behind = [need for need in needs.values() if in_one_row(need, chosen) and need.place() > chosen.place()]
                pulled = any(need.merit_s > chosen.merit_s for need in behind)  # they stand before somebody with more
                assert chosen.place() <= other.place() or pulled


def in_one_row(one, other):
    return asked_of_agent(one) == asked_of_agent(other)


def first_served(*needs, agents=None, policy=FORWARD, now=100.0):
    skilled = Agent(1, "one", AgentState.READY, 0, "", {"lang:en": 1, "a": 1, "b": 1}, 0.0)
    return decide(Snapshot(needs, (skilled, *(agents or ()))), now, policy)[0]


IN_GOAL = Terms(goal_s=20)


def test_a_row_whose_first_can_still_be_served_within_the_goal_goes_first_by_so_many_seconds():
    late = Need(1, "", "", 50.0, 0, required={"a": 1}, terms=IN_GOAL)
    fresh = Need(2, "", "", 81.0, 0, required={"b": 1}, terms=IN_GOAL)
    made = first_served(late, fresh)
    assert (made.need_id, made.why["forward_s"], made.why["in_time"]) == (2, 90.0, True)
    assert first_served(late, fresh, policy=PLAIN).need_id == 1
    assert first_served(late, replace(fresh, since=79.0)).need_id == 1  # too late for both
    assert first_served(replace(late, since=41.0), fresh).need_id == 1  # nobody waits for ever


def test_nobody_is_put_before_another_in_the_same_row_whatever_has_softened():
    softens = Terms(goal_s=20, softening=(Softening(30, {"a": 0}),), overflow=(Overflow("c", {"b": 1}, 15, None),))
    liking = replace(softens, preferred={"b": 2.0})
    late = Need(1, "", "", 60.0, 0, required={"a": 1}, terms=softens)
    for terms in (softens, liking):
        made = first_served(late, Need(2, "", "", 90.0, 0, required={"a": 1}, terms=terms))
        assert (made.need_id, made.why["in_time"]) == (1, False)
    missed = replace(late, since=85.0, not_agents=frozenset({9}))
    assert first_served(missed, Need(2, "", "", 90.0, 0, required={"a": 1}, terms=softens)).need_id == 1


def test_the_row_with_the_most_callers_per_agent_at_work_goes_first():
    few = [Need(1, "", "", 60.0, 0, required={"a": 1})]
    many = [Need(number, "", "", 80.0, 0, required={"b": 1}) for number in (2, 3, 4)]
    assert first_served(*few, *many).need_id == 2
    busy = [
        Agent(number, "", AgentState.BUSY, 0, "", {"lang:en": 1, "b": 1}, 0.0) for number in range(2, 7)
    ]  # three wait for six agents, one for one
    assert first_served(*few, *many, agents=busy).need_id == 1
    paused = [replace(agent, state=AgentState.PAUSED) for agent in busy]
    assert first_served(*few, *many, agents=paused).need_id == 2
    wishes = [replace(need, id=-need.id) for need in many]
    assert first_served(*few, *wishes).need_id == 1, "who is to be called back crowds no row"


def test_what_puts_rows_forward_takes_nothing_from_who_has_more_credit_or_a_shorter_goal():
    late = Need(1, "", "", 70.0, 0, required={"a": 1}, terms=IN_GOAL)
    many = [Need(number, "", "", 95.0, 0, required={"b": 1}, terms=IN_GOAL) for number in (2, 3, 4)]
    assert first_served(late, *many).need_id == 2
    assert first_served(replace(late, credit_s=1.0), *many).need_id == 1
    assert first_served(replace(late, terms=Terms(goal_s=10)), *many).need_id == 1
    for credit_s, first in ((4.0, 1), (3.0, 2)):  # came 4 s later; of equals who was stated first
        assert first_served(replace(late, since=99.0, credit_s=credit_s), *many).need_id == first


def test_rows_between_which_no_free_agent_can_choose_do_not_count_for_each_other():
    one = Need(1, "", "", 60.0, 0, required={"a": 1})
    two = [Need(number, "", "", 80.0, 0, required={"b": 1}) for number in (2, 3)]
    assert first_served(one, *two).need_id == 2
    many = [Need(number, "", "", 50.0, 0, required={"c": 1}) for number in range(4, 60)]
    theirs = Agent(2, "two", AgentState.READY, 0, "", {"lang:en": 1, "c": 1}, 0.0)
    mine = Agent(1, "one", AgentState.READY, 0, "", SKILLED, 0.0)
    made = decide(Snapshot((one, *two, *many), (mine, theirs)), 100.0, FORWARD)
    assert {(each.need_id, each.agent_id) for each in made} == {(2, 1), (4, 2)}


SKILLED = {"lang:en": 1, "a": 1, "b": 1}


def held_for(agent_id, number, since, **more):
    return Need(
        number, "", "", since, 0, required={"a": 1}, terms=Terms(goal_s=20, agent_id=agent_id, agent_wait_s=60), **more
    )


def test_of_two_who_wait_for_the_same_agent_the_one_who_has_waited_longer_is_served_first():
    for policy in (PLAIN, FORWARD):
        assert first_served(held_for(1, 1, 45.0), held_for(1, 2, 90.0), policy=policy).need_id == 1


def test_who_waits_for_one_agent_is_put_before_their_own_row_by_no_more_than_the_time_for_that():
    for since, first in ((45.0, 2), (43.0, 1)):  # of a row that is put forward as a whole
        older = Need(1, "", "", since, 0, required={"a": 1}, terms=IN_GOAL)
        assert first_served(older, held_for(1, 2, 74.0)).need_id == first


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
@pytest.mark.parametrize("policy", [SHIPPED, PLAIN, FORWARD])
def test_nobody_is_overtaken_by_who_came_later_than_the_bound(policy, arrivals, freed):
    """Calls of three priorities, with goals, held and softening, come all the time; agents become free now and then.

    In every round of the dispatcher each of whoever is served is held against all who are left waiting and whom the
    same agent might have served instead.
    """
    now, busy_until = 0.0, dict[int, float]()
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
    assert len(floor.line._by_key) < 1100
    match = match_of(floor, 0.0)
    assert match is not None
    assert match.need_id == 9999
