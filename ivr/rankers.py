"""The ranker of this node: the trained model if there is a good one, the plain kernel otherwise, and an alarm."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path

import holidays
import structlog
from prometheus_client import CollectorRegistry, Gauge

from ivr.ports import Clock
from ivr.published import LOOK_EVERY_S, Followed, publish
from ivr.settings import Settings
from menus.errors import BadModel
from menus.facts import CallerFacts
from menus.learning.days import Calendar
from menus.learning.model import MOST_BYTES, Model, from_bytes, to_bytes
from menus.learning.model_ranker import MODEL_NAME, ModelRanker
from menus.learning.ranker import KernelRanker, Ranker

log = structlog.get_logger()

CURRENT = "current.model"
#: Years of the calendar before and after today.
YEARS_BEFORE, YEARS_AFTER = 11, 5


class LiveRanker:
    """Serves the model in its folder and swaps it when it changes. Never costs a call more than its personal order."""

    def __init__(self, settings: Settings, clock: Clock, registry: CollectorRegistry | None = None) -> None:
        self._clock = clock
        self._settings = settings
        self._fallback = KernelRanker()
        self._ranker: Ranker = self._fallback
        self._followed = Followed(
            settings.learning.folder / CURRENT, read_model, what="trained model", instead=self._fallback.name
        )
        self.faults = 0  #: times that the model could not rank a caller
        if registry is not None:
            gauge = Gauge("ringwise_ranker_fallback", "1 while no trained model can be served", registry=registry)
            gauge.set_function(lambda: float(self._ranker is self._fallback))
            Gauge(
                "ringwise_ranker_faults", "Callers whose order the model could not work out", registry=registry
            ).set_function(lambda: float(self.faults))

    @property
    def name(self) -> str:
        """What decision records call it."""
        return self._ranker.name

    def scores(self, facts: CallerFacts, tasks: Sequence[str], now: datetime) -> Mapping[str, float]:
        """A probability for each of the tasks that is known of; the fallback's when the model fails."""
        ranker = self._ranker
        try:
            return ranker.scores(facts, tasks, now)
        except Exception:
            self.faults += 1
            log.exception("the model could not rank a caller; the fallback does", ranker=ranker.name)
            return {} if ranker is self._fallback else self._fallback.scores(facts, tasks, now)

    async def look(self) -> None:
        """Take over the model in the folder if it is another one; without a good one, the fallback serves."""
        if not await self._followed.look():
            return
        if (model := self._followed.now) is None:
            self._ranker = self._fallback
            return
        calendar = calendar_of(self._settings, datetime.fromtimestamp(self._clock.now(), self._settings.zone).date())
        self._ranker = ModelRanker(model, calendar, oldest=self._settings.personal.history_days)
        log.info("model", name=self._ranker.name, tasks=len(model.tasks))

    async def follow(self) -> None:
        """Look for a newly published model again and again, until cancelled."""
        while True:
            try:
                await self.look()
            except Exception:
                log.exception("looking for a model failed; what serves goes on")
            await self._clock.sleep(LOOK_EVERY_S)


def calendar_of(settings: Settings, today: date) -> Calendar:
    """The days around today with the holidays of the site's country."""
    years = range(today.year - YEARS_BEFORE, today.year + YEARS_AFTER + 1)
    return Calendar(years[0], years[-1], holidays_of(settings.country, years))


def holidays_of(country: str, years: Iterable[int]) -> list[date]:
    """The public holidays of a country; none for one that the library does not know."""
    try:
        return sorted(holidays.country_holidays(country, years=years))
    except NotImplementedError:
        return []


def read_model(file: Path) -> Model:
    """The model in a file. Raises OSError or BadModel."""
    with file.open("rb") as opened:
        return from_bytes(opened.read(MOST_BYTES + 1))


def ranker_in_use(settings: Settings, today: date) -> Ranker:
    """The ranker that an engine with these settings would serve: the current model, else the kernel."""
    try:
        model = read_model(settings.learning.folder / CURRENT)
    except (OSError, BadModel):
        return KernelRanker()
    return ModelRanker(model, calendar_of(settings, today), oldest=settings.personal.history_days)


def ranker_named(settings: Settings, name: str) -> Ranker | None:
    """The ranker that a decision record names, to be asked again; None when it is not kept any more."""
    if name == KernelRanker.name:
        return KernelRanker()
    digest = name.removeprefix(MODEL_NAME)
    if not re.fullmatch("[0-9a-f]{12}", digest):
        return None
    try:
        model = read_model(model_file(settings.learning.folder, digest))
    except (OSError, BadModel):
        return None
    trained = date.fromisoformat(str(model.about.get("trained_at", "2000-01-01"))[:10])
    return ModelRanker(model, calendar_of(settings, trained), oldest=settings.personal.history_days)


def publish_model(folder: Path, model: Model) -> Path:
    """Keep a model under its own name and let it be the one that is served: all of it or nothing."""
    content, digest = to_bytes(model)
    kept = model_file(folder, digest[:12])
    publish(content, kept, folder / CURRENT)
    return kept


def model_file(folder: Path, digest: str) -> Path:
    """Where the model of that digest is kept, to explain what it decided."""
    return folder / f"{digest}.model"
