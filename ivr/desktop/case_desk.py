"""What an agent does about a case while they talk to its customer, and in the wrap-up; rights are checked here."""

from typing import Literal, Protocol

import structlog

from ivr.desktop.messages import Case, CaseDone, Error
from ivr.desktop.views import note_text, plain
from ivr.ports import CaseFile, CaseOpened, Cases, Clock, Directory, NewCase, OfferSeen, Roster
from ivr.queues import QueueTable
from menus.facts import CallerFacts
from models.case_work import By
from models.errors import AtTheTop, CaseClosed, UnknownCase
from routing.complaints import may_do, tier_of_level
from routing.views import AgentCard

log = structlog.get_logger(__name__)

#: Days until an answer where no tier says how long.
DUE_DAYS = 5

#: How long ago a customer may have talked to an agent whom they complain about, in days.
TALKED_DAYS = 30
#: How long it may take to read what is known of the caller, in seconds.
FACTS_S = 1.0
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

    def __init__(self, cases: Work, roster: Roster, clock: Clock, queues: QueueTable, *, directory: Directory) -> None:
        self._cases, self._roster, self._clock, self._queues = cases, roster, clock, queues
        self._directory = directory

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

    def _own_tier(self, card: AgentCard) -> int:
        part = self._queues.complaints
        return tier_of_level(card.skills.get(part.skill, 0), part.ladder())

    def _may(self, card: AgentCard, file: CaseFile) -> tuple[str, ...]:
        highest = len(self._queues.complaints.tiers)
        return may_do(self._own_tier(card), file.tier, highest, about_them=file.against_id == card.id)

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
        """A case that the agent opens, of the tier that the rules say, and handles if they may decide it."""
        talked = await self._cases.talked_to(offer.call_id, but=card.id, since=now - TALKED_DAYS * _DAY_S)
        against = {one.name: one.id for one in talked}
        if message.against and message.against not in against:
            return _refused("not_yours")
        part, about = self._queues.complaints, message.about or None
        if about is not None and about not in part.known_about():
            return _refused("not_now")  # a page of before the file of queues was changed
        customer_id, ani = await self._cases.whose(offer.call_id)
        facts = await self._facts(customer_id, ani, now)
        asked = min(max(1, offer.tier), len(part.tiers))
        tier = part.place(facts, now, asked=asked, severity=message.severity, about=about).tier
        due_at = self._queues.deadline(tier, about, now)
        opened: CaseOpened = await self._cases.open(
            NewCase(
                subject=plain(message.subject),
                tier=tier,
                due_days=DUE_DAYS,
                call_id=offer.call_id,
                customer_id=customer_id,
                ani=ani,
                recording=None,
                severity=message.severity,
                about=about,
                against_id=against.get(message.against),
                due_at={} if due_at is None else {tier: due_at},
                opened_by=card.name,
                handler_id=card.id if self._own_tier(card) >= tier else None,
            ),
            now=now,
        )
        if text:
            await self._cases.note(opened.number, text, by=By(card.id, card.name), now=now)
        log.info("desktop.case", agent_id=card.id, case=opened.number, did="open")
        return CaseDone(offer_id=message.offer_id, do="open", number=opened.number)

    async def _facts(self, customer_id: int | None, ani: str | None, now: float) -> CallerFacts:
        """What is known of the caller; bare facts when it cannot be read in time."""
        if customer_id is None:
            return await self._directory.find(ani, now=now, deadline_s=FACTS_S)
        found = await self._directory.customer(customer_id, ani=ani, now=now, deadline_s=FACTS_S)
        return found or CallerFacts(ani=ani)


def _refused(code: Literal["not_yours", "no_authority", "not_now"]) -> Error:
    return Error(code=code, about="case")
