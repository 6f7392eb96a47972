"""What must hold when a node is killed, judged from what was seen and heard."""

from collections.abc import Sequence
from dataclasses import dataclass

from ivr.demo.evidence import doubles
from ivr.demo.witnessed import Witnessed

#: Longest silence that a caller may hear because of the kill, in seconds.
MOST_SILENCE_S = 3.0
#: Longest time for which an offer of a dead node may hold its agent: the lease, and a sweep.
MOST_HELD_S = 17.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that must hold, and what was found."""

    holds: bool
    words: str


def judge(seen: Witnessed, *, ahead_s: float) -> Sequence[Finding]:
    """What must hold after the kill, and whether it did; the engines' clocks are so many seconds ahead."""
    return [
        _kept(seen),
        _heard(seen),
        _order(seen),
        _expired(seen, ahead_s),
        _nobody_twice(seen),
        *_pops(seen),
        _pages(seen),
    ]


def _kept(seen: Witnessed) -> Finding:
    dropped = ", ".join(seen.hung_up)
    return Finding(
        not dropped, f"dropped: {dropped or 'nobody'}; the conversation went on for {seen.talked_on_s:.0f} s"
    )


def _heard(seen: Witnessed) -> Finding:
    longest_s = max(caller.silence_s for caller in seen.callers)
    return Finding(longest_s <= MOST_SILENCE_S, f"longest silence on any line after the kill: {longest_s:.2f} s")


def _order(seen: Witnessed) -> Finding:
    before = [number for number, _ in seen.queue_before]
    first = {number: since for number, since in seen.queue_before}
    answered = sorted(
        (offer for offer in seen.offers if offer.answered_at is not None), key=lambda offer: offer.answered_at or 0.0
    )
    after = [offer.ani or "" for offer in answered]
    kept = all(first.get(offer.ani or "", offer.since) == offer.since for offer in seen.offers)
    holds = kept and after[: len(before)] == before and len(after) > len(before)
    return Finding(holds, f"served in the order of their places, each by the age they had: {'yes' if holds else 'no'}")


def _expired(seen: Witnessed, ahead_s: float) -> Finding:
    caught = seen.caught
    if caught is None or (caught.closed_at is None and caught.answered_at is None):
        return Finding(False, "the dead node's offer is still open")
    if caught.answered_at is not None:
        return Finding(seen.rang_before_kill, f"the dead node's offer rang already, and {caught.agent} answered it")
    held_s = (caught.closed_at or 0.0) - ahead_s - seen.killed_at
    return Finding(
        held_s <= MOST_HELD_S, f"the dead node's offer to {caught.agent} {caught.state} {held_s:.1f} s after the kill"
    )


def _nobody_twice(seen: Witnessed) -> Finding:
    by_agent = doubles((offer.agent, offer.made_at, offer.closed_at) for offer in seen.offers)
    by_caller = doubles((offer.ani or "", offer.made_at, offer.closed_at) for offer in seen.offers)
    by_phone = doubles(seen.phone_calls)
    return Finding(
        by_agent == by_caller == by_phone == 0,
        f"two offers at once: {by_agent} agents, {by_caller} callers; two calls at once on a phone: {by_phone}",
    )


def _pops(seen: Witnessed) -> Sequence[Finding]:
    own = [lead_s for offer in seen.offers if offer.id in seen.leads_s for lead_s in [seen.leads_s[offer.id]]]
    stood = sorted(lead_s for lead_s in own if lead_s is not None)
    told = f"{stood[0] * 1000:.0f} to {stood[-1] * 1000:.0f} ms" if stood else "none"
    after = seen.leads_s.get(seen.newcomer.id) if seen.newcomer is not None else None
    held = f"{after * 1000:.0f} ms" if after is not None else "none"
    return [
        Finding(bool(own) and len(stood) == len(own) and stood[0] > 0, f"pops on node b before the ring: {told}"),
        Finding(
            seen.newcomer_on == "node-a" and after is not None and after > 0,
            f"node a came back and took the next call; its pop on node b's desktop before the ring: {held}",
        ),
    ]


def _pages(seen: Witnessed) -> Finding:
    told = ", ".join(f"{name} after {seconds:.1f} s" for name, seconds in seen.page_back_s.items())
    return Finding(bool(told), f"pages of node a that went on with node b by themselves: {told or 'none'}")
