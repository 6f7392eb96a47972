"""What agents may do about cases from their desktop, and what is refused whatever a page says."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ivr.complaints import ComplaintRule, Complaints, ComplaintTier, Deadline
from ivr.desktop.case_desk import CaseDesk
from ivr.desktop.messages import Case, CaseDone, Error
from ivr.queues import Queue, Queues
from ivr.testing.clock import FakeClock
from ivr.testing.databases import SQLITE, fresh_database
from ivr.testing.world import CHEAP
from menus.facts import CallerFacts
from menus.schema import Calendar
from models.agents import Agents
from models.calls import CallJournal
from models.cases import CaseBook
from models.claims import Claims
from models.customers import Customers
from models.database import Database
from models.tables import CustomerRow
from routing.agent import AgentEvent
from routing.call import Arrival
from routing.decision import decide
from routing.errands import NewCase
from routing.views import NeedWish

T = 1_796_100_000.0  # Tuesday 2026-12-01 12:40 in Shanghai
ZONE = ZoneInfo("Asia/Shanghai")
TIERS = tuple(ComplaintTier(name={"en": f"Tier {level}"}, level=level, answer_h=9) for level in (1, 4, 7))
SITE = Queues(
    version=1,
    calendar=Calendar(hours={"office": "Mo-Fr 09:00-18:00"}),
    complaints=Complaints(
        tiers=TIERS,
        hours="office",
        about={"card_fraud": {"en": "Card fraud"}, "fees": {"en": "Fees"}},
        rules=(
            ComplaintRule(tier=2, severity="high"),
            ComplaintRule(tier=2, about=("card_fraud",)),
            ComplaintRule(tier=3, overdue=True),
        ),
        deadlines=(Deadline(about=("card_fraud",), answer_h=2),),
    ),
    queues={"complaints": Queue(skills={"complaints": 1})},
)


@dataclass
class Site:
    """A database, a desk, and two agents; `talk` puts a caller through to one of them."""

    database: Database
    desk: CaseDesk
    book: CaseBook
    agents: Agents
    offer_id: int = 0

    async def talk(self, call_id: str, ani: str, customer_id: int, name: str) -> int:
        """The caller talks to this agent; the agent's id."""
        claims = Claims(self.database, "node-a")
        async with CallJournal(self.database, "node-a") as journal:
            facts = CallerFacts(ani, customer_id, 1)
            arrival = Arrival(call_id, call_id, "PJSIP/x", ani, "", "95500")
            journal.opened(arrival, now=T, facts=facts, language="en", book_version=1)
            await journal.settle(call_id, deadline_s=5)
        card = await self.agents.by_name(name)
        assert card is not None
        for event in (AgentEvent.SIGN_IN, AgentEvent.READY):
            await self.agents.say(card.id, event, now=T)
        await claims.open_need(call_id, NeedWish("complaints", {"complaints": 1}, "en", "Complaint"), now=T)
        (made,) = decide(await claims.snapshot(now=T), T)
        claimed = await claims.claim(made, node="node-a", now=T, lease_s=15)
        assert await claims.answered(claimed.offer_id, claimed.fence, now=T)
        self.offer_id = claimed.offer_id
        return card.id

    async def case(self, call_id: str, customer_id: int, **more) -> str:
        """A case of a customer."""
        return (await self.book.open(NewCase("Fees", 1, 5, call_id, customer_id, None, None, **more), now=T)).number

    async def act(self, agent_id: int, do: str, number: str = "", **more) -> CaseDone | Error:
        """What the desk answers."""
        offer_id = more.pop("offer_id", self.offer_id)
        message = Case(v=1, type="case", offer_id=offer_id, do=do, number=number, text="why", **more)
        return await self.desk.act(agent_id, message)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with fresh_database(SQLITE, tmp_path) as database:
        agents = Agents(database, CHEAP)
        for name, level in (("junior", 2), ("senior", 8)):
            await agents.add(name, name.title(), "a password", f"PJSIP/{name}", {"complaints": level, "lang:en": 5})
        async with database.write() as session:
            about = {"language": "en", "segment": "mass", "since_on": date(2020, 1, 1)}
            session.add_all([CustomerRow(id=7, name="Li Na", **about), CustomerRow(id=8, name="Wang", **about)])
        book = CaseBook(database, ZONE)
        people = Customers(database, ZONE)
        desk = CaseDesk(book, agents, FakeClock(T), SITE.table("Asia/Shanghai"), directory=people)
        yield Site(database, desk, book, agents)


async def test_an_agent_may_work_on_a_case_of_who_they_talk_to_within_their_tier(site: Site) -> None:
    junior = await site.talk("c1", "+8601", 7, "junior")
    number = await site.case("c1", 7, due_at={1: T + 3600})
    for do, more in (("note", {}), ("extend", {"hours": 9}), ("raise", {})):
        assert await site.act(junior, do, number, **more) == CaseDone(offer_id=site.offer_id, do=do, number=number)
    file = await site.book.file(number)
    assert (file.tier, file.due_at) == (2, T + 24 * 3600 + 3600)  # nine working hours on: the same time a day later
    assert [(event.kind, event.by) for event in file.events[1:]] == [
        ("noted", "junior"), ("extended", "junior"), ("raised", "junior"),
    ]  # fmt: skip
    for do, more in (("close", {}), ("extend", {"hours": 1})):
        assert (await site.act(junior, do, number, **more)).code == "no_authority"
    assert (await site.act(junior, "note", number)).type == "case_done"
    assert (await site.book.file(number)).state == "open"


async def test_an_agent_touches_no_case_of_anybody_else_nor_with_anothers_offer(site: Site) -> None:
    senior = await site.talk("c1", "+8601", 7, "senior")
    foreign = await site.case("c1x", 8)
    mine = await site.case("c1", 7)
    assert (await site.act(senior, "close", foreign)).code == "not_yours"
    assert (await site.act(senior, "close", mine, offer_id=site.offer_id + 1)).code == "not_yours"
    assert (await site.act(senior + 1, "close", mine)).code == "not_yours"
    assert [(await site.book.file(number)).state for number in (foreign, mine)] == ["open", "open"]
    assert (await site.act(senior, "close", mine)).type == "case_done"
    assert (await site.act(senior, "note", mine)).code == "not_yours"  # it is closed


async def test_nobody_works_on_a_case_about_themselves(site: Site) -> None:
    senior = await site.talk("c1", "+8601", 7, "senior")
    about_them = await site.case("c1", 7, against_id=senior)
    assert (await site.act(senior, "note", about_them)).code == "no_authority"


async def test_a_case_is_opened_about_an_agent_whom_the_customer_has_talked_to_and_about_no_other(site: Site) -> None:
    await site.talk("c1", "+8601", 7, "senior")
    junior = await site.talk("c2", "+8601", 7, "junior")
    made = await site.act(junior, "open", subject="Was rude", severity="high", against="senior")
    assert isinstance(made, CaseDone)
    file = await site.book.file(made.number)
    assert (file.against, file.handler, file.severity, file.customer_id) == ("senior", None, "high", 7)
    assert file.due_at == T + 24 * 3600
    assert [(event.kind, event.by) for event in file.events] == [("opened", "junior"), ("noted", "junior")]
    assert (await site.act(junior, "open", subject="Was rude too", against="junior")).code == "not_yours"


async def test_a_case_of_the_desktop_has_the_tier_and_the_deadline_that_the_rules_say(site: Site) -> None:
    junior = await site.talk("c1", "+8601", 7, "junior")
    plain = await site.act(junior, "open", subject="Fees", about="fees")
    fraud = await site.act(junior, "open", subject="Money is gone", about="card_fraud")
    files = [await site.book.file(made.number) for made in (plain, fraud)]
    assert [(file.tier, file.about, file.due_at, file.handler) for file in files] == [
        (1, "fees", T + 24 * 3600, "junior"), (2, "card_fraud", T + 2 * 3600, None),  # who may not decide it has it not
    ]  # fmt: skip
    await site.case("c0", 7, due_at={1: T - 1})  # an answer is overdue
    late = await site.act(junior, "open", subject="Again")
    assert (await site.book.file(late.number)).tier == 3
    assert (await site.act(junior, "open", subject="x", about="weather")).code == "not_now"


async def test_a_message_about_a_case_that_lacks_something_is_no_message() -> None:
    for wrong in ({"do": "note", "number": "1"}, {"do": "extend", "number": "1", "text": "x"}, {"do": "open"},
                  {"do": "close"}, {"do": "burn", "number": "1"}):  # fmt: skip
        with pytest.raises(ValueError, match="validation error"):
            Case(v=1, type="case", offer_id=1, **wrong)
