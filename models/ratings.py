"""What callers answered to surveys, added up."""

from collections import defaultdict
from dataclasses import dataclass

from sqlalchemy import func, select

from models.database import Database
from models.tables import RatingRow

#: Answers to a question from 0 to 10: from here on somebody recommends us, and up to here advises against us.
PROMOTERS_FROM, DETRACTORS_TO = 9, 6


@dataclass(frozen=True, slots=True)
class Summary:
    """Answers to one question of a survey."""

    survey: str
    question: str
    ask: str  #: csat, nps, yes_no, comment
    answers: int
    mean: float | None  #: of the scores; None for comments
    nps: float | None  #: promoters minus detractors, in per cent; None for other questions


class Ratings:
    """Answers to surveys. Raises StoreAway."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def summaries(self, *, since: float) -> tuple[Summary, ...]:
        """Every question that was answered since then."""
        counted = (
            select(RatingRow.survey, RatingRow.question, RatingRow.ask, RatingRow.score, func.count())
            .where(RatingRow.at >= since)
            .group_by(RatingRow.survey, RatingRow.question, RatingRow.ask, RatingRow.score)
        )
        found: dict[tuple[str, str, str], dict[int | None, int]] = defaultdict(dict)
        async with self._database.read() as session:
            for survey, question, ask, score, count in await session.execute(counted):
                found[survey, question, ask][score] = count
        return tuple(_summary(*about, scores) for about, scores in sorted(found.items()))


def _summary(survey: str, question: str, ask: str, scores: dict[int | None, int]) -> Summary:
    answers = sum(scores.values())
    given = {score: count for score, count in scores.items() if score is not None}
    rated = sum(given.values())
    if not rated:
        return Summary(survey, question, ask, answers, None, None)
    nps = None
    if ask == "nps":
        promoters = sum(count for score, count in given.items() if score >= PROMOTERS_FROM)
        detractors = sum(count for score, count in given.items() if score <= DETRACTORS_TO)
        nps = 100 * (promoters - detractors) / rated
    return Summary(survey, question, ask, answers, sum(s * count for s, count in given.items()) / rated, nps)
