"""A switchboard in memory: channels that a test adds and removes, events that a test sends."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import replace

from ivr.errors import SwitchAway
from ivr.ports import ChannelSeen, PhoneState, Question, SwitchEvent
from routing.listening import ListeningMode


class MemorySwitchboard:
    """`ivr.ports.Switchboard` without a switch."""

    def __init__(self) -> None:
        self.up = True
        self.seen: dict[str, ChannelSeen] = {}
        self.woken: list[str] = []
        self.on_wake: Callable[[str], None] | None = None
        self.called_out: list[tuple[str, str]] = []  #: number and id of each call that was made
        self.phone_states: dict[str, PhoneState] = {}
        self.asked_for_phones = 0
        self.silenced: list[tuple[str, str]] = []  #: call and phone of each look for one that rings
        self.agents_first: list[str] = []  #: ids of those in which the agent is rung first
        self.asked_on_answer: list[Question | None] = []
        self.agrees: dict[str, bool] = {}  #: by call: what its customer has answered
        self.told_on_answer: list[tuple[str, ...]] = []  #: what customers hear in them when they pick up
        self.on_call_out: Callable[[str, str], Awaitable[None]] | None = None  #: may raise what the switch raises
        self.fetched: list[str] = []  #: channels of callers who were brought back from the switch's own menu
        self.muted: dict[str, bool] = {}  #: call → whether its recording hears silence
        self.mute_fault: Exception | None = None
        self.spies: dict[str, ListeningMode] = {}  #: id of each supervisor's channel → who hears them
        self.spied_on: list[tuple[str, str]] = []  #: phone, and id of its channel where that is known
        self.spy_fault: Exception | None = None
        self.auto_answers: list[bool | None] = []  #: of each phone that was rung into a room
        self.done: list[tuple[object, ...]] = []  #: what was done to channels, in order
        self.on_do: Callable[[tuple[object, ...]], Awaitable[None]] | None = None  #: may raise what the switch raises
        self.is_called = "switch"  #: its identity
        self.waiting: set[str] = set()  #: channels that wait for an engine without a limit
        self._readers: list[asyncio.Queue[SwitchEvent]] = []
        self._untold: list[SwitchEvent] = []  #: for the first reader

    async def identity(self) -> str:
        """As it is called."""
        if not self.up:
            raise SwitchAway
        return self.is_called

    async def waits_for_ever(self, channel: str) -> bool:
        """As the test says."""
        return channel in self.waiting

    async def to_other_engine(self, channel: str) -> None:
        """Remember it."""
        await self._do("to_other_engine", channel)

    async def wake(self, channel: str) -> None:
        """Remember the wake, and pass it on if somebody asked for it."""
        self.woken.append(channel)
        if self.on_wake is not None:
            self.on_wake(channel)

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
        """Remember the call, and pass it on if somebody asked for it."""
        self.called_out.append((number, call_id))
        self.told_on_answer.append(tuple(told))
        self.asked_on_answer.append(asked)
        self.agents_first += [call_id] if agent_first else []
        if self.on_call_out is not None:
            await self.on_call_out(number, call_id)

    async def fetch(self, channel: str) -> None:
        """Remember it; the caller is with the engines."""
        if channel not in self.seen:
            raise SwitchAway
        self.fetched.append(channel)
        self.seen[channel] = replace(self.seen[channel], fallback=None)

    async def customer_agrees(self, call_id: str) -> bool | None:
        """What a test says; raises `mute_fault` if there is one."""
        if self.mute_fault is not None:
            raise self.mute_fault
        return self.agrees.get(call_id)

    async def mute_recording(self, call_id: str, *, muted: bool) -> None:
        """Remember it; raises `mute_fault` if there is one."""
        if self.mute_fault is not None:
            raise self.mute_fault
        self.muted[call_id] = muted

    async def spy(
        self, phone: str, *, call_id: str, spied: str, own: str, mode: ListeningMode, spy_id: str, ring_s: float
    ) -> None:
        """The supervisor's phone rings: a channel that is not up yet."""
        if self.spy_fault is not None:
            raise self.spy_fault
        self.spied_on.append((spied, own))
        self.spies[spy_id] = mode
        self.seen[spy_id] = ChannelSeen(spy_id, f"{phone}-0000000a", False, spy_id, up=False)

    async def change_spy(self, spy_id: str, mode: ListeningMode) -> None:
        """Others hear the supervisor; an answer that does not come, `spy_fault`, is raised after that."""
        if spy_id not in self.seen or isinstance(self.spy_fault, SwitchAway):
            raise SwitchAway
        self.spies[spy_id] = mode
        if self.spy_fault is not None:
            raise self.spy_fault

    async def end_spy(self, spy_id: str) -> None:
        """The phone is hung up."""
        self.seen.pop(spy_id, None)

    async def stop_ringing(self, call_id: str, phone: str) -> bool:
        """Remember the phone, and take its channel away if it rings."""
        self.silenced.append((call_id, phone))
        rings = [
            name
            for name, seen in self.seen.items()
            if seen.call_id == call_id and seen.channel.startswith(f"{phone}-") and not seen.up
        ]
        for name in rings:
            del self.seen[name]
        return bool(rings)

    async def hang_up(self, channel: str) -> None:
        """Remember it; the channel is gone."""
        await self._do("hang_up", channel)
        self.seen.pop(channel, None)

    async def move(self, channel: str, *, room: int) -> None:
        """Remember it."""
        await self._do("move", channel, room)

    async def call_back_from(self, room: int, channel: str) -> None:
        """Remember it."""
        await self._do("call_back_from", channel, room)

    async def ring_in(
        self, target: str, *, room: int, channel_id: str, ring_s: float, auto_answer: bool | None = None
    ) -> None:
        """Remember it."""
        self.auto_answers.append(auto_answer)
        await self._do("ring_in", target, room, channel_id)

    async def _do(self, *what: object) -> None:
        self.done.append(what)
        if self.on_do is not None:
            await self.on_do(what)

    async def channels(self) -> tuple[ChannelSeen, ...]:
        """All channels."""
        return tuple(self.seen.values())

    async def phones(self) -> Mapping[str, PhoneState]:
        """All phones."""
        self.asked_for_phones += 1
        return dict(self.phone_states)

    def tell(self, event: SwitchEvent) -> None:
        """Let the switch tell something."""
        if not self._readers:
            self._untold.append(event)
        for reader in self._readers:
            reader.put_nowait(event)

    async def events(self) -> AsyncIterator[SwitchEvent]:
        """What the test tells from now on, in order; the first reader also gets what was told before."""
        mine: asyncio.Queue[SwitchEvent] = asyncio.Queue()
        while self._untold:
            mine.put_nowait(self._untold.pop(0))
        self._readers.append(mine)
        while True:
            yield await mine.get()
