"""Wishes to be called back: what must hold of their rows, and of what was really dialled and said."""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ivr.testing.turmoil.book import MOST_TRIES
from models.tables import CallbackRow
from routing.callback import OUTCOMES, CallbackEvent, CallbackState, of_call

if TYPE_CHECKING:
    from ivr.testing.turmoil.audit import NeedSeen


@dataclass(frozen=True, slots=True)
class WishKept:
    """A wish to be called back as stored."""

    id: int
    number: str
    queue: str
    kind: str
    since: float
    due_at: float
    state: str
    tries: int
    next_at: float
    fence: int
    made_at: float
    closed_at: float | None
    outcome: str | None

    @classmethod
    def of(cls, row: CallbackRow) -> "WishKept":
        """As an audit sees it."""
        return cls(**{name: getattr(row, name) for name in cls.__dataclass_fields__})

    @property
    def whose(self) -> tuple[str, str]:
        """Number and queue, of which one wish is open at a time."""
        return self.number, self.queue


@dataclass(frozen=True, slots=True)
class Dialled:
    """A customer's phone that was to be rung."""

    call_id: str
    number: str
    at: float  #: by the store's time
    rings_already: bool  #: in another call of ours
    calls_us: bool  #: they are in a queue of ours


@dataclass
class WishAudit:
    """Looks at the rows of wishes, and holds what was really done against them."""

    slack_s: float
    dialled: list[Dialled] = field(default_factory=list)  #: since the last look
    conversed: set[int] = field(default_factory=set)  #: wishes whose customer has talked to an agent in a call of ours
    talked: set[str] = field(default_factory=set)  #: numbers of who have called and talked to an agent
    dials: int = 0
    again: int = 0  #: dials of customers who had talked in an earlier call of the same wish
    _kept: dict[int, WishKept] = field(default_factory=dict)
    _calls: set[str] = field(default_factory=set)  #: ids of the calls that were made

    def look(
        self, wishes: Sequence[WishKept], needs: Iterable["NeedSeen"], earliest: float, latest: float
    ) -> list[str]:
        """What is wrong with rows that were written between these two moments; a sentence each."""
        found = [*_contradictions(wishes), *_kept_places(wishes, needs)]
        replaced = {wish.id for wish in wishes if wish.outcome == OUTCOMES[CallbackEvent.REPLACE]}
        for wish in wishes:
            before = self._kept.get(wish.id)
            found += self._new(wish, replaced) if before is None else _after(before, wish)
            if wish.closed_at is not None and (before is None or before.closed_at is None):
                found += self._closed(wish)
                if not earliest <= wish.closed_at <= latest:
                    found.append(f"wish {wish.id} was closed, it says, at {wish.closed_at - latest:+.0f} s from now")
        found += self._judged({wish.id: wish for wish in wishes})
        self._kept = {wish.id: wish for wish in wishes}
        return found

    def _new(self, wish: WishKept, replaced: Set[int]) -> list[str]:
        mine = [one for one in self._kept.values() if one.whose == wish.whose and one.closed_at is None]
        earlier = [one for one in mine if one.id in replaced]
        late = [one for one in earlier if one.kind == wish.kind == "keep_place" and wish.since > one.since]
        return [f"wish {wish.id} has lost the place of wish {one.id}, which it replaces" for one in late]

    def _closed(self, wish: WishKept) -> list[str]:
        if wish.outcome == OUTCOMES[CallbackEvent.SERVE] and wish.id not in self.conversed:
            return [f"wish {wish.id} is closed as served and its customer has talked to nobody"]
        if wish.outcome == OUTCOMES[CallbackEvent.COME_BACK] and wish.number not in self.talked:
            return [f"wish {wish.id} is closed as come back and its customer has talked to nobody"]
        if wish.outcome == OUTCOMES[CallbackEvent.MISS] and wish.tries < MOST_TRIES:
            return [f"wish {wish.id} is given up after {wish.tries} calls"]
        return []

    def _judged(self, wishes: Mapping[int, WishKept]) -> list[str]:
        found = []
        for one in self.dialled:
            id_, fence = of_call(one.call_id) or (0, 0)
            wish = wishes.get(id_)
            self.dials += 1
            self.again += id_ in self.conversed
            if one.call_id in self._calls:
                found.append(f"{one.call_id} was dialled twice")
            if one.rings_already:
                found.append(f"{one.call_id} was dialled while we were ringing or connecting the customer already")
            if one.calls_us:
                found.append(f"{one.call_id} was dialled while the customer was waiting in a queue of ours")
            if wish is None or wish.fence < fence:
                found.append(f"{one.call_id} was dialled and nobody has claimed it")
            elif one.at < wish.due_at - self.slack_s:
                found.append(f"{one.call_id} was dialled {wish.due_at - one.at:.0f} s before the time that was wished")
            elif wish.closed_at is not None and one.at > wish.closed_at + self.slack_s:
                found.append(f"{one.call_id} was dialled though wish {id_} was over as {wish.outcome}")
            before = self._kept.get(id_)
            if before is not None and before.state == CallbackState.WAITING and one.at < before.next_at - self.slack_s:
                found.append(f"{one.call_id} was dialled {before.next_at - one.at:.0f} s too early")
            self._calls.add(one.call_id)
        self.dialled.clear()
        return found

    def forget(self) -> None:
        """What was said of wishes that are no longer looked at."""
        self.conversed &= self._kept.keys()
        self._calls = {call_id for call_id in self._calls if (of_call(call_id) or (0, 0))[0] in self._kept}


def _contradictions(wishes: Sequence[WishKept]) -> list[str]:
    found, whose = [], set[tuple[str, str]]()
    for wish in wishes:
        if (wish.closed_at is None) != (wish.state != CallbackState.CLOSED):
            found.append(f"wish {wish.id} is {wish.state}, closed at {wish.closed_at}")
        if (wish.outcome is None) != (wish.closed_at is None) or wish.outcome not in (None, *OUTCOMES.values()):
            found.append(f"wish {wish.id} is {wish.state} with the outcome {wish.outcome}")
        if wish.tries > MOST_TRIES:
            found.append(f"wish {wish.id} was tried {wish.tries} times")
        if wish.closed_at is None and wish.whose in whose:
            found.append(f"queue {wish.queue} has two open wishes of one number")
        if wish.closed_at is None:
            whose.add(wish.whose)
    return found


def _kept_places(wishes: Sequence[WishKept], needs: Iterable["NeedSeen"]) -> list[str]:
    since = {wish.id: wish.since for wish in wishes}
    found = []
    for need in needs:
        made = of_call(need.call_id) if need.closed_at is None and not need.handed_on else None
        if made is not None and since.get(made[0], need.since) != need.since:
            found.append(f"need {need.id} of {need.call_id} is of {need.since}, and its wish of {since[made[0]]}")
    return found


def _after(before: WishKept, wish: WishKept) -> list[str]:
    found = []
    if before.closed_at is not None and wish != before:
        found.append(f"wish {wish.id} was over as {before.outcome} and is changed")
    if (before.since, before.due_at, before.whose) != (wish.since, wish.due_at, wish.whose):
        found.append(f"wish {wish.id} is another than before")
    if wish.fence < before.fence or wish.tries - before.tries != wish.fence - before.fence:
        found.append(f"wish {wish.id} has fence {wish.fence}, tries {wish.tries} after {before.fence}, {before.tries}")
    return found
