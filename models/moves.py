"""What an event does to the rows of a need, an agent and an offer. No database here: who holds the rows saves them."""

from collections.abc import Mapping
from dataclasses import replace

from models.tables import AgentRow, NeedRow, OfferRow
from models.texts import stored
from routing.aftermath import AFTERMATH, end_offer
from routing.agent import Agent, AgentEvent, AgentState, Stance
from routing.errors import IllegalMove
from routing.need import Need, NeedEvent, NeedState, move_need
from routing.offer import Claimed, OfferEvent, OfferState, move_offer
from routing.phone import PhoneSeen, PhoneState
from routing.set_aside import HOUR_S, REFUSALS, REFUSED, USUAL, OfferRules, counted
from routing.talk import Talk, sent_of, talk_of
from routing.terms import terms_of
from routing.views import AgentCard, NeedWish, OfferSeen, SecondSeen, TalkSeen

#: How a need may be closed.
OUTCOMES = frozenset({"served", "abandoned", "gave_up", "callback", "lost", "called_off"})


def stated(call_id: str, wish: NeedWish, now: float) -> NeedRow:
    """A new need."""
    since = now if wish.since is None else min(now, wish.since)
    need = NeedRow(call_id=call_id, kind="call", not_agents=[], since=since, state=NeedState.WAITING.value, version=0)
    return _wished(need, wish)


def waiting_since(before: NeedRow | None, now: float) -> float:
    """Since when a caller waits who states a need: since before when their last one was lost, else now."""
    return now if before is None or before.outcome != "lost" else before.since


def restate(need: NeedRow, wish: NeedWish) -> None:
    """The caller asks for something else now (their wish to leave the queue was never stored); the age is kept.

    A need that an agent has handed on stays as that agent wished.
    """
    if need.sent is None and need.state == NeedState.WAITING and wish_of(need) != replace(wish, since=None):
        _wished(need, wish)
        need.not_agents = list(need.refused_by or [])
        need.version += 1


def _wished(need: NeedRow, wish: NeedWish) -> NeedRow:
    need.queue, need.required, need.language = wish.queue, dict(wish.required), wish.language
    need.reason, need.tier, need.credit_s = stored(wish.reason, 48), wish.tier, wish.credit_s
    need.terms = wish.terms.as_json()
    return need


def wish_of(need: NeedRow) -> NeedWish:
    """What a need asks for, without its age."""
    terms = terms_of(need.terms)
    return NeedWish(need.queue, need.required, need.language, need.reason, need.tier, need.credit_s, terms=terms)


def answer(need: NeedRow, agent: AgentRow, offer: OfferRow, now: float) -> None:
    """The agent's phone was answered. Raises IllegalMove; then nothing was changed."""
    state, need_state = move_offer(OfferState(offer.state), OfferEvent.ANSWER), NeedState(need.state)
    if need_state is not NeedState.CLOSED:
        need_state = move_need(need_state, NeedEvent.ANSWER)
    take_stance(agent, stance_of(agent).after(AgentEvent.ANSWER), now)
    agent.missed_at = None
    offer.state, offer.answered_at, offer.expires_at = state.value, now, None
    need.state = need_state.value


def end(
    need: NeedRow,
    agent: AgentRow,
    offer: OfferRow,
    event: OfferEvent,
    *,
    now: float,
    wrap_up_s: float,
    rules: OfferRules = USUAL,
    refused_for: str | None = None,
) -> None:
    """End an open offer, with what follows for need and agent. Raises IllegalMove; then nothing was changed."""
    state, aftermath = end_offer(OfferState(offer.state), event), AFTERMATH[event]
    need_state = None if need.closed_at is not None else move_need(NeedState(need.state), aftermath.need)
    answered_now = event is OfferEvent.COMPLETE and offer.state != OfferState.ANSWERED
    offer.state, offer.closed_at, offer.refused_for = state.value, now, refused_for
    agent.freed_at = now
    if answered_now:
        offer.answered_at = now
    if need_state is not None:
        need.state = need_state.value
        need.version += 1
        if aftermath.need is NeedEvent.CLOSE:
            need.closed_at, need.outcome = now, "served"
        elif aftermath.missed:
            need.not_agents = sorted({*need.not_agents, agent.id})
            if aftermath.refused:
                need.refused_by = sorted({*(need.refused_by or []), agent.id})
    stance = stance_of(agent)
    try:
        if answered_now:
            stance = stance.after(AgentEvent.ANSWER)
            agent.missed_at = None
        if aftermath.agent is AgentEvent.MISS:
            stance = _missed(agent, stance, state, now, rules)
        elif aftermath.agent is AgentEvent.REFUSE:
            stance = _refused(agent, stance, refused_for or "", now, rules)
        else:
            stance = stance.after(aftermath.agent, wrap_up_until=now + wrap_up_s)
    except IllegalMove:
        return  # the agent's row was set by hand meanwhile: that word stands
    idle_again = aftermath.idle_kept and stance.state is AgentState.READY
    take_stance(agent, stance, offer.agent_since if idle_again else now)


def _missed(agent: AgentRow, stance: Stance, how: OfferState, now: float, rules: OfferRules) -> Stance:
    """One more miss in a row: set aside, until the agent says ready or only for a moment."""
    rule = rules.misses
    misses = counted(agent.missed_at or [], now, rule.within_s, rule.most)
    back_at = None if len(misses) >= rule.most else now + rule.pause_s
    stance = stance.after(AgentEvent.MISS, set_aside=how.value, back_at=back_at)
    agent.missed_at = misses
    return stance


def _refused(agent: AgentRow, stance: Stance, reason: str, now: float, rules: OfferRules) -> Stance:
    """One more refusal within the hour: set aside when there are too many, else paused or ready by its reason."""
    rule = rules.refusals
    refusals = counted(agent.refused_at or [], now, HOUR_S, rule.most_an_hour)
    if len(refusals) >= rule.most_an_hour:
        stance = stance.after(AgentEvent.MISS, set_aside=REFUSALS)
    else:
        stance = stance.after(AgentEvent.REFUSE)
        if reason in rule.pausing and stance.state is AgentState.READY:
            stance = stance.after(AgentEvent.PAUSE, reason=REFUSED)
    agent.refused_at = refusals
    return stance


def close(need: NeedRow, outcome: str, now: float) -> None:
    """Close an open need."""
    need.state = move_need(NeedState(need.state), NeedEvent.CLOSE).value
    need.closed_at, need.outcome = now, outcome
    need.version += 1


def stance_of(agent: AgentRow) -> Stance:
    """The agent's state with what belongs to it."""
    return Stance(
        AgentState(agent.state),
        agent.pause_reason,
        agent.pause_after,
        agent.wrap_up_until,
        agent.set_aside,
        agent.back_at,
    )


def take_stance(agent: AgentRow, stance: Stance, since: float) -> None:
    """Store a stance; `since` counts only when the state or the reason of a pause is another than before."""
    if (agent.state, agent.pause_reason) != (stance.state.value, stance.pause_reason):
        agent.since = since
    if stance.state is AgentState.LOGGED_OUT:
        agent.sessions = (agent.sessions or 0) + 1
    agent.state, agent.pause_reason = stance.state.value, stance.pause_reason
    agent.pause_after, agent.wrap_up_until = stance.pause_after, stance.wrap_up_until
    agent.set_aside, agent.back_at = stance.set_aside, stance.back_at
    agent.version += 1


def agent_says(agent: AgentRow, event: AgentEvent, *, now: float, reason: str | None) -> None:
    """An agent's own move, which is a sign of life of their desk too. Raises IllegalMove."""
    take_stance(agent, stance_of(agent).after(event, reason=stored(reason, 32) if reason else None), now)
    agent.desk_seen_at = now
    if event is AgentEvent.SIGN_IN:  # a new shift
        agent.missed_at = agent.refused_at = None


def free_stray_agent(agent: AgentRow, *, now: float, wrap_up_s: float) -> bool:
    """Free an agent who stands in an offer that does not exist; True."""
    talked = agent.state == AgentState.BUSY
    event = AgentEvent.HANG_UP if talked else AgentEvent.WITHDRAW
    take_stance(agent, stance_of(agent).after(event, wrap_up_until=now + wrap_up_s), now)
    return True


def free_stray_need(need: NeedRow, now: float) -> bool:
    """Let a need wait again, or close it as served, that stands in an offer that does not exist; True."""
    if need.state == NeedState.TALKING:
        close(need, "served", now)
    else:
        need.state = move_need(NeedState(need.state), NeedEvent.RETURN).value
        need.version += 1
    return True


def note_draft(offer: OfferRow, agent_id: int, disposition: str | None, note: str) -> bool:
    """Keep what an agent has entered so far; False when it is not their conversation, or its outcome is final."""
    mine = offer.agent_id == agent_id and offer.wrapped_up_at is None
    if not mine or OfferState(offer.state) not in (OfferState.ANSWERED, OfferState.COMPLETED):
        return False
    offer.disposition = stored(disposition, 48) if disposition is not None else None
    offer.note = stored(note, 2000)
    return True


def wrap_up(offer: OfferRow, agent_id: int, disposition: str, note: str, now: float) -> bool:
    """Store the outcome; False when it is not their conversation, or another outcome is final."""
    if offer.agent_id != agent_id or OfferState(offer.state) not in (OfferState.ANSWERED, OfferState.COMPLETED):
        return False
    outcome = (stored(disposition, 48), stored(note, 2000))
    if offer.wrapped_up_at is not None:
        return outcome == (offer.disposition, offer.note)
    (offer.disposition, offer.note), offer.wrapped_up_at = outcome, now
    return True


def extend_wrap_up(agent: AgentRow, offer: OfferRow, *, by_s: float, most: int, now: float) -> bool:
    """Give an agent more time in their wrap-up; False when there is none to extend, or it was extended so often."""
    extended, until = offer.wrap_up_extended or 0, agent.wrap_up_until or 0.0
    mine = offer.agent_id == agent.id and offer.state == OfferState.COMPLETED
    if not mine or agent.state != AgentState.WRAP_UP or until <= now or extended >= most:
        return False
    agent.wrap_up_until, agent.version = until + by_s, agent.version + 1
    offer.wrap_up_extended = extended + 1
    return True


def desk_is_lost(agent: AgentRow, *, now: float, desk_lost_s: float) -> bool:
    """Whether a ready agent's browser has been silent for too long."""
    seen = agent.since if agent.desk_seen_at is None else agent.desk_seen_at
    return agent.state == AgentState.READY and seen < now - desk_lost_s


def wrap_up_is_over(agent: AgentRow, now: float) -> bool:
    """Whether the time of an agent's wrap-up has passed."""
    return agent.state == AgentState.WRAP_UP and (agent.wrap_up_until or 0.0) <= now


def miss_is_over(agent: AgentRow, now: float) -> bool:
    """Whether the pause after a miss has passed that did not set the agent aside."""
    return agent.state == AgentState.MISSED and agent.back_at is not None and agent.back_at <= now


def mend_agent(agent: AgentRow, *, now: float, desk_lost_s: float) -> AgentEvent | None:
    """End a wrap-up or the pause after a miss whose time has passed, or pause an agent whose desk is lost; which?"""
    event: AgentEvent | None = None
    if wrap_up_is_over(agent, now) or miss_is_over(agent, now):
        event = AgentEvent.WRAP_UP_OVER if agent.state == AgentState.WRAP_UP else AgentEvent.MISS_OVER
        take_stance(agent, stance_of(agent).after(event), now)
    if desk_is_lost(agent, now=now, desk_lost_s=desk_lost_s):
        event = event or AgentEvent.DESK_LOST
        take_stance(agent, stance_of(agent).after(AgentEvent.DESK_LOST), now)
    return event


def need_of(row: NeedRow) -> Need:
    """The need as the decision sees it."""
    return Need(
        row.id,
        row.call_id,
        row.queue,
        row.since,
        row.version,
        NeedState(row.state),
        row.required,
        row.language,
        row.tier,
        row.credit_s,
        frozenset(row.not_agents),
        terms_of(row.terms),
        frozenset(row.refused_by or ()),
    )


def agent_of(row: AgentRow, skills: Mapping[str, int], phone: PhoneState | None = None) -> Agent:
    """The agent as the decision sees them; `phone`: what keeps offers away from their phone."""
    return Agent(row.id, row.name, AgentState(row.state), row.version, row.phone, skills, row.since, phone)


def card_of(row: AgentRow, skills: Mapping[str, int], phone: PhoneSeen | None = None) -> AgentCard:
    """The agent as the desktop shows them."""
    return AgentCard(
        row.id,
        row.name,
        row.full_name,
        row.phone,
        AgentState(row.state),
        row.since,
        row.version,
        skills,
        row.pause_reason,
        row.pause_after,
        row.wrap_up_until,
        bool(row.supervisor),
        team=row.team,
        set_aside=row.set_aside,
        back_at=row.back_at,
        misses=len(row.missed_at or ()),
        phone_seen=phone,
        freed_at=row.freed_at,
        sessions=row.sessions or 0,
    )


def claimed_of(offer: OfferRow, agent: AgentRow) -> Claimed:
    """The offer as the caller's own coroutine carries it out."""
    return Claimed(
        offer.id, offer.fence, offer.call_id, offer.need_id, agent.id, agent.name, agent.phone, agent.auto_answer
    )


def talk_seen(need: NeedRow, offer: OfferRow, agent: AgentRow, talk: Talk | None = None) -> TalkSeen:
    """A conversation that goes on, or as it was before a change."""
    talk = talk_of(offer.talk) if talk is None else talk
    sent = sent_of(need.sent)
    sent_by = sent.agent_id if sent is not None else None
    claimed, wish = claimed_of(offer, agent), wish_of(need)
    return TalkSeen(claimed, talk, wish, need.since, agent.full_name, sent_by, offer.answered_at)


def second_seen(need: NeedRow, offer: OfferRow | None, agent: AgentRow | None) -> SecondSeen:
    """A consultation."""
    if offer is None or agent is None:
        return SecondSeen(need.queue, need.since, missed=len(need.not_agents))
    return SecondSeen(need.queue, need.since, claimed_of(offer, agent), offer.state, len(need.not_agents))


def seen_of(offer: OfferRow, need: NeedRow) -> OfferSeen:
    """The offer as the desktop shows it."""
    return OfferSeen(
        offer.id,
        offer.fence,
        offer.call_id,
        offer.state,
        need.queue,
        need.reason,
        offer.made_at,
        need.since,
        offer.popped_at,
        offer.ringing_at,
        offer.answered_at,
        offer.closed_at,
        offer.disposition,
        offer.note,
        need.tier,
        terms_of(need.terms).authority,
        wrap_up_extended=offer.wrap_up_extended or 0,
        talk=talk_of(offer.talk),
        sent=sent_of(need.sent),
        kind=need.kind,
    )
