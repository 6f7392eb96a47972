"""What a bank can do for a caller without an agent: the parameters, results and refusals of each operation.

One table for the book's checks (a `transact` step names the operation), for every implementation of the Bank port and
for the documents. Amounts are Money, dates dates (menus/values.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from menus.values import ValueKind

_N, _D, _M, _DATE = ValueKind.NUMBER, ValueKind.DIGITS, ValueKind.MONEY, ValueKind.DATE


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that the bank does on a verified caller's word."""

    what: str  #: for people
    needs: Mapping[str, ValueKind] = field(default_factory=dict)
    may_have: Mapping[str, ValueKind] = field(default_factory=dict)  #: parameters that may be left out
    gives: Mapping[str, ValueKind] = field(default_factory=dict)  #: values of the call afterwards
    rows: Mapping[str, Mapping[str, ValueKind]] = field(default_factory=dict)  #: kind of row → its values
    writes: bool = False  #: changes something: carried out once per idempotency key
    refusals: tuple[str, ...] = ()  #: the words with which the bank says no


OPERATIONS: Mapping[str, Operation] = {
    "balance": Operation("the balance of the current account", gives={"balance": _M}, refusals=("no_account",)),
    "transactions": Operation(
        "the last movements of the current account, newest first",
        may_have={"count": _N},
        rows={"in": {"date": _DATE, "amount": _M}, "out": {"date": _DATE, "amount": _M}},
        refusals=("no_account",),
    ),
    "payee": Operation(
        "looks up whom an account number belongs to",
        needs={"to": _D},
        gives={"payee_known": ValueKind.YES_NO, "payee_ending": _D},
        refusals=("unknown_payee", "own_account"),
    ),
    "transfer": Operation(
        "moves money from the current account to another account",
        needs={"to": _D, "amount": _M},
        gives={"reference": _D, "balance": _M},
        writes=True,
        refusals=("no_account", "unknown_payee", "own_account", "insufficient_funds", "over_limit", "daily_limit"),
    ),
    "block_card": Operation(
        "blocks a card that is lost or stolen; `card` is its last four digits, the only card when left out",
        may_have={"card": _D},
        gives={"card": _D, "reference": _D},
        writes=True,
        refusals=("no_card", "which_card"),
    ),
    "card_limit": Operation(
        "the limit of the credit card and what is used of it",
        gives={"card": _D, "limit": _M, "used": _M, "limit_most": _M},
        refusals=("no_card",),
    ),
    "set_card_limit": Operation(
        "changes the limit of the credit card, up to what the bank allows without asking",
        needs={"limit": _M},
        gives={"card": _D, "limit": _M},
        writes=True,
        refusals=("no_card", "over_limit", "below_used"),
    ),
    "points": Operation("the reward points", gives={"points": _N}),
    "redeem": Operation(
        "turns reward points into money on the card",
        needs={"points": _N},
        gives={"points": _N, "credited": _M},
        writes=True,
        refusals=("no_card", "too_few_points"),
    ),
    "instalments": Operation(
        "the running instalment: when the next one is due, how much, how many are left",
        gives={"due": _DATE, "instalment": _M, "remaining": _N, "outstanding": _M},
        refusals=("no_instalment",),
    ),
    "instalment_plan": Operation(
        "turns what is used of the credit card into a plan of so many months",
        needs={"months": _N},
        gives={"instalment": _M, "due": _DATE, "months": _N},
        writes=True,
        refusals=("no_card", "nothing_used", "months_not_offered"),
    ),
    "key_dates": Operation(
        "the next dates of the customer's contracts, soonest first",
        rows={
            "premium_due": {"date": _DATE, "amount": _M},
            "contract_end": {"date": _DATE},
            "card_expiry": {"date": _DATE},
            "instalment_due": {"date": _DATE, "amount": _M},
        },
        refusals=("no_dates",),
    ),
}
