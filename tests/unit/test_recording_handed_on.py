"""Callers who are handed on are recorded as the queue says that they come to, and are told or asked before."""

from pathlib import Path
from typing import Any

import pytest

from ivr.queues import Queue
from ivr.testing.books import book_that_records
from ivr.testing.handing import asks
from ivr.testing.line import Press, ScriptedLeg
from ivr.testing.stage import Stage
from ivr.watch import COMPARE_EVERY_S
from models.tables import AgentRow
from routing.talk import TalkEvent, Target, TargetKind

NAME = "call-1-general-1-talk"
TO_AGENT, AGREES, REFUSES = Press("0", "main"), Press("1", "may_we"), Press("2", "may_we")


class Scene:
    """A caller whom grace, of one queue, hands on to carol, of another."""

    def __init__(self, tmp_path: Path, first: str, second: str, *script: Press) -> None:
        queues = {
            "general": Queue(skills={"general": 1}, recording=first),  # type: ignore[arg-type]
            "cards": Queue(skills={"cards": 3}, recording=second),  # type: ignore[arg-type]
        }
        settings = {"recordings": {"folder": str(tmp_path)}}
        self.folder = tmp_path
        self.stage = Stage(book_that_records(), queues=queues, settings=settings)
        self.grace = self.stage.agent("grace")
        self.carol = self.stage.agent("carol", skills={"cards": 5, "lang:en": 5})
        self.files: list[str] = []  #: into which each conversation was recorded; empty when it was not
        self.leg = self.stage.leg(TO_AGENT, *script)
        self.plays(self.stage, self.leg, self.grace)

    def plays(self, stage: Stage, leg: ScriptedLeg, first: AgentRow) -> None:
        asks(stage, leg, first, TalkEvent.TRANSFER, Target(TargetKind.QUEUE, "cards"))
        answer = leg.on_dial
        assert answer is not None

        async def ring(phone: str) -> None:
            self.files.append((leg.monitored or "").removeprefix(f"{self.folder}/"))
            await answer(phone)

        leg.on_dial = ring

    async def take(self) -> list[str]:
        await self.stage.take(self.leg)
        assert self.leg.rung == [self.grace.phone, self.carol.phone]
        assert sorted(one.id for one in self.stage.store.recordings) == sorted(filter(None, self.files))
        assert all(row.ended_at is not None for row in self.stage.store.talk_recordings.values())
        return self.files


async def test_a_queue_that_never_records_does_not_record_who_is_handed_on_to_it(tmp_path: Path) -> None:
    scene = Scene(tmp_path, "announced", "never")
    assert await scene.take() == [NAME, ""]
    assert scene.leg.heard.count("record_now") == 1


async def test_who_is_handed_on_to_a_queue_that_records_is_told_first(tmp_path: Path) -> None:
    scene = Scene(tmp_path, "never", "announced")
    first, second = await scene.take()
    assert first == ""
    assert second.startswith(f"{NAME}-")
    assert scene.leg.heard.count("record_now") == 1
    assert scene.stage.told("recording_consent") == [{"queue": "cards", "how": "announced", "given": True}]


@pytest.mark.parametrize(
    ("first", "second", "script", "recorded", "heard"),
    [
        ("announced", "announced", (), [True, True], {"record_now": 1, "may_we": 0}),
        ("announced", "asked", (AGREES,), [True, True], {"record_now": 1, "may_we": 1}),
        ("announced", "asked", (REFUSES,), [True, False], {"record_now": 1, "may_we": 1}),
        ("asked", "announced", (AGREES,), [True, True], {"record_now": 0, "may_we": 1}),
        ("asked", "announced", (REFUSES,), [False, True], {"record_now": 1, "may_we": 1}),
        ("asked", "asked", (AGREES,), [True, True], {"record_now": 0, "may_we": 1}),
        ("asked", "asked", (REFUSES,), [False, False], {"record_now": 0, "may_we": 1}),
        ("never", "asked", (AGREES,), [False, True], {"record_now": 0, "may_we": 1}),
    ],
)
async def test_they_are_told_and_asked_only_what_they_were_not_before(
    tmp_path: Path, first: str, second: str, script: tuple[Press, ...], recorded: list[bool], heard: dict[str, int]
) -> None:
    scene = Scene(tmp_path, first, second, *script)
    files = await scene.take()
    assert [file != "" for file in files] == recorded
    assert {name: scene.leg.heard.count(name) for name in heard} == heard
    assert files[0] != files[1] or not any(files), "each conversation has a file of its own"


async def test_another_engine_tells_who_was_not_told_and_takes_no_file_that_is_there(tmp_path: Path) -> None:
    scene = Scene(tmp_path, "announced", "announced")
    open_need = scene.stage.exchange.open_need

    async def die_after_the_first(call_id: str, wish: Any, *, now: float) -> Any:
        if scene.files:
            raise ConnectionError
        return await open_need(call_id, wish, now=now)

    scene.stage.exchange.open_need = die_after_the_first  # type: ignore[method-assign]
    await scene.stage.take(scene.leg)
    assert scene.files == [NAME]
    other = Stage(book_that_records(), node="node-b", beside=scene.stage, queues=scene.stage.parts.queues)
    again = other.leg(rung=2)
    again.noted = scene.leg.noted
    scene.plays(other, again, scene.grace)
    await other.take(again)
    assert again.rung == [scene.carol.phone]
    assert again.heard.count("record_now") == 1
    first, second = scene.files
    assert second.rpartition("/")[2].startswith(f"{NAME}-")
    assert first != second


async def test_an_agent_who_is_found_while_the_caller_is_asked_is_kept(tmp_path: Path) -> None:
    scene = Scene(tmp_path, "never", "announced")
    say, lapsed = scene.leg.say, list[int]()

    async def slowly(clips: Any, **how: Any) -> Any:
        heard = await say(clips, **how)
        if clips and clips[0].prompt == "record_now":
            for _ in range(6):
                scene.stage.clock.advance(COMPARE_EVERY_S)
                await scene.stage.dispatcher.round()
                lapsed.append((await scene.stage.watcher.sweep()).offers_expired)
        return heard

    scene.leg.say = slowly  # type: ignore[method-assign]
    await scene.stage.take(scene.leg)
    assert scene.leg.rung == [scene.grace.phone, scene.carol.phone]
    assert len(lapsed) == 6
    assert sum(lapsed) == 0
    assert len(scene.stage.store.offers) == 2
