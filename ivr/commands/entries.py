"""`ivr entries`: how the calls of each line went, against what is promised to its callers."""

from ivr.clock import SystemClock
from ivr.commands.columns import aligned
from ivr.recordings import DAY_S
from ivr.settings import Settings
from ivr.shelf import Shelf
from menus.schema import ServiceLevel
from models.books import Books
from models.entries import Entries, EntryTally
from models.migrate import opened

HEAD = ("entry", "campaign", "calls", "asked for an agent", "answered", "in time", "promised", "abandoned")


async def lines(settings: Settings, days: int) -> list[str]:
    """A line for each entry and campaign with a call of late; none when there was no call. Raises Misconfigured."""
    now = SystemClock(settings.clock_ahead_s).now()
    async with opened(settings.database_url) as database:
        shelf = Shelf(Books(database), settings)
        volume = await (shelf.folder() if await shelf.nothing_published() else shelf.stable())
        entries = volume.book.entries
        promised = {name: level for name, entry in entries.items() if (level := entry.service_level) is not None}
        tallies = await Entries(database).tallies(
            since=now - days * DAY_S,
            until=now,
            within_s={name: level.within_s for name, level in promised.items()},
            usual_s=ServiceLevel().within_s,
        )
    return aligned([HEAD, *(_row(tally, promised.get(tally.entry)) for tally in tallies)]) if tallies else []


def _row(tally: EntryTally, promised: ServiceLevel | None) -> tuple[str, ...]:
    level = promised or ServiceLevel()
    share = f"{tally.in_time / tally.asked:.0%}" if tally.asked else "–"
    return (
        tally.entry or "(no entry)",
        tally.campaign or "–",
        str(tally.calls),
        str(tally.asked),
        str(tally.answered),
        share,
        f"{level.share:.0%} within {level.within_s:g} s" if promised else f"nothing; {level.within_s:g} s counted",
        str(tally.abandoned),
    )
