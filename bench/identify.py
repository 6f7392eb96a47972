"""How long it takes to find out who is calling, on the demonstration bank in SQLite; the limit is `calls.lookup_s`.

    .venv/bin/python bench/identify.py [--customers 2000] [--looks 2000] [--database FILE]

Every third customer is given six calls of the last days with their events, and what menus remember of them.
"""

import argparse
import asyncio
import platform
import random
import sqlite3
import statistics
import tempfile
import time
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import delete, insert, select

from ivr.bank.fill import fill
from ivr.bank.people import SEED
from models.customers import Customers
from models.database import Database
from models.migrate import migrate
from models.tables import CallEventRow, CallRow, KeepsakeRow, MenuMemoryRow, NumberRow

ZONE = ZoneInfo("Asia/Shanghai")
DAY = date(2026, 12, 1)
NOW = 1_796_090_000.0  # in the night to 2026-12-01


async def main(customers: int, looks: int, url: str) -> None:
    """Fill, look up, print."""
    await migrate(url)
    async with Database.opened(url) as database:
        await fill(database, seed=SEED, until=DAY, zone=ZONE, customers=customers)
        numbers = await _remember_calls(database)
        directory, taken = Customers(database, ZONE), list[float]()
        chosen = random.Random(SEED)
        for look in range(looks + 50):
            ani = chosen.choice(numbers)
            began = time.perf_counter()
            facts = await directory.find(ani, now=NOW, deadline_s=5)
            if look >= 50:  # the first ones open connections
                taken.append((time.perf_counter() - began) * 1000)
            assert facts.matches > 0
    cuts = statistics.quantiles(taken, n=100)
    print(f"{platform.platform()}, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}")
    print(f"{customers} customers, {looks} look-ups: p50 {cuts[49]:.2f} ms, p99 {cuts[98]:.2f} ms")


async def _remember_calls(database: Database) -> list[str]:
    """Give every third customer a past of calls; answers with all numbers."""
    async with database.write() as session:
        for table in (CallEventRow, CallRow, KeepsakeRow, MenuMemoryRow):
            await session.execute(delete(table))
        numbers = (await session.execute(select(NumberRow.e164, NumberRow.customer_id).order_by(NumberRow.id))).all()
        for ani, customer in numbers[::3]:
            call = {"uniqueid": "", "channel": "", "node": "a", "ani": ani, "customer_id": customer, "state": "ended"}
            ids = [f"{ani}-{customer}-{day}" for day in range(6)]
            await session.execute(
                insert(CallRow),
                [
                    {**call, "id": id_, "started_at": NOW - day * 86000 - 600, "ended_at": NOW, "result": "served"}
                    for day, id_ in enumerate(ids)
                ],
            )
            kinds = [("step", {"step": f"s{n}", "does": "route"}) for n in range(8)] + [
                ("key", {"task": "transfer"})
            ] * 3
            await session.execute(
                insert(CallEventRow),
                [
                    {"call_id": id_, "at": NOW - n, "kind": kind, "data": data}
                    for id_ in ids
                    for n, (kind, data) in enumerate(kinds + [("prompts", {"clips": []})] * 12)
                ],
            )
            subject = f"customer:{customer}"
            await session.merge(KeepsakeRow(subject=subject, name="language", value="en", at=NOW))
            memory = {"promoted": ["transfer"], "wished": ["transfer"], "streak": 3, "frozen": False, "at": NOW}
            await session.merge(MenuMemoryRow(subject=subject, menu="main", **memory))
    return [ani for ani, _ in numbers]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=2000)
    parser.add_argument("--looks", type=int, default=2000)
    parser.add_argument("--database", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = asked.database or Path(folder) / "identify.db"
        asyncio.run(main(asked.customers, asked.looks, f"sqlite:///{file}"))
