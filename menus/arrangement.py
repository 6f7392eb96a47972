"""Who is promoted and why, in which order everything is said, on which keys: all of it from plain values.

The reasons, in the order in which they promote: a caller's frozen menu stands alone; else the book's rules, one new
option that is tried out, then habit, then the segment, together at most `gate.most`. Options that stay (pinned,
complaint, agent) are never moved.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from menus.facts import MenuMemory
from menus.pace import expected_s
from menus.schema import AGENT_TASK, COMPLAINT_TASK, KEYS, Gate, Menu, Option

_EQUAL_S = 1e-9  #: sums of the same seconds in another order differ by less


class Why(StrEnum):
    """Why an option is promoted."""

    FROZEN = "frozen"  # the caller wants the menu to stay as it was
    RULE = "rule"  # its promote_when holds
    EXPLORE = "explore"  # it is new and tried out on this caller
    HABIT = "habit"  # the ranker finds it likely enough for the gate
    POPULAR = "popular"  # the same of a customer without history, by what others like them do
    SEGMENT = "segment"  # its promote_for names the customer's segment


@dataclass(frozen=True, slots=True)
class Grounds:
    """Everything that an arrangement depends on, besides the menu; a decision record holds it."""

    language: str
    scores: Mapping[str, float]  #: task → probability; empty when nothing is known of the caller
    seconds: Mapping[str, float]  #: option → how long it takes to say
    hidden: frozenset[str] = frozenset()  #: options whose `when` does not hold
    ruled: frozenset[str] = frozenset()  #: options whose `promote_when` holds
    segment: str | None = None
    held_out: bool = False
    memory: MenuMemory | None = None  #: of earlier calls
    habit: tuple[str, ...] | None = None  #: what habits promote in this call, if that was settled before
    known: bool = True  #: whether the scores come of a history of the caller's own
    drawn: tuple[str, ...] = ()  #: options to be tried out on this caller, the first that may be


@dataclass(frozen=True, slots=True)
class Arrangement:
    """What one caller hears of a menu."""

    order: tuple[Option, ...]  #: as it is said; with `keys: shortcut` promoted options come twice
    keys: Mapping[str, str]  #: option → the key that it is offered on
    why: Mapping[str, Why]  #: promoted options in spoken order, and the reason of each
    memory: MenuMemory  #: what is to be remembered for later calls
    book_s: float  #: expected seconds until the wanted option was heard, in the book's order
    ruled_s: float  #: the same with what rules (or the caller's own wish) promote
    spoken_s: float  #: the same as it is said
    longer_s: Mapping[str, float]  #: options that were not promoted because of this many more seconds to be expected
    explored_s: float | None = None  #: as `ruled_s`, with the option that is tried out; None without one
    explored: tuple[str, ...] = ()  #: options that may be tried out in this call


def arrange(menu: Menu, gate: Gate, grounds: Grounds) -> Arrangement:
    """The menu for this caller. Habit and segment never raise the seconds that this caller may expect to listen.

    A new option that is tried out raises them by its own length at most, and there is one at most.
    """
    offered = visible(menu, grounds.language, grounds.hidden)
    # In a fixed menu everything stays.
    free = [] if menu.order == "fixed" else [option for option in offered if not option.stays]
    memory = grounds.memory or MenuMemory()
    chances = chances_of(offered, grounds.scores)

    def listened_s(promoted: Iterable[str]) -> float:
        return expected_s([option.id for option in _order(menu, offered, free, promoted)], chances, grounds.seconds)

    book_s = listened_s(())
    why: dict[str, Why] = {}
    longer_s: dict[str, float] = {}
    settled = memory
    if memory.frozen:
        movable = {option.id for option in free}
        kept = [option for option in memory.promoted if option in movable]
        why = dict.fromkeys(kept[: gate.most], Why.FROZEN)
    else:
        ruled = [option.id for option in free if option.id in grounds.ruled]
        why = dict.fromkeys(ruled[: gate.most], Why.RULE)
    ruled_s = spoken_s = listened_s(why) if why else book_s
    explored_s: float | None = None
    explored: tuple[str, ...] = ()
    if not memory.frozen and not grounds.held_out:
        explored = _unknown(free, grounds, gate)
        for option in explored:
            if option in why or len(why) >= gate.most:
                continue
            then_s = listened_s((*why, option))
            if then_s <= ruled_s + grounds.seconds[option] + _EQUAL_S:
                why[option], explored_s, spoken_s = Why.EXPLORE, then_s, then_s
                break
            longer_s[option] = then_s - ruled_s
        if grounds.habit is None and grounds.scores:
            settled = _settled(memory, _wished(free, grounds.scores, gate), gate)
        habit = settled.promoted if grounds.habit is None else grounds.habit
        for option, reason in _candidates(free, habit if grounds.scores else (), grounds):
            if option in why or len(why) >= gate.most:
                continue
            then_s = listened_s((*why, option))
            # Of a caller without scores nothing is known that could speak against the segment.
            if then_s <= spoken_s + _EQUAL_S or not grounds.scores:
                why[option], spoken_s = reason, then_s
            else:
                longer_s.setdefault(option, then_s - spoken_s)
    order = _order(menu, offered, free, why)
    keys = _keys(menu, order)
    return Arrangement(order, keys, why, settled, book_s, ruled_s, spoken_s, longer_s, explored_s, explored)


def visible(menu: Menu, language: str, hidden: frozenset[str]) -> tuple[Option, ...]:
    """The options that a caller is offered, in the book's order. Complaint and agent cannot be hidden."""
    return tuple(
        option
        for option in menu.offered(language)
        if option.id not in hidden or option.task in (AGENT_TASK, COMPLAINT_TASK)
    )


def _unknown(free: Sequence[Option], grounds: Grounds, gate: Gate) -> tuple[str, ...]:
    """The options to be tried out that the ranker does not know well; within a call what was found first stands."""
    if gate.explore <= 0:
        return ()
    new = {option.id: grounds.scores.get(option.task) if option.task else None for option in free if option.explore}
    settled = grounds.habit is not None
    return tuple(
        option
        for option in grounds.drawn
        if option in new and (settled or (score := new[option]) is None or score < gate.least)
    )


def _candidates(free: Sequence[Option], habit: Iterable[str], grounds: Grounds) -> Iterable[tuple[str, Why]]:
    movable, segment = {option.id for option in free}, grounds.segment
    likely = Why.HABIT if grounds.known else Why.POPULAR
    yield from ((option, likely) for option in habit if option in movable)
    yield from ((option.id, Why.SEGMENT) for option in free if segment is not None and segment in option.promote_for)


def _order(
    menu: Menu, offered: Sequence[Option], free: Sequence[Option], promoted: Iterable[str]
) -> tuple[Option, ...]:
    """The options as they are said: those that stay in their slots, the others as in the book but for the promoted."""
    movable = {option.id: option for option in free}
    first = [movable[option] for option in promoted]
    if menu.keys == "shortcut":
        return (*first, *offered)
    early = {option.id for option in first}
    following = iter([*first, *(option for option in free if option.id not in early)])
    return tuple(next(following) if option.id in movable else option for option in offered)


def _keys(menu: Menu, order: Sequence[Option]) -> dict[str, str]:
    """The key of every option: its own, or with `keys: renumber` the same keys in ascending order."""
    if menu.keys != "renumber" or menu.order == "fixed":
        return {option.id: option.key for option in order}
    ascending = iter(sorted((option.key for option in order if not option.stays), key=KEYS.index))
    return {option.id: option.key if option.stays else next(ascending) for option in order}


def chances_of(offered: Sequence[Option], scores: Mapping[str, float]) -> dict[str, float]:
    """How likely each option is wanted: its task's score; what is left is shared evenly."""
    sharing = Counter(option.task for option in offered if option.task in scores)
    own = {
        option.id: scores[option.task] / sharing[option.task] if option.task and option.task in scores else 0.0
        for option in offered
    }
    rest = max(0.0, 1.0 - sum(own.values())) / max(1, len(offered))
    return {option: chance + rest for option, chance in own.items()}


@dataclass(frozen=True, slots=True)
class Judged:
    """A likely option before the gate."""

    option: str
    score: float
    lead: float  #: over the next one
    asked_score: float  #: what the gate asks for
    asked_lead: float

    @property
    def passes(self) -> bool:
        """Whether habits wish for it."""
        return self.score >= self.asked_score and self.lead >= self.asked_lead


def judged(free: Sequence[Option], scores: Mapping[str, float], gate: Gate) -> Iterator[Judged]:
    """The likely options, most likely first, until the first that does not pass, or as many as may be promoted.

    Each is asked for what the gate asks of the chance that those before it were wrong.
    """
    likely = sorted(
        ((scores[option.task], option.id) for option in free if option.task is not None and option.task in scores),
        key=lambda scored: -scored[0],
    )
    left = 1.0
    for rank, (score, option) in enumerate(likely[: gate.most]):
        following = likely[rank + 1][0] if rank + 1 < len(likely) else 0.0
        least = gate.promote_at * left
        asked = max(gate.least, least) if rank > 0 else least
        one = Judged(option, score, score - following, asked, gate.lead * left)
        yield one
        if not one.passes:
            return
        left -= score


def _wished(free: Sequence[Option], scores: Mapping[str, float], gate: Gate) -> tuple[str, ...]:
    """The likely options that pass the gate."""
    return tuple(one.option for one in judged(free, scores, gate) if one.passes)


def _settled(memory: MenuMemory, wished: tuple[str, ...], gate: Gate) -> MenuMemory:
    """What habits promote from this call on: a new wish only once it has been wished for often enough in a row."""
    streak = memory.streak + 1 if memory.wished == wished else 1
    promoted = wished if streak >= gate.steady_calls else memory.promoted
    return replace(memory, promoted=promoted, wished=wished, streak=streak)
