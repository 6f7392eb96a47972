"""A floor that is kept from round to round decides as one made anew, whatever happens in between."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.agent import Agent, AgentState
from routing.callback import CallbackSeen, CallbackState, CallbackWish, share_out
from routing.decision import decide, decide_on
from routing.differences import differences
from routing.floor import Floor
from routing.kept import MOST_AGE_S, KeptFloor
from routing.need import Need, NeedState
from routing.policy import Policy
from routing.snapshot import Snapshot
from routing.terms import NO_TERMS, Authority, Overflow, Softening, Terms

SKILLS = ("a", "b", "c", "d")
TERMS = (
    NO_TERMS,
    NO_TERMS,
    Terms(goal_s=20.0, preferred={"b": 2.0}),
    Terms(most_level=2),
    Terms(agent_id=2, agent_wait_s=40.0),
    Terms(softening=(Softening(30.0, {"a": 1}, ("zh",)), Softening(60.0, {"a": 0}))),
    Terms(overflow=(Overflow("q", {"d": 1}, 20.0, 90.0),)),
    Terms(authority=Authority("a", 3, ((20.0, 2), (50.0, 1))), barred=frozenset([2])),
)
STATES = (AgentState.READY, AgentState.READY, AgentState.BUSY, AgentState.PAUSED, AgentState.OFFERED)

skills = st.dictionaries(st.sampled_from(SKILLS), st.integers(1, 4), min_size=1, max_size=3)
languages = st.sampled_from(["en", "en", "zh"])


@st.composite
def an_agent(draw, number: int, now: float) -> Agent:
    state = draw(st.sampled_from(STATES))
    known = {} if state is AgentState.PAUSED else {**draw(skills), f"lang:{draw(languages)}": 1}
    return Agent(number, f"a{number}", state, draw(st.integers(0, 9)), "", known, now - draw(st.integers(0, 50)))


@st.composite
def a_need(draw, number: int, now: float) -> Need:
    return Need(
        number,
        f"c{number}",
        "q",
        now - draw(st.integers(0, 100)),
        draw(st.integers(0, 9)),
        draw(st.sampled_from([NeedState.WAITING, NeedState.WAITING, NeedState.OFFERED])),
        draw(skills),
        draw(languages),
        credit_s=draw(st.sampled_from([0.0, 0.0, 60.0])),
        not_agents=frozenset(draw(st.sets(st.integers(1, 6), max_size=1))),
        terms=draw(st.sampled_from(TERMS)),
    )


@st.composite
def a_wish(draw, number: int, now: float) -> CallbackSeen:
    since = now - draw(st.integers(0, 100))
    wish = CallbackWish("c", "+86", None, "q", "", draw(languages), "now", since, since, required=draw(skills))
    state = draw(st.sampled_from([CallbackState.WAITING, CallbackState.DIALLING]))
    return CallbackSeen(number, draw(st.integers(0, 3)), state, wish, next_at=since)


@st.composite
def a_story(draw):
    """Pictures one after the other: some agents, needs and wishes change, come or go; time passes, or goes back."""
    now, agents, needs, wishes, story = 1000.0, {}, {}, {}, []
    for _ in range(draw(st.integers(2, 7))):
        now += draw(st.sampled_from([0.0, 1.0, 7.0, 25.0, MOST_AGE_S + 1, -3.0]))
        for some, make in ((agents, an_agent), (needs, a_need), (wishes, a_wish)):
            for number in draw(st.sets(st.integers(1, 6), max_size=6 if not story else 2)):
                if number in some and draw(st.booleans()):
                    del some[number]
                else:
                    some[number] = draw(make(number, now))
        demand = draw(st.dictionaries(st.sampled_from(SKILLS), st.integers(0, 99), max_size=2))
        picture = Snapshot(tuple(needs.values()), tuple(agents.values()), demand)
        story.append((picture, tuple(wishes.values()), draw(st.integers(0, 2)), now))
    return story


@settings(max_examples=400)
@given(a_story())
def test_a_kept_floor_decides_as_one_made_anew(story):
    kept = KeptFloor()
    for picture, wishes, _, now in story:
        warm = decide_on(kept.show(picture, [wish.as_need() for wish in wishes], now), now)
        cold = decide(replace(picture, needs=(*picture.needs, *(wish.as_need() for wish in wishes))), now)
        assert warm == cold


@settings(max_examples=200)
@given(a_story())
def test_agents_are_shared_out_between_callers_and_callbacks_as_on_a_floor_made_anew(story):
    kept = KeptFloor()
    for picture, wishes, most, now in story:
        assert share_out(picture, wishes, now, most, kept) == share_out(picture, wishes, now, most)


def _agent(number: int, state: AgentState = AgentState.BUSY, **skills: int) -> Agent:
    return Agent(number, f"a{number}", state, 0, "", {"lang:en": 1, **(skills or {"a": 1})}, 0.0)


CROWD = tuple(_agent(number) for number in range(1, 21))


def test_what_has_not_changed_is_kept_and_now_and_then_all_is_made_anew():
    kept = KeptFloor()
    for now, made in ((0.0, 1), (1.0, 1), (MOST_AGE_S - 0.1, 1), (MOST_AGE_S, 2), (MOST_AGE_S - 5, 3)):
        kept.show(Snapshot((), CROWD), (), now)
        assert kept.made == made, now


def test_when_most_has_changed_all_is_made_anew():
    kept = KeptFloor()
    kept.show(Snapshot((), CROWD), (), 0.0)
    kept.show(Snapshot((), (*CROWD[:15], *(replace(one, version=1) for one in CROWD[15:]))), (), 1.0)
    assert kept.made == 1
    kept.show(Snapshot((), tuple(replace(one, version=2) for one in CROWD)), (), 2.0)
    assert kept.made == 2


def test_a_new_kind_of_agent_beyond_those_that_are_compared_makes_all_anew():
    for looked_at, made in ((1, 2), (2, 1)):
        kept = KeptFloor(Policy(looked_at=looked_at))
        kept.show(Snapshot((), CROWD), (), 0.0)
        kept.show(Snapshot((), (*CROWD, _agent(21, b=2))), (), 1.0)
        assert kept.made == made


def test_a_fault_on_the_way_leaves_no_floor_behind(monkeypatch):
    kept = KeptFloor()
    kept.show(Snapshot((), CROWD), (), 0.0)
    need = Need(1, "c", "q", 0.0, 0, required={"a": 1})
    with monkeypatch.context() as patched:
        patched.setattr(Floor, "need_is", None)
        with pytest.raises(TypeError):
            kept.show(Snapshot((need,), CROWD), (), 1.0)
    ready = (replace(CROWD[0], state=AgentState.READY), *CROWD[1:])
    (made,) = decide_on(kept.show(Snapshot((need,), ready), (), 2.0), 2.0)
    assert (made.need_id, made.agent_id, kept.made) == (1, 1, 2)


things = st.lists(st.integers(1, 400), unique=True, max_size=40).map(lambda ids: [Need(n, "", "", 0.0, 0) for n in ids])


@given(things, things, st.booleans(), st.lists(st.integers(0, 39), max_size=4), st.integers(1, 5))
def test_the_differences_of_two_pictures_are_found_whatever_their_order(before, others, alike, where, piece):
    now = [*before, *(one for one in others if one.id not in {was.id for was in before})] if alike else others
    for place in where:
        if place < len(now):
            now[place] = replace(now[place], version=1)
    if where and where[0] < len(now):
        del now[where[0]]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("routing.differences.PIECE", piece)
        changed, gone = differences(tuple(now), tuple(before))
    known = {one.id: one for one in before}
    new = [one for one in now if known.get(one.id) != one]
    assert gone == known.keys() - {one.id for one in now}
    assert all(one in changed for one in new)
    assert {one.id for one in changed} <= {one.id for one in now}
