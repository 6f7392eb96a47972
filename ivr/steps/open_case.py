"""Open a case for a complaint and give it a number that can be spoken and sent."""

import asyncio
from dataclasses import replace

import structlog

from ivr.call import Call
from ivr.ports import NewCase
from ivr.steps.complaint import about_of, complained_about, placed, severity_of
from menus.facts import CaseFact
from menus.schema import OpenCase
from menus.walk import Input, Left, Position
from routing.errors import StoreAway

log = structlog.get_logger()

#: How long the caller waits in silence for the case to be stored, seconds.
STORE_S = 2.0


def deadlines(call: Call, about: str | None) -> dict[int, float]:
    """By tier: when a case about this must be answered, where the site says so in working time."""
    queues, now = call.parts.queues, call.now()
    found = {tier: queues.deadline(tier, about, now) for tier in range(1, len(queues.complaints.tiers) + 1)}
    return {tier: due_at for tier, due_at in found.items() if due_at is not None}


async def open_case(call: Call, step: OpenCase, position: Position) -> Input:
    """Store the case; its number and the day by which it is answered are values of the call from now on."""
    recording = position.values.get(step.recording) if step.recording is not None else None
    case = NewCase(
        subject=step.subject,
        tier=placed(call, step, position).tier,
        due_days=step.due_days,
        call_id=call.id,
        customer_id=position.verified_as or call.facts.customer_id,
        ani=call.facts.ani,
        recording=recording if isinstance(recording, str) else None,
        severity=severity_of(position, step),
        about=about_of(position, step),
        against_id=await complained_about(call, step, position),
        due_at=deadlines(call, about_of(position, step)),
    )
    await call.allow(STORE_S)
    try:
        async with asyncio.timeout(STORE_S):
            opened = await call.parts.cases.open(case, now=call.now())
    except (TimeoutError, StoreAway):
        log.warning("the store is away; a case could not be opened")
        call.note("case", subject=step.subject, outcome="not_stored")
        return Left("otherwise")
    call.note("case", subject=step.subject, number=opened.number, tier=opened.tier, outcome="opened")
    facts = call.facts
    call.facts = replace(
        facts,
        open_cases=facts.open_cases + 1,
        case_tier=max(facts.case_tier, opened.tier),
        cases=(CaseFact(call.now(), True, case.severity, case.about, case.against_id, opened.tier), *facts.cases),
    )  # what follows in this call may ask
    return Left("then", {"case_number": opened.number, "case_due": opened.due_on})
