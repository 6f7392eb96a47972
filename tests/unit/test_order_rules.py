"""What the file of queues says of the order of rows is what the dispatcher goes by."""

import pytest

from ivr.ports import Arrival, NeedWish
from ivr.queues import Queues
from ivr.testing.stage import Stage
from menus.facts import CallerFacts
from routing.terms import Terms

QUEUES = {"cards": {"skills": {"cards": 1}}, "loans": {"skills": {"loans": 1}}}


@pytest.mark.parametrize(
    ("order", "first"),
    [
        ({}, "fresh"),
        ({"in_time_s": 10, "crowded_s": 0}, "late"),
        ({"in_time_s": 300, "crowded_s": 0}, "fresh"),
        ({"in_time_s": 0, "crowded_s": 0}, "late"),
    ],
)
async def test_whoever_can_still_be_served_in_time_goes_first_as_far_as_the_file_says(
    order: dict[str, float], first: str
) -> None:
    site = Queues.model_validate({"version": 1, "queues": QUEUES, "order": order})
    stage = Stage(queues=site.table("UTC"))
    now = stage.clock.now()
    for call_id, queue, age_s in (("late", "cards", 60.0), ("fresh", "loans", 5.0)):
        arrival = Arrival(call_id, call_id, f"PJSIP/{call_id}", None, "", "")
        stage.log.opened(arrival, now=now, facts=CallerFacts(), language="en", book_version=1)
        wish = NeedWish(queue, {queue: 1}, "en", "x", since=now - age_s, terms=Terms(goal_s=20.0))
        await stage.exchange.open_need(call_id, wish, now=now)
    stage.agent(skills={"cards": 1, "loans": 1, "lang:en": 5})
    await stage.dispatcher.round()
    assert stage.offer.call_id == first
