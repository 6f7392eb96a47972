"""The pop: what an agent sees of a caller, composed from the offer, the record of the call and the bank."""

import asyncio
from datetime import datetime

from ivr.numbers import e164
from ivr.parts import Parts
from ivr.ports import CaseFile, CaseOnPop, ComplaintSeen, OfferSeen, Pop, TierSeen
from menus.heard_first import heard_first
from menus.personalise import habit
from routing.complaints import may_do, tier_of_level
from routing.offer import Claimed

#: How long ago a caller may have talked to an agent who is named, in days.
TALKED_DAYS = 30


async def pop_for_call(parts: Parts, offer: Claimed) -> Pop | None:
    """The pop for an offer that is about to ring; None when the offer is gone."""
    seen = await parts.roster.offer_of(offer.agent_id)
    return None if seen is None or seen.offer_id != offer.offer_id else await _compose(parts, seen, offer.agent_id)


async def pop_for_agent(parts: Parts, agent_id: int) -> Pop | None:
    """The pop for an agent's open offer, or for the last one while in wrap-up; None without one."""
    seen = await parts.roster.offer_of(agent_id)
    return None if seen is None else await _compose(parts, seen, agent_id)


async def _compose(parts: Parts, seen: OfferSeen, agent_id: int) -> Pop | None:
    caller = await parts.log.caller(seen.call_id)
    if caller is None:
        return None
    now = parts.clock.now()
    book = parts.edition(None).book
    number = e164(caller.ani, parts.settings.country)
    customers, path, records, facts = await asyncio.gather(
        parts.bank.customers_by_number(number, now=now),
        parts.log.path(seen.call_id),
        parts.log.decisions(seen.call_id),
        parts.directory.find(number, now=now, deadline_s=parts.settings.calls.lookup_s),
    )
    local = datetime.fromtimestamp(now, parts.settings.zone)
    files, talked = await asyncio.gather(
        parts.cases.of_call(seen.call_id),
        parts.cases.talked_to(seen.call_id, but=agent_id, since=now - TALKED_DAYS * 86_400),
    )
    own = await _own_tier(parts, agent_id)
    return Pop(
        offer=seen,
        ani=number,
        caller_name=caller.caller_name,
        language=caller.language,
        customer=customers[0] if len(customers) == 1 else None,
        candidates=customers if len(customers) > 1 else (),
        path=path,
        habit=habit(book, facts, local, book.languages[0]),
        heard_first=heard_first(book, records, facts, local),
        frozen=tuple(sorted(menu for menu, memory in facts.memory.items() if memory.frozen)),
        complaint=_complaint(parts, seen, own),
        cases=tuple(_case(parts, file, own, agent_id) for file in files),
        talked_to=talked,
    )


async def _own_tier(parts: Parts, agent_id: int) -> int:
    """The highest tier of complaints that an agent may decide; 0 when none."""
    card, part = await parts.roster.card(agent_id), parts.queues.complaints
    return tier_of_level(card.skills.get(part.skill, 0) if card is not None else 0, part.ladder())


def _case(parts: Parts, file: CaseFile, own: int, agent_id: int) -> CaseOnPop:
    highest = len(parts.queues.complaints.tiers)
    return CaseOnPop(file, may_do(own, file.tier, highest, about_them=file.against_id == agent_id))


def _complaint(parts: Parts, seen: OfferSeen, own: int) -> ComplaintSeen | None:
    """Where a complaint stands, what this agent may grant by their own level, and what the tier above them could."""
    if seen.authority is None:
        return None
    part, ladder = parts.queues.complaints, parts.queues.complaints.ladder()

    def tier_seen(number: int) -> TierSeen | None:
        if not 1 <= number <= len(ladder):
            return None
        tier = ladder[number - 1]
        return TierSeen(number, tier.names, tier.goodwill_cents, tier.may)

    return ComplaintSeen(
        tier=seen.tier,
        names=ladder[min(seen.tier, len(ladder)) - 1].names,
        why=seen.authority.why,
        currency=part.currency,
        mine=tier_seen(own),
        next=tier_seen(own + 1),
    )
