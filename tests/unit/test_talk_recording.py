"""A conversation is recorded only after the caller was told, or has agreed; and only if it can be listed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ivr.errors import HungUp
from ivr.ports import Dialled, DialStatus
from ivr.testing.books import SMALL, book_that_records
from ivr.testing.line import HangUp, Press
from ivr.testing.stage import Stage
from menus.loader import parse_book

NAME = "call-1-general-1-talk"
BOOK = book_that_records()


def stage(tmp_path: Path, recording: str, **more: Any) -> Stage:
    settings = {"recordings": {"folder": str(tmp_path)}}
    return Stage(more.pop("book", BOOK), queue={"recording": recording, "max_wait_s": 30}, settings=settings, **more)


def consents(node: Stage) -> list[Mapping[str, Any]]:
    return node.told("recording_consent")


async def test_an_announced_recording_is_said_first_and_runs_while_the_phone_rings(tmp_path: Path) -> None:
    node = stage(tmp_path, "announced")
    node.agent()
    leg = node.leg(Press("0", "main"))
    files: list[str | None] = []

    async def ringing(phone: str) -> None:
        files.append(leg.monitored)
        assert NAME in node.store.talk_recordings, "listed before it begins"

    leg.on_dial = ringing
    await node.take(leg)
    assert files == [str(tmp_path / NAME)]
    assert leg.monitored is None
    assert leg.heard.index("record_now") < leg.heard.index("bye")
    assert consents(node) == [{"queue": "general", "how": "announced", "given": True}]
    (kept,) = node.store.recordings
    assert (kept.id, kept.purpose) == (NAME, "conversation")
    assert node.store.talk_recordings[NAME].ended_at is not None
    assert [told["recording"] for told in node.told("recording")] == [NAME]


@pytest.mark.parametrize(
    ("answer", "given"),
    [([Press("1", "may_we")], True), ([], False), ([Press("2")], False), ([Press("2", "may_we"), Press("1")], False)],
)
async def test_a_caller_who_is_asked_is_recorded_only_with_the_key(
    tmp_path: Path, answer: list[Press], given: bool
) -> None:
    node = stage(tmp_path, "asked")
    node.agent()
    await node.take(node.leg(Press("0", "main"), *answer))
    assert [one["given"] for one in consents(node)] == [given]
    assert [one.id for one in node.store.recordings] == ([NAME] if given else [])


async def test_nobody_is_recorded_whom_the_book_does_not_tell(tmp_path: Path) -> None:
    node = stage(tmp_path, "announced", book=parse_book({"book.yaml": SMALL}))
    node.agent()
    await node.take(node.leg(Press("0", "main")))
    assert node.store.recordings == []


async def test_what_cannot_be_listed_is_not_recorded(tmp_path: Path) -> None:
    node = stage(tmp_path, "announced")
    node.agent()
    leg = node.leg(Press("0", "main"))

    async def away(*_: Any, **__: Any) -> None:
        raise TimeoutError

    node.talk_recordings.begun = away  # type: ignore[method-assign]
    files: list[str | None] = []

    async def ringing(phone: str) -> None:
        files.append(leg.monitored)

    leg.on_dial = ringing
    await node.take(leg)
    assert files == [None]
    assert node.told("recording")[0]["outcome"] == "not_listed"


async def test_a_recording_of_nothing_is_deleted_when_the_caller_leaves_while_it_rings(tmp_path: Path) -> None:
    node = stage(tmp_path, "announced")
    node.agent()
    leg = node.leg(Press("0", "main"))

    async def leaves(phone: str) -> None:
        (tmp_path / f"{NAME}.wav").write_bytes(b"x" * 44)
        leg.hang_up()
        raise HungUp

    leg.on_dial = leaves
    await node.take(leg)
    assert node.store.recordings == []
    assert not (tmp_path / f"{NAME}.wav").exists()


async def test_the_recording_of_a_caller_who_hangs_up_in_the_conversation_is_closed(tmp_path: Path) -> None:
    node = stage(tmp_path, "announced")
    node.agent()
    leg = node.leg(Press("0", "main"))

    async def talks(phone: str) -> None:
        live = node.parts.live["call-1"]
        live.answered, live.answered_at = True, node.clock.now()
        node.clock.advance(12)
        leg.hang_up()
        raise HungUp

    leg.on_dial = talks
    await node.take(leg)
    assert [one.seconds for one in node.store.recordings] == [12.0]


async def test_another_engine_neither_asks_again_nor_forgets_what_was_agreed(tmp_path: Path) -> None:
    node = stage(tmp_path, "asked")
    first = node.leg(Press("0", "main"), Press("1", "may_we"), HangUp(after_s=4))
    await node.take(first)  # nobody came; the line is what remains of it
    other = stage(tmp_path, "asked", node="node-b", beside=node)
    other.agent()
    leg = other.leg(Press("0", "main"), rung=2, call_id="call-2")
    leg.noted = "call-2-general-1-talk"
    await other.take(leg)
    assert "may_we" not in leg.heard
    assert [one.id for one in other.store.recordings] == ["call-2-general-1-talk"]


async def test_a_second_ring_goes_on_in_the_same_recording(tmp_path: Path) -> None:
    node = stage(tmp_path, "announced")
    node.agent()
    leg = node.leg(Press("0", "main"))
    leg.dials = [Dialled(DialStatus.NO_ANSWER)]
    files: list[str | None] = []

    async def ringing(phone: str) -> None:
        files.append(leg.monitored)
        if len(files) == 1:
            node.agent("tom")

    leg.on_dial = ringing
    await node.take(leg)
    assert files == [str(tmp_path / NAME)] * 2
    assert leg.heard.count("record_now") == 1
