"""One of two nodes is killed in the midst of calls: who does what before, what is told meanwhile, and what follows."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
from rich.console import Console

from ivr.demo.desks import AgentDesk, AgentDesks
from ivr.demo.evidence import OfferMade, holder, newest_offer, offers_after, queue_order
from ivr.demo.hearing import longest_silence_s
from ivr.demo.witnessed import Caller, Witnessed
from ivr.lab.g711 import RATE, Samples, read_wav
from ivr.lab.recognise import recognise
from ivr.lab.robots import Manner, RobotCaller, RobotPhone
from ivr.lab.site import Site
from ivr.prompts.catalogue import Catalogue
from models.database import Database

HOTLINE = "95599"
#: Agents, and the node on which each opens the desktop.
ON_DUTY = {"grace": 0, "chris": 0, "carol": 1}
#: The complaint that is being talked about when the node is killed, and how long that agent talks.
LONG_TALK_S, SHORT_TALK_S = 40.0, 5.0
#: Silence is looked for from the kill on for so long.
LISTEN_S = 8.0
LOOK_S = 0.004  #: between two looks for the offer that is to be caught before its phone rings
HEAR_AGAIN_S = 0.15
DEADLINE_S = 20.0  #: of each thing that is waited for
SERVED_S = 90.0  #: until everybody has talked to an agent


class Takeover:
    """The showing."""

    def __init__(
        self,
        site: Site,
        database: Database,
        console: Console,
        caller: RobotCaller,
        phones: Mapping[str, RobotPhone],
        browser: AgentDesks,
        catalogue: Catalogue,
    ) -> None:
        self._site = site
        self._database = database
        self._console = console
        self._caller = caller
        self._phones = phones
        self._browser = browser
        self._catalogue = catalogue
        self._desks: dict[str, AgentDesk] = {}
        self._seen = Witnessed()

    async def play(self) -> Witnessed:
        """All of it, told. Raises TimeoutError when something does not happen at all."""
        await self._open_desks()
        grace, first, second, third, browsing = await self._callers_come()
        before = await self._kill_in_an_offer()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._pages_go_on())
            group.create_task(self._hear_again(browsing, "main_greeting", "heard the menu again"))
            for caller in (second, third):
                group.create_task(self._hear_again(caller, "please_hold", "was asked to hold again"))
        await self._offer_of_the_dead(before)
        self._tell(f"{browsing.name} presses [bold yellow]0[/] on node b and queues up behind the others")
        await browsing.line.ear.press("0")
        await self._everybody_is_served(before, [first, second, third, browsing])
        await self._talk_goes_on(grace)
        await self._node_comes_back()
        self._seen.phone_calls = [
            (name, call.invited_at, call.ended_at) for name, phone in self._phones.items() for call in phone.calls
        ]
        return self._seen

    # --- before -------------------------------------------------------------------------------------------------

    async def _open_desks(self) -> None:
        self._step("Agents open their desktops: grace and chris on node a, carol on node b")
        for name, node in ON_DUTY.items():
            self._desks[name] = await self._browser.sign_in(name, self._site.password, url=self._site.engines[node].url)
        await self._desks["grace"].ready()

    async def _callers_come(self) -> tuple[Caller, Caller, Caller, Caller, Caller]:
        self._step("Callers come; Asterisk gives them to node a")
        phone = self._phones["grace"]
        quick, voice = phone.manner, phone.manner.sentence
        assert voice is not None
        pause = np.zeros(RATE // 4, dtype=np.int16)
        phone.manner = Manner(ring_s=1.0, talk_s=LONG_TALK_S, sentence=np.concatenate([voice, pause] * 40))
        talking = await self._comes("Chen Wei", "+8613800000003", "en", "talked with grace", press="70")
        await self._hears(talking, voice)
        phone.manner = quick
        self._tell("Chen Wei talks with [bold]grace[/] about his complaint")
        queue: list[Caller] = []
        for name, number, language in (
            ("Li Na", "+8613800000001", "en"),
            ("Zhang Min", "+8613800000004", "zh"),
            ("Liu Yang", "+8613800000005", "en"),
        ):
            caller = await self._comes(name, number, language, f"waited, place {len(queue) + 1}", press="0")
            await self._hears(caller, self._clip("please_hold", language))
            queue.append(caller)
            self._tell(f"{name} waits for an agent, place {len(queue)}")
        browsing = await self._comes("Wang Fang", "+8613800000002", "zh", "listened to the menu")
        await self._hears(browsing, self._clip("main_greeting", "zh"))
        self._tell("Wang Fang listens to the menu")
        self._seen.queue_before = await queue_order(self._database)
        return talking, queue[0], queue[1], queue[2], browsing

    async def _comes(self, name: str, number: str, language: str, doing: str, press: str = "") -> Caller:
        line = await self._caller.dial(HOTLINE, number=number)
        caller = Caller(name, number, language, doing, line)
        self._seen.callers.append(caller)
        await line.ear.hear_sound(deadline_s=DEADLINE_S)
        await line.ear.press(press)
        return caller

    # --- the kill -----------------------------------------------------------------------------------------------

    async def _kill_in_an_offer(self) -> int:
        """Kill node a between its claim of an agent and the ring; the answer is the newest offer before."""
        self._step("chris presses ready; node a offers him Li Na's call – and is killed -9 before his phone rings")
        before = await newest_offer(self._database)
        rung = len(self._phones["chris"].calls)
        strike = asyncio.create_task(self._strike(before))
        await self._desks["chris"].page.click("#ready")
        async with asyncio.timeout(DEADLINE_S):
            await strike
        self._seen.rang_before_kill = len(self._phones["chris"].calls) > rung
        self._tell("[bold red]node a is dead[/]" + (", his phone rings already" if self._seen.rang_before_kill else ""))
        return before

    async def _strike(self, before: int) -> None:
        while not await offers_after(self._database, before):
            await asyncio.sleep(LOOK_S)
        self._site.engines[0].kill()
        self._seen.killed_at = time.time()

    async def _pages_go_on(self) -> None:
        """The pages that were on the dead node find the other one."""
        back: dict[str, float] = {}
        for name in (name for name, node in ON_DUTY.items() if node == 0):
            async with asyncio.timeout(DEADLINE_S):
                while (live_at := await self._desks[name].live_since(self._seen.killed_at)) is None:
                    await asyncio.sleep(0.1)
            back[name] = live_at - self._seen.killed_at
            where = "node b" if self._desks[name].linked_to(self._site.engines[1].url) else "no other node"
            self._tell(
                f"{name}'s page is live again on [bold]{where}[/], {self._after(live_at)}, without a new sign-in"
            )
        self._seen.page_back_s = back

    async def _hear_again(self, caller: Caller, prompt: str, words: str) -> None:
        at = await self._hears(caller, self._clip(prompt, caller.language), after=self._seen.killed_at)
        caller.noticed = f"{words}, {self._after(at)}"
        self._tell(f"{caller.name} {caller.noticed}")

    async def _offer_of_the_dead(self, before: int) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while True:
                self._seen.caught = (await offers_after(self._database, before))[0]
                if self._seen.caught.closed_at is not None or self._seen.caught.answered_at is not None:
                    break
                await asyncio.sleep(0.1)
        if self._seen.caught.closed_at is not None:
            self._tell(
                f"the dead node's offer to chris is closed as [bold]{self._seen.caught.state}[/], "
                f"{self._after(self._real(self._seen.caught.closed_at))}; he is ready again"
            )

    # --- after --------------------------------------------------------------------------------------------------

    async def _everybody_is_served(self, before: int, callers: Sequence[Caller]) -> None:
        self._step("carol presses ready on node b; chris and carol take one caller after the other")
        await self._desks["carol"].ready()
        told: set[int] = set()
        names = {caller.number: caller for caller in callers}
        async with self._working("chris"), self._working("carol"), asyncio.timeout(SERVED_S):
            while True:
                offers = await offers_after(self._database, before)
                for offer in offers:
                    if offer.answered_at is not None and offer.id not in told and offer.ani in names:
                        told.add(offer.id)
                        caller = names[offer.ani]
                        words = f"talks with {offer.agent}, {self._after(self._real(offer.answered_at))}"
                        caller.noticed = "; ".join(filter(None, (caller.noticed, words.replace("talks", "talked"))))
                        self._tell(f"{caller.name} {words}; the pop stood {self._lead(offer)}")
                done = {offer.ani for offer in offers if offer.answered_at is not None and offer.closed_at is not None}
                if names.keys() <= done:
                    break
                dropped = [
                    caller.name for caller in callers if caller.line.ended.is_set() and caller.number not in done
                ]
                if dropped:
                    self._seen.hung_up = dropped
                    break
                await asyncio.sleep(0.2)
        self._seen.offers = await offers_after(self._database, before)
        for caller in self._seen.callers:
            start, line = caller.line.ear.sound()
            end = min(self._seen.killed_at + LISTEN_S, caller.line.ended_at or time.time())
            caller.silence_s = longest_silence_s(start, line, self._seen.killed_at, end)
        for caller in callers:
            await caller.line.hang_up()

    @asynccontextmanager
    async def _working(self, name: str) -> AsyncIterator[None]:
        """The agent writes up one conversation after the other and is ready again."""

        async def work() -> None:
            desk = self._desks[name]
            while True:
                if await desk.state() == "wrap_up":
                    await desk.wrap_up()
                await asyncio.sleep(0.1)

        async with asyncio.TaskGroup() as group:
            working = group.create_task(work())
            yield
            working.cancel()

    async def _talk_goes_on(self, talking: Caller) -> None:
        leg = self._phones["grace"].calls[-1]
        if not leg.ended.is_set():
            self._tell("Chen Wei and grace still talk; nobody has told them anything")
        await leg.wait_ended(deadline_s=LONG_TALK_S)
        assert leg.ended_at is not None
        self._seen.talked_on_s = leg.ended_at - self._seen.killed_at
        talking.noticed = f"nothing: talked on for {self._seen.talked_on_s:.0f} s, until grace hung up"
        if talking.line.ended_at is not None and talking.line.ended_at < leg.ended_at:
            self._seen.hung_up = [*self._seen.hung_up, talking.name]
        await talking.line.hang_up()

    async def _node_comes_back(self) -> None:
        self._step("Node a is started again; Li Na calls once more")
        await self._site.engines[0].start()
        before = await newest_offer(self._database)
        again = await self._caller.dial(HOTLINE, number="+8613800000001")
        await again.ear.hear_sound(deadline_s=DEADLINE_S)
        await again.ear.press("0")
        self._seen.newcomer_on = await holder(self._database, "+8613800000001")
        async with asyncio.timeout(DEADLINE_S):
            while not (offers := await offers_after(self._database, before)) or offers[0].answered_at is None:
                await asyncio.sleep(0.1)
        self._seen.newcomer = offers[0]
        self._tell(
            f"[bold]{self._seen.newcomer_on}[/] takes her call; {offers[0].agent}, whose browser is on node b, "
            f"talks to her; the pop stood {self._lead(offers[0])}"
        )
        await again.hang_up()

    # --- seeing and telling -------------------------------------------------------------------------------------

    def _lead_s(self, offer: OfferMade) -> float | None:
        """Seconds by which the pop stood on the screen before the phone was rung; None without pop or ring."""
        if offer.popped_at is None or offer.answered_at is None:
            return None
        answered = self._real(offer.answered_at)
        rung = [call.invited_at for call in self._phones[offer.agent].calls if call.invited_at <= answered]
        return max(rung) - self._real(offer.popped_at) if rung else None

    def _lead(self, offer: OfferMade) -> str:
        lead_s = self._seen.leads_s[offer.id] = self._lead_s(offer)
        if lead_s is None:
            return "nowhere"
        return f"{abs(lead_s) * 1000:.0f} ms {'before' if lead_s > 0 else 'after'} the ring"

    def _real(self, engine_time: float) -> float:
        return engine_time - self._site.clock_ahead_s

    def _after(self, moment: float) -> str:
        return f"{moment - self._seen.killed_at:.1f} s after the kill"

    def _clip(self, prompt: str, language: str) -> Samples:
        return read_wav(Path(self._catalogue.prompt(prompt, language)[0].sound + ".wav"))

    async def _hears(self, caller: Caller, clip: Samples, *, after: float = 0.0) -> float:
        """When a clip began on the caller's line, after that moment. Raises TimeoutError."""
        async with asyncio.timeout(DEADLINE_S):
            while True:
                start, line = caller.line.ear.sound()
                skip = max(0, round((after - start) * RATE))
                for found in recognise(line[skip:], {"clip": clip}):
                    return max(start, start + skip / RATE) + found.at_s
                await asyncio.sleep(HEAR_AGAIN_S)

    def _step(self, title: str) -> None:
        self._console.print(f"\n[bold]{title}[/]", highlight=False)

    def _tell(self, words: str) -> None:
        self._console.print(f"    {words}", highlight=False)
