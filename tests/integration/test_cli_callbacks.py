"""Callbacks and lines from the command line."""

import asyncio
import shutil
import time
from pathlib import Path

import pytest

from ivr.settings import SHIPPED
from ivr.testing.books import SMALL
from ivr.testing.command import ivr
from ivr.testing.databases import POSTGRESQL, SQLITE, fresh_database
from menus.facts import CallerFacts
from models.agents import Agents
from models.books import Books
from models.callbacks import CallbackBook
from models.calls import CallJournal
from models.claims import Claims
from models.database import Database
from models.entries import Entries, EntryTally
from routing.agent import AgentEvent
from routing.call import Arrival, Ending, Reason, Result
from routing.callback import CallbackEvent, CallbackWish
from routing.decision import decide
from routing.offer import Claimed, OfferEvent
from routing.views import NeedWish

pytestmark = pytest.mark.usefixtures("cli_url")

ANI = "+8613800000001"
T = 1_790_000_000.0
ENTRIES = """\
entries:
  brokers: {numbers: ["955*"], then: hello, campaign: spring, service_level: {share: 0.9, within_s: 10}}
"""


async def _wishes(url: str) -> None:
    async with Database.opened(url) as database:
        book, now = CallbackBook(database), time.time()
        for queue, closed_ago_s in (("cards", None), ("general", 3600), ("loans", 3 * 86400)):
            wish = CallbackWish("c0", ANI, 7, queue, "Lost card", "zh", "keep_place", now, now)
            id_ = await book.request(wish, now=now)
            if closed_ago_s is not None:
                await book.move(id_, 0, CallbackEvent.MISS, now=now - closed_ago_s)


def test_callbacks_are_listed_with_masked_numbers_unless_asked_for(cli_url: str) -> None:
    assert ivr("callbacks", "list").out == "nobody is to be called back\n"
    asyncio.run(_wishes(cli_url))
    head, line = ivr("callbacks", "list").out.splitlines()
    assert head.split()[:3] == ["id", "number", "queue"]
    assert line.split()[:7] == ["1", "+861…01", "cards", "Lost", "card", "keep_place", "waiting"]
    assert ANI in ivr("callbacks", "list", "--numbers").out


def test_closed_callbacks_are_listed_when_asked_for(cli_url: str) -> None:
    asyncio.run(_wishes(cli_url))
    assert [line.split()[2] for line in ivr("callbacks", "list", "--days", "2").out.splitlines()[1:]] == [
        "general",
        "cards",
    ]
    assert "missed" in ivr("callbacks", "list", "--days", "2").out


async def _calls(database: Database, now: float) -> None:
    """Of the brokers' line: answered in time, late, abandoned, left in the menu. One of no line, one we made."""
    agents, exchange = Agents(database), Claims(database)
    card = await agents.add("anna", "", "", "PJSIP/anna", {"general": 5, "lang:en": 5})
    await agents.say(card.id, AgentEvent.SIGN_IN, now=now)
    kinds = [("a", "brokers", 5), ("b", "brokers", 30), ("c", "brokers", None), ("d", "", 15), ("callback-1-1", "", 1)]
    async with CallJournal(database, "node-a") as journal:
        for call_id, entry, wait_s in kinds:
            arrival = Arrival(call_id, call_id, "PJSIP/x", ANI, "", "95588")
            journal.opened(
                arrival,
                now=now,
                facts=CallerFacts(),
                language="en",
                book_version=1,
                entry=entry,
                campaign="spring" if entry else "",
            )
            await journal.settle(call_id, deadline_s=5)
            await exchange.open_need(call_id, NeedWish("general", {"general": 1}, "en", "x"), now=now)
            if wait_s is None:
                await exchange.close_need(call_id, "abandoned", now=now + 99)
                journal.ended(call_id, Ending(Result.LEFT, Reason.IN_QUEUE), now + 99)
                continue
            await agents.say(card.id, AgentEvent.READY, now=now)
            (decision,) = decide(await exchange.snapshot(now=now), now)
            claim = await exchange.claim(decision, node="node-a", now=now, lease_s=99)
            assert isinstance(claim, Claimed)
            await exchange.answered(claim.offer_id, claim.fence, now=now + wait_s)
            await exchange.close_offer(claim.offer_id, claim.fence, OfferEvent.COMPLETE, now=now + 60, wrap_up_s=0)
            journal.ended(call_id, Ending(Result.SERVED, Reason.AGENT), now + 60)
        for call_id, over in (("menu", True), ("goes-on", False)):
            arrival = Arrival(call_id, call_id, "PJSIP/x", ANI, "", "95588")
            journal.opened(
                arrival, now=now, facts=CallerFacts(), language="en", book_version=1, entry="brokers", campaign="spring"
            )
            if over:
                journal.ended(call_id, Ending(Result.LEFT, Reason.IN_MENU), now + 5)
            await journal.settle(call_id, deadline_s=5)


@pytest.mark.parametrize("kind", [SQLITE, pytest.param(POSTGRESQL, marks=pytest.mark.postgresql)])
async def test_the_calls_of_each_line_are_counted_by_what_became_of_them(kind: str, tmp_path: Path) -> None:
    (tmp_path / "counted").mkdir()
    async with fresh_database(kind, tmp_path / "counted") as database:
        await _calls(database, T)
        entries = Entries(database)
        span = {"since": T - 1, "until": T + 1}
        assert await entries.tallies(**span, within_s={"brokers": 10}, usual_s=20) == (
            EntryTally("", "", 1, 1, 1, 1, 0),
            EntryTally("brokers", "spring", 4, 3, 2, 1, 1),
        )
        assert [tally.in_time for tally in await entries.tallies(**span, within_s={}, usual_s=60)] == [1, 2]
        assert await entries.tallies(since=T + 1, until=T + 9, within_s={}, usual_s=60) == ()


def test_lines_are_told_against_what_is_promised(cli_url: str, tmp_path: Path) -> None:
    (tmp_path / "menus").mkdir()
    (tmp_path / "menus" / "book.yaml").write_text(SMALL + ENTRIES, encoding="utf-8")
    shutil.copy(SHIPPED / "queues.yaml", tmp_path)
    settings = tmp_path / "settings.yaml"
    settings.write_text("book: {folder: menus, queues: queues.yaml}\n")
    assert ivr("entries", "--settings", str(settings)).out == "no call has ended within 7 days\n"

    async def fill() -> None:
        async with Database.opened(cli_url) as database:
            await _calls(database, time.time() - 3600)

    asyncio.run(fill())
    head, none, brokers = ivr("entries", "--since", "1", "--settings", str(settings)).out.splitlines()
    assert head.startswith("entry")
    assert none.split() == ["(no", "entry)", "–", "1", "1", "1", "100%", "nothing;", "20", "s", "counted", "0"]
    assert brokers.split() == ["brokers", "spring", "4", "3", "2", "33%", "90%", "within", "10", "s", "1"]


def test_lines_are_promised_what_the_published_book_promises_them(cli_url: str, tmp_path: Path) -> None:
    book, settings = tmp_path / "menus" / "book.yaml", tmp_path / "settings.yaml"
    book.parent.mkdir()
    book.write_text("steps: [", encoding="utf-8")
    settings.write_text("book: {folder: menus}\n", encoding="utf-8")
    unpublished = ivr("entries", "--settings", str(settings))
    assert (unpublished.status, unpublished.out) == (1, "")
    assert ": syntax: " in unpublished.err

    async def fill() -> None:
        async with Database.opened(cli_url) as database:
            await Books(database).publish({"book.yaml": SMALL + ENTRIES}, message="", now=1.0)
            await _calls(database, time.time() - 3600)

    asyncio.run(fill())
    assert " 90% within 10 s " in ivr("entries", "--settings", str(settings)).out
