"""Whether expected waits that callers are told come true, in a simulated centre with the product's own routing.

    .venv/bin/python bench/told_waits.py [--json] [--calls 12000]

Six types of calls, 60 agents with two skills each, mean conversation 4 minutes, so busy that most callers wait. Each of
them is told a range as the engine would tell it with the word to hold, from what is to be seen then. *held* counts the
ranges whose caller was answered within them, *share* is that of those known. In the last scene conversations take half
as long again as is believed: the ranges must learn it.
"""

import argparse
import json

from parts.rivals import Ours
from parts.simulation import Scene, run, stream

from ivr.reports.waits import kept, to_json
from routing.outlook import Hall, Lately
from routing.snapshot import Snapshot
from routing.wait_ranges import COVERAGE, Told, WaitRange, aimed_at, range_of

TYPES, EACH, SERVICE_MIN = 6, 10, 4.0
#: Arrivals a minute of each type, mean patience in minutes, and how much longer services are than is believed.
SCENES = {"busy": (2.6, 10.0, 1.0), "overloaded": (2.8, 30.0, 1.0), "overloaded, longer": (2.8, 30.0, 1.5)}
#: So often the ranges look at what came of the last ones, of which so many count: as the engine does.
LEARN_EVERY, MOST_LOOKED_AT = 50, 2000


class Telling(Ours):
    """The product's routing, which tells every caller who waits an expected wait."""

    def __init__(self, scene: Scene, known_s: float) -> None:
        self.known_s = known_s
        self.open: dict[int, tuple[WaitRange, float, float]] = {}
        self.told: list[Told] = []
        self.aimed, self.waited, self.left = COVERAGE, 0.0, 0
        self.since: dict[int, float] = {}
        super().__init__(scene)

    def comes(self, call: int, type_: int, now: float) -> int | None:
        """A call comes; who has to wait is told a range."""
        agent = super().comes(call, type_, now)
        if agent is None:
            self._tell(call, now * 60)
        return agent

    def _tell(self, call: int, at: float) -> None:
        self.since[call] = at
        hall = Hall(Snapshot(tuple(self.floor.line.needs.values()), tuple(self.floor.agents.values()), at))
        mine = hall.outlook(self.floor.line.needs[call].call_id, at)
        patience_s = Lately(left=self.left, waited_s=self.waited).patience_s()
        if mine is not None:
            expected = mine.expect(self.known_s, 50.0, patience_s, self.aimed)
            if (said := range_of(expected)) is not None:
                self.open[call] = (said, expected.mean_s, at)

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
        if call in self.open:
            said, mean_s, began = self.open.pop(call)
            self.told.append(Told("all", said, mean_s, at - began, served))
            if len(self.told) % LEARN_EVERY == 0:
                self.aimed = aimed_at(self.told[-MOST_LOOKED_AT:]).get("all", COVERAGE)


def measured(calls: int, rate: float, patience_min: float, longer: float) -> list[dict[str, object]]:
    """What came of the ranges of the second half, when they have learned."""
    agents = tuple(
        (type_, (type_ + 1 + number % (TYPES - 1)) % TYPES) for type_ in range(TYPES) for number in range(EACH)
    )
    scene = Scene((rate / longer,) * TYPES, agents, service_min=SERVICE_MIN * longer, patience_min=patience_min)
    policy = Telling(scene, SERVICE_MIN * 60)
    run(scene, stream(scene, calls, 1), policy)
    return to_json(kept(policy.told[len(policy.told) // 2 :]))


def main() -> int:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--calls", type=int, default=12_000)
    asked = parser.parse_args()
    found = {name: measured(asked.calls, *how)[0] for name, how in SCENES.items()}
    if asked.json:
        print(json.dumps(found, indent=1))
    else:
        for name, figures in found.items():
            print(f"{name:<10}{figures}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
