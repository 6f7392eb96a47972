"""How a call was routed, in plain English: for the command line."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from models.routed import Estimate, Offered, Routed
from routing.offer import OfferState

_HOW = {
    OfferState.OFFERED: "on its way",
    OfferState.RINGING: "rings",
    OfferState.ANSWERED: "they talk",
    OfferState.COMPLETED: "answered",
    OfferState.MISSED: "not answered (RONA)",
    OfferState.DECLINED: "declined at the phone",
    OfferState.REFUSED: "refused",
    OfferState.UNREACHABLE: "phone out of reach",
    OfferState.WITHDRAWN: "withdrawn, since the caller was gone",
    OfferState.EXPIRED: "lapsed, since the node that made it was gone",
}
#: Who an agent is whom a need wants, see `routing.terms.Terms`.
_WANTED = {"own": "the customer's own agent", "last": "the agent whom they talked to last"}


def lines(need: Routed, zone: ZoneInfo, now: float) -> Iterator[str]:
    """One need: what it asked for, what its caller was told, and each offer with why and why not."""
    asked = [f"{skill} {level}" for skill, level in need.asked.items()]
    extra = [f"tier {need.tier}"] * (need.tier > 1) + [f"credit {_length(need.credit_s)}"] * (need.credit_s > 0)
    who = "consultation, queue" if need.kind == "second" else "queue"
    yield f"{who} {need.queue} from {_clock(need.since, zone)}, asks for {', '.join([*asked, need.language, *extra])}"
    for one in need.told:
        yield f"  {_clock(one.at, zone)} {_wait(one)}"
    for offer in need.offers:
        yield from (f"  {line}" for line in _offer(offer, zone))
    if need.closed_at is not None:
        outcome = (need.outcome or "closed").replace("_", " ")
        yield f"  {_clock(need.closed_at, zone)} {outcome}, {_length(need.closed_at - need.since)} after it came"
    elif need.state == "waiting":
        yield f"  waits for {_length(now - need.since)}"
        for why_not, agents in need.why_nobody:
            yield f"    {agents} agent{'s' * (agents != 1)}: {why_not}"
        if not need.why_nobody:
            yield "    nobody is signed in"
    else:
        yield f"  {need.state}"


def _offer(offer: Offered, zone: ZoneInfo) -> Iterator[str]:
    why = offer.why
    reached = f", {_length(offer.answered_at - offer.made_at)} later" if offer.answered_at is not None else ""
    how = f"{_HOW.get(OfferState(offer.state), offer.state)}{reached}"
    reason = f" ({offer.refused_for})" if offer.refused_for else ""
    yield f"{_clock(offer.made_at, zone)} offered to {offer.agent}: {how}{reason}"
    yield f"  for: {'; '.join(_for(why))}"
    others = why.get("others", ())
    if others:
        left_out = why.get("others_left_out", 0)
        named = "; ".join(f"{one['agent']} {one['why_not']}" for one in others)
        yield f"  not: {named}{f'; {left_out} more' if left_out else ''}"


def _for(why: Mapping[str, Any]) -> Iterator[str]:
    """The reasons for one offer, as far as the record has them."""
    if "rank" in why:
        overdue = why.get("overdue_s", 0.0)
        over = "overdue by" if overdue > 0 else "not overdue for"
        yield f"number {why['rank']} in line after {_length(why.get('waited_s', 0.0))}, {over} {_length(abs(overdue))}"
    if why.get("forward_s"):
        goal = ", its goal can still be met" if why.get("in_time") else ""
        yield f"its row put forward by {_length(why['forward_s'])}{goal}"
    levels = why.get("levels", {})
    if levels:
        yield "has " + ", ".join(f"{skill} {one['has']} (asked {one['asked']})" for skill, one in levels.items())
    if why.get("softened"):
        yield f"softened by {why['softened']} step{'s' * (why['softened'] != 1)}"
    if why.get("alternative"):
        yield f"as alternative {why['alternative']} to what was asked first"
    if why.get("preferred"):
        yield "preferred for " + ", ".join(why["preferred"])
    if "simple" in why:
        yield "a simple enquiry, for a junior" if why["simple"] else "a simple enquiry, and no junior was free"
    if "wanted_agent" in why:
        who = _WANTED.get(why.get("wanted_is", ""), "the agent who is wanted")
        yield who if why["wanted_agent"] else f"{who} was not to be had"
    if why.get("neutral"):
        yield f"neutral ({why['neutral']})"
    if why.get("asked_before"):
        yield "asked again, since nobody else fits"
    if "idle_s" in why:
        yield f"idle for {_length(why['idle_s'])}"


def _clock(at: float, zone: ZoneInfo) -> str:
    return f"{datetime.fromtimestamp(at, zone):%H:%M:%S}"


def _length(seconds: float) -> str:
    """`4.2 s`, `2 min 5 s`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds // 60)} min {int(seconds % 60)} s"


def _wait(one: Estimate) -> str:
    """What a caller was told of their wait, and what that rests on."""
    said = "told nothing, the estimate was too uncertain" if one.range is None else f"told to wait {one.range}"
    basis = "the formula" if one.basis is None else f"the fitted model {one.basis}"
    return f"{said}: {_length(one.mean_s)} by {basis}, {one.ahead:g} ahead, {one.agents} agents"
