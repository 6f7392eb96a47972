"""The menu book as pages, in a real headless Chromium."""

import asyncio
import typing
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page, Route, expect

from ivr.looking import Looking
from ivr.settings import Settings
from ivr.shelf import Shelf
from ivr.testing.books import SMALL
from ivr.testing.databases import SQLITE, fresh_database
from ivr.testing.desktop import RunningDesktop, running_desktop
from ivr.testing.screen import CLOCK, a_roster, sign_in
from menus.difference import TEXTS
from menus.schema import AnyStep
from models.books import Books
from models.choices import promote
from models.tables import CallEventRow, CallRow
from models.traffic import TrafficCounts

pytestmark = pytest.mark.asyncio(loop_scope="session")
LOST = "{id: lost, key: 1, label: {en: a lost card, zh: 挂失}, then: general}"
HOSTILE = "<img src=x onerror=alert(1)>"
ASK = "{kind: goto, cases: [{when: calendar.day <= 5, then: cards}], then: general}"
SECOND = (
    SMALL.replace("label: {en: cards, zh: 银行卡}, then: cards", "label: {en: cards, zh: 银行卡}, then: ask")
    .replace("Welcome.", f"Welcome {HOSTILE}")
    .replace(LOST, LOST.replace("}, then", "}, when: customer.known, then"))
    .replace(
        "  to_zh:", "  ask: {kind: goto, cases: [{when: calendar.day <= 5, then: cards}], then: general}\n  to_zh:"
    )
    .replace("tasks:", 'calendar: {hours: {service: "24/7", later: "2099 Jan 01 08:00-20:00"}}\ntasks:', 1)
)


@pytest_asyncio.fixture(loop_scope="session")
async def menus(tmp_path: Path) -> AsyncIterator[RunningDesktop]:
    """A desktop whose site has published two books and has had four calls."""
    async with fresh_database(SQLITE, tmp_path) as database:
        books = Books(database)
        now = CLOCK.now()
        await books.publish({"book.yaml": SMALL}, message="first", now=now - 86_400)
        await books.publish({"book.yaml": SECOND}, message="second", now=now, share=0.25)
        await books.choose(promote, message="good", now=now)
        async with database.write() as session:
            for number in range(4):
                call = CallRow(
                    id=f"c{number}", uniqueid="u", channel="c", node="a", state="ended", started_at=now, book_version=2
                )
                session.add(call)
                await session.flush()
                for kind, data in (
                    ("step", {"step": "hello"}),
                    ("step", {"step": "main"}),
                    *([("key", {"menu": "main", "option": "cards", "key": "3"})] * (number < 3)),
                    ("step", {"step": "ask" if number < 3 else "general"}),
                ):
                    session.add(CallEventRow(call_id=call.id, at=now, kind=kind, data=data))
                    await session.flush()
        looking = Looking(Shelf(books, Settings()), books, TrafficCounts(database), CLOCK)
        async with running_desktop(a_roster(), CLOCK, looking=looking) as desktop:
            yield desktop


async def test_the_menu_book_is_shown_only_to_who_has_signed_in(page: Page, menus: RunningDesktop) -> None:
    await page.goto(f"{menus.origin}/menus")
    assert page.url.endswith("/sign-in")
    for path in ("versions", "book?version=1", "difference?old=1&new=2", "picture.svg?version=1"):
        assert (await menus.request("GET", f"/menus/{path}")).status == 401


async def test_the_menu_book_tells_steps_keys_ways_hours_and_traffic(page: Page, menus: RunningDesktop) -> None:
    await sign_in(page, menus)
    await page.goto(f"{menus.origin}/menus")
    await expect(page.locator("#book-name")).to_have_text("Small Bank")
    await expect(page.locator("#version option")).to_have_count(2)
    await expect(page.locator("#version option").first).to_contain_text("2 · everybody")
    main = page.locator("#step-main")
    await expect(main).to_contain_text("4 calls")
    cards = main.locator("li", has_text="银行卡")
    await expect(cards.locator("kbd")).to_have_text("3")
    await expect(cards.locator(".label")).to_have_text("cards")
    await expect(cards.locator(".way-to")).to_have_text("→ ask")
    await expect(cards.locator(".way-calls")).to_contain_text("75%")
    await expect(page.locator("#step-ask")).to_contain_text("calendar.day <= 5")
    await expect(page.locator("#step-cards li").first).to_contain_text("only if customer.known")
    await expect(page.locator(".hours-card li").nth(0)).to_contain_text("open now")
    await expect(page.locator(".hours-card li").nth(1)).to_contain_text("closed now")
    await expect(page.locator("#step-hello")).to_contain_text(f"Welcome {HOSTILE}")
    assert await page.locator("main img").count() == 0


async def test_a_step_is_found_by_a_word_and_a_way_leads_to_its_step(page: Page, menus: RunningDesktop) -> None:
    await sign_in(page, menus)
    await page.goto(f"{menus.origin}/menus")
    await page.fill("#find", "挂失")
    await expect(page.locator(".step-card:visible")).to_have_count(1)
    await page.locator("#step-cards .way-to a").first.click()
    await expect(page.locator("#step-general")).to_be_focused()
    await page.fill("#find", "no such thing")
    await expect(page.locator("#nothing")).to_be_visible()


async def test_the_picture_is_drawn_and_a_click_on_a_step_tells_of_it(page: Page, menus: RunningDesktop) -> None:
    await sign_in(page, menus)
    await page.goto(f"{menus.origin}/menus")
    await page.click("#tab-picture")
    await expect(page.locator("#drawing svg .step")).to_have_count(10)
    assert await page.locator("#drawing .box").first.evaluate("node => getComputedStyle(node).fill") != "rgb(0, 0, 0)"
    await page.select_option("#menu", "cards")
    await expect(page.locator("#drawing svg .step")).to_have_count(4)
    await page.locator("#drawing [data-step=cards] .head").click()
    await expect(page.locator("#step-cards")).to_be_focused()


@pytest.mark.parametrize(
    ("tab", "choice", "earlier", "newer", "address"),
    [
        ("steps", "#version", "1", "2", "**/menus/book?version={}"),
        ("picture", "#menu", "cards", "main", "**/menus/picture.svg?*menu={}*"),
    ],
)
async def test_an_answer_that_is_late_does_not_take_the_place_of_a_newer_one(
    page: Page, menus: RunningDesktop, tab: str, choice: str, earlier: str, newer: str, address: str
) -> None:
    held: asyncio.Queue[Route] = asyncio.Queue()
    await sign_in(page, menus)
    await page.goto(f"{menus.origin}/menus")
    await page.click(f"#tab-{tab}")
    shown = page.locator("#step-ask, #drawing [data-step=ask]").locator("visible=true")
    await expect(shown).to_have_count(1)
    await page.route(address.format(earlier), held.put)
    await page.select_option(choice, earlier)
    late = await asyncio.wait_for(held.get(), 30)
    async with page.expect_response(address.format(newer)):
        await page.select_option(choice, newer)
    async with page.expect_response(address.format(earlier)) as answer:
        await late.continue_()
    await (await answer.value).finished()
    await page.evaluate("fetch('/menus/versions').then((answer) => answer.json())")
    await expect(shown).to_have_count(1)


async def test_a_picture_is_not_drawn_for_who_is_signed_out_meanwhile(page: Page, menus: RunningDesktop) -> None:
    await sign_in(page, menus)
    await page.goto(f"{menus.origin}/menus")
    await expect(page.locator("#book-name")).to_have_text("Small Bank")
    await page.context.clear_cookies()
    await page.click("#tab-picture")
    await expect(page).to_have_url(f"{menus.origin}/sign-in")


async def test_what_changed_is_told_in_the_language_of_the_page(page: Page, menus: RunningDesktop) -> None:
    await sign_in(page, menus)
    await page.goto(f"{menus.origin}/menus")
    await page.click("#tab-changes")
    await expect(page.locator("#differences")).to_contain_text("key 3 now goes to ask (was cards)")
    await page.click("[data-language=zh]")
    await expect(page.locator("#differences")).to_contain_text("按键 3 现在转到 ask（原为 cards）")
    await page.select_option("#version", "1")
    await expect(page.locator("#differences")).to_contain_text("按键 3 现在转到 cards（原为 ask）")
    await page.click("[data-language=en]")


async def test_the_page_knows_every_kind_of_change_kind_of_step_and_way(page: Page, menus: RunningDesktop) -> None:
    await page.goto(f"{menus.origin}/sign-in")
    told = (
        "async () => Object.entries((await import('/static/words.js')).WORDS.en).map(([k, v]) => [k, Object.keys(v)])"
    )
    words = dict(await page.evaluate(told))
    assert set(words["change"]) == set(TEXTS)
    kinds = {typing.get_args(step.model_fields["kind"].annotation)[0] for step in typing.get_args(AnyStep)}
    assert set(words["step_kind"]) == kinds | {"entry"}


async def test_a_picture_that_is_opened_by_itself_has_its_look_and_nothing_else(
    page: Page, menus: RunningDesktop
) -> None:
    await sign_in(page, menus)
    await page.goto(f"{menus.origin}/menus/picture.svg?version=2&language=zh")
    assert await page.locator(".page").evaluate("node => getComputedStyle(node).fill") == "rgb(246, 248, 250)"
    cookie = await menus.sign_in()
    answer = await menus.request("GET", "/menus/picture.svg?version=2", cookie=cookie)
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")
    for path, status in (
        ("picture.svg?version=9", 404),
        ("picture.svg?version=2&menu=no", 404),
        ("book?version=x", 404),
    ):
        assert (await menus.request("GET", f"/menus/{path}", cookie=cookie)).status == status
