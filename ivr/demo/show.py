"""The demonstration from set-up to summary: what is started, which calls are placed, and what must have been seen."""

import asyncio
import os
import signal
import socket
import sqlite3
from contextlib import AsyncExitStack, closing
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from sqlalchemy import select

from ivr.demo.calls import CALLS, Seen, Stage
from ivr.demo.desks import AgentDesks, find_browser
from ivr.demo.phones import agents_phones
from ivr.errors import Misconfigured
from ivr.lab.ports import require_free
from ivr.lab.robots import RobotCaller
from ivr.lab.site import Site, SitePorts
from ivr.prompts.catalogue import Catalogue
from ivr.rankers import CURRENT
from menus.loader import load_book
from models.database import Database
from models.tables import CallEventRow

UNTIL = date(2026, 12, 1)  #: the bank's history ends the day before
CUSTOMERS = 2000
#: Ports of the demonstration, and the environment variable that chooses another.
PORTS = {
    "sip": (5060, "RINGWISE_SIP_PORT", socket.SOCK_DGRAM),
    "ami": (5038, "RINGWISE_AMI_PORT", socket.SOCK_STREAM),
    "fastagi": (4573, "RINGWISE_FASTAGI_PORT", socket.SOCK_STREAM),
    "web": (8480, "RINGWISE_WEB_PORT", socket.SOCK_STREAM),
}
EACH_NODE = ("fastagi", "web")  #: those of which each node needs one
#: Agents whose desktops are open during the calls.
ON_DUTY = ("chris", "grace", "meiling")
#: Seconds that an agent's robot talks before it hangs up.
TALK_S = 6.0
#: Endpoints that a real softphone may register as.
SOFTPHONES = ("softphone",)


def run(folder: Path, *, once: bool) -> int:
    """Show everything; answers with the exit status: 0 only when every call was seen to go as it should."""
    console = Console(soft_wrap=True)
    try:
        return asyncio.run(_show(folder, once, console))
    except KeyboardInterrupt:
        return 130


async def _show(folder: Path, once: bool, console: Console) -> int:
    ports = chosen_ports()
    find_browser()
    folder.mkdir(parents=True, exist_ok=True)
    site = Site(
        folder,
        prompts=Path("var/prompts"),
        ports=ports,
        softphones=SOFTPHONES,
        overrides={"personal": {"hold_out": 0.0}},
    )
    await _prepare(site, console)
    async with AsyncExitStack() as stack:
        stop = told_to_stop()
        stack.push_async_callback(site.stop)
        console.print("[bold]Starting[/] Asterisk, the engine and the agents' desktops …")
        site.set_clock(CALLS[0].at)
        await site.start()
        book = load_book(site.book)
        catalogue = Catalogue.load(site.prompts, book)
        database = await stack.enter_async_context(Database.opened(site.settings.database_url))
        phones = await agents_phones(site, stack, talk_s=TALK_S)
        caller = await stack.enter_async_context(RobotCaller(site.asterisk.sip, site.asterisk.trunk_address))
        desks = await stack.enter_async_context(AgentDesks(site.engine.url))
        stage = Stage(site, database, console, caller, phones, desks, book, catalogue)
        await stage.open_desks(ON_DUTY)
        seen = await _calls(stage, stop)
        rankers = await _rankers(database)
        ok = len(seen) == len(CALLS) and all(one.ok for one in seen) and all(map(_is_trained, rankers))
        _summary(console, seen)
        if not once and not stop.is_set():
            _explore(console, site)
            await stop.wait()
        console.print(_last_line(seen, ok, rankers), highlight=False)
    return 0 if ok else 1


def told_to_stop() -> asyncio.Event:
    """Set by Ctrl-C and SIGTERM, so that everything that was started is ended in order."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


def chosen_ports(*, nodes: int = 1, command: str = "make demo") -> SitePorts:
    """The demonstration's ports; further nodes take those that follow.

    Raises Misconfigured, naming the way out, when one is taken or is no port.
    """
    found = {}
    for purpose, (usual, variable, kind) in PORTS.items():
        text = os.environ.get(variable, str(usual))
        if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
            raise Misconfigured(f"{variable}={text!r} is not a port; use a number from 1 to 65535")
        try:
            for node in range(nodes if purpose in EACH_NODE else 1):
                require_free(int(text) + node, kind, "127.0.0.1", purpose.upper())
        except Misconfigured as fault:
            raise Misconfigured(f"{fault}, as in: {variable}={int(text) + 1000} {command}") from fault
        found[purpose] = int(text)
    return SitePorts(**found)


async def _prepare(site: Site, console: Console) -> None:
    """The bank, once; a fresh copy of it for every showing; the prompts."""
    bank = site.folder / "bank.db"
    with Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), console=console) as bar:
        task = bar.add_task("[bold]Filling[/] the demonstration bank", total=CUSTOMERS)
        filled = await site.prepare(
            f"sqlite+aiosqlite:///{bank}",
            until=UNTIL,
            customers=CUSTOMERS,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
        bar.update(task, completed=filled.customers, total=filled.customers)
    console.print(f"         {filled.customers:,} customers, {filled.events:,} things they did in 18 months")
    _copy_database(bank, site.folder / "ringwise.db")
    if filled.fresh or not (site.settings.learning.folder / CURRENT).exists():
        await _train(site, console)
    console.print("[bold]Rendering[/] the prompts that are not there yet …")
    version = await site.publish()
    console.print(f"         menu book version {version} is published")


async def _train(site: Site, console: Console) -> None:
    """Learn what these customers want when; the engine serves it from its first call on."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # before scikit-learn is loaded, which only this needs
    from ivr.commands.train import told, train

    with Progress(TextColumn("{task.description}"), BarColumn(), console=console, transient=True) as bar:
        task = bar.add_task("[bold]Learning[/] their habits", total=1)
        outcome = await train(
            site.settings,
            since=None,
            dry_run=False,
            progress=lambda what, done, of: bar.update(task, description=what, completed=done, total=of),
        )
    console.print("[bold]Learned[/] their habits:", highlight=False)
    for line in told(outcome, dry_run=False):
        console.print(f"         {line}", highlight=False)


async def _rankers(database: Database) -> list[str]:
    """The rankers by which the menus of the calls were ordered."""
    async with database.read() as session:
        records = await session.scalars(select(CallEventRow.data).where(CallEventRow.kind == "menu"))
        return sorted({data["record"]["ranker"] for data in records})


def _is_trained(ranker: str) -> bool:
    return ranker.startswith("model-")


def _copy_database(source: Path, target: Path) -> None:
    for old in target.parent.glob(f"{target.name}*"):
        old.unlink()
    with closing(sqlite3.connect(source)) as bank, closing(sqlite3.connect(target)) as fresh:
        bank.backup(fresh)


async def _calls(stage: Stage, stop: asyncio.Event) -> list[Seen]:
    """Every call of the programme in turn; the engine is restarted where the date changes."""
    seen: list[Seen] = []
    today = CALLS[0].at
    for call in CALLS:
        if stop.is_set():
            break
        if call.at != today:
            stage.console.print(
                f"\n[bold]The calendar moves on[/]: the engine is restarted with the date {call.at[:10]}"
            )
            await stage.site.engine.stop()
            stage.site.set_clock(call.at)
            await stage.site.engine.start()
            await stage.open_desks(ON_DUTY)
            today = call.at
        seen.append(await stage.place(call))
    return seen


def _summary(console: Console, seen: list[Seen]) -> None:
    console.print()
    for one in seen:
        mark = "[green]✔[/]" if one.ok else "[red]✘[/]"
        console.print(f"{mark} [bold]{one.call.title}[/]", highlight=False)
        for remark in one.remarks:
            console.print(f"    {remark}", highlight=False)


def _explore(console: Console, site: Site) -> None:
    host, port = site.asterisk.sip
    console.print(
        f"\n[bold]Explore it yourself[/] until you press Ctrl-C:\n"
        f"  desktop    {site.engine.url}   sign in as [bold]{ON_DUTY[0]}[/] (or {', '.join(ON_DUTY[1:])}), "
        f"password [bold]{site.password}[/]\n"
        f"  softphone  register [bold]softphone[/] at {host}:{port} (UDP), "
        f"password [bold]{site.asterisk.plan.phone_secret}[/], and call [bold]95599[/]\n"
        f"  agents' phones are robots: they answer, say a sentence and hang up after {TALK_S:g} s\n"
        f"  figures    {site.engine.url}/metrics     log  {site.engine.log}",
        highlight=False,
    )


def _last_line(seen: list[Seen], ok: bool, rankers: list[str]) -> str:
    calls = "; ".join(
        f"({one.call.letter}) first {one.first_spoken or 'nothing'}, prompt after {one.dial_to_prompt_ms:.0f} ms"
        + (f", pop {one.pop_lead_ms:.0f} ms before the ring" if one.pop_lead_ms is not None else "")
        for one in seen
    )
    by = f"menus ordered by {', '.join(rankers) or 'nothing'}, trained on this bank"
    return f"demo {'ok' if ok else 'FAILED'}: {calls}; {by}"
