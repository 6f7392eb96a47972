"""Who may use the desktop: signed session cookies, and tickets that open one socket each."""

import hashlib
import secrets
from dataclasses import dataclass

from itsdangerous import BadData, URLSafeSerializer

from ivr.errors import Misconfigured
from ivr.ports import AgentCard, Clock

COOKIE = "ringwise_session"
SESSION_S = 12 * 3600.0  #: a shift with overtime; then the agent signs in again
TICKET_S = 30.0
MOST_TICKETS = 4  #: unused, per session: a page asks for one and uses it at once
MOST_ENDED = 10_000
SHORTEST_SECRET = 16  #: characters


@dataclass(frozen=True, slots=True)
class Session:
    """One browser in which an agent has signed in."""

    agent_id: int
    id: str
    expires_at: float
    number: int = 0  #: of the agent's sessions when it was opened

    def is_of(self, card: AgentCard | None) -> bool:
        """Whether the agent has neither signed out nor been given another password since."""
        return card is not None and (card.id, card.sessions) == (self.agent_id, self.number)


class Sessions:
    """Makes and reads session cookies. Raises Misconfigured for a secret that is too short to keep one."""

    def __init__(self, secret: str, clock: Clock) -> None:
        if len(secret) < SHORTEST_SECRET:
            raise Misconfigured(f"the web secret must have at least {SHORTEST_SECRET} characters")
        self._clock = clock
        self._signer = URLSafeSerializer(
            secret, salt="ringwise.desktop.session", signer_kwargs={"digest_method": hashlib.sha256}
        )
        self._ended: dict[str, float] = {}

    def open(self, agent_id: int, number: int = 0) -> str:
        """A cookie for an agent who has just signed in; `number` is that of their sessions."""
        told = [agent_id, secrets.token_urlsafe(12), self._clock.now() + SESSION_S, number]
        cookie: str | bytes = self._signer.dumps(told)
        return cookie if isinstance(cookie, str) else cookie.decode()

    def read(self, cookie: str | None) -> Session | None:
        """The session of a cookie; None when it is not ours, has expired or was ended here.

        Whether it was ended elsewhere, the agent's card tells: `Session.is_of`.
        """
        try:
            agent_id, session_id, expires_at, number = self._signer.loads(cookie or "")
        except (BadData, TypeError, ValueError):
            return None
        session = Session(agent_id, session_id, expires_at, number)
        return session if self.open_still(session) else None

    def open_still(self, session: Session) -> bool:
        """Whether a session has neither expired nor been ended."""
        return self._clock.now() < session.expires_at and session.id not in self._ended

    def end(self, session: Session) -> None:
        """Make the cookie of a session worthless on this node, also while the store is away."""
        now = self._clock.now()
        if len(self._ended) >= MOST_ENDED:
            self._ended = {name: until for name, until in self._ended.items() if until > now}
        if len(self._ended) >= MOST_ENDED:
            del self._ended[next(iter(self._ended))]
        self._ended[session.id] = session.expires_at


class Tickets:
    """One-time tickets: a socket needs one besides the cookie, so a cookie that a browser sends by itself is no use."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._given: dict[str, dict[str, float]] = {}  # session id → ticket → good until, on the monotonic clock

    def give(self, session: Session) -> str:
        """A new ticket for this session; the oldest unused one lapses when there are too many."""
        now = self._clock.monotonic()
        for name in [name for name, tickets in self._given.items() if max(tickets.values()) <= now]:
            del self._given[name]
        tickets = self._given.setdefault(session.id, {})
        if len(tickets) >= MOST_TICKETS:
            del tickets[next(iter(tickets))]
        ticket = secrets.token_urlsafe(24)
        tickets[ticket] = now + TICKET_S
        return ticket

    def redeem(self, ticket: str, session: Session) -> bool:
        """Use a ticket up; False when it is not one of this session, is used or is too old."""
        tickets = self._given.get(session.id, {})
        good_until = tickets.pop(ticket, 0.0)
        if not tickets:
            self._given.pop(session.id, None)
        return self._clock.monotonic() < good_until
