"""Opening, migrating and losing a database."""

import asyncio
import signal
import sqlite3
import sys
import time
from contextlib import closing

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from argon2 import PasswordHasher
from sqlalchemy import func, insert, inspect, select, text
from sqlalchemy.exc import IntegrityError

from ivr.lab.postgresql import PostgresqlServer
from ivr.testing.databases import POSTGRESQL, SQLITE, fresh_database, fresh_url
from ivr.testing.rival import prepare
from menus.facts import CallerFacts
from models.agents import Agents
from models.calls import CallJournal
from models.claims import Claims
from models.database import TRIES, Database, address
from models.errors import BadAddress, StoreBusy
from models.migrate import FOLDER, migrate, revision_state
from models.nodes import Nodes, switches
from models.tables import AgentRow, NodeRow, Table
from routing.call import Arrival
from routing.errors import StoreAway

KINDS = [SQLITE, pytest.param(POSTGRESQL, marks=pytest.mark.postgresql)]


@pytest.fixture(params=KINDS)
async def url(request, tmp_path):
    async with fresh_url(request.param, tmp_path) as fresh:
        yield fresh


@pytest.fixture(params=KINDS)
async def database(request, tmp_path):
    async with fresh_database(request.param, tmp_path) as opened:
        yield opened


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("sqlite:///var/ringwise.db", "sqlite+aiosqlite:///var/ringwise.db"),
        ("sqlite+aiosqlite:////a/b.db", "sqlite+aiosqlite:////a/b.db"),
        ("postgresql://u:p@h:5432/d", "postgresql+asyncpg://u:p@h:5432/d"),
        ("postgres://u@h/d", "postgresql+asyncpg://u@h/d"),
        ("postgresql+asyncpg://u@h/d", "postgresql+asyncpg://u@h/d"),
    ],
)
def test_an_address_gets_the_driver_that_we_use(written, meant):
    assert address(written).render_as_string(hide_password=False) == meant


@pytest.mark.parametrize("wrong", ["", "mysql://u:secret@h/d", "sqlite://", "sqlite:///:memory:", "nonsense", "::"])
def test_an_address_that_cannot_be_used_is_refused_without_showing_its_password(wrong):
    with pytest.raises(BadAddress) as refused:
        address(wrong)
    assert "secret" not in str(refused.value)


async def test_tables_and_migrations_agree(database):
    async with database._engine.connect() as connection:
        differences = await connection.run_sync(
            lambda sync: compare_metadata(
                MigrationContext.configure(sync, opts={"compare_type": True, "compare_server_default": True}),
                Table.metadata,
            )
        )
    assert differences == []


async def test_the_partial_unique_indexes_are_there_under_their_names(database):
    async with database._engine.connect() as connection:
        found = await connection.run_sync(
            lambda sync: {
                index["name"]
                for table in ("needs", "offers")
                for index in inspect(sync).get_indexes(table)
                if index["unique"]
            }
        )
    assert found == {"one_open_need_per_call", "one_open_offer_per_need", "one_open_offer_per_agent"}


async def test_migrating_again_changes_nothing(url):
    await migrate(url)
    state = await revision_state(url)
    assert state.current
    assert state.found == state.head


async def test_a_database_without_tables_is_not_current(tmp_path):
    state = await revision_state(f"sqlite:///{tmp_path}/new.db")
    assert (state.found, state.current) == (None, False)


async def test_a_folder_that_is_missing_is_made_and_odd_names_are_no_matter(tmp_path):
    url = f"sqlite:///{tmp_path}/a%20b/c d/ringwise.db"
    await migrate(url)
    assert (await revision_state(url)).current


def test_migrating_needs_no_running_loop(tmp_path):
    asyncio.run(migrate(f"sqlite:///{tmp_path}/ringwise.db"))
    assert asyncio.run(revision_state(f"sqlite:///{tmp_path}/ringwise.db")).current


async def test_nodes_that_start_together_migrate_once(tmp_path):
    url = f"sqlite:///{tmp_path}/ringwise.db"
    await asyncio.gather(*(migrate(url) for _ in range(3)))
    assert (await revision_state(url)).current


async def test_a_new_file_that_somebody_writes_to_is_opened_when_they_are_done(tmp_path):
    file = tmp_path / "ringwise.db"
    with closing(sqlite3.connect(file, isolation_level=None, check_same_thread=False)) as other:
        other.execute("CREATE TABLE one (id INTEGER)")
        other.execute("BEGIN IMMEDIATE")  # while it lasts the change to WAL is refused without waiting
        asyncio.get_running_loop().call_later(0.1, other.execute, "ROLLBACK")
        await migrate(f"sqlite:///{file}")
    assert (await revision_state(f"sqlite:///{file}")).current


@pytest.mark.postgresql
async def test_nodes_that_start_together_on_postgresql_migrate_once(tmp_path):
    async with fresh_url(POSTGRESQL, tmp_path) as url:
        async with Database.opened(url) as database, database.write() as session:
            await session.execute(text("DROP SCHEMA public CASCADE"))
            await session.execute(text("CREATE SCHEMA public"))
        await asyncio.gather(*(migrate(url) for _ in range(3)))
        assert (await revision_state(url)).current


@pytest.mark.fault("E10", "a migration that fails half-way")
async def test_a_migration_that_fails_half_way_leaves_the_old_tables_whole(url, tmp_path):
    broken = tmp_path / "migrations"
    broken.mkdir()
    for name in ("env.py", "script.py.mako"):
        (broken / name).write_text((FOLDER / name).read_text())
    versions = broken / "versions"
    versions.mkdir()
    for revision in (FOLDER / "versions").glob("*.py"):
        (versions / revision.name).write_text(revision.read_text())
    head = (await revision_state(url)).head
    (versions / "broken.py").write_text(
        f"revision, down_revision = 'broken', {head!r}\n"
        "from alembic import op\nimport sqlalchemy as sa\n"
        "def upgrade():\n"
        "    op.create_table('half', sa.Column('id', sa.Integer, primary_key=True))\n"
        "    op.drop_table('nodes')\n"
        "    raise RuntimeError('power cut')\n"
    )
    with pytest.raises(RuntimeError, match="power cut"):
        await migrate(url, revisions=broken)
    assert (await revision_state(url)).current
    async with Database.opened(url) as database, database._engine.connect() as connection:
        tables = await connection.run_sync(lambda sync: set(inspect(sync).get_table_names()))
    assert "nodes" in tables
    assert "half" not in tables


async def test_a_read_is_of_one_moment(database):
    async with database.write() as session:
        session.add(NodeRow(name="first", started_at=0, seen_at=0))
    count = select(func.count()).select_from(NodeRow)
    async with database.read() as reading:
        assert await reading.scalar(count) == 1
        async with database.write() as session:
            session.add(NodeRow(name="second", started_at=0, seen_at=0))
        assert await reading.scalar(count) == 1
    async with database.read() as reading:
        assert await reading.scalar(count) == 2


async def test_a_write_that_fails_leaves_nothing_behind(database):
    async def fail() -> None:
        async with database.write() as session:
            session.add(NodeRow(name="first", started_at=0, seen_at=0))
            await session.flush()
            raise KeyError

    with pytest.raises(KeyError):
        await fail()
    async with database.read() as session:
        assert await session.scalar(select(func.count()).select_from(NodeRow)) == 0


async def test_a_broken_rule_of_the_tables_is_no_absent_database(database):
    async def fail(session) -> None:
        await session.execute(text("INSERT INTO agent_skills (agent_id, skill, level) VALUES (99, 'x', 1)"))

    with pytest.raises(IntegrityError):
        await database.transact(fail)


async def test_a_transaction_that_others_stand_in_the_way_of_is_tried_again_a_few_times(database):
    tries = 0

    async def busy(session) -> None:
        nonlocal tries
        tries += 1
        await session.execute(select(NodeRow))
        if tries < TRIES:
            raise StoreBusy

    await database.transact(busy)
    assert tries == TRIES

    async def always_busy(session) -> None:
        nonlocal tries
        tries += 1
        raise StoreBusy

    tries = 0
    with pytest.raises(StoreBusy):
        await database.transact(always_busy)
    assert tries == TRIES


@pytest.mark.postgresql
@pytest.mark.fault("E8", "two transactions that wait for each other")
async def test_two_transactions_that_wait_for_each_other_both_come_through(tmp_path):
    async with fresh_database(POSTGRESQL, tmp_path) as database:
        async with database.write() as session:
            session.add_all(NodeRow(name=name, started_at=0, seen_at=0) for name in "ab")
        met = [asyncio.Event(), asyncio.Event()]

        async def cross(mine: int, session) -> None:
            await session.get_one(NodeRow, "ab"[mine], with_for_update=True)
            met[mine].set()
            await met[1 - mine].wait()
            other = await session.get_one(NodeRow, "ab"[1 - mine], with_for_update=True)
            other.seen_at += 1

        await asyncio.gather(
            database.transact(lambda session: cross(0, session)), database.transact(lambda session: cross(1, session))
        )
        async with database.read() as session:
            assert set(await session.scalars(select(NodeRow.seen_at))) == {1.0}


async def test_a_file_that_is_no_database_is_refused_in_one_sentence(tmp_path):
    (tmp_path / "ringwise.db").write_bytes(b"this is no database" * 1000)
    with pytest.raises(StoreAway, match="not a database"):
        await Database.open(f"sqlite:///{tmp_path}/ringwise.db")


async def test_a_folder_that_cannot_be_made_is_refused_in_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreAway, match="folder"):
        await Database.open(f"sqlite:///{tmp_path}/file/ringwise.db")


async def test_a_server_that_is_not_there_is_refused_in_one_sentence(unused_tcp_port):
    with pytest.raises(StoreAway, match="cannot be reached"):
        await Database.open(f"postgresql://nobody@127.0.0.1:{unused_tcp_port}/none")


@pytest.mark.fault("E4", "kill -9 right after a write was acknowledged")
async def test_sqlite_writes_survive_a_kill_once_acknowledged(tmp_path):
    code = (
        "import asyncio, os, sys\n"
        "from models.database import Database\n"
        "from models.tables import NodeRow\n"
        "async def main():\n"
        "    async with Database.opened(sys.argv[1]) as database:\n"
        "        for number in range(20):\n"
        "            async with database.write() as session:\n"
        "                session.add(NodeRow(name=str(number), started_at=0, seen_at=0))\n"
        "            print(number, flush=True)\n"
        "        await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    async with fresh_url(SQLITE, tmp_path) as url:
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, url, stdout=asyncio.subprocess.PIPE)
        for _ in range(20):
            last = int(await process.stdout.readline())
        process.kill()
        await process.wait()
        with sqlite3.connect(tmp_path / "ringwise.db") as raw:
            assert raw.execute("SELECT count(*) FROM nodes").fetchone() == (last + 1,)
            assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        raw.close()


@pytest.mark.postgresql
@pytest.mark.fault("E5", "PostgreSQL dies and comes back")
async def test_a_server_that_dies_and_comes_back_loses_no_written_word_and_no_claim_is_believed():
    server = PostgresqlServer()
    try:
        url = server.url(await server.create_database())
        await migrate(url)
        async with Database.opened(url) as database:
            cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
            await prepare(database, agents=1, calls=1, roster=Agents(database, cheap))
            exchange = Claims(database)
            async with CallJournal(database, "node-a") as journal:
                server.stop(signal.SIGINT)
                arrival = Arrival("late", "late", "PJSIP/1", None, "", "")
                journal.opened(arrival, now=1, facts=CallerFacts(), language="en", book_version=1)
                for number in range(50):
                    journal.event("late", "key", float(number), number=number)
                with pytest.raises(StoreAway):
                    await exchange.snapshot(now=1)
                with pytest.raises(StoreAway):
                    await exchange.close_need("call-0", "abandoned", now=1)
                assert not await journal.settle("late", deadline_s=0.3)
                server.start()
                assert await journal.settle("late", deadline_s=20)
                assert journal.entries_refused == 0
            assert len((await exchange.snapshot(now=1)).needs) == 1
            async with database.read() as session:
                numbers = await session.scalars(
                    text("SELECT data->>'number' FROM call_events WHERE kind = 'key' ORDER BY id")
                )
                assert [int(number) for number in numbers if number] == list(range(50))
    finally:
        server.remove()


async def test_long_numbers_of_a_bank_fit(database):
    big = 9_000_000_000_000
    async with database.write() as session:
        await session.execute(
            text(
                "INSERT INTO customers (id, name, language, segment, since_on, yearly_value_cents, churn_risk)"
                " VALUES (1, 'x', 'en', 'private', '2020-01-01', :big, 0)"
            ),
            {"big": big},
        )
    async with database.read() as session:
        assert await session.scalar(text("SELECT yearly_value_cents FROM customers")) == big


async def test_rows_are_numbered_by_the_database_in_every_table(database):
    async with database.write() as session:
        number = await session.scalar(
            insert(AgentRow)
            .values(name="a", full_name="", password_hash="", phone="", state="ready", since=0.0, version=0)
            .returning(AgentRow.id)
        )
    assert number == 1


@pytest.mark.parametrize("kind", KINDS)
async def test_nodes_that_live_and_serve_another_switch_are_named(kind, tmp_path):
    async with fresh_database(kind, tmp_path) as database:
        now = await database.time()
        one, other, dead = (Nodes(database, name) for name in ("one", "other", "dead"))
        for node in (one, other):
            await node.started(now=now)
        await dead.started(now=now - 60)
        assert await dead.serves("north", now=now - 60) == []
        assert await one.serves("east", now=now) == []
        assert await other.serves("west", now=now) == ["one"]
        assert await one.serves("east", now=now) == ["other"]
        assert await switches(database) == {"one": "east", "other": "west"}
        assert await other.serves("east", now=now) == []
        await one.started(now=now)  # a new process does not know yet
        assert await other.serves("west", now=now) == []
        assert await switches(database) == {"other": "west"}


@pytest.mark.parametrize("kind", KINDS)
async def test_a_database_tells_the_time_of_its_machine(kind, tmp_path):
    async with fresh_database(kind, tmp_path) as database:
        before = time.time()
        assert before - 0.1 <= await database.time() <= time.time() + 0.1
