"""Recordings of conversations in memory: the twin of `models.talk_recordings` on rows in dictionaries."""

from dataclasses import replace

from ivr.testing.store import MemoryStore
from models.tables import TalkRecordingRow
from models.talk_recordings import seen
from routing.call import Recording
from routing.errors import StoreAway
from routing.recording import Consent, TalkRecording


class MemoryTalkRecordings:
    """Twin of `models.talk_recordings.TalkRecordings` (port TalkRecordings)."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def begun(self, recording: Recording, *, now: float, asked: bool = False) -> None:
        """List a recording."""
        self._store.reach()
        if recording.call_id not in self._store.calls:
            raise StoreAway(f"the record of call {recording.call_id} is not stored yet")
        if recording.id not in self._store.talk_recordings:
            self._store.recordings.append(recording)
            self._store.talk_recordings[recording.id] = TalkRecordingRow(
                recording=recording.id,
                call_id=recording.call_id,
                began_at=now,
                muted=False,
                version=0,
                consent=Consent.ASKED if asked else None,
            )

    async def ended(self, recording: str, seconds: float, *, now: float) -> None:
        """The file is complete."""
        self._store.reach()
        row = self._store.talk_recordings.get(recording)
        if row is not None:
            row.ended_at = row.ended_at or now
        self._store.recordings[:] = [
            replace(one, seconds=round(seconds, 2)) if one.id == recording else one for one in self._store.recordings
        ]

    async def dropped(self, recording: str) -> None:
        """Nothing was said."""
        self._store.reach()
        self._store.talk_recordings.pop(recording, None)
        self._store.recordings[:] = [one for one in self._store.recordings if one.id != recording]

    async def of_call(self, call_id: str) -> TalkRecording | None:
        """The open one of a call."""
        row = self._row_of(call_id)
        return None if row is None else seen(row)

    async def wish(
        self, call_id: str, *, pause_until: float | None, version: int | None = None
    ) -> TalkRecording | None:
        """It is to be silent until then, or to be heard."""
        row = self._row_of(call_id)
        if row is None or version not in (None, row.version):
            return None
        row.pause_until, row.version = pause_until, row.version + 1
        return seen(row)

    async def answered(self, recording: str, *, agrees: bool) -> TalkRecording | None:
        """The customer has said whether they agree."""
        self._store.reach()
        row = self._store.talk_recordings.get(recording)
        if row is None or row.ended_at is not None or row.consent != Consent.ASKED:
            return None
        row.consent, row.version = None if agrees else Consent.REFUSED, row.version + 1
        return seen(row)

    async def confirmed(self, recording: str, version: int, *, muted: bool | None) -> bool:
        """The switch did what was wished then."""
        self._store.reach()
        row = self._store.talk_recordings.get(recording)
        if row is None or row.ended_at is not None:
            return True
        row.muted = muted if row.version == version else None
        return row.version == version

    async def amiss(self, *, now: float) -> tuple[TalkRecording, ...]:
        """Open ones at which something is to be done."""
        self._store.reach()
        return tuple(seen(row) for row in self._open() if seen(row).is_amiss(now))

    async def left_open(self, *, ended_before: float) -> tuple[TalkRecording, ...]:
        """Open ones whose call ended before then."""
        self._store.reach()
        ends = {row.call_id: self._store.calls[row.call_id].ended_at for row in self._open()}
        return tuple(seen(row) for row in self._open() if (ends[row.call_id] or ended_before) < ended_before)

    def _open(self) -> list[TalkRecordingRow]:
        return [row for row in self._store.talk_recordings.values() if row.ended_at is None]

    def _row_of(self, call_id: str) -> TalkRecordingRow | None:
        self._store.reach()
        found = [row for row in self._open() if row.call_id == call_id]
        return max(found, key=lambda row: row.began_at, default=None)
