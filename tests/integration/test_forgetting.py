"""Customers and numbers are forgotten: nothing that tells of them is left in any table or file, on both databases."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, insert, select

from ivr.bank.sql import SqlBank
from ivr.conversation import converse
from ivr.ports import CallLog
from ivr.testing.accounts import MemoryAccount, MemoryCard, MemoryInstalment
from ivr.testing.bank_database import open_account
from ivr.testing.databases import POSTGRESQL, SQLITE, fresh_database
from ivr.testing.line import HangUp, Press
from ivr.testing.stage import Stage
from ivr.testing.teller_book import teller_book, transacts
from models.agents import Agents
from models.calls import CallJournal
from models.claims import Claims
from models.customers import Customers
from models.database import Database
from models.errors import CallGoesOn
from models.forgetting import Forgetting, Report
from models.lockouts import Lockouts
from models.personal_data import HOLDINGS, Fate
from models.tables import (
    CallbackRow,
    CallEventRow,
    CallRow,
    CaseAlarmRow,
    CaseEventRow,
    CaseRow,
    HistoryEventRow,
    KeepsakeRow,
    LifeEventRow,
    LockoutRow,
    MenuMemoryRow,
    NeedRow,
    OfferRow,
    OptOutRow,
    OutboxRow,
    RatingRow,
    RecordingRow,
    Table,
    TalkRecordingRow,
)

ID, OTHER_ID = 987_654, 424_242
MINE, SHARED, OTHERS, NOBODYS = "+8613812345678", "+8613800000098", "+8613800000042", "+8613855555555"
CARD, ACCOUNT, NAME = "6225880000000014", "62170000000007319", "Zhuang Xiaoming"
SECRETS = (NAME, MINE, MINE.lstrip("+"), CARD, ACCOUNT, "Mother is ill", "C-778899", "plum tree")
T = 1_790_000_000.0


@dataclass
class Site:
    """A database, a node that takes calls on it, and the folder of recordings."""

    database: Database
    stage: Stage
    log: CallLog
    parts: Any
    folder: Path

    async def call(self, call_id: str, *script: Any, ani: str | None = MINE) -> None:
        """A whole call, written into the database."""
        leg = self.stage.leg(*script, call_id=call_id, ani=ani)
        leg.arrival = replace(leg.arrival, caller_name=NAME if ani == MINE else "")
        await converse(leg, self.parts)
        assert await self.log.settle(call_id, deadline_s=5)

    async def files(self, ids: Sequence[str]) -> int:
        """Deletes recordings."""
        found = [self.folder / f"{id_}.wav" for id_ in ids]
        for file in found:
            file.unlink()
        return len(found)

    async def forget(self, **who: Any) -> Report:
        forgetting = Forgetting(self.database)
        return await forgetting.forget(await forgetting.find(**who), files=self.files)

    async def dump(self) -> dict[str, list[dict[str, Any]]]:
        """Everything in every table."""
        async with self.database.read() as session:
            return {
                table.name: [
                    dict(row)
                    for row in (await session.execute(select(table).order_by(*table.primary_key.columns))).mappings()
                ]
                for table in Table.metadata.sorted_tables
            }


@pytest.fixture(params=[SQLITE, pytest.param(POSTGRESQL, marks=pytest.mark.postgresql)])
async def site(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Site]:
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(fresh_database(request.param, tmp_path))
        mine = MemoryAccount(
            customer_id=ID,
            numbers=(MINE, SHARED),
            name=NAME,
            language="en",
            pin="135790",
            birthday="19880314",
            account=ACCOUNT,
            balance_cents=4_321_09,
            cards=[MemoryCard(CARD, limit_cents=1, limit_most_cents=2, used_cents=0)],
            points=12,
            instalments=[MemoryInstalment(500_00, 10, date(2026, 12, 5))],
            movements=[(T, 5, "plum tree")],
        )
        other = MemoryAccount(
            customer_id=OTHER_ID, numbers=(OTHERS, SHARED), language="en", account="62170000000000002"
        )
        for account in (mine, other):
            await open_account(database, account)
        log = await stack.enter_async_context(CallJournal(database, "node-a"))
        stage = Stage(
            teller_book(pin=_PIN, behind=transacts("balance", say=["balance_is"])),
            settings={"calls": {"lookup_s": 20}},  # this is not about time
        )
        parts = replace(
            stage.parts,
            log=log,
            exchange=Claims(database, "node-a"),
            directory=Customers(database, stage.parts.settings.zone),
            bank=SqlBank(database, stage.parts.settings.zone),
            lockouts=Lockouts(database, most_failures=5, window_s=9e4, lock_s=60),
        )
        folder = tmp_path / "recordings"
        folder.mkdir()
        yield Site(database, stage, log, parts, folder)


_PIN = {
    "kind": "verify",
    "ask_customer": "ask_card",
    "ask_secret": "ask_pin",
    "wrong": "not_right",
    "then": "behind",
    "otherwise": "otherwise",
    "locked": "locked",
}
_TYPED = [*(Press(key) for key in CARD), Press("#"), *(Press(key) for key in "135790"), Press("#")]


async def _lived(site: Site) -> None:
    """The customer calls, is verified, orders, complains, is rated and remembered; and a little of the other's."""
    await site.call("mine", Press("1", hearing="main.balance"), *_TYPED, HangUp(after_s=1))
    await site.call("mine-silent", HangUp(after_s=1))
    await site.call("shared-mine", Press("1"), *_TYPED, HangUp(after_s=1), ani=SHARED)
    await site.call("shared-nobody", Press("2"), HangUp(after_s=1), ani=SHARED)
    await site.call("others", Press("2"), HangUp(after_s=1), ani=OTHERS)
    async with site.database.write() as session:
        session.add(LockoutRow(subject=f"number:{OTHERS}", failures=1, since=T))
        for id_, customer, number, call in ((1, ID, MINE, "mine"), (2, OTHER_ID, OTHERS, "others")):
            subject = f"customer:{customer}"
            session.add_all(
                [
                    case := CaseRow(
                        number="C-778899" if id_ == 1 else "C-2", customer_id=customer, ani=number, opened_at=T,
                        subject="Mother is ill" if id_ == 1 else "fees", call_id=call, recording=f"{call}-said-1",
                    ),
                    RecordingRow(
                        id=f"{call}-said-1", call_id=call, customer_id=customer, purpose="complaint", at=T, seconds=3
                    ),
                    RatingRow(
                        call_id=call, subject=subject, survey="after", question="ok", ask="csat", score=4,
                        recording=f"{call}-said-1", at=T,
                    ),
                    KeepsakeRow(subject=subject, name="pet", value="plum tree" if id_ == 1 else "dog", at=T),
                    MenuMemoryRow(subject=subject, menu="cards", promoted=[], wished=[], streak=1, frozen=False, at=T),
                                        OutboxRow(
                        key=f"{call}-sms", to=number, text=f"Dear {NAME if id_ == 1 else 'you'}", call_id=call,
                        customer_id=customer, made_at=T, next_at=T,
                    ),
                    OptOutRow(number=number, at=T),
                    CallbackRow(
                        call_id=call, number=number, customer_id=customer, queue="general", reason="x", language="en",
                        required={}, kind="now", since=T, due_at=T, next_at=T, made_at=T, state="closed", closed_at=T,
                    ),
                    LifeEventRow(customer_id=customer, kind="moving_house", happened_on=date(2026, 1, 1)),
                    need := NeedRow(
                        call_id=call, queue="general", required={}, language="en", not_agents=[], since=T,
                        state="closed", closed_at=T,
                        terms={"preferred": {"plum tree" if id_ == 1 else "dog": 2.0}},
                    ),
                ]
            )  # fmt: skip
            await session.flush()
            note = {"note": "Mother is ill" if id_ == 1 else "fees"}
            session.add(CaseEventRow(case_id=case.id, at=T, kind="noted", by="anna", data=note))
            session.add(CaseAlarmRow(case_id=case.id, alarm="half", due_at=T, at=T))
            session.add(TalkRecordingRow(recording=f"{call}-said-1", call_id=call, began_at=T))
            session.add(
                OfferRow(
                    call_id=call, need_id=need.id, agent_id=1, node="node-a", fence=1, state="completed",
                    why={"preferred": {"plum tree" if id_ == 1 else "dog": 2.0}},
                    made_at=T, closed_at=T, disposition="solved", note="Mother is ill" if id_ == 1 else "all well",
                )
            )  # fmt: skip
            (site.folder / f"{call}-said-1.wav").write_bytes(b"RIFF")


@pytest.fixture
async def lived(site: Site) -> Site:
    await Agents(site.database).add("anna", "", "", "PJSIP/anna", {})
    await _lived(site)
    return site


def _mentions(value: Any) -> list[str]:
    """Every trace of the customer in a row."""
    text = json.dumps(value, default=str, ensure_ascii=False)
    found = [secret for secret in (*SECRETS, str(ID)) if secret in text]
    return found + (["what was said"] if "You have" in text else [])


async def test_nothing_is_left_of_a_customer_in_tables_or_files(lived: Site) -> None:
    before = await lived.dump()
    # Else it would prove little: every table that may hold somebody holds this customer, by a key or in words.
    held = {name for name, rows in before.items() if any(_mentions(row) for row in rows)}
    # Found by product, call or case:
    by_product = {"movements", "instalments", "accounts", "points", "bank_orders", "talk_recordings", "case_alarms"}
    assert {name for name, one in HOLDINGS.items() if one.fate is not Fate.UNTOUCHED} - held <= by_product
    assert all(before[name] for name in by_product - {"bank_orders"})

    report = await lived.forget(customer_id=ID)

    after = await lived.dump()
    assert {name: found for name, rows in after.items() for row in rows if (found := _mentions(row))} == {}
    assert not any(ID in row.values() for rows in after.values() for row in rows)
    assert [file.name for file in lived.folder.iterdir()] == ["others-said-1.wav"]
    assert [row["call_id"] for row in after["talk_recordings"]] == ["others"]
    assert (report.recordings, report.files) == (1, 1)
    assert report.rows["calls"] == 4  # also the shared phone's call of nobody: it may have been theirs
    assert report.rows["customers"] == 1


async def test_calls_and_how_they_ended_can_still_be_counted(lived: Site) -> None:
    async def counted() -> Any:
        async with lived.database.read() as session:
            calls = await session.execute(
                select(CallRow.id, CallRow.started_at, CallRow.result, CallRow.reason, CallRow.entry).order_by(
                    CallRow.id
                )
            )
            events = await session.execute(select(CallEventRow.kind, func.count()).group_by(CallEventRow.kind))
            rated = await session.scalar(select(func.avg(RatingRow.score)))
            return calls.all(), sorted(events.all()), rated

    before = await counted()
    await lived.forget(customer_id=ID)
    assert await counted() == before


async def test_what_belongs_to_others_is_untouched(lived: Site) -> None:
    def others(rows: dict[str, list[dict[str, Any]]]) -> Any:
        mark = (OTHER_ID, OTHERS, "others", f"customer:{OTHER_ID}", f"number:{OTHERS}", "others-said-1", "others-sms")
        return {name: [row for row in found if set(mark) & {v for v in row.values() if isinstance(v, str | int)}]
                for name, found in rows.items()}  # fmt: skip

    before = others(await lived.dump())
    assert before["history_events"]
    assert before["call_events"]
    await lived.forget(customer_id=ID)
    assert others(await lived.dump()) == before


async def test_a_trial_changes_nothing_and_tells_the_same_counts(lived: Site) -> None:
    before = await lived.dump()
    forgetting = Forgetting(lived.database)
    told = await forgetting.forget(await forgetting.find(customer_id=ID), files=None)
    assert await lived.dump() == before
    assert len(list(lived.folder.iterdir())) == 2
    done = await lived.forget(customer_id=ID)
    assert told.rows == done.rows
    assert told.recordings == done.recordings == 1


@pytest.mark.fault("S15", "forgetting is interrupted")
async def test_what_was_interrupted_is_finished_by_forgetting_once_more(lived: Site) -> None:
    async def full_disk(ids: Sequence[str]) -> int:
        raise OSError("the disk does not answer")

    forgetting = Forgetting(lived.database)
    with pytest.raises(OSError, match="disk"):
        await forgetting.forget(await forgetting.find(customer_id=ID), files=full_disk)
    await lived.forget(customer_id=ID)
    assert not any(_mentions(row) for rows in (await lived.dump()).values() for row in rows)
    assert (await lived.forget(customer_id=ID)).nothing


async def test_a_customer_whose_call_goes_on_is_not_forgotten(lived: Site) -> None:
    async with lived.database.write() as session:
        session.add(
            CallRow(id="now", uniqueid="now", channel="c", node="node-a", state="menu", started_at=T, customer_id=ID)
        )
    before = await lived.dump()
    with pytest.raises(CallGoesOn):
        await lived.forget(customer_id=ID)
    assert await lived.dump() == before


async def test_a_number_of_nobody_is_forgotten_with_its_calls(site: Site) -> None:
    await site.call("unknown", Press("2"), HangUp(after_s=1), ani=NOBODYS)
    async with site.database.write() as session:
        session.add(KeepsakeRow(subject=f"number:{NOBODYS}", name="language", value="zh", at=T))
        session.add(OutboxRow(key="k", to=NOBODYS, text="Hello", made_at=T, next_at=T))
        session.add(OptOutRow(number=NOBODYS, at=T))
    report = await site.forget(number=NOBODYS)
    assert NOBODYS.lstrip("+") not in json.dumps(await site.dump(), default=str)
    assert (report.rows["calls"], report.rows["keepsakes"], report.rows["outbox"]) == (1, 1, 1)
    assert (await site.forget(number=NOBODYS)).nothing


async def test_the_wish_for_no_messages_is_kept_when_asked_for(site: Site) -> None:
    async with site.database.write() as session:
        session.add(OptOutRow(number=NOBODYS, at=T))
        session.add(KeepsakeRow(subject=f"number:{NOBODYS}", name="language", value="zh", at=T))
    forgetting = Forgetting(site.database)
    await forgetting.forget(await forgetting.find(number=NOBODYS), files=site.files, keep_opt_outs=True)
    assert [row["number"] for row in (await site.dump())["opt_outs"]] == [NOBODYS]
    assert (await site.dump())["keepsakes"] == []


async def test_a_call_in_which_another_was_verified_afterwards_names_the_forgotten_no_more(site: Site) -> None:
    await site.call("lent", HangUp(after_s=1))
    async with site.database.write() as session:
        lent = await session.get(CallRow, "lent")
        assert lent is not None
        lent.customer_id = lent.verified_as = OTHER_ID
        borrowed = CallRow(
            id="borrowed", uniqueid="b", channel="c", node="a", state="ended", started_at=T, ended_at=T + 1,
            customer_id=OTHER_ID, verified_as=OTHER_ID, ani=OTHERS,
            position={"step": "main", "menus": {"main": {"subject": f"customer:{ID}"}}},
        )  # fmt: skip
        session.add(borrowed)
        await session.flush()
        named = {"by": "pin", "attempt": 1, "result": "verified", "customer_id": ID}
        session.add(CallEventRow(call_id="borrowed", at=T, kind="verification", data=named))
        session.add(HistoryEventRow(customer_id=OTHER_ID, at=T, task="balance", call_id="lent"))
    await site.forget(customer_id=ID)
    told = await site.dump()
    assert not any(_mentions(row) for rows in told.values() for row in rows)
    calls = {row["id"]: row for row in told["calls"]}
    assert (calls["lent"]["customer_id"], calls["lent"]["ani"]) == (OTHER_ID, None)
    assert (calls["borrowed"]["customer_id"], calls["borrowed"]["ani"]) == (OTHER_ID, OTHERS)
    assert len(told["history_events"]) == 1


async def test_forgetting_one_of_two_does_not_hand_the_shared_phones_calls_to_the_other(lived: Site) -> None:
    directory = Customers(lived.database, lived.parts.settings.zone)
    now = lived.stage.clock.now() + 60
    assert (await directory.find(SHARED, now=now, deadline_s=5)).matches == 2
    await lived.forget(customer_id=ID)
    facts = await directory.find(SHARED, now=now, deadline_s=5)
    assert facts.customer_id == OTHER_ID
    assert facts.recent == ()


async def test_many_rows_are_deleted_a_few_at_a_time(site: Site) -> None:
    async with site.database.write() as session:
        rows = [{"customer_id": ID, "at": T + number, "task": "balance", "source": "app"} for number in range(450)]
        await session.execute(insert(HistoryEventRow), rows)
    report = await site.forget(customer_id=ID)
    assert report.rows["history_events"] == 450
