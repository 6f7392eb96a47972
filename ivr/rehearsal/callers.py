"""From the callers of scenario files to what the twins know: facts for the menu, customers for the bank and the pop.

Everything that a caller of a scenario file may have passes through this file (twins) and `rows.py` (tables).
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from ivr.ports import CaseSeen, ContactSeen, CustomerView, ProductSeen
from ivr.rehearsal.schema import Caller, day_of
from ivr.testing.accounts import MemoryAccount, MemoryCard, MemoryInstalment
from ivr.testing.stage import Stage
from menus.facts import CallerFacts, CaseFact, HistoryEvent, RecentCall


def number_of(caller: Caller) -> str | None:
    """The number as the carrier sends it."""
    return None if caller.number == "withheld" else caller.number


def ids_of(callers: Mapping[str, Caller]) -> dict[str, int]:
    """The customers' ids: their places among the customers of the file."""
    customers = [name for name, caller in callers.items() if caller.name is not None]
    return {name: index for index, name in enumerate(customers, start=1)}


def move_in(stage: Stage, callers: Mapping[str, Caller], now: datetime) -> None:
    """Let the twins know these callers; `now` is the aware time in the book's zone that their days count from."""
    ids = ids_of(callers)
    facts: dict[str, list[CallerFacts]] = defaultdict(list)
    for name, caller in callers.items():
        ani = number_of(caller)
        if caller.name is not None:
            stage.bank.customers.append(view_of(ids[name], caller, now))
            stage.bank.open(account_of(ids[name], caller, now))
            if ani is not None:
                facts[ani].append(facts_of(caller, ids[name], now))
        if caller.opted_out and ani is not None:
            stage.store.opted_out.add(ani)
        subject = f"customer:{ids[name]}" if name in ids else f"number:{ani}"
        stage.store.keepsakes |= {(subject, key): value for key, value in caller.remembers.items()}
    for caller in callers.values():  # of numbers that belong to nobody
        ani = number_of(caller)
        if caller.name is None and ani is not None and ani not in facts:
            facts[ani] = [facts_of(caller, None, now)]
    stage.store.facts |= {ani: tuple(found) for ani, found in facts.items()}


def facts_of(caller: Caller, customer_id: int | None, now: datetime) -> CallerFacts:
    """What the menu knows of a caller."""
    ani, today = number_of(caller), now.date()
    recent = tuple(
        RecentCall(now - timedelta(hours=call.hours_ago), call.task, call.step, call.result)
        for call in sorted(caller.recent_calls, key=lambda call: call.hours_ago)
    )
    if customer_id is None:
        return CallerFacts(ani=ani, recent=recent, missed_callback=caller.missed_callback, opted_out=caller.opted_out)
    cases = caller.open_cases
    overdue = [case for case in cases if case.due is not None and day_of(case.due, today) < today]
    dates = [(kind, day_of(day, today)) for kind, day in caller.key_dates.items()]
    dates += [(p.key_date, day_of(p.key_on, today)) for p in caller.products if p.key_date and p.key_on]
    if caller.instalment is not None:
        dates.append(("instalment_due", day_of(caller.instalment.next_on, today)))
    return CallerFacts(
        ani=ani,
        customer_id=customer_id,
        matches=1,
        language=caller.language,
        segment=caller.segment,
        history=tuple(HistoryEvent(at, task) for at, task in history_of(caller, now)),
        open_cases=len(cases),
        case_tier=max((case.tier for case in cases), default=0),
        cases_overdue=len(overdue),
        cases=tuple(
            CaseFact(
                _at(case.opened, now),
                True,
                case.severity,
                case.about,
                tier=case.tier,
                overdue=any(case is late for late in overdue),
            )
            for case in sorted(cases, key=lambda case: _at(case.opened, now), reverse=True)
        ),
        value_cents=round(caller.value_yearly * 100),
        churn_risk=caller.churn_risk,
        since_on=day_of(caller.since, today),
        agent=caller.agent,
        products=tuple(product.kind for product in caller.products),
        key_dates=tuple(sorted(dates, key=lambda one: one[1])),
        life_events=tuple((kind, day_of(day, today)) for kind, day in caller.life_events.items()),
        recent=recent,
        missed_callback=caller.missed_callback,
        opted_out=caller.opted_out,
    )


def account_numbers(customer_id: int, caller: Caller) -> list[str | None]:
    """The number under which each product can be paid to; the first current account has one in any case."""
    numbers = [product.account for product in caller.products]
    current = _current(caller)
    if current is not None:
        numbers[current] = numbers[current] or f"{900000 + customer_id}"
    return numbers


def _current(caller: Caller) -> int | None:
    """Which of the products is the current account."""
    return next((place for place, product in enumerate(caller.products) if product.kind == "current_account"), None)


def account_of(customer_id: int, caller: Caller, now: datetime) -> MemoryAccount:
    """What the bank can do for a customer without an agent."""
    today = now.date()
    numbers, place = account_numbers(customer_id, caller), _current(caller)
    current = None if place is None else caller.products[place]
    plan = caller.instalment
    dates = [(kind, day_of(day, today), None) for kind, day in caller.key_dates.items()]
    due = [
        (product.key_date, day_of(product.key_on, today), round(product.balance * 100))
        for product in caller.products
        if product.key_date and product.key_on
    ]
    if plan is not None:
        due.append(("instalment_due", day_of(plan.next_on, today), round(plan.amount * 100)))
    return MemoryAccount(
        customer_id,
        numbers=(number,) if (number := number_of(caller)) else (),
        name=caller.name or "",
        language=caller.language or "en",
        segment=caller.segment,
        pin=caller.pin or "",
        birthday=(caller.birthday or "").replace("-", ""),
        account=None if place is None else numbers[place],
        balance_cents=0 if current is None else round(current.balance * 100),
        currency="CNY" if current is None else current.currency,
        further={
            number: product.currency
            for number, product in zip(numbers, caller.products, strict=True)
            if number is not None and product is not current
        },
        cards=[
            MemoryCard(
                card.number,
                limit_cents=round(card.limit * 100),
                limit_most_cents=round(card.limit_most * 100),
                used_cents=round(card.used * 100),
                blocked=card.blocked,
            )
            for card in caller.cards
        ],
        points=caller.points,
        instalments=[]
        if plan is None
        else [MemoryInstalment(round(plan.amount * 100), plan.remaining, day_of(plan.next_on, today))],
        key_dates=sorted([*dates, *due], key=lambda one: one[1]),
    )


def history_of(caller: Caller, now: datetime) -> list[tuple[datetime, str]]:
    """When the customer did what: each habit once in each of the last months, oldest first."""

    def moments() -> Iterator[tuple[datetime, str]]:
        for habit in caller.habits:
            for back in range(1, habit.months + 1):
                month = now.month - back - 1
                yield (
                    now.replace(
                        year=now.year + month // 12,
                        month=month % 12 + 1,
                        day=habit.day,
                        hour=habit.hour,
                        minute=0,
                        second=0,
                        microsecond=0,
                    ),
                    habit.task,
                )

    return sorted(moments())


def _at(day: str, now: datetime, hour: int = 9) -> float:
    on = day_of(day, now.date())
    return now.replace(year=on.year, month=on.month, day=on.day, hour=hour, minute=0, second=0).timestamp()


def view_of(customer_id: int, caller: Caller, now: datetime) -> CustomerView:
    """What the bank tells an agent of a customer."""
    today = now.date()

    return CustomerView(
        id=customer_id,
        name=caller.name or "",
        language=caller.language or "",
        segment=caller.segment,
        since_on=day_of(caller.since, today),
        yearly_value_cents=round(caller.value_yearly * 100),
        churn_risk=caller.churn_risk,
        numbers=(number,) if (number := number_of(caller)) else (),
        products=tuple(
            ProductSeen(
                product.kind,
                product.name or product.kind,
                round(product.balance * 100),
                product.currency,
                product.key_date,
                day_of(product.key_on, today) if product.key_on else None,
            )
            for product in caller.products
        ),
        life_events=tuple((kind, day_of(day, today)) for kind, day in caller.life_events.items()),
        cases=tuple(
            CaseSeen(
                case.number or f"{200000 + 10 * customer_id + index}",
                case.subject,
                case.tier,
                _at(case.opened, now),
                _at(case.due, now) if case.due else None,
            )
            for index, case in enumerate(caller.open_cases, start=1)
        ),
        contacts=tuple(ContactSeen(when.timestamp(), "ivr", task) for when, task in history_of(caller, now)),
        agent=caller.agent,
    )
