"""What an agent does about a case while they talk to its customer, and in the wrap-up; rights are checked here."""

from typing import Literal, Protocol

import structlog

from ivr.desktop.messages import Case, CaseDone, Error
from ivr.desktop.views import note_text, plain
from ivr.ports import CaseFile, CaseOpened, Cases, Clock, NewCase, OfferSeen, Roster
from ivr.queues import QueueTable
from models.case_work import By
from models.errors import AtTheTop, CaseClosed, UnknownCase
from routing.complaints import may_do, tier_of_level
from routing.views import AgentCard

log = structlog.get_logger(__name__)

#: Days until an answer where no tier says how long.
DUE_DAYS = 5

#: How long ago a customer may have talked to an agent whom they complain about, in days.
TALKED_DAYS = 30
_DAY_S = 86_400.0


class Work(Cases, Protocol):
    """Cases, with the verbs that agents have."""

    async def whose(self, call_id: str) -> tuple[int | None, str | None]: ...

    async def note(self, number: str, text: str, *, by: By, now: float) -> None: ...

    async def raise_tier(self, number: str, reason: str, *, highest: int, by: By, now: float) -> int: ...

    async def extend(self, number: str, due_at: float, reason: str, *, by: By, now: float) -> None: ...

    async def close(self, number: str, text: str = "", *, by: By, now: float) -> bool: ...


class CaseDesk:
    """Carries out what agents do about the cases of the customer they talk to."""

    def __init__(self, cases: Work, roster: Roster, clock: Clock, queues: QueueTable) -> None:
        self._cases, self._roster, self._clock, self._queues = cases, roster, clock, queues

    async def act(self, agent_id: int, message: Case) -> CaseDone | Error:
        """Do it, or say why not. Raises StoreAway."""
        card, offer = await self._roster.card(agent_id), await self._roster.offer_of(agent_id)
        if card is None or offer is None or offer.offer_id != message.offer_id or offer.answered_at is None:
            log.warning("desktop.not_yours", agent_id=agent_id, offer_id=message.offer_id)
            return _refused("not_yours")
        by, now, text = By(agent_id, card.name), self._clock.now(), note_text(message.text)
        if message.do == "open":
            return await self._open(card, offer, message, text, now)
        files = {file.number: file for file in await self._cases.of_call(offer.call_id)}
        file = files.get(message.number)
        if file is None:
            log.warning("desktop.not_yours", agent_id=agent_id, offer_id=message.offer_id)
            return _refused("not_yours")
        if message.do not in self._may(card, file):
            return _refused("no_authority")
        try:
            await self._do(file, message, text, by, now)
        except (CaseClosed, UnknownCase, AtTheTop):  # somebody else was quicker
            return _refused("not_now")
        log.info("desktop.case", agent_id=agent_id, case=file.number, did=message.do)
        return CaseDone(offer_id=message.offer_id, do=message.do, number=file.number)

    def _may(self, card: AgentCard, file: CaseFile) -> tuple[str, ...]:
        ladder = self._queues.complaints.ladder()
        own = tier_of_level(card.skills.get(self._queues.complaints.skill, 0), ladder)
        return may_do(own, file.tier, len(ladder), about_them=file.against_id == card.id)

    async def _do(self, file: CaseFile, message: Case, text: str, by: By, now: float) -> None:
        if message.do == "note":
            await self._cases.note(file.number, text, by=by, now=now)
        elif message.do == "raise":
            highest = len(self._queues.complaints.tiers)
            await self._cases.raise_tier(file.number, text, highest=highest, by=by, now=now)
        elif message.do == "extend":
            due_at = self._queues.worked_from(max(now, file.due_at or now), message.hours * 3600.0)
            await self._cases.extend(file.number, due_at, text, by=by, now=now)
        elif message.do == "close":
            await self._cases.close(file.number, text, by=by, now=now)

    async def _open(self, card: AgentCard, offer: OfferSeen, message: Case, text: str, now: float) -> CaseDone | Error:
        """A case that the agent opens, and handles."""
        talked = await self._cases.talked_to(offer.call_id, but=card.id, since=now - TALKED_DAYS * _DAY_S)
        against = {one.name: one.id for one in talked}
        if message.against and message.against not in against:
            return _refused("not_yours")
        part = self._queues.complaints
        due = {tier: self._queues.deadline(tier, None, now) for tier in range(1, len(part.tiers) + 1)}
        customer_id, ani = await self._cases.whose(offer.call_id)
        opened: CaseOpened = await self._cases.open(
            NewCase(
                subject=plain(message.subject),
                tier=max(1, offer.tier),
                due_days=DUE_DAYS,
                call_id=offer.call_id,
                customer_id=customer_id,
                ani=ani,
                recording=None,
                severity=message.severity,
                against_id=against.get(message.against),
                due_at={tier: due_at for tier, due_at in due.items() if due_at is not None},
                opened_by=card.name,
                handler_id=card.id,
            ),
            now=now,
        )
        if text:
            await self._cases.note(opened.number, text, by=By(card.id, card.name), now=now)
        log.info("desktop.case", agent_id=card.id, case=opened.number, did="open")
        return CaseDone(offer_id=message.offer_id, do="open", number=opened.number)


def _refused(code: Literal["not_yours", "no_authority", "not_now"]) -> Error:
    return Error(code=code, about="case")
