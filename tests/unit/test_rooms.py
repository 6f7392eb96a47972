"""Rooms in which somebody was left over are cleared, and no others."""

import pytest

from ivr.ports import ChannelSeen
from ivr.testing.stage import Stage
from ivr.watch import COMPARE_EVERY_S


def member(channel: str, room: int, *, caller: bool = False) -> ChannelSeen:
    return ChannelSeen(channel, channel, True, channel, room=room, is_guest=caller)


async def looked(stage: Stage, *members: ChannelSeen, looks: int = 3) -> list[tuple[object, ...]]:
    """What is done to channels in so many comparisons."""
    stage.switchboard.seen |= {one.channel: one for one in members}
    for _ in range(looks):
        stage.clock.advance(COMPARE_EVERY_S)
        await stage.watcher.sweep()
    return stage.switchboard.done


async def test_an_outside_line_that_a_caller_and_a_dead_engine_have_left_behind_is_hung_up_at_the_second_look() -> None:
    stage = Stage()
    assert await looked(stage, member("PJSIP/trunk-7", 5), looks=1) == []
    assert await looked(stage, looks=1) == [("hang_up", "PJSIP/trunk-7")]
    assert stage.watcher.drift["room"] == 1
    assert await looked(stage) == [("hang_up", "PJSIP/trunk-7")]


async def test_a_caller_alone_in_a_room_is_called_back_from_it() -> None:
    stage = Stage()
    assert await looked(stage, member("PJSIP/trunk-1", 5, caller=True), looks=2) == [
        ("call_back_from", "PJSIP/trunk-1", 5)
    ]


@pytest.mark.parametrize("others", [("PJSIP/trunk-7",), ("PJSIP/trunk-7", "PJSIP/agent-2")])
async def test_who_talks_to_a_caller_is_left_alone_whoever_that_is(others: tuple[str, ...]) -> None:
    stage = Stage()
    members = [member(one, 5) for one in others]
    assert await looked(stage, member("PJSIP/trunk-1", 5, caller=True), *members) == []
