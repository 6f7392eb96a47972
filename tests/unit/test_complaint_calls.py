"""Complaints in whole calls: which tier they come to, who gets them and who never does, what the pop shows."""

from typing import Any

import pytest

from ivr.complaints import ComplaintRule, Complaints, ComplaintTier
from ivr.pop import pop_for_agent
from ivr.ports import ROUTING
from ivr.queues import LastAgent, Queue, Queues
from ivr.testing.books import book_with
from ivr.testing.line import HangUp, Press
from ivr.testing.stage import ANI, Stage
from menus.facts import CallerFacts, CaseFact

EN = {"lang:en": 5}
PROMPTS = "  sorry: {text: {en: Nobody is here., zh: 没有人。}}\n"
STEPS = """\
  first: {kind: set, values: {severity: '"high"'}, then: complain}
  complain: {kind: route, queue: complaints, reason: Complaint, severity: severity, then: main, otherwise: sorry}
  sorry: {kind: say, prompts: [sorry], then: main}
"""
ABOUT_THEM = STEPS.replace("severity: severity,", "against: last_agent,")
ABOUT_WHOM = STEPS.replace("severity: severity,", "against: whom,").replace(
    "severity: '\"high\"'", "whom: '\"last_agent\"'"
)
IN, OUT = Press("3", hearing="main"), HangUp(hearing="again")
PYRAMID = Complaints(
    tiers=(
        ComplaintTier(name={"en": "Front line", "zh": "一线"}, level=1, goodwill=50, may={"en": ("Say sorry",)}),
        ComplaintTier(name={"en": "Specialist", "zh": "专员"}, level=4, goodwill=500, fallback_s=60),
        ComplaintTier(name={"en": "Senior", "zh": "资深"}, level=7, goodwill=5000),
    ),
    rules=(ComplaintRule(tier=2, severity="medium"), ComplaintRule(tier=3, overdue=True)),
    neutral_wait_s=52.9,
)


def a_stage(steps: str = STEPS, **queue: Any) -> Stage:
    complaints = Queue(**{"skills": {"complaints": 1}, "wrap_up_s": 0, **queue})
    site = Queues(
        version=1, complaints=PYRAMID, queues={"complaints": complaints, "general": Queue(skills={"general": 1})}
    )
    return Stage(book_with(steps, prompts=PROMPTS), queues=site.table("UTC"))


def sweeps(node: Stage, until_s: int) -> None:
    for seconds in range(until_s):
        node.clock.later(seconds, lambda: node.hints.nudge(ROUTING))


async def test_how_severe_it_is_decides_who_gets_it_and_the_call_says_why() -> None:
    node = a_stage()
    node.agent("front", skills={**EN, "complaints": 2}).since = 0.0
    node.agent("specialist", skills={**EN, "complaints": 5})
    await node.take(leg := node.leg(IN, OUT))
    assert leg.rung == ["PJSIP/specialist"]
    assert node.need.tier == 2
    (told,) = node.told("tier")
    assert told == {
        "step": "complain", "tier": 2,
        "why": [{"tier": 2, "because": [{"what": "severity", "severity": "high"}]}],
    }  # fmt: skip
    assert node.parts.out_of_reach == {}


async def test_an_open_case_counts_by_its_own_severity_and_an_overdue_answer_goes_to_the_top() -> None:
    node = a_stage(STEPS.replace("severity: severity, ", ""))
    node.agent("senior", skills={**EN, "complaints": 8})
    case = CaseFact(node.clock.now() - 86_400, True, "high")
    node.store.facts[ANI] = (CallerFacts(ANI, 7, 1, "en", open_cases=1, case_tier=1, cases=(case,)),)
    await node.take(node.leg(IN, OUT, call_id="first"))
    node.store.facts[ANI] = (CallerFacts(ANI, 7, 1, "en", open_cases=1, case_tier=1, cases_overdue=1, cases=(case,)),)
    await node.take(node.leg(IN, OUT, call_id="second"))
    assert [node.told("tier", call)[0]["tier"] for call in ("first", "second")] == [2, 3]


async def test_a_case_from_this_number_counts_though_nobody_knows_who_calls() -> None:
    node = a_stage(STEPS.replace("severity: severity, ", ""))
    rude = node.agent("rude", skills={**EN, "complaints": 9})
    node.agent("senior", skills={**EN, "complaints": 8}).since = node.clock.now() - 1
    case = CaseFact(node.clock.now() - 86_400, True, None, None, rude.id, tier=2, overdue=True)
    node.store.facts[ANI] = (CallerFacts(ANI, None, 2, number_cases=(case,)),)
    await node.take(leg := node.leg(IN, OUT))
    assert leg.rung == ["PJSIP/senior"]
    assert node.need.tier == 3


async def test_when_nobody_at_work_has_the_level_an_alarm_says_so_and_the_tier_below_serves_after_the_stated_time() -> (
    None
):
    node = a_stage()
    node.agent("front", skills={**EN, "complaints": 2})
    sweeps(node, 80)
    await node.take(leg := node.leg(IN, OUT))
    assert leg.rung == ["PJSIP/front"]
    assert 60 <= node.offer.made_at - node.need.since <= 63
    assert node.parts.out_of_reach == {"2": 1}
    (told,) = node.told("out_of_reach")
    assert (told["tier"], told["level"], told["lower_after_s"]) == (2, 4, 60)


async def test_a_senior_who_lacks_another_skill_of_the_queue_is_nobody_who_may_decide_it() -> None:
    node = a_stage(skills={"complaints": 1, "insurance": 1})
    node.agent("front", skills={**EN, "complaints": 2, "insurance": 1})
    node.agent("senior", skills={**EN, "complaints": 8})
    sweeps(node, 80)
    await node.take(leg := node.leg(IN, OUT))
    assert leg.rung == ["PJSIP/front"]
    assert node.parts.out_of_reach == {"2": 1}


async def test_the_pop_shows_the_tier_and_what_this_agent_may_grant_by_their_own_level() -> None:
    node = a_stage()
    junior = node.agent("front", skills={**EN, "complaints": 2})
    sweeps(node, 80)
    node.clock.later(75, lambda: None)
    await node.take(node.leg(IN, OUT))
    ((_, pop),) = node.desk.pops
    seen = pop.complaint
    assert seen is not None
    assert (seen.tier, seen.names["zh"], seen.currency) == (2, "专员", "CNY")
    assert [one["because"][0]["what"] for one in seen.why] == ["severity"]
    assert seen.mine is not None
    assert (seen.mine.tier, seen.mine.goodwill_cents, seen.mine.may) == (1, 5000, {"en": ("Say sorry",)})
    assert seen.next is not None
    assert (seen.next.tier, seen.next.goodwill_cents) == (2, 50_000)
    node.store.skills[junior.id]["complaints"] = 10
    again = await pop_for_agent(node.parts, junior.id)
    assert again is None or again.complaint is None or again.complaint.next is None  # above the top there is nobody


async def test_a_call_that_is_no_complaint_has_no_tier_on_the_pop() -> None:
    node = a_stage()
    node.agent("grace", skills={**EN, "general": 2})
    await node.take(node.leg(Press("0", hearing="main"), OUT))
    ((_, pop),) = node.desk.pops
    assert pop.complaint is None
    assert node.told("tier") == []


async def talked_to(node: Stage, name: str, call_id: str) -> None:
    """The caller talks to this agent about something else."""
    await node.take(leg := node.leg(Press("0", hearing="main"), OUT, call_id=call_id))
    assert leg.rung == [f"PJSIP/{name}"]


@pytest.mark.parametrize("steps", [ABOUT_THEM, ABOUT_WHOM])
async def test_a_complaint_about_the_agent_just_talked_to_goes_to_somebody_else(steps: str) -> None:
    node = a_stage(steps, last_agent=LastAgent(wait_s=20))
    rude = node.agent("rude", skills={**EN, "complaints": 9, "general": 5})
    await talked_to(node, "rude", "first")
    rude.state, rude.since = "ready", 0.0
    node.agent("kind", skills={**EN, "complaints": 2})
    await node.take(leg := node.leg(IN, OUT, call_id="second"))
    assert leg.rung == ["PJSIP/kind"]
    (told,) = node.told("offer", "second")
    assert told["why"]["neutral"] == "not rude"
    assert {"agent": "rude", "why_not": "the complaint is about them, or they have sent it on"} in told["why"]["others"]


async def test_a_value_that_says_nothing_of_an_agent_bars_nobody() -> None:
    node = a_stage(ABOUT_WHOM.replace('"last_agent"', '""'))
    node.agent("rude", skills={**EN, "complaints": 9, "general": 5})
    await talked_to(node, "rude", "first")
    next(iter(node.store.agents.values())).state = "ready"
    await node.take(leg := node.leg(IN, OUT, call_id="second"))
    assert leg.rung == ["PJSIP/rude"]


async def test_with_nobody_else_the_complaint_goes_on_in_the_book_and_never_to_the_agent_it_is_about() -> None:
    node = a_stage(ABOUT_THEM)
    rude = node.agent("rude", skills={**EN, "complaints": 9, "general": 5})
    await talked_to(node, "rude", "first")
    rude.state, rude.since = "ready", 0.0
    node.clock.later(20, lambda: node.hints.nudge(ROUTING))
    row = await node.take(leg := node.leg(IN, OUT, call_id="second"))
    assert leg.rung == []
    assert "sorry" in leg.heard
    assert 52.9 <= row.ended_at - row.started_at <= 60


async def test_an_agent_whom_an_open_case_is_about_is_not_the_last_agent_of_the_caller_either() -> None:
    node = a_stage(STEPS, last_agent=LastAgent(wait_s=20))
    rude = node.agent("rude", skills={**EN, "complaints": 9, "general": 5})
    node.store.facts[ANI] = (CallerFacts(ANI, 7, 1, "en"),)
    await talked_to(node, "rude", "first")
    rude.state, rude.since = "ready", 0.0
    case = CaseFact(node.clock.now(), True, against=rude.id)
    node.store.facts[ANI] = (CallerFacts(ANI, 7, 1, "en", open_cases=1, case_tier=1, cases=(case,)),)
    node.agent("kind", skills={**EN, "complaints": 5})
    await node.take(leg := node.leg(IN, OUT, call_id="second"))
    assert leg.rung == ["PJSIP/kind"]
    assert node.need.terms["barred"] == [rude.id]
    assert "agent" not in node.need.terms
