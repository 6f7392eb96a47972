"""What an agent sees of a caller, in a real headless Chromium, and what hostile callers cannot do to it."""

from dataclasses import replace

import pytest
from playwright.async_api import Page, expect

from ivr.ports import (
    ComplaintSeen,
    TierSeen,
)
from ivr.testing.desktop import RunningDesktop
from ivr.testing.pops import a_customer, a_pop, an_offer
from ivr.testing.screen import CLOCK, offer, sign_in
from menus.arrangement import Why
from menus.heard_first import HeardFirst
from routing.agent import AgentState

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_an_agent_signs_in_and_says_ready(page: Page, desktop: RunningDesktop) -> None:
    await page.goto(desktop.origin)
    await page.fill("#name", "grace")
    await page.fill("#password", "wrong")
    await page.press("#password", "Enter")
    await expect(page.locator("#refused")).to_have_text("Name or password is wrong.")
    await sign_in(page, desktop)
    assert desktop.roster.cards[1].state is AgentState.READY
    await expect(page.locator("#me-name")).to_have_text("Grace Chen")
    await expect(page.locator(".queue").first).to_contain_text("3 waiting")


async def test_a_pause_asks_for_its_reason_and_obeys_the_keyboard(page: Page, desktop: RunningDesktop) -> None:
    await sign_in(page, desktop)
    await page.keyboard.press("p")
    await expect(page.locator("#reasons")).to_be_visible()
    await page.keyboard.press("2")
    await page.wait_for_selector("body[data-state=paused]")
    assert desktop.roster.cards[1].pause_reason == "meal"
    await expect(page.locator("#state-more")).to_have_text("Meal")
    await page.keyboard.press("r")
    await page.wait_for_selector("body[data-state=ready]")


async def test_the_caller_stands_on_the_screen_before_the_phone_rings(page: Page, desktop: RunningDesktop) -> None:
    await sign_in(page, desktop)
    customer = a_customer(CLOCK.now(), agent="Ruth Adler")
    offered = await offer(desktop, a_pop(CLOCK.now(), customer=customer))
    await expect(page.locator(".who h1")).to_have_text("Li Na")
    await expect(page.locator(".number")).to_have_text("+86 138 0000 0001")
    await expect(page.locator(".who .badge")).to_have_text("Number recognised, not verified")
    await expect(page.locator(".stage")).to_have_text("Your phone rings in a moment")
    await expect(page.locator(".case")).to_contain_text("101187")
    await expect(page.locator(".reason")).to_have_text("Complaint")
    await expect(page.locator(".path li")).to_have_count(4)
    await expect(page.locator(".path kbd").last).to_have_text("0")
    await expect(page.locator(".risk")).to_contain_text("raised · 34%")
    await expect(page.locator(".figures")).to_contain_text("Own agentRuth Adler")
    await expect(page.locator("[role=alert]#alert")).to_have_text("Call for you: Li Na. Complaint")
    assert "Li Na" in await page.title()
    desktop.roster.offer(1, replace(offered, state="ringing", ringing_at=CLOCK.now()))
    desktop.hub.changed(1)
    await expect(page.locator(".stage")).to_have_text("Your phone is ringing")


async def test_what_was_heard_first_stands_beside_the_habit_in_the_language_of_the_screen(
    page: Page, desktop: RunningDesktop
) -> None:
    await sign_in(page, desktop)
    heard = HeardFirst(
        "main",
        Why.HABIT,
        {"en": "transfers", "zh": "转账"},
        {"en": "usually transfers money on the 1st", "zh": "通常在每月1日转账"},
    )
    await offer(desktop, a_pop(CLOCK.now(), heard_first=heard, frozen=("main",)))
    await expect(page.locator(".heard-first")).to_have_text("Heard first transfers: usually transfers money on the 1st")
    await expect(page.locator(".frozen")).to_have_text("Keeps as it is main")
    await page.locator("[data-language=zh]").click()
    await expect(page.locator(".heard-first")).to_have_text("先听到 转账：通常在每月1日转账")
    await expect(page.locator(".frozen")).to_have_text("已固定的菜单 main")
    desktop.roster.offer(1, None, state=AgentState.READY)
    await offer(desktop, a_pop(CLOCK.now(), heard_first=replace(heard, why=Why.RULE, because={})))
    await expect(page.locator(".heard-first")).to_have_text("先听到 转账：菜单规则")
    await expect(page.locator(".frozen")).to_have_count(0)
    await page.locator("[data-language=en]").click()
    await expect(page.locator(".heard-first")).to_have_text("Heard first transfers: a rule of the menu book")


async def test_a_complaint_shows_its_tier_and_why_what_i_may_grant_and_what_the_next_tier_could(
    page: Page, desktop: RunningDesktop
) -> None:
    await sign_in(page, desktop)
    mine = TierSeen(1, {"en": "Front line", "zh": "一线"}, 5000, {"en": ("Say sorry",), "zh": ("致歉",)})
    above = TierSeen(2, {"en": "Specialist", "zh": "专员"}, 50_000, {})
    why = ({"tier": 2, "because": [{"what": "severity", "severity": "high"}]},)
    complaint = ComplaintSeen(2, above.names, why, "CNY", mine, above)
    await offer(desktop, a_pop(CLOCK.now(), complaint=complaint))
    card = page.locator(".complaint")
    await expect(card.locator(".complaint-tier")).to_have_text("Tier 2 · Specialist")
    await expect(card.locator(".complaint-why li")).to_have_text("Severity: high")
    await expect(card.locator(".grant").first.locator("li")).to_have_text(["Goodwill up to ¥50", "Say sorry"])
    await expect(card.locator(".grant").last).to_contain_text("The next tier could (Specialist)")
    await expect(card.locator(".grant").last.locator("li")).to_have_text("Goodwill up to ¥500")
    await page.locator("[data-language=zh]").click()
    await expect(card.locator(".complaint-why li")).to_have_text("严重程度：重")
    await page.locator("[data-language=en]").click()


async def test_a_withdrawn_call_leaves_the_screen_and_says_why(page: Page, desktop: RunningDesktop) -> None:
    await sign_in(page, desktop)
    await offer(desktop, a_pop(CLOCK.now()))
    desktop.roster.offer(1, None, state=AgentState.READY)
    desktop.hub.changed(1)
    await expect(page.locator("#call")).to_be_hidden()
    await expect(page.locator("#notice")).to_contain_text("The call was withdrawn")
    await expect(page.locator("#idle h1")).to_have_text("Ready for the next call")


@pytest.mark.fault("G7", "hostile caller names on the agent's screen")
@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("<img src=x onerror=alert(1)>", "<img src=x onerror=alert(1)>"),
        ('"><script>alert(1)</script>', '"><script>alert(1)</script>'),
        ("javascript:alert(1)", "javascript:alert(1)"),
        ("{{7*7}}${7*7}", "{{7*7}}${7*7}"),
        ("\u202egnp.exe", "gnp.exe"),
        ("a\u200bb\u2066c\u2069", "abc"),
        ("A" * 10_000, "A" * 63 + "…"),
        ("😀" * 100, "😀" * 63 + "…"),
        ("محمد بن سلمان", "محمد بن سلمان"),
        ("עִבְרִית <b>", "עִבְרִית <b>"),
    ],
)
async def test_a_hostile_name_is_only_text(page: Page, desktop: RunningDesktop, name: str, shown: str) -> None:
    await sign_in(page, desktop)
    customer = a_customer(CLOCK.now(), name=name, life_events=((name, a_customer(CLOCK.now()).since_on),))
    hostile = an_offer(CLOCK.now(), reason=name, queue=name)
    before = await page.locator("script, img, iframe, object").count()
    heard = HeardFirst(name, Why.HABIT, {"en": name}, {"en": name})
    of = {"caller_name": name, "customer": customer, "habit": name, "heard_first": heard, "frozen": (name,)}
    await offer(desktop, a_pop(CLOCK.now(), offer=hostile, **of))
    assert await page.locator(".who h1").text_content() == shown
    assert await page.locator(".who h1 bdi").get_attribute("dir") == "auto"
    assert await page.locator("script, img, iframe, object").count() == before
    fits = "document.querySelector('.who').scrollWidth <= document.querySelector('.who').clientWidth + 1"
    assert await page.evaluate(fits)
    whole = "document.documentElement.scrollWidth <= innerWidth && document.documentElement.scrollHeight <= innerHeight"
    assert await page.evaluate(whole)


async def test_markup_could_not_be_injected_even_by_our_own_script(page: Page, desktop: RunningDesktop) -> None:
    await sign_in(page, desktop)
    refused = "() => { try { document.body.innerHTML = '<b>x'; return 'done' } catch (e) { return e.name } }"
    assert await page.evaluate(refused) == "TypeError"


async def test_several_customers_are_a_choice_never_a_guess(page: Page, desktop: RunningDesktop) -> None:
    await sign_in(page, desktop)
    now = CLOCK.now()
    shared = (a_customer(now), a_customer(now, id=9, name="王建国", cases=()))
    await offer(desktop, a_pop(now, customer=None, candidates=shared))
    await expect(page.locator(".who h1")).to_have_text("2 customers share this number")
    await expect(page.locator(".products")).to_have_count(0)
    await page.locator(".pick").nth(1).click()
    await expect(page.locator(".who h1")).to_have_text("王建国")
    await page.reload()
    await expect(page.locator(".who h1")).to_have_text("王建国")
    await page.get_by_text("Back to the list").click()
    await expect(page.locator(".pick")).to_have_count(2)


async def test_an_unknown_and_a_withheld_number_say_so(page: Page, desktop: RunningDesktop) -> None:
    await sign_in(page, desktop)
    await offer(desktop, a_pop(CLOCK.now(), customer=None, ani="+442079460000", caller_name="", path=()))
    await expect(page.locator(".who .badge")).to_have_text("No customer with this number")
    withheld = an_offer(CLOCK.now(), offer_id=8)
    await offer(desktop, a_pop(CLOCK.now(), customer=None, ani=None, caller_name="", offer=withheld))
    await expect(page.locator(".number")).to_have_text("Number withheld")
