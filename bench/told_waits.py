"""Whether expected waits that callers are told come true, in a simulated centre with the product's own routing.

    .venv/bin/python bench/told_waits.py [--json] [--calls 12000]

Six types of calls, 60 agents with two skills each, mean conversation 4 minutes, so busy that most callers wait. Each of
them is told a range as the engine would tell it with the word to hold, from what is to be seen then: by the formula,
and by a model that is fitted on the first half of the calls with the code of `ivr train waits`. The second half is
counted. *held* counts the ranges whose caller was answered within them, *share* is that of those known. In one scene
callers of two types have credit, so that they go before others who came earlier: the formula does not foresee it. In
the last scene conversations take half as long again as is believed: the ranges must learn it.
"""

import argparse
import json
from collections.abc import Mapping

from parts.rivals import Ours
from parts.simulation import Scene, run, stream

from ivr.reports.waits import kept, to_json
from ivr.wait_models.fitting import Row, fit, weighed
from ivr.wait_models.judging import judge
from routing.outlook import Hall, Lately
from routing.sights import LOOK_BACK_S, Belief, Start, sight_of
from routing.snapshot import Snapshot
from routing.wait_ranges import COVERAGE, Told, WaitRange, aimed_at, range_of
from routing.waits import SeenWait, WaitModel

TYPES, EACH, SERVICE_MIN = 6, 10, 4.0
#: Arrivals a minute of each type, mean patience in minutes, how much longer services are than is believed, and the
#: credit in seconds of two types.
SCENES = {
    "busy": (2.6, 10.0, 1.0, 0.0),
    "overloaded": (2.8, 30.0, 1.0, 0.0),
    "overloaded, credit": (2.8, 30.0, 1.0, 180.0),
    "overloaded, longer": (2.8, 30.0, 1.5, 0.0),
}
#: So often the ranges look at what came of the last ones, of which so many count: as the engine does.
LEARN_EVERY, MOST_LOOKED_AT = 50, 2000


#: The stream in so many pieces, which count as days when a model is fitted and judged.
PIECES = 40
#: What the mean service that is believed is worth in services.
SERVICES = 50.0


class Telling(Ours):
    """The product's routing, which tells every caller who waits an expected wait: by the formula, or by a model."""

    def __init__(
        self,
        scene: Scene,
        known_s: float,
        model: WaitModel | None = None,
        credit_s: Mapping[int, float] | None = None,
    ) -> None:
        self.known_s, self.model = known_s, model
        self.open: dict[int, SeenWait] = {}
        self.said: dict[int, tuple[WaitRange, float]] = {}
        self.seen: dict[int, SeenWait] = {}  #: by call
        self.told: dict[int, Told] = {}  #: by call, in the order in which it was known what came of it
        self.aimed, self.waited, self.left = COVERAGE, 0.0, 0
        self.since: dict[int, float] = {}
        self.starts: dict[str, list[Start]] = {}
        super().__init__(scene, credit_s=credit_s)

    def comes(self, call: int, type_: int, now: float) -> int | None:
        """A call comes; who has to wait is told a range."""
        agent, at = super().comes(call, type_, now), now * 60
        if agent is None:
            self._tell(call, at)
        else:
            self._starts(f"type-{type_}", at, 0.0)
        return agent

    def _tell(self, call: int, at: float) -> None:
        self.since[call] = at
        hall = Hall(Snapshot(tuple(self.floor.line.needs.values()), tuple(self.floor.agents.values())))
        need = self.floor.line.needs[call]
        outlook = hall.outlook(need.call_id, at)
        if outlook is None:
            return
        patience_s = Lately(left=self.left, waited_s=self.waited).patience_s()
        expected = outlook.expect(self.known_s, SERVICES, patience_s, self.aimed)
        belief = Belief(self.known_s, SERVICES, patience_s, expected.mean_s)
        lately = self.starts.get(need.queue, [])
        sight = sight_of(hall, need.call_id, outlook, belief, lately, now=at, hour=0.0)
        self.open[call] = SeenWait(need.queue, at, sight, 0.0, served=False)
        if self.model is not None:
            expected = self.model.around(self.model.mean_s(need.queue, sight), self.aimed)
        if (said := range_of(expected)) is not None:
            self.said[call] = said, expected.mean_s

    def _starts(self, queue: str, at: float, wait_s: float) -> None:
        lately = self.starts.setdefault(queue, [])
        lately.append(Start(queue, at, wait_s))
        while lately[0].at < at - LOOK_BACK_S:
            lately.pop(0)

    def free(self, agent: int, now: float) -> int | None:
        """An agent becomes free."""
        call = super().free(agent, now)
        if call is not None:
            self._over(call, now * 60, served=True)
        return call

    def leaves(self, call: int, type_: int, now: float) -> None:
        """A waiting call has hung up."""
        super().leaves(call, type_, now)
        self.left += 1
        self._over(call, now * 60, served=False)

    def _over(self, call: int, at: float, *, served: bool) -> None:
        self.waited += at - self.since.pop(call, at)
        if (seen := self.open.pop(call, None)) is None:
            return
        wait_s = at - seen.at
        self.seen[call] = SeenWait(seen.queue, seen.at, seen.sight, wait_s, served)
        if served:
            self._starts(seen.queue, at, wait_s)
        if call in self.said:
            said, mean_s = self.said.pop(call)
            self.told[call] = Told("all", said, mean_s, wait_s, served, basis=None if self.model is None else "fitted")
            if len(self.told) % LEARN_EVERY == 0:
                newest = list(self.told.values())[-MOST_LOOKED_AT:]
                self.aimed = aimed_at(newest).get("all", COVERAGE)

    def rows(self, calls: range, of: int) -> list[Row]:
        """What was seen of these calls, to be fitted or judged; `of` is how many there are in all."""
        some = [(call, self.seen[call]) for call in calls if call in self.seen]
        return weighed(
            [(f"{call * PIECES // of:03}", one.queue, one.sight, one.wait_s, one.served) for call, one in some]
        )

    def came_of(self, calls: range) -> Mapping[str, object]:
        """What came of the ranges of these calls."""
        return to_json(kept(self.told[call] for call in calls if call in self.told))[0]


def measured(calls: int, rate: float, patience_min: float, longer: float, credit_s: float) -> dict[str, object]:
    """What came of the ranges of the second half, when they have learned: by the formula, by a model of the first."""
    agents = tuple(
        (type_, (type_ + 1 + number % (TYPES - 1)) % TYPES) for type_ in range(TYPES) for number in range(EACH)
    )
    scene = Scene((rate / longer,) * TYPES, agents, service_min=SERVICE_MIN * longer, patience_min=patience_min)
    played, first, second = stream(scene, calls, 1), range(calls // 2), range(calls // 2, calls)
    granted = dict.fromkeys((0, 1), credit_s)
    plain = Telling(scene, SERVICE_MIN * 60, credit_s=granted)
    run(scene, played, plain)
    model = fit(plain.rows(first, calls))
    fitted = Telling(scene, SERVICE_MIN * 60, model, granted)
    run(scene, played, fitted)
    judgement = judge(model, plain.rows(second, calls))
    return {
        "formula": plain.came_of(second),
        "fitted": fitted.came_of(second),
        "scores": judgement.scores,
        "rmse_fitted_minus_formula_95": list(judgement.lead),
        "published": not judgement.objections(),
    }


def main() -> int:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--calls", type=int, default=12_000)
    parser.add_argument("--scene", choices=list(SCENES), help="only this one")
    asked = parser.parse_args()
    scenes = [asked.scene] if asked.scene else list(SCENES)
    found = {name: measured(asked.calls, *SCENES[name]) for name in scenes}
    if asked.json:
        print(json.dumps(found, indent=1))
    else:
        for name, figures in found.items():
            print(name)
            for what, of_it in figures.items():
                print(f"  {what:<30}{of_it}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
