"""Messages, recordings and surveys from the command line; and recordings that are too old."""

import asyncio
import os
from pathlib import Path

import pytest

from ivr.ports import TextMessage
from ivr.recordings import DAY_S, PROBE_S, Keeper
from ivr.settings import Recordings as Settings
from ivr.steps.record import recording_name
from ivr.testing.clock import FakeClock
from ivr.testing.command import ivr
from ivr.testing.databases import SQLITE, fresh_database
from menus.facts import CallerFacts
from models.calls import CallJournal
from models.database import Database
from models.outbox import Outbox
from models.recordings import Recordings
from routing.call import Arrival, Rating, Recording

pytestmark = pytest.mark.usefixtures("cli_url")

LI = "+8613800000001"


async def _taken(url: str, *keys: str) -> None:
    async with Database.opened(url) as database:
        for key in keys:
            await Outbox(database, "node-a").send(TextMessage(LI, "secret words", key, template="case"), now=1.79e9)


async def _told(database: Database, now: float) -> None:
    async with CallJournal(database, "node-a") as journal:
        arrival = Arrival("c1", "c1", "PJSIP/x", LI, "", "95500")
        journal.opened(arrival, now=now, facts=CallerFacts(), language="en", book_version=1)
        journal.recorded(Recording("c1-voice-1", "c1", "complaint", 12.5), now)
        journal.rated(Rating("c1", "after", "recommend", "nps", 9), now)
        journal.rated(Rating("c1", "after", "solved", "yes_no", 1), now)
        journal.rated(Rating("c1", "after", "why", "comment", None, "c1-after-1-why"), now)
        assert await journal.settle("c1", deadline_s=5)


async def _told_at(url: str, now: float) -> None:
    async with Database.opened(url) as database:
        await _told(database, now)


def test_messages_are_listed_without_their_words_or_whole_numbers(cli_url: str) -> None:
    assert ivr("messages", "list").out == "there is no such message\n"
    asyncio.run(_taken(cli_url, "k1", "k2"))
    listed = ivr("messages", "list")
    assert listed.status == 0
    assert listed.out.count("case") == listed.out.count("waiting") == 2
    assert "secret" not in listed.out
    assert LI not in listed.out
    assert ivr("messages", "list", "--state", "sent").out == "there is no such message\n"


def test_a_number_opts_out_and_in_again_however_it_is_written(cli_url: str) -> None:
    asyncio.run(_taken(cli_url, "k1"))
    out = ivr("messages", "opt-out", "138 0000 0001")
    assert (out.status, out.out) == (0, f"{LI} is sent no messages any more; 1 that waited were given up\n")
    assert "failed" in ivr("messages", "list").out
    assert ivr("messages", "opt-in", LI).out == f"{LI} is sent messages again\n"
    assert ivr("messages", "opt-in", LI).out == f"{LI} had not opted out\n"


def test_what_is_no_number_is_told_in_a_sentence() -> None:
    wrong = ivr("messages", "opt-out", "soon")
    assert (wrong.status, wrong.out) == (1, "")
    assert wrong.err == "'soon' is no telephone number; write it as +8613800000001\n"


def test_recordings_are_listed_and_found(cli_url: str, tmp_path: Path) -> None:
    assert ivr("recordings", "list").out == "nothing was recorded yet\n"
    asyncio.run(_told_at(cli_url, 1_790_000_000.0))
    assert ivr("recordings", "list").out.split() == ["2026-09-21", "22:13", "complaint", "12.5", "s", "-", "c1-voice-1"]
    assert ivr("recordings", "list", "--purpose", "voicemail").out == "nothing was recorded yet\n"
    assert ivr("recordings", "list", "--purpose", "voicemial").status == 2
    lost = ivr("recordings", "path", "c1-voice-1")
    assert (lost.status, lost.err) == (1, "var/recordings/c1-voice-1.wav: there is no such recording on this machine\n")
    (tmp_path / "var" / "recordings").mkdir(parents=True)
    (tmp_path / "var" / "recordings" / "c1-voice-1.wav").touch()
    assert ivr("recordings", "path", "c1-voice-1").out == f"{tmp_path}/var/recordings/c1-voice-1.wav\n"
    assert ivr("recordings", "path", "../recordings/c1-voice-1").status == 1


def test_surveys_are_added_up(cli_url: str) -> None:
    assert ivr("surveys").out == "nobody answered a survey within 30 days\n"
    asyncio.run(_told_at(cli_url, 4_000_000_000.0))
    told = ivr("surveys").out
    assert "mean 9.0 of 10, NPS +100" in told
    assert "100% yes" in told
    assert "ivr recordings list --purpose comment" in told


async def test_recordings_that_are_too_old_are_deleted_with_their_files(tmp_path: Path) -> None:
    clock = FakeClock()
    folder = tmp_path / "made"
    async with fresh_database(SQLITE, tmp_path) as database:
        await _told(database, clock.now())
        recordings = Recordings(database)
        keeper = Keeper(recordings, Settings(folder=folder, keep_days=30), clock)
        folder.mkdir()
        file = folder / "c1-voice-1.wav"
        file.touch()
        clock.advance(30 * DAY_S - 1)
        assert await keeper.sweep() == 0
        clock.advance(2)
        assert await keeper.sweep() == 1
        assert not file.exists()
        assert await recordings.newest(9) == ()
        assert await keeper.sweep() == 0


async def test_files_that_are_on_no_list_are_deleted_by_their_age(tmp_path: Path) -> None:
    clock, folder = FakeClock(), tmp_path / "made"
    folder.mkdir()
    visit, probe = recording_name("1795.7", "voice-1"), "doctor-0123456789abcdef"
    ages_s = {
        visit: 30 * DAY_S + 1,
        recording_name("callback-7-2", "how-was-it-12") + "-why": 30 * DAY_S + 1,
        recording_name("1795.8", "voice-1"): 30 * DAY_S - 1,
        probe: PROBE_S + 1,
        "doctor-fedcba9876543210": PROBE_S - 1,
        "welcome-2026": 400 * DAY_S,  # nothing of ours
        "doctor-lee": 400 * DAY_S,
    }
    for name, age_s in ages_s.items():
        (folder / f"{name}.wav").touch()
        os.utime(folder / f"{name}.wav", (clock.now() - age_s,) * 2)
    (folder / f"{visit}.txt").touch()
    os.utime(folder / f"{visit}.txt", (0, 0))
    async with fresh_database(SQLITE, tmp_path) as database:
        assert await Keeper(Recordings(database), Settings(folder=folder, keep_days=30), clock).sweep() == 3
    kept = {recording_name("1795.8", "voice-1"), "doctor-fedcba9876543210", "welcome-2026", "doctor-lee"}
    assert {file.stem for file in folder.glob("*.wav")} == kept
    assert (folder / f"{visit}.txt").exists()


async def test_without_a_limit_nothing_is_deleted_and_the_folder_is_made(tmp_path: Path) -> None:
    async with fresh_database(SQLITE, tmp_path) as database:
        await _told(database, 0.0)
        folder = tmp_path / "new" / "recordings"
        await Keeper(Recordings(database), Settings(folder=folder), FakeClock()).run()
        assert folder.is_dir()
        assert len(await Recordings(database).newest(9)) == 1
