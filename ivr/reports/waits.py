"""Whether the expected waits that callers were told came true, queue by queue."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from routing.wait_ranges import Told


@dataclass(frozen=True, slots=True)
class Kept:
    """What came of the ranges of one queue."""

    queue: str
    told: int  #: ranges that were said
    known: int  #: of these, whether it held is known: an agent came, or the upper end had passed
    held: int
    sooner: int  #: an agent came before the lower end
    later: int  #: the caller waited past the upper end
    bias_s: float | None  #: waits less estimates, mean over those whom an agent answered; above 0: we promise too much
    width_min: float | None  #: of ranges with an upper end, mean

    @property
    def share(self) -> float | None:
        """Of those that are known, how many held."""
        return self.held / self.known if self.known else None


def kept(told: Iterable[Told]) -> list[Kept]:
    """By queue, in the order of their names."""
    queues: dict[str, list[Told]] = {}
    for one in told:
        queues.setdefault(one.queue, []).append(one)
    return [_kept(queue, queues[queue]) for queue in sorted(queues)]


def _kept(queue: str, told: list[Told]) -> Kept:
    fates = [one.fate for one in told]
    known = [fate for fate in fates if fate is not None]
    off = [one.wait_s - one.mean_s for one in told if one.over]
    wide = [one.range.most_min - one.range.least_min for one in told if one.range.most_min is not None]
    return Kept(
        queue,
        told=len(told),
        known=len(known),
        held=fates.count("held"),
        sooner=fates.count("sooner"),
        later=fates.count("later"),
        bias_s=sum(off) / len(off) if off else None,
        width_min=sum(wide) / len(wide) if wide else None,
    )


def rows(some: Iterable[Kept]) -> list[tuple[str, ...]]:
    """As columns, with a head."""
    head = ("queue", "told", "known", "held", "sooner", "later", "off by", "width")
    return [head, *(_row(one) for one in some)]


def _row(one: Kept) -> tuple[str, ...]:
    return (
        one.queue,
        f"{one.told:,}",
        f"{one.known:,}",
        "" if one.share is None else f"{one.share:.0%}",
        f"{one.sooner:,}",
        f"{one.later:,}",
        "" if one.bias_s is None else f"{one.bias_s:+.0f} s",
        "" if one.width_min is None else f"{one.width_min:.1f} min",
    )


def to_json(some: Iterable[Kept]) -> list[dict[str, object]]:
    """For programs."""
    return [{**asdict(one), "share": one.share} for one in some]
