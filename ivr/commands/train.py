"""`ivr train`: the history in the database → a model that was judged, and is published only when it is better."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

import numpy as np

from ivr.clock import SystemClock
from ivr.published import verdict
from ivr.rankers import CURRENT, calendar_of, publish_model, read_model
from ivr.release import code_version
from ivr.settings import Settings
from menus.errors import BadModel, TooLittleHistory
from menus.learning.baselines import Baseline
from menus.learning.days import Calendar
from menus.learning.evaluation import Quality
from menus.learning.examples import MOST_FITTED, MOST_JUDGED, Done, Example, Examples
from menus.learning.lesson import Judgement, judge, scores_of, teach
from menus.learning.model import Model, to_bytes
from models.histories import CustomerHistory, day_of, extent, histories
from models.migrate import opened

#: The last part of the time, on which a model is judged.
JUDGED = 0.2
#: A task is learned that so many events and so many customers have: no model may tell of one person.
FEWEST_EVENTS, FEWEST_CUSTOMERS = 25, 5
#: Five years; habits that old are others.
OLDEST_DAYS = 1826

Progress = Callable[[str, int, int], None]  #: what, how far, of how much


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a training."""

    model: Model
    judgement: Judgement
    former: Quality | None  #: the model in use, on the same events
    objections: Sequence[str]
    published: Path | None


async def train(settings: Settings, *, since: date | None, dry_run: bool, progress: Progress) -> Outcome:
    """Train, judge, and publish unless something speaks against it. Raises TooLittleHistory, and as `opened` does."""
    now = datetime.fromtimestamp(SystemClock(settings.clock_ahead_s).now(), settings.zone)
    oldest = min(settings.personal.history_days, OLDEST_DAYS)
    begins = max(0.0, now.timestamp() - 86400.0 * 2 * oldest)
    if since is not None:
        begins = datetime(since.year, since.month, since.day, tzinfo=settings.zone).timestamp()
    people = await _read(settings, begins, progress)
    calendar = calendar_of(settings, now.date())
    examples, tasks, segments, about = _examples(people, settings)
    customers = len(people)
    people.clear()
    steps = iter(range(1, 4))
    model = teach(
        examples.fitted,
        tasks=tasks,
        segments=segments,
        oldest=oldest,
        calendar=calendar,
        about={
            **about,
            "code": code_version(),
            "trained_at": now.isoformat(timespec="seconds"),
            "customers": customers,
        },
        tell=lambda what: progress(what, next(steps, 3), 3),
    )
    progress("judging", 0, 1)
    judgement = judge(model, examples.judged, calendar)
    scores = {
        "hit1": round(judgement.model.hit1, 4),
        "hit3": round(judgement.model.hit3, 4),
        "ece": round(judgement.ece, 4),
        "log_loss": round(judgement.log_loss, 4),
        "seconds": round(judgement.model.seconds, 3),
        "static_seconds": round(judgement.popularity.seconds, 3),
        "kernel_seconds": round(judgement.baselines[Baseline.KERNEL].seconds, 3),
        "worst_decile_gain_s": round(min(judgement.deciles_before), 3),
        "events": judgement.events,
    }
    model = replace(model, about={**model.about, "scores": scores})
    model = replace(model, about={**model.about, "digest": to_bytes(model)[1]})
    former = _former(settings, tasks, segments, examples.judged, calendar)
    in_use = None
    if former is not None:
        other, seen = former
        in_use = judge(other, seen, calendar, scores_of(other, seen, calendar)).model
    objections = judgement.objections(in_use)
    published = None if objections or dry_run else publish_model(settings.learning.folder, model)
    return Outcome(model, judgement, in_use, objections, published)


async def _read(settings: Settings, since: float, progress: Progress) -> list[CustomerHistory]:
    """The customers that are learned from; every so many-th when there is much, so that memory stays bounded."""
    async with opened(settings.database_url) as database:
        there = await extent(database)
        people: list[CustomerHistory] = []
        done = 0
        async for batch in histories(database, there.every, since):
            people += [one for one in batch if one.events]
            done += len(batch)
            progress("reading histories", done * there.every, max(there.customers, done * there.every))
    return people


def _examples(
    people: Sequence[CustomerHistory], settings: Settings
) -> tuple[Examples, list[str], list[str], dict[str, object]]:
    zone = settings.zone
    days = [np.array([day_of(event, zone) for event in one.events], np.int64) for one in people]
    every = np.sort(np.concatenate(days)) if days else np.zeros(0, np.int64)
    if not len(every):
        raise TooLittleHistory("there is no history yet; `ivr bank fill` makes an invented one")
    judged_from = int(every[int(len(every) * (1 - JUDGED))])
    events: Counter[str] = Counter()
    customers: Counter[str] = Counter()
    for one, of in zip(people, days, strict=True):
        done = [event.task for event, day in zip(one.events, of, strict=True) if day < judged_from]
        events.update(done)
        customers.update(set(done))
    tasks = [
        task for task, many in events.most_common() if many >= FEWEST_EVENTS and customers[task] >= FEWEST_CUSTOMERS
    ]
    places = {task: place for place, task in enumerate(tasks)}
    heads = Counter(one.segment for one in people)
    segments = sorted(segment for segment, many in heads.items() if many >= FEWEST_CUSTOMERS)
    fitted = max(1, sum(events[task] for task in tasks))
    examples = Examples(
        len(tasks),
        judged_from=judged_from,
        fitted_share=MOST_FITTED / fitted,
        judged_share=MOST_JUDGED / max(1, len(every) - fitted),
        counts=[events[task] for task in tasks],
    )
    for one, of in zip(people, days, strict=True):
        history = [
            Done(int(day), places.get(event.task, -1), event.call, event.open_cases)
            for event, day in zip(one.events, of, strict=True)
        ]
        examples.add(one.customer_id, segments.index(one.segment) if one.segment in segments else -1, history)
    window = [date.fromordinal(int(day)).isoformat() for day in (every[0], judged_from - 1, every[-1])]
    return examples, tasks, segments, {"fitted_window": window[:2], "judged_window": [*window[1:]]}


def _former(
    settings: Settings, tasks: Sequence[str], segments: Sequence[str], judged: Sequence[Example], calendar: Calendar
) -> tuple[Model, list[Example]] | None:
    """The model in use, and the same events in the order of its tasks; None when it knows none or other tasks."""
    try:
        model = read_model(settings.learning.folder / CURRENT)
    except (OSError, BadModel):
        return None
    if set(model.tasks) != set(tasks):
        return None  # what one of them never heard of cannot be compared
    order = [tasks.index(task) for task in model.tasks]
    place = {tasks.index(task): n for n, task in enumerate(model.tasks)}
    segment = {n: model.segments.index(name) if name in model.segments else -1 for n, name in enumerate(segments)}
    seen = [
        replace(
            one,
            task=place[one.task],
            days=one.days[order],
            moment=replace(
                one.moment,
                segment=segment.get(one.moment.segment, -1),
                just_done=place.get(one.moment.just_done, -1),
            ),
            baselines={rule: scores[order] for rule, scores in (one.baselines or {}).items()},
        )
        for one in judged
    ]
    return model, seen


def told(outcome: Outcome, *, dry_run: bool) -> list[str]:
    """What to print: the figures, then what was decided."""
    one = outcome.judgement
    rules = [("this model", one.model), *([("model in use", outcome.former)] if outcome.former else [])]
    rules += [("popularity", one.popularity), *((str(rule), found) for rule, found in one.baselines.items())]
    lines = [
        f"{outcome.model.about.get('fitted_events')} events of {len(outcome.model.tasks)} tasks learned, "
        f"{one.events} later ones of {one.customers} customers judged",
        f"{'':14} hit@1   hit@3   seconds",
        *(f"{name:14} {found.hit1:.3f}   {found.hit3:.3f}   {found.seconds:6.2f}" for name, found in rules),
        f"hit@1 between {one.interval[0]:.3f} and {one.interval[1]:.3f} (95 %), calibration error {one.ece:.3f}, "
        f"the tenth of customers that gains least: {min(one.deciles_before):+.2f} s a wish",
    ]
    return [*lines, *verdict(outcome.objections, outcome.published, dry_run=dry_run)]
