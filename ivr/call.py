"""One call while it lasts: the caller's line, what is known of them, and the verbs that every step shares."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ivr.errors import HungUp
from ivr.parts import Edition, LiveCall, Parts
from ivr.ports import Clip, ClipHeard, Heard, Leg, is_agent_first
from ivr.surroundings import read_queues
from menus.facts import CallerFacts
from menus.picture import CallNow, picture
from menus.walk import Position
from routing.call import CallState, Ending, Reason, Result
from routing.offer import OfferEvent

#: How long a caller in silence waits for the store before music begins; what was not stored is tried again.
STATE_S = 0.5


@dataclass(slots=True)
class Call:
    """A call in progress. Belongs to one coroutine; nobody else changes it."""

    leg: Leg
    parts: Parts
    edition: Edition
    facts: CallerFacts
    language: str
    live: LiveCall
    started_at: float
    state: CallState = CallState.MENU
    talked: bool = False
    transferred: bool = False  #: has talked to an outside number
    left_message: bool = False  #: has left a voicemail or stated a complaint
    taken_up: bool = False  #: another engine has walked the book with it
    recording: str | None = None  #: name of the file that the next conversation may be recorded into
    recording_waits: bool = False  #: until the customer agrees who is rung when an agent has answered
    recording_agreed: dict[str, bool] = field(default_factory=dict)  #: announced, asked → whether it may be recorded
    talked_s: float = 0.0  #: in conversations; does not count towards the longest call
    unstored: dict[int, OfferEvent] = field(
        default_factory=dict
    )  #: offer → how its ring ended, while the store is away
    typed_ahead: str | None = None  #: a key pressed before the menu it is meant for; the menu takes it
    spare_key: str = ""  #: ends entries; after one that ended by its last digit it means nothing …
    spare_until: float = 0.0  #: … until this moment of the monotonic clock
    position: Position | None = None  #: where the call stands; the values of the call are there
    secrets: dict[str, str] = field(default_factory=dict, repr=False)  #: what was typed into `secret` values

    @property
    def id(self) -> str:
        """The call's id: Asterisk's linkedid."""
        return self.leg.arrival.call_id

    def now(self) -> float:
        """UTC seconds of the epoch."""
        return self.parts.clock.now()

    def local_time(self) -> datetime:
        """The site's time of day."""
        return datetime.fromtimestamp(self.now(), self.parts.settings.zone)

    @property
    def entry(self) -> str:
        """The book's entry that was dialled; empty for its own."""
        return self.edition.book.entry_for(self.leg.arrival.dnis)

    async def picture(self, position: Position, *texts: str | None) -> dict[str, Any]:
        """What these conditions may ask for, as it is now; queues are read only if one of them asks."""
        conditions, entry = self.edition.conditions, self.edition.book.entries.get(self.entry)
        asked = frozenset().union(*(conditions.needs(text) for text in texts if text is not None))
        about_queues = any(name.startswith("queue.") for name in asked)
        now = CallNow(
            dialled=self.leg.arrival.dnis,
            entry=self.entry,
            campaign=(entry.campaign if entry else None) or "",
            language=position.language,
            seconds=int(self.now() - self.started_at),
            talked=self.talked,
            verified_as=position.verified_as,
            values=position.values,
        )
        queues = await read_queues(self.parts, position.language) if about_queues else None
        return picture(self.facts, self.edition.hours.today(self.local_time()), now, queues)

    def note(self, kind: str, **data: Any) -> None:
        """One event in the record of this call."""
        self.parts.log.event(self.id, kind, self.now(), **data)

    async def say_on(self, prompts: Sequence[str]) -> None:
        """Say prompts on the way to a menu; a key stops them all and is kept for the menu."""
        for name in prompts:
            if self.typed_ahead is None:
                self.typed_ahead = (await self.say(self.prompt(name))).key

    async def say(self, clips: Sequence[Clip], *, keys: str = "0123456789*#", wakeable: bool = False) -> Heard:
        """Say clips with barge-in, inside the switch's own deadline, and record how much of each was heard."""
        if not clips:
            return Heard(())
        await self.leg.arm(sum(clip.seconds for clip in clips) + self.parts.settings.calls.dead_man_s)
        began = self.parts.clock.monotonic()
        if self.spare_key and began < self.spare_until:
            keys = keys.replace(self.spare_key, "")
        try:
            heard = await self.leg.say(clips, keys=keys, wakeable=wakeable)
        except HungUp:
            self._note_prompts(until(clips, self.parts.clock.monotonic() - began))
            raise
        self._note_prompts(heard.clips)
        return heard

    async def allow(self, seconds: float) -> None:
        """Keep the switch's own deadline away while others are asked for so long.

        A caller who has left is noticed at the next word to them: what is done for them without a word is still done.
        """
        with suppress(HungUp):
            await self.leg.arm(seconds + self.parts.settings.calls.dead_man_s)

    def _note_prompts(self, clips: Sequence[ClipHeard]) -> None:
        self.note(
            "prompts",
            clips=[
                {
                    "prompt": part.clip.prompt,
                    "text": part.clip.text,
                    "heard_s": round(part.seconds, 3),
                    "of_s": round(part.clip.seconds, 3),
                }
                for part in clips
            ],
        )

    def prompt(self, name: str, **values: Any) -> tuple[Clip, ...]:
        """A prompt of the book in the call's language; its slots take these values, else those of the call."""
        kept = self.position.values if self.position is not None else {}
        return self.edition.catalogue.prompt(name, self.language, **{**kept, **values})

    def left(self, *, ringing: bool) -> Ending:
        """How a call ends whose caller has hung up; `ringing`: while an agent's phone rang for them."""
        if self.talked and is_agent_first(self.live.channel) and not self.live.reached:
            return Ending(Result.LEFT, Reason.WHILE_RINGING)
        if self.talked:
            return Ending(Result.SERVED, Reason.AGENT)
        if self.transferred or self.live.outside_answered:
            return Ending(Result.DIVERTED, Reason.TRANSFERRED)
        if ringing or self.live.outside:
            return Ending(Result.LEFT, Reason.WHILE_RINGING)
        if self.state is CallState.WAITING:
            return Ending(Result.LEFT, Reason.IN_QUEUE)
        if self.left_message:
            return Ending(Result.DIVERTED, Reason.MESSAGE)
        return Ending(Result.LEFT, Reason.IN_MENU)


def until(clips: Sequence[Clip], seconds: float) -> tuple[ClipHeard, ...]:
    """How much of each clip was heard by a caller who left after so many seconds; the switch does not tell."""
    heard: list[ClipHeard] = []
    for clip in clips:
        if seconds <= 0:
            break
        heard.append(ClipHeard(clip, min(clip.seconds, seconds)))
        seconds -= clip.seconds
    return tuple(heard)
