"""The command line: serve, check, call, test, publish and its kin, books, migrate, train, doctor, agent, bank, demo."""

import asyncio
import sys
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from ivr import logs
from ivr.commands import books, explain, forget, graph, publish, replay, roles
from ivr.commands.agent import agents
from ivr.commands.bank import bank
from ivr.commands.callbacks import callbacks
from ivr.commands.cases import cases
from ivr.commands.history import history
from ivr.commands.messages import messages
from ivr.commands.options import SettingsFile, file_of, settings_of
from ivr.commands.recordings import recordings
from ivr.commands.report import report as reports
from ivr.commands.training import train
from ivr.errors import EngineFault, leaves
from menus.errors import MenusError
from menus.yaml_source import Faults
from models.errors import ModelsError
from routing.errors import RoutingError

cli = typer.Typer(
    name="ivr",
    help="Ringwise: an IVR and call-routing engine on Asterisk.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
agents.command("role")(roles.role)
agents.command("acts")(roles.acts)
cli.add_typer(agents)
cli.add_typer(bank)
cli.add_typer(history)
cli.add_typer(messages)
cli.add_typer(recordings)
cli.add_typer(callbacks)
cli.add_typer(cases)
cli.add_typer(reports)
cli.add_typer(train)

#: Faults whose message is made for people; everything else is a defect of ours and shows where it happened.
TOLD = (EngineFault, RoutingError, ModelsError, MenusError, Faults)


def main() -> None:
    """Run a command; what a person can mend is told in a sentence with exit status 1, never as a traceback."""
    try:
        cli()
    except Exception as raised:
        sentences = [_sentence(fault) for fault in leaves(raised)]
        if None in sentences:
            raise
        for sentence in dict.fromkeys(sentences):
            print(sentence, file=sys.stderr)
        sys.exit(1)


def _sentence(fault: BaseException) -> str | None:
    if isinstance(fault, TOLD):
        return str(fault)
    if isinstance(fault, OSError) and fault.strerror:  # the machine refuses something: rights, a full disk
        return f"{fault.filename}: {fault.strerror}" if fault.filename else fault.strerror
    return None


def _version(wanted: bool) -> None:
    if wanted:
        print(f"ringwise {version('ringwise')}")
        raise typer.Exit


@cli.callback()
def _all(
    _: Annotated[bool, typer.Option("--version", help="Show the version.", callback=_version, is_eager=True)] = False,
) -> None:
    """Ringwise: an IVR and call-routing engine on Asterisk."""


@cli.command()
def serve(
    settings: SettingsFile = None,
    json_logs: Annotated[bool, typer.Option("--json", help="Log lines as JSON even in a terminal.")] = False,
) -> None:
    """Run the engine: take calls from Asterisk, serve the agents' desktop."""
    from ivr.app import serve as run

    logs.set_up(as_json=True if json_logs else None)
    asyncio.run(run(settings_of(settings)))


@cli.command()
def migrate(settings: SettingsFile = None) -> None:
    """Bring the database to this version's tables."""
    from models.database import address
    from models.migrate import migrate as run

    url = settings_of(settings).database_url
    asyncio.run(run(url))
    print(f"{address(url).render_as_string(hide_password=True)}: the database is up to date")


@cli.command()
def check(
    settings: SettingsFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="Every finding as JSON, for editors and pipelines.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings count as faults.")] = False,
) -> None:
    """Check settings, queues and the menu book; name every fault with file, line and column."""
    from ivr.commands.check import check as run

    report = run(file_of(settings))
    if as_json:
        print(report.as_json())
    else:
        fine = report.is_fine(strict=strict)
        for line in report.told[:1]:
            print(line)
        for fault in report.faults:
            print(fault, file=sys.stderr)
        for warning in report.warnings:
            print(f"{warning} (warning)", file=sys.stdout if fine else sys.stderr)
        for line in report.told[1:] if fine else ():
            print(line)
    if not report.is_fine(strict=strict):
        raise typer.Exit(1)


@cli.command()
def hours(settings: SettingsFile = None) -> None:
    """The opening hours of the menu book for the next two weeks, and the public holidays of the year."""
    from ivr.clock import SystemClock
    from ivr.commands.hours import told
    from menus.loader import load_book

    read = settings_of(settings)
    now = datetime.fromtimestamp(SystemClock(read.clock_ahead_s).now(), read.zone)
    for line in told(load_book(read.book.folder), now.date()):
        print(line)


cli.command()(publish.publish)
cli.command()(publish.reload)
cli.command()(publish.rollback)
cli.command()(publish.canary)
cli.command()(books.books)
cli.command()(books.diff)
cli.command()(graph.graph)
cli.command()(explain.explain)
cli.command()(forget.forget)
cli.command()(replay.replay)


@cli.command()
def surveys(
    days: Annotated[int, typer.Option(min=1, max=3650, help="How far back.")] = 30, settings: SettingsFile = None
) -> None:
    """What callers answered to surveys: a line for each question."""
    from ivr.commands.surveys import summaries

    lines = asyncio.run(summaries(settings_of(settings), days))
    for line in lines or (f"nobody answered a survey within {days} days",):
        print(line)


@cli.command()
def call(
    who: Annotated[
        str | None, typer.Option("--as", metavar="NUMBER", help="Number that calls, or a caller of the scenario files.")
    ] = None,
    at: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"], help="Local time of the book; default now."),
    ] = None,
    lang: Annotated[str | None, typer.Option("--lang", help="Language that the caller has chosen to keep.")] = None,
    dial: Annotated[str, typer.Option("--dial", metavar="NUMBER", help="Number that is dialled.")] = "95599",
    number: Annotated[int | None, typer.Option("--version", help="A published version; default the folder.")] = None,
    agents: Annotated[bool, typer.Option(help="Whether an agent is there, who always answers.")] = True,
    fast: Annotated[bool, typer.Option("--fast", help="Skip the time that speech, music and talks take.")] = False,
    ahead: Annotated[
        int | None, typer.Option("--ahead", metavar="N", min=0, max=200, help="Others wait before you in every queue.")
    ] = None,
    settings: SettingsFile = None,
) -> None:
    """Call the menu book from the terminal: hear it as text, press keys at any time. Needs no Asterisk.

    Keys 0-9 * #, h hangs up. From a pipe, one line each: keys, wait SECONDS, say SECONDS, hear WORDS, h.
    """
    from ivr.commands.call import Wish, run

    wish = Wish(who, at, lang, dial, number, agents, fast, ahead)
    raise typer.Exit(run(settings_of(settings), wish))


@cli.command("test")
def scenarios(
    places: Annotated[
        list[Path] | None, typer.Argument(metavar="FOLDER|FILE", help="Scenarios; default: tests/ beside the book.")
    ] = None,
    live: Annotated[bool, typer.Option("--live", help="Over real SIP, on a private Asterisk and engine.")] = False,
    junit: Annotated[Path | None, typer.Option("--junit", help="Write the results as JUnit XML, too.")] = None,
    word: Annotated[
        str | None, typer.Option("-k", metavar="WORD", help="Only scenarios with this in their name.")
    ] = None,
    folder: Annotated[Path, typer.Option(help="Where --live keeps its files.")] = Path("var/test"),
    settings: SettingsFile = None,
) -> None:
    """Let mystery callers try the menu book: scenarios say what must be heard, reached and shown.

    Exit status: 0 when all went as expected, 1 when not (or a file is wrong), 2 when nothing was played.
    """
    from ivr.commands.scenarios import run

    raise typer.Exit(run(settings_of(settings), places or [], live=live, junit=junit, word=word, folder=folder))


@cli.command()
def entries(
    since: Annotated[int, typer.Option(min=1, max=3650, metavar="DAYS", help="How far back.")] = 7,
    settings: SettingsFile = None,
) -> None:
    """How the calls of each line and campaign went, against what the book promises its callers."""
    from ivr.commands.entries import lines as run

    lines = asyncio.run(run(settings_of(settings), since))
    for line in lines or (f"no call has ended within {since} days",):
        print(line)


@cli.command()
def doctor(settings: SettingsFile = None) -> None:
    """Check the installation from outside: Asterisk, AMI privileges, dialplan, FastAGI, sounds, database, clock."""
    from ivr.doctor import examine

    findings = examine(settings_of(settings))
    for finding in findings:
        print(finding)
    if any(finding.is_fault for finding in findings):
        raise typer.Exit(1)


@cli.command()
def demo(
    once: Annotated[bool, typer.Option("--once", help="Leave after the summary.")] = False,
    cluster: Annotated[
        bool,
        typer.Option("--cluster", help="Two engines on one PostgreSQL, one of which is killed in the midst of calls."),
    ] = False,
    folder: Annotated[
        Path | None,
        typer.Option(help="Where the demonstration keeps its files: var/demo, or var/demo-cluster for two engines."),
    ] = None,
) -> None:
    """Show the whole system at work: a demonstration bank, a private Asterisk, real calls, a real browser."""
    from ivr.demo import cluster as two_nodes
    from ivr.demo import show

    shown, usual = (two_nodes.run, "var/demo-cluster") if cluster else (show.run, "var/demo")
    raise typer.Exit(shown(folder or Path(usual), once=once))


if __name__ == "__main__":
    main()
