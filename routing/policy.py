"""What may be set about deciding."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Policy:
    """Settings of the decision. All seconds are on the one scale of age, credit and goal."""

    others_named: int = 20  #: how many agents who were not chosen a decision names with the reason; more are counted
    reasons_named: int = 2000  #: the same over all decisions of a batch: a big batch names fewer in each
    wanted_s: float = 30.0  #: seconds that a need which waits for this very agent is put forward with them
    in_time_s: float = 300.0  #: seconds that a row is put forward whose first can still be served within the goal
    crowded_s: float = 360.0  #: the row with the most callers per agent at work is put forward so far, others less
    looked_at: int = 48  #: how many kinds of agents who fit are compared for one need, narrow ones first

    @property
    def puts_forward(self) -> bool:
        """Whether anything puts rows forward."""
        return self.in_time_s > 0 or self.crowded_s > 0


def bound_s(policy: Policy, most_credit_s: float, least_credit_s: float = 0.0) -> float:
    """Nobody who came more than these seconds later is served first by an agent who might serve both.

    Credit here is credit minus goal, of the need with the most and of the one with the least.
    """
    return most_credit_s - least_credit_s + policy.wanted_s + policy.in_time_s + policy.crowded_s
