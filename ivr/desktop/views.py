"""From what the ports know to what the page is told: foreign text is cleaned here, once."""

import unicodedata
from collections.abc import Iterable, Mapping
from typing import Literal

from ivr.desktop.parts import (
    AgentPart,
    BecausePart,
    CaseEventPart,
    CaseFilePart,
    CasePart,
    ComplaintPart,
    ContactPart,
    CustomerPart,
    HeardFirstPart,
    LifeEventPart,
    ListeningPart,
    MyCasePart,
    OfferPart,
    PausePart,
    PopPart,
    ProductPart,
    QueuePart,
    RecordingPart,
    RefusalPart,
    SentPart,
    StepPart,
    TalkedToPart,
    TalkPart,
    TargetPart,
    TierPart,
    TierWhyPart,
    WordPart,
    WrapUpPart,
)
from ivr.offer_rules import RefusalReason
from ivr.ports import (
    AgentCard,
    CaseOnPop,
    ComplaintSeen,
    CustomerView,
    OfferSeen,
    Pop,
    QueueSeen,
    TalkLimit,
    TalkRecording,
    TierSeen,
)
from ivr.staff import PauseReason
from menus.heard_first import HeardFirst
from routing.errands import CaseEvent, CaseFile
from routing.offer import OfferState
from routing.phone import trouble
from routing.talk import Sent, Talk, may_ask

LONGEST_NAME = 64  #: characters
LONGEST_LINE = 200
LONGEST_NOTE = 500  #: of what one agent tells the next
MOST_ROWS = 50  #: of any list on the screen
TIERED = ("opened", "raised")  #: events of a case that bring it to a tier

#: Controls, format and direction marks, halves of surrogate pairs, line and paragraph separators.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def plain(text: str, longest: int = LONGEST_LINE) -> str:
    """One line of text without invisible or direction-changing characters, cut with an ellipsis."""
    head = text[: longest * 8]
    seen = "".join(" " if c in "\t\r\n" else c for c in head if c in "\t\r\n" or unicodedata.category(c) not in _UNSEEN)
    line = " ".join(seen.split())
    cut = len(line) > longest or len(head) < len(text)
    return line[: longest - 1].rstrip() + "…" if cut else line


def note_text(text: str) -> str:
    """An agent's note, its lines kept, other controls and direction marks removed."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join("".join(c for c in line if unicodedata.category(c) not in _UNSEEN) for line in lines).strip()


def agent_part(card: AgentCard, now: float) -> AgentPart:
    """An agent's card, as it is now."""
    return AgentPart(
        name=plain(card.name, LONGEST_NAME),
        full_name=plain(card.full_name, LONGEST_NAME),
        phone=plain(card.phone, LONGEST_NAME),
        state=card.state,
        since=card.since,
        pause_reason=card.pause_reason,
        pause_after=card.pause_after,
        supervisor=card.supervisor,
        set_aside=card.set_aside,
        back_at=card.back_at,
        misses=card.misses,
        phone_trouble=trouble(card.phone_seen, card.freed_at, now),
    )


def offer_part(offer: OfferSeen, now: float, limit: TalkLimit | None = None) -> OfferPart:
    """An offer; `limit` is that of its queue's conversations. The recording is the business of the call's own agent."""
    recorded = offer.recording if offer.answered_at is not None and offer.kind == "call" else None
    return OfferPart(
        offer_id=offer.offer_id,
        fence=offer.fence,
        state=offer.state,
        queue=plain(offer.queue, LONGEST_NAME),
        reason=plain(offer.reason),
        made_at=offer.made_at,
        waiting_since=offer.need_since,
        ringing_at=offer.ringing_at,
        answered_at=offer.answered_at,
        closed_at=offer.closed_at,
        recording=recording_part(recorded) if recorded else None,
        listening=tuple(
            ListeningPart(supervisor=plain(one.supervisor, LONGEST_NAME), mode=one.mode.value)
            for one in offer.listening
            if one.began_at is not None
        ),
        talk_until=offer.answered_at + limit.most_s if limit and offer.answered_at and not offer.closed_at else None,
        talk_warning_s=limit.warning_s if limit else 0.0,
        disposition=offer.disposition,
        note=offer.note or "",
        kind=offer.kind,
        talk=talk_part(offer.talk, now) if offer.state == OfferState.ANSWERED and offer.kind == "call" else None,
        sent=sent_part(offer.sent) if offer.sent else None,
    )


def talk_part(talk: Talk, now: float) -> TalkPart:
    """A conversation; while something that was asked for is on its way, nothing else may be done."""
    second = None
    if talk.second is not None:
        second = TargetPart(kind=talk.second.kind.value, name=plain(talk.second.name, LONGEST_NAME))
    acts = () if talk.asked(now) is not None else tuple(may_ask(talk.state))
    return TalkPart(state=talk.state, since=talk.since, acts=acts, second=second, failed=talk.failed)


def sent_part(sent: Sent) -> SentPart:
    """Who handed the caller on."""
    return SentPart(
        by=plain(sent.by, LONGEST_NAME),
        queue=plain(sent.queue, LONGEST_NAME),
        how=sent.how,
        note=plain(sent.note, LONGEST_NOTE),
        skill=plain(sent.skill, LONGEST_NAME),
    )


def recording_part(recording: TalkRecording) -> RecordingPart:
    """The recording of a conversation that goes on."""
    return RecordingPart(state=recording.state.value, until=recording.pause_until)


def wrap_up_part(card: AgentCard, offer: OfferSeen, extension: tuple[float, int]) -> WrapUpPart:
    """The wrap-up of a conversation; by how many seconds it may be extended, and how often still."""
    return WrapUpPart(
        offer_id=offer.offer_id,
        until=card.wrap_up_until,
        extend_s=extension[0],
        extensions_left=extension[1],
        disposition=offer.disposition,
        note=offer.note or "",
    )


def refusal_parts(reasons: Mapping[str, RefusalReason]) -> tuple[RefusalPart, ...]:
    """The reasons to refuse a call, as they stand in the file of queues."""
    return tuple(
        RefusalPart(reason=name, words=(("en", plain(reason.en)), ("zh", plain(reason.zh))))
        for name, reason in reasons.items()
    )


def word_parts(
    kind: Literal["about", "segment", "skill"], names: Mapping[str, Mapping[str, str]]
) -> tuple[WordPart, ...]:
    """The site's words of one kind."""
    return tuple(
        WordPart(kind=kind, name=name, words=tuple((language, plain(text)) for language, text in words.items()))
        for name, words in names.items()
    )


def queue_parts(queues: Iterable[QueueSeen], now: float) -> tuple[QueuePart, ...]:
    """The queues; the longest wait as the second it began, so that a message is due only when something happens."""
    return tuple(
        QueuePart(
            queue=plain(seen.queue, LONGEST_NAME),
            waiting=seen.waiting,
            waiting_since=float(round(now - seen.longest_wait_s)) if seen.waiting else None,
        )
        for seen in queues
    )


def customer_part(view: CustomerView) -> CustomerPart:
    """A customer."""
    return CustomerPart(
        id=view.id,
        name=plain(view.name, LONGEST_NAME),
        language=plain(view.language, LONGEST_NAME),
        segment=plain(view.segment, LONGEST_NAME),
        since_on=view.since_on.isoformat(),
        yearly_value_cents=view.yearly_value_cents,
        churn_risk=min(max(view.churn_risk, 0.0), 1.0),
        numbers=tuple(plain(number, LONGEST_NAME) for number in view.numbers[:MOST_ROWS]),
        products=tuple(
            ProductPart(
                kind=plain(product.kind, LONGEST_NAME),
                name=plain(product.name, LONGEST_NAME),
                balance_cents=product.balance_cents,
                currency=plain(product.currency, 8),
                key_kind=plain(product.key_kind, LONGEST_NAME) if product.key_kind else None,
                key_on=product.key_on.isoformat() if product.key_on else None,
            )
            for product in view.products[:MOST_ROWS]
        ),
        life_events=tuple(
            LifeEventPart(kind=plain(kind, LONGEST_NAME), on=on.isoformat())
            for kind, on in view.life_events[:MOST_ROWS]
        ),
        cases=tuple(
            CasePart(
                number=plain(case.number, LONGEST_NAME),
                subject=plain(case.subject),
                tier=case.tier,
                opened_at=case.opened_at,
                due_at=case.due_at,
            )
            for case in view.cases[:MOST_ROWS]
        ),
        contacts=tuple(
            ContactPart(
                at=contact.at,
                channel=plain(contact.channel, LONGEST_NAME),
                about=plain(contact.about),
                outcome=plain(contact.outcome),
            )
            for contact in view.contacts[:MOST_ROWS]
        ),
        agent=plain(view.agent, LONGEST_NAME) if view.agent else None,
    )


def heard_first_part(heard: HeardFirst) -> HeardFirstPart:
    """What was put in front."""
    return HeardFirstPart(
        menu=plain(heard.menu, LONGEST_NAME),
        why=heard.why.value,
        label=tuple((language, plain(text)) for language, text in heard.label.items()),
        because=tuple((language, plain(text)) for language, text in heard.because.items()),
    )


def _tier_part(seen: TierSeen) -> TierPart:
    return TierPart(
        tier=seen.tier,
        name=tuple(seen.names.items()),
        goodwill_cents=seen.goodwill_cents,
        may=tuple((language, tuple(lines)) for language, lines in seen.may.items()),
    )


def complaint_part(seen: ComplaintSeen) -> ComplaintPart:
    """A complaint with what may be granted."""
    return ComplaintPart(
        tier=seen.tier,
        name=tuple(seen.names.items()),
        why=tuple(
            TierWhyPart(
                tier=why.get("tier"),
                up=why.get("up"),
                because=tuple(
                    BecausePart(
                        what=one["what"],
                        value=plain(str(one.get(one["what"], "")), LONGEST_NAME),
                        count=one.get("count", 0),
                        days=one.get("days", 0),
                    )
                    for one in why["because"]
                ),
            )
            for why in seen.why
        ),
        currency=seen.currency,
        mine=_tier_part(seen.mine) if seen.mine else None,
        next=_tier_part(seen.next) if seen.next else None,
    )


def case_file_part(case: CaseOnPop) -> CaseFilePart:
    """A case with what was done about it."""
    file = case.file
    return CaseFilePart(
        number=plain(file.number, LONGEST_NAME),
        subject=plain(file.subject),
        tier=file.tier,
        severity=file.severity,
        about=plain(file.about, LONGEST_NAME) if file.about else None,
        opened_at=file.opened_at,
        due_at=file.due_at,
        handler=plain(file.handler, LONGEST_NAME) if file.handler else None,
        events=tuple(
            CaseEventPart(
                at=event.at,
                kind=event.kind,
                by=plain(event.by, LONGEST_NAME),
                text=_event_text(event),
                tier=event.data.get("tier" if event.kind == "opened" else "to") if event.kind in TIERED else None,
                due_at=event.data.get("to") if event.kind == "extended" else None,
            )
            for event in file.events[-MOST_ROWS:]
        ),
        may=case.may,
    )


def pause_parts(pauses: Mapping[str, PauseReason]) -> tuple[PausePart, ...]:
    """What agents may pause for."""
    return tuple(
        PausePart(reason=reason, words=tuple(one.name.items()), paid=one.paid, most_minutes=one.most_minutes)
        for reason, one in pauses.items()
    )


def my_case_part(file: CaseFile) -> MyCasePart:
    """A case that the agent handles."""
    return MyCasePart(
        number=plain(file.number, LONGEST_NAME), subject=plain(file.subject), tier=file.tier, due_at=file.due_at
    )


def _event_text(event: CaseEvent) -> str:
    if event.kind == "alarmed":
        return ", ".join(map(str, event.data.get("alarms", ())))
    return plain(str(event.data.get("to" if event.kind == "assigned" else "text", "")))


def pop_part(pop: Pop) -> PopPart:
    """A pop."""
    return PopPart(
        offer_id=pop.offer.offer_id,
        ani=plain(pop.ani, LONGEST_NAME) if pop.ani else None,
        caller_name=plain(pop.caller_name, LONGEST_NAME),
        language=plain(pop.language, LONGEST_NAME),
        customer=customer_part(pop.customer) if pop.customer else None,
        candidates=tuple(customer_part(view) for view in pop.candidates[:MOST_ROWS]),
        path=tuple(
            StepPart(at=step.at, text=plain(step.text), key=plain(step.key, 16) if step.key else None)
            for step in pop.path[-MOST_ROWS:]
        ),
        habit=plain(pop.habit),
        heard_first=heard_first_part(pop.heard_first) if pop.heard_first else None,
        frozen=tuple(plain(menu, LONGEST_NAME) for menu in pop.frozen[:MOST_ROWS]),
        complaint=complaint_part(pop.complaint) if pop.complaint else None,
        case_files=tuple(case_file_part(case) for case in pop.cases[:MOST_ROWS]),
        talked_to=tuple(
            TalkedToPart(name=one.name, full_name=plain(one.full_name, LONGEST_NAME)) for one in pop.talked_to
        ),
    )
