"""The switchboard over the manager link: what it asks, what it tells, and how it lives through breaks."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from ivr.asterisk.errors import Refused
from ivr.asterisk.simulated_manager import SimulatedManager
from ivr.asterisk.switchboard import AmiSwitchboard
from ivr.errors import ActionUnknown, Misconfigured, SwitchAway
from ivr.ports import (
    ChannelGone,
    ChannelSeen,
    PhoneAnswered,
    PhoneRinging,
    PhoneState,
    Question,
    SwitchBack,
    SwitchGone,
)
from ivr.settings import Ami, Outbound, Phones
from ivr.testing.clock import eventually
from routing.listening import ListeningMode

CALLER = {"Channel": "PJSIP/trunk-1", "Uniqueid": "17.1", "Linkedid": "17.1", "BridgeId": ""}
PHONE = {"Channel": "PJSIP/agent-101-2", "Uniqueid": "17.2", "Linkedid": "17.1", "BridgeId": "b1"}
DIAL = {"DestChannel": "PJSIP/agent-101-2", "DestLinkedid": "17.1", "DestUniqueid": "17.2"}


@pytest.fixture
async def switchboard(asterisk: SimulatedManager) -> AsyncIterator[AmiSwitchboard]:
    board = AmiSwitchboard(
        Ami(port=asterisk.port), asterisk.secret, Outbound(allow=("+86",)), retry_s=(0.01, 0.02), silence_s=0.3
    )
    await board.start()
    assert await anext(board.events()) == SwitchBack(restarted=False)
    yield board
    await board.stop()


async def test_a_wake_is_a_received_digit_of_one_millisecond(
    asterisk: SimulatedManager, switchboard: AmiSwitchboard
) -> None:
    await switchboard.wake("PJSIP/trunk-1")
    (action,) = asterisk.asked("PlayDTMF")
    action.pop("ActionID")
    assert action == {
        "Action": "PlayDTMF",
        "Channel": "PJSIP/trunk-1",
        "Digit": "D",
        "Duration": "1",
        "Receive": "true",
    }


async def test_a_wake_never_raises(asterisk: SimulatedManager, switchboard: AmiSwitchboard) -> None:
    await switchboard.wake("PJSIP/a\r\nAction: Originate")
    asterisk.unanswered.add("PlayDTMF")
    waking = asyncio.create_task(switchboard.wake("PJSIP/trunk-1"))
    await eventually(lambda: asterisk.asked("PlayDTMF"))
    asterisk.cut()
    await waking
    await asterisk.stop()
    await eventually(lambda: not switchboard.up)
    await switchboard.wake("PJSIP/trunk-1")
    assert len(asterisk.asked("PlayDTMF")) == 1


async def test_all_channels_are_read_afresh(asterisk: SimulatedManager, switchboard: AmiSwitchboard) -> None:
    assert await switchboard.channels() == ()
    asterisk.channels = [CALLER, PHONE]
    assert await switchboard.channels() == (
        ChannelSeen("17.1", "PJSIP/trunk-1", False, "17.1"),
        ChannelSeen("17.1", "PJSIP/agent-101-2", True, "17.2"),
    )


async def test_a_switch_is_known_by_its_name_and_its_entity_id(
    asterisk: SimulatedManager, switchboard: AmiSwitchboard
) -> None:
    asterisk.variables = {"SYSTEMNAME": "ringwise", "ENTITYID": "02:fc:00:00:00:01"}
    assert await switchboard.identity() == "ringwise/02:fc:00:00:00:01"
    asterisk.cut()
    await eventually(lambda: not switchboard.up)
    with pytest.raises(SwitchAway):
        await switchboard.identity()


@pytest.mark.parametrize(
    ("runs", "limit", "waits"),
    [("AGI", "0", True), ("AGI", "3.214", False), ("Dial", "0", False), ("ConfBridge", "0", False), ("", "", False)],
)
async def test_the_switch_waits_for_ever_before_an_engine_without_a_limit_and_nowhere_else(
    asterisk: SimulatedManager, switchboard: AmiSwitchboard, runs: str, limit: str, waits: bool
) -> None:
    asterisk.variables = {"CHANNEL(appname)": runs, "TIMEOUT(absolute)": limit}
    assert await switchboard.waits_for_ever("PJSIP/trunk-1") is waits


async def test_a_caller_is_taken_to_the_other_engine_by_a_step_that_an_old_dialplan_does_not_have(
    asterisk: SimulatedManager, switchboard: AmiSwitchboard
) -> None:
    await switchboard.to_other_engine("PJSIP/trunk-1")
    (action,) = asterisk.asked("Redirect")
    action.pop("ActionID")
    assert action == {
        "Action": "Redirect",
        "Channel": "PJSIP/trunk-1",
        "Context": "ringwise-ladder",
        "Exten": "other",
        "Priority": "take",
    }
    with pytest.raises(Refused):
        await switchboard.to_other_engine("PJSIP/trunk-1\r\nAction: Originate")


async def test_all_phones_are_read_afresh(asterisk: SimulatedManager, switchboard: AmiSwitchboard) -> None:
    assert await switchboard.phones() == {}
    asterisk.devices = {"PJSIP/agent-101": "INUSE", "PJSIP/agent-102": "UNAVAILABLE", "Queue:general": "INUSE"}
    assert await switchboard.phones() == {
        "PJSIP/agent-101": PhoneState.IN_USE,
        "PJSIP/agent-102": PhoneState.UNREACHABLE,
    }


async def test_only_a_phone_that_rings_for_this_call_is_hung_up(
    asterisk: SimulatedManager, switchboard: AmiSwitchboard
) -> None:
    rings = {**PHONE, "BridgeId": "", "ChannelStateDesc": "Ringing"}
    asterisk.channels = [CALLER, {**PHONE, "ChannelStateDesc": "Up"}]
    assert not await switchboard.stop_ringing("17.1", "PJSIP/agent-101")
    asterisk.channels = [CALLER, rings]
    assert not await switchboard.stop_ringing("17.9", "PJSIP/agent-101")
    assert not await switchboard.stop_ringing("17.1", "PJSIP/agent-102")
    assert await switchboard.stop_ringing("17.1", "PJSIP/agent-101")
    assert [action["Channel"] for action in asterisk.asked("Hangup")] == [PHONE["Channel"]]


async def test_channels_that_cannot_be_listed_are_not_taken_for_none(
    asterisk: SimulatedManager, switchboard: AmiSwitchboard
) -> None:
    async def refuse(action: dict[str, str]) -> None:
        if action["Action"] == "CoreShowChannels":
            asterisk.send(
                f"Response: Error\r\nActionID: {action['ActionID']}\r\nMessage: Permission denied\r\n\r\n".encode()
            )

    asterisk.on_action = refuse
    asterisk.unanswered.add("CoreShowChannels")
    with pytest.raises(SwitchAway, match="Permission denied"):
        await switchboard.channels()
    asterisk.on_action = None
    listing = asyncio.create_task(switchboard.channels())
    await eventually(lambda: len(asterisk.asked("CoreShowChannels")) == 2)
    asterisk.cut()
    with pytest.raises(SwitchAway):
        await listing


async def test_all_who_ask_for_the_channels_at_once_share_a_list_and_who_asks_later_gets_a_newer_one(
    asterisk: SimulatedManager, switchboard: AmiSwitchboard
) -> None:
    listed: list[asyncio.Task[tuple[ChannelSeen, ...]]] = []

    async def another_asks(action: dict[str, str]) -> None:
        if action["Action"] == "CoreShowChannels" and not listed:
            listed.append(asyncio.create_task(switchboard.channels()))
            await asyncio.sleep(0)

    asterisk.on_action = another_asks
    await asyncio.gather(*(switchboard.channels() for _ in range(5)))
    await listed[0]
    assert len(asterisk.asked("CoreShowChannels")) == 2


async def test_a_customer_is_called_over_the_trunk_under_an_id_of_our_own(asterisk: SimulatedManager) -> None:
    outbound = Outbound(allow=("+86",), dial="PJSIP/0{number}@carrier", caller_id="+8695588")
    board = AmiSwitchboard(Ami(port=asterisk.port), asterisk.secret, outbound, retry_s=(0.01, 0.02))
    await board.start()
    await anext(board.events())
    await board.call_out("+8613800000001", call_id="callback-7-2", ring_s=30)
    (action,) = asterisk.asked("Originate")
    action.pop("ActionID")
    assert action == {
        "Action": "Originate",
        "Channel": "PJSIP/0+8613800000001@carrier",
        "ChannelId": "callback-7-2",
        "Context": "ringwise-callback",
        "Exten": "s",
        "Priority": "1",
        "Timeout": "30000",
        "Async": "true",
        "CallerID": "<+8695588>",
    }
    await board.stop()


async def test_with_the_agent_first_the_other_half_of_the_call_knows_whom_to_ring(asterisk: SimulatedManager) -> None:
    outbound = Outbound(allow=("+86",), dial="PJSIP/0{number}@carrier", caller_id="+8695588")
    board = AmiSwitchboard(Ami(port=asterisk.port), asterisk.secret, outbound, retry_s=(0.01, 0.02))
    await board.start()
    await anext(board.events())
    await board.call_out("+8613800000001", call_id="callback-7-2", ring_s=30, agent_first=True)
    (action,) = asterisk.asked("Originate")
    assert (action["Channel"], action["ChannelId"]) == ("Local/s@ringwise-callback-customer/n", "callback-7-2")
    assert (action["Context"], action["Exten"]) == ("ringwise-callback", "s")
    assert action["Variable"] == "RINGWISE_CUSTOMER=PJSIP/0+8613800000001@carrier^30^+8695588"
    assert "CallerID" not in action
    order = {"call_id": "callback-7-2", "ring_s": 30, "agent_first": True}
    await board.call_out("+8613800000001", **order, told=("/sounds/en/we record", "/sounds/en/it"))
    told = asterisk.asked("Originate")[1]["Variable"].split("^")
    assert told == [
        "RINGWISE_CUSTOMER=PJSIP/0+8613800000001@carrier",
        "30",
        "+8695588",
        "/sounds/en/we record&/sounds/en/it",
    ]
    await board.call_out("+8613800000001", **order, asked=Question(("/sounds/en/may we",), "*", 4.0))
    asked = asterisk.asked("Originate")[2]["Variable"].split("^")
    assert asked[3:] == ["", "/sounds/en/may we", "*", "4"]
    with pytest.raises(Refused):
        await board.call_out("+8613800000001", **order, told=("/sounds/en/it^x",))
    with pytest.raises(Refused):
        await board.call_out("+8613800000001", **order, asked=Question(("/sounds/en/it",), "1^2", 4.0))
    await board.stop()


@pytest.mark.parametrize(
    ("target", "agent", "asked"),
    [("PJSIP/agent-101", None, False), ("PJSIP/agent-101", True, True), ("+8613800000001", True, False)],
)
async def test_a_phone_that_is_rung_into_a_room_is_asked_to_pick_up_when_its_agent_wants_it(
    asterisk: SimulatedManager, target: str, agent: bool | None, asked: bool
) -> None:
    phones = Phones(auto_answer_headers=("Call-Info: ;answer-after=0", "P-Auto-Answer: normal"))
    board = AmiSwitchboard(
        Ami(port=asterisk.port), asterisk.secret, Outbound(allow=("+86",)), phones, retry_s=(0.01, 0.02)
    )
    await board.start()
    await anext(board.events())
    await board.ring_in(target, room=7, channel_id="second-9", ring_s=20, auto_answer=agent)
    (action,) = asterisk.asked("Originate")
    headers = "PJSIP_HEADER(add,Call-Info)=;answer-after=0,PJSIP_HEADER(add,P-Auto-Answer)=normal"
    assert action.get("Variable") == (headers if asked else None)
    await board.stop()


@pytest.mark.parametrize("number", ["13800000001", "+86138&PJSIP/2", "+0123456789", "+86138\r\nX: y", "", "+491234567"])
async def test_what_is_no_number_or_not_permitted_is_never_called(
    asterisk: SimulatedManager, switchboard: AmiSwitchboard, number: str
) -> None:
    with pytest.raises(Refused):
        await switchboard.call_out(number, call_id="callback-7-2", ring_s=30)
    assert asterisk.asked("Originate") == []


async def test_a_switch_that_refuses_to_call_says_why(asterisk: SimulatedManager, switchboard: AmiSwitchboard) -> None:
    async def refuse(action: dict[str, str]) -> None:
        if action["Action"] == "Originate":
            asterisk.send(f"Response: Error\r\nActionID: {action['ActionID']}\r\nMessage: No such\r\n\r\n".encode())

    asterisk.on_action = refuse
    asterisk.unanswered.add("Originate")
    with pytest.raises(SwitchAway, match="No such"):
        await switchboard.call_out("+8613800000001", call_id="callback-7-2", ring_s=30)


@pytest.mark.fault("C3", "the manager link breaks between an order to call and its answer")
async def test_an_order_to_call_cut_before_its_answer_is_unknown_and_not_repeated(
    asterisk: SimulatedManager, switchboard: AmiSwitchboard
) -> None:
    asterisk.unanswered.add("Originate")
    calling = asyncio.create_task(switchboard.call_out("+8613800000001", call_id="callback-7-2", ring_s=30))
    await eventually(lambda: asterisk.asked("Originate"))
    asterisk.cut()
    with pytest.raises(ActionUnknown):
        await calling
    await eventually(lambda: switchboard.up)
    assert len(asterisk.asked("Originate")) == 1


async def test_what_happens_is_told_in_order(asterisk: SimulatedManager, switchboard: AmiSwitchboard) -> None:
    events = switchboard.events()
    assert await anext(events) == SwitchBack(restarted=False)
    asterisk.tell("DialState", **DIAL, DialStatus="RINGING")
    asterisk.tell("DialEnd", **DIAL, DialStatus="ANSWER")
    asterisk.tell("Hangup", **PHONE)
    assert [await anext(events) for _ in range(3)] == [
        PhoneRinging("17.1", "PJSIP/agent-101", "PJSIP/agent-101-2"),
        PhoneAnswered("17.1", "PJSIP/agent-101", "PJSIP/agent-101-2"),
        ChannelGone("17.1", "17.2"),
    ]


async def test_two_readers_each_get_every_event(asterisk: SimulatedManager, switchboard: AmiSwitchboard) -> None:
    readers = [switchboard.events(), switchboard.events()]
    asterisk.tell("Hangup", **PHONE)
    for reader in readers:
        await anext(reader)
        assert isinstance(await anext(reader), ChannelGone)


async def test_the_moment_of_an_answer_is_kept_until_the_caller_leaves(
    asterisk: SimulatedManager, switchboard: AmiSwitchboard
) -> None:
    events = switchboard.events()
    await anext(events)
    before = asyncio.get_running_loop().time()
    assert switchboard.answered_at("17.1") is None
    asterisk.tell("DialEnd", **DIAL, DialStatus="ANSWER")
    asterisk.tell("Hangup", **PHONE)
    await anext(events)
    await anext(events)
    answered = switchboard.answered_at("17.1")
    assert answered is not None
    assert answered >= before
    asterisk.tell("Hangup", **CALLER)
    await anext(events)
    assert switchboard.answered_at("17.1") is None


@pytest.mark.fault("C1", "the manager link is broken again and again")
async def test_the_link_comes_back_after_each_of_many_breaks(
    asterisk: SimulatedManager, switchboard: AmiSwitchboard
) -> None:
    events = switchboard.events()
    await anext(events)
    for _ in range(20):
        asterisk.cut()
        assert await anext(events) == SwitchGone()
        assert await asyncio.wait_for(anext(events), 20) == SwitchBack(restarted=False)
    await switchboard.channels()


async def test_a_switch_that_is_a_new_process_is_told_apart_from_a_broken_link(
    asterisk: SimulatedManager, switchboard: AmiSwitchboard
) -> None:
    events = switchboard.events()
    await anext(events)
    for restarted in (True, False):
        if restarted:
            asterisk.started_at = ("2026-11-24", "03:00:00")
        asterisk.cut()
        assert await anext(events) == SwitchGone()
        assert await anext(events) == SwitchBack(restarted=restarted)


@pytest.mark.fault("C2", "the manager link falls silent")
async def test_a_silent_cut_is_noticed_and_mended(asterisk: SimulatedManager, switchboard: AmiSwitchboard) -> None:
    events = switchboard.events()
    await anext(events)
    asterisk.silent = True
    assert await asyncio.wait_for(anext(events), 20) == SwitchGone()
    asterisk.silent = False
    assert await asyncio.wait_for(anext(events), 20) == SwitchBack(restarted=False)


@pytest.mark.fault("D2", "the switch is to stop gracefully, as the manager link tells it")
async def test_a_switch_that_is_about_to_stop_is_away_though_its_link_stands(
    asterisk: SimulatedManager, switchboard: AmiSwitchboard
) -> None:
    events = switchboard.events()
    await anext(events)
    asterisk.stopping = True
    with pytest.raises(SwitchAway):
        await switchboard.channels()
    assert await asyncio.wait_for(anext(events), 20) == SwitchGone()
    assert not switchboard.up
    asterisk.stopping = False  # the order was taken back
    assert await asyncio.wait_for(anext(events), 20) == SwitchBack(restarted=False)
    assert (asterisk.logins, await switchboard.channels()) == (1, ())
    asterisk.stopping = True
    assert await asyncio.wait_for(anext(events), 20) == SwitchGone()  # told by the ping alone
    asterisk.cut()
    asterisk.stopping, asterisk.started_at = False, ("2026-11-24", "03:00:00")
    assert await asyncio.wait_for(anext(events), 20) == SwitchBack(restarted=True)


async def test_pings_keep_a_link_with_nothing_to_tell(asterisk: SimulatedManager, switchboard: AmiSwitchboard) -> None:
    await eventually(lambda: len(asterisk.asked("Ping")) > 4)
    assert asterisk.logins == 1
    assert switchboard.up


@pytest.mark.parametrize("greeting", [b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"A" * 300])
async def test_a_port_that_speaks_something_else_is_left_alone(greeting: bytes) -> None:
    knocks = []

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        knocks.append(await reader.read())
        writer.close()

    server = await asyncio.start_server(speak, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    board = AmiSwitchboard(Ami(port=port), "s3cret", retry_s=(0.01, 0.02))
    await board.start()
    await eventually(lambda: len(knocks) > 1)
    assert not board.up
    await board.stop()
    server.close()
    await server.wait_closed()


async def test_a_switch_that_is_away_at_the_start_is_waited_for(asterisk: SimulatedManager) -> None:
    port = asterisk.port
    await asterisk.stop()
    board = AmiSwitchboard(Ami(port=port), asterisk.secret, retry_s=(0.01, 0.02))
    events = board.events()
    await board.start()
    with pytest.raises(SwitchAway):
        await board.channels()
    await asterisk.start(port)
    assert await asyncio.wait_for(anext(events), 20) == SwitchBack(restarted=False)
    await board.stop()


async def test_stopping_ends_every_reader(asterisk: SimulatedManager, switchboard: AmiSwitchboard) -> None:
    reader = switchboard.events()
    await switchboard.stop()
    assert [event async for event in reader] == [SwitchBack(restarted=False), SwitchGone()]


@pytest.mark.fault("C12", "CR and LF in a manager field")
async def test_a_secret_that_would_be_two_lines_is_named_at_start_without_showing_it() -> None:
    with pytest.raises(Misconfigured) as refused:
        AmiSwitchboard(Ami(), "s3cret\r\nAction: Logoff")
    assert "s3cret" not in str(refused.value)


@pytest.mark.fault("C4", "a flood of manager events")
async def test_a_flood_of_events_is_read_without_a_drop(
    asterisk: SimulatedManager, switchboard: AmiSwitchboard
) -> None:
    events = switchboard.events()
    await anext(events)
    block = "".join(
        f"Event: Hangup\r\nChannel: PJSIP/a-{n}\r\nUniqueid: 17.{n}\r\nLinkedid: 17.{n}\r\n\r\n" for n in range(5000)
    )
    asterisk.send(block.encode())
    async with asyncio.timeout(30):
        seen = [await anext(events) for _ in range(5000)]
    assert [event.uniqueid for event in seen if isinstance(event, ChannelGone)] == [f"17.{n}" for n in range(5000)]
    assert asterisk.logins == 1


async def test_a_recording_is_muted_both_ways_on_the_callers_own_channel_and_only_when_confirmed(
    asterisk: SimulatedManager, switchboard: AmiSwitchboard
) -> None:
    with pytest.raises(SwitchAway):
        await switchboard.mute_recording("17.1", muted=True)
    asterisk.channels = [PHONE, CALLER]
    await switchboard.mute_recording("17.1", muted=True)
    await switchboard.mute_recording("17.1", muted=False)
    asked = [(one["Channel"], one["Direction"], one["State"]) for one in asterisk.asked("MixMonitorMute")]
    assert asked == [("PJSIP/trunk-1", "both", "1"), ("PJSIP/trunk-1", "both", "0")]
    asterisk.unanswered.add("MixMonitorMute")
    muting = asyncio.create_task(switchboard.mute_recording("17.1", muted=True))
    await eventually(lambda: len(asterisk.asked("MixMonitorMute")) == 3)
    asterisk.cut()
    with pytest.raises(ActionUnknown):
        await muting


async def test_a_supervisors_phone_is_put_on_the_phone_that_talks_in_this_call_and_on_no_other(
    asterisk: SimulatedManager, switchboard: AmiSwitchboard
) -> None:
    talking = {**PHONE, "Channel": "PJSIP/agent-101-0000001a"}
    rings = {**talking, "BridgeId": ""}
    elsewhere = {**talking, "Linkedid": "99.1", "Channel": "PJSIP/agent-101-0000001b"}

    async def spy(phone: str = "PJSIP/agent-102", spied: str = "PJSIP/agent-101", own: str = "") -> None:
        whisper = ListeningMode.WHISPER
        await switchboard.spy(phone, call_id="17.1", spied=spied, own=own, mode=whisper, spy_id="spy-1", ring_s=20)

    for there in ([], [CALLER, rings], [elsewhere], [{**talking, "Channel": "PJSIP/agent-101-x;y"}]):
        asterisk.channels = there
        with pytest.raises(SwitchAway):
            await spy()
    asterisk.channels = [CALLER, elsewhere, talking]
    with pytest.raises(SwitchAway):
        await spy(spied="PJSIP/agent-10")
    with pytest.raises(SwitchAway):
        await spy(own="99.9")  # whoever was consulted and has taken over is known by the id of their channel
    with pytest.raises(Refused):
        await spy(phone="Local/x@ivr")
    assert asterisk.asked("Originate") == []
    await spy()
    asterisk.channels = [CALLER, {**elsewhere, "Uniqueid": "99.9"}]
    await spy(own="99.9")
    ring, in_room = asterisk.asked("Originate")
    assert in_room["Variable"] == "RINGWISE_SPIED=PJSIP/agent-101-0000001b"
    assert (ring["Channel"], ring["Context"], ring["Exten"]) == ("PJSIP/agent-102", "ringwise-spy", "whisper")
    assert (ring["Variable"], ring["ChannelId"]) == ("RINGWISE_SPIED=PJSIP/agent-101-0000001a", "spy-1")
    with pytest.raises(SwitchAway):
        await switchboard.change_spy("spy-1", ListeningMode.BARGE)
    asterisk.channels = [{**CALLER, "Channel": "PJSIP/agent-102-0000001c", "Uniqueid": "spy-1", "Linkedid": "spy-1"}]
    await switchboard.change_spy("spy-1", ListeningMode.BARGE)
    await switchboard.end_spy("spy-1")
    await switchboard.end_spy("spy-2")
    assert [one["Exten"] for one in asterisk.asked("Redirect")] == ["barge"]
    assert [one["Channel"] for one in asterisk.asked("Hangup")] == ["PJSIP/agent-102-0000001c"]
