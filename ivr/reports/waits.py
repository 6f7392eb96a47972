"""Whether the expected waits that callers were told came true, queue by queue, by formula and by fitted model."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from math import sqrt

from routing.wait_ranges import Told


@dataclass(frozen=True, slots=True)
class Kept:
    """What came of the ranges of one queue that rest on one basis."""

    queue: str
    basis: str  #: formula, or model: any that was fitted
    told: int  #: ranges that were said
    known: int  #: of these, whether it held is known: an agent came, or the upper end had passed
    held: int
    sooner: int  #: an agent came before the lower end
    later: int  #: the caller waited past the upper end
    bias_s: float | None  #: waits less estimates, mean over those whom an agent answered; above 0: we promise too much
    rmse_s: float | None  #: root of the mean square of the same differences
    width_min: float | None  #: of ranges with an upper end, mean

    @property
    def share(self) -> float | None:
        """Of those that are known, how many held."""
        return self.held / self.known if self.known else None


def kept(told: Iterable[Told]) -> list[Kept]:
    """By queue and basis, in the order of their names."""
    parts: dict[tuple[str, str], list[Told]] = {}
    for one in told:
        parts.setdefault((one.queue, "formula" if one.basis is None else "model"), []).append(one)
    return [_kept(*part, parts[part]) for part in sorted(parts)]


def _kept(queue: str, basis: str, told: list[Told]) -> Kept:
    fates = [one.fate for one in told]
    known = [fate for fate in fates if fate is not None]
    off = [one.wait_s - one.mean_s for one in told if one.over]
    wide = [one.range.most_min - one.range.least_min for one in told if one.range.most_min is not None]
    return Kept(
        queue,
        basis,
        told=len(told),
        known=len(known),
        held=fates.count("held"),
        sooner=fates.count("sooner"),
        later=fates.count("later"),
        bias_s=sum(off) / len(off) if off else None,
        rmse_s=sqrt(sum(one * one for one in off) / len(off)) if off else None,
        width_min=sum(wide) / len(wide) if wide else None,
    )


def rows(some: Iterable[Kept]) -> list[tuple[str, ...]]:
    """As columns, with a head."""
    head = ("queue", "basis", "told", "known", "held", "sooner", "later", "off by", "RMSE", "width")
    return [head, *(_row(one) for one in some)]


def _row(one: Kept) -> tuple[str, ...]:
    return (
        one.queue,
        one.basis,
        f"{one.told:,}",
        f"{one.known:,}",
        "" if one.share is None else f"{one.share:.0%}",
        f"{one.sooner:,}",
        f"{one.later:,}",
        "" if one.bias_s is None else f"{one.bias_s:+.0f} s",
        "" if one.rmse_s is None else f"{one.rmse_s:.0f} s",
        "" if one.width_min is None else f"{one.width_min:.1f} min",
    )


def to_json(some: Iterable[Kept]) -> list[dict[str, object]]:
    """For programs."""
    return [{**asdict(one), "share": one.share} for one in some]
