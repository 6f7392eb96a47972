"""`ivr explain` on a call that was really walked and stored, and on the demonstration's customers."""

import asyncio
import json
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, update

from ivr.explaining import of_caller
from ivr.settings import Settings
from ivr.testing.books import SMALL
from ivr.testing.command import ivr
from ivr.testing.line import HangUp
from ivr.testing.stage import ANI, Stage
from menus.facts import CallerFacts, HistoryEvent
from menus.learning.ranker import KernelRanker
from menus.loader import parse_book
from models.books import Books
from models.database import Database
from models.tables import CallEventRow, CallRow, CaseRow, CustomerRow, HistoryEventRow, NumberRow
from routing.errors import StoreAway

ZONE = ZoneInfo("Asia/Shanghai")
BOOK = SMALL.replace("{id: cards, key: 3,", "{id: cards, promote_when: calendar.weekday > 5, key: 3,", 1)


@pytest.fixture(autouse=True)
def url(cli_url: str) -> str:
    asyncio.run(_site(cli_url))
    return cli_url


async def _site(url: str) -> None:
    """A customer who transfers money around the 21st, the book as version 1, and a call of theirs."""
    stage = Stage(parse_book({"small.yaml": BOOK}))
    times = [datetime(2026, month, 21, 9, tzinfo=ZONE) for month in range(1, 9)]
    history = tuple(HistoryEvent(at, "transfer") for at in times)
    stage.store.facts[ANI] = (CallerFacts(ANI, 7, 1, "en", "mass", history),)
    row = await stage.take(stage.leg(HangUp()))
    async with Database.opened(url) as database:
        await Books(database).publish({"small.yaml": BOOK}, message="", now=1.0)
        async with database.write() as session:
            session.add(CustomerRow(id=7, name="Li Na", language="en", segment="mass", since_on=date(2020, 1, 1)))
            await session.flush()
            session.add(NumberRow(customer_id=7, e164=ANI))
            for at in times:
                session.add(HistoryEventRow(customer_id=7, at=at.timestamp(), task="transfer", source="app"))
            session.add(CallRow(id="call-1", uniqueid="u", channel="c", node="a", state="ended", ani=ANI, customer_id=7,
                                started_at=row.started_at, book_version=1))  # fmt: skip
            await session.flush()
            for event in stage.store.events:
                session.add(CallEventRow(call_id="call-1", at=event.at, kind=event.kind, data=event.data))


async def _change(url: str) -> None:
    async with Database.opened(url) as database, database.write() as session:
        data = await session.scalar(select(CallEventRow.data).where(CallEventRow.kind == "menu"))
        assert data is not None
        data["record"]["order"].reverse()
        await session.execute(update(CallEventRow).where(CallEventRow.kind == "menu").values(data=data))


def test_a_call_is_explained_from_its_record_which_is_given_again_bit_for_bit() -> None:
    ran = ivr("explain", "call-1")
    assert (ran.status, ran.err) == (0, "")
    assert "call call-1 from +861…01, 2026-09-21" in ran.out
    assert "main (en) at 2026-09-21T" in ran.out
    assert ": given again bit for bit" in ran.out
    assert "asked again, it gives the same probabilities" in ran.out
    assert "first by habit: probability 0." in ran.out
    assert "done 8 times in 8.0 months, usually transfers money on the 21st, last on 2026-08-21" in ran.out
    assert "its rule does not hold: calendar.weekday > 5" in ran.out
    told = json.loads(ivr("explain", "call-1", "--json").out)
    assert told["sound"] is True
    assert [option["option"] for option in told["menus"][0]["options"]][:2] == ["transfer", "balance"]


def test_a_record_that_was_changed_is_told_loudly(url: str) -> None:
    asyncio.run(_change(url))
    ran = ivr("explain", "call-1")
    assert ran.status == 1
    assert "IS NOT GIVEN AGAIN by its grounds; what differs: order" in ran.err
    assert "NOT GIVEN AGAIN: order" in ran.out


def test_a_caller_is_explained_afresh_for_any_moment() -> None:
    on_the_day = ivr("explain", "--as", "13800000001", "--at", "2026-09-21T09:00")
    assert (on_the_day.status, on_the_day.err) == (0, "")
    assert "+861…01, customer 7, 2026-09-21 09:00, version 1" in on_the_day.out
    assert "first by habit" in on_the_day.out
    another = ivr("explain", "--as", ANI, "--at", "2026-09-05T09:00")
    assert "first by habit" not in another.out
    assert "first by rule: calendar.weekday > 5" in another.out  # a Saturday
    told = json.loads(ivr("explain", "--as", ANI, "--at", "2026-09-21T09:00", "--menu", "cards", "--json").out)
    assert [menu["menu"] for menu in told["menus"]] == ["cards"]
    assert told["menus"][0]["about"] == ["the menu's order is fixed: everybody hears the book's"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["no-such-call"], "there is no call 'no-such-call'"),
        (["--as", "+8613800000099"], "nobody has the number +8613800000099"),
        (["--as", "Li Na"], "'Li Na' is no telephone number"),
        (["--as", ANI, "--menu", "mian"], "the book has no menu 'mian'; did you mean 'main'?"),
        (["call-1", "--menu", "cards"], "call call-1 did not hear the menu 'cards'"),
        ([], "write the id of a call, or --as and a number"),
        (["call-1", "--at", "2026-09-21T09:00"], "--at goes with --as"),
    ],
)
def test_what_cannot_be_explained_is_said_in_one_sentence(arguments: list[str], sentence: str) -> None:
    ran = ivr("explain", *arguments)
    assert (ran.status, ran.out) == (1, "")
    assert ran.err.count("\n") == 1
    assert sentence in ran.err


def test_history_that_is_too_old_for_calls_explains_nothing(tmp_path: Path) -> None:
    settings = tmp_path / "settings.yaml"
    settings.write_text("personal: {history_days: 20}\n", encoding="utf-8")
    caller = ivr("explain", "--as", ANI, "--at", "2026-09-21T09:00", "-s", str(settings))
    assert caller.status == 0
    assert "first by habit" not in caller.out
    assert "done 8 times" in ivr("explain", "call-1").out
    assert "done 8 times" not in ivr("explain", "call-1", "-s", str(settings)).out


async def test_a_database_that_is_away_is_told_and_not_taken_for_a_number_that_nobody_has(tmp_path: Path) -> None:
    (tmp_path / "broken.db").write_bytes(b"no database" * 1000)
    database = Database(f"sqlite:///{tmp_path}/broken.db")
    with pytest.raises(StoreAway, match="cannot be used"):
        await of_caller(Settings(), database, ANI, datetime(2026, 9, 21, 9, tzinfo=ZONE), None, KernelRanker())
    await database.dispose()


async def _complain(url: str) -> None:
    """An overdue case, and a call that came to a tier because of it."""
    why = [{"tier": 3, "because": [{"what": "overdue"}]}]
    async with Database.opened(url) as database, database.write() as session:
        session.add(
            CaseRow(number="100001", customer_id=7, subject="Fees", tier=1, state="open", opened_at=1.0, due_at=2.0)
        )
        session.add(CallEventRow(call_id="call-1", at=9e9, kind="tier", data={"step": "help", "tier": 3, "why": why}))


def test_a_complaint_is_explained_by_what_brought_it_to_its_tier(url: str) -> None:
    calm = ivr("explain", "--as", ANI, "--at", "2026-09-21T09:00").out
    assert calm.endswith("a complaint now is of tier 1: nothing asks for more\n")
    asyncio.run(_complain(url))
    ran = ivr("explain", "call-1")
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.endswith("a complaint at help is of tier 3: at least tier 3: an answer is overdue\n")
    now = ivr("explain", "--as", ANI, "--at", "2026-09-21T09:00").out
    assert now.endswith("a complaint now is of tier 3: at least tier 3: an answer is overdue\n")
