"""What is known of a call at one moment, under the names that conditions use (`menus.conditions.FACTS`)."""

import calendar
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

from menus.facts import CallerFacts
from menus.spoken.money import Money
from menus.values import Value

#: Stands for "no such day" where a number of days is asked for.
NEVER_DAYS = 9999
MONTH_START_DAYS = 5
#: How many days back a life event counts.
LIFE_EVENT_DAYS = 365

_KEY_DATES = {
    "card_expiry": "customer.card_expires_in_days",
    "instalment_due": "customer.instalment_due_in_days",
    "premium_due": "customer.premium_due_in_days",
    "contract_end": "customer.contract_ends_in_days",
}


@dataclass(frozen=True, slots=True)
class QueueNow:
    """A queue at one moment."""

    waiting: int = 0
    longest_wait_s: int = 0
    agents_ready: int = 0
    agents: int = 0


@dataclass(frozen=True, slots=True)
class Today:
    """The calendar at one moment: what is open, and what day it is."""

    now: datetime  #: in the book's time zone
    hours: Mapping[str, bool] = field(default_factory=dict)  #: name of opening hours → open
    holiday: bool = False
    special: str = ""


@dataclass(frozen=True, slots=True)
class CallNow:
    """The call itself at one moment."""

    dialled: str = ""
    entry: str = ""
    campaign: str = ""
    language: str = ""
    seconds: int = 0
    talked: bool = False
    verified_as: int | None = None
    values: Mapping[str, Value] = field(default_factory=dict)


def picture(
    facts: CallerFacts, today: Today, call: CallNow, queues: Mapping[str, QueueNow] | None = None
) -> dict[str, Any]:
    """Everything that conditions may ask for, by name. A value that is not set is not there."""
    now = today.now
    told: dict[str, Any] = {
        "customer.known": facts.customer_id is not None or call.verified_as is not None,
        "customer.segment": facts.segment or "",
        "customer.value_yearly": facts.value_cents // 100,
        "customer.churn_risk": float(facts.churn_risk),
        "customer.years": _years(facts.since_on, now.date()),
        "customer.products": sorted(set(facts.products)),
        "customer.life_events": sorted(
            {kind for kind, on in facts.life_events if 0 <= (now.date() - on).days <= LIFE_EVENT_DAYS}
        ),
        "caller.number_known": facts.ani is not None,
        "caller.number": facts.ani or "",
        "caller.customers": facts.matches,
        "caller.verified": call.verified_as is not None,
        "caller.wants_messages": not facts.opted_out,
        "calendar.year": now.year,
        "calendar.month": now.month,
        "calendar.day": now.day,
        "calendar.days_left": calendar.monthrange(now.year, now.month)[1] - now.day,
        "calendar.weekday": now.isoweekday(),
        "calendar.hour": now.hour,
        "calendar.minute": now.minute,
        "calendar.date": now.date().isoformat(),
        "calendar.month_start": now.day <= MONTH_START_DAYS,
        "calendar.holiday": today.holiday,
        "calendar.special": today.special,
        "call.dialled": call.dialled,
        "call.entry": call.entry,
        "call.campaign": call.campaign,
        "call.language": call.language,
        "call.seconds": call.seconds,
        "call.talked": call.talked,
        "cases.open": facts.open_cases,
        "cases.tier": facts.case_tier,
        "cases.overdue": facts.cases_overdue,
        "recent.missed_callback": facts.missed_callback,
    }
    told |= _days_until(facts, now.date())
    told |= _recent(facts, now)
    told |= {f"hours.{name}": is_open for name, is_open in today.hours.items()}
    for name, queue in (queues or {}).items():
        for part in QueueNow.__slots__:
            told[f"queue.{name}.{part}"] = getattr(queue, part)
    told |= {f"remembered.{name}": text for name, text in facts.remembered.items()}
    for name, value in call.values.items():
        told |= _value(f"values.{name}", value, now.date())
    return told


def _years(since: date | None, today: date) -> int:
    return 0 if since is None else max(0, (today - since).days * 4 // 1461)


def _days_until(facts: CallerFacts, today: date) -> dict[str, int]:
    found = dict.fromkeys(_KEY_DATES.values(), NEVER_DAYS)
    for kind, on in facts.key_dates:
        if kind in _KEY_DATES and on >= today:
            found[_KEY_DATES[kind]] = min(found[_KEY_DATES[kind]], (on - today).days)
    return found


def _recent(facts: CallerFacts, now: datetime) -> dict[str, Any]:
    of_day = [call for call in facts.recent if now - call.at <= timedelta(days=1)]
    of_week = [call for call in facts.recent if now - call.at <= timedelta(days=7)]
    task = next((call.task for call in of_day if call.task), "") or ""
    return {
        "recent.calls_24h": len(of_day),
        "recent.calls_7d": len(of_week),
        "recent.task_24h": task,
        "recent.same_task_7d": sum(1 for call in of_week if task and call.task == task),
    }


def _value(name: str, value: Value, today: date) -> dict[str, Any]:
    if isinstance(value, Money):
        return {name: value.cents}
    if isinstance(value, date):
        return {name: value.isoformat(), f"{name}_in_days": (value - today).days}
    if isinstance(value, time):
        return {name: value.isoformat("minutes")}
    return {name: value}
