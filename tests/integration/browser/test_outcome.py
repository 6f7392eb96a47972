"""Outcome, note and wrap-up on the agent's screen, in a real headless Chromium."""

import asyncio
import re

import pytest
from playwright.async_api import BrowserContext, Page, expect

from ivr.testing.desktop import RunningDesktop
from ivr.testing.pops import a_pop
from ivr.testing.screen import CLOCK, hang_up, offer, sign_in, talk
from routing.agent import AgentState

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_an_outcome_is_chosen_written_and_saved_without_the_mouse(page: Page, desktop: RunningDesktop) -> None:
    await sign_in(page, desktop)
    talking = await talk(desktop, page, a_pop(CLOCK.now()))
    await expect(page.locator("#save-ready")).to_be_disabled()
    await page.keyboard.press("4")
    await page.keyboard.press("n")
    await page.keyboard.type("rrr 2 <b>p</b>")  # no shortcut while one writes
    await hang_up(desktop, page, talking)
    assert await page.evaluate("document.activeElement.id") == "note"
    await page.keyboard.press("Control+Enter")
    await page.wait_for_selector("body[data-state=ready]")
    assert desktop.roster.outcomes == [(1, 7, "complaint_opened", "rrr 2 <b>p</b>")]
    assert await page.evaluate("Object.keys(sessionStorage).filter(k => k.includes('draft')).length") == 0


async def test_save_and_pause_keeps_outcome_and_reason(page: Page, desktop: RunningDesktop) -> None:
    await sign_in(page, desktop)
    await hang_up(desktop, page, await talk(desktop, page, a_pop(CLOCK.now())))
    await page.locator(".choice[data-value=resolved]").click()
    await page.click("#save-pause")
    await page.locator("#reason-list button").nth(2).click()
    await page.wait_for_selector("body[data-state=paused]")
    assert desktop.roster.outcomes == [(1, 7, "resolved", "")]
    assert desktop.roster.cards[1].pause_reason == "training"


async def test_what_was_written_is_stored_even_when_the_wrap_up_runs_out(page: Page, desktop: RunningDesktop) -> None:
    await sign_in(page, desktop)
    await hang_up(desktop, page, await talk(desktop, page, a_pop(CLOCK.now())), wrap_up_s=8)
    await expect(page.locator("#outcome-soon")).to_be_visible()
    await page.fill("#note", "call back on Monday")
    desktop.roster.put(1, state=AgentState.READY)
    desktop.hub.changed(1)
    async with asyncio.timeout(30):
        while not desktop.roster.outcomes:
            await page.wait_for_timeout(20)
    assert desktop.roster.outcomes == [(1, 7, "not_stated", "call back on Monday")]


async def test_a_note_for_a_call_that_was_never_answered_is_dropped(page: Page, desktop: RunningDesktop) -> None:
    await sign_in(page, desktop)
    await offer(desktop, a_pop(CLOCK.now()))
    await page.fill("#note", "too early")
    desktop.roster.offer(1, None, state=AgentState.MISSED)
    desktop.hub.changed(1)
    await expect(page.locator("#idle h1")).to_have_text("You missed a call")
    await page.click("#ready")
    await page.wait_for_selector("body[data-state=ready]")
    assert desktop.roster.outcomes == []


async def test_an_agent_sees_why_they_are_set_aside_and_for_how_long(page: Page, desktop: RunningDesktop) -> None:
    await sign_in(page, desktop)
    desktop.roster.put(1, state=AgentState.MISSED, set_aside="missed", misses=3)
    desktop.hub.changed(1)
    await expect(page.locator("#state-more")).to_have_text("Call not answered, 3 times in a row")
    desktop.roster.put(1, set_aside="declined", misses=1, back_at=CLOCK.now() + 60)
    desktop.hub.changed(1)
    await expect(page.locator("#state-more")).to_have_text("Call rejected on the phone")
    await expect(page.locator("#state-time")).to_have_text(re.compile("0:5[0-9]|1:00"))
    desktop.roster.put(1, set_aside="refusals", misses=0, back_at=None)
    desktop.hub.changed(1)
    await expect(page.locator("#idle h1")).to_have_text("You refused many calls")


@pytest.mark.fault("F6", "the same agent in two windows")
async def test_all_windows_follow_the_server(page: Page, context: BrowserContext, desktop: RunningDesktop) -> None:
    await sign_in(page, desktop)
    second = await context.new_page()
    await second.goto(desktop.origin)
    await second.wait_for_selector("body[data-state=ready]")
    await offer(desktop, a_pop(CLOCK.now()))
    for window in (page, second):
        await expect(window.locator(".who h1")).to_have_text("Li Na")
    await second.click("#sign-out", force=True, no_wait_after=True)
    assert desktop.roster.cards[1].state is AgentState.OFFERED
    desktop.roster.offer(1, None, state=AgentState.READY)
    desktop.hub.changed(1)
    await second.click("#sign-out")
    for window in (page, second):
        await window.wait_for_url("**/sign-in")
