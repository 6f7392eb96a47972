"""Exact steady states of M/M/N (Erlang C) and M/M/N+M (Erlang A), against which simulations are held.

A. K. Erlang, 1917; C. Palm, 1957; Garnett, Mandelbaum and Reiman, M&SOM 4(3), 2002, 208-227. `python bench/erlang.py`
checks the formulas against values that were computed in two other ways.
"""

import sys
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Steady:
    """What a queue of one kind of callers and one kind of agents comes to. Times in the unit of the rates."""

    p_wait: float
    p_abandon: float
    wait: float  #: mean over all calls
    occupancy: float


def erlang_c(arrivals: float, service: float, agents: int) -> Steady:
    """Nobody leaves; `arrivals` < `agents` * `service`."""
    load = arrivals / service
    blocked = 1.0
    for k in range(1, agents + 1):
        blocked = load * blocked / (k + load * blocked)
    p_wait = blocked / (1 - load / agents * (1 - blocked))
    return Steady(p_wait, 0.0, p_wait / (agents * service - arrivals), load / agents)


def erlang_a(arrivals: float, service: float, patience: float, agents: int) -> Steady:
    """Everybody leaves after an exponential time of rate `patience`."""
    if patience == 0:
        return erlang_c(arrivals, service, agents)
    below, term = 0.0, 1.0
    for j in range(agents):
        term *= (agents - j) * service / arrivals
        below += term
    above, waiting, term, j = 1.0, 0.0, 1.0, 0
    while term > 1e-16:
        j += 1
        term *= arrivals / (agents * service + j * patience)
        above += term
        waiting += j * term
    total = below + above
    wait = waiting / total / arrivals
    return Steady(above / total, patience * wait, wait, arrivals * (1 - patience * wait) / (agents * service))


#: arrivals, service, patience, agents, P(W>0), P(ab), E[W], occupancy
REGRESSION = (
    (8.4, 0.1, 0, 90, 0.411957, 0, 0.686596, 0.933333),
    (1.4, 0.1, 0, 15, 0.722319, 0, 7.223186, 0.933333),
    (8.4, 0.1, 0.05, 90, 0.308405, 0.012578, 0.251567, 0.921594),
    (8.4, 0.1, 0.1, 90, 0.270355, 0.017200, 0.172001, 0.917280),
    (8.4, 0.1, 0.2, 90, 0.229938, 0.022110, 0.110548, 0.912698),
    (1.4, 0.1, 0.1, 15, 0.429563, 0.075306, 0.753061, 0.863048),
    (48, 1, 0.5, 50, 0.467774, 0.030912, 0.061824, 0.930324),
    (110, 1, 1, 100, 0.841722, 0.099192, 0.099192, 0.990890),
)


def misses() -> list[str]:
    """The rows that the formulas do not meet to six digits."""
    wrong = []
    for arrivals, service, patience, agents, *expected in REGRESSION:
        row = erlang_a(arrivals, service, patience, int(agents))
        got = (row.p_wait, row.p_abandon, row.wait, row.occupancy)
        if any(abs(one - other) > 1e-6 for one, other in zip(got, expected, strict=True)):
            wrong.append(f"{arrivals}/{service}/{patience}/{agents}: {got}, expected {expected}")
    return wrong


if __name__ == "__main__":
    for line in misses():
        print(line)
    sys.exit(1 if misses() else 0)
