"""What callers need: the priority and the goal that their line grants, and the next need of who is handed on."""

import json
from collections.abc import Mapping
from dataclasses import replace

from ivr.call import Call
from ivr.ports import NeedWish, Target, TargetKind
from ivr.queues import QueueTable
from ivr.steps.complaint import tier_handed_on
from menus.values import Value
from routing.agent import AT_WORK, Agent
from routing.complaints import rungs
from routing.terms import Authority, Terms, terms_of
from routing.views import TalkSeen

#: How long a caller who was sent to one agent waits for them alone, while they are at work.
AGENT_WAIT_S = 60.0
#: Priority of a caller whose agent has left them on hold, seconds of waiting granted: nobody waits so long.
FRONT_S = 14_400.0


def caller_credit_s(call: Call) -> float:
    """The seconds of waiting that the line which was dialled, and what is known of the caller, grant in advance."""
    entry = call.edition.book.entries.get(call.entry)
    minutes = entry.credit_minutes if entry is not None else 0.0
    return (minutes + call.parts.queues.callers.credits.minutes(call.facts, call.now())) * 60


def promised(call: Call, terms: Terms) -> Terms:
    """Terms with the goal that the line has promised to its callers, where that is a shorter one."""
    entry = call.edition.book.entries.get(call.entry)
    level = entry.service_level if entry is not None else None
    return terms if level is None or level.within_s >= terms.goal_s else replace(terms, goal_s=level.within_s)


# --- what stays of a need that was given up -------------------------------------------------------------------------

#: Value of the call that a queue leaves behind: the need with its place, as JSON; no value of a book is called so.
QUEUED = "queue:need"


def left_behind(wish: NeedWish) -> Mapping[str, Value]:
    """What a caller who leaves a queue needs of an agent, for a callback."""
    plain = {
        "queue": wish.queue,
        "required": dict(wish.required),
        "reason": wish.reason,
        "tier": wish.tier,
        "credit_s": wish.credit_s,
        "since": wish.since,
        "terms": wish.terms.as_json(),
    }
    return {QUEUED: json.dumps(plain, ensure_ascii=False)}


def queued_before(call: Call, values: Mapping[str, Value]) -> NeedWish | None:
    """The need of the queue that this call has left last; None when it was in none, or nobody serves that one now."""
    kept = values.get(QUEUED)
    plain = json.loads(kept) if isinstance(kept, str) else None
    if plain is None or plain["queue"] not in call.parts.queues:
        return None
    return NeedWish(**{**plain, "terms": terms_of(plain["terms"])}, language=call.language)


# --- the next need ----------------------------------------------------------------------------------------------------


def waited_s(call: Call, seen: TalkSeen) -> float:
    """How long the caller of a conversation had waited for it."""
    return max(0.0, (call.now() if seen.answered_at is None else seen.answered_at) - seen.since)


async def next_wish(call: Call, seen: TalkSeen, target: Target) -> NeedWish:
    """What a caller needs who is handed on to this target: their waiting so far counts, their agent is not asked again.

    Raises StoreAway.
    """
    queues, before = call.parts.queues, seen.wish
    barred = (before.terms.barred - {seen.sent_by}) | {seen.offer.agent_id}
    credit_s = before.credit_s + waited_s(call, seen)
    terms = replace(before.terms.for_anybody(), barred=barred)
    same = replace(before, credit_s=credit_s, since=None, terms=terms)
    match target.kind:
        case TargetKind.TIER:
            return one_tier_up(queues, same) or same
        case TargetKind.AGENT:
            agent = await find_agent(call, target.name)
            return same if agent is None else wish_for(same, agent)
        case TargetKind.SKILL:
            return wish_for_group(same, target.name)
        case TargetKind.QUEUE if target.name in queues:
            return _wish_of(call, same, queues.open_one(target.name, call.now()) or target.name)
    return same


def _wish_of(call: Call, wish: NeedWish, name: str) -> NeedWish:
    """The wish for whoever serves another queue, or the same one again."""
    queues, before = call.parts.queues, wish.terms
    queue, terms = queues[name], replace(promised(call, queues.terms(name, call.facts)), barred=before.barred)
    if name == wish.queue:
        tier, terms = wish.tier, replace(terms, authority=before.authority)
    else:
        tier, terms = tier_handed_on(call, queue, wish, terms)
    credit_s = max(wish.credit_s, queue.credit_minutes * 60)
    return replace(wish, queue=name, required=queue.required({}), tier=tier, credit_s=credit_s, terms=terms)


def front_of_the_queue(call: Call, seen: TalkSeen) -> NeedWish:
    """What a caller needs whom nobody has any more: to be the next one of the queue they came from.

    Whoever is free serves them; they are as old as when they were answered, so what has softened stays so.
    """
    before, since = seen.wish, call.now() - waited_s(call, seen)
    return replace(before, credit_s=before.credit_s + FRONT_S, since=since, terms=before.terms.for_anybody())


def one_tier_up(queues: QueueTable, wish: NeedWish) -> NeedWish | None:
    """The wish with the authority of the next tier; None at the top, and in queues that are not for complaints."""
    part, queue = queues.complaints, queues.get(wish.queue)
    ladder, tier = part.ladder(), wish.tier + 1
    if queue is None or part.skill not in queue.skills or tier > len(ladder):
        return None
    asked = Authority(part.skill, ladder[tier - 1].level, rungs(tier, ladder))
    return replace(wish, tier=tier, terms=replace(wish.terms, authority=asked))


def wish_for(wish: NeedWish, agent: Agent) -> NeedWish:
    """The wish for one agent, whatever their levels; whoever else serves it needs no more than they have."""
    return replace(
        wish,
        required={skill: min(level, agent.skills.get(skill, 0)) for skill, level in wish.required.items()},
        terms=replace(wish.terms, agent_id=agent.id, agent_wait_s=AGENT_WAIT_S, softening=()),
    )


def wish_for_group(wish: NeedWish, skill: str) -> NeedWish:
    """The wish for whoever has a skill, in the queue where the caller is; who has what it asks for as well comes first.

    Nothing else will do with time: neither less of the skill nor the agents of other queues. For an expert no enquiry
    is a simple one.
    """
    preferred = dict(wish.terms.preferred)
    for asked in wish.required:
        preferred[asked] = preferred.get(asked, 0.0) + 1.0
    terms = replace(wish.terms, preferred=preferred, most_level=None, softening=(), overflow=())
    return replace(wish, required={skill: 1}, terms=terms)


async def find_agent(call: Call, name: str) -> Agent | None:
    """The agent of that sign-in name, while they are at work. Raises StoreAway."""
    snapshot = await call.parts.exchange.snapshot(now=call.now())
    return next((agent for agent in snapshot.agents if agent.name == name and agent.state in AT_WORK), None)
