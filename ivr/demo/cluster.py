"""The demonstration of two nodes: two engines, one Asterisk, one PostgreSQL, a kill, and what everybody noticed."""

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import AsyncExitStack
from datetime import date
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from ivr.demo.desks import AgentDesks, find_browser
from ivr.demo.findings import Finding, judge
from ivr.demo.phones import agents_phones
from ivr.demo.show import chosen_ports, told_to_stop
from ivr.demo.takeover import SHORT_TALK_S, Takeover
from ivr.demo.witnessed import Witnessed
from ivr.lab.postgresql import PostgresqlServer
from ivr.lab.robots import RobotCaller
from ivr.lab.site import Site
from ivr.prompts.catalogue import Catalogue
from menus.loader import load_book
from models.database import Database

UNTIL = date(2026, 12, 1)  #: the bank's history ends the day before
TODAY = "2026-12-01T09:30"
CUSTOMERS = 60
#: How long the ring waits for the pop: two engines, a switch, a database and three browsers share one machine here.
POP_S = 0.4


def run(folder: Path, *, once: bool) -> int:
    """Show everything; answers with the exit status: 0 only when everything that must hold was seen to hold."""
    console = Console(soft_wrap=True)
    try:
        return asyncio.run(_show(folder, once, console))
    except KeyboardInterrupt:
        return 130


async def _show(folder: Path, once: bool, console: Console) -> int:
    ports = chosen_ports(nodes=2, command="make demo-cluster")
    find_browser()
    folder.mkdir(parents=True, exist_ok=True)
    async with AsyncExitStack() as stack:
        stop = told_to_stop()
        console.print("[bold]Starting[/] a PostgreSQL of its own …")
        server = PostgresqlServer()
        stack.callback(server.remove)
        site = Site(
            folder,
            prompts=Path("var/prompts"),
            nodes=2,
            ports=ports,
            database_url=server.url(await server.create_database()),
            overrides={"personal": {"hold_out": 0.0}, "routing": {"pop_s": POP_S}},
        )
        console.print(f"[bold]Filling[/] the demonstration bank: {CUSTOMERS} customers, 18 months")
        await site.prepare(site.settings.database_url, until=UNTIL, customers=CUSTOMERS)
        console.print("[bold]Rendering[/] the prompts that are not there yet …")
        await site.publish()
        console.print("[bold]Starting[/] Asterisk, two engines and the agents' desktops …")
        stack.push_async_callback(site.stop)
        site.set_clock(TODAY)
        await site.start()
        database = await stack.enter_async_context(Database.opened(site.settings.database_url))
        phones = await agents_phones(site, stack, talk_s=SHORT_TALK_S)
        caller = await stack.enter_async_context(RobotCaller(site.asterisk.sip, site.asterisk.trunk_address))
        desks = await stack.enter_async_context(AgentDesks(site.engine.url))
        catalogue = Catalogue.load(site.prompts, load_book(site.book))
        showing = Takeover(site, database, console, caller, phones, desks, catalogue)
        seen = await _until(stop, showing.play())
        if seen is None:
            return 130
        findings = judge(seen, ahead_s=site.clock_ahead_s)
        _summary(console, seen, findings)
        if not once and not stop.is_set():
            _explore(console, site)
            await stop.wait()
        console.print(_last_line(seen, findings), highlight=False)
    return 0 if all(finding.holds for finding in findings) else 1


async def _until(stop: asyncio.Event, showing: Coroutine[Any, Any, Witnessed]) -> Witnessed | None:
    """What the showing came to; None when it was told to stop before."""
    playing, stopping = asyncio.create_task(showing), asyncio.create_task(stop.wait())
    await asyncio.wait((playing, stopping), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not playing.done():
        playing.cancel()
        await asyncio.gather(playing, return_exceptions=True)
        return None
    return await playing


def _summary(console: Console, seen: Witnessed, findings: Sequence[Finding]) -> None:
    table = Table(title="\nWhat the callers noticed when node a was killed", title_justify="left", title_style="bold")
    for heading in ("caller", "at that moment", "noticed", "longest silence"):
        table.add_column(heading)
    for one in seen.callers:
        table.add_row(one.name, one.doing, one.noticed, f"{one.silence_s:.2f} s")
    console.print(table)
    console.print()
    for finding in findings:
        console.print(f"{'[green]✔[/]' if finding.holds else '[red]✘[/]'} {finding.words}", highlight=False)


def _explore(console: Console, site: Site) -> None:
    a, b = site.engines
    console.print(
        f"\n[bold]Explore it yourself[/] until you press Ctrl-C:\n"
        f"  desktops   {a.url} (node a) and {b.url} (node b)   sign in as [bold]carol[/], "
        f"password [bold]{site.password}[/]\n"
        f"  kill one   kill -9 {a.pid} (node a), kill -9 {b.pid} (node b); an open page goes on with the other\n"
        f"  logs       {a.log}, {b.log}",
        highlight=False,
    )


def _last_line(seen: Witnessed, findings: Sequence[Finding]) -> str:
    failed = [finding.words for finding in findings if not finding.holds]
    silence_s = max(one.silence_s for one in seen.callers)
    verdict = f"demo-cluster FAILED: {'; '.join(failed)}" if failed else "demo-cluster ok"
    return f"{verdict}: {len(seen.callers)} callers through kill -9 of a node, longest silence {silence_s:.2f} s"
