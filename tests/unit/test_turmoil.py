"""No offer is made twice, no need is lost, no agent is stuck, whatever happens to nodes, calls and clocks."""

from hypothesis import Phase, settings

from ivr.testing.turmoil.machine import Turmoil

TestTurmoil = Turmoil.TestCase
TestTurmoil.settings = settings(
    stateful_step_count=40, phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink)
)
