"""`ivr surveys`: what callers answered."""

from ivr.clock import SystemClock
from ivr.recordings import DAY_S
from ivr.settings import Settings
from models.migrate import opened
from models.ratings import Ratings, Summary


async def summaries(settings: Settings, days: int) -> tuple[str, ...]:
    """A line for each question answered within so many days: answers, and what they come to."""
    since = SystemClock(settings.clock_ahead_s).now() - days * DAY_S
    async with opened(settings.database_url) as database:
        found = await Ratings(database).summaries(since=since)
    return tuple(
        f"{one.survey:<20}  {one.question:<20}  {one.answers:>6} answers  {_result(one)}".rstrip() for one in found
    )


def _result(one: Summary) -> str:
    if one.mean is None:
        return "listen with `ivr recordings list --purpose comment`"
    if one.ask == "yes_no":
        return f"{one.mean:.0%} yes"
    if one.nps is not None:
        return f"mean {one.mean:.1f} of 10, NPS {one.nps:+.0f}"
    return f"mean {one.mean:.2f} of 5"
