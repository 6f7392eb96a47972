"""Cases on the agent's screen, in a real headless Chromium."""

from datetime import date
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import Page, expect

from ivr.complaints import Complaints
from ivr.desktop.case_desk import CaseDesk
from ivr.ports import (
    CaseFile,
    CaseOnPop,
    CaseOpened,
    NewCase,
    TalkedTo,
)
from ivr.queues import Queue, Queues
from ivr.testing.desktop import running_desktop
from ivr.testing.pops import a_pop
from ivr.testing.records import MemoryDirectory
from ivr.testing.screen import CLOCK, a_roster, offer, sign_in, talk
from ivr.testing.selfservice import MemoryCases
from ivr.testing.store import MemoryStore
from models.case_work import By
from routing.complaints import may_do
from routing.errands import CaseEvent

pytestmark = pytest.mark.asyncio(loop_scope="session")


class _Book(MemoryCases):
    """Cases of which what agents do is written down."""

    def __init__(self) -> None:
        super().__init__(MemoryStore())
        opened = (CaseEvent(CLOCK.now() - 9e4, "opened", "", {"tier": 1}),)
        self.file = CaseFile(
            1, "100123", "Charged twice", 1, "open", opened[0].at, CLOCK.now() + 9e4, None, "high", None, None, 7,
            None, None, None, opened,
        )  # fmt: skip
        self.did: list[tuple[object, ...]] = []

    async def of_call(self, call_id: str) -> tuple[CaseFile, ...]:
        return (self.file,)

    async def talked_to(self, call_id: str, *, but: int, since: float) -> tuple[TalkedTo, ...]:
        return (TalkedTo(2, "tom", "Tom Ho"),)

    async def whose(self, call_id: str) -> tuple[int | None, str | None]:
        return 7, None

    async def open(self, case: NewCase, *, now: float) -> CaseOpened:
        self.did.append(("open", case.subject, case.severity, case.about, case.against_id, case.handler_id))
        return CaseOpened("100124", 1, date(2026, 12, 1))

    async def note(self, number: str, text: str, *, by: By, now: float) -> None:
        self.did.append(("note", number, text, by.name))

    async def raise_tier(self, number: str, reason: str, *, highest: int, by: By, now: float) -> int:
        self.did.append(("raise", number, reason, highest))
        return 2

    async def extend(self, number: str, due_at: float, reason: str, *, by: By, now: float) -> None:
        self.did.append(("extend", number, reason, round(due_at - (self.file.due_at or 0))))

    async def close(self, number: str, text: str = "", *, by: By, now: float) -> bool:
        self.did.append(("close", number, text))
        return True


async def test_whoever_talks_to_the_customer_works_on_their_case_and_opens_one_about_a_colleague(page: Page) -> None:
    book, roster = _Book(), a_roster()
    about = {"conduct": {"en": "How somebody behaved", "zh": "服务态度"}}
    site = Queues(version=1, complaints=Complaints(about=about), queues={"complaints": Queue(skills={"complaints": 1})})
    people = MemoryDirectory(MemoryStore(facts={}), ZoneInfo("UTC"))
    desk = CaseDesk(book, roster, CLOCK, site.table("UTC"), directory=people)
    async with running_desktop(roster, CLOCK, cases=desk, about=about) as desktop:
        await sign_in(page, desktop)
        mine = CaseOnPop(book.file, may_do(2, 1, 3, about_them=False))
        pop = a_pop(CLOCK.now(), cases=(mine,), talked_to=await book.talked_to("", but=1, since=0))
        await offer(desktop, pop)
        await expect(page.locator(".case-file")).to_contain_text("100123")
        await expect(page.locator(".case-events li")).to_contain_text("opened Tier 1")
        await expect(page.locator(".case-work")).to_have_count(0)  # nobody talks yet
        await talk(desktop, page, pop)
        work = page.locator(".case-file .case-work")
        await work.locator("textarea").fill("asked for the slip")
        for verb, told in (("note", "The note is kept."), ("raise", "The case is a tier up."),
                           ("extend", "The deadline is later now."), ("close", "The case is closed.")):  # fmt: skip
            await work.locator(f"[data-do={verb}]").click()
            await expect(page.locator("#notice")).to_have_text(told)
        await page.locator(".case-open summary").click()
        await page.get_by_label("What the complaint is about").fill("Was rude")
        await page.get_by_label("Severity").select_option("high")
        await page.get_by_label("What it concerns").select_option(label="How somebody behaved")
        await page.get_by_label("About an agent").select_option("tom")
        await page.locator("[data-do=open]").click()
        await expect(page.locator("#notice")).to_have_text("The case is open.")
    assert book.did == [
        ("note", "100123", "asked for the slip", "grace"),
        ("raise", "100123", "asked for the slip", 3),
        ("extend", "100123", "asked for the slip", 9 * 3600),
        ("close", "100123", "asked for the slip"),
        ("open", "Was rude", "high", "conduct", 2, 1),
    ]
