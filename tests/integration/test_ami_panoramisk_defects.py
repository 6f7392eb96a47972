"""Each AMI defect of panoramisk (A1 to A18): shown on the stock library, cured in ours, by the same scenario.

Longer than other files because the defects are one list with one harness.
"""

import asyncio
import copy
import pickle
from itertools import pairwise
from typing import Any

import pytest
from panoramisk.ami_protocol import AMIProtocol
from panoramisk.call_manager import CallManager
from panoramisk.manager import Manager
from panoramisk.message import Message

from ivr.asterisk.ami import AmiLink
from ivr.asterisk.ami_protocol import AmiProtocol, PendingAction
from ivr.asterisk.errors import Refused
from ivr.asterisk.simulated_manager import SimulatedManager
from ivr.asterisk.switchboard import AmiSwitchboard
from ivr.asterisk.translate import Packet
from ivr.errors import ActionUnknown, SwitchAway
from ivr.ports import ChannelGone, SwitchBack, SwitchGone
from ivr.settings import Ami
from ivr.testing.clock import eventually


class Stock:
    """panoramisk's own manager, logged in."""

    def __init__(self, asterisk: SimulatedManager, kind: type[Manager] = Manager, **config: Any) -> None:
        self.asterisk = asterisk
        self.manager = kind(
            host="127.0.0.1",
            port=asterisk.port,
            username=asterisk.user,
            **{"secret": asterisk.secret, "reconnect_timeout": 0, **config},
        )

    async def __aenter__(self) -> Manager:
        await self.manager.connect()
        await eventually(lambda: self.manager.authenticated_future is None)
        return self.manager

    async def __aexit__(self, *_: object) -> None:
        manager = self.manager
        manager.connect = lambda: None  # else it would come back after its close
        manager.close()
        for action in [*manager.responses.values(), *manager.awaiting_actions]:
            action.future.cancel()


class Ours:
    """Our link, up; events and news are kept."""

    def __init__(self, asterisk: SimulatedManager, **config: Any) -> None:
        self.events: list[Packet] = []
        self.news: list[object] = []
        self.link = AmiLink(
            Ami(port=asterisk.port),
            config.pop("secret", asterisk.secret),
            on_event=self.events.append,
            on_up=self.news.append,
            on_down=lambda: self.news.append("down"),
            **{"retry_s": (0.01, 0.05), **config},
        )
        self.task = asyncio.create_task(self.link.run())

    async def __aenter__(self) -> "Ours":
        await eventually(lambda: self.link.up)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


async def stuck(future: Any, seconds: float = 0.2) -> bool:
    done, _ = await asyncio.wait([asyncio.ensure_future(future)], timeout=seconds)
    return not done


QUEUE_ADD = {"Queue": "support", "Interface": "PJSIP/agent-101"}
ORIGINATE = {"Channel": "Local/1@x", "Context": "x", "Exten": "1", "Priority": "1", "Async": "true"}


async def test_a1_a_successful_queue_add_is_answered(asterisk: SimulatedManager) -> None:
    asterisk.messages["QueueAdd"] = "Added interface to queue"
    async with Stock(asterisk) as manager:
        assert await stuck(manager.send_action({"Action": "QueueAdd", **QUEUE_ADD}))
    async with Ours(asterisk) as ours:
        assert (await ours.link.act("QueueAdd", QUEUE_ADD))[0]["Message"] == "Added interface to queue"


async def test_a2_originate_is_answered_before_the_phone_has_rung(asterisk: SimulatedManager) -> None:
    asterisk.messages["Originate"] = "Originate successfully queued"
    async with Stock(asterisk) as manager:
        assert await stuck(manager.send_action({"Action": "Originate", **ORIGINATE}))
    async with Ours(asterisk) as ours:
        assert (await ours.link.act("Originate", ORIGINATE))[0]["Response"] == "Success"
        asterisk.tell("OriginateResponse", ActionID=asterisk.asked("Originate")[-1]["ActionID"], Response="Failure")
        await eventually(lambda: [event for event in ours.events if event.name == "OriginateResponse"])


async def test_a3_an_unanswered_action_is_never_sent_again(asterisk: SimulatedManager) -> None:
    asterisk.unanswered.add("Originate")
    async with Stock(asterisk) as manager:
        manager.send_action({"Action": "Originate", **ORIGINATE})
        await eventually(lambda: asterisk.asked("Originate"))
        asterisk.cut()
        await eventually(lambda: len(asterisk.asked("Originate")) == 2)
    asterisk.actions.clear()
    async with Ours(asterisk) as ours:
        outcome = asyncio.create_task(ours.link.act("Originate", ORIGINATE))
        await eventually(lambda: asterisk.asked("Originate"))
        asterisk.cut()
        with pytest.raises(ActionUnknown):
            await outcome
        await eventually(lambda: ours.news == [False, "down", False])
        await ours.link.act("Ping")
        assert len(asterisk.asked("Originate")) == 1


async def test_a4_a_list_cut_in_its_middle_does_not_wait_for_ever(asterisk: SimulatedManager) -> None:
    async def begin_the_list(action: dict[str, str]) -> None:
        if action["Action"] == "CoreShowChannels":
            asterisk.send(f"Response: Success\r\nActionID: {action['ActionID']}\r\nEventList: start\r\n\r\n".encode())

    asterisk.on_action = begin_the_list
    asterisk.unanswered.add("CoreShowChannels")
    async with Stock(asterisk) as manager:
        future = manager.send_action({"Action": "CoreShowChannels"}, as_list=True)
        pending = manager.protocol.responses[next(iter(manager.protocol.responses))]
        await eventually(lambda: pending.responses)
        asterisk.cut()
        assert await stuck(future)
    async with Ours(asterisk) as ours:
        outcome = asyncio.create_task(ours.link.act("CoreShowChannels", as_list=True))
        await eventually(lambda: len(asterisk.asked("CoreShowChannels")) == 2)
        asterisk.cut()
        with pytest.raises(ActionUnknown):
            await outcome


async def test_a5_without_fully_booted_nothing_hangs(asterisk: SimulatedManager) -> None:
    asterisk.unanswered.add("Originate")
    async with Stock(asterisk) as manager:
        future = manager.send_action({"Action": "Originate", **ORIGINATE})
        await eventually(lambda: asterisk.asked("Originate"))
        asterisk.boots = False
        asterisk.cut()
        await eventually(lambda: asterisk.logins == 2)
        assert await stuck(future)
    asterisk.boots = True
    async with Ours(asterisk, boot_s=0.1) as ours:
        asterisk.boots = False
        logins = asterisk.logins
        asterisk.cut()
        await eventually(lambda: asterisk.logins >= logins + 2)  # boot_s is over: it tries again
        with pytest.raises(SwitchAway):
            await ours.link.act("Originate", ORIGINATE)


@pytest.mark.fault("C10", "a fault while an event of the manager link is taken")
async def test_a6_a_fault_in_taking_an_event_does_not_drop_the_link(asterisk: SimulatedManager) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # asyncio reports the stock library's fault
    async with Stock(asterisk) as manager:
        manager.register_event("Boom", fail)
        asterisk.tell("Boom")
        await eventually(lambda: asterisk.logins == 2)
    switchboard = AmiSwitchboard(Ami(port=asterisk.port), asterisk.secret)
    await switchboard.start()
    events = switchboard.events()
    assert await anext(events) == SwitchBack(restarted=False)
    asterisk.tell("Hangup", Channel="without its ids")
    asterisk.tell("Hangup", Channel="PJSIP/a-1", Uniqueid="17.1", Linkedid="17.1")
    assert await anext(events) == ChannelGone("17.1", "17.1")
    assert asterisk.logins == 3
    await switchboard.stop()


async def test_a6_an_originate_without_async_does_not_drop_the_link(asterisk: SimulatedManager) -> None:
    asterisk.messages["Originate"] = "Originate successfully queued"
    fields = {key: value for key, value in ORIGINATE.items() if key != "Async"}
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    async with Stock(asterisk) as manager:
        manager.send_action({"Action": "Originate", **fields})
        await eventually(lambda: asterisk.logins == 2)
    async with Ours(asterisk) as ours:
        await ours.link.act("Originate", fields)
        assert ours.news == [False]


async def test_a7_a_peer_that_has_fallen_silent_is_left(asterisk: SimulatedManager) -> None:
    async with Stock(asterisk, ping_delay=0, ping_interval=1) as manager:
        asterisk.silent = True
        asterisk.actions.clear()
        await eventually(lambda: len(asterisk.asked("Ping")) >= 2)
        assert manager._connected
    asterisk.silent = False
    async with Ours(asterisk, silence_s=0.15) as ours:
        asterisk.silent = True
        await eventually(lambda: ours.news[-1] == "down", 1)
        asterisk.silent = False
        await eventually(lambda: ours.link.up)


async def test_a8_events_are_taken_in_order_and_without_a_task_each(asterisk: SimulatedManager) -> None:
    order: list[str] = []

    async def slow_at_first(_: Manager, event: Message) -> None:
        await asyncio.sleep(0.05 if event["state"] == "Hold" else 0)
        order.append(event["state"])

    states = ["Hold", "Unhold", "Hangup"]
    async with Stock(asterisk) as manager:
        manager.register_event("Change", slow_at_first)
        for state in states:
            asterisk.tell("Change", State=state)
        await eventually(lambda: len(order) == 3)
        assert order == ["Unhold", "Hangup", "Hold"]
        manager.register_event("Flood", slow_at_first)
        asterisk.send(b"Event: Flood\r\nState: Hold\r\n\r\n" * 2000)
        await eventually(lambda: len(asyncio.all_tasks()) > 1000)
        await eventually(lambda: len(order) > 2000)
    async with Ours(asterisk) as ours:
        tasks = len(asyncio.all_tasks())
        for state in states:
            asterisk.tell("Change", State=state)
        asterisk.send(b"Event: Flood\r\nState: Hold\r\n\r\n" * 2000)
        await eventually(lambda: len(ours.events) >= 2003)
        assert [event["State"] for event in ours.events if event.name == "Change"] == states
        assert len(asyncio.all_tasks()) <= tasks + 1


async def test_a9_a_message_without_end_is_not_kept(asterisk: SimulatedManager) -> None:
    endless = b"Event: X\r\n" + b"Key: " + b"x" * 600_000
    async with Stock(asterisk) as manager:
        asterisk.send(endless)
        await eventually(lambda: len(manager.protocol.queue[0]) > 600_000)
    async with Ours(asterisk) as ours:
        asterisk.send(endless)
        await eventually(lambda: ours.news == [False, "down", False])


async def test_a9_a_reader_too_far_behind_gets_a_planned_drop_and_a_fresh_start(asterisk: SimulatedManager) -> None:
    switchboard = AmiSwitchboard(Ami(port=asterisk.port), asterisk.secret, most_events=50, retry_s=(0.01, 0.02))
    await switchboard.start()
    events = switchboard.events()
    await eventually(lambda: switchboard.up)
    asterisk.send(b"Event: Hangup\r\nChannel: PJSIP/a-1\r\nUniqueid: 1.1\r\nLinkedid: 1.1\r\n\r\n" * 100)
    await eventually(lambda: asterisk.logins == 2 and switchboard.up)
    assert await anext(events) == SwitchGone()
    assert await anext(events) == SwitchBack(restarted=False)
    await switchboard.stop()


async def test_a10_a_line_end_in_a_value_makes_no_second_action(asterisk: SimulatedManager) -> None:
    evil = {"Channel": "PJSIP/a\r\n\r\nAction: Originate\r\nActionID: 7"}
    async with Stock(asterisk) as manager:
        manager.send_action({"Action": "Hangup", **evil}, as_list=False)
        await eventually(lambda: asterisk.asked("Originate"))
    asterisk.actions.clear()
    async with Ours(asterisk) as ours:
        for name, value in (*evil.items(), ("Variable", "a=1,VIP=1"), ("Channel", "x" * 2000), ("Channel", "a\0")):
            with pytest.raises(Refused):
                await ours.link.act("Hangup", {name: value})
        await ours.link.act("Ping")
        assert not asterisk.asked("Originate")
        assert not asterisk.asked("Hangup")


class NoWire(asyncio.Transport):
    """A transport that leads nowhere."""

    def write(self, data: object) -> None: ...

    def close(self) -> None: ...

    def abort(self) -> None: ...


@pytest.mark.fault("C9", "a character split over two segments of the manager link")
async def test_a11_a_character_split_over_two_segments_is_whole(asterisk: SimulatedManager) -> None:
    data = "Asterisk Call Manager/11.0.0\r\nEvent: X\r\nName: 王小明\r\n\r\n".encode()
    cut = data.index("小".encode()) + 1
    seen: list[Message] = []

    class Factory:
        save_stream = None
        dispatch = staticmethod(seen.append)

    stock = AMIProtocol()
    stock.connection_made(NoWire())
    stock.factory, stock.encoding = Factory, "utf8"
    stock.data_received(data[:cut])
    stock.data_received(data[cut:])
    assert seen[0]["name"] == "王明"
    async with Ours(asterisk) as ours:
        for cut in range(1, len(data)):
            ours.events.clear()
            protocol = AmiProtocol(ours.link)
            protocol.connection_made(NoWire())
            protocol.data_received(data[:cut])
            protocol.data_received(data[cut:])
            assert [event["Name"] for event in ours.events] == ["王小明"]
            protocol.close()


@pytest.mark.fault("C6", "the manager's secret is wrong")
async def test_a12_a_wrong_secret_is_a_state_of_its_own_with_growing_pauses(asterisk: SimulatedManager) -> None:
    async with Stock(asterisk, secret="wrong") as manager:
        await eventually(lambda: len(asterisk.asked("Login")) >= 5)  # as fast as it can, and nothing is raised
        assert not manager.authenticated
    asterisk.actions.clear()
    ours = Ours(asterisk, secret="wrong", refused_s=(0.05, 10.0))
    times: list[float] = []

    async def note(action: dict[str, str]) -> None:
        times.append(asyncio.get_running_loop().time())

    asterisk.on_action = note
    await eventually(lambda: len(times) == 5)
    assert not ours.link.up
    pauses = [after - before for before, after in pairwise(times)]
    assert pauses[3] > pauses[0]
    asterisk.secret = "wrong"
    await eventually(lambda: ours.link.up)
    await ours.__aexit__()


async def test_a13_a_closed_link_stays_closed(asterisk: SimulatedManager) -> None:
    stock = Stock(asterisk)
    async with stock as manager:
        manager.on_disconnect = lambda *_: manager.close()
        asterisk.cut()
        await eventually(lambda: asterisk.logins == 2)
    logins = asterisk.logins
    switchboard = AmiSwitchboard(Ami(port=asterisk.port), asterisk.secret, retry_s=(0.05, 0.05))
    await switchboard.start()
    await eventually(lambda: switchboard.up)
    asterisk.cut()
    await eventually(lambda: not switchboard.up)
    await switchboard.stop()
    await asyncio.sleep(0.1)
    assert asterisk.logins == logins + 1


async def test_a14_an_action_that_ran_out_of_time_is_forgotten(asterisk: SimulatedManager) -> None:
    asterisk.unanswered.add("QueueStatus")
    async with Stock(asterisk) as manager:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(manager.send_action({"Action": "QueueStatus"}, as_list=False), 0.05)
        assert [action["action"] for action in manager.protocol.responses.values()] == ["QueueStatus"]
    async with Ours(asterisk) as ours:
        with pytest.raises(ActionUnknown):
            await ours.link.act("QueueStatus", deadline_s=0.05)
        names = [action["action"] for action in ours.link.protocol.responses.values()]
        assert "QueueStatus" not in names


async def test_a15_calls_of_one_second_are_kept_apart(asterisk: SimulatedManager) -> None:
    ids = [f"1795471762.{n}" for n in range(5)]
    async with Stock(asterisk, CallManager) as manager:
        for one in ids:
            asterisk.tell("Newchannel", Uniqueid=one)
        await eventually(lambda: sum(queue.queue.qsize() for queue in manager.calls_queues.values()) == 5)
        assert len(manager.calls_queues) == 1
    switchboard = AmiSwitchboard(Ami(port=asterisk.port), asterisk.secret)
    await switchboard.start()
    events = switchboard.events()
    await anext(events)
    for one in ids:
        asterisk.tell("Hangup", Channel="PJSIP/a-1", Uniqueid=one, Linkedid=one)
    assert [(await anext(events)).call_id for _ in ids] == ids
    await switchboard.stop()


async def test_a16_an_action_before_the_link_is_up_is_a_typed_error(asterisk: SimulatedManager) -> None:
    with pytest.raises(AttributeError):
        Manager(host="127.0.0.1", port=asterisk.port).send_action({"Action": "Ping"})
    ours = Ours(asterisk)
    with pytest.raises(SwitchAway):
        await ours.link.act("Ping")
    with pytest.raises(TypeError):
        ours.link.send_action({"Action": "Ping"})
    await ours.__aexit__()


async def test_a16_the_secret_shows_in_no_repr_and_no_log(
    asterisk: SimulatedManager, capsys: pytest.CaptureFixture[str]
) -> None:
    async with Stock(asterisk) as manager:
        assert asterisk.secret in repr(manager.config)
    async with Ours(asterisk) as ours:
        assert asterisk.secret not in repr(ours.link.config) + repr(vars(ours.link))
        assert asterisk.secret not in repr(PendingAction({"Action": "Login", "Secret": asterisk.secret}))
    asterisk.secret = "another"
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await Ours(asterisk, secret="s3cret").task
    out = capsys.readouterr()
    assert "s3cret" not in out.out + out.err


def test_a16_a_message_can_be_copied_and_a_repeated_header_is_still_text() -> None:
    block = "Event: X\r\nA: 1\r\nA: 2\r\nB: 1"
    message = Message.from_line(block)
    assert isinstance(message["a"], list)
    with pytest.raises(RecursionError):
        copy.copy(message)
    packet = Packet.of(message)
    assert (packet["A"], packet["B"]) == ("1\n2", "1")
    assert pickle.loads(pickle.dumps(copy.deepcopy(packet))) == packet


def test_a17_a_misspelt_name_is_an_error() -> None:
    message = Message.from_line("Event: Hangup\r\nUniqueid: 17.1")
    assert message.uniqueld == ""
    packet = Packet.of(message)
    with pytest.raises(KeyError):
        packet["uniqueld"]
    with pytest.raises(AttributeError):
        packet.uniqueld  # noqa: B018


async def test_a18_another_threads_loop_cannot_use_the_link(asterisk: SimulatedManager) -> None:
    async with Stock(asterisk) as manager:

        async def send() -> None:
            manager.send_action({"Action": "Ping"}, as_list=False)

        await asyncio.to_thread(asyncio.run, send())  # goes through, unsafe as it is
    async with Ours(asterisk) as ours:
        with pytest.raises(RuntimeError, match="its own event loop"):
            await asyncio.to_thread(asyncio.run, ours.link.act("Ping"))
