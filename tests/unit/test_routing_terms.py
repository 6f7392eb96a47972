"""What a need asks for as time passes: softening, languages, overflow, preferences and the agent who is wanted."""

import json

from hypothesis import given
from hypothesis import strategies as st

from routing.agent import Agent, AgentState
from routing.decision import decide
from routing.need import Need
from routing.skills import alternatives
from routing.snapshot import Snapshot
from routing.terms import NO_TERMS, Authority, Overflow, Softening, Terms, terms_of

NOW = 10_000.0
SENIOR = Terms(softening=(Softening(30, {"cards": 3}), Softening(60, {"cards": 1}), Softening(90, languages=("zh",))))


def agent(number: int, *, state=AgentState.READY, since=0.0, **skills: int) -> Agent:
    skills = {"lang_zh" if skill == "zh" else skill: level for skill, level in skills.items()}
    known = {"lang:zh" if skill == "lang_zh" else skill: level for skill, level in skills.items()}
    return Agent(number, f"agent-{number}", state, 0, "", {"lang:en": 5, **known}, since)


def need(number: int, *, age: float = 0.0, terms: Terms = NO_TERMS, **more) -> Need:
    required = more.pop("required", {"cards": 7})
    return Need(number, f"call-{number}", "cards", NOW - age, 0, required=required, terms=terms, **more)


def decided(needs, agents, now=NOW):
    return [(one.need_id, one.agent_id) for one in decide(Snapshot(tuple(needs), tuple(agents)), now)]


ages = st.floats(0, 10_000).map(lambda age: round(age, 1))
skills = st.dictionaries(st.sampled_from(["a", "b", "c"]), st.integers(0, 10), max_size=3)
all_terms = st.builds(
    Terms,
    goal_s=ages,
    preferred=st.dictionaries(st.sampled_from(["a", "b"]), st.floats(0.5, 9)),
    most_level=st.none() | st.integers(1, 9),
    agent_id=st.none() | st.integers(1, 9),
    agent_wait_s=st.just(0.0),
    softening=st.lists(
        st.builds(Softening, ages, skills, st.lists(st.sampled_from(["en", "zh"])).map(tuple)), max_size=3
    ).map(tuple),
    overflow=st.lists(st.builds(Overflow, st.just("q"), skills, ages, st.none() | ages), max_size=2).map(tuple),
    authority=st.none()
    | st.builds(
        Authority,
        st.just("complaints"),
        st.integers(1, 10),
        st.lists(st.tuples(ages, st.integers(1, 9)), max_size=2).map(tuple),
        st.just(({"tier": 2, "because": [{"what": "overdue"}]},)),
    ),
    barred=st.frozensets(st.integers(1, 9), max_size=3),
)


@given(all_terms)
def test_terms_are_the_same_after_they_were_stored(terms):
    assert terms_of(json.loads(json.dumps(terms.as_json()))) == terms


def test_terms_of_a_need_that_brings_none_store_nothing():
    assert (NO_TERMS.as_json(), terms_of({})) == ({}, NO_TERMS)


def test_a_need_asks_for_less_at_each_step():
    levels = [alternatives(need(1, terms=SENIOR, age=age), NOW)[0].get("cards") for age in (0, 29.9, 30, 59, 60, 500)]
    assert levels == [7, 7, 3, 3, 1, 1]


def test_a_skill_softened_to_zero_is_not_asked_for_any_more():
    soft = Terms(softening=(Softening(10, {"cards": 0}),))
    assert alternatives(need(1, terms=soft, age=10), NOW) == ({"lang:en": 1},)


def test_a_further_language_is_an_alternative_and_not_one_more_demand():
    assert alternatives(need(1, terms=SENIOR, age=90), NOW) == ({"cards": 1, "lang:en": 1}, {"cards": 1, "lang:zh": 1})


def test_a_miss_brings_the_need_one_step_further_at_once():
    missed = need(1, terms=SENIOR, not_agents=frozenset({5}))
    assert alternatives(missed, NOW)[0]["cards"] == 3
    assert alternatives(need(1, terms=SENIOR, age=31, not_agents=frozenset({5})), NOW)[0]["cards"] == 1


def test_the_tier_of_a_complaint_is_never_softened():
    soft = Terms(softening=(Softening(0, {"complaints": 0}),))
    asked = alternatives(need(1, required={"complaints": 1}, tier=3, terms=soft, age=500), NOW)
    assert asked == ({"complaints": 7, "lang:en": 1},)


def test_overflow_adds_the_agents_of_another_queue_and_ends_when_it_says_so():
    terms = Terms(overflow=(Overflow("general", {"general": 1}, 20, 60),))
    helper = agent(1, general=5)
    served = [decided([need(1, terms=terms, age=age)], [helper]) for age in (19, 20, 59, 60)]
    assert served == [[], [(1, 1)], [(1, 1)], []]


def test_agents_of_its_own_queue_go_before_those_who_help_out():
    terms = Terms(overflow=(Overflow("general", {"general": 1}, 0),))
    assert decided([need(1, terms=terms)], [agent(1, general=5), agent(2, since=900, cards=8)]) == [(1, 2)]


def test_of_those_who_fit_the_one_with_the_greatest_preference_is_asked():
    terms = Terms(preferred={"moving_house": 2, "family": 1})
    agents = [agent(1, cards=7), agent(2, since=5, cards=7, family=3), agent(3, since=9, cards=9, moving_house=1)]
    assert decided([need(1, terms=terms)], agents) == [(1, 3)]
    assert decided([need(1, terms=terms)], agents[:2]) == [(1, 2)]
    assert decided([need(1, terms=terms)], agents[:1]) == [(1, 1)]


def test_a_need_waits_for_the_agent_it_wants_up_to_its_limit_while_they_are_at_work():
    terms = Terms(agent_id=2, agent_wait_s=30)
    free = agent(1, cards=7)
    for state, waits in ((AgentState.BUSY, True), (AgentState.WRAP_UP, True), (AgentState.PAUSED, False)):
        theirs = agent(2, state=state, cards=7)
        assert decided([need(1, age=29, terms=terms)], [free, theirs]) == ([] if waits else [(1, 1)])
    assert decided([need(1, age=29, terms=terms)], [free]) == [(1, 1)]
    assert decided([need(1, age=30, terms=terms)], [free, agent(2, state=AgentState.BUSY, cards=7)]) == [(1, 1)]


def test_the_agent_who_is_wanted_is_asked_first_also_after_the_limit():
    terms = Terms(agent_id=2, agent_wait_s=30)
    agents = [agent(1, cards=7), agent(2, since=900, cards=9)]
    assert decided([need(1, age=5, terms=terms)], agents) == [(1, 2)]
    assert decided([need(1, age=500, terms=terms)], agents) == [(1, 2)]


def test_a_need_does_not_wait_for_an_agent_who_cannot_serve_it_or_has_missed_it():
    terms = Terms(agent_id=2, agent_wait_s=30)
    for state in (AgentState.READY, AgentState.BUSY, AgentState.WRAP_UP):
        assert decided([need(1, terms=terms)], [agent(1, cards=7), agent(2, state=state, general=7)]) == [(1, 1)]
    missed = need(1, terms=terms, not_agents=frozenset({2}))
    assert decided([missed], [agent(1, cards=7), agent(2, cards=7)]) == [(1, 1)]


def test_who_has_missed_a_need_is_not_preferred_to_others_who_fit():
    missed = need(1, terms=Terms(preferred={"family": 2.0}), not_agents=frozenset({1}))
    liked = agent(1, cards=7, family=5)
    assert decided([missed], [liked, agent(2, cards=7)]) == [(1, 2)]
    assert decided([missed], [liked, agent(2, cards=7), agent(3, cards=7, family=1)]) == [(1, 3)]
    assert decided([missed], [liked]) == [(1, 1)]


def test_an_agent_who_can_more_is_spared_for_those_who_need_them():
    expert, plain = agent(1, cards=7, lending=7), agent(2, since=900, cards=7)
    assert decided([need(1)], [expert, plain, agent(3, since=950, cards=8)]) == [(1, 2)]
    both = [need(1, age=9), need(2, required={"lending": 1})]
    assert sorted(decided(both, [expert, plain])) == [(1, 2), (2, 1)]


def test_the_agent_whose_other_skill_is_seldom_asked_for_takes_what_both_could():
    lender, saver = agent(1, since=900, cards=7, lending=7), agent(2, cards=7, savings=7)

    def taker(*others, **demand: float) -> int:
        picture = Snapshot((need(1),), (lender, saver, *others), demand)
        return decide(picture, NOW)[0].agent_id

    assert taker() == 2, "who has been idle longer, when nothing is known"
    assert taker(savings=9, lending=2) == 1
    assert taker(savings=2, lending=9) == 2
    assert taker(agent(3, savings=7), agent(4, savings=7), savings=9, lending=2) == 1, (
        "of three savers each counts a third"
    )
    assert taker(*(agent(n, savings=7) for n in range(3, 9)), savings=9, lending=2) == 2, "of seven a seventh"


def test_a_junior_takes_what_a_junior_may_take():
    assert decided([need(1, required={"cards": 1})], [agent(1, cards=9), agent(2, since=900, cards=2)]) == [(1, 2)]


def test_the_goal_of_its_queue_decides_when_a_need_is_overdue():
    patient = need(1, age=50, terms=Terms(goal_s=60))
    urgent = need(2, age=20, terms=Terms(goal_s=10))
    assert decided([patient, urgent], [agent(1, cards=9)]) == [(2, 1)]


def test_the_reasons_name_what_softened_was_preferred_and_wanted():
    terms = Terms(preferred={"family": 2.0}, agent_id=1, agent_wait_s=9, softening=SENIOR.softening)
    (made,) = decide(Snapshot((need(1, age=70, terms=terms),), (agent(1, cards=4, family=1), agent(2))), NOW)
    assert (made.why["softened"], made.why["preferred"], made.why["wanted_agent"]) == (2, {"family": 2.0}, True)
    assert made.why["levels"] == {"cards": {"asked": 1, "has": 4}, "lang:en": {"asked": 1, "has": 5}}
    assert made.why["others"] == [{"agent": "agent-2", "why_not": "cards 0, asked 1"}]


# --- simple enquiries -----------------------------------------------------------------------------------------------

SIMPLE = Terms(most_level=3)


def test_a_simple_enquiry_goes_to_a_junior_though_others_have_less_to_lose():
    junior, senior = agent(1, cards=3, loans=5, funds=5), agent(2, cards=7)
    assert decided([need(1, required={"cards": 1})], [junior, senior]) == [(1, 2)]
    assert decided([need(1, required={"cards": 1}, terms=SIMPLE)], [junior, senior]) == [(1, 1)]
    (made,) = decide(Snapshot((need(1, required={"cards": 1}, terms=SIMPLE),), (junior, senior)), NOW)
    assert made.why["simple"] is True
    assert {"agent": "agent-2", "why_not": "spared: the enquiry is a simple one"} in made.why["others"]


def test_nobody_waits_for_a_junior_while_a_senior_is_free():
    busy, senior = agent(1, cards=3, state=AgentState.BUSY), agent(2, cards=7)
    assert decided([need(1, required={"cards": 1}, terms=SIMPLE)], [busy, senior]) == [(1, 2)]
    (made,) = decide(Snapshot((need(1, required={"cards": 1}, terms=SIMPLE),), (busy, senior)), NOW)
    assert made.why["simple"] is False


def test_of_two_at_once_the_simple_enquiry_gets_the_junior_and_both_are_served():
    junior, senior = agent(1, cards=3, loans=5), agent(2, cards=7)
    simple, hard = need(1, required={"cards": 1}, terms=SIMPLE), need(2, age=5, required={"cards": 1})
    assert sorted(decided([simple, hard], [junior, senior])) == [(1, 1), (2, 2)]


def test_who_speaks_a_language_well_is_no_senior_for_that():
    polyglot = agent(1, cards=3, zh=9)
    one = need(1, required={"cards": 1}, terms=SIMPLE, language="zh")
    assert decided([one], [polyglot, agent(2, cards=4, zh=1)]) == [(1, 1)]
