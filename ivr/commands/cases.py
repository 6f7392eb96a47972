"""`ivr cases`: complaints being handled: what is open, what was done about one, who sees to it, and its end."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from ivr.commands.columns import aligned
from ivr.commands.options import SettingsFile, settings_of
from ivr.errors import Misconfigured
from ivr.numbers import masked
from ivr.queues import load as load_queues
from ivr.settings import Settings

if TYPE_CHECKING:
    from models.case_work import CaseWork
    from routing.errands import CaseEvent, CaseFile

cases = typer.Typer(name="cases", help="Complaints being handled.", no_args_is_help=True)
HEAD = ("case", "about", "tier", "handler", "number", "opened", "due", "")
Number = Annotated[str, typer.Argument(help="Number of the case.")]
Note = Annotated[str, typer.Option("--note", help="Why; kept with the case.")]
Result = TypeVar("Result")


@cases.command("list")
def list_(
    due: Annotated[float | None, typer.Option("--due", help="Only those due within so many hours.")] = None,
    numbers: Annotated[bool, typer.Option("--numbers", help="Show whole numbers.")] = False,
    settings: SettingsFile = None,
) -> None:
    """Every open case, the one that is due first before the others."""
    read = settings_of(settings)

    async def work(files: "CaseWork", now: float) -> "tuple[float, tuple[CaseFile, ...]]":
        return now, await (files.all_open() if due is None else files.due_soon(now=now, within_s=due * 3600))

    now, found = _with_cases(read, work)
    if not found:
        print("no case is open" if due is None else f"no case is due within {due:g} hours")
        return
    for line in aligned([HEAD, *(_row(one, read, numbers, now) for one in found)]):
        print(line)


@cases.command("show")
def show(
    number: Number,
    numbers: Annotated[bool, typer.Option("--numbers", help="Show whole numbers.")] = False,
    settings: SettingsFile = None,
) -> None:
    """A case, and everything that was done about it."""
    read = settings_of(settings)
    one = _with_cases(read, lambda files, now: files.file(number))
    ani = "withheld" if one.ani is None else one.ani if numbers else masked(one.ani)
    told = {
        "about": one.subject,
        "state": one.state,
        "tier": str(one.tier),
        "severity": one.severity,
        "matter": one.about,
        "number": ani,
        "handler": one.handler,
        "not to": one.against,
        "opened": _moment(one.opened_at, read),
        "due": None if one.due_at is None else _moment(one.due_at, read),
    }
    print(f"case {one.number}")
    for line in aligned((f"  {name}", value) for name, value in told.items() if value is not None):
        print(line)
    for event in one.events:
        print(f"  {_moment(event.at, read)}  {_told(event, read)}")


@cases.command("close")
def close(number: Number, note: Note = "", settings: SettingsFile = None) -> None:
    """Close a case: it raises no tier, no priority and no word to the caller any more."""
    from models.case_work import By

    read = settings_of(settings)
    closed = _with_cases(read, lambda files, now: files.close(number, note, by=By(), now=now))
    print(f"case {number} is closed" if closed else f"case {number} was closed before")


@cases.command("assign")
def assign(
    number: Number,
    agent: Annotated[str | None, typer.Argument(help="Sign-in name; without one nobody handles it.")] = None,
    settings: SettingsFile = None,
) -> None:
    """Give a case to an agent. Refused for the agent whom it is about."""
    from models.case_work import By

    read = settings_of(settings)
    _with_cases(read, lambda files, now: files.assign(number, agent, by=By(), now=now))
    print(f"case {number} is handled by {agent or 'nobody'}")


@cases.command("escalate")
def escalate(number: Number, note: Note = "", settings: SettingsFile = None) -> None:
    """Move a case up a tier; its deadline stays, and nobody handles it until it is assigned."""
    from models.case_work import By

    read = settings_of(settings)
    highest = len(load_queues(read.book.queues).complaints.tiers)
    tier = _with_cases(read, lambda files, now: files.raise_tier(number, note, highest=highest, by=By(), now=now))
    print(f"case {number} is of tier {tier}")


def _with_cases(read: Settings, work: "Callable[[CaseWork, float], Awaitable[Result]]") -> Result:
    """Do something with the cases of a site, at its time. Raises Misconfigured for what cannot be done."""
    from models.case_work import CaseWork
    from models.errors import CaseClosed
    from models.migrate import opened

    async def done() -> Result:
        async with opened(read.database_url) as database:
            return await work(CaseWork(database), await database.time() + read.clock_ahead_s)

    try:
        return asyncio.run(done())
    except CaseClosed as closed:
        raise Misconfigured(str(closed)) from closed


def _moment(at: float, read: Settings) -> str:
    return f"{datetime.fromtimestamp(at, read.zone):%Y-%m-%d %H:%M}"


def _told(event: "CaseEvent", read: Settings) -> str:
    """One event in plain English."""
    data, by = event.data, f" by {event.by}" if event.by else ""
    what = {
        "opened": f"opened{by}, tier {data.get('tier', '')}",
        "raised": f"moved from tier {data.get('from')} to {data.get('to')}{by}",
        "assigned": f"given to {data.get('to') or 'nobody'}{by}",
        "alarmed": f"alarm: {', '.join(data.get('alarms', ()))}",
    }.get(event.kind, f"{event.kind}{by}")
    if event.kind == "extended":
        what = f"due {_moment(data['to'], read)} instead of {_moment(data['from'], read)}{by}"
    return f"{what}: {data['text']}" if data.get("text") else what


def _row(one: "CaseFile", settings: Settings, numbers: bool, now: float) -> tuple[str, ...]:
    def day(moment: float | None) -> str:
        return "–" if moment is None else f"{datetime.fromtimestamp(moment, settings.zone):%Y-%m-%d}"

    ani = "–" if one.ani is None else one.ani if numbers else masked(one.ani)
    overdue = "overdue" if one.due_at is not None and one.due_at < now else ""
    handler = one.handler or "–"
    return (one.number, one.subject, str(one.tier), handler, ani, day(one.opened_at), day(one.due_at), overdue)
