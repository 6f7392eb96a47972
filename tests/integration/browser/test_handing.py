"""Handing a caller on from the agent's screen, in a real headless Chromium."""

from dataclasses import replace

import pytest
from playwright.async_api import Page, expect

from ivr.ports.handling import AgentChoice, Choices, QueueChoice, Refusal, SkillChoice
from ivr.testing.desktop import RunningDesktop
from ivr.testing.pops import a_pop
from ivr.testing.screen import CLOCK, sign_in, talk
from routing.agent import AgentState
from routing.talk import Sent, Talk, TalkEvent, TalkState, Target, TargetKind

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_an_agent_hands_the_caller_on_in_either_language_and_nothing_is_asked_twice(
    page: Page, desktop: RunningDesktop
) -> None:
    desktop.handling.offered = Choices(
        (QueueChoice("cards", 2, 1),), (AgentChoice("ruth", "Ruth Adler", AgentState.READY),), numbers=True, tier=2
    )
    await sign_in(page, desktop)
    talking = await talk(desktop, page, a_pop(CLOCK.now()))
    await expect(page.locator("#talk-acts button")).to_have_text(["HoldH", "Consult…C", "Transfer…T", "End callE"])
    await page.keyboard.press("c")
    await expect(page.locator("#hand-list button")).to_have_count(3)
    await page.fill("#hand-note", "Please look at the fee.")
    await page.click("[data-kind=agent][data-name=ruth]")
    await page.keyboard.press("c")
    await page.keyboard.press("h")
    await expect(page.locator("#talk-acts button:not(:disabled)")).to_have_count(0)
    asked = (1, talking.offer_id, TalkEvent.CONSULT, Target(TargetKind.AGENT, "ruth"), "Please look at the fee.")
    assert desktop.handling.asked == [asked]
    ringing = replace(talking, talk=Talk(TalkState.RINGING, CLOCK.now(), 7, second=Target(TargetKind.AGENT, "ruth")))
    desktop.roster.offer(1, ringing)
    desktop.hub.changed(1)
    await expect(page.locator("#talk-state")).to_have_text("The caller is on hold. Looking for: ruth")
    await page.click("[data-language=zh]")
    await expect(page.locator("#talk-acts button")).to_have_text(["取消咨询X"])
    desktop.handling.refusal = Refusal.SWITCH_AWAY
    await page.keyboard.press("x")
    await expect(page.locator("#notice")).to_contain_text("电话交换机没有响应")
    await expect(page.locator("#talk-acts button:not(:disabled)")).to_have_count(1)


async def test_a_group_is_chosen_by_its_word_and_the_second_agent_reads_whom_the_caller_was_to_get(
    page: Page, desktop: RunningDesktop
) -> None:
    desktop.handling.offered = Choices((), (), numbers=False, tier=None, skills=(SkillChoice("moving_house", 3, 1),))
    await sign_in(page, desktop)
    pop = a_pop(CLOCK.now())
    sent = Sent(2, "Ruth Adler", "cards", TalkEvent.TRANSFER, "", skill="moving_house")
    talking = await talk(desktop, page, replace(pop, offer=replace(pop.offer, sent=sent)))
    await expect(page.locator(".sent-for")).to_have_text("Asked for: Moving house")
    await page.keyboard.press("c")
    await expect(page.locator("#hand-list button")).to_have_text("Moving housegroup · 3 at work, 1 ready")
    await page.keyboard.press("Escape")
    await page.click("[data-language=zh]")
    await expect(page.locator(".sent-for")).to_have_text("所需专业组： 搬家")
    await page.keyboard.press("c")
    await expect(page.locator("#hand-list button")).to_have_text("搬家专业组 · 3 人在岗，1 人就绪")
    await page.click("[data-kind=skill]")
    group = Target(TargetKind.SKILL, "moving_house")
    assert desktop.handling.asked == [(1, talking.offer_id, TalkEvent.CONSULT, group, "")]
    ringing = replace(talking, talk=Talk(TalkState.RINGING, CLOCK.now(), 7, second=group))
    desktop.roster.offer(1, ringing)
    desktop.hub.changed(1)
    await expect(page.locator("#talk-state")).to_contain_text("搬家")


async def test_an_outside_number_is_typed_and_the_pop_says_who_sent_the_caller(
    page: Page, desktop: RunningDesktop
) -> None:
    desktop.handling.offered = Choices((), (), numbers=True, tier=None)
    await sign_in(page, desktop)
    pop = a_pop(CLOCK.now())
    sent = Sent(2, "Ruth <b>Adler", "cards", TalkEvent.TRANSFER, "Card is lost.\nSince Monday.")
    talking = await talk(desktop, page, replace(pop, offer=replace(pop.offer, sent=sent)))
    await expect(page.locator(".sent")).to_contain_text("Transferred by")
    await expect(page.locator(".sent")).to_contain_text("Ruth <b>Adler")
    await page.click("#talk-acts [data-act=transfer]")
    await page.fill("#hand-number", "+86 139 0000 0009")
    await page.press("#hand-number", "Enter")
    await expect(page.locator("#hand")).to_be_hidden()
    (asked,) = desktop.handling.asked
    assert asked == (1, talking.offer_id, TalkEvent.TRANSFER, Target(TargetKind.NUMBER, "+86 139 0000 0009"), "")
