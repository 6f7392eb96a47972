"""Published books in a real database with real sound files: a broken book never replaces a good one."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import delete
from structlog.testing import capture_logs

from ivr.editions import LOOK_EVERY_S, MOST_KEPT, TRY_AGAIN_S, Came, Editions
from ivr.errors import Misconfigured
from ivr.prompts.sound import RATE, to_wav
from ivr.queues import Queue, Queues
from ivr.settings import Settings
from ivr.testing.books import SMALL
from ivr.testing.clock import FakeClock
from ivr.testing.databases import SQLITE, fresh_database
from ivr.testing.speech import ToneSpeech
from menus.yaml_source import Faults
from models.books import Books
from models.choices import NoSuchChoice, for_everybody, promote, stop
from models.database import Database
from models.tables import BookChoiceRow

#: Of the first 1000 numbers those that hear version 2 at a share of 10 percent: the hash says so, for ever.
CANARIES = 113
QUEUES = Queues(version=1, queues={"general": Queue(skills={"general": 1})})


class Site:
    """A folder with a book, a folder for sounds and a database; engines that start on them."""

    def __init__(self, folder: Path, database: Database) -> None:
        self.menus, self.sounds = folder / "menus", folder / "sounds"
        self.menus.mkdir()
        self.write(SMALL)
        self.books = Books(database)
        self._database = database
        self.speech = ToneSpeech()
        self.clock = FakeClock()

    def write(self, text: str) -> None:
        """Put a book into the folder."""
        (self.menus / "book.yaml").write_text(text, encoding="utf-8")

    def engine(self, queues: Queues = QUEUES) -> Editions:
        """The editions of an engine that has not started yet."""
        settings = Settings.model_validate({"prompts": {"folder": self.sounds}, "book": {"folder": self.menus}})
        return Editions(self.books, settings, queues, self.speech, self.clock)

    async def forget_choices(self) -> None:
        """Empty the log of choices, as databases of old have it."""
        async with self._database.write() as session:
            await session.execute(delete(BookChoiceRow))

    async def versions(self) -> int:
        """How many versions were published."""
        latest = await self.books.latest()
        return 0 if latest is None else latest.version


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with fresh_database(SQLITE, tmp_path) as database:
        yield Site(tmp_path, database)


def _welcome(editions: Editions, version: int | None = None) -> str:
    """What a call that begins now, or began on that version, hears first."""
    return "".join(clip.text for clip in editions.get(version).catalogue.prompt("welcome", "en"))


def _saying(words: str) -> str:
    return SMALL.replace("welcome: {text: {en: Welcome.", f"welcome: {{text: {{en: {words}")


BROKEN = SMALL.replace("then: main}", "then: mian}", 1).replace("queue: general", "queue: generals")


async def test_at_the_first_start_the_folder_is_published_with_its_sounds(site: Site) -> None:
    editions = site.engine()
    await editions.start()
    assert await site.versions() == 1
    edition = editions.get(None)
    assert (edition.version, edition.book.name) == (1, "Small Bank")
    clips = edition.catalogue.prompt("welcome", "zh")
    assert all(Path(f"{clip.sound}.wav").exists() for clip in clips)


async def test_a_broken_folder_at_the_first_start_is_refused_with_every_fault(site: Site) -> None:
    site.write(BROKEN)
    with pytest.raises(Misconfigured) as refused:
        await site.engine().start()
    lines = str(refused.value).splitlines()
    assert any("mian" in line and "book.yaml:" in line for line in lines)
    assert any("generals" in line for line in lines)
    assert await site.versions() == 0
    assert not site.speech.said


async def test_a_broken_folder_later_leaves_the_published_version_in_use_and_names_every_fault(site: Site) -> None:
    await site.engine().start()
    site.write(BROKEN)
    editions = site.engine()
    with capture_logs() as lines:
        await editions.start()
    assert _welcome(editions) == "Welcome."
    assert await site.versions() == 1
    faults = [line["fault"] for line in lines if line["log_level"] == "error"]
    assert any("mian" in fault for fault in faults)
    assert any("generals" in fault for fault in faults)


async def test_a_broken_folder_cannot_be_published_and_the_book_in_use_goes_on(site: Site) -> None:
    editions = site.engine()
    await editions.start()
    site.write(BROKEN)
    with pytest.raises(Misconfigured, match="mian"):
        await editions.publish("reload")
    assert (_welcome(editions), await site.versions()) == ("Welcome.", 1)


async def test_a_folder_that_differs_is_not_taken_over_by_a_restart_but_told_of(site: Site) -> None:
    await site.engine().start()
    site.write(_saying("Good day."))
    editions = site.engine()
    with capture_logs() as lines:
        await editions.start()
    assert _welcome(editions) == "Welcome."
    assert any("differs" in line["event"] for line in lines)


async def test_publishing_takes_over_for_new_calls_and_calls_in_progress_keep_theirs(site: Site) -> None:
    editions = site.engine()
    await editions.start()
    site.write(_saying("Good day."))
    assert await editions.publish("greeting") == 2
    assert _welcome(editions) == "Good day."
    assert _welcome(editions, 1) == "Welcome."
    published = await site.books.latest()
    assert published is not None
    assert (published.message, published.published_at) == ("greeting", site.clock.now())


async def test_the_same_content_is_the_same_version(site: Site) -> None:
    editions = site.engine()
    await editions.start()
    assert await editions.publish("again") == 1
    assert await editions.publish("and again") == 1
    assert await site.versions() == 1


async def test_only_what_changed_is_spoken_anew(site: Site) -> None:
    editions = site.engine()
    await editions.start()
    site.speech.said.clear()
    site.write(_saying("Good day."))
    await editions.publish("greeting")
    assert site.speech.said == [("Good day.", "en")]


async def test_a_book_that_cannot_be_spoken_is_not_published(site: Site) -> None:
    editions = site.engine()
    await editions.start()
    site.write(_saying("Unspeakable."))
    site.speech.mute = frozenset({"Unspeakable."})
    with pytest.raises(Misconfigured, match="Unspeakable"):
        await editions.publish("greeting")
    assert (_welcome(editions), await site.versions()) == ("Welcome.", 1)


async def _started(site: Site) -> Editions:
    editions = site.engine()
    await editions.start()
    return editions


async def _daily(site: Site, editions: Editions, until: int) -> None:
    """Publish a book every day, until this version."""
    for number in range(2, until + 1):
        site.write(_saying(f"Day {number}."))
        await editions.publish("daily")


async def test_few_versions_are_kept_in_memory_and_a_version_that_is_not_is_answered_with_the_one_in_use(
    site: Site,
) -> None:
    editions = site.engine()
    await editions.start()
    newest = MOST_KEPT + 2
    await _daily(site, editions, newest)
    assert editions.get(3).version == 3
    assert editions.get(2).version == newest
    assert editions.get(99).version == newest
    assert editions.get(None).version == newest


async def test_a_call_that_comes_back_finds_the_version_it_began_on_though_this_node_never_had_it(site: Site) -> None:
    await _daily(site, await _started(site), 3)
    editions = site.engine()
    await editions.start()
    assert editions.get(2).version == 3
    begun = await editions.recall(2)
    assert begun is not None
    assert begun.version == 2
    assert editions.get(2) is begun
    assert _welcome(editions, 2) == "Day 2."


async def test_calls_that_come_back_together_load_their_version_once(site: Site) -> None:
    await _daily(site, await _started(site), 3)
    editions = site.engine()
    await editions.start()
    begun = await asyncio.gather(*(editions.recall(2) for _ in range(20)))
    assert {id(edition) for edition in begun} == {id(editions.get(2))}


async def test_recalled_versions_take_the_place_of_those_used_longest_ago_and_never_of_the_one_in_use(
    site: Site,
) -> None:
    editions = site.engine()
    await editions.start()
    await _daily(site, editions, MOST_KEPT + 2)  # kept: 3 to 10
    assert (await editions.recall(3)) is not None  # used now
    assert (await editions.recall(1)) is not None  # takes the place of 4
    assert [version for version in range(1, 11) if editions.get(version).version == version] == [1, 3, *range(5, 11)]


async def test_a_version_that_was_never_published_cannot_be_recalled(site: Site) -> None:
    editions = site.engine()
    await editions.start()
    with capture_logs() as lines:
        assert await editions.recall(7) is None
    assert any("could not be loaded" in line["event"] for line in lines)


async def test_an_engine_takes_over_what_another_one_publishes(site: Site) -> None:
    here, there = site.engine(), site.engine()
    await here.start()
    await there.start()
    site.write(_saying("Good day."))
    await there.publish("greeting")
    assert _welcome(here) == "Welcome."
    assert await here.look()
    assert (_welcome(here), _welcome(here, 1)) == ("Good day.", "Welcome.")
    assert not await here.look()


async def test_an_engine_looks_for_what_is_in_use_every_two_seconds(site: Site) -> None:
    here, there = site.engine(), site.engine()
    await here.start()
    site.write(_saying("Good day."))
    await there.publish("greeting")
    taken_over = asyncio.Event()
    following = asyncio.create_task(here.follow())
    site.clock.later(LOOK_EVERY_S * 3, taken_over.set)
    async with asyncio.timeout(10):
        await taken_over.wait()
    following.cancel()
    await asyncio.wait([following])
    assert _welcome(here) == "Good day."


async def test_a_published_version_that_this_engine_cannot_use_leaves_the_one_in_use_and_is_tried_again_later(
    site: Site,
) -> None:
    here = site.engine()
    await here.start()
    await site.books.publish({"book.yaml": BROKEN}, message="by hand", now=0.0)
    with capture_logs() as lines:
        for _ in range(5):
            assert not await here.look()
            site.clock.advance(LOOK_EVERY_S)
        assert len([line for line in lines if "could not be loaded" in line["event"]]) == 1
        site.clock.advance(TRY_AGAIN_S)
        assert not await here.look()
    assert len([line for line in lines if "could not be loaded" in line["event"]]) == 2
    assert _welcome(here) == "Welcome."


async def test_a_rollback_is_taken_over_by_other_engines_and_the_newer_version_stays(site: Site) -> None:
    here, there = site.engine(), site.engine()
    await here.start()
    site.write(_saying("Good day."))
    await there.publish("greeting")
    await here.look()
    chosen = await there.choose(for_everybody(1), "worse")
    assert (chosen.stable, chosen.by, chosen.message) == (1, "node-a", "worse")
    assert _welcome(here) == "Good day."
    assert await here.look()
    assert (_welcome(here), _welcome(here, 2)) == ("Welcome.", "Good day.")
    assert await site.versions() == 2


async def test_a_version_that_the_queues_no_longer_fit_is_not_gone_back_to(site: Site) -> None:
    editions = site.engine()
    await editions.start()
    site.write(SMALL.replace("queue: general", "queue: cards"))
    other = site.engine(Queues(version=1, queues={"cards": Queue(skills={"cards": 1})}))
    assert await other.publish("other queue") == 2
    with pytest.raises(Misconfigured, match=r"version 1 cannot be used any more:\n.*general"):
        await other.choose(for_everybody(1), "back")
    choice = await site.books.choice()
    assert choice is not None
    assert choice.stable == 2


def _hearing(editions: Editions, version: int, callers: int = 1000) -> int:
    """How many of so many callers get that version."""
    return sum(editions.for_caller(f"+86138{number:08}").version == version for number in range(callers))


async def test_a_canary_is_heard_by_its_share_of_callers_until_it_is_promoted(site: Site) -> None:
    here, there = site.engine(), site.engine()
    await here.start()
    site.write(_saying("Good day."))
    assert await there.publish("try it", share=0.1) == 2
    await here.look()
    assert (_hearing(here, 2), _hearing(there, 2)) == (CANARIES, CANARIES)
    assert _welcome(here) == "Welcome."
    await there.choose(promote, "good")
    await here.look()
    assert (_hearing(here, 2), _welcome(here)) == (1000, "Good day.")


async def test_a_canary_that_is_stopped_is_heard_by_nobody_and_its_calls_end_on_it(site: Site) -> None:
    here = site.engine()
    await here.start()
    site.write(_saying("Good day."))
    await here.publish("try it", share=0.5)
    await here.choose(stop, "no good")
    await here.look()
    assert (_hearing(here, 2), _welcome(here, 2)) == (0, "Good day.")


async def test_a_canary_that_cannot_be_loaded_leaves_everybody_on_the_other_book(site: Site) -> None:
    here = site.engine()
    await here.start()
    await site.books.publish({"book.yaml": BROKEN}, message="by hand", now=0.0, share=0.5)
    with capture_logs() as lines:
        await here.look()
    assert _hearing(here, 1) == 1000
    assert any("canary could not be loaded" in line["event"] for line in lines)


async def test_the_book_that_everybody_hears_cannot_be_its_own_canary(site: Site) -> None:
    editions = site.engine()
    await editions.start()
    with pytest.raises(NoSuchChoice, match="nothing to try"):
        await editions.publish("again", share=0.1)


async def test_a_reload_publishes_a_folder_that_is_sound_and_new(site: Site) -> None:
    editions = site.engine()
    await editions.start()
    assert (await editions.reload("reload")).came is Came.SAME
    site.write(_saying("Good day."))
    assert (await editions.reload("reload", dry_run=True)).version == 2
    assert await site.versions() == 1
    reloaded = await editions.reload("reload")
    assert (reloaded.came, reloaded.version, _welcome(editions)) == (Came.PUBLISHED, 2, "Good day.")


async def test_a_reload_does_not_undo_a_rollback(site: Site) -> None:
    editions = site.engine()
    await editions.start()
    site.write(_saying("Bad day."))
    await editions.publish("bad")
    await editions.choose(for_everybody(1), "back")
    reloaded = await editions.reload("reload")
    assert (reloaded.came, reloaded.version, reloaded.choice.stable) == (Came.SET_ASIDE, 2, 1)
    await editions.look()
    assert _welcome(editions) == "Welcome."
    assert await editions.publish("on purpose") == 2
    assert _welcome(editions) == "Bad day."


async def test_versions_published_before_there_was_a_log_of_choices_go_by_the_newest(site: Site) -> None:
    await _daily(site, await _started(site), 2)
    await site.forget_choices()
    editions = site.engine()
    await editions.start()
    assert (editions.get(None).version, editions.choice.number) == (2, 0)


async def test_a_published_version_that_the_queues_no_longer_fit_is_named_at_the_start(site: Site) -> None:
    await site.engine().start()
    other = Queues(version=1, queues={"cards": Queue(skills={"cards": 1})})
    with pytest.raises(Misconfigured, match=r"version 1, .*\n.*general") as refused:
        await site.engine(other).start()
    assert isinstance(refused.value.__cause__, Faults)


RECORDED = SMALL.replace("welcome: {text:", "welcome: {recording: {en: main-2026}, text:")


def _record(site: Site, seconds: float) -> Path:
    """Put a recording of the welcome beside the book."""
    wav = site.menus / "recordings" / "main-2026.wav"
    wav.parent.mkdir(exist_ok=True)
    wav.write_bytes(to_wav(0.5 * np.sin(np.arange(int(seconds * RATE)))))
    return wav


async def test_a_published_version_plays_its_recording_though_the_file_was_deleted(site: Site) -> None:
    site.write(RECORDED)
    wav = _record(site, 1.0)
    first = site.engine()
    await first.start()
    wav.unlink()
    again = site.engine()
    with capture_logs() as lines:
        await again.start()
    assert again.get(None).catalogue.prompt("welcome", "en") == first.get(None).catalogue.prompt("welcome", "en")
    assert any("main-2026" in line["fault"] for line in lines if line["log_level"] == "error")


async def test_a_changed_recording_is_a_new_version_and_the_published_one_stays_itself(site: Site) -> None:
    site.write(RECORDED)
    _record(site, 1.0)
    await site.engine().start()
    _record(site, 3.0)
    editions = site.engine()
    with capture_logs() as lines:
        await editions.start()
    assert any("differs" in line["event"] for line in lines)
    assert editions.get(1).catalogue.prompt("welcome", "en")[0].seconds == pytest.approx(1.35)
    assert await editions.publish("a new voice") == 2
    assert editions.get(2).catalogue.prompt("welcome", "en")[0].seconds == pytest.approx(3.35)
    assert editions.get(1).catalogue.prompt("welcome", "en")[0].seconds == pytest.approx(1.35)


async def test_a_published_recording_is_never_rendered_from_another_file(site: Site) -> None:
    site.write(RECORDED)
    _record(site, 1.0)
    first = site.engine()
    await first.start()
    Path(f"{first.get(None).catalogue.prompt('welcome', 'en')[0].sound}.wav").unlink()
    _record(site, 3.0)
    with pytest.raises(Misconfigured, match=r"main-2026.*another one than was published"):
        await site.engine().start()


async def test_a_book_in_another_time_zone_than_the_site_is_not_published(site: Site) -> None:
    site.write(SMALL.replace("Asia/Shanghai", "Asia/Tokyo"))
    with pytest.raises(Misconfigured, match=r"book\.yaml:3:12: other-time-zone"):
        await site.engine().publish("moved")
    assert await site.versions() == 0
