"""From the callers of scenario files to rows of the real tables, for calls on a real engine.

Everything that a caller of a scenario file may have passes through this file (tables) and `callers.py` (twins).
"""

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Any

from argon2 import PasswordHasher
from sqlalchemy import delete, insert
from sqlalchemy.ext.asyncio import AsyncSession

from ivr.bank.contracts import HOLDERS
from ivr.bank.credentials import card_hash, card_key
from ivr.rehearsal.callers import account_numbers, history_of, ids_of, number_of, view_of
from ivr.rehearsal.schema import Caller, day_of
from models.database import Database
from models.tables import (
    AccountRow,
    AgentRow,
    AgentSkillRow,
    CallbackRow,
    CallEventRow,
    CallRow,
    CardRow,
    CaseRow,
    CredentialRow,
    CustomerRow,
    HistoryEventRow,
    InstalmentRow,
    KeepsakeRow,
    LifeEventRow,
    MenuBookRow,
    NodeRow,
    NumberRow,
    OptOutRow,
    PointsRow,
    ProductRow,
    Table,
)

#: What a site keeps between two scenarios; all other rows go.
KEPT = {row.__tablename__ for row in (AgentRow, AgentSkillRow, MenuBookRow, NodeRow)} | {"book_choices"}
#: Cheap, as nothing is protected here: a private site's invented customers.
_HASHER = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
_NOBODYS = "none"


async def move_in(
    database: Database, callers: Mapping[str, Caller], now: datetime, language: str | None = None
) -> None:
    """Let these callers, and nobody else, be known to the site. `language` is what all of them chose to keep."""
    ids = ids_of(callers)
    async with database.write() as session:
        for table in reversed(Table.metadata.sorted_tables):
            if table.name not in KEPT:
                await session.execute(delete(table))
        rows = _Rows(session, now)
        for name, caller in callers.items():
            if name in ids:
                await rows.customer(ids[name], caller)
            await rows.number(ids.get(name), caller, language)


class _Rows:
    """Rows of one caller after the other."""

    def __init__(self, session: AsyncSession, now: datetime) -> None:
        self._session, self._now, self._today = session, now, now.date()

    async def customer(self, id_: int, caller: Caller) -> None:
        """What the bank knows of a customer."""
        view, mine = view_of(id_, caller, self._now), {"customer_id": id_}
        await self._add(
            CustomerRow, id=id_, name=view.name, language=view.language or "en", segment=view.segment,
            since_on=view.since_on, yearly_value_cents=view.yearly_value_cents, churn_risk=view.churn_risk,
            agent=view.agent,
        )  # fmt: skip
        for ani in view.numbers:
            await self._add(NumberRow, e164=ani, **mine)
        for number, seen in zip(account_numbers(id_, caller), view.products, strict=True):
            row = await self._product(
                id_, seen.kind, name=seen.name, balance_cents=seen.balance_cents, currency=seen.currency,
                key_kind=seen.key_kind, key_on=seen.key_on,
            )  # fmt: skip
            if number is not None:
                await self._add(AccountRow, product_id=row, number=number)
        for kind, day in caller.key_dates.items():
            await self._product(id_, HOLDERS.get(kind, "loan"), key_kind=kind, key_on=day_of(day, self._today))
        if (plan := caller.instalment) is not None:
            on = day_of(plan.next_on, self._today)
            row = await self._product(id_, "instalment", key_kind="instalment_due", key_on=on)
            cents = round(plan.amount * 100)
            await self._add(InstalmentRow, product_id=row, amount_cents=cents, remaining=plan.remaining, next_on=on)
        for kind, on in view.life_events:
            await self._add(LifeEventRow, kind=kind, happened_on=on, **mine)
        for at, task in history_of(caller, self._now):
            await self._add(HistoryEventRow, at=at.timestamp(), task=task, **mine)
        for case, written in zip(view.cases, caller.open_cases, strict=True):
            await self._add(
                CaseRow, number=case.number, subject=case.subject, tier=case.tier, opened_at=case.opened_at,
                due_at=case.due_at, severity=written.severity, about=written.about, **mine,
            )  # fmt: skip
        if caller.pin or caller.birthday:
            secrets = (caller.pin or _NOBODYS, (caller.birthday or _NOBODYS).replace("-", ""))
            pin, birthday = [_HASHER.hash(secret) for secret in secrets]
            await self._add(CredentialRow, pin_hash=pin, birthday_hash=birthday, **mine)
        for card in caller.cards:
            used_cents = round(card.used * 100)
            await self._add(
                CardRow, number_hash=card_hash(card.number, card_key()), last_four=card.number[-4:],
                state="blocked" if card.blocked else "active", limit_cents=round(card.limit * 100),
                limit_most_cents=round(card.limit_most * 100), used_cents=used_cents,
                product_id=await self._product(id_, "credit_card", balance_cents=-used_cents), **mine,
            )  # fmt: skip
        if caller.points:
            await self._add(PointsRow, points=caller.points, **mine)

    async def number(self, customer_id: int | None, caller: Caller, language: str | None) -> None:
        """What the site remembers of a number or of the customer who has it."""
        ani, at = number_of(caller), self._now.timestamp()
        subject = f"customer:{customer_id}" if customer_id is not None else f"number:{ani}"
        kept = {**caller.remembers, **({"language": language} if language is not None else {})}
        for name, value in kept.items() if customer_id is not None or ani is not None else ():
            await self._add(KeepsakeRow, subject=subject, name=name, value=value, at=at)
        if ani is None:
            return
        if caller.opted_out:
            await self._add(OptOutRow, number=ani, at=at)
        for index, call in enumerate(caller.recent_calls):
            await self._earlier_call(f"earlier-{ani}-{index}", ani, customer_id, call.model_dump())
        if caller.missed_callback:
            an_hour_ago = at - 3600
            await self._add(
                CallbackRow, call_id="earlier", number=ani, customer_id=customer_id, queue="general", reason="Callback",
                language=caller.language or "en", required={}, kind="now", since=an_hour_ago, due_at=an_hour_ago,
                next_at=an_hour_ago, made_at=an_hour_ago, closed_at=at - 60, outcome="missed", state="closed",
            )  # fmt: skip

    async def _earlier_call(self, id_: str, ani: str, customer_id: int | None, call: Mapping[str, Any]) -> None:
        began = (self._now - timedelta(hours=call["hours_ago"])).timestamp()
        await self._add(
            CallRow, id=id_, uniqueid=id_, channel=id_, node="node-a", ani=ani, customer_id=customer_id, state="ended",
            started_at=began, ended_at=began + 60, result=call["result"],
            reason={"served": "agent", "left": "in_menu"}.get(call["result"], "fallback"),
            position={"step": call["step"]} if call["step"] else None,
        )  # fmt: skip
        for kind, name, data in (("key", "task", {}), ("step", "step", {"does": "something"})):
            if call[name] is not None:  # what later calls read an earlier one from: models/recent.py
                told = {**data, name: call[name]}
                await self._add(CallEventRow, call_id=id_, at=began + 30, kind=kind, data=told)

    async def _product(self, customer_id: int, kind: str, *, name: str = "", **values: Any) -> int:
        opened_on = (datetime.combine(self._today, time()) - timedelta(days=900)).date()
        values |= {"customer_id": customer_id, "name": name or kind}
        return int(await self._add(ProductRow, kind=kind, opened_on=opened_on, **values))

    async def _add(self, table: type[Table], **values: Any) -> Any:
        statement = insert(table).values(**values).returning(*table.__table__.primary_key)
        return (await self._session.execute(statement)).first()[0]  # type: ignore[index]
