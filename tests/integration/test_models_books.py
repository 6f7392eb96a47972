"""Published menu books, and nodes."""

import asyncio

import pytest
from sqlalchemy import select

from ivr.testing.databases import POSTGRESQL, SQLITE, fresh_database
from models.books import Books, Publication
from models.nodes import Nodes
from models.tables import NodeRow


@pytest.fixture(params=[SQLITE, pytest.param(POSTGRESQL, marks=pytest.mark.postgresql)])
async def database(request, tmp_path):
    async with fresh_database(request.param, tmp_path) as opened:
        yield opened


async def test_without_a_published_book_there_is_none(database):
    assert await Books(database).latest() is None
    assert await Books(database).get(1) is None


async def test_a_book_is_published_as_the_next_version_and_never_changes(database):
    books = Books(database)
    assert await books.publish({"a.yaml": "一"}, message="first", now=5.0) == 1
    assert await books.publish({"a.yaml": "two"}, message="second", now=6.0) == 2
    first, latest = await books.get(1), await books.latest()
    assert (first.version, first.files, first.message, first.published_at) == (1, {"a.yaml": "一"}, "first", 5.0)
    assert (latest.version, latest.files) == (2, {"a.yaml": "two"})


async def test_the_same_files_again_are_the_same_version(database):
    books = Books(database)
    assert await books.publish({"a": "1", "b": "2"}, message="x", now=5.0) == 1
    assert await books.publish({"b": "2", "a": "1"}, message="y", now=6.0) == 1
    assert (await books.latest()).message == "x"


async def test_going_back_to_older_files_is_a_new_version(database):
    books = Books(database)
    for version, files in enumerate([{"a": "1"}, {"a": "2"}, {"a": "1"}], 1):
        assert await books.publish(files, message="", now=5.0) == version
    assert (await books.latest()).files == {"a": "1"}


async def test_every_version_is_told_with_its_time_and_message_the_newest_first(database):
    books = Books(database)
    assert await books.all() == ()
    await books.publish({"a": "1"}, message="first", now=5.0)
    await books.publish({"a": "2"}, message="second", now=6.0)
    assert await books.all() == (Publication(2, 6.0, "second"), Publication(1, 5.0, "first"))


async def test_nodes_that_publish_the_same_folder_at_once_publish_one_version(database):
    books = Books(database)
    versions = await asyncio.gather(*(books.publish({"a": "1"}, message="", now=5.0) for _ in range(5)))
    assert set(versions) == {1}


async def test_a_node_leaves_signs_of_life_and_starts_anew(database):
    node = Nodes(database, "node-a")
    await node.seen(now=1.0)
    await node.started(now=10.0)
    await node.seen(now=12.0)
    async with database.read() as session:
        row = await session.scalar(select(NodeRow))
    assert (row.name, row.started_at, row.seen_at) == ("node-a", 10.0, 12.0)
    await node.started(now=20.0)
    async with database.read() as session:
        row = await session.scalar(select(NodeRow))
    assert (row.started_at, row.seen_at) == (20.0, 20.0)
