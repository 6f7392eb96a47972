"""The bank's side of the webhook's protocol (docs/bank.md) before any Bank: for tests, and to be read as an example."""

import dataclasses
import hmac
from collections.abc import Awaitable, Callable
from typing import Any

from pydantic_core import to_jsonable_python
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ivr.bank.orders import to_row
from ivr.bank.webhook import SECRET_HEADER
from ivr.errors import BankAway
from ivr.ports import Bank, BankOrder, Claimant
from menus.values import from_json

#: How long the bank behind it may take.
DEADLINE_S = 5.0


def bank_app(bank: Bank, secret: str) -> Starlette:
    """An application that answers for a bank whoever knows the secret."""

    async def customers(sent: Any) -> dict[str, Any]:
        return {"customers": _json(await bank.customers_by_number(sent["number"], now=sent["now"]))}

    async def customer(sent: Any) -> dict[str, Any]:
        return {"customer": _json(await bank.customer(sent["customer"], now=sent["now"], deadline_s=DEADLINE_S))}

    async def whose(sent: Any) -> dict[str, Any]:
        claimant = Claimant(sent["by"], sent["number"], card=sent["card"] or "")
        return {"customer": await bank.whose(claimant, deadline_s=DEADLINE_S)}

    async def verify(sent: Any) -> dict[str, Any]:
        claimant = Claimant(sent["by"], None, secret=sent["secret"])
        return {"verified": await bank.verify(claimant, sent["customer"], deadline_s=DEADLINE_S)}

    async def perform(sent: Any) -> dict[str, Any]:
        params = {name: from_json(value) for name, value in sent["params"].items()}
        order = BankOrder(sent["operation"], sent["customer"], params, sent["key"], sent["call"])
        return to_row(await bank.perform(order, now=sent["now"], deadline_s=DEADLINE_S))

    def served(verb: Callable[[Any], Awaitable[dict[str, Any]]]) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            if not hmac.compare_digest(request.headers.get(SECRET_HEADER, "").encode(), secret.encode()):
                return JSONResponse({"error": "who are you?"}, status_code=401)
            try:
                return JSONResponse(await verb(await request.json()))
            except BankAway:
                return JSONResponse({"error": "not now"}, status_code=503)

        return answer

    verbs = {"customers": customers, "customer": customer, "whose": whose, "verify": verify, "perform": perform}
    return Starlette(routes=[Route(f"/{name}", served(verb), methods=["POST"]) for name, verb in verbs.items()])


def _json(views: Any) -> Any:
    return to_jsonable_python([dataclasses.asdict(one) for one in views] if isinstance(views, tuple) else views)
