"""Replays recorded calls with another book or ranker: reads them, arranges them anew, gathers what it came to."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from ivr.clock import SystemClock
from ivr.errors import Misconfigured
from ivr.pacing import rendered
from ivr.rankers import calendar_of, read_model
from ivr.settings import Settings
from ivr.shelf import Shelf, Volume, of_folder
from menus.errors import BadModel
from menus.facts import CallerFacts
from menus.learning.model_ranker import ModelRanker
from menus.learning.ranker import KernelRanker, Ranker
from menus.pace import estimated
from menus.personalise import are_alike
from menus.replay.anew import Again, Scorer
from menus.replay.journeys import journeys
from menus.replay.report import ReplayedCall, ReplayReport
from menus.replay.side import Side
from models.books import Books
from models.database import Database
from models.migrate import opened
from models.replays import CallToReplay, Replays

#: Old versions whose ways are kept at a time.
MOST_OLD = 8


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be replayed."""

    book: str | None  #: folder or version; the settings' folder when None
    model: str | None  #: what ranks anew; None keeps the recorded scores
    span_s: float


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of it."""

    title: str
    notes: Sequence[str]
    about: dict[str, Any]
    report: ReplayReport


def load_ranker(settings: Settings, name: str, today: date) -> Ranker:
    """The ranker in a file that `ivr train` made, or the kernel. Raises Misconfigured."""
    if name == "kernel":
        return KernelRanker()
    try:
        model = read_model(Path(name))
    except OSError as fault:
        raise Misconfigured(f"{name}: {fault.strerror}; write a file of `ivr train`, or kernel") from fault
    except BadModel as fault:
        raise Misconfigured(f"{name}: {fault}") from fault
    return ModelRanker(model, calendar_of(settings, today), oldest=settings.personal.history_days)


async def replayed(settings: Settings, wish: Wish, progress: Callable[[int, int], None]) -> Replayed:
    """Replay. Raises Misconfigured, StoreAway."""
    today = datetime.fromtimestamp(SystemClock(settings.clock_ahead_s).now(), settings.zone).date()
    ranker = None if wish.model is None else load_ranker(settings, wish.model, today)
    async with opened(settings.database_url) as database:
        shelf = Shelf(Books(database), settings)
        volume = await _volume(shelf, wish.book)
        now = SystemClock(settings.clock_ahead_s).now()
        replaying = _Replaying(database, settings, shelf, volume, ranker)
        await replaying.run(now - wish.span_s, progress)
    begun = datetime.fromtimestamp(now - wish.span_s, settings.zone)
    title = f"{volume.book.name} · {volume.title}" + (f" · ranked by {ranker.name}" if ranker else "")
    report = replaying.report
    notes = [
        f"{report.calls:,} calls since {begun:%Y-%m-%d %H:%M} chose something, {report.calls_skipped:,} others did not",
        "seconds are those of the rendered sounds"
        if replaying.measured
        else "seconds are judged by the length of texts",
    ]
    if replaying.unreadable:
        listed = ", ".join(f"{version} ({count:,} calls)" for version, count in sorted(replaying.unreadable.items()))
        notes.append(f"left out, as their version of the book cannot be read any more: {listed}")
    about = {
        "book": volume.title,
        "model": None if ranker is None else ranker.name,
        "since": begun.isoformat(timespec="minutes"),
        "measured": replaying.measured,
        "calls_on_unreadable_versions": sum(replaying.unreadable.values()),
    }
    return Replayed(title, notes, about, report)


async def _volume(shelf: Shelf, named: str | None) -> Volume:
    if named is None:
        return await shelf.folder()
    if (folder := Path(named)).is_dir():
        return of_folder(folder)
    return await shelf.named(named)


class _Replaying:
    """One replay over all calls."""

    def __init__(
        self, database: Database, settings: Settings, shelf: Shelf, volume: Volume, ranker: Ranker | None
    ) -> None:
        self._sounds, self._shelf = settings.prompts.folder, shelf
        self._replays = Replays(database, settings.zone, history_days=settings.personal.history_days)
        self._fresh = ranker is not None
        self._ranker: Ranker = ranker or KernelRanker()
        durations = rendered(self._sounds, volume.book)
        self.measured = durations is not None
        self._new = Side(volume.book, durations or estimated(volume.book))
        self._old: dict[int, Again | None] = {}
        self.unreadable: dict[int, int] = {}
        self.report = ReplayReport()

    async def run(self, since: float, progress: Callable[[int, int], None]) -> None:
        """Every call since then."""
        total = await self._replays.count(since)
        done = 0
        async for call in self._replays.calls(since, histories=True):
            again = await self._again(call.book_version)
            if again is None:
                self.unreadable[call.book_version] = self.unreadable.get(call.book_version, 0) + 1
            else:
                self.report.add(self._call(again, call))
            done += 1
            progress(done, total)

    def _call(self, again: Again, call: CallToReplay) -> ReplayedCall:
        segment, replayed = "", []
        for journey in journeys(call.events, again.menus):
            for visit in journey.visits:
                segment = segment or str((visit.record or {}).get("segment") or "")
            anew = again.journey(
                journey, language=call.language, dnis=call.dnis, scorer=self._scorer(call, segment), fresh=self._fresh
            )
            replayed.append((journey, anew))
        return ReplayedCall(call.id, call.language, segment, replayed)

    def _scorer(self, call: CallToReplay, segment: str) -> Scorer:
        """Scores for this caller as of the call, from what they had done before it."""
        facts = CallerFacts(
            customer_id=call.customer_id,
            matches=int(call.customer_id is not None),
            segment=segment or None,
            language=call.language,
            history=call.history,
        )
        at = datetime.fromtimestamp(call.started_at, self._new.book.zone)

        def score(tasks: Sequence[str]) -> Mapping[str, float]:
            """As a call asks the ranker: of nobody and of several customers nothing is known."""
            if facts.customer_id is None:
                return {}
            scores = self._ranker.scores(facts, tasks, at)
            return {} if not call.history and are_alike(scores, tasks) else scores

        return score

    async def _again(self, version: int) -> Again | None:
        """Calls on this old version, arranged with the new book; None when it cannot be read any more."""
        if version not in self._old:
            while len(self._old) >= MOST_OLD:
                del self._old[next(iter(self._old))]
            try:
                volume = await self._shelf.version(version)
            except Misconfigured:
                self._old[version] = None
            else:
                # One measure for both sides, or the rendered side would look slower or quicker than it is.
                durations = rendered(self._sounds, volume.book) if self.measured else None
                self._old[version] = Again(Side(volume.book, durations or estimated(volume.book)), self._new)
        return self._old[version]
