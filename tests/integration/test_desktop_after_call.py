"""The time after a conversation, in a real Chromium on a real store: it outlives the browser and the engine."""

import asyncio
import re
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from ivr.clock import SystemClock
from ivr.lab.browser import BROWSERS, FLAGS
from ivr.offered import OfferedCalls
from ivr.queues import Queue, QueueTable
from ivr.testing.databases import SQLITE
from ivr.testing.desktop import RunningDesktop, running_desktop
from ivr.testing.switchboard import MemorySwitchboard
from ivr.testing.world import SKILLS, WISH, World, stored_world
from routing.agent import AgentEvent, AgentState
from routing.offer import Claimed, OfferEvent

CHROMIUM = next(filter(None, map(shutil.which, BROWSERS)), None)
CLOCK = SystemClock()
QUEUES = QueueTable({"general": Queue(skills={"general": 1}, wrap_up_extend_s=600, wrap_up_extensions=2)})

pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on PATH")]


@asynccontextmanager
async def engine(world: World) -> AsyncIterator[RunningDesktop]:
    """A web server of its own on the store, as after a restart."""
    offered = OfferedCalls(world.exchange, world.roster, MemorySwitchboard(), world.log, CLOCK, QUEUES)
    async with running_desktop(world.roster, CLOCK, offered=offered) as desktop:  # type: ignore[arg-type]
        yield desktop


async def sign_in(browser: Browser, desktop: RunningDesktop) -> Page:
    """A browser that remembers nothing."""
    page = await (await browser.new_context(locale="en-GB")).new_page()
    await page.goto(desktop.origin)
    await page.fill("#name", "grace")
    await page.fill("#password", "secret")
    await page.click("#go")
    await page.wait_for_selector("body[data-link=live]")
    return page


async def talked(world: World, agent: int) -> Claimed:
    """A conversation of this agent that was just answered."""
    now = CLOCK.now()
    await world.roster.say(agent, AgentEvent.SIGN_IN, now=now)
    await world.roster.say(agent, AgentEvent.READY, now=now)
    await world.call(now=now)
    await world.exchange.open_need("c1", WISH, now=now)
    claim = await world.exchange.claim(await world.decision(now=now), node="node-a", now=now, lease_s=30)
    assert isinstance(claim, Claimed)
    assert await world.exchange.answered(claim.offer_id, claim.fence, now=now)
    return claim


async def noted(world: World, agent: int, note: str) -> None:
    """Until the store has what the page was told."""
    async with asyncio.timeout(30):
        while (seen := await world.roster.offer_of(agent)) is None or seen.note != note:
            await asyncio.sleep(0.02)


@pytest.mark.fault("A9", "browser and engine vanish after a conversation")
async def test_note_time_left_and_extensions_outlive_the_browser_and_the_engine(tmp_path: Path) -> None:
    async with stored_world(SQLITE, tmp_path) as world, async_playwright() as playwright:
        agent = await world.add("grace", "Grace Chen", "secret", "PJSIP/grace", SKILLS)
        claim = await talked(world, agent)
        async with engine(world) as desktop:
            first = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            page = await sign_in(first, desktop)
            await page.fill("#note", "wants to move")
            await noted(world, agent, "wants to move")
            await first.close()  # in the midst of the conversation
            ended = CLOCK.now()
            complete = OfferEvent.COMPLETE
            await world.exchange.close_offer(claim.offer_id, claim.fence, complete, now=ended, wrap_up_s=300)
            second = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            page = await sign_in(second, desktop)
            await expect(page.locator("#note")).to_have_value("wants to move")
            await page.locator("[data-value=follow_up]").click()
            await page.fill("#note", "wants to move the savi")
            await page.locator("#outcome h2").click()
            await page.keyboard.press("Escape")
            await page.locator("#extend").click()
            await expect(page.locator("#extend")).to_contain_text("+10:00 (1 left)")
            await noted(world, agent, "wants to move the savi")
            await second.close()  # half-written
        async with engine(world) as desktop:
            third = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            page = await sign_in(third, desktop)
            await expect(page.locator("#note")).to_have_value("wants to move the savi")
            await expect(page.locator("[data-value=follow_up]")).to_have_attribute("aria-checked", "true")
            minutes, seconds = re.findall(r"[0-9]+", await page.locator("#outcome-left .clock").inner_text())
            left_s = int(minutes) * 60 + int(seconds)
            assert abs(ended + 900 - time.time() - left_s) < 60  # not begun anew
            await page.keyboard.press("e")
            await expect(page.locator("#extend")).to_be_hidden()
            await page.fill("#note", "wants to move the savings")
            await page.click("#save-ready")
            await page.wait_for_selector("body[data-state=ready]")
            await third.close()
        assert await world.state(agent) is AgentState.READY
