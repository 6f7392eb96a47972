"""The database in memory: the same rows in dictionaries, shared by the twins that stand on it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ivr.ports import CaseOpened, NewCase, Rating, Recording, TextMessage
from menus.facts import CallerFacts, MenuMemory
from models.callbacks import seen_of as wish_seen_of
from models.locks import CALL
from models.phones import seen_of
from models.tables import (
    AgentRow,
    CallbackRow,
    CallEventRow,
    CallRow,
    HistoryEventRow,
    NeedRow,
    NodeRow,
    OfferRow,
    OutboxRow,
    PhoneRow,
    TalkRecordingRow,
    ToldWaitRow,
)
from routing.agent import AgentState
from routing.callback import CARRIED_OUT, CallbackSeen, CallbackState
from routing.errors import StoreAway
from routing.phone import PhoneSeen


@dataclass(frozen=True, slots=True)
class Failures:
    """Failed attempts of a customer or a number."""

    failures: int
    since: float  #: of the first that counts
    locked_until: float | None = None


@dataclass
class MemoryStore:
    """What the in-memory twins remember. `away` makes every verb fail as a database does that cannot be reached."""

    calls: dict[str, CallRow] = field(default_factory=dict)
    events: list[CallEventRow] = field(default_factory=list)
    history: list[HistoryEventRow] = field(default_factory=list)
    needs: dict[int, NeedRow] = field(default_factory=dict)
    offers: dict[int, OfferRow] = field(default_factory=dict)
    told_waits: list[ToldWaitRow] = field(default_factory=list)
    agents: dict[int, AgentRow] = field(default_factory=dict)
    phones: dict[str, PhoneRow] = field(default_factory=dict)
    skills: dict[int, dict[str, int]] = field(default_factory=dict)
    passwords: dict[int, str] = field(default_factory=dict)
    nodes: dict[str, NodeRow] = field(default_factory=dict)
    facts: dict[str, tuple[CallerFacts, ...]] = field(default_factory=dict)  #: number → the customers who have it
    keepsakes: dict[tuple[str, str], str] = field(default_factory=dict)  #: (subject, name) → value
    memories: dict[tuple[str, str], MenuMemory] = field(default_factory=dict)  #: (subject, menu)
    recordings: list[Recording] = field(default_factory=list)
    talk_recordings: dict[str, TalkRecordingRow] = field(default_factory=dict)  #: recording → while it lasts
    ratings: list[tuple[Rating, float]] = field(default_factory=list)  #: with the time of each
    messages: list[TextMessage] = field(default_factory=list)
    outbox: list[OutboxRow] = field(default_factory=list)  #: what became of the messages
    opted_out: set[str] = field(default_factory=set)
    cases: list[tuple[NewCase, CaseOpened]] = field(default_factory=list)
    callbacks: dict[int, CallbackRow] = field(default_factory=dict)
    lockouts: dict[str, Failures] = field(default_factory=dict)  #: subject → failed attempts to be verified
    away: bool = False
    numbers: Counter[str] = field(default_factory=Counter)  #: the last id of a kind of row

    def reach(self) -> None:
        """Raises StoreAway while the database is away."""
        if self.away:
            raise StoreAway

    def next_id(self, kind: str, rows: Mapping[int, object]) -> int:
        """The id of a new row; no id is given twice, also when rows were dropped."""
        self.numbers[kind] = max(self.numbers[kind], max(rows, default=0)) + 1
        return self.numbers[kind]

    def add_agent(
        self,
        name: str,
        full_name: str = "",
        password: str = "",
        phone: str = "",
        skills: Mapping[str, int] | None = None,
        *,
        state: AgentState = AgentState.LOGGED_OUT,
        since: float = 0.0,
    ) -> AgentRow:
        """A new agent; ready at once when the test says so."""
        agent = AgentRow(
            id=len(self.agents) + 1,
            name=name,
            full_name=full_name or name,
            password_hash="",
            phone=phone or f"PJSIP/{name}",
            state=state.value,
            since=since,
            version=0,
        )
        self.agents[agent.id] = agent
        self.skills[agent.id] = dict(skills or {})
        self.passwords[agent.id] = password
        return agent

    def phone_seen(self, agent: AgentRow) -> PhoneSeen | None:
        """What was last seen of an agent's phone."""
        row = self.phones.get(agent.phone)
        return None if row is None else seen_of(row)

    def open_need(self, call_id: str, kind: str = CALL) -> NeedRow | None:
        """The open need of a call, or that of an agent who consults another about it."""
        mine = (n for n in self.needs.values() if n.call_id == call_id and n.kind == kind and n.closed_at is None)
        return next(mine, None)

    def open_offers(self) -> list[OfferRow]:
        """Every open offer."""
        return [offer for offer in self.offers.values() if offer.closed_at is None]

    def hold(self, offer_id: int, fence: int) -> tuple[NeedRow, AgentRow, OfferRow] | None:
        """The rows of an open offer with this fence."""
        offer = self.offers.get(offer_id)
        if offer is None or offer.fence != fence or offer.closed_at is not None:
            return None
        return self.needs[offer.need_id], self.agents[offer.agent_id], offer

    def wishes(self, now: float) -> tuple[CallbackSeen, ...]:
        """The open wishes to be called back that may be dialled by now or are being carried out, by their places."""
        calling = {call.ani for call in self.calls.values() if call.ended_at is None}
        answered = {offer.call_id for offer in self.offers.values() if offer.answered_at is not None}
        rows = [row for row in self.callbacks.values() if row.closed_at is None]
        found = [row for row in rows if row.state != CallbackState.WAITING or row.next_at <= now]
        seen = [wish_seen_of(row, on_the_line=row.number in calling or self.is_called(row)) for row in found]
        seen = [replace(one, talked=one.state != CallbackState.WAITING and one.call_id in answered) for one in seen]
        return tuple(sorted(seen, key=lambda one: (one.as_need().place()[0], one.id)))

    def is_called(self, row: CallbackRow) -> bool:
        """Whether the customer of a wish is being called for another one."""
        others = (one for one in self.callbacks.values() if one.number == row.number and one is not row)
        return any(one.state in CARRIED_OUT for one in others)
