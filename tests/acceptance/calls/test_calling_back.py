"""A caller leaves the queue for a callback, and is called when an agent is ready: over real SIP and RTP."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from ivr.demo.desks import AgentDesks
from ivr.demo.voices import agent_voice
from ivr.lab.g711 import Samples, read_wav
from ivr.lab.recognise import recognise
from ivr.lab.robots import Answer, Manner, RobotCall, RobotCaller, RobotPhone
from ivr.lab.site import OUTSIDE, Site
from ivr.prompts.catalogue import Catalogue
from ivr.testing.books import SMALL
from ivr.wait_models.content import CURRENT, FittedWaits, publish_waits, read_waits
from menus.loader import load_book
from models.agents import Agents
from models.callbacks import CallbackBook
from models.database import Database
from models.tables import AgentRow, CallbackRow, CallRow, NeedRow, OfferRow, RecordingRow, ToldWaitRow
from routing.agent import AgentEvent, AgentState
from routing.callback import CallbackWish
from routing.waits import Sight, WaitModel

pytestmark = pytest.mark.live

ROOT = Path(__file__).parents[3]
CUSTOMER = "+8613800000001"
PROMPTS = """\
  greeting: {text: {en: "This is your bank, calling back. To talk to us, press 1.", zh: 银行给您回电，请按1。}}
  may_call: {text: {en: "To be called back, press 1.", zh: 回电请按1。}}
  noted: {text: {en: We will call you back., zh: 我们将给您回电。}}
  recorded: {text: {en: This conversation is recorded., zh: 通话将被录音。}}
  may_record: {text: {en: "If we may record this conversation, press 1.", zh: 如可录音，请按1。}}
  less: {text: {en: "It will be less than {most:count} minutes.", zh: "不到{most:count}分钟。"}}
  between: {text: {en: "Between {least:count} and {most:count} minutes.", zh: "{least:count}到{most:count}分钟。"}}
  more: {text: {en: "More than {least:count} minutes.", zh: "超过{least:count}分钟。"}}
"""
QUEUES = """\
version: 1
queues:
  general: {skills: {general: 1}, announce_wait: {service_s: 60, least_agents: 1}}
  payments: {skills: {payments: 1}, callback_first: agent, recording: announced}
  cards: {skills: {cards: 1}, callback_first: agent, recording: asked}
"""
QUEUE = """\
  general:
    kind: route
    queue: general
    reason: General
    ways: [{key: 1, prompt: may_call, after_s: 5, then: keep}]
    then: thanks
    otherwise: nobody
  keep: {kind: callback, queue: general, reason: General, time: keep_place, then: noted, otherwise: nobody}
  noted: {kind: goodbye, prompts: [noted], because: callback}
"""
BOOK = (
    SMALL.replace("  general: {kind: route, queue: general, reason: General, then: thanks, otherwise: nobody}\n", QUEUE)
    .replace(
        "prompts:\n",
        "recorded: {announced: recorded, asked: may_record}\n"
        f"calling_back: {{greeting: greeting, then: thanks, otherwise: nobody}}\nprompts:\n{PROMPTS}",
    )
    .replace("still: still}", "still: still, less_than: less, between: between, more_than: more}")
)
#: A fitted model of waits that promises 2 minutes to everybody, where the formula says one.
TWO_MINUTES = FittedWaits(WaitModel(("general",), 120.0, (), ((float("inf"), (0.2, 1.0, 1.4)),)), ("general",), {})


def high(bits: int) -> int:
    """In place of a random number: sound that begins with high sequence numbers, as of half of all telephones."""
    return int(0.9 * 2**bits)


@pytest.fixture(scope="module")
def _bank(
    tmp_path_factory: pytest.TempPathFactory, running: Callable[..., AbstractContextManager[Site]]
) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("calling-back")
    (folder / "menus").mkdir()
    (folder / "menus" / "book.yaml").write_text(BOOK, encoding="utf-8")
    (folder / "queues.yaml").write_text(QUEUES, encoding="utf-8")
    site = Site(
        folder,
        prompts=ROOT / "var" / "prompts",
        book=folder / "menus",
        queues=folder / "queues.yaml",
        overrides={
            "calls": {"dead_man_s": 3.0},
            "routing": {"desk_lost_s": 3600.0},
            "callbacks": {"retry_s": 3.0, "ring_s": 8.0},
        },
    )
    publish_waits(site.settings.learning.folder, TWO_MINUTES)
    with running(site, customers=10):
        yield site


@dataclass
class Bank:
    """The site, a customer's phone, and an agent's."""

    site: Site
    database: Database
    caller: RobotCaller
    customer: RobotPhone
    agent: RobotPhone
    other: RobotPhone
    catalogue: Catalogue

    def sound(self, prompt: str, **values: int) -> Samples:
        return read_wav(Path(self.catalogue.prompt(prompt, "en", **values)[0].sound + ".wav"))

    async def wraps_up(self, name: str) -> None:
        """Lets an agent be at work for longer than the test takes, without taking a call."""
        over = {"state": "wrap_up", "wrap_up_until": self.site.now() + 3600}
        async with self.database.write() as session:
            await session.execute(update(AgentRow).where(AgentRow.name == name).values(over))

    async def hear(self, call: RobotCall, sound: Samples, *, deadline_s: float = 10) -> None:
        """Until a prompt or a voice has begun on the line."""
        await self.until(lambda: recognise(call.ear.sound()[1], {"it": sound}), deadline_s=deadline_s)

    async def says(self, call: RobotCall, sound: Samples, heard_by: RobotCall) -> None:
        """Says it on one line until it has come through on another: the first time the two may not be connected yet."""
        while not recognise(heard_by.ear.sound()[1], {"it": sound}):
            await call.ear.speak(sound)

    async def until(self, true: Callable[[], Any], *, deadline_s: float = 8) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + deadline_s
        while not (await came if isinstance(came := true(), Awaitable) else came):
            assert loop.time() < deadline, f"not true within {deadline_s} s"
            await asyncio.sleep(0.1)

    async def wish(self) -> CallbackRow:
        async with self.database.read() as session:
            row = await session.scalar(select(CallbackRow).order_by(CallbackRow.id.desc()).limit(1))
        assert row is not None
        return row

    async def is_over(self) -> bool:
        """Whether the wish is closed and every call has ended."""
        async with self.database.read() as session:
            open_call = await session.scalar(select(CallRow.id).where(CallRow.ended_at.is_(None)).limit(1))
        return (await self.wish()).closed_at is not None and open_call is None

    async def ready(self, name: str = "carol") -> None:
        agents, now = Agents(self.database), self.site.now()
        card = await agents.by_name(name)
        assert card is not None
        if card.state is AgentState.LOGGED_OUT:
            await agents.say(card.id, AgentEvent.SIGN_IN, now=now)
        await agents.say(card.id, AgentEvent.READY, now=now)


@pytest.fixture
async def bank(_bank: Site) -> AsyncIterator[Bank]:
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(Database.opened(_bank.settings.database_url))
        asterisk = _bank.asterisk
        caller = await stack.enter_async_context(RobotCaller(asterisk.sip, asterisk.trunk_address))
        customer = await stack.enter_async_context(
            RobotPhone(asterisk.phone_address(OUTSIDE), Manner(ring_s=0.5, talk_s=60.0))
        )
        agent, other = [
            await stack.enter_async_context(
                RobotPhone(
                    asterisk.phone_address(one.phone.removeprefix("PJSIP/")),
                    Manner(ring_s=0.3, talk_s=talk_s, sentence=await agent_voice(one)),
                )
            )
            for name, talk_s in (("carol", 3.0), ("chris", 60.0))
            for one in _bank.staff
            if one.name == name
        ]
        made = Bank(
            _bank, database, caller, customer, agent, other, Catalogue.load(_bank.prompts, load_book(_bank.book))
        )
        yield made
        await asyncio.gather(*(call.hang_up() for call in customer.calls))
        await made.until(lambda: asterisk.channels() == 0)


async def test_a_caller_who_leaves_the_queue_is_rung_once_when_an_agent_is_ready_and_talks_to_them(bank: Bank) -> None:
    await bank.wraps_up("chris")
    call = await bank.caller.dial("95599", number=CUSTOMER)
    await bank.hear(call, bank.sound("main"))
    await call.ear.press("0")
    await bank.hear(call, bank.sound("hold"))
    await bank.hear(call, bank.sound("less", most=3))
    await call.ear.press("1")
    await bank.hear(call, bank.sound("noted"))
    await call.wait_ended(deadline_s=10)
    wish = await bank.wish()
    assert (wish.number, wish.kind, wish.state) == (CUSTOMER, "keep_place", "waiting")
    assert bank.customer.calls == []

    bank.customer.manner = Manner(answer=Answer.BUSY, ring_s=0.5)  # the first time the line is engaged
    await bank.ready()
    await bank.customer.rang(deadline_s=10)

    async def tried() -> bool:
        return (await bank.wish()).tries == 1 and (await bank.wish()).state == "waiting"

    await bank.until(tried)
    bank.customer.manner = Manner(ring_s=0.5, talk_s=60.0)
    rung = await bank.customer.rang(2, deadline_s=15)
    await bank.until(lambda: rung.answered_at is not None)
    await bank.hear(rung, bank.sound("greeting"))
    assert bank.agent.calls == []
    await rung.ear.press("1")
    await bank.agent.rang(deadline_s=10)
    assert bank.agent.manner.sentence is not None
    await bank.hear(rung, bank.agent.manner.sentence)
    await rung.wait_ended(deadline_s=15)
    await bank.until(bank.is_over)

    wish = await bank.wish()
    assert (wish.outcome, wish.tries, len(bank.customer.calls), len(bank.agent.calls)) == ("served", 2, 2, 1)
    async with bank.database.read() as session:
        first, second = (await session.scalars(select(NeedRow).order_by(NeedRow.id))).all()
        made = await session.get_one(CallRow, second.call_id)
        offers = (await session.scalars(select(OfferRow))).all()
        (told,) = (await session.scalars(select(ToldWaitRow))).all()
    assert (first.outcome, second.outcome, second.since) == ("callback", "served", first.since)
    assert second.reason == "Callback: General"
    assert (made.id, made.ani, f"{made.result}/{made.reason}") == (
        f"callback-{wish.id}-2",
        CUSTOMER,
        "served/agent",
    )
    assert [offer.state for offer in offers] == ["completed"]
    assert (told.need_id, told.least_min, told.most_min, told.agents) == (first.id, 0, 3, 1)
    assert (told.mean_s, told.basis) == (120.0, read_waits(bank.site.settings.learning.folder / CURRENT).basis)
    seen = Sight.from_row(told.sight or ())
    assert seen is not None
    assert (seen.agents, seen.waiting, round(seen.formula_s)) == (1, 0.0, 60)


async def test_with_the_agent_first_the_customer_is_rung_when_the_agent_has_answered_and_again_if_not_reached(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ivr.lab.ear.random.getrandbits", high)
    now = bank.site.now()
    wish = CallbackWish("c0", CUSTOMER, None, "payments", "Transfer", "en", "now", now, now, required={"payments": 1})
    bank.customer.manner = Manner(answer=Answer.BUSY, ring_s=0.3)
    id_ = await CallbackBook(bank.database).request(wish, now=now)
    await bank.ready()
    first = await bank.agent.rang(deadline_s=10)
    engaged = await bank.customer.rang(deadline_s=10)
    assert first.answered_at is not None
    assert engaged.invited_at > first.answered_at
    await first.wait_ended(deadline_s=10)

    async def tried() -> bool:
        return ((await bank.wish()).tries, (await bank.wish()).state) == (1, "waiting")

    await bank.until(tried)
    says, chris = bank.sound("greeting"), bank.other.manner.sentence
    assert chris is not None
    bank.other.manner = Manner(ring_s=0.3, talk_s=60.0)
    bank.customer.manner = Manner(ring_s=0.5, talk_s=60.0)
    bank.agent.manner = Manner(ring_s=0.3, talk_s=60.0)
    async with AgentDesks(bank.site.engines[0].url) as browser:
        carol = await browser.sign_in("carol", bank.site.password)
        await carol.ready()
        rung = await bank.customer.rang(2, deadline_s=15)
        await bank.hear(rung, bank.sound("recorded"))  # no greeting, no key
        async with asyncio.timeout(20):
            await bank.says(rung, says, bank.agent.calls[-1])
        assert not recognise(bank.agent.calls[-1].ear.sound()[1], {"it": bank.sound("recorded")})
        await carol.page.keyboard.press("h")
        await carol.page.wait_for_selector("#talk[data-talk=held]")
        await bank.ready("chris")
        await carol.page.keyboard.press("t")
        await carol.page.wait_for_selector("#hand[open]")
        await carol.page.click("#hand-list [data-kind=agent][data-name=chris]")
        await carol.until("wrap_up")
    taken = await bank.other.rang(deadline_s=10)
    await bank.until(lambda: taken.answered_at is not None)
    async with asyncio.timeout(20):
        await bank.says(taken, chris, rung)  # on the same line: nobody has rung the customer again
        await bank.says(rung, says, taken)
    await taken.hang_up()
    await rung.wait_ended(deadline_s=15)
    await bank.until(bank.is_over)
    row = await bank.wish()
    assert (row.id, row.outcome, row.tries) == (id_, "served", 2)
    async with bank.database.read() as session:
        theirs = RecordingRow.call_id.startswith(f"callback-{id_}-")
        recordings = (await session.scalars(select(RecordingRow).where(theirs))).all()
    assert {one.call_id for one in recordings} == {f"callback-{id_}-2"}, "of the first try nothing is kept"
    names = sorted((one.id for one in recordings), key=len)  # from the second on with the seconds since the call began
    with_first, with_second = [read_wav(bank.site.settings.recordings.folder / f"{name}.wav") for name in names]
    assert recognise(with_first, {"it": says})
    assert recognise(with_second, {"it": chris})
    assert recognise(with_second, {"it": says})
    assert not recognise(with_first, {"it": bank.sound("recorded")})


@pytest.mark.parametrize("key", ["1", "2"])
async def test_with_the_agent_first_nothing_is_recorded_before_the_customer_has_agreed_by_a_key(
    bank: Bank, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    """The agent speaks while the customer is asked; both speak afterwards."""
    monkeypatch.setattr("ivr.lab.ear.random.getrandbits", high)
    now = bank.site.now()
    wish = CallbackWish("c0", CUSTOMER, None, "cards", "Card", "en", "now", now, now, required={"cards": 1})
    before, after, theirs = [bank.sound(name) for name in ("noted", "may_call", "greeting")]
    bank.agent.manner = bank.customer.manner = Manner(ring_s=0.3, talk_s=60.0)
    id_ = await CallbackBook(bank.database).request(wish, now=now)
    async with AgentDesks(bank.site.engines[0].url) as browser:
        carol = await browser.sign_in("carol", bank.site.password)
        await carol.ready()
        agent, rung = await bank.agent.rang(deadline_s=10), await bank.customer.rang(deadline_s=15)
        await bank.hear(rung, bank.sound("may_record"))
        await carol.page.wait_for_selector("#recording[data-recording=asking]")
        assert await carol.page.is_disabled("#recording-act")
        await agent.ear.speak(before)
        await rung.ear.press(key)
        await carol.page.wait_for_selector(f"#recording[data-recording={'on' if key == '1' else 'refused'}]")
        async with asyncio.timeout(20):
            await bank.says(rung, theirs, agent)
            await bank.says(agent, after, rung)
        assert not recognise(rung.ear.sound()[1], {"it": before}), "who is asked does not hear the agent yet"
        await rung.hang_up()
        await carol.until("wrap_up")
    await bank.until(bank.is_over)
    async with bank.database.read() as session:
        recordings = (
            await session.scalars(select(RecordingRow).where(RecordingRow.call_id == f"callback-{id_}-1"))
        ).all()
    folder = bank.site.settings.recordings.folder
    files = list(folder.glob(f"callback-{id_}-1*"))
    if key == "2":
        assert (recordings, files) == ([], [])
        return
    (one,), (file,) = recordings, files
    assert file.stem == one.id
    heard = read_wav(file)
    assert recognise(heard, {"it": theirs})
    assert recognise(heard, {"it": after})
    assert not recognise(heard, {"it": before})
