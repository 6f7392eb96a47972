"""The tier of a complaint in this call: from what the step says, what is known of the caller, and the site's rules."""

import asyncio
from dataclasses import replace

import structlog

from ivr.call import STATE_S, Call
from ivr.ports import NeedWish
from ivr.queues import Queue
from menus.schema import Callback, OpenCase, Route
from menus.schema.words import LAST_AGENT
from menus.walk import Position
from routing.agent import AT_WORK
from routing.complaints import SEVERITIES, Placed, rungs
from routing.errors import StoreAway
from routing.reach import besides
from routing.skills import fits
from routing.terms import Authority, Terms

log = structlog.get_logger()

#: How long ago a caller may have talked to the agent whom they complain about, in days.
TALKED_DAYS = 30
#: Shortest wait for a neutral agent, in seconds: long enough to hear that they wait.
LEAST_WAIT_S = 3.0


def severity_of(position: Position, step: Route | Callback | OpenCase) -> str | None:
    """How severe the caller has said it is; None when they were not asked."""
    said = _text(position, step.severity)
    return said if said in SEVERITIES else None


def about_of(position: Position, step: Route | Callback | OpenCase) -> str | None:
    """What the caller has said it is about."""
    return _text(position, step.about)


def _text(position: Position, name: str | None) -> str | None:
    """A value of the call that is a text."""
    value = position.values.get(name) if name is not None else None
    return value if isinstance(value, str) and value else None


def placed(call: Call, step: Route | Callback | OpenCase, position: Position) -> Placed:
    """The tier of the complaint, and why; noted in the record of the call."""
    severity, about = severity_of(position, step), about_of(position, step)
    found = call.parts.queues.complaints.place(call.facts, call.now(), asked=step.tier, severity=severity, about=about)
    call.note("tier", step=position.step, tier=found.tier, why=[dict(one) for one in found.why])
    return found


async def complained_about(call: Call, step: Route | Callback | OpenCase, position: Position) -> int | None:
    """The agent whom the step says the complaint is about; None when it says nothing, or nobody is known."""
    if step.against != LAST_AGENT and _text(position, step.against) != LAST_AGENT:
        return None
    facts, since = call.facts, call.now() - TALKED_DAYS * 86_400
    try:
        async with asyncio.timeout(STATE_S):
            return await call.parts.exchange.last_agent(facts.ani, facts.customer_id, since=since)
    except (TimeoutError, StoreAway):
        log.warning("the store is away; nobody knows whom this complaint is about")
        return None


def barred(call: Call) -> frozenset[int]:
    """Agents whom an open case of this caller, or from their number, is about."""
    cases = (*call.facts.cases, *call.facts.number_cases)
    return frozenset(case.against for case in cases if case.is_open and case.against is not None)


async def tier_and_terms(
    call: Call, queue: Queue, step: Route | Callback, position: Position, terms: Terms
) -> tuple[int, Terms]:
    """The tier of a need and its terms, with the authority it asks for and the agents who never get it.

    Other queues than those of complaints keep both; only nobody prefers an agent whom an open case is about.
    """
    part, nobody = call.parts.queues.complaints, barred(call)
    about = await complained_about(call, step, position)
    nobody |= {about} if about is not None else set()
    if terms.agent_id in nobody:
        terms = terms.for_anybody()
    if part.skill not in queue.skills:
        return step.tier, terms
    return _asking(call, placed(call, step, position), replace(terms, barred=nobody))


def tier_handed_on(call: Call, queue: Queue, before: NeedWish, terms: Terms) -> tuple[int, Terms]:
    """The same for a caller whom an agent hands on to another queue; the tier they had as a complaint is the least.

    `terms` bar already who is never to have them; nothing was asked by a menu.
    """
    part = call.parts.queues.complaints
    if part.skill not in queue.skills:
        return 1, terms
    asked = before.tier if before.terms.authority is not None else 1
    found = part.place(call.facts, call.now(), asked=asked)
    step = call.position.step if call.position is not None else ""
    call.note("tier", step=step, tier=found.tier, why=[dict(one) for one in found.why])
    return _asking(call, found, replace(terms, barred=terms.barred | barred(call)))


def _asking(call: Call, found: Placed, terms: Terms) -> tuple[int, Terms]:
    """The tier, and terms with the authority that it asks for."""
    part = call.parts.queues.complaints
    ladder = part.ladder()
    asked = Authority(part.skill, ladder[found.tier - 1].level, rungs(found.tier, ladder), found.why)
    return found.tier, replace(terms, authority=asked)


async def patience(call: Call, queue: Queue, wish: NeedWish) -> Queue:
    """The queue as this complaint waits in it; an alarm when nobody at work may decide it.

    Lower levels serve it from a stated wait on. When only agents whom it is about could, it waits not long.
    """
    asked, barred = wish.terms.authority, wish.terms.barred
    if asked is None:
        return queue
    try:
        async with asyncio.timeout(STATE_S):
            snapshot = await call.parts.exchange.snapshot(now=call.now())
    except (TimeoutError, StoreAway):
        return queue  # nobody can be found for anybody now
    others = besides(asked.skill, wish.required, wish.language)
    levels = {
        agent.id: agent.skills.get(asked.skill, 0)
        for agent in snapshot.agents
        if agent.state in AT_WORK and fits(agent.skills, others)
    }
    best = max((level for id_, level in levels.items() if id_ not in barred), default=0)
    if best < asked.level:
        after_s = asked.rungs[0][0] if asked.rungs else None
        call.parts.out_of_reach[str(wish.tier)] += 1
        call.note("out_of_reach", queue=wish.queue, tier=wish.tier, level=asked.level, lower_after_s=after_s)
        log.error("nobody at work may decide this complaint", tier=wish.tier, level=asked.level, lower_after_s=after_s)
    if not best and any(levels.get(id_, 0) for id_ in barred):
        wait_s = min(queue.max_wait_s, max(call.parts.queues.complaints.neutral_wait_s, LEAST_WAIT_S))
        call.note("not_neutral", queue=wish.queue, wait_s=wait_s)
        return queue.model_copy(update={"max_wait_s": wait_s})
    return queue
