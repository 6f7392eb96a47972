"""The rows of the demonstration bank's ledgers, secrets hashed as a bank's are."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from argon2.low_level import Type, hash_secret

from ivr.bank.credentials import card_hash
from ivr.bank.ledger import Ledger
from models.tables import (
    AccountRow,
    CardRow,
    CredentialRow,
    InstalmentRow,
    MovementRow,
    PointsRow,
    Table,
)

#: In the order in which rows can be deleted and, from the last to the first, added.
LEDGER_TABLES: tuple[type[Table], ...] = (
    MovementRow, InstalmentRow, CardRow, AccountRow, PointsRow, CredentialRow
)  # fmt: skip


def ledger_rows(
    customer_id: int, products: Sequence[int], ledger: Ledger, seed: int, key: bytes
) -> dict[type[Table], list[dict[str, Any]]]:
    """The rows of one customer, whose products have these ids."""
    own = {"customer_id": customer_id}
    current = products[0]
    return {
        CredentialRow: [
            {
                **own,
                "pin_hash": demonstration_hash(ledger.pin, f"{seed}/pin/{customer_id}"),
                "birthday_hash": demonstration_hash(ledger.birthday, f"{seed}/birthday/{customer_id}"),
            }
        ],
        PointsRow: [{**own, "points": ledger.points}],
        AccountRow: [{"product_id": products[place], "number": number} for place, number in ledger.accounts],
        CardRow: [
            {
                **own,
                "product_id": products[card.product],
                "number_hash": card_hash(card.number, key),
                "last_four": card.number[-4:],
                "state": "active",
                "limit_cents": card.limit_cents,
                "limit_most_cents": card.limit_most_cents,
                "used_cents": card.used_cents,
            }
            for card in ledger.cards
        ],
        InstalmentRow: [
            {
                "product_id": products[plan.product],
                "amount_cents": plan.amount_cents,
                "remaining": plan.remaining,
                "next_on": plan.next_on,
            }
            for plan in ledger.plans
        ],
        MovementRow: [
            {"product_id": current, "at": one.at, "amount_cents": one.amount_cents, "about": one.about}
            for one in ledger.movements
        ],
    }


def demonstration_hash(secret: str, salt: str) -> str:
    """argon2 at its cheapest: these customers are invented, and thousands of hashes must not hold up `make demo`.

    Whoever keeps real PINs hashes them with the defaults of argon2-cffi; `Credentials` takes either.
    """
    salted = sha256(salt.encode()).digest()[:16]
    hashed = hash_secret(secret.encode(), salted, time_cost=1, memory_cost=8, parallelism=1, hash_len=16, type=Type.ID)
    return hashed.decode("ascii")
