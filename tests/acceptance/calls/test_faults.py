"""Faults in the middle of real calls: what the callers hear, who keeps talking, and what is left in the books."""

import asyncio
import json
import os
import signal
import socket
import sqlite3
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ivr.lab.robots import Answer, Manner
from routing.agent import AgentState

pytestmark = pytest.mark.live

LI_NA, WANG_FANG, CHEN_WEI, ZHANG_MIN = (f"+861380000000{n}" for n in range(1, 5))
Record = Callable[[str, object], None]
STILL_S = 8.0  #: longer than the silence after which the manager link counts as broken


async def in_menu(hotline: Any, number: str) -> Any:
    """A caller who listens to the top menu."""
    call = await hotline.dial(number)
    await hotline.hear(call, hotline.clip("main_greeting"), deadline_s=8)
    await asyncio.sleep(0.5)
    return call


async def waiting(hotline: Any, number: str, language: str = "en") -> Any:
    """A caller who waits with music for an agent who knows about payments."""
    call = await hotline.dial(number)
    await call.ear.hear_sound(deadline_s=3)
    await call.ear.press("2")
    await hotline.hear(call, hotline.clip("transfers_greeting", language), deadline_s=8)
    await call.ear.press("0")
    await hotline.hear(call, hotline.clip("please_hold", language), deadline_s=8)
    await asyncio.sleep(4)
    return call


async def talking(hotline: Any, number: str, agent: str, talk_s: float) -> Any:
    """A caller who talks to an agent on the complaint line."""
    hotline.phones[agent].manner = Manner(ring_s=0.3, talk_s=talk_s, sentence=hotline.phones[agent].manner.sentence)
    await hotline.make_ready(agent)
    call = await hotline.dial(number)
    await call.ear.hear_sound(deadline_s=3)
    await call.ear.press("70")
    await hotline.hear(call, hotline.phones[agent].manner.sentence, deadline_s=10)
    return call


@pytest.mark.fault("A1", "kill -9 of an engine with callers in the menu, waiting and talking; a second engine is up")
async def test_a_second_engine_takes_over_when_the_first_is_killed(hotline: Any, record_property: Record) -> None:
    menu = await in_menu(hotline, LI_NA)
    wait = await waiting(hotline, ZHANG_MIN, "zh")
    since = (await hotline.record(ZHANG_MIN)).started_at
    talk = await talking(hotline, CHEN_WEI, "grace", talk_s=9)
    killed = time.time()
    hotline.site.engines[0].kill()
    menu_s = await hotline.hear(menu, hotline.clip("main_greeting"), after=killed, deadline_s=6) - killed
    wait_s = await hotline.hear(wait, hotline.clip("please_hold", "zh"), after=killed, deadline_s=6) - killed
    record_property("menu heard again on the second engine", f"{menu_s:.2f} s")
    record_property("waiting caller in the second engine's queue", f"{wait_s:.2f} s")
    assert max(menu_s, wait_s) < 2.0
    assert not talk.ended.is_set()
    goodbye = await hotline.hear(talk, hotline.clip("goodbye"), after=killed, deadline_s=15)
    record_property("conversation", f"went on for {goodbye - killed:.1f} s until the agent hung up")
    await talk.wait_ended(deadline_s=10)
    assert await hotline.ended(CHEN_WEI) == "served/agent"
    assert await hotline.agent_state("grace") is AgentState.WRAP_UP
    await menu.ear.press("0")  # the menu on the second engine works
    await hotline.make_ready("chris")
    rung = await hotline.phones["chris"].rang(deadline_s=8)
    assert not rung.ended.is_set()
    (offer,) = await hotline.offers(ZHANG_MIN)  # the caller who had waited longest kept their place
    assert offer.node == "node-b"
    assert (await hotline.record(ZHANG_MIN)).started_at == since
    record_property("callers dropped", 0)


@pytest.mark.fault("A3", "kill -9 of every engine with callers in the menu and waiting")
async def test_the_static_fallback_speaks_when_no_engine_is_left(hotline: Any, record_property: Record) -> None:
    menu = await in_menu(hotline, LI_NA)
    wait = await waiting(hotline, CHEN_WEI)
    killed = time.time()
    for engine in hotline.site.engines:
        engine.kill()
    menu_s = await hotline.sound_after(menu, killed, deadline_s=6) - killed
    wait_s = await hotline.sound_after(wait, killed, deadline_s=6) - killed
    record_property("menu caller hears the fallback", f"{menu_s:.2f} s")
    record_property("waiting caller hears the fallback", f"{wait_s:.2f} s")
    assert max(menu_s, wait_s) < 2.0
    assert not menu.ended.is_set()
    assert not wait.ended.is_set()
    await menu.hang_up()
    await wait.hang_up()
    for engine in hotline.site.engines:
        await engine.start()
    assert await hotline.ended(LI_NA) in ("failed/engine_lost", "failed/switch_lost")
    record_property("books", "both calls closed by the sweep after the restart")


@pytest.mark.fault("A4", "an engine frozen (SIGSTOP) while a caller waits")
async def test_a_frozen_engine_does_not_keep_its_callers(hotline: Any, record_property: Record) -> None:
    wait = await waiting(hotline, LI_NA)
    frozen = time.time()
    hotline.site.engines[0].say(signal.SIGSTOP)
    try:
        moved_s = await hotline.hear(wait, hotline.clip("please_hold"), after=frozen, deadline_s=15) - frozen
    finally:
        hotline.site.engines[0].say(signal.SIGCONT)
    record_property("caller in the second engine's queue", f"{moved_s:.2f} s")
    assert moved_s < 8.0
    await hotline.make_ready("chris")
    await hotline.phones["chris"].rang(deadline_s=8)
    await wait.wait_ended(deadline_s=15)
    assert await hotline.ended(LI_NA) == "served/agent"
    assert len(hotline.phones["chris"].calls) == 1
    record_property("double offers after it was thawed", 0)


@pytest.mark.fault("A4", "an engine frozen (SIGSTOP) while a phone rings for one caller and another one talks")
async def test_a_frozen_engine_leaves_nobody_in_silence(hotline: Any, record_property: Record) -> None:
    """Asterisk has no limit meanwhile: when the phone has left, the second engine finds the callers and takes them."""
    talk = await talking(hotline, CHEN_WEI, "grace", talk_s=9)
    hotline.phones["chris"].manner = Manner(Answer.DECLINE, ring_s=3)
    await hotline.make_ready("chris")
    ring = await hotline.dial(LI_NA)
    await ring.ear.hear_sound(deadline_s=3)
    await ring.ear.press("0")
    declined = await hotline.phones["chris"].rang(deadline_s=8)
    await asyncio.to_thread(freeze, hotline)
    frozen = time.time()
    try:
        await declined.wait_ended(deadline_s=6)
        hotline.phones["chris"].manner = Manner(talk_s=1)
        await hotline.until(lambda: len(hotline.phones["chris"].calls) == 2, deadline_s=25)
        again = hotline.phones["chris"].calls[1]
        record_property("agent rung again by the second engine", f"{again.invited_at - frozen:.1f} s after the freeze")
        await talk.wait_ended(deadline_s=25)  # the book goes on after the conversation, to its end
        record_property("end of the other call", f"{time.time() - frozen:.1f} s after the freeze")
        await ring.wait_ended(deadline_s=25)
    finally:
        hotline.site.engines[0].say(signal.SIGCONT)
    assert {await hotline.ended(number) for number in (LI_NA, CHEN_WEI)} == {"served/agent"}
    assert [offer.node for offer in await hotline.offers(LI_NA)] == ["node-a", "node-b"]
    assert await hotline.agent_state("grace") is AgentState.WRAP_UP


@pytest.mark.fault("D1", "kill -9 of Asterisk with callers waiting and talking")
async def test_after_asterisk_was_killed_no_agent_stays_stuck(hotline: Any, record_property: Record) -> None:
    await waiting(hotline, LI_NA)
    await talking(hotline, CHEN_WEI, "grace", talk_s=30)
    await hotline.make_ready("carol")
    killed = time.time()
    await asyncio.to_thread(hotline.site.asterisk.kill)
    await asyncio.to_thread(hotline.site.asterisk.start)
    booted = time.time()

    async def mended() -> bool:
        return not await hotline.left_open() and await hotline.agent_state("grace") is AgentState.WRAP_UP

    await hotline.until(mended, deadline_s=15)
    record_property("books closed and agent out of the call", f"{time.time() - killed:.1f} s after the kill")
    for phone in hotline.phones.values():
        for call in phone.calls:
            call.give_up()
    again = await hotline.dial(WANG_FANG)
    await hotline.hear(again, hotline.clip("welcome", "zh"), deadline_s=8)
    record_property("first new call heard its greeting", f"{time.time() - booted:.1f} s after Asterisk was up")
    await again.ear.press("3")
    await hotline.hear(again, hotline.clip("cards_greeting", "zh"), deadline_s=8)
    await again.ear.press("0")
    await hotline.phones["carol"].rang(deadline_s=15)
    await again.wait_ended(deadline_s=15)
    assert await hotline.ended(WANG_FANG) == "served/agent"


@pytest.mark.fault("D2", "Asterisk is told to stop gracefully while a caller waits; the order is taken back later")
async def test_an_asterisk_that_is_about_to_stop_sets_no_agent_aside(hotline: Any) -> None:
    wait = await hotline.dial(LI_NA)
    await wait.ear.hear_sound(deadline_s=3)
    await wait.ear.press("0")
    await hotline.until(lambda: hotline.events(LI_NA, "need"))
    asterisk = hotline.site.asterisk
    threading.Thread(target=asterisk.cli, args=("core stop gracefully",), daemon=True).start()  # comes back late
    try:
        await hotline.until(lambda: not _say_that_it_is_there(hotline))
        for name in ("chris", "carol"):
            await hotline.make_ready(name)
        await asyncio.sleep(2)
        assert [await hotline.agent_state(name) for name in ("chris", "carol")] == [AgentState.READY] * 2
        assert await hotline.offers(LI_NA) == []
    finally:
        await asyncio.to_thread(asterisk.cli, "core abort shutdown")
    await wait.wait_ended(deadline_s=20)
    assert await hotline.ended(LI_NA) == "served/agent"
    assert len(await hotline.offers(LI_NA)) == 1


@pytest.mark.fault("D3", "Asterisk stands still for 8 s: a caller talks, one waits, an agent becomes ready meanwhile")
async def test_while_asterisk_stands_still_nobody_is_offered_a_call_and_nobody_comes_free(
    hotline: Any, record_property: Record
) -> None:
    talk = await talking(hotline, CHEN_WEI, "grace", talk_s=60)
    wait = await hotline.dial(LI_NA)
    await wait.ear.hear_sound(deadline_s=3)
    await wait.ear.press("0")
    await hotline.until(lambda: hotline.events(LI_NA, "need"))
    asterisk, began = hotline.site.asterisk, time.time()
    asterisk.freeze()
    try:
        await hotline.until(lambda: not _say_that_it_is_there(hotline), deadline_s=STILL_S)
        record_property("noticed", f"after {time.time() - began:.1f} s")
        await hotline.make_ready("chris")
        await asyncio.sleep(max(0.0, began + STILL_S - time.time()))
        assert await hotline.offers(LI_NA) == []
    finally:
        asterisk.thaw()
    thawed = time.time()
    await hotline.phones["chris"].rang(deadline_s=15)
    record_property("waiting caller's agent rung", f"{time.time() - thawed:.1f} s after it went on")
    assert len(hotline.phones["chris"].calls) == 1
    assert min(one.made_at for one in await hotline.offers(LI_NA)) > thawed + hotline.site.clock_ahead_s - 1
    assert await hotline.agent_state("grace") is AgentState.BUSY
    assert not talk.ended.is_set()
    assert (await hotline.offers(CHEN_WEI))[-1].state == "answered"


def _say_that_it_is_there(hotline: Any) -> bool:
    """Whether some engine still believes that Asterisk is there."""
    for engine in hotline.site.engines:
        try:
            with urllib.request.urlopen(f"{engine.url}/healthz", timeout=2) as answer:
                health = json.load(answer)
        except urllib.error.HTTPError as away:
            health = json.load(away)
        if health["switch"] == "ok":
            return True
    return False


@pytest.mark.fault("E1", "the database locked by another process for 10 s")
async def test_a_locked_database_costs_no_caller_the_menu(hotline: Any, record_property: Record) -> None:
    await hotline.make_ready("chris")
    locked, release = threading.Event(), threading.Event()

    def lock() -> None:
        with closing(sqlite3.connect(hotline.site.folder / "ringwise.db", isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            locked.set()
            release.wait(10)
            other.execute("ROLLBACK")

    holder = threading.Thread(target=lock)
    holder.start()
    try:
        assert await asyncio.to_thread(locked.wait, 5)
        began = time.time()
        call = await hotline.dial(LI_NA)
        first = await call.ear.hear_sound(deadline_s=4)
        await hotline.until(lambda: len(hotline.heard(call)) >= 2, deadline_s=9)
        record_property("first prompt while locked", f"{first - call.invited_at:.2f} s after dialling")
        record_property("order while locked", ", ".join(clip.name for clip in hotline.heard(call)))
        assert first - call.invited_at < 1.0
        await call.ear.press("0")
        await asyncio.to_thread(holder.join, 12)
        rung = await hotline.phones["chris"].rang(deadline_s=10)
        record_property("agent rung", f"{rung.invited_at - began - 10:.1f} s after the lock was gone")
        await call.wait_ended(deadline_s=20)
    finally:
        release.set()
        holder.join()
    assert await hotline.ended(LI_NA) == "served/agent"
    told = [clip["prompt"] for event in await hotline.events(LI_NA, "prompts") for clip in event["clips"]]
    assert told[:2] == ["welcome", "main_greeting"]  # nothing of the record was lost


@pytest.mark.fault("S3", "a broken menu book at reload and at start")
async def test_a_broken_book_never_replaces_a_good_one(hotline: Any, record_property: Record) -> None:
    menus, engine = hotline.site.book / "menus.yaml", hotline.site.engines[0]
    good = menus.read_text(encoding="utf-8")
    try:
        menus.write_text(good.replace("then: block_card\n", "then: block_cart\n").replace("key: 7", "key: 1"), "utf-8")
        said = engine.log.stat().st_size
        engine.say(signal.SIGHUP)
        await hotline.until(lambda: "block_cart" in log_since(engine.log, said))
        faults = log_since(engine.log, said)
        assert "menus.yaml:" in faults
        assert "block_card" in faults  # did you mean
        call = await in_menu(hotline, LI_NA)
        await call.hang_up()
        assert await hotline.ended(LI_NA) == "left/in_menu"
        await engine.stop()
        said = engine.log.stat().st_size
        await engine.start()
        assert "block_cart" in log_since(engine.log, said)
        call = await in_menu(hotline, LI_NA)
        await call.hang_up()
        record_property("reload and start", "every fault named with file and line; calls go on with the published book")
    finally:
        menus.write_text(good, encoding="utf-8")


@pytest.mark.fault("B1-B3", "FastAGI port: 300 connections closed at once, 50 silent ones, one that trickles bytes")
async def test_abuse_of_the_fastagi_port_does_not_touch_a_call(hotline: Any, record_property: Record) -> None:
    host, _, port = hotline.site.asterisk.plan.node_a.rpartition(":")
    address = (host, int(port))
    call = await hotline.dial(LI_NA)
    await call.ear.hear_sound(deadline_s=3)
    silent = [socket.create_connection(address) for _ in range(50)]
    try:
        for _ in range(300):
            socket.create_connection(address).close()
        silent[0].sendall(b"agi_network: yes\n")
        pressed = time.time()
        await call.ear.press("3")
        heard_s = await hotline.hear(call, hotline.clip("cards_greeting"), after=pressed, deadline_s=5) - pressed
        for byte in b"agi_req":
            silent[1].sendall(bytes([byte]))
            await asyncio.sleep(0.05)
    finally:
        for connection in silent:
            connection.close()
    record_property("key to next prompt under abuse", f"{heard_s:.2f} s")
    assert heard_s < 1.0
    await call.hang_up()
    assert await hotline.ended(LI_NA) == "left/in_menu"


@pytest.mark.fault("F2", "the agent's phone rings and nobody answers")
async def test_ring_no_answer_brings_the_caller_back_to_the_front(hotline: Any, record_property: Record) -> None:
    hotline.phones["chris"].manner = Manner(answer=Answer.NEVER)
    await hotline.make_ready("chris")
    call = await hotline.dial(LI_NA)
    await call.ear.hear_sound(deadline_s=3)
    await call.ear.press("0")
    missed = await hotline.phones["chris"].rang(deadline_s=8)
    await missed.wait_ended(deadline_s=25)
    await hotline.make_ready("carol")
    rung = await hotline.phones["carol"].rang(deadline_s=8)
    assert missed.ended_at is not None
    record_property("next agent rung after the ring limit", f"{rung.invited_at - missed.ended_at:.2f} s")
    assert await hotline.agent_state("chris") is AgentState.MISSED
    await call.wait_ended(deadline_s=15)
    assert await hotline.ended(LI_NA) == "served/agent"


def freeze(hotline: Any) -> None:
    """Freeze the first engine, but not in the midst of a transaction: SQLite would wait for its end for ever."""
    engine, lock = hotline.site.engines[0], sqlite3.connect(hotline.site.folder / "ringwise.db", timeout=0.3)
    with closing(lock):
        for _ in range(20):
            engine.say(signal.SIGSTOP)
            try:
                lock.execute("BEGIN IMMEDIATE")
                lock.rollback()
            except sqlite3.OperationalError:
                engine.say(signal.SIGCONT)
                time.sleep(0.05)
            else:
                return
    raise AssertionError("the engine could not be frozen outside of a transaction")


def log_since(log: Path, size: int) -> str:
    """What a log has got since it had that size."""
    with log.open("rb") as file:
        file.seek(size, os.SEEK_SET)
        return file.read().decode("utf-8", "replace")
