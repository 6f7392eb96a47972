"""A PIN typed over a real line, and the balance told: on a site with a small book of its own."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from ivr.bank.ledger import NAMED_SECRETS
from ivr.bank.people import LI_NA
from ivr.lab.g711 import Samples, read_wav
from ivr.lab.recognise import recognise
from ivr.lab.robots import RobotCall, RobotCaller
from ivr.lab.site import Site
from ivr.prompts.catalogue import Catalogue
from ivr.testing.books import SMALL
from menus.loader import load_book
from menus.spoken.money import Money
from models.database import Database
from models.tables import CallEventRow, CallRow

pytestmark = pytest.mark.live

ROOT = Path(__file__).parents[3]
NUMBER = "+8613800000001"
PIN = NAMED_SECRETS[LI_NA][0]
HEARD_S = 12.0

BOOK = SMALL.replace(
    "label: {en: balance, zh: 余额}, then: general", "label: {en: balance, zh: 余额}, then: pin"
).replace(
    "  bye: {text:",
    """\
  ask_card: {text: {en: Please type your card number., zh: 请输入卡号。}}
  ask_pin: {text: {en: "Please type your PIN of six digits, now or whenever you like.", zh: 请输入六位密码。}}
  not_right: {text: {en: That was not right., zh: 输入有误。}}
  balance_is: {text: {en: "Your balance is {balance:money}.", zh: "您的余额是{balance:money}。"}}
  bye: {text:""",
)
STEPS = """\
  pin:
    kind: verify
    ask_customer: ask_card
    ask_secret: ask_pin
    wrong: not_right
    then: balance
    otherwise: nobody
    locked: nobody
  balance: {kind: transact, do: balance, say: [balance_is], then: told, otherwise: nobody}
  told: {kind: goodbye, prompts: [bye], because: self_service}
"""


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """One engine on Asterisk, with the named customers and a book in which key 1 leads to PIN and balance."""
    (tmp_path / "menus").mkdir()
    (tmp_path / "menus" / "book.yaml").write_text(BOOK + STEPS, encoding="utf-8")
    site = Site(
        tmp_path, prompts=ROOT / "var" / "prompts", book=tmp_path / "menus", overrides={"personal": {"hold_out": 0.0}}
    )
    await site.prepare(site.settings.database_url, until=date(2026, 12, 1), customers=6)
    await site.publish()
    await site.start()
    try:
        yield site
    finally:
        await site.stop()


async def hear(call: RobotCall, clip: Samples) -> float:
    """When a clip began on the line, seconds of the epoch."""
    deadline = time.monotonic() + HEARD_S
    while True:
        start, line = call.ear.sound()
        if found := recognise(line, {"clip": clip}):
            return start + found[0].at_s
        assert time.monotonic() < deadline, "not heard"
        await asyncio.sleep(0.05)


async def record(site: Site) -> tuple[CallRow, list[tuple[str, Any]]]:
    """The call, once it has ended, and its events."""
    deadline = time.monotonic() + HEARD_S
    async with Database.opened(site.settings.database_url) as database:
        while True:
            async with database.read() as session:
                call = await session.scalar(select(CallRow).where(CallRow.ended_at.is_not(None)))
                rows = await session.execute(select(CallEventRow.kind, CallEventRow.data).order_by(CallEventRow.id))
                events = [(kind, data) for kind, data in rows]
            if call is not None:
                return call, events
            assert time.monotonic() < deadline, "the call has not ended"
            await asyncio.sleep(0.05)


async def test_a_customer_types_the_pin_while_it_is_asked_for_and_hears_the_balance(site: Site) -> None:
    catalogue = Catalogue.load(site.prompts, load_book(site.book))

    def sound(prompt: str, **values: Any) -> Samples:
        return read_wav(Path(catalogue.prompt(prompt, "en", **values)[0].sound + ".wav"))

    async with RobotCaller(site.asterisk.sip, site.asterisk.trunk_address) as caller:
        call = await caller.dial("95599", number=NUMBER)
        await call.ear.hear_sound(deadline_s=5)
        await call.ear.press("1")
        await call.ear.hear_sound(deadline_s=5)
        await asyncio.sleep(0.5)
        await call.ear.press(PIN)  # the first digit stops the prompt
        await hear(call, sound("balance_is", balance=Money(100)))
        await call.wait_ended(deadline_s=20)
    row, events = await record(site)
    assert (row.result, row.reason, row.verified_as) == ("served", "self_service", LI_NA)
    assert [data["result"] for kind, data in events if kind == "verification"] == ["verified"]
    assert [data["result"] for kind, data in events if kind == "order"] == ["done"]
    assert PIN not in str(events) + str(row.position)
    log = site.engine.log.read_text(encoding="utf-8")
    assert PIN not in log
    cut_short = [
        clip["heard_s"] < clip["of_s"]
        for kind, data in events
        if kind == "prompts"
        for clip in data["clips"]
        if clip["prompt"] == "ask_pin"
    ]
    assert cut_short == [True]
