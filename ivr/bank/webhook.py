"""The Bank port over HTTP, for a bank that keeps its systems to itself. The protocol is in docs/bank.md.

Nothing that comes back is trusted: its size is bounded before it is read, its shape checked before it is used.
"""

import asyncio
import json
import re
from collections.abc import Mapping
from typing import Any

import httpx
import structlog
from pydantic import TypeAdapter, ValidationError

from ivr.bank.orders import from_row
from ivr.errors import BankAway
from ivr.ports import BankAnswer, BankOrder, Claimant, CustomerView
from menus.operations import OPERATIONS
from menus.values import Value, ValueKind, is_of, to_json

log = structlog.get_logger()

#: Longest answer that is read.
MOST_BYTES = 262_144
MOST_CUSTOMERS, MOST_ROWS, MOST_WORD = 10, 10, 40
#: Connections at a time; calls beyond them wait, within their deadline.
CONNECTIONS = 50
SECRET_HEADER = "X-Ringwise-Secret"  # noqa: S105 - the name of it
_VIEWS = TypeAdapter(tuple[CustomerView, ...])


class WebhookBank:
    """The Bank port on another system's address.

    `lookup_s` bounds the one verb that has no deadline of its own; it is shorter than the wait for a pop.
    """

    def __init__(
        self, url: str, secret: str, *, lookup_s: float, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._url = url.rstrip("/")
        self._lookup_s = lookup_s
        self._client = httpx.AsyncClient(
            headers={SECRET_HEADER: secret, "Accept": "application/json", "Accept-Encoding": "identity"},
            follow_redirects=False,
            timeout=None,  # noqa: S113 - every request has a deadline as a whole, see _ask
            limits=httpx.Limits(max_connections=CONNECTIONS),
            transport=transport,
            trust_env=False,
        )

    async def close(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    async def customers_by_number(self, ani: str | None, *, now: float) -> tuple[CustomerView, ...]:
        """Every customer with this number, at most ten; nobody when the bank is away: an agent answers all the same."""
        if ani is None:
            return ()
        try:
            told = await self._ask("customers", {"number": ani, "now": now}, self._lookup_s)
            return _views(told.get("customers"))
        except BankAway as away:
            log.warning("the bank did not say who has this number", why=str(away))
            return ()

    async def customer(self, customer_id: int, *, now: float, deadline_s: float) -> CustomerView | None:
        """The customer of that id. Raises BankAway."""
        told = await self._ask("customer", {"customer": customer_id, "now": now}, deadline_s)
        found = _views([told["customer"]] if told.get("customer") is not None else [])
        return found[0] if found else None

    async def whose(self, claimant: Claimant, *, deadline_s: float) -> int | None:
        """The customer whom a claim is about. Raises BankAway."""
        sent = {"by": claimant.by, "number": claimant.ani, "card": claimant.card or None}
        match (await self._ask("whose", sent, deadline_s)).get("customer", ""):
            case None:
                return None
            case int(customer) if not isinstance(customer, bool) and _is_id(customer):
                return customer
        raise BankAway("the bank answered with something that is no customer")

    async def verify(self, claimant: Claimant, customer_id: int | None, *, deadline_s: float) -> bool:
        """Whether the secret is that customer's. Raises BankAway."""
        sent = {"by": claimant.by, "customer": customer_id, "secret": claimant.secret}
        proved = (await self._ask("verify", sent, deadline_s)).get("verified")
        if not isinstance(proved, bool):
            raise BankAway("the bank answered with something that is not true or false")
        return proved and customer_id is not None

    async def perform(self, order: BankOrder, *, now: float, deadline_s: float) -> BankAnswer:
        """Carry an order out, at most once per key. Raises BankAway."""
        sent = {
            "operation": order.operation,
            "customer": order.customer_id,
            "params": {name: to_json(value) for name, value in order.params.items()},
            "key": order.key,
            "call": order.call_id,
            "now": now,
        }
        told = await self._ask("perform", sent, deadline_s)
        try:
            answer = from_row({"values": {}, "rows": [], "refusal": None, **told})
        except ValueError as fault:
            raise BankAway(f"the bank's answer cannot be read: {fault}") from None
        return _checked(order.operation, answer)

    async def _ask(self, verb: str, sent: Mapping[str, Any], deadline_s: float) -> dict[str, Any]:
        """The JSON object that comes back. Raises BankAway; what was sent is in no message."""
        try:
            async with asyncio.timeout(deadline_s):
                async with self._client.stream("POST", f"{self._url}/{verb}", json=sent) as answer:
                    if answer.status_code != httpx.codes.OK:
                        raise BankAway(f"the bank answered {verb} with status {answer.status_code}")
                    told = json.loads(await _bounded(answer))
        except TimeoutError:
            raise BankAway(f"the bank did not answer {verb} within {deadline_s:g} s") from None
        except httpx.HTTPError as fault:
            raise BankAway(f"the bank cannot be reached: {type(fault).__name__}") from None
        except (ValueError, RecursionError):
            raise BankAway(f"the bank answered {verb} with something that is no JSON") from None
        if not isinstance(told, dict):
            raise BankAway(f"the bank answered {verb} with something that is no object")
        return told


async def _bounded(answer: httpx.Response) -> bytes:
    content = b""
    async for chunk in answer.aiter_raw():
        content += chunk
        if len(content) > MOST_BYTES:
            raise BankAway(f"the bank's answer is longer than {MOST_BYTES} bytes")
    return content


def _views(told: Any) -> tuple[CustomerView, ...]:
    try:
        views = _VIEWS.validate_python(told)[:MOST_CUSTOMERS]
    except ValidationError as fault:
        where = ".".join(map(str, fault.errors()[0]["loc"]))
        raise BankAway(f"the bank answered with something that is no customer, at {where}") from None
    if not all(_is_id(view.id) for view in views):
        raise BankAway("the bank answered with something that is no customer, at id")
    return views


def _is_id(customer: int) -> bool:
    """Whether the tables of calls can keep it."""
    return 0 < customer < 2**63


def _checked(operation: str, answer: BankAnswer) -> BankAnswer:
    """The answer if it is one to this operation: what may be spoken later must be there, and of its kind."""
    known = OPERATIONS[operation]
    if answer.refusal is not None:
        return BankAnswer(refusal=answer.refusal[:MOST_WORD])
    rows = answer.rows[:MOST_ROWS]
    if not _fits(answer.values, known.gives) or any(
        row.kind not in known.rows or not _fits(row.values, known.rows[row.kind]) for row in rows
    ):
        raise BankAway(f"the bank's answer to {operation} lacks a value, or has one of another kind")
    return BankAnswer({name: answer.values[name] for name in known.gives}, rows)


def _fits(values: Mapping[str, Value], kinds: Mapping[str, ValueKind]) -> bool:
    return all(name in values and _is_of(values[name], kind) for name, kind in kinds.items())


def _is_of(value: Value, kind: ValueKind) -> bool:
    if kind is ValueKind.DIGITS:
        return isinstance(value, str) and re.fullmatch(r"[0-9]{1,30}", value) is not None
    return is_of(value, kind)
