"""`ivr report`: what the recorded calls say."""

import asyncio
import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ivr.clock import SystemClock
from ivr.commands.columns import aligned
from ivr.commands.options import SettingsFile, settings_of, span_s
from ivr.errors import Misconfigured
from ivr.settings import Settings

if TYPE_CHECKING:
    from menus.evaluation.report import Report
    from models.offer_counts import OfferCount
    from routing.wait_ranges import Told

report = typer.Typer(name="report", help="What the recorded calls say.", no_args_is_help=True)


#: Columns of `ivr report offers`, each with the state of an offer that it counts.
_OFFER_COLUMNS = (
    ("answered", "completed"),
    ("missed", "missed"),
    ("rejected", "declined"),
    ("unreachable", "unreachable"),
    ("refused", "refused"),
    ("withdrawn", "withdrawn"),
    ("expired", "expired"),
)


@report.callback()
def _noun() -> None:
    """What the recorded calls say."""


@report.command()
def menus(
    since: Annotated[str, typer.Option("--since", help="Calls of so long: 30d or 12h.")] = "30d",
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Also write it as a page.")] = None,
    settings: SettingsFile = None,
) -> None:
    """Personal menus against the static order: times, wrong keys, agents asked for, what a moved option costs."""
    from ivr.reports.menus_page import page
    from menus.evaluation.told import to_json

    read, seconds = settings_of(settings), span_s(since)
    if not seconds:
        raise Misconfigured("--since 0: write how long, such as 30d or 12h")
    now = SystemClock(read.clock_ahead_s).now()
    told = asyncio.run(_evaluated(read, now - seconds, now))
    begun, until = (f"{datetime.fromtimestamp(at, read.zone):%Y-%m-%d %H:%M}" for at in (now - seconds, now))
    span = f"{begun} to {until}"
    if html is not None:
        html.write_text(page(told, span), encoding="utf-8")
    if as_json:
        print(json.dumps({"since": now - seconds, "until": now} | to_json(told), ensure_ascii=False, indent=1))
        return
    for line in _lines(told, span):
        print(line)


@report.command()
def waits(
    since: Annotated[str, typer.Option("--since", help="What was told within so long: 30d or 12h.")] = "7d",
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
    settings: SettingsFile = None,
) -> None:
    """Expected waits that callers were told: how many of the ranges held, how far the estimates were off."""
    from ivr.reports.waits import kept, rows, to_json
    from routing.wait_ranges import COVERAGE

    read, seconds = settings_of(settings), span_s(since)
    now = SystemClock(read.clock_ahead_s).now()
    queues = kept(asyncio.run(_told(read, now - seconds, now)))
    if as_json:
        print(json.dumps({"since": now - seconds, "until": now, "aim": COVERAGE, "queues": to_json(queues)}, indent=1))
        return
    if not queues:
        print(f"nobody was told an expected wait within {since}")
        return
    for line in aligned(rows(queues)):
        print(line.rstrip())
    print(
        f"\nheld: an agent came within the range, of those known; the aim is {COVERAGE:.0%}. off by: wait less estimate"
    )


async def _told(settings: Settings, since: float, until: float) -> "Sequence[Told]":
    """Raises what `opened` raises, and StoreAway."""
    from models.migrate import opened
    from models.waits import WaitBook

    async with opened(settings.database_url) as database:
        return await WaitBook(database).told(now=until, since=since)


@report.command()
def offers(
    since: Annotated[str, typer.Option("--since", help="Offers of so long: 30d or 12h.")] = "7d",
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
    settings: SettingsFile = None,
) -> None:
    """What became of the offers of each agent: answered, missed, rejected, refused and why."""
    from models.migrate import opened
    from models.offer_counts import offer_counts, plain

    read, seconds = settings_of(settings), span_s(since)
    if not seconds:
        raise Misconfigured("--since 0: write how long, such as 7d or 12h")
    now = SystemClock(read.clock_ahead_s).now()

    async def work() -> "tuple[OfferCount, ...]":
        async with opened(read.database_url) as database:
            return await offer_counts(database, now - seconds, now)

    counts = asyncio.run(work())
    if as_json:
        print(json.dumps({"since": now - seconds, "until": now, "agents": plain(counts)}, indent=1))
        return
    head = ("agent", "offers", *(title for title, _ in _OFFER_COLUMNS), "refused for")
    rows = [
        (
            one.agent,
            str(one.offers),
            *(str(one.states.get(state, 0)) for _, state in _OFFER_COLUMNS),
            " ".join(f"{reason}={count}" for reason, count in one.refused_for.items()),
        )
        for one in counts
    ]
    for line in aligned([head, *rows]):
        print(line.rstrip())


async def _evaluated(settings: Settings, since: float, until: float) -> "Report":
    """Reads the calls, a page at a time. Raises what `opened` raises, and StoreAway."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn

    from menus.evaluation.report import Evaluation
    from models.menu_calls import MenuCalls
    from models.migrate import opened

    evaluation, console = Evaluation(), Console(stderr=True)
    columns = SpinnerColumn(), TextColumn("{task.completed:,.0f} calls read")
    async with opened(settings.database_url) as database:
        calls = MenuCalls(database)
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
            task = bar.add_task("")
            async for call in calls.of(since, until):
                evaluation.add(call)
                bar.advance(task)
        return evaluation.told(without_number=await calls.without_number(since, until))


def _lines(told: "Report", span: str) -> list[str]:
    from menus.evaluation.report import Arm
    from menus.evaluation.told import METHOD, rows, sentences, title

    lines = [
        f"{span}: {told.calls:,} calls of {told.callers:,} callers with a personal menu",
        f"left out: {told.without_number:,} calls without a number, {told.without_menu:,} without a personal menu",
    ]
    if told.static_because:
        lines.append("static: " + ", ".join(f"{calls:,} calls {why}" for why, calls in told.static_because.items()))
    for group in told.groups:
        counts = [
            f"{arm.value} {one.calls:,} calls of {one.callers:,} callers"
            for arm in Arm
            if (one := group.arms.get(arm)) is not None
        ]
        lines += ["", f"{title(group.group)}: {', '.join(counts)}"]
        head = ("figure", "personal", "static", "personal less static", "so it is")
        lines += [f"  {line.rstrip()}" for line in aligned([head, *rows(group)])]
        if group.group.kind == "all":
            lines += ["", *(f"  {one}" for one in sentences(group))]
    return [*lines, "", METHOD]
