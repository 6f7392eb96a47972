"""A caller's line on a real Asterisk: heard by sound, known by record."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sqlalchemy import select

from ivr.lab.g711 import RATE, Samples
from ivr.lab.recognise import recognise
from ivr.lab.robot_call import RobotCall
from ivr.rehearsal.desk import Desk
from ivr.rehearsal.evidence import Event, Evidence, spelled_values
from ivr.rehearsal.telephone import Piece, joined
from ivr.rehearsal.words import Wanted
from menus.schema import MenuBook
from models.database import Database
from models.tables import CallbackRow, CallEventRow, CallRow, CaseRow, OutboxRow

LOOK_EVERY_S = 0.15
SETTLE_S = 5.0
LAG_S = 20.0  #: the longest prompt, and all options of a menu
_TONE_S = 1.0  #: from the end of what is said before a recording to its tone
_MOST_GAP_S = 0.3  #: between two clips, as the player leaves it
_GAP_S = 0.4  #: silence that the matched filter needs before it is sure of a beginning


class LiveLine:
    """`ivr.rehearsal.player.Line` for a robot's call."""

    def __init__(
        self,
        call: RobotCall,
        database: Database,
        book: MenuBook,
        voices: Mapping[str, Mapping[str, Samples]],
        desks: Sequence[Desk],
        ahead_s: float,
    ) -> None:
        self._call, self._database, self._book, self._voices = call, database, book, voices
        self._desks, self._ahead_s = desks, ahead_s
        self._began = call.answered_at or time.time()
        self._evidence = Evidence()
        self._pops_before = [len(desk.pops) for desk in desks]

    @property
    def ended(self) -> bool:
        """Whether the call is over and on record."""
        return self._call.ended.is_set() and self._evidence.ending is not None

    @property
    def lag_s(self) -> float:
        """What is not recognised by its sound is on record only once it was said."""
        return LAG_S

    @property
    def recording(self) -> bool:
        """Whether what the caller says is recorded, judged by what was said last on record."""
        steps, said = self._evidence.of("step"), self._evidence.of("prompts")
        if not steps or steps[-1].data.get("does") not in ("record", "survey") or not said:
            return False
        return said[-1].at_s >= steps[-1].at_s and self.now_s() >= said[-1].at_s + _TONE_S

    def now_s(self) -> float:
        """Seconds since the call was answered."""
        return time.time() - self._began

    async def press(self, keys: str) -> None:
        """Press keys, as RTP events."""
        await self._call.ear.press(keys)

    async def speak(self, seconds: float) -> None:
        """Make a noise for so long."""
        places = np.arange(int(seconds * RATE)) / RATE
        await self._call.ear.speak(np.rint(8000 * np.sin(2 * np.pi * 300 * places)).astype(np.int16))

    async def hang_up(self) -> None:
        """Leave."""
        await self._call.hang_up()

    async def pieces(self, want: Wanted | None) -> Sequence[Piece]:
        """What is on record, and `want` as soon as it can be heard."""
        recorded = self._on_record(await self.evidence())
        if want is None or not want.is_name:
            return recorded
        began, line = self._call.ear.sound()  # here, as packets come in meanwhile
        heard = await asyncio.to_thread(self._by_sound, want, began, line)
        known = [piece.at_s for piece in recorded if piece.prompt == want.written]
        fresh = [piece for piece in heard if all(abs(piece.at_s - at_s) > 1.0 for at_s in known)]
        return sorted([*recorded, *fresh], key=lambda piece: piece.at_s)

    async def changed(self, seconds: float) -> None:
        """A moment later; the record and the sound are looked at again."""
        await asyncio.sleep(min(seconds, LOOK_EVERY_S))
        if self._call.ended.is_set():
            await self.evidence()

    async def wait_ended(self) -> None:
        """Until the end of the call is on record, or that takes too long."""
        until = time.monotonic() + SETTLE_S
        while (await self.evidence()).ending is None and time.monotonic() < until:
            await self.changed(LOOK_EVERY_S)

    def _by_sound(self, want: Wanted, began: float, line: Samples) -> list[Piece]:
        pieces = []
        for sounds in self._voices.values():
            if want.written in sounds:
                sound = sounds[want.written]
                for found in recognise(line, {want.written: sound}):
                    at_s = began + found.at_s - self._began
                    whole_s = len(sound) / RATE
                    over = self.now_s() > at_s + found.heard_s + _GAP_S
                    pieces.append(Piece(want.written, "", at_s, whole_s, found.heard_s if over else None))
        return pieces

    def _on_record(self, evidence: Evidence) -> list[Piece]:
        """Pieces from the record, which tells of what was said when it is over."""
        pieces: list[Piece] = []
        before_s = 0.0  # when what came before was written down: then this began
        for event in evidence.events:
            clips = [clip for clip in event.data["clips"] if clip["heard_s"] > 0] if event.kind == "prompts" else []
            heard_s = sum(clip["heard_s"] for clip in clips)
            gap_s = max(0.0, min(_MOST_GAP_S, (event.at_s - before_s - heard_s) / max(1, len(clips))))
            at_s, before_s = event.at_s - heard_s - gap_s * len(clips), event.at_s
            for clip in clips:
                last = pieces[-1] if pieces else None
                if clip is not clips[0] and last is not None and last.prompt == clip["prompt"]:
                    last.text = joined([last.text, clip["text"]])
                    last.seconds += clip["of_s"]
                    last.heard_s = (last.heard_s or 0.0) + clip["heard_s"]
                else:
                    pieces.append(Piece(clip["prompt"], clip["text"], at_s, clip["of_s"], clip["heard_s"]))
                at_s += clip["heard_s"] + gap_s
        return pieces

    async def evidence(self) -> Evidence:
        """The record so far."""
        async with self._database.read() as session:
            call = await session.scalar(
                select(CallRow).where(CallRow.node != "").order_by(CallRow.started_at.desc()).limit(1)
            )
            if call is None or call.id.startswith("earlier-"):
                return self._evidence
            events = await session.scalars(
                select(CallEventRow).where(CallEventRow.call_id == call.id).order_by(CallEventRow.id)
            )
            told = tuple(Event(row.at - self._ahead_s - self._began, row.kind, row.data) for row in events)
            messages = await session.scalars(select(OutboxRow).where(OutboxRow.call_id == call.id))
            sent = tuple((row.to, row.text) for row in messages)
            cases = await session.scalars(select(CaseRow).where(CaseRow.call_id == call.id))
            opened = tuple((row.number, row.subject) for row in cases)
            callbacks = await session.scalars(select(CallbackRow).where(CallbackRow.call_id == call.id))
            wishes = tuple((row.queue, row.number) for row in callbacks)
        self._evidence = Evidence(
            told, sent, opened, wishes, self._pops(), spelled_values(call.position), _ending(call)
        )
        return self._evidence

    def _pops(self) -> tuple[str, ...]:
        return tuple(
            pop for desk, before in zip(self._desks, self._pops_before, strict=True) for pop in desk.pops[before:]
        )


def _ending(call: Any) -> str | None:
    return None if call.ended_at is None else f"{call.result}/{call.reason}"
