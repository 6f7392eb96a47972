"""A conversation: where caller and agent are, what the agent may do with it, and whom it can be handed to."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from routing.errors import IllegalMove


class TalkState(StrEnum):
    """Where the caller of an answered offer is."""

    LINE = "line"  # bridged to the agent's phone
    HELD = "held"  # hears music; the agent is alone in the room
    ROOM = "room"  # in the room with the agent
    RINGING = "ringing"  # hears music, while somebody else is found and rung into the agent's room
    CONSULT = "consult"  # hears music, while the agent talks to somebody else in the room
    CONFERENCE = "conference"  # in the room with both
    OVER = "over"  # not this agent's any more


class TalkEvent(StrEnum):
    """What can happen to a conversation."""

    HOLD = "hold"
    RETRIEVE = "retrieve"
    TRANSFER = "transfer"  # blind: to a queue, an agent, a group, an outside number or the next tier
    CONSULT = "consult"  # the same targets, but talk to them first
    CANCEL = "cancel"  # without the one who was consulted, back to the caller
    COMPLETE = "complete"  # the agent leaves, the one who was consulted talks on with the caller
    CONFERENCE = "conference"  # the caller joins
    END = "end"  # the agent hangs up
    JOINED = "joined"  # the one who is consulted has picked up
    LEFT = "left"  # nobody picked up, or the one who was consulted has hung up


#: What an agent asks for from the desktop; the engine sees the others happen.
ASKED = frozenset(TalkEvent) - {TalkEvent.JOINED, TalkEvent.LEFT}

TALK_MOVES: dict[tuple[TalkState, TalkEvent], TalkState] = {
    (TalkState.LINE, TalkEvent.HOLD): TalkState.HELD,
    (TalkState.LINE, TalkEvent.CONSULT): TalkState.RINGING,
    (TalkState.LINE, TalkEvent.TRANSFER): TalkState.OVER,
    (TalkState.LINE, TalkEvent.END): TalkState.OVER,
    (TalkState.HELD, TalkEvent.RETRIEVE): TalkState.ROOM,
    (TalkState.HELD, TalkEvent.CONSULT): TalkState.RINGING,
    (TalkState.HELD, TalkEvent.TRANSFER): TalkState.OVER,
    (TalkState.ROOM, TalkEvent.HOLD): TalkState.HELD,
    (TalkState.ROOM, TalkEvent.CONSULT): TalkState.RINGING,
    (TalkState.ROOM, TalkEvent.TRANSFER): TalkState.OVER,
    (TalkState.ROOM, TalkEvent.END): TalkState.OVER,
    (TalkState.RINGING, TalkEvent.JOINED): TalkState.CONSULT,
    (TalkState.RINGING, TalkEvent.LEFT): TalkState.HELD,
    (TalkState.RINGING, TalkEvent.CANCEL): TalkState.ROOM,
    (TalkState.CONSULT, TalkEvent.COMPLETE): TalkState.OVER,
    (TalkState.CONSULT, TalkEvent.CONFERENCE): TalkState.CONFERENCE,
    (TalkState.CONSULT, TalkEvent.CANCEL): TalkState.ROOM,
    (TalkState.CONSULT, TalkEvent.LEFT): TalkState.HELD,
    (TalkState.CONFERENCE, TalkEvent.COMPLETE): TalkState.OVER,
    (TalkState.CONFERENCE, TalkEvent.CANCEL): TalkState.ROOM,
    (TalkState.CONFERENCE, TalkEvent.LEFT): TalkState.ROOM,
}

#: So long something that was asked for is carried out; after that it is taken as forgotten (its node is gone).
ASK_LASTS_S = 15.0
#: The caller hears music meanwhile.
ON_HOLD = frozenset({TalkState.HELD, TalkState.RINGING, TalkState.CONSULT})
#: The caller is in the room.
IN_ROOM = frozenset({TalkState.ROOM, TalkState.CONFERENCE})
#: Somebody else is being found, or is there.
WITH_SECOND = frozenset({TalkState.RINGING, TalkState.CONSULT, TalkState.CONFERENCE})


def move_talk(state: TalkState, event: TalkEvent) -> TalkState:
    """The state that follows; raises IllegalMove for a pair that is not in the table."""
    try:
        return TALK_MOVES[state, event]
    except KeyError:
        raise IllegalMove("talk", state, event) from None


def may_ask(state: TalkState) -> tuple[TalkEvent, ...]:
    """What an agent may do in this state, in the order of the table."""
    return tuple(event for known, event in TALK_MOVES if known is state and event in ASKED)


class TargetKind(StrEnum):
    """To whom a conversation may be handed."""

    QUEUE = "queue"
    AGENT = "agent"
    NUMBER = "number"
    TIER = "tier"  # the next tier of complaints
    SKILL = "skill"  # a group of agents without a queue of its own


@dataclass(frozen=True, slots=True)
class Target:
    """To whom a conversation is handed."""

    kind: TargetKind
    name: str = ""  #: of the queue, the agent or the skill, or the E.164 number; empty for the next tier

    def as_json(self) -> list[str]:
        """Plain values to store."""
        return [self.kind.value, self.name]


@dataclass(frozen=True, slots=True)
class Ask:
    """What an agent has asked for and what has not been carried out yet."""

    do: TalkEvent
    at: float
    target: Target | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Talk:
    """The conversation of an answered offer, as it is stored with it."""

    state: TalkState = TalkState.LINE
    since: float | None = None  #: in this state; None on the line
    room: int | None = None  #: number of the room where the agent's phone is
    ask: Ask | None = None
    second: Target | None = None  #: who is consulted
    channel: str = ""  #: id of the channel of who is consulted, once they are rung
    own: str = ""  #: id of the agent's own channel, when they were rung into the room
    taken: bool = False  #: what is asked for is being carried out: it cannot be taken back any more
    failed: str = ""  #: why the last consultation or transfer came to nothing; empty when it did not

    def as_json(self) -> dict[str, Any]:
        """Plain values to store; what is as usual is left out."""
        plain: dict[str, Any] = {"state": self.state.value}
        if self.since is not None:
            plain["since"] = self.since
        if self.room is not None:
            plain["room"] = self.room
        if self.ask is not None:
            target = None if self.ask.target is None else self.ask.target.as_json()
            plain["ask"] = [self.ask.do.value, self.ask.at, target, self.ask.note]
        if self.taken:
            plain["taken"] = True
        if self.second is not None:
            plain["second"] = self.second.as_json()
        if self.channel:
            plain["channel"] = self.channel
        if self.own:
            plain["own"] = self.own
        if self.failed:
            plain["failed"] = self.failed
        return plain

    def asked(self, now: float) -> Ask | None:
        """What is to be carried out now; nothing that was forgotten."""
        return self.ask if self.ask is not None and now - self.ask.at < ASK_LASTS_S else None

    def goes_on(self, now: float) -> bool:
        """Whether it is not over although the agent's phone has left the caller."""
        return self.state not in (TalkState.LINE, TalkState.OVER) or self.asked(now) is not None


#: A conversation that nothing was done with.
ON_LINE = Talk()


def _target(plain: list[str] | None) -> Target | None:
    return None if plain is None else Target(TargetKind(plain[0]), plain[1])


def talk_of(plain: Mapping[str, Any] | None) -> Talk:
    """A conversation as stored; of most offers nothing is."""
    if not plain:
        return ON_LINE
    ask = None
    if plain.get("ask") is not None:
        do, at, target, note = plain["ask"]
        ask = Ask(TalkEvent(do), at, _target(target), note)
    return Talk(
        state=TalkState(plain["state"]),
        since=plain.get("since"),
        room=plain.get("room"),
        ask=ask,
        second=_target(plain.get("second")),
        channel=plain.get("channel", ""),
        own=plain.get("own", ""),
        taken=plain.get("taken", False),
        failed=plain.get("failed", ""),
    )


@dataclass(frozen=True, slots=True)
class Sent:
    """How a need came to be handed on by an agent: what the next agent is told."""

    agent_id: int
    by: str  #: full name of the agent who sent the caller
    queue: str  #: that they came from
    how: TalkEvent  #: TRANSFER, CONSULT, or HOLD when the caller was left on hold
    note: str = ""
    at: float = 0.0
    skill: str = ""  #: the group that was asked for; empty for any other target

    def as_json(self) -> dict[str, Any]:
        """Plain values to store; a group only where one was asked for."""
        plain = {
            "agent": self.agent_id, "by": self.by, "queue": self.queue, "how": self.how.value, "note": self.note,
            "at": self.at,
        }  # fmt: skip
        return plain | ({"skill": self.skill} if self.skill else {})


def sent_of(plain: Mapping[str, Any] | None) -> Sent | None:
    """As stored; None for a need that the caller stated."""
    if not plain:
        return None
    how = TalkEvent(plain["how"])
    more = plain.get("note", ""), plain.get("at", 0.0), plain.get("skill", "")
    return Sent(plain["agent"], plain["by"], plain["queue"], how, *more)
