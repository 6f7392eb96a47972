"""The agent whom a caller gets if that is possible: the one who looks after them, or whom they talked to last."""

import asyncio

import structlog

from ivr.call import STATE_S, Call
from ivr.queues import Queue
from routing.agent import AT_WORK
from routing.errors import StoreAway
from routing.terms import Wanted

log = structlog.get_logger()


async def wanted_agent(call: Call, queue: Queue) -> Wanted | None:
    """As the queue says; nobody when the store is away. Whoever looks after a customer comes first while at work."""
    try:
        async with asyncio.timeout(STATE_S):
            return await _own(call, queue) or await _last(call, queue)
    except (TimeoutError, StoreAway):
        log.warning("the store is away; nobody knows whom this caller wants")
        return None


async def _own(call: Call, queue: Queue) -> Wanted | None:
    if queue.own_agent is None or call.facts.agent is None:
        return None
    card = await call.parts.roster.by_name(call.facts.agent)
    if card is None or card.state not in AT_WORK:
        return None
    return Wanted(card.id, "own", queue.own_agent.wait_s)


async def _last(call: Call, queue: Queue) -> Wanted | None:
    if queue.last_agent is None:
        return None
    since = call.now() - queue.last_agent.within_days * 86_400
    agent_id = await call.parts.exchange.last_agent(call.facts.ani, call.facts.customer_id, since=since)
    return None if agent_id is None else Wanted(agent_id, "last", queue.last_agent.wait_s)
