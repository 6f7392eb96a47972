"""Callers whose engine is dead while the switch waits for it: who is taken to the other engine, and who never is."""

from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry

from ivr.doctor import judged_switches
from ivr.errors import ActionUnknown, SwitchAway
from ivr.finding import Verdict
from ivr.one_switch import OneSwitch
from ivr.parts import LiveCall
from ivr.ports import Arrival, ChannelSeen
from ivr.testing.stage import Stage
from ivr.watch import COMPARE_EVERY_S
from menus.facts import CallerFacts
from models.tables import NodeRow

CALLER = ChannelSeen("call-1", "PJSIP/trunk-00000001", False, "call-1")


def _stage(*, seen_s: float = 20.0) -> Stage:
    """A call of a node that was last seen so many seconds ago, whose caller stands before it without a limit."""
    stage = Stage()
    arrival = Arrival("call-1", "call-1", CALLER.channel, None, "", "")
    stage.log.opened(arrival, now=stage.clock.now(), facts=CallerFacts(), language="en", book_version=1)
    stage.store.calls["call-1"].node = "frozen"
    now = stage.clock.now()
    stage.store.nodes["frozen"] = NodeRow(name="frozen", started_at=now - 999, seen_at=now - seen_s)
    stage.switchboard.seen[CALLER.channel] = CALLER
    stage.switchboard.waiting.add(CALLER.channel)
    return stage


TAKEN = [("to_other_engine", CALLER.channel)]


async def test_a_caller_in_silence_is_taken_to_the_other_engine_once() -> None:
    stage = _stage()
    await stage.watcher.sweep()
    assert stage.switchboard.done == TAKEN
    assert (stage.store.calls["call-1"].node, stage.watcher.drift["silence"]) == ("node-a", 1)


@pytest.mark.parametrize(
    "seen",
    [
        replace(CALLER, bridged=True),  # they talk
        replace(CALLER, uniqueid="call-1.2"),  # another leg of the call
    ],
)
async def test_who_talks_is_left_alone(seen: ChannelSeen) -> None:
    stage = _stage()
    stage.switchboard.seen[CALLER.channel] = seen
    await stage.watcher.sweep()
    assert stage.switchboard.done == []


async def test_who_is_rung_for_and_whom_the_switch_takes_on_by_itself_are_left_to_it() -> None:
    stage = _stage()
    stage.switchboard.waiting.clear()
    await stage.watcher.sweep()
    assert (stage.switchboard.done, stage.store.calls["call-1"].node) == ([], "frozen")


async def test_the_calls_of_a_node_that_lives_and_ones_own_are_left_alone() -> None:
    stage = _stage(seen_s=10)
    await stage.watcher.sweep()
    stage = _stage()
    stage.parts.live["call-1"] = LiveCall(CALLER.channel)
    await stage.watcher.sweep()
    assert stage.switchboard.done == []


@pytest.mark.parametrize("fault", [SwitchAway("no such channel"), ActionUnknown()])
async def test_a_caller_who_could_not_be_taken_on_is_tried_again(fault: Exception) -> None:
    stage = _stage()

    async def fails(_: tuple[object, ...]) -> None:
        raise fault

    stage.switchboard.on_do = fails
    await stage.watcher.sweep()
    assert (stage.store.calls["call-1"].node, stage.watcher.drift["silence"]) == ("frozen", 0)
    stage.switchboard.on_do = None
    stage.clock.advance(COMPARE_EVERY_S)
    await stage.watcher.sweep()
    assert stage.switchboard.done == TAKEN * 2
    assert stage.watcher.drift["silence"] == 1


def test_the_doctor_names_nodes_that_do_not_serve_one_asterisk() -> None:
    (found,) = judged_switches({"node-b": "west/02", "node-a": "east/01"})
    assert found.is_fault
    assert "node-a serves east/01, node-b serves west/02" in found.says
    (found,) = judged_switches({"node-a": "east/01", "node-b": "east/01"})
    assert found.verdict is Verdict.FINE
    assert list(judged_switches({})) == []


class _Nodes:
    """Nodes of which one serves another switch when asked for it."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.elsewhere: tuple[str, ...] = ()

    async def serves(self, switch: str, *, now: float) -> tuple[str, ...]:
        self.told.append(switch)
        return self.elsewhere


async def test_a_node_on_another_switch_is_told_once_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    stage, nodes, registry = Stage(), _Nodes(), CollectorRegistry()
    one = OneSwitch(stage.parts, nodes, registry)
    await one.look()
    assert registry.get_sample_value("ringwise_nodes_on_another_switch") == 0
    nodes.elsewhere = ("node-b",)
    await one.look()
    await one.look()
    assert registry.get_sample_value("ringwise_nodes_on_another_switch") == 1
    assert nodes.told == ["switch"] * 3
    stage.switchboard.up = False
    await one.look()
    assert len(nodes.told) == 3
