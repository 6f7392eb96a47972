"""The agent's screen in a real headless Chromium: which one it is, and what a test does before it looks."""

import shutil
from dataclasses import replace

from playwright.async_api import Page

from ivr.clock import SystemClock
from ivr.lab.browser import BROWSERS
from ivr.ports import OfferSeen, Pop, QueueSeen
from ivr.testing.desktop import RunningDesktop
from ivr.testing.pops import an_agent
from ivr.testing.roster import ScriptedRoster
from routing.agent import AgentState

CHROMIUM = next(filter(None, map(shutil.which, BROWSERS)), None)
CLOCK = SystemClock()
POP_S = 2.0  #: a busy test machine may take longer than the 0.15 s that the engine waits


def a_roster() -> ScriptedRoster:
    """grace, signed out, and two queues."""
    roster = ScriptedRoster(an_agent(CLOCK.now(), state=AgentState.LOGGED_OUT), passwords={"grace": "right"})
    roster.queues = (QueueSeen("general", 3, 74.0), QueueSeen("cards", 0, 0.0))
    return roster


async def sign_in(page: Page, desktop: RunningDesktop, name: str = "grace", *, ready: bool = True) -> None:
    """Sign in by the form; and say ready, unless told otherwise."""
    await page.goto(desktop.origin)
    await page.fill("#name", name)
    await page.fill("#password", "right")
    await page.click("#go")
    await page.wait_for_selector("body[data-state=paused][data-link=live]")
    if ready:
        await page.click("#ready")
        await page.wait_for_selector("body[data-state=ready]")


async def offer(desktop: RunningDesktop, pop: Pop) -> OfferSeen:
    """Offer the call as the engine does; the pop must be acknowledged."""
    desktop.pops[1] = pop
    desktop.roster.offer(1, pop.offer, state=AgentState.OFFERED, since=CLOCK.now())
    assert await desktop.hub.pop(1, pop, deadline_s=POP_S) is True
    return pop.offer


async def talk(desktop: RunningDesktop, page: Page, pop: Pop) -> OfferSeen:
    """Offer the call, and have the agent answer it."""
    answered = replace(await offer(desktop, pop), state="answered", answered_at=CLOCK.now())
    desktop.roster.offer(1, answered, state=AgentState.BUSY, since=CLOCK.now())
    desktop.hub.changed(1)
    await page.wait_for_selector("body[data-state=busy]")
    return answered


async def hang_up(desktop: RunningDesktop, page: Page, talking: OfferSeen, wrap_up_s: float = 30) -> None:
    """The conversation is over; wrap-up begins."""
    over = replace(talking, state="completed", closed_at=CLOCK.now())
    desktop.roster.offer(1, over, state=AgentState.WRAP_UP, wrap_up_until=CLOCK.now() + wrap_up_s)
    desktop.hub.changed(1)
    await page.wait_for_selector("body[data-state=wrap_up]")
