"""A wish to be called back: its states, what may follow what, and whose turn it is. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from routing.decision import Decision, decide_on
from routing.errors import IllegalMove
from routing.kept import KeptFloor
from routing.need import Need
from routing.snapshot import Snapshot
from routing.terms import NO_TERMS, Terms

#: Ids of calls that we make to customers begin so.
OURS = "callback-"


class CallbackState(StrEnum):
    """What becomes of a wish."""

    WAITING = "waiting"  # not to be dialled yet, or again
    DIALLING = "dialling"  # a node has claimed it: the customer's phone rings, or the greeting plays
    TALKING = "talking"  # the customer asked to be connected: waits for an agent, or talks to one
    CLOSED = "closed"


#: A wish in these states has a call of its own; a customer has one such call at a time, whatever they wished.
CARRIED_OUT = frozenset({CallbackState.DIALLING, CallbackState.TALKING})


class CallbackEvent(StrEnum):
    """What can happen to a wish."""

    DIAL = "dial"  # a node claims it
    POSTPONE = "postpone"  # its phone may not ring at this hour
    HOLD = "hold"  # its call still lives: the lease begins anew
    ACCEPT = "accept"  # the customer asked to be connected
    RETRY = "retry"  # nobody answered, or they left before an agent came: again later
    MISS = "miss"  # the same, for the last time
    SERVE = "serve"  # they talked to an agent
    REPLACE = "replace"  # the customer wished anew
    COME_BACK = "come_back"  # the customer called and reached an agent of that queue


_S, _E = CallbackState, CallbackEvent
CALLBACK_MOVES: dict[tuple[CallbackState, CallbackEvent], CallbackState] = {
    (_S.WAITING, _E.DIAL): _S.DIALLING,
    (_S.WAITING, _E.POSTPONE): _S.WAITING,
    (_S.WAITING, _E.MISS): _S.CLOSED,
    (_S.DIALLING, _E.HOLD): _S.DIALLING,
    (_S.DIALLING, _E.ACCEPT): _S.TALKING,
    (_S.DIALLING, _E.RETRY): _S.WAITING,
    (_S.DIALLING, _E.MISS): _S.CLOSED,
    (_S.DIALLING, _E.SERVE): _S.CLOSED,
    (_S.TALKING, _E.HOLD): _S.TALKING,
    (_S.TALKING, _E.RETRY): _S.WAITING,
    (_S.TALKING, _E.MISS): _S.CLOSED,
    (_S.TALKING, _E.SERVE): _S.CLOSED,
    **{(state, _E.REPLACE): _S.CLOSED for state in (_S.WAITING, _S.DIALLING, _S.TALKING)},
    **{(state, _E.COME_BACK): _S.CLOSED for state in (_S.WAITING, _S.DIALLING, _S.TALKING)},
}

#: How a wish is closed by an event.
OUTCOMES: Mapping[CallbackEvent, str] = {
    _E.MISS: "missed",
    _E.SERVE: "served",
    _E.REPLACE: "replaced",
    _E.COME_BACK: "came_back",
}

#: What is counted when an event has moved a wish: the outcomes, and calls that led to nothing yet.
COUNTED_AS: Mapping[CallbackEvent, str] = {**OUTCOMES, _E.RETRY: "retried"}


def move_callback(state: CallbackState, event: CallbackEvent) -> CallbackState:
    """The state that follows; raises IllegalMove for a pair that is not in the table."""
    try:
        return CALLBACK_MOVES[state, event]
    except KeyError:
        raise IllegalMove("callback", state, event) from None


def after_a_failure(tries: int, most_tries: int) -> CallbackEvent:
    """What follows a call that led to no conversation."""
    return CallbackEvent.RETRY if tries < most_tries else CallbackEvent.MISS


@dataclass(frozen=True, slots=True)
class CallbackWish:
    """A caller wants to be called back."""

    call_id: str
    number: str  #: E.164
    customer_id: int | None
    queue: str
    reason: str
    language: str
    kind: str  #: now, keep_place, at
    since: float  #: what the age of the need counts from
    due_at: float  #: not to be called before
    required: Mapping[str, int] = field(default_factory=dict)
    tier: int = 1
    credit_s: float = 0.0
    terms: Terms = NO_TERMS
    hours: str | None = None  #: opening hours of the book outside which the phone does not ring


@dataclass(frozen=True, slots=True)
class CallbackSeen:
    """A wish as it stands."""

    id: int
    fence: int  #: goes up with each claim; later writes name it
    state: CallbackState
    wish: CallbackWish
    tries: int = 0
    next_at: float = 0.0  #: not to be dialled before; once claimed, until when the node holds it
    node: str | None = None  #: the node that claimed it last
    made_at: float = 0.0
    closed_at: float | None = None
    outcome: str | None = None
    on_the_line: bool = False  #: this number is on a call with us, or is called for another wish
    talked: bool = False  #: an agent answered in the call of this fence

    @property
    def call_id(self) -> str:
        """The id of the call that this claim makes; the switch is told to use it."""
        return f"{OURS}{self.id}-{self.fence}"

    def as_need(self) -> Need:
        """The wish among the needs of its queue. Its number is negative, as no need's is."""
        wish = self.wish
        return Need(
            -self.id,
            self.call_id,
            wish.queue,
            wish.since,
            self.fence,
            required=wish.required,
            language=wish.language,
            tier=wish.tier,
            credit_s=wish.credit_s,
            terms=wish.terms,
        )


_CALL_ID = re.compile(OURS + "([0-9]{1,12})-([0-9]{1,12})")


def of_call(call_id: str) -> tuple[int, int] | None:
    """Id and fence of the wish that a call carries out; None for a call that came in."""
    found = _CALL_ID.fullmatch(call_id)
    return None if found is None else (int(found[1]), int(found[2]))


def in_line(callbacks: Sequence[CallbackSeen], now: float) -> tuple[CallbackSeen, ...]:
    """Wishes that stand in their queues among those who wait: those that may be dialled, and those that are.

    Once the customer has asked to be connected, their own need stands there. Who is on a call with us is not called.
    """
    return tuple(
        callback
        for callback in callbacks
        if (callback.state is CallbackState.WAITING and callback.next_at <= now and not callback.on_the_line)
        or callback.state is CallbackState.DIALLING
    )


@dataclass(frozen=True, slots=True)
class Shares:
    """Who gets the agents who are ready: callers who wait, and customers to be called back."""

    decisions: tuple[Decision, ...]  #: for callers who wait
    to_dial: tuple[CallbackSeen, ...] = ()  #: an agent is left to each of them


def share_out(
    snapshot: Snapshot, callbacks: Sequence[CallbackSeen], now: float, most: int, kept: KeptFloor | None = None
) -> Shares:
    """Decide as if each wish in line were a caller of its age; at most so many are dialled at once.

    So no more phones ring than agents are ready, nobody is called before those of their row who have waited longer, and
    who came later does not take the agent of one whose phone rings. Of several wishes of one number the one whose turn
    came first is dialled. A wish beyond that, or beyond `most`, keeps no agent from anybody. With `kept`, the floor of
    the round before serves again.
    """
    kept = kept or KeptFloor()
    # What was read of the wishes may be older than the needs.
    connected = {need.call_id for need in snapshot.needs} if callbacks else set()
    line = {
        -one.id: one
        for one in in_line(callbacks, now)
        if one.call_id not in connected and (most > 0 or one.state is CallbackState.DIALLING)
    }
    while True:
        decided = decide_on(kept.show(snapshot, [callback.as_need() for callback in line.values()], now), now)
        chosen = [decision.need_id for decision in decided if decision.need_id in line]
        to_dial = [id_ for id_ in chosen if line[id_].state is CallbackState.WAITING]
        first = {line[id_].wish.number: id_ for id_ in reversed(to_dial)}
        if len(first) < len(to_dial):
            twice = set(to_dial) - set(first.values())
            line = {id_: one for id_, one in line.items() if id_ not in twice}
            continue
        if len(to_dial) <= most or not to_dial:
            real = tuple(decision for decision in decided if decision.need_id not in line)
            return Shares(real, tuple(line[id_] for id_ in to_dial))
        stay = set(to_dial[:most])
        line = {id_: one for id_, one in line.items() if id_ in stay or one.state is CallbackState.DIALLING}
