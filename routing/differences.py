"""What differs between two pictures: most of it is the same objects in the same order, and is passed over in pieces."""

from collections.abc import Sequence
from typing import TypeVar

from routing.agent import Agent
from routing.need import Need

Thing = TypeVar("Thing", Agent, Need)

#: So many are compared at once. A piece that holds nothing new costs no more than looking whether it is the same.
PIECE = 256
#: When more than so many differ, all are looked up by their numbers instead.
MOST = 64


def differences(now: Sequence[Thing], before: Sequence[Thing]) -> tuple[list[Thing], set[int]]:
    """Those who are new or others than before, and the numbers of those who are gone."""
    if now is before:  # as a reader says that nothing has changed
        return [], set()
    found = _in_order(now, before)
    if found is not None:
        return found
    known = {one.id: one for one in before}
    changed = [one for one in now if (was := known.get(one.id)) is not one and was != one]
    return changed, known.keys() - {one.id for one in now}


def _in_order(now: Sequence[Thing], before: Sequence[Thing]) -> tuple[list[Thing], set[int]] | None:
    """The same for pictures in one order; None when they are not, or too much differs."""
    changed, gone, at, was = list[Thing](), set[int](), 0, 0
    while at < len(now) or was < len(before):
        piece, old = now[at : at + PIECE], before[was : was + PIECE]
        same = len(piece)
        if piece != old:
            pairs = enumerate(zip(piece, old, strict=False))
            same = next(
                (n for n, (one, other) in pairs if one is not other and one != other), min(len(piece), len(old))
            )
        at, was = at + same, was + same
        if at < len(now) and was < len(before):
            one, other = now[at], before[was]
            if one.id == other.id:
                if one != other:
                    changed.append(one)
                at, was = at + 1, was + 1
            elif was + 1 < len(before) and before[was + 1].id == one.id:
                gone.add(other.id)
                was += 1
            elif at + 1 < len(now) and now[at + 1].id == other.id:
                changed.append(one)
                at += 1
            else:
                return None
        else:  # one of them ends here
            changed += now[at : at + 1]
            gone |= {one.id for one in before[was : was + 1]}
            at, was = at + 1, was + 1
        if len(changed) + len(gone) > MOST:
            return None
    return changed, gone - {one.id for one in changed}
