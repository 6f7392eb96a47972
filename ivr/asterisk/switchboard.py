"""The switch as the port describes it: wake, call out, list, and what happens there."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Final
from weakref import WeakSet

import structlog

from ivr.asterisk.ami import REFUSED_S, RETRY_S, SILENCE_S, AmiLink
from ivr.asterisk.errors import Refused
from ivr.asterisk.leg import PHONE, SAID, WAKE, agrees, room_name, sound_file
from ivr.asterisk.translate import Packet, channel_seen, phone_is, phone_of, translate
from ivr.errors import ActionUnknown, EngineFault, SwitchAway
from ivr.ports import (
    AGENT_FIRST,
    ChannelGone,
    ChannelSeen,
    PhoneAnswered,
    PhoneState,
    Question,
    SwitchBack,
    SwitchEvent,
    SwitchGone,
)
from ivr.settings import Ami, Outbound, Phones
from routing.listening import ListeningMode

log = structlog.get_logger()

#: Events that one reader may leave unread; then the link is dropped and everything is read afresh.
MOST_EVENTS: Final = 10_000
#: A wake is only a hint, so nobody waits long for its answer.
WAKE_S: Final = 1.0
LIST_S: Final = 5.0
#: An agent waits for it with the card in the caller's hand.
MUTE_S: Final = 2.0
#: The context in which a customer who has picked up comes to the ladder.
CALLED_BACK: Final = "ringwise-callback"
#: The step of the ladder's extension `other` that takes a caller to the other engine. Asterisk refuses a step by a name
#: that is not there: a caller never lands in a dialplan that is older than this engine.
OTHER: Final = "take"
#: Characters of the identity of a switch that are kept.
MOST_IDENTITY: Final = 120
#: The context in which a supervisor who has picked up hears a conversation; its extensions are the modes.
SPIES: Final = "ringwise-spy"
#: Calls whose moment of answer is kept for `AgiLeg.dial`.
MOST_ANSWERS: Final = 10_000

_CHANNEL = re.compile(r"PJSIP/[A-Za-z0-9_.-]{1,80}-[0-9a-f]{8}")
#: The context in which agents' phones come to a room.
ROOM: Final = "ringwise-room"
#: The context in which callers come to the engines, and the label for those whom the switch served by itself.
LADDER: Final = "ringwise-ladder"
AGAIN: Final = "again"
_KEY = re.compile(r"[0-9*#]")
_CALL_ID = re.compile(r"[A-Za-z0-9.-]{1,100}")
_ANY_CHANNEL = re.compile(r"[A-Za-z0-9]+/[A-Za-z0-9@_.+;-]{1,120}")


class EventStream(AsyncIterator[SwitchEvent]):
    """One reader's events: bounded, in the order of the switch; reading begins when it is made."""

    def __init__(self, most: int) -> None:
        self._queue: asyncio.Queue[SwitchEvent | None] = asyncio.Queue()
        self._most = most

    def put(self, event: SwitchEvent) -> bool:
        """Queue an event; False when the reader is too far behind, which then sees SwitchGone next."""
        if self._queue.qsize() < self._most:
            self._queue.put_nowait(event)
            return True
        while not self._queue.empty():
            self._queue.get_nowait()
        return False

    def end(self) -> None:
        """Let the reader's loop end."""
        self._queue.put_nowait(None)

    async def __anext__(self) -> SwitchEvent:
        event = await self._queue.get()
        if event is None:
            raise StopAsyncIteration
        return event


class AmiSwitchboard:
    """`ivr.ports.Switchboard` over the manager interface."""

    def __init__(
        self,
        settings: Ami,
        secret: str,
        outbound: Outbound | None = None,
        phones: Phones | None = None,
        *,
        silence_s: float = SILENCE_S,
        retry_s: tuple[float, float] = RETRY_S,
        refused_s: tuple[float, float] = REFUSED_S,
        most_events: int = MOST_EVENTS,
    ) -> None:
        self._outbound, self._phones = outbound or Outbound(), phones or Phones()
        self._link = AmiLink(
            settings,
            secret,
            on_event=self._take,
            on_up=self._came_up,
            on_down=self._went_down,
            silence_s=silence_s,
            retry_s=retry_s,
            refused_s=refused_s,
        )
        self._most_events = most_events
        self._streams: WeakSet[EventStream] = WeakSet()
        self._answered: dict[str, float] = {}
        self._list: asyncio.Task[tuple[ChannelSeen, ...]] | None = None  #: of channels, under way or the last one
        self._next_list: asyncio.Task[tuple[ChannelSeen, ...]] | None = None  #: begins when that one has ended
        self._task: asyncio.Task[None] | None = None

    @property
    def up(self) -> bool:
        """Whether the link stands and the switch is ready."""
        return bool(self._link.up)

    async def start(self) -> None:
        """Begin to connect; calls are served without the link, so nothing waits for it."""
        self._task = asyncio.create_task(self._link.run())

    async def stop(self) -> None:
        """Close the link for good; every reader's loop ends."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        for stream in tuple(self._streams):
            stream.end()

    async def identity(self) -> str:
        """The name and the entity id of this Asterisk: both outlive it. Raises SwitchAway."""
        named = [await self._get(name) for name in ("SYSTEMNAME", "ENTITYID")]
        return "/".join(named)[:MOST_IDENTITY]

    async def waits_for_ever(self, channel: str) -> bool:
        """Whether this caller stands in AGI without a limit, not in Dial or a room. Raises SwitchAway.

        The list of channels tells of the application that ran when Asterisk last had news of the channel.
        """
        name = _channel(channel)
        if await self._get("CHANNEL(appname)", name) != "AGI":
            return False
        return await self._get("TIMEOUT(absolute)", name) == "0"

    async def to_other_engine(self, channel: str) -> None:
        """Take a caller from the engine before which they stand to the other one. Raises SwitchAway, ActionUnknown."""
        fields = {"Channel": _channel(channel), "Context": LADDER, "Exten": "other", "Priority": OTHER}
        await self._tell("Redirect", fields)

    async def _get(self, variable: str, channel: str | None = None) -> str:
        fields = {"Variable": variable} | ({} if channel is None else {"Channel": channel})
        try:
            answer = (await self._link.act("Getvar", fields))[0]
        except ActionUnknown as fault:
            raise SwitchAway(str(fault)) from fault
        if answer.get("Response") != "Success":
            raise SwitchAway(f"the switch does not tell {variable}: {answer.get('Message')}")
        return answer.get("Value")

    async def wake(self, channel: str) -> None:
        """End `Leg.wait` on this channel early. Only a hint: it may be lost or come twice. Never raises."""
        # Receive: without it the tone would be sent to the caller instead of counting as a key of theirs.
        fields = {"Channel": channel, "Digit": WAKE, "Duration": "1", "Receive": "true"}
        try:
            answer = (await self._link.act("PlayDTMF", fields, deadline_s=WAKE_S))[0]
        except EngineFault as fault:
            log.info("a wake was not delivered", channel=channel, why=str(fault))
        else:
            if answer.get("Response") != "Success":
                log.info("a wake was not delivered", channel=channel, why=answer.get("Message"))

    async def call_out(
        self,
        number: str,
        *,
        call_id: str,
        ring_s: float,
        agent_first: bool = False,
        told: Sequence[str] = (),
        asked: Question | None = None,
    ) -> None:
        """Ring an outside E.164 number; who answers comes in at the door as the call of that id.

        With `agent_first` the call comes in at once, and its other half rings the number when an agent has answered;
        who picks up hears the sounds in `told` before they are connected, or what they are `asked`, and may answer.

        Raises SwitchAway when nothing rings, ActionUnknown when that is not known, Refused for a number that
        `outbound.allow` does not permit, and for what is no sound.
        """
        if not self._outbound.permits(number) or not _CALL_ID.fullmatch(call_id):
            raise Refused("not a number to call")
        fields = {
            "Channel": self._outbound.dial.format(number=number),
            "ChannelId": call_id,  # chosen by us, so that the call can be found whatever becomes of the answer
            "Context": CALLED_BACK,
            "Exten": "s",
            "Priority": "1",
            "Timeout": str(max(1, round(ring_s * 1000))),
            "Async": "true",
        }
        if agent_first:
            rung = [fields["Channel"], str(max(1, round(ring_s))), self._outbound.caller_id]
            if asked is not None:
                question = "&".join(map(sound_file, asked.sounds))
                rung += ["", question, _key(asked.key), str(max(1, round(asked.timeout_s)))]
            elif told:
                rung.append("&".join(map(sound_file, told)))
            fields |= {
                "Channel": AGENT_FIRST.removesuffix("-") + "/n",  # n: both halves stay, whoever talks
                "Variable": "RINGWISE_CUSTOMER=" + "^".join(rung),
            }
        elif self._outbound.caller_id:
            fields["CallerID"] = f"<{self._outbound.caller_id}>"
        answer = (await self._link.act("Originate", fields))[0]
        if answer.get("Response") != "Success":
            raise SwitchAway(f"the switch does not call: {answer.get('Message')}")

    async def spy(
        self, phone: str, *, call_id: str, spied: str, own: str, mode: ListeningMode, spy_id: str, ring_s: float
    ) -> None:
        """Ring a supervisor's phone, and put it on the conversation that the phone `spied` has in this call.

        The channel to be heard is looked up afresh, by its id `own`, or without one by call and phone. Raises
        SwitchAway when nothing rings, ActionUnknown; Refused for anything but a phone of the table of agents.
        """
        if not PHONE.fullmatch(phone) or not _CALL_ID.fullmatch(spy_id):
            raise Refused("not a phone from the table of agents")
        talking = [
            seen.channel
            for seen in await self.channels()
            if (seen.uniqueid == own if own else seen.call_id == call_id)
            and seen.bridged
            and phone_of(seen.channel) == spied
        ]
        if not talking or not _CHANNEL.fullmatch(talking[0]):
            raise SwitchAway("that agent's phone is in no conversation")
        fields = {
            "Channel": phone,
            "ChannelId": spy_id,  # chosen by us, so that it can be found whatever becomes of the answer
            "Context": SPIES,
            "Exten": mode.value,
            "Priority": "1",
            "Timeout": str(max(1, round(ring_s * 1000))),
            "Variable": f"RINGWISE_SPIED={talking[0]}",
            "Async": "true",
        }
        answer = (await self._link.act("Originate", fields))[0]
        if answer.get("Response") != "Success":
            raise SwitchAway(f"the switch does not ring: {answer.get('Message')}")

    async def change_spy(self, spy_id: str, mode: ListeningMode) -> None:
        """Let others hear the supervisor than before. Raises SwitchAway, ActionUnknown."""
        spy = await self._spy(spy_id)
        if spy is None or not spy.up:
            raise SwitchAway("the supervisor's phone is not there")
        fields = {"Channel": spy.channel, "Context": SPIES, "Exten": mode.value, "Priority": "1"}
        answer = (await self._link.act("Redirect", fields))[0]
        if answer.get("Response") != "Success":
            raise SwitchAway(f"the switch does not change it: {answer.get('Message')}")

    async def end_spy(self, spy_id: str) -> None:
        """Hang that phone up; gone already is as good. Raises SwitchAway, ActionUnknown."""
        spy = await self._spy(spy_id)
        if spy is not None:
            await self._link.act("Hangup", {"Channel": spy.channel, "Cause": "16"})

    async def _spy(self, spy_id: str) -> ChannelSeen | None:
        return next((seen for seen in await self.channels() if seen.uniqueid == spy_id), None)

    async def stop_ringing(self, call_id: str, phone: str) -> bool:
        """Hang up a phone while it rings for this call; whether one did. Raises SwitchAway, ActionUnknown."""
        rings = [
            seen.channel
            for seen in await self.channels()
            if seen.call_id == call_id and phone_of(seen.channel) == phone and not seen.up and not seen.bridged
        ]
        for channel in rings:
            await self._link.act("Hangup", {"Channel": channel, "Cause": "16"})
        return bool(rings)

    async def hang_up(self, channel: str) -> None:
        """End a channel; one that is gone already counts as ended. Raises SwitchAway, ActionUnknown."""
        await self._tell("Hangup", {"Channel": _channel(channel)}, gone_is_fine=True)

    async def move(self, channel: str, *, room: int) -> None:
        """Take an agent's phone out of its conversation into a room. Raises SwitchAway, ActionUnknown."""
        fields = {"Channel": _channel(channel), "Context": ROOM, "Exten": str(room), "Priority": "1"}
        await self._tell("Redirect", fields)

    async def fetch(self, channel: str) -> None:
        """Bring a caller whom the switch serves by itself back to the engines. Raises SwitchAway, ActionUnknown.

        The label is asked for by name: a dialplan without it refuses, and the caller stays where they are.
        """
        fields = {"Channel": _channel(channel), "Context": LADDER, "Exten": "s", "Priority": AGAIN}
        await self._tell("Redirect", fields)

    async def call_back_from(self, room: int, channel: str) -> None:
        """End `Leg.join` of a caller in a room early. Raises SwitchAway, ActionUnknown."""
        fields = {"Conference": room_name(room), "Channel": _channel(channel)}
        await self._tell("ConfbridgeKick", fields, gone_is_fine=True)

    async def ring_in(
        self, target: str, *, room: int, channel_id: str, ring_s: float, auto_answer: bool | None = None
    ) -> None:
        """Ring an agent's phone or an outside number; who answers comes into the room.

        An agent's phone is asked to pick up by itself as for any offer: the variables of the new channel are headers.

        Raises SwitchAway when nothing rings, ActionUnknown when that is not known, Refused for another target.
        """
        outside = not PHONE.fullmatch(target)
        if (outside and not self._outbound.permits(target)) or not _CALL_ID.fullmatch(channel_id):
            raise Refused("neither a phone from the table of agents nor a number to call")
        fields = {
            "Channel": self._outbound.dial.format(number=target) if outside else target,
            "ChannelId": channel_id,  # chosen by us, so that it can be found whatever becomes of the answer
            "Context": ROOM,
            "Exten": str(room),
            "Priority": "1",
            "Timeout": str(max(1, round(ring_s * 1000))),
            "Async": "true",
        }
        if outside and self._outbound.caller_id:
            fields["CallerID"] = f"<{self._outbound.caller_id}>"
        elif not outside and (self._phones.auto_answer if auto_answer is None else auto_answer):
            headers = [header.partition(":") for header in self._phones.auto_answer_headers]
            fields["Variable"] = ",".join(f"PJSIP_HEADER(add,{name})={value.strip()}" for name, _, value in headers)
        await self._tell("Originate", fields)

    async def _tell(self, action: str, fields: dict[str, str], *, gone_is_fine: bool = False) -> None:
        answer = (await self._link.act(action, fields))[0]
        if answer.get("Response") != "Success" and not gone_is_fine:
            raise SwitchAway(f"the switch does not carry {action} out: {answer.get('Message')}")

    async def channels(self) -> tuple[ChannelSeen, ...]:
        """All channels, read afresh: one list for all who have asked before it begins, and one list at a time.

        Raises SwitchAway, also when the answer does not come.
        """
        if self._next_list is None:
            self._next_list = asyncio.create_task(self._list_after(self._list))
            self._next_list.add_done_callback(lambda task: task.cancelled() or task.exception())
        return await asyncio.shield(self._next_list)

    async def _list_after(self, before: "asyncio.Task[tuple[ChannelSeen, ...]] | None") -> tuple[ChannelSeen, ...]:
        if before is not None:
            await asyncio.wait((before,))
        self._list, self._next_list = self._next_list, None
        try:
            first, *rest = await self._link.act("CoreShowChannels", as_list=True, deadline_s=LIST_S)
        except ActionUnknown as fault:
            raise SwitchAway(str(fault)) from fault
        if first.get("Response") != "Success":
            raise SwitchAway(f"the switch does not list its channels: {first.get('Message')}")
        return tuple(channel_seen(packet) for packet in rest if packet.name == "CoreShowChannel")

    async def customer_agrees(self, call_id: str) -> bool | None:
        """What the customer has answered whom this call has `asked`; None while they have not. Raises SwitchAway,
        ActionUnknown."""
        if not _CALL_ID.fullmatch(call_id):
            raise Refused("not the id of a call")
        # A channel is found by its id as well as by its name; the half of the engine has that of the call.
        answer = (await self._link.act("Getvar", {"Channel": call_id, "Variable": SAID}))[0]
        if answer.get("Response") != "Success":
            raise SwitchAway(f"the switch does not say: {answer.get('Message')}")
        return agrees(answer.get("Value"))

    async def mute_recording(self, call_id: str, *, muted: bool) -> None:
        """Let the recording of a call's conversation hear silence from both sides, or both sides again.

        Returns once the switch has confirmed it. The channel is the caller's own, looked up afresh: names change, and
        that one carries the recording. Raises SwitchAway, or ActionUnknown: then it may be asked again.
        """
        callers = [seen for seen in await self.channels() if seen.call_id == call_id == seen.uniqueid]
        if not callers:
            raise SwitchAway("the caller's channel is not there")
        fields = {"Channel": callers[0].channel, "Direction": "both", "State": "1" if muted else "0"}
        answer = (await self._link.act("MixMonitorMute", fields, deadline_s=MUTE_S))[0]
        if answer.get("Response") != "Success":
            raise SwitchAway(f"the switch does not mute the recording: {answer.get('Message')}")

    async def phones(self) -> Mapping[str, PhoneState]:
        """All phones, read afresh. Raises SwitchAway, also when the answer does not come."""
        try:
            first, *rest = await self._link.act("DeviceStateList", as_list=True, deadline_s=LIST_S)
        except ActionUnknown as fault:
            raise SwitchAway(str(fault)) from fault
        if first.get("Response") != "Success":
            raise SwitchAway(f"the switch does not list its phones: {first.get('Message')}")
        told = [phone_is(packet) for packet in rest if packet.name == "DeviceStateChange"]
        return {one.phone: one.state for one in told if one.phone.startswith("PJSIP/")}

    def events(self) -> AsyncIterator[SwitchEvent]:
        """What happens from now on, in order; begins with SwitchBack when the link stands already."""
        stream = EventStream(self._most_events)
        self._streams.add(stream)
        if self.up:
            stream.put(SwitchBack(restarted=False))
        return stream

    def answered_at(self, call_id: str) -> float | None:
        """Loop time at which a phone was last answered for this call, if the link saw it."""
        return self._answered.get(call_id)

    def _take(self, packet: Packet) -> None:
        event = translate(packet)
        if event is None:
            return
        if isinstance(event, PhoneAnswered):
            self._answered.pop(event.call_id, None)
            self._answered[event.call_id] = asyncio.get_running_loop().time()
            if len(self._answered) > MOST_ANSWERS:
                del self._answered[next(iter(self._answered))]
        elif isinstance(event, ChannelGone) and event.uniqueid == event.call_id:
            self._answered.pop(event.call_id, None)
        self._publish(event)

    def _publish(self, event: SwitchEvent) -> None:
        behind = [stream for stream in tuple(self._streams) if not stream.put(event)]
        if behind:
            self._link.drop("a reader of events is too far behind")

    def _came_up(self, restarted: bool) -> None:
        self._publish(SwitchBack(restarted))

    def _went_down(self) -> None:
        self._publish(SwitchGone())


def _key(key: str) -> str:
    if not _KEY.fullmatch(key):
        raise Refused("not a key of a telephone")
    return key


def _channel(name: str) -> str:
    """The name of a channel, as the switch itself gave it. Raises Refused."""
    if not _ANY_CHANNEL.fullmatch(name):
        raise Refused("not the name of a channel")
    return name
