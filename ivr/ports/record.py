"""The record of calls, and who is calling.

Times named `…_at` and `now` are UTC seconds of the epoch, from `Clock.now()`. Nothing here knows AGI, AMI, SQL or HTTP.
"""

from collections.abc import Mapping
from typing import Any, Protocol

from menus.facts import CallerFacts, MenuMemory
from routing.call import Arrival, CallerSeen, CallEvent, Ending, PathStep, Rating, Recording, Resumed
from routing.recording import TalkRecording


class CallLog(Protocol):
    """Every call with every step. Writing never waits for the database: entries queue in order, bounded.

    `resume` reads and answers within its deadline or gives None; `settle` waits until what was written for this call
    is in the database, or the deadline has passed (False).
    """

    def opened(
        self,
        arrival: Arrival,
        *,
        now: float,
        facts: CallerFacts,
        language: str,
        book_version: int,
        entry: str = "",
        campaign: str = "",
    ) -> None: ...

    def event(self, call_id: str, kind: str, now: float, **data: Any) -> None: ...

    def stands(self, call_id: str, position: Mapping[str, Any], language: str) -> None: ...

    def moved(self, call_id: str, event: CallEvent) -> None: ...

    def used(self, customer_id: int, task: str, now: float, call_id: str) -> None:
        """The customer chose a task: one more event of history for the next menu."""
        ...

    def ended(self, call_id: str, ending: Ending, now: float) -> None: ...

    async def resume(self, call_id: str, *, deadline_s: float) -> Resumed | None: ...

    async def settle(self, call_id: str, *, deadline_s: float) -> bool: ...

    def verified(self, call_id: str, customer_id: int, now: float) -> None:
        """The caller has proved to be this customer."""
        ...

    def kept(self, subject: str, name: str, value: str, now: float) -> None:
        """Remember something of a caller (customer:7 or number:+86…) for later calls; `language` is the language."""
        ...

    def menu_heard(self, subject: str, menu: str, memory: MenuMemory, now: float) -> None:
        """What a caller heard of a menu, for the order of the next call."""
        ...

    def recorded(self, recording: Recording, now: float) -> None:
        """A recording lies in its folder."""
        ...

    def rated(self, rating: Rating, now: float) -> None:
        """An answer to a question of a survey."""
        ...

    async def rated_lately(self, subject: str, *, since: float) -> bool:
        """Whether this caller has answered a survey since then. Raises StoreAway."""
        ...

    async def path(self, call_id: str) -> tuple[PathStep, ...]:
        """What the caller has just done in the menus, oldest first."""
        ...

    async def decisions(self, call_id: str) -> tuple[Mapping[str, Any], ...]:
        """The decision records of the menus that the call has heard of late, oldest first."""
        ...

    async def caller(self, call_id: str) -> CallerSeen | None:
        """Who is on this call, from the database (the call may be held by another node)."""
        ...


class TalkRecordings(Protocol):
    """Recordings of conversations while they last. Every verb raises StoreAway."""

    async def begun(self, recording: Recording, *, now: float, asked: bool = False) -> None:
        """List a recording before it begins, silent while the customer is `asked`; one that is listed already stays as
        it is."""
        ...

    async def ended(self, recording: str, seconds: float, *, now: float) -> None:
        """The file is complete."""
        ...

    async def dropped(self, recording: str) -> None:
        """Nothing was said: it is taken off the list."""
        ...

    async def of_call(self, call_id: str) -> TalkRecording | None:
        """The recording of the conversation that goes on in a call."""
        ...

    async def wish(
        self, call_id: str, *, pause_until: float | None, version: int | None = None
    ) -> TalkRecording | None:
        """From now on it is to be silent until then, or to be heard; None when nothing is recorded, or when something
        else than in that version is wished by now."""
        ...

    async def answered(self, recording: str, *, agrees: bool) -> TalkRecording | None:
        """The customer has said whether they agree; None when they were not asked, or have said so before."""
        ...

    async def confirmed(self, recording: str, version: int, *, muted: bool | None) -> bool:
        """The switch did what was wished then, or nobody knows (None). False when something else is wished by now."""
        ...

    async def amiss(self, *, now: float) -> tuple[TalkRecording, ...]:
        """Open ones at which something is to be done."""
        ...

    async def left_open(self, *, ended_before: float) -> tuple[TalkRecording, ...]:
        """Open ones whose call ended before then: nobody has closed them."""
        ...


class Directory(Protocol):
    """Who is calling."""

    async def find(self, ani: str | None, *, now: float, deadline_s: float) -> CallerFacts:
        """Facts of the one customer with this number; without habits when none or several match, or when late."""
        ...

    async def customer(self, customer_id: int, *, ani: str | None, now: float, deadline_s: float) -> CallerFacts | None:
        """Facts of a verified customer who calls from this number; None when late or unknown."""
        ...
