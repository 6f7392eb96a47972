"""Whoever guesses learns nothing from how long the answer takes, or from what is stored."""

from collections.abc import AsyncIterator
from pathlib import Path
from time import perf_counter
from zoneinfo import ZoneInfo

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select, update

from ivr.bank.credentials import card_hash
from ivr.bank.sql import SqlBank
from ivr.errors import BankAway
from ivr.ports import BankOrder, Claimant
from ivr.testing.bank import MemoryAccount, MemoryCard
from ivr.testing.bank_database import open_account
from ivr.testing.databases import fresh_database
from models.database import Database
from models.tables import CardRow, CredentialRow

CARD, PIN = "6225880000000014", "135790"
ZONE = ZoneInfo("Asia/Shanghai")


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with fresh_database("sqlite", tmp_path) as made:
        await open_account(made, MemoryAccount(7, pin=PIN, birthday="19880314", cards=[MemoryCard(CARD)]))
        yield made


async def seconds_of(bank: SqlBank, customer_id: int | None) -> float:
    """How long it takes to hear no, at least."""
    taken = []
    for _ in range(7):
        began = perf_counter()
        assert not await bank.verify(Claimant("pin", None, secret="000000"), customer_id, deadline_s=10)
        taken.append(perf_counter() - began)
    return min(taken)


async def test_nobody_takes_as_long_as_somebody(database: Database) -> None:
    async with database.write() as session:
        await session.execute(update(CredentialRow).values(pin_hash=PasswordHasher().hash(PIN)))
    bank = SqlBank(database, ZONE)
    somebody, nobody, unknown = [await seconds_of(bank, id_) for id_ in (7, None, 999)]
    assert nobody > somebody / 3  # without a comparison it would be a hundredth
    assert unknown > somebody / 3


async def test_neither_pin_nor_birthday_nor_card_can_be_read_from_the_tables(database: Database) -> None:
    async with database.read() as session:
        credentials = (await session.execute(select(*CredentialRow.__table__.columns))).one()
        card = (await session.execute(select(*CardRow.__table__.columns))).one()
    assert credentials.pin_hash.startswith("$argon2id$")
    assert credentials.birthday_hash.startswith("$argon2id$")
    assert CARD not in str(card)
    assert card.number_hash != card_hash(CARD, b"another key")


async def test_another_key_finds_no_card(database: Database) -> None:
    claim = Claimant("pin", None, card=CARD)
    assert await SqlBank(database, ZONE).whose(claim, deadline_s=5) == 7
    assert await SqlBank(database, ZONE, b"another key").whose(claim, deadline_s=5) is None


async def test_a_hash_that_is_broken_proves_nothing(database: Database) -> None:
    async with database.write() as session:
        await session.execute(update(CredentialRow).values(pin_hash="broken"))
    assert not await SqlBank(database, ZONE).verify(Claimant("pin", None, secret=PIN), 7, deadline_s=5)


async def test_a_database_that_does_not_answer_in_time_is_a_bank_that_is_away(database: Database) -> None:
    bank = SqlBank(database, ZONE)
    with pytest.raises(BankAway):
        await bank.perform(BankOrder("points", 7, {}, "k"), now=0, deadline_s=0)
    with pytest.raises(BankAway):
        await bank.whose(Claimant("pin", None, card=CARD), deadline_s=0)


def test_secrets_do_not_show_when_a_claim_is_printed() -> None:
    assert CARD not in repr(Claimant("pin", None, card=CARD, secret=PIN))
    assert PIN not in repr(Claimant("pin", None, card=CARD, secret=PIN))
    assert PIN not in repr(MemoryAccount(7, pin=PIN))
