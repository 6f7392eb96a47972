"""The folder of recordings: made at the start, and swept of what is older than the site wants to keep."""

import asyncio
import os
import re
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import structlog

from ivr.ports import Clock
from ivr.settings import Recordings as Settings
from models.recordings import Recordings
from routing.errors import StoreAway

log = structlog.get_logger()

DAY_S = 86400.0
#: Recordings that are deleted in one go.
BATCH = 200
#: Files that are on no list and are deleted in one sweep; further ones are left to the next.
MOST_STRAY = 10_000
#: Seconds until a sweep is tried again that could not be done.
AGAIN_S = 600.0
#: Seconds after which the file of a probing call of `ivr doctor` was left behind.
PROBE_S = 3600.0
#: The file of `ivr.steps.record.recording_name`: call, step and visit, in a survey also the question; of a
#: conversation also the word `talk`.
_RECORDING = re.compile(r"[A-Za-z0-9-]{1,100}-[a-z][a-z0-9_-]*-[0-9]+(?:-[a-z][a-z0-9_-]*)?\.wav")
_PROBE = re.compile(r"doctor-[0-9a-f]{16}\.wav")


class Keeper:
    """Deletes recordings that are older than `recordings.keep_days`, once a day.

    What is on no list is deleted by the age of its file: recordings that were too short, or whose call or node was
    gone before they were listed, and what `ivr doctor` left behind.
    """

    def __init__(self, recordings: Recordings, settings: Settings, clock: Clock) -> None:
        self._recordings, self._settings, self._clock = recordings, settings, clock

    async def run(self) -> None:
        """Sweep at the start and every day, until cancelled. Without `keep_days` nothing is deleted."""
        await asyncio.to_thread(self._make_folder)
        while self._settings.keep_days:
            pause_s = DAY_S
            try:
                deleted = await self.sweep()
                if deleted:
                    log.info("old recordings were deleted", count=deleted)
            except (StoreAway, OSError) as fault:
                pause_s = AGAIN_S
                log.warning("old recordings could not be deleted; it is tried again", why=str(fault))
            except Exception:
                log.exception("old recordings could not be deleted")
            await self._clock.sleep(pause_s)

    async def sweep(self) -> int:
        """Delete what is too old; how many there were. Raises StoreAway, or OSError when a file cannot be deleted."""
        before, deleted = self._clock.now() - self._settings.keep_days * DAY_S, 0
        while ids := await self._recordings.made_before(before, most=BATCH):
            await asyncio.to_thread(_delete, self._settings.folder, ids)
            await self._recordings.forget(ids)
            deleted += len(ids)
        return deleted + await asyncio.to_thread(self._delete_stray, before)

    def _delete_stray(self, before: float) -> int:
        probes_before = self._clock.now() - PROBE_S
        with os.scandir(self._settings.folder) as entries:
            stray = (
                entry.name
                for entry in entries
                if (_RECORDING.fullmatch(entry.name) and entry.stat().st_mtime < before)
                or (_PROBE.fullmatch(entry.name) and entry.stat().st_mtime < probes_before)
            )
            names = tuple(islice(stray, MOST_STRAY))
        for name in names:
            (self._settings.folder / name).unlink(missing_ok=True)
        return len(names)

    def _make_folder(self) -> None:
        try:
            self._settings.folder.mkdir(parents=True, exist_ok=True)
        except OSError as fault:
            log.error("the folder of recordings cannot be made; nothing can be recorded", why=str(fault))


def _delete(folder: Path, ids: Sequence[str]) -> None:
    for id_ in ids:
        (folder / f"{id_}.wav").unlink(missing_ok=True)
