"""`ivr train waits`: told waits and what came of them → a model that was judged, published only when it is better."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

from ivr.clock import SystemClock
from ivr.commands.columns import aligned
from ivr.published import verdict
from ivr.release import code_version
from ivr.settings import Settings
from ivr.wait_models.content import CURRENT, FittedWaits, publish_waits, read_waits, to_bytes
from ivr.wait_models.fitting import Row, fit, weighed
from ivr.wait_models.judging import Judgement, judge
from ivr.wait_models.weights import MOST_WEIGHT
from menus.errors import BadModel
from models.migrate import opened
from models.waits import WaitBook
from routing.waits import SeenWait, WaitModel

#: The last part of the days, on which a model is judged.
JUDGED = 0.2
#: Fewer days tell nothing of what days are like: five of them are judged at least.
FEWEST_DAYS = 25
#: Waits of served callers that a queue must have before the judged days and in them, to be learned at all.
FEWEST_FITTED, FEWEST_JUDGED = 500, 100
#: Estimates that are read at most, the newest; and how old they may be, in days.
MOST_READ, OLDEST_DAYS = 300_000, 366

Progress = Callable[[str, int, int], None]  #: what, how far, of how much


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a training."""

    read: int  #: waits that are over
    left: int  #: of these, of callers who left before an agent came
    days: int
    fitted: FittedWaits | None  #: None with too little data
    judgement: Judgement | None
    objections: Sequence[str]
    published: Path | None


async def train_waits(settings: Settings, *, since: date | None, dry_run: bool, progress: Progress) -> Outcome:
    """Fit, judge, and publish unless something speaks against it. Raises what `opened` does, and StoreAway."""
    now = datetime.fromtimestamp(SystemClock(settings.clock_ahead_s).now(), settings.zone)
    begins = now.timestamp() - OLDEST_DAYS * 86400.0
    if since is not None:
        begins = datetime(since.year, since.month, since.day, tzinfo=settings.zone).timestamp()
    seen = await _read(settings, begins, progress)
    days = sorted({_day(one, settings) for one in seen})
    left = sum(not one.served for one in seen)
    if len(days) < FEWEST_DAYS:
        objection = f"there are waits of {len(days)} days; {FEWEST_DAYS} are needed to learn from and to judge on"
        return Outcome(len(seen), left, len(days), None, None, [objection], None)
    judged_from = days[int(len(days) * (1 - JUDGED))]
    rows = weighed([(_day(one, settings), one.queue, one.sight, one.wait_s, one.served) for one in seen])
    rows = _of_queues_with_enough(rows, judged_from)
    if not rows:
        objection = (
            f"no queue has {FEWEST_FITTED} waits of callers who were served before {judged_from}, "
            f"and {FEWEST_JUDGED} from then on"
        )
        return Outcome(len(seen), left, len(days), None, None, [objection], None)
    earlier, later = ([row for row in rows if (row.day >= judged_from) is one] for one in (False, True))
    progress("fitting", 0, 2)
    model = fit(earlier)
    progress("judging", 1, 2)
    judgement = judge(model, later, _in_use(settings, model))
    about = {
        "fitted_window": [days[0], max(row.day for row in earlier)],
        "judged_window": [judged_from, days[-1]],
        "fitted_waits": len(earlier),
        "code": code_version(),
        "trained_at": now.isoformat(timespec="seconds"),
        "scores": {name: dict(of_it) for name, of_it in judgement.scores.items()},
        "lead": list(judgement.lead),
    }
    fitted = FittedWaits(model, judgement.better_in, about)
    fitted = replace(fitted, digest=to_bytes(fitted)[1])
    objections = judgement.objections()
    published = None if objections or dry_run else publish_waits(settings.learning.folder, fitted)
    return Outcome(len(seen), left, len(days), fitted, judgement, objections, published)


async def _read(settings: Settings, since: float, progress: Progress) -> list[SeenWait]:
    seen: list[SeenWait] = []
    async with opened(settings.database_url) as database:
        async for one in WaitBook(database).seen(since=since, most=MOST_READ):
            seen.append(one)
            if len(seen) % 1000 == 0:
                progress("reading waits", len(seen), MOST_READ)
    return seen


def _day(one: SeenWait, settings: Settings) -> str:
    return datetime.fromtimestamp(one.at, settings.zone).date().isoformat()


def _of_queues_with_enough(rows: Sequence[Row], judged_from: str) -> list[Row]:
    before = Counter(row.queue for row in rows if row.day < judged_from)
    after = Counter(row.queue for row in rows if row.day >= judged_from)
    enough = {queue for queue in before if before[queue] >= FEWEST_FITTED and after[queue] >= FEWEST_JUDGED}
    return [row for row in rows if row.queue in enough]


def _in_use(settings: Settings, model: WaitModel) -> WaitModel | None:
    """The model that is served now; None when there is none or it does not know all of these queues."""
    try:
        other = read_waits(settings.learning.folder / CURRENT).model
    except (OSError, BadModel):
        return None
    return other if set(model.queues) <= set(other.queues) else None


def told(outcome: Outcome, *, dry_run: bool) -> list[str]:
    """What to print: the figures, then what was decided."""
    lines = [f"{outcome.read:,} waits of {outcome.days} days read, {outcome.left:,} of callers who left"]
    if (one := outcome.judgement) is not None and outcome.fitted is not None:
        about = outcome.fitted.about
        lines += [
            f"{about['fitted_waits']:,} learned from, {one.rows:,} of the last {one.days} days judged; "
            f"the long waits stand for those who left as well (at most {MOST_WEIGHT:g} times)",
            "",
            *aligned(
                [
                    ("estimator", "RMSE", "MAE", "bias", "within 30 s"),
                    *(
                        (
                            name,
                            f"{s['rmse_s']:.1f} s",
                            f"{s['mae_s']:.1f} s",
                            f"{s['bias_s']:+.1f} s",
                            f"{s['within_30s']:.0%}",
                        )
                        for name, s in one.scores.items()
                    ),
                ]
            ),
            "",
            *aligned(
                [
                    ("queue", "judged", "RMSE", "formula", "served by"),
                    *(
                        (queue, f"{waits:,}", f"{ours:.1f} s", f"{theirs:.1f} s", _server(queue, outcome.fitted))
                        for queue, (waits, ours, theirs) in one.queues.items()
                    ),
                ]
            ),
            "",
            f"RMSE less that of the formula: {one.lead[0]:+.1f} to {one.lead[1]:+.1f} s (95 %, days drawn anew)",
        ]
    lines += verdict(outcome.objections, outcome.published, dry_run=dry_run)
    return [line.rstrip() for line in lines]


def _server(queue: str, fitted: FittedWaits) -> str:
    return "model" if queue in fitted.served else "formula"


def plain(outcome: Outcome) -> dict[str, Any]:
    """For programs."""
    fitted = outcome.fitted
    return {
        "read": outcome.read,
        "left": outcome.left,
        "days": outcome.days,
        "about": None if fitted is None else {**fitted.about, "served": list(fitted.served), "digest": fitted.digest},
        "judgement": None if outcome.judgement is None else asdict(outcome.judgement),
        "objections": list(outcome.objections),
        "published": None if outcome.published is None else str(outcome.published),
    }
