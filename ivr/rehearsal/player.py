"""Plays a scenario on a line: acts as the caller does, and finds where the call departs from what is expected."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ivr.rehearsal.evidence import Event, Evidence
from ivr.rehearsal.files import Part
from ivr.rehearsal.schema import ACTS, Step, seconds_of
from ivr.rehearsal.telephone import Piece
from ivr.rehearsal.words import Wanted, wanted
from menus.schema import MenuBook

PATIENCE_S = 1200.0  #: how long something may take when the scenario does not say: longer than queues usually hold
LOOK_EVERY_S = 1.0
REACTS_S = 0.3  #: no caller is quicker
RECORDED_S = 1.0  #: until something that has happened on a real line is on record
SAME_S = 0.5  #: by which one piece may seem to begin later on record than by its sound
HANG_UP_S = 10.0


class Line(Protocol):
    """A caller's line, with all that can be known of the call. Times are seconds from the beginning of the call."""

    @property
    def ended(self) -> bool: ...

    @property
    def recording(self) -> bool: ...

    @property
    def lag_s(self) -> float: ...  # how long after its beginning it may take until something said is known

    def now_s(self) -> float: ...

    async def press(self, keys: str) -> None:
        """Press keys, one after the other."""
        ...

    async def speak(self, seconds: float) -> None:
        """Say something for so long."""
        ...

    async def hang_up(self) -> None: ...

    async def pieces(self, want: Wanted | None) -> Sequence[Piece]:
        """What was said so far; on a real line, only `want` is sure to be found at once."""
        ...

    async def evidence(self) -> Evidence: ...

    async def changed(self, seconds: float) -> None:
        """Until there may be something new, or the time is over."""
        ...


@dataclass(frozen=True, slots=True)
class Departure:
    """Where a call was not as expected."""

    step: int  #: index of the step that was not met
    at_s: float  #: what was said and done until then was as expected
    why: str


@dataclass(slots=True)
class Played:
    """What came of a scenario."""

    part: Part
    departure: Departure | None = None
    pieces: Sequence[Piece] = ()
    acts: list[tuple[float, str]] = field(default_factory=list)  #: what the caller did
    met: list[tuple[float, int]] = field(default_factory=list)  #: when each step was met
    evidence: Evidence = field(default_factory=Evidence)
    faults: Sequence[str] = ()  #: of the engine, with where they happened
    lasted_s: float = 0.0  #: the call
    took_s: float = 0.0  #: to play it, on this machine's clock
    skipped: str | None = None  #: why it was not played

    @property
    def ok(self) -> bool:
        """Whether all went as expected."""
        return self.departure is None and not self.faults


class _Departs(Exception):
    """The call is not as expected."""

    def __init__(self, why: str, at_s: float | None = None, step: int | None = None) -> None:
        super().__init__(why)
        self.why, self.at_s, self.step = why, at_s, step


async def play(part: Part, line: Line, book: MenuBook) -> Played:
    """The whole scenario. Never raises for a call that is not as expected."""
    player = _Player(line, book, Played(part))
    played, number = player.played, 0
    try:
        for number, step in enumerate(part.scenario.steps):
            await player.do(number, step)
            if step.kind != "never_hears":
                played.met.append((line.now_s(), number))
        await player.leave()
        await player.check_never()
    except _Departs as departs:
        at_s = player.mark_s if departs.at_s is None else departs.at_s
        played.departure = Departure(number if departs.step is None else departs.step, at_s, departs.why)
        await player.leave()
    played.pieces, played.evidence, played.lasted_s = await line.pieces(None), await line.evidence(), line.now_s()
    if played.departure is None and (faults := played.evidence.of("fault")):
        played.departure = Departure(len(part.scenario.steps) - 1, faults[0].at_s, "the conversation failed")
    return played


class _Player:
    """The caller, who follows the script from step to step."""

    def __init__(self, line: Line, book: MenuBook, played: Played) -> None:
        self.line, self.book, self.played = line, book, played
        self.mark_s = 0.0  #: what began before does not count any more
        self.acted_s = 0.0  #: when the caller did something last
        self.hearing: Piece | None = None  #: what was heard last, perhaps not to its end yet
        self.never: list[tuple[int, str, float]] = []  #: index of the step, what, since when

    async def do(self, number: int, step: Step) -> None:
        """One step of the scenario."""
        kind = step.kind
        if kind in ACTS:
            await self._act(step)
        elif kind in ("hears", "next"):
            await self._hear(step)
        elif step.never_hears is not None:
            self.never.append((number, step.never_hears, self.mark_s))
        else:
            await self._until(step, lambda: self._on_record(step))

    async def leave(self) -> None:
        """Hang up if need be, and wait until the engine has written how the call ended."""
        if not self.line.ended:
            await self.line.hang_up()
        until_s = self.line.now_s() + HANG_UP_S
        while not self.line.ended and self.line.now_s() < until_s:
            await self.line.changed(LOOK_EVERY_S)

    async def check_never(self) -> None:
        """Raises _Departs if something was said after all."""
        for number, written, since_s in self.never:
            want = wanted(self.book, written)
            for piece in await self.line.pieces(want):
                if piece.at_s >= since_s and want.is_in(piece.prompt, piece.text):
                    raise _Departs(f"it was said: {piece.text}", piece.at_s, number)

    # --- what the caller does -----------------------------------------------------------------------------------------

    async def _act(self, step: Step) -> None:
        line = self.line
        if step.while_ is not None:
            want, piece = wanted(self.book, step.while_), self.hearing
            if piece is None or not self._is_heard(piece) or not want.is_in(piece.prompt, piece.text):
                piece = await self._said(want, step)
            await self._pass(min(0.5, piece.seconds / 3) - (line.now_s() - piece.at_s))
        else:
            while self.hearing is not None and self._is_heard(self.hearing) and not line.ended:  # listens to its end
                await line.changed(self.hearing.at_s + self.hearing.seconds - line.now_s())
            await self._pass(REACTS_S if step.waits is None else 0)
        if line.ended and step.waits is None:
            raise _Departs("the call had ended before")
        if step.waits is not None:
            self._did(f"waits {step.waits}")
            await self._pass(seconds_of(step.waits))
        elif step.presses is not None:
            self._did(f"presses {step.presses}")
            await line.press(step.presses)
        elif step.says is not None:
            await self._until(step, self._tone)
            self._did(f"speaks for {step.says}")
            await line.speak(seconds_of(step.says))
        else:
            self._did("hangs up")
            await line.hang_up()
        self.mark_s = self.acted_s = line.now_s() if step.waits is not None else self.acted_s

    def _is_heard(self, piece: Piece) -> bool:
        """Whether it is being said right now."""
        return piece.heard_s is None and self.line.now_s() < piece.at_s + piece.seconds - 1e-6

    def _did(self, what: str) -> None:
        self.acted_s = self.line.now_s()
        self.played.acts.append((self.acted_s, what))

    async def _tone(self) -> str | None:
        return None if self.line.recording else "no tone for a recording came"

    async def _pass(self, seconds: float) -> None:
        until_s = self.line.now_s() + seconds
        while (left_s := until_s - self.line.now_s()) > 1e-6:
            await self.line.changed(left_s)
            if self.line.ended:
                return

    # --- what must happen ---------------------------------------------------------------------------------------------

    async def _hear(self, step: Step) -> None:
        want = wanted(self.book, step.hears or step.next or "")
        self.hearing = await self._said(want, step, strictly=step.next is not None)
        self.mark_s = self.hearing.at_s + min(SAME_S, self.hearing.seconds / 3)

    async def _said(self, want: Wanted, step: Step, *, strictly: bool = False) -> Piece:
        found: list[Piece] = []

        async def heard() -> str | None:
            for piece in await self.line.pieces(None if strictly else want):
                if piece.at_s >= self.mark_s - 1e-9:
                    if want.is_in(piece.prompt, piece.text):
                        if step.within_s is not None and piece.at_s > self.acted_s + step.within_s + 1e-6:
                            raise _Departs(f"it came too late: {piece.at_s - self.acted_s:.1f} s after the last act")
                        found.append(piece)
                        return None
                    if strictly:
                        raise _Departs(f"said next was: {piece.text} ({piece.prompt})")
            return "it was not said"

        await self._until(step, heard, lag_s=self.line.lag_s)
        return found[0]

    async def _until(self, step: Step, missing: Callable[[], Awaitable[str | None]], *, lag_s: float = 0.0) -> None:
        """Until nothing is missing any more. Raises _Departs when the time is over, or the call."""
        until_s = self.acted_s + step.within_s if step.within_s is not None else self.line.now_s() + PATIENCE_S
        until_s += max(lag_s, min(self.line.lag_s, RECORDED_S)) + 1e-6
        while True:
            over = self.line.ended
            why = await missing()
            late = self.line.now_s() > until_s
            if why is None and not (late and step.within_s is not None):
                return
            if over or late:
                told = "it came too late" if why is None else why
                limit = f" within {step.within_s:g} s of what the caller did last" if step.within_s is not None else ""
                raise _Departs(told + (" before the call ended" if over and why else limit))
            await self.line.changed(max(1e-3, min(LOOK_EVERY_S, until_s - self.line.now_s() + 1e-5)))

    async def _on_record(self, step: Step) -> str | None:
        """What is missing on record; None when it is there."""
        found = await self.line.evidence()
        if step.reaches is not None:
            return _reached(found, *step.reaches.split("/"))
        if step.first_option is not None or step.options is not None:
            return _ordered(self._menu(found), step)
        if step.pop_shows is not None:
            if not found.pops:
                return "no agent was shown the caller"
            absent = [words for words in step.pop_shows if words.casefold() not in found.pops[-1].casefold()]
            return f"the pop does not show {', '.join(map(repr, absent))}" if absent else None
        if step.message_contains is not None:
            texts = [text for _, text in found.messages]
            return _one_with(step.message_contains, texts, "message was sent", "messages")
        if step.case_opened is not None:
            return _one_with(step.case_opened, [subject for _, subject in found.cases], "case was opened", "cases")
        if step.callback is not None:
            queues = [queue for queue, _ in found.callbacks]
            return None if step.callback in queues else f"no callback was asked for in it; in: {queues or 'none'}"
        if step.value is not None:
            wrong = [
                f"{name} is {found.values.get(name, 'not set')}"
                for name, value in step.value.items()
                if found.values.get(name) != value
            ]
            return ", ".join(wrong) or None
        assert step.ends is not None
        if found.ending is None:
            return "the call did not end"
        fits = found.ending == step.ends or found.ending.split("/")[0] == step.ends
        return None if fits else f"it ended as {found.ending}"

    def _menu(self, found: Evidence) -> Event | None:
        menus = [event for event in found.of("menu") if event.at_s >= self.acted_s - 1e-6]
        return menus[0] if menus else None


def _reached(found: Evidence, queue: str, agent: str | None = None) -> str | None:
    needs = found.of("need")
    if not needs or needs[-1].data["queue"] != queue:
        return f"the caller is in {needs[-1].data['queue']}" if needs else "the caller is in no queue"
    if agent is None:
        return None
    met = [event.data["agent"] for event in found.of("answered") if event.at_s >= needs[-1].at_s]
    if agent in met:
        return None
    return f"the caller talks to {met[-1]}" if met else f"the caller waits in {queue}; nobody has answered"


def _ordered(menu: Event | None, step: Step) -> str | None:
    if menu is None:
        return "no menu was offered"
    order = [option["option"] for option in menu.data["order"]]
    if step.options is not None and list(step.options) != order:
        return f"the order is: {', '.join(order)}"
    if step.first_option is not None and order[:1] != [step.first_option]:
        return f"{order[0]} is spoken first; the order is: {', '.join(order)}"
    return None


def _one_with(words: str, texts: Sequence[str], what: str, many: str) -> str | None:
    if any(words.casefold() in text.casefold() for text in texts):
        return None
    return f"no {what}" if not texts else f"{many} in this call: {'; '.join(texts)}"
