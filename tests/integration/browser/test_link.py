"""The agent's screen when servers, databases and pages come and go, and its languages; in a real headless Chromium."""

import asyncio
import json
import socket
from dataclasses import replace

import pytest
from playwright.async_api import Page, expect

from ivr.desktop.window import Limits
from ivr.lab.ports import free_ports
from ivr.settings import Web
from ivr.testing.desktop import RunningDesktop, running_desktop
from ivr.testing.pops import a_pop
from ivr.testing.screen import CLOCK, a_roster, offer, sign_in, talk
from routing.agent import AgentState

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_reload_brings_the_pop_back(page: Page, desktop: RunningDesktop) -> None:
    await sign_in(page, desktop)
    await talk(desktop, page, a_pop(CLOCK.now()))
    await page.fill("#note", "half a sentence")
    await page.keyboard.press("Tab")
    await page.locator(".choice[data-value=follow_up]").click()
    await page.reload()
    await expect(page.locator(".who h1")).to_have_text("Li Na")
    await expect(page.locator(".stage")).to_have_text("Talking")
    await expect(page.locator("#note")).to_have_value("half a sentence")
    await expect(page.locator(".choice[aria-checked=true]")).to_contain_text("Follow-up needed")


@pytest.mark.fault("G9", "the web server restarts under an open desktop")
async def test_after_a_restart_of_the_server_the_page_comes_back_with_the_truth(page: Page) -> None:
    roster = a_roster()
    async with running_desktop(roster, CLOCK) as desktop:
        await sign_in(page, desktop)
        port = desktop.port
    await expect(page.locator("#stale")).to_contain_text("may be out of date")
    await expect(page.locator("#link")).to_have_text("Reconnecting…")
    await expect(page.locator("#pause")).to_be_disabled()
    pop = a_pop(CLOCK.now())
    roster.offer(1, replace(pop.offer, state="ringing", ringing_at=CLOCK.now()), state=AgentState.OFFERED)
    async with running_desktop(roster, CLOCK, port=port) as desktop:
        desktop.pops[1] = pop
        await page.wait_for_selector("body[data-link=live]")
        await expect(page.locator("#stale")).to_be_hidden()
        await expect(page.locator(".who h1")).to_have_text("Li Na")
        await expect(page.locator(".stage")).to_have_text("Your phone is ringing")


@pytest.mark.fault("A1", "the node of an agent's page dies while a note is written")
async def test_a_page_whose_node_fails_goes_on_with_the_next_and_keeps_the_note(page: Page) -> None:
    roster = a_roster()
    ports = free_ports(2, socket.SOCK_STREAM)
    web = Web(nodes=tuple(f"http://127.0.0.1:{port}" for port in ports))
    async with running_desktop(roster, CLOCK, port=ports[1], web=web) as other:
        async with running_desktop(roster, CLOCK, port=ports[0], web=web) as first:
            await sign_in(page, first)
            await talk(first, page, a_pop(CLOCK.now()))
            await page.fill("#note", "half a sentence")
            other.pops[1] = a_pop(CLOCK.now())
        await page.wait_for_selector("body[data-link=live]")
        await expect(page.locator(".who h1")).to_have_text("Li Na")
        await expect(page.locator("#note")).to_have_value("half a sentence")
        roster.offer(1, None, state=AgentState.READY)
        other.hub.changed(1)
        await page.wait_for_selector("body[data-state=ready]")
        assert other.hub.windows(1) == 1
        await page.click("#sign-out")
        await page.wait_for_url(f"{other.origin}/sign-in")
        assert roster.cards[1].state is AgentState.LOGGED_OUT


async def test_the_language_is_switched_and_remembered(page: Page, desktop: RunningDesktop) -> None:
    await sign_in(page, desktop)
    await offer(desktop, a_pop(CLOCK.now()))
    await page.click("button[data-language=zh]")
    await expect(page.locator(".stage")).to_have_text("您的话机即将振铃")
    await expect(page.locator(".choice").first).to_contain_text("已解决")
    await page.reload()
    await expect(page.locator("#state-word")).to_have_text("来电分配中")
    assert await page.evaluate("document.documentElement.lang") == "zh-CN"


async def test_every_word_exists_in_both_languages(page: Page, desktop: RunningDesktop) -> None:
    await page.goto(f"{desktop.origin}/sign-in")
    kinds = json.loads(
        await page.evaluate(
            """async () => {
              const { WORDS } = await import("/static/words.js");
              const keys = (words) => Object.entries(words).map(([kind, all]) => [kind, Object.keys(all).sort()]);
              return JSON.stringify([keys(WORDS.en), keys(WORDS.zh)]);
            }"""
        )
    )
    assert kinds[0] == kinds[1]


@pytest.mark.fault("E5", "the database is away, as agents see it")
async def test_while_the_database_is_away_nothing_looks_live(page: Page, desktop: RunningDesktop) -> None:
    await sign_in(page, desktop)
    desktop.roster.away = True
    await expect(page.locator("#stale")).to_contain_text("cannot reach its database")
    await expect(page.locator("#link")).to_have_text("Out of date")
    await expect(page.locator("#pause")).to_be_disabled()
    desktop.roster.away = False
    await expect(page.locator("#stale")).to_be_hidden()
    await expect(page.locator("#pause")).to_be_enabled()


async def test_the_page_itself_gives_the_signs_of_life(page: Page) -> None:
    limits = Limits(ping_s=0.05, seen_every_s=0.0)
    async with running_desktop(a_roster(), CLOCK, limits=limits) as desktop:
        await sign_in(page, desktop)
        desktop.roster.signs_of_life.clear()
        async with asyncio.timeout(30):
            while len(desktop.roster.signs_of_life) < 3:
                await page.wait_for_timeout(20)
        assert set(desktop.roster.signs_of_life) == {1}
