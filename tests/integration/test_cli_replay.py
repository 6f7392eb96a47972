"""`ivr replay` and `ivr forget` from the command line, on calls that were really made."""

import asyncio
import json
import time
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from ivr.conversation import converse
from ivr.testing.books import SMALL, small_book
from ivr.testing.clock import FakeClock
from ivr.testing.command import ivr
from ivr.testing.line import HangUp, Press
from ivr.testing.stage import Stage
from models.books import Books
from models.calls import CallJournal
from models.customers import Customers
from models.database import Database
from models.tables import CallEventRow, CallRow, CustomerRow, HistoryEventRow, NumberRow

ANI = "+8613800000001"
GONE = "      - {id: transfer, key: 2, task: transfer, label: {en: transfers, zh: 转账}, then: general}\n"
CARDS = "      - {id: cards, key: 3, task: card, label: {en: cards, zh: 银行卡}, then: cards}\n"


@pytest.fixture(autouse=True)
def url(cli_url: str) -> str:
    asyncio.run(_called(cli_url))
    return cli_url


async def _called(url: str) -> None:
    """Version 1 is published. A customer chooses transfers, cards and there the lost card; another number cards."""
    now = time.time() - 3600
    async with Database.opened(url) as database:
        await Books(database).publish({"small.yaml": SMALL}, message="first", now=now)
        async with database.write() as session:
            person = {"id": 7, "name": "Li", "language": "en", "segment": "mass", "since_on": date(2020, 1, 1)}
            await session.execute(insert(CustomerRow), [person])
            await session.execute(insert(NumberRow), [{"e164": ANI, "customer_id": 7}])
        stage = Stage(
            small_book(), clock=FakeClock(now), settings={"calls": {"lookup_s": 20}}
        )  # this is not about time
        async with CallJournal(database, "node-a") as log:
            parts = replace(stage.parts, log=log, directory=Customers(database, stage.parts.settings.zone))
            calls = [
                ("one", ANI, (Press("2", hearing="main.complaint"),)),
                ("two", ANI, (Press("3", hearing="main.complaint"), Press("1", hearing="cards.agent"))),
                ("three", "+8613800000009", (Press("3", hearing="main.balance"),)),
            ]
            for id_, ani, keys in calls:
                await converse(stage.leg(*keys, HangUp(after_s=1), call_id=id_, ani=ani), parts)
                assert await log.settle(id_, deadline_s=5)


def _book(folder: Path, *changes: tuple[str, str]) -> str:
    text = SMALL
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    folder.mkdir()
    (folder / "small.yaml").write_text(text, encoding="utf-8")
    return str(folder)


def test_the_version_that_calls_were_made_on_changes_nothing() -> None:
    ran = ivr("replay", "--book", "1", "--json", "--fail-over", "0")
    assert ran.status == 0
    told = json.loads(ran.out)
    assert (told["book"], told["calls"], told["calls_reordered"]) == ("version 1", 3, 0)
    assert told["total"]["actual"]["change_s"] == told["total"]["expected"]["change_s"] == 0.0
    assert told["total"]["journeys"] == 3
    assert told["unreachable"] == told["deeper"] == told["keys_moved"] == told["worst"] == []
    assert set(told["by"]["segment"]) == {"", "mass"}


def test_names_that_look_like_markup_are_printed_as_they_are(url: str, tmp_path: Path) -> None:
    async def rename() -> None:
        async with Database.opened(url) as database, database.write() as session:
            for event in await session.scalars(select(CallEventRow).where(CallEventRow.kind == "menu")):
                event.data = {**event.data, "record": {**event.data["record"], "segment": "[red]mass"}}

    asyncio.run(rename())
    ran = ivr("replay", "--book", _book(tmp_path / "new", ("name: Small Bank", "name: Small [/x] Bank")))
    assert ran.status == 0
    assert ran.out.startswith("Small [/x] Bank")
    assert "[red]" in ran.out


def test_a_wish_that_cannot_be_reached_fails_the_pipeline_and_names_its_call(tmp_path: Path) -> None:
    book = _book(tmp_path / "new", (GONE, ""))
    ran = ivr("replay", "--book", book, "--fail-over", "9s", "--html", "replay.html")
    assert ran.status == 1
    assert "nowhere any more: transfer of main, 1 times (calls one)" in ran.out
    assert "key 2 of main meant transfer, would mean nothing: 1 times" in ran.out
    assert "seconds are judged by the length of texts" in ran.out
    page = (tmp_path / "replay.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert "<td>transfer</td>" in page
    assert ivr("replay", "--book", book).status == 0


def test_getting_slower_by_more_than_is_allowed_fails_the_pipeline(tmp_path: Path) -> None:
    silence = "    no_input: {timeout_s: 5"
    book = _book(tmp_path / "new", (CARDS, ""), (silence, CARDS + silence))
    told = json.loads(ivr("replay", "--book", book, "--json").out)
    slower = told["total"]["actual"]["change_s"]
    assert slower > 1.0
    assert {case["call"] for case in told["worst"]} == {"two", "three"}
    assert ivr("replay", "--book", book, "--fail-over", f"{slower - 0.2:.2f}").status == 1
    assert ivr("replay", "--book", book, "--fail-over", f"{slower + 0.2:.2f}s").status == 0


def test_another_ranker_ranks_by_what_had_been_done_before_the_call(url: str) -> None:
    async def habit() -> None:
        async with Database.opened(url) as database, database.write() as session:
            began = await session.scalar(select(CallRow.started_at).where(CallRow.id == "one"))
            rows = [{"customer_id": 7, "at": began - 30.4 * 86400 * months, "task": "card"} for months in range(1, 12)]
            await session.execute(insert(HistoryEventRow), rows)

    asyncio.run(habit())
    told = json.loads(ivr("replay", "--book", "1", "--model", "kernel", "--json").out)
    assert told["model"] == "kernel-1"
    assert told["calls_reordered"] == 2
    assert told["by"]["segment"]["mass"]["reordered"] == 2
    assert told["by"]["segment"][""]["reordered"] == 0


def test_what_cannot_be_replayed_is_told_in_a_sentence(tmp_path: Path) -> None:
    for arguments, sentence in (
        (("--book", "nowhere"), "is no book"),
        (("--book", "9"), "there is no version 9"),
        (("--since", "0"), "30d or 12h"),
        (("--since", "week"), "is no span of time"),
        (("--model", "x.bin"), "x.bin: No such file or directory; write a file of `ivr train`, or kernel"),
        (("--fail-over", "much"), "is no number of seconds"),
    ):
        ran = ivr("replay", *(arguments if "--book" in arguments else ("--book", "1", *arguments)))
        assert (ran.status, ran.out) == (1, "")
        assert sentence in ran.err
        assert "Traceback" not in ran.err


def test_a_customer_is_forgotten_and_it_is_told_what_was_done() -> None:
    trial = ivr("forget", "7", "--dry-run").out.splitlines()
    assert trial[0].split() == ["table", "rows", "would", "be"]
    done = ivr("forget", "7")
    assert done.status == 0
    lines = [line.split(maxsplit=2) for line in done.out.splitlines()]
    assert lines[0] == ["table", "rows", "were"]
    assert ["calls", "2", "made anonymous"] in lines
    assert ["customers", "1", "deleted"] in lines
    assert [line[:2] for line in lines[1:]] == [line.split()[:2] for line in trial[1:]]
    assert ivr("forget", "7").out == "nothing is known of 7\n"


def test_calls_that_were_made_anonymous_still_tell_which_wishes_move() -> None:
    assert ivr("forget", "7").status == 0
    told = json.loads(ivr("replay", "--book", "1", "--json").out)
    assert told["total"]["journeys"] == 3
    assert told["total"]["actual"]["cases"] == 1  # what the others heard is not kept


def test_a_number_is_forgotten_unless_it_is_a_customers() -> None:
    ran = ivr("forget", ANI)
    assert ran.status == 1
    assert ran.err == f"{ANI} belongs to customer 7; forget the customer by that id\n"
    assert "calls" in ivr("forget", "+8613800000009").out
    wrong = ivr("forget", "Li Na")
    assert wrong.status == 1
    assert "neither the id of a customer nor a whole number" in wrong.err
