"""The calls of the demonstration: who calls on which day, what they do, and what must be seen and heard."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from ivr.bank.ledger import NAMED_SECRETS
from ivr.bank.people import LI_NA
from ivr.demo.desks import AgentDesk, AgentDesks
from ivr.demo.tell import Storyteller, newest_event, on_the_wall
from ivr.demo.voices import option_voices
from ivr.lab.g711 import Samples, read_wav
from ivr.lab.recognise import recognise
from ivr.lab.robots import RobotCall, RobotCaller, RobotPhone
from ivr.lab.site import Site
from ivr.prompts.catalogue import Catalogue
from menus.schema import MenuBook
from models.database import Database

HOTLINE = "95599"
#: Seconds that one call may take.
LONGEST_CALL_S = 90.0
TOP = "main"  #: the book's first menu


@dataclass(frozen=True, slots=True)
class Keys:
    """Keys that the caller presses."""

    press: str
    once: str | None = None  #: prompt that must be on the line before; None = the first options of the menu


@dataclass(frozen=True, slots=True)
class DemoCall:
    """One call of the programme."""

    letter: str
    title: str
    at: str  #: local time of the engine
    number: str | None
    language: str
    keys: tuple[Keys, ...] = ()  #: pressed one after the other; none = listen to the menu and hang up
    spoken_first: str | None = None  #: the option that must come first on the line
    not_first: str | None = None  #: the option that must not
    agent: str | None = None  #: who must be connected
    pop_shows: tuple[str, ...] = ()  #: what must stand in the pop
    told: str | None = None  #: prompt with values that must be told; then the caller hangs up


CALLS = (
    DemoCall(
        "a", "Li Na, who transfers at month start, calls on the 1st: transfer comes first",
        "2026-12-01T09:30", "+8613800000001", "en", (Keys("2"), Keys("0", once="transfers_greeting")),
        spoken_first="transfer", agent="chris", pop_shows=("Li Na", "Transfer"),
    ),
    DemoCall(
        "c", "Chen Wei complains: straight to the complaint front line, the open case on the pop",
        "2026-12-01T09:30", "+8613800000003", "en", (Keys("70"),),
        agent="grace", pop_shows=("Chen Wei", "Charged twice"),
    ),
    DemoCall(
        "d", "Wang Fang hears Chinese and reaches an agent who speaks it",
        "2026-12-01T09:30", "+8613800000002", "zh", (Keys("0"),), agent="meiling",
    ),
    DemoCall(
        "e", "Li Na asks for her balance: nobody is needed, the PIN is",
        "2026-12-01T09:30", "+8613800000001", "en",
        (Keys("1"), Keys(f"{NAMED_SECRETS[LI_NA][0]}#", once="ask_pin")), told="balance_is",
    ),
    DemoCall(
        "b", "Li Na again, mid-month: transfer does not come first",
        "2026-12-15T09:30", "+8613800000001", "en", not_first="transfer",
    ),
)  # fmt: skip


@dataclass(slots=True)
class Seen:
    """What was seen and heard of a call."""

    call: DemoCall
    first_spoken: str | None = None  #: option recognised first, from the sound on the line
    dial_to_prompt_ms: float = float("nan")  #: from INVITE to the first sound
    pop_lead_ms: float | None = None  #: from the pop standing on the screen to the INVITE at the agent's phone
    faults: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether all that had to be seen was seen."""
        return not self.faults


@dataclass(slots=True)
class Stage:
    """Everything that a call of the demonstration needs."""

    site: Site
    database: Database
    console: Console
    caller: RobotCaller
    phones: Mapping[str, RobotPhone]
    browser: AgentDesks
    book: MenuBook
    catalogue: Catalogue
    desks: dict[str, AgentDesk] = field(default_factory=dict)

    async def open_desks(self, names: Sequence[str]) -> None:
        """Sign these agents in, each in a browser window of their own, ready for calls. Earlier windows are closed."""
        for desk in self.desks.values():
            await desk.close()
        for name in names:
            self.desks[name] = await self.browser.sign_in(name, self.site.password)
            await self.desks[name].ready()

    def voices(self, language: str) -> Mapping[str, Samples]:
        """The options of the first menu, as they sound."""
        return option_voices(self.book, self.catalogue, TOP, language)

    async def place(self, call: DemoCall) -> Seen:
        """Place one call, tell it, and judge what was seen and heard."""
        self.console.print(f"\n[bold]({call.letter}) {call.title}[/]  [dim]{on_the_wall(call.at)}[/]", highlight=False)
        teller = Storyteller(self.database, self.console, ani=call.number, after_id=await newest_event(self.database))
        calls_before = {name: len(phone.calls) for name, phone in self.phones.items()}
        pops_before = {name: len(await desk.pops_stood()) for name, desk in self.desks.items()}
        seen = Seen(call)
        async with asyncio.timeout(LONGEST_CALL_S), asyncio.TaskGroup() as group:
            story = group.create_task(teller.follow())
            line = await self.caller.dial(HOTLINE, number=call.number)
            try:
                await self._behave(call, line, teller)
            finally:
                await line.hang_up()
            await story
        await self._judge(call, line, teller, seen, calls_before, pops_before)
        return seen

    async def _behave(self, call: DemoCall, line: RobotCall, teller: Storyteller) -> None:
        """Listen until the first options have been spoken; press, and stay until the agent has hung up."""
        first = await line.ear.hear_sound(deadline_s=5)
        self.console.print(f"    [dim]first sound {1000 * (first - line.invited_at):.0f} ms after dialling[/]")
        clips = self.voices(call.language)
        await asyncio.sleep(2.0)
        while len(recognise(line.ear.sound()[1], clips)) < 2:
            await asyncio.sleep(0.5)
        if not call.keys:
            await asyncio.sleep(2.0)
            return
        for keys in call.keys:
            if keys.once is not None:
                await self._hear(line, keys.once, call.language)
            for key in keys.press:
                await line.ear.press(key)
        if call.told is None:
            await line.wait_ended(deadline_s=60)
            return
        while not teller.told(call.told):
            await asyncio.sleep(0.1)

    async def _hear(self, line: RobotCall, prompt: str, language: str) -> None:
        """Return once a prompt without slots has begun on the line."""
        clip = self.catalogue.prompt(prompt, language)[0]
        sound = {prompt: read_wav(Path(clip.sound + ".wav"))}
        while not recognise(line.ear.sound()[1], sound):
            await asyncio.sleep(0.2)

    async def _judge(
        self,
        call: DemoCall,
        line: RobotCall,
        teller: Storyteller,
        seen: Seen,
        calls_before: Mapping[str, int],
        pops_before: Mapping[str, int],
    ) -> None:
        if line.ear.first_sound_at is not None:
            seen.dial_to_prompt_ms = 1000 * (line.ear.first_sound_at - line.invited_at)
        heard = recognise(line.ear.sound()[1], self.voices(call.language))
        seen.first_spoken = heard[0].name if heard else None
        seen.remarks.append(f"heard on the line: {', '.join(clip.name for clip in heard) or 'nothing that we know'}")
        if seen.first_spoken is None:
            seen.faults.append(f"no option in {call.language} was heard on the line")
        if call.spoken_first is not None and seen.first_spoken != call.spoken_first:
            seen.faults.append(f"{seen.first_spoken} was spoken first, not {call.spoken_first}")
        if call.not_first is not None and seen.first_spoken == call.not_first:
            seen.faults.append(f"{call.not_first} was spoken first")
        if call.told is not None and not teller.told(call.told):
            seen.faults.append(f"{call.told} was not told")
        if call.agent is not None:
            await self._judge_agent(call, call.agent, teller, seen, calls_before, pops_before)
        seen.remarks += [f"[red]{fault}[/]" for fault in seen.faults]

    async def _judge_agent(
        self,
        call: DemoCall,
        agent: str,
        teller: Storyteller,
        seen: Seen,
        calls_before: Mapping[str, int],
        pops_before: Mapping[str, int],
    ) -> None:
        desk = self.desks[agent]
        rung = self.phones[agent].calls[calls_before[agent] :]
        stood = (await desk.pops_stood())[pops_before[agent] :]
        text = await desk.pop_text()
        if not rung:
            seen.faults.append(f"{agent}'s phone did not ring")
        if not stood:
            seen.faults.append(f"no pop stood on {agent}'s screen")
        if rung and stood:
            seen.pop_lead_ms = 1000 * (rung[0].invited_at - stood[0])
            if seen.pop_lead_ms <= 0:
                seen.faults.append("the phone rang before the pop stood on the screen")
        seen.faults += [f"the pop does not show {words!r}" for words in call.pop_shows if words not in text]
        offers = await teller.offers()
        if not any(offer.answered_at is not None for offer in offers):
            seen.faults.append("nobody talked to the caller")
        self.console.print(f"    [green]{agent} reads:[/] " + " · ".join(text.split("\n")[:14]), highlight=False)
        await desk.wrap_up()
