"""The queue before a caller, the range that is told of it, and whether ranges hold."""

from collections import Counter
from random import Random

import pytest

from routing.agent import Agent, AgentState
from routing.need import Need, NeedState
from routing.outlook import Hall, Lately, Outlook
from routing.snapshot import Snapshot
from routing.terms import Softening, Terms
from routing.wait_ranges import COVERAGE, Told, WaitRange, aimed_at, is_news, range_of
from routing.waits import Expected


def agent(number: int, *skills: str, state: AgentState = AgentState.BUSY) -> Agent:
    return Agent(number, f"a{number}", state, 0, "", {"lang:en": 1, **dict.fromkeys(skills, 3)})


def need(number: int, skill: str, since: float = 0.0, **more) -> Need:
    return Need(number, f"c{number}", skill, since, 0, required={skill: more.pop("level", 1)}, **more)


def outlook(needs, agents, call_id="c1", now=100.0):
    return Hall(Snapshot(tuple(needs), tuple(agents))).outlook(call_id, now)


def test_those_who_came_before_and_those_with_credit_are_ahead():
    needs = [need(1, "a", 50), need(2, "a", 40), need(3, "a", 60), need(4, "a", 70, credit_s=60)]
    assert outlook(needs, [agent(1, "a")]) == Outlook(2.0, 1, behind=1.0)


def test_callers_of_other_queues_count_as_far_as_they_may_take_these_agents():
    needs = [need(1, "a", 50), need(2, "b", 10), need(3, "c", 10)]
    agents = [agent(1, "a", "b"), agent(2, "b"), agent(3, "a"), agent(4, "c")]
    assert outlook(needs, agents) == Outlook(0.5, 2)


def test_agents_on_a_break_and_those_without_the_level_do_not_count():
    agents = [agent(1, "a"), agent(2, "a", state=AgentState.PAUSED), agent(3, "a", state=AgentState.WRAP_UP), agent(4)]
    assert outlook([need(1, "a")], agents) == Outlook(0.0, 2)
    assert outlook([need(1, "a", level=4)], agents) == Outlook(0.0, 0)


def test_a_need_that_has_softened_is_served_by_more():
    softer = Terms(softening=(Softening(60, {"a": 1}),))
    for since, agents in ((50, 0), (0, 1)):
        assert outlook([need(1, "a", since, level=4, terms=softer)], [agent(1, "a")]) == Outlook(0.0, agents)


def test_who_is_offered_already_takes_no_further_agent_and_who_has_no_need_has_no_outlook():
    assert outlook([need(1, "a", 50), need(2, "a", 10, state=NeedState.OFFERED)], [agent(1, "a")]) == Outlook(0.0, 1)
    assert outlook([], [agent(1, "a")]) is None


@pytest.mark.parametrize(("ahead", "agents"), [(0, 3), (4, 3), (12, 5), (30, 20)])
def test_waits_of_a_simulated_queue_lie_in_the_range_as_often_as_was_asked_for(ahead, agents):
    rng, patience_s, service_s = Random(7), 900.0, 240.0
    told = Outlook(ahead, agents).expect(service_s, 1e9, patience_s, COVERAGE)
    waits = []
    for _ in range(4000):
        wait = 0.0
        before = ahead
        while before >= 0:  # this caller stays; those ahead may leave
            rate = agents / service_s + before / patience_s
            wait += rng.expovariate(rate)
            before -= 1
        waits.append(wait)
    inside = sum(told.low_s <= wait <= told.high_s for wait in waits) / len(waits)
    assert inside == pytest.approx(COVERAGE, abs=0.025)
    assert sum(waits) / len(waits) == pytest.approx(told.mean_s, rel=0.05)


def test_half_a_caller_ahead_counts_half_and_few_services_widen_the_range():
    none, half, one = (Outlook(ahead, 2).expect(100, 1e9, 1e9, 0.8) for ahead in (0, 0.5, 1))
    assert (none.mean_s, half.mean_s, one.mean_s) == pytest.approx((50, 75, 100), rel=1e-3)
    unsure = Outlook(8, 2).expect(100, 6, 1e9, 0.8)
    sure = Outlook(8, 2).expect(100, 600, 1e9, 0.8)
    assert unsure.low_s < sure.low_s < sure.high_s < unsure.high_s


def test_services_of_late_count_beside_what_is_usual_and_nothing_is_known_of_few():
    assert Lately(5, 100.0).service(None) is None
    assert Lately(6, 100.0).service(None) == (100.0, 6.0)
    assert Lately(0, 0.0).service(200.0) == (200.0, 6.0)
    assert Lately(6, 100.0).service(200.0) == (150.0, 12.0)
    assert Lately(left=2, waited_s=2400.0).patience_s() == 1200.0


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (10, 100, WaitRange(0, 2)),
        (130, 290, WaitRange(2, 5)),
        (310, 590, WaitRange(5, 10)),
        (310, 1190, WaitRange(5, 20)),
        (130, 890, None),
        (200, 890, WaitRange(3, 15)),
        (60, 800, None),
        (1300, 2600, WaitRange(20, 45)),
        (2000, 4000, WaitRange(30, None)),
        (1000, 4000, None),
    ],
)
def test_a_range_has_round_ends_outside_the_estimate_and_is_not_too_wide(low, high, said):
    assert range_of(Expected((low + high) / 2, low, high)) == said


def test_an_end_stays_until_the_estimate_has_crossed_it_by_a_tenth():
    last, said = None, []
    for low, high in [(320, 580), (295, 610), (272, 650), (265, 640), (295, 640), (320, 640), (335, 640), (335, 670)]:
        last = range_of(Expected(0, low, high), last)
        assert last is not None
        said.append((last.least_min, last.most_min))
    assert said == [(5, 10), (5, 10), (5, 10), (3, 10), (3, 10), (3, 10), (5, 10), (5, 15)]


def test_a_range_is_news_when_it_is_another_one_or_half_of_it_is_over():
    told = WaitRange(5, 10)
    assert is_news(told, None, 0)
    assert is_news(WaitRange(2, 10), told, 1)
    assert not is_news(told, told, 299)
    assert is_news(told, told, 300)


@pytest.mark.parametrize(
    ("wait_s", "over", "fate"),
    [(200, True, "sooner"), (400, True, "held"), (700, True, "later"), (700, False, "later"), (400, False, None)],
)
def test_what_came_of_a_range(wait_s, over, fate):
    assert Told("a", WaitRange(5, 10), 450.0, wait_s, over).fate == fate


def test_ranges_learn_until_they_hold_as_often_as_they_should():
    """Services take half as long again as the formula is told: ranges that learn hold in the end, others never do."""
    rng, told, held = Random(3), list[Told](), Counter[bool]()
    for number in range(1500):
        wait_s = sum(rng.expovariate(3 / 360) for _ in range(9))
        for learns in (True, False):
            aimed = aimed_at(told).get("a", COVERAGE) if learns else COVERAGE
            expected = Outlook(8, 3).expect(240, 1e9, 1e9, aimed)
            inside = expected.low_s <= wait_s <= expected.high_s
            held[learns] += inside and number >= 1000
            if learns:
                told.append(Told("a", WaitRange(0, None if inside else 0), expected.mean_s, wait_s, True))
    assert held[False] / 500 < 0.5
    assert held[True] / 500 == pytest.approx(COVERAGE, abs=0.05)
