"""The wall and the signs of recording and listening in a real headless Chromium."""

from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from ivr.listening import Listeners
from ivr.ports import OfferSeen, TalkRecording
from ivr.queues import Queues
from ivr.supervising import Supervising
from ivr.testing.databases import fresh_database
from ivr.testing.desktop import running_desktop
from ivr.testing.pops import a_pop, an_agent, an_offer
from ivr.testing.roster import ScriptedRoster
from ivr.testing.screen import CLOCK, sign_in
from ivr.testing.stage import Stage
from ivr.testing.world import CHEAP
from models.agents import Agents
from models.cases import CaseBook
from models.listenings import Listenings
from models.supervision import SupervisorActs
from models.tables import AgentRow
from models.wall import WallFigures
from routing.agent import AgentEvent, AgentState
from routing.errands import NewCase
from routing.listening import Listening, ListeningMode

TEA = {"name": {"en": "Tea <time>", "zh": "茶歇"}}

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def page(page: Page) -> Page:
    """A page as large as the screen on a wall."""
    await page.set_viewport_size({"width": 1920, "height": 1080})
    return page


@dataclass
class Pauses:
    """Does what the agent asks, one step behind the switch."""

    roster: ScriptedRoster
    offer: OfferSeen
    muted: bool | None = False
    until: float | None = None

    async def ask(self, agent_id: int, offer_id: int, *, paused: bool) -> None:
        assert offer_id == self.offer.offer_id
        self.until = CLOCK.now() + 60 if paused else None
        self.put()

    def put(self) -> None:
        recording = TalkRecording("r", self.offer.call_id, CLOCK.now(), self.until, self.muted)
        ada = Listening("spy-1", 2, "Ada", 1, self.offer.call_id, ListeningMode.LISTEN, CLOCK.now(), CLOCK.now())
        offer = replace(self.offer, recording=recording, listening=(ada,))
        self.roster.offer(1, offer, state=AgentState.BUSY, since=CLOCK.now())


async def test_the_agent_sees_that_it_is_recorded_and_silent_only_when_it_is_and_who_listens(page: Page) -> None:
    now = CLOCK.now()
    roster = ScriptedRoster(an_agent(now, state=AgentState.LOGGED_OUT), passwords={"grace": "right"})
    pauses = Pauses(roster, an_offer(now, state="answered", answered_at=now))
    async with running_desktop(roster, CLOCK, pauses=pauses) as desktop:
        desktop.pops[1] = a_pop(now)
        await sign_in(page, desktop, "grace", ready=False)
        pauses.put()
        desktop.hub.changed(1)
        await expect(page.locator("#recording-word")).to_have_text("Recorded")
        await expect(page.locator("#listening")).to_have_text("Ada listens to this conversation")
        await page.keyboard.press("k")
        await expect(page.locator("#recording-word")).to_contain_text("NOT silent yet")
        pauses.muted = True
        pauses.put()
        desktop.hub.changed(1)
        await expect(page.locator("#recording-word")).to_contain_text("Recording is silent")
        await expect(page.locator("#recording-left")).to_contain_text("goes on by itself in 0:")
        await page.click("[data-language=zh]")
        await expect(page.locator("#recording-word")).to_contain_text("录音已静音")
        pauses.muted = False
        await page.click("#recording-act")
        await expect(page.locator("#recording-word")).to_have_text("录音中")


async def test_a_supervisor_sees_queues_agents_and_alarms_and_acts_on_an_agent(page: Page, tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(fresh_database("sqlite", tmp_path))
        roster, acts = Agents(database, CHEAP), SupervisorActs(database)
        for name, full_name in (("ada", "Ada"), ("grace", "<b>Grace</b>")):
            skills = {"general": 5} if name == "grace" else {}
            await roster.add(name, full_name, "right", f"PJSIP/{name}", skills, supervisor=name == "ada")
        parts = replace(Stage().parts, roster=roster, clock=CLOCK)
        listeners = Listeners(parts, Listenings(database), acts)
        case = NewCase("Charged <b>twice</b>", 2, 5, "c1", None, None, None, due_at={2: CLOCK.now() - 60})
        await CaseBook(database, ZoneInfo("Asia/Shanghai")).open(case, now=CLOCK.now() - 3600)
        supervising = Supervising(
            parts, WallFigures(database), acts, listeners, CaseBook(database, ZoneInfo("Asia/Shanghai"))
        )
        desktop = await stack.enter_async_context(
            running_desktop(roster, CLOCK, supervising=supervising)  # type: ignore[arg-type]
        )
        grace = await desktop.sign_in("grace")
        await sign_in(page, desktop, "ada", ready=False)
        await expect(page.locator("#wall-link")).to_be_visible()
        await page.goto(f"{desktop.origin}/wall")
        await expect(page.locator("#queue-rows th")).to_have_text("General")
        await expect(page.locator("#alarms li")).to_have_text("General: nobody at work")
        await expect(page.locator("#case-rows li")).to_contain_text("100001 · Charged <b>twice</b> · Tier 2 · nobody")
        await expect(page.locator("#case-rows li")).to_contain_text("overdue since")
        line = page.locator("#agent-rows tr", has_text="<b>Grace</b>")
        await expect(line.locator(".state")).to_contain_text("Paused")
        await line.get_by_role("button", name="Sign out").click()
        await expect(page.locator("#sure-title")).to_have_text("Sign <b>Grace</b> out?")
        await page.click("#sure-yes")
        await expect(page.locator("#notice")).to_have_text("The agent is signed out.")
        await expect(line).to_have_count(0)
        await page.click("[data-language=zh]")
        await expect(page.locator("#alarms li")).to_contain_text("无人当班")
        assert (await desktop.request("GET", "/wall/state", cookie=grace)).status == 401
        assert [(act.act, act.done) for act in await acts.newest(9)] == [("sign_out", True)]
        await roster.set_supervisor("ada", supervisor=False)
        await page.wait_for_url(f"{desktop.origin}/")


async def test_a_supervisor_reads_why_nobody_may_be_offered_a_call_in_the_site_s_own_words(
    page: Page, tmp_path: Path
) -> None:
    pauses = {"meal": {**TEA, "most_minutes": 5}}
    team = {"name": {"en": "Service <desk>", "zh": "客服组"}, "supervisor": "ada"}
    staff = {"pauses": pauses, "teams": {"service": team}, "skills": {"general": {"en": "General <b>", "zh": "综合"}}}
    file = {"version": 1, "queues": {"general": {"skills": {"general": 1}}}, "staff": staff}
    rules = Queues.model_validate(file)
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(fresh_database("sqlite", tmp_path))
        roster, acts, now = Agents(database, CHEAP), SupervisorActs(database), CLOCK.now()
        ids = {}
        for name in ("ada", "grace", "tom"):
            card = await roster.add(name, name.title(), "right", f"PJSIP/{name}", {}, supervisor=name == "ada")
            ids[name] = card.id
        await roster.set_team("grace", "service")
        await roster.set_skills("grace", {"general": 5, "lang:en": 5})
        await roster.say(ids["grace"], AgentEvent.SIGN_IN, now=now - 400)
        await roster.say(ids["grace"], AgentEvent.PAUSE, now=now - 400, reason="meal")
        async with database.write() as session:
            tom = await session.get_one(AgentRow, ids["tom"])
            tom.state, tom.since, tom.set_aside = AgentState.MISSED, now, "unreachable"
        parts = replace(Stage().parts, roster=roster, clock=CLOCK, queues=rules.table("UTC"))
        supervising = Supervising(parts, WallFigures(database), acts, Listeners(parts, Listenings(database), acts))
        desktop = await stack.enter_async_context(
            running_desktop(roster, CLOCK, supervising=supervising)  # type: ignore[arg-type]
        )
        await sign_in(page, desktop, "ada", ready=False)
        await page.goto(f"{desktop.origin}/wall")
        grace, tom_s = (page.locator("#agent-rows tr", has_text=name) for name in ("Grace", "Tom"))
        await expect(grace.locator(".state")).to_have_text("Paused (Tea <time>)")
        await expect(grace.locator(".clock")).to_have_class("clock late")
        await expect(tom_s.locator(".state")).to_have_text("Set aside (Phone could not be rung)")
        await expect(tom_s.locator(".clock")).to_have_class("clock")
        await expect(page.locator("tr.team")).to_have_text(["Service <desk> · led by Ada · 1", "No team · 2"])
        await expect(grace.locator(".can")).to_have_text("General <b> 5")
        await page.get_by_label("Team").select_option(label="Service <desk>")
        await expect(tom_s).to_have_count(0)
        await expect(grace).to_have_count(1)
        await page.click("[data-language=zh]")
        await expect(page.locator("tr.team")).to_have_text("客服组 · 组长 Ada · 1")
        await expect(grace.locator(".state")).to_contain_text("茶歇")
