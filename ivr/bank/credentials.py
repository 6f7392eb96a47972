"""What customers prove themselves with: PINs and birthdays as argon2 hashes, card numbers as keyed hashes.

The SQL bank's own; a bank behind a webhook keeps these things itself.
"""

import asyncio
import hmac
import os
from hashlib import sha256

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import select

from ivr.ports import Claimant
from models.database import Database
from models.tables import CardRow, CredentialRow, NumberRow

#: Secrets that are checked at once; each takes a core and its memory for a moment.
CHECKS_AT_ONCE = 4
#: Keys the hashes of card numbers while the environment names no secret: the demonstration's customers are invented.
DEMONSTRATION_KEY = b"ringwise demonstration bank"
#: Longest secret that is looked at; PINs and birthdays are shorter.
MOST_SECRET = 32


def card_key() -> bytes:
    """The key of card numbers: `RINGWISE_BANK_SECRET`, or the demonstration's."""
    return os.environ.get("RINGWISE_BANK_SECRET", "").encode() or DEMONSTRATION_KEY


def card_hash(number: str, key: bytes) -> str:
    """The whole number of a card as it is stored: without the key nobody can try numbers out."""
    return hmac.new(key, number.encode(), sha256).hexdigest()


class Credentials:
    """Who a claim is about, and whether it is true."""

    def __init__(self, database: Database, key: bytes, hasher: PasswordHasher | None = None) -> None:
        self._database, self._key = database, key
        self._hasher = hasher or PasswordHasher()
        self._checks = asyncio.Semaphore(CHECKS_AT_ONCE)
        self._decoy: str | None = None

    async def whose(self, claimant: Claimant) -> int | None:
        """By the card if one was typed, else by the number if exactly one customer has it."""
        if claimant.card:
            found = select(CardRow.customer_id).where(CardRow.number_hash == card_hash(claimant.card, self._key))
        elif claimant.ani is not None:
            found = select(NumberRow.customer_id).where(NumberRow.e164 == claimant.ani).limit(2)
        else:
            return None
        async with self._database.read() as session:
            ids = set(await session.scalars(found))
        return ids.pop() if len(ids) == 1 else None

    async def verify(self, claimant: Claimant, customer_id: int | None) -> bool:
        """Whether the secret is the customer's. For nobody a hash of the same strength is compared, and it is false."""
        kind = CredentialRow.pin_hash if claimant.by == "pin" else CredentialRow.birthday_hash
        async with self._database.read() as session:
            kept = await session.scalar(select(kind).where(CredentialRow.customer_id == (customer_id or -1)))
            if kept is None and self._decoy is None:
                self._decoy = await session.scalar(select(kind).order_by(CredentialRow.customer_id).limit(1))
        if self._decoy is None and kept is None:
            self._decoy = await asyncio.to_thread(self._hasher.hash, "nobody")
        fits = await self._compare(kept or self._decoy or "", claimant.secret[:MOST_SECRET])
        return fits and kept is not None

    async def _compare(self, kept: str, secret: str) -> bool:
        async with self._checks:
            try:
                return await asyncio.to_thread(self._hasher.verify, kept, secret)
            except (VerificationError, InvalidHashError):
                return False
