"""Callers whom the switch serves by itself are fetched by an engine that is there again, each once."""

from ivr.errors import SwitchAway
from ivr.ports import ChannelSeen, Fallback
from ivr.testing.stage import Stage
from ivr.watch import COMPARE_EVERY_S
from models.tables import NodeRow


def there(stage: Stage, call_id: str, fallback: Fallback = Fallback.WAITS, *, bridged: bool = False) -> None:
    """A caller in the menu of the switch."""
    channel = f"PJSIP/trunk-{call_id}"
    stage.switchboard.seen[channel] = ChannelSeen(call_id, channel, bridged, call_id, fallback=fallback)


async def sweep(stage: Stage) -> list[str]:
    """One look at the switch; whose channels have been fetched so far."""
    stage.clock.advance(COMPARE_EVERY_S)
    await stage.watcher.sweep()
    return stage.switchboard.fetched


async def test_a_caller_whom_no_engine_has_is_fetched_once() -> None:
    stage = Stage()
    there(stage, "c1")
    assert await sweep(stage) == ["PJSIP/trunk-c1"]
    there(stage, "c1")  # this engine could not serve them
    assert await sweep(stage) == ["PJSIP/trunk-c1"]
    assert stage.watcher.drift["fallback"] == 1
    stage.switchboard.seen.clear()
    await sweep(stage)
    there(stage, "c1")  # another call under the same id
    assert len(await sweep(stage)) == 2


async def test_who_talks_already_or_leaves_a_message_stays_and_agents_phones_are_no_callers() -> None:
    stage = Stage()
    there(stage, "talks", bridged=True)
    there(stage, "speaks", Fallback.MESSAGE)
    rung = ChannelSeen("c9", "PJSIP/agent-101-1", False, "c10", up=False, fallback=Fallback.WAITS)
    stage.switchboard.seen[rung.channel] = rung
    assert await sweep(stage) == []


async def test_the_first_node_that_lives_fetches_for_all() -> None:
    stage = Stage()
    there(stage, "c1")
    now, name = stage.clock.now(), stage.parts.settings.node
    stage.store.nodes["a"] = NodeRow(name="a", started_at=now, seen_at=now)
    assert name > "a"
    assert await sweep(stage) == []
    stage.clock.advance(60)
    assert await sweep(stage) == ["PJSIP/trunk-c1"]


async def test_a_caller_who_leaves_in_that_moment_is_no_fault() -> None:
    stage = Stage()
    there(stage, "c1")

    async def gone(channel: str) -> None:
        raise SwitchAway

    stage.switchboard.fetch = gone  # type: ignore[method-assign]
    assert await sweep(stage) == []
    assert stage.watcher.drift["fallback"] == 0
