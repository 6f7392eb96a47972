"""How often what goes wrong in a simulated centre, and what a run of it came to."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Rates:
    """How often what goes wrong: shares, or seconds on average between two."""

    hint_lost: float = 0.1
    stale_picture: float = 0.05
    claim_lost: float = 0.02  #: of rounds; half before, half after the commit
    write_lost: float = 0.003  #: of events
    event_lost: float = 0.05
    missed: float = 0.08
    declined: float = 0.05
    phone_gone: float = 0.02
    line_broken: float = 0.01
    vanished: float = 0.005
    hangs_up: float = 0.15
    dies_every_s: float = 90.0  #: each node
    dead_s: float = 20.0  #: at most
    clock_every_s: float = 120.0  #: each node
    clock_wrong_s: tuple[float, ...] = (-60.0, -10.0, -2.0, 2.0, 10.0, 60.0)
    clock_wrong_for_s: float = 10.0  #: on average
    beat_lost: float = 0.05
    beat_slow: float = 0.05
    beat_slow_s: float = 0.5  #: at most, there and back each
    link_every_s: float = 120.0
    link_down_s: float = 8.0
    browser_lost: float = 0.002  #: of an agent's signs of life
    steps_away: float = 0.02  #: likewise
    takes_callback: float = 0.5  #: of callers: press the key, if they still wait then
    says_when: float = 0.03
    calls_again: float = 0.04  #: from a number that has wished to be called back
    order_fails: float = 0.1  #: of calls to customers: lost, unknown, or the node is killed
    wish_lost: float = 0.002  #: of events: the next word on a wish
    no_answer: float = 0.2  #: of customers who are called
    machine: float = 0.08
    does_something: float = 0.06  #: of agents who talk: hold, consult, transfer
    act_fails: float = 0.08  #: of what is then done to a phone: lost, or done unheard
    talk_lost: float = 0.05  #: of what agents ask for: a word on the conversation
    agent_gives_up: float = 0.1  #: of agents who wait for the customer


@dataclass
class Found:
    """What a run came to."""

    offers: int = 0
    double_offers: int = 0
    lost_needs: int = 0
    stuck_agents: int = 0
    lost_wishes: int = 0  #: to be called back
    double_dials: int = 0
    dials: int = 0
    called_again: int = 0  #: who had talked to an agent in an earlier call of the same wish
    wrong: list[str] = field(default_factory=list)  #: a few sentences on what is wrong
    callers: Counter[str] = field(default_factory=Counter)
    tally: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    simulated_s: float = 0.0
    phones_met_busy: int = 0
    cpu_s: float = 0.0
    memory_mb: float = 0.0

    def add(self, other: "Found") -> None:
        """Another run beside this one."""
        for name in (
            "offers",
            "double_offers",
            "lost_needs",
            "stuck_agents",
            "lost_wishes",
            "double_dials",
            "dials",
            "called_again",
            "simulated_s",
            "phones_met_busy",
            "cpu_s",
        ):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in ("callers", "tally", "faults"):
            getattr(self, name).update(getattr(other, name))
        self.wrong = [*self.wrong, *other.wrong][:20]
        self.memory_mb = max(self.memory_mb, other.memory_mb)
