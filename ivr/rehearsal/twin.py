"""Scenarios on the twins: the whole call in memory and in virtual time."""

import asyncio
from collections.abc import Sequence

from ivr.rehearsal.callers import move_in, number_of
from ivr.rehearsal.evidence import Evidence, evidence_of
from ivr.rehearsal.files import Part
from ivr.rehearsal.loops import run_virtually
from ivr.rehearsal.node import Rehearsal, Scene, everybody, logged
from ivr.rehearsal.player import Played, play
from ivr.rehearsal.telephone import BETWEEN_KEYS_S, Piece, Telephone
from ivr.rehearsal.words import Wanted

LONGEST_S = 4 * 3600.0  #: of virtual time; a scenario that takes longer is in a loop


class TwinLine:
    """`ivr.rehearsal.player.Line` on a telephone without a switch."""

    def __init__(self, rehearsal: Rehearsal, telephone: Telephone) -> None:
        self._rehearsal, self._telephone = rehearsal, telephone

    @property
    def ended(self) -> bool:
        """Whether the call is over."""
        return self._telephone.ended

    @property
    def lag_s(self) -> float:
        """Everything is known at once."""
        return 0.0

    @property
    def recording(self) -> bool:
        """Whether what the caller says is recorded."""
        return self._telephone.recording

    def now_s(self) -> float:
        """Seconds since the call began."""
        return self._telephone.now_s()

    async def press(self, keys: str) -> None:
        """Press keys, one after the other."""
        for index, key in enumerate(keys):
            await asyncio.sleep(BETWEEN_KEYS_S if index else 0)
            self._telephone.press(key)

    async def speak(self, seconds: float) -> None:
        """Say something for so long."""
        self._telephone.speak(seconds)
        await asyncio.sleep(seconds)

    async def hang_up(self) -> None:
        """Leave."""
        self._telephone.hang_up()

    async def pieces(self, want: Wanted | None) -> Sequence[Piece]:
        """What was said so far."""
        return self._telephone.pieces

    async def evidence(self) -> Evidence:
        """The record so far."""
        return evidence_of(self._rehearsal)

    async def changed(self, seconds: float) -> None:
        """Until the caller may notice something."""
        await self._telephone.noticed(seconds)


def play_on_twins(part: Part, scene: Scene) -> Played:
    """The whole scenario, at once."""
    with logged() as kept:
        played = run_virtually(_play(part, scene))
    played.faults = kept.faults
    return played


async def _play(part: Part, scene: Scene) -> Played:
    scenario, at = part.scenario, scene.local(part.scenario.at)
    rehearsal = Rehearsal(scene, at, language=scenario.lang)
    move_in(rehearsal.stage, part.callers, at)
    agents = everybody(part.agents)
    if scenario.agents != "none":
        there = agents if scenario.agents is None else {name: agents[name] for name in scenario.agents}
        rehearsal.hire(there)
    if scenario.crowd is not None:
        rehearsal.crowd(scenario.crowd)
    rehearsal.outside(scenario.outside)
    rehearsal.webhooks.take(scenario.dips)
    telephone = rehearsal.telephone(number_of(part.caller), scenario.dial)
    async with asyncio.timeout(LONGEST_S):
        served = asyncio.create_task(rehearsal.serve(telephone))
        try:
            return await play(part, TwinLine(rehearsal, telephone), scene.edition.book)
        finally:
            telephone.hang_up()
            await asyncio.wait([served])
