"""Published menu books, and nodes."""

import asyncio

import pytest
from sqlalchemy import select

from ivr.testing.databases import POSTGRESQL, SQLITE, fresh_database
from models.books import Books, Publication
from models.choices import NoSuchChoice, canary_share, for_everybody, promote, stop
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


async def test_without_a_published_book_nothing_is_in_use(database):
    books = Books(database)
    assert await books.choice() is None
    with pytest.raises(NoSuchChoice, match="nothing was published"):
        await books.choose(for_everybody(1), message="", now=1.0)
    with pytest.raises(NoSuchChoice, match="the first version is for everybody"):
        await books.publish({"a": "1"}, message="", now=1.0, share=0.5)
    assert await books.all() == ()


async def test_what_is_in_use_is_a_log_that_tells_who_chose_what_and_when(database):
    books = Books(database)
    await books.publish({"a": "1"}, message="first", now=1.0, by="anna")
    await books.publish({"a": "2"}, message="second", now=2.0, by="ben", share=0.25)
    await books.choose(canary_share(0.5), message="more", now=3.0, by="anna")
    await books.choose(promote, message="good", now=4.0, by="anna")
    await books.choose(for_everybody(1), message="not so good", now=5.0, by="carol")
    log = [(one.stable, one.canary, one.share, one.at, one.by, one.message) for one in await books.choices(10)]
    assert log == [
        (1, None, 0.0, 5.0, "carol", "not so good"),
        (2, None, 0.0, 4.0, "anna", "good"),
        (1, 2, 0.5, 3.0, "anna", "more"),
        (1, 2, 0.25, 2.0, "ben", "second"),
        (1, None, 0.0, 1.0, "anna", "first"),
    ]
    assert await books.choice() == (await books.choices(1))[0]
    assert (await books.latest()).version == 2


async def test_publishing_for_everybody_ends_a_canary_and_takes_it_over_if_it_is_the_same(database):
    books = Books(database)
    await books.publish({"a": "1"}, message="", now=1.0)
    assert await books.publish({"a": "2"}, message="", now=2.0, share=0.1) == 2
    assert await books.publish({"a": "2"}, message="", now=3.0) == 2
    assert (await books.choice()).versions == (2,)
    assert await books.publish({"a": "3"}, message="", now=4.0, share=0.1) == 3
    assert await books.publish({"a": "4"}, message="", now=5.0) == 4
    assert (await books.choice()).versions == (4,)


async def test_a_choice_that_changes_nothing_is_not_written(database):
    books = Books(database)
    await books.publish({"a": "1"}, message="", now=1.0)
    await books.publish({"a": "1"}, message="again", now=2.0)
    await books.choose(for_everybody(1), message="again", now=3.0)
    assert len(await books.choices(10)) == 1


async def test_a_version_that_was_never_published_cannot_be_chosen(database):
    books = Books(database)
    await books.publish({"a": "1"}, message="", now=1.0)
    for attempt in (books.wished(for_everybody(7)), books.choose(for_everybody(7), message="", now=2.0)):
        with pytest.raises(NoSuchChoice, match="there is no version 7"):
            await attempt
    assert (await books.choice()).stable == 1


async def test_nodes_that_publish_different_folders_at_once_publish_them_one_after_the_other(database):
    books = Books(database)
    versions = await asyncio.gather(*(books.publish({"a": str(n)}, message="", now=5.0) for n in range(5)))
    assert sorted(versions) == [1, 2, 3, 4, 5]
    log = await books.choices(10)
    assert [one.stable for one in log] == [5, 4, 3, 2, 1]
    assert [one.number for one in log] == [5, 4, 3, 2, 1]


async def test_of_two_who_end_a_canary_at_once_only_one_is_heeded(database):
    books = Books(database)
    await books.publish({"a": "1"}, message="", now=1.0)
    await books.publish({"a": "2"}, message="", now=2.0, share=0.1)
    ends = (books.choose(promote, message="", now=3.0), books.choose(stop, message="", now=3.0))
    came = await asyncio.gather(*ends, return_exceptions=True)
    assert [type(one) for one in came].count(NoSuchChoice) == 1
    assert len(await books.choices(10)) == 3
