"""The command line: serve, check, publish, books, migrate, train, doctor, agent, bank, history, demo."""

import asyncio
import os
import sys
from collections.abc import Iterator
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from ivr import logs
from ivr.commands.agent import agents
from ivr.commands.bank import bank
from ivr.commands.history import history
from ivr.commands.options import SettingsFile, file_of, settings_of
from ivr.errors import EngineFault
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
cli.add_typer(agents)
cli.add_typer(bank)
cli.add_typer(history)

#: Faults whose message is made for people; everything else is a defect of ours and shows where it happened.
TOLD = (EngineFault, RoutingError, ModelsError, MenusError, Faults)


def main() -> None:
    """Run a command; what a person can mend is told in a sentence with exit status 1, never as a traceback."""
    try:
        cli()
    except Exception as raised:
        sentences = [_sentence(fault) for fault in _leaves(raised)]
        if None in sentences:
            raise
        for sentence in dict.fromkeys(sentences):
            print(sentence, file=sys.stderr)
        sys.exit(1)


def _leaves(fault: BaseException) -> Iterator[BaseException]:
    """The faults themselves, out of the groups in which tasks wrap them."""
    if isinstance(fault, BaseExceptionGroup):
        for part in fault.exceptions:
            yield from _leaves(part)
    else:
        yield fault


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
def check(settings: SettingsFile = None) -> None:
    """Check settings, queues and the menu book; name every fault with file, line and column."""
    from ivr.commands.check import check as run

    read = settings_of(settings)
    file = file_of(settings)
    print("no settings file: defaults" if file is None else f"{file}: fine")
    for line in run(read):
        print(line)


@cli.command()
def publish(
    message: Annotated[str, typer.Option("--message", "-m", help="What has changed, for the record.")],
    settings: SettingsFile = None,
) -> None:
    """Check the menu book, render its prompts and publish it; running engines take it over for new calls."""
    from ivr.editions import publish_folder

    number = asyncio.run(publish_folder(settings_of(settings), message))
    print(f"published version {number}")


@cli.command()
def books(settings: SettingsFile = None) -> None:
    """Every published version of the menu book, the newest first, with its time and message."""
    from ivr.commands.books import published

    lines = asyncio.run(published(settings_of(settings)))
    for line in lines or ("nothing was published yet; `ivr publish` does it",):
        print(line)


@cli.command()
def train(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Train and judge, publish nothing.")] = False,
    since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Learn from events of this day and later.")
    ] = None,
    report: Annotated[Path | None, typer.Option(help="Write tables and plots to this HTML file.")] = None,
    settings: SettingsFile = None,
) -> None:
    """Learn from the history which option callers want; publish the model only when it is better than what there is."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # engines on this machine must not wait for our threads
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from ivr.commands.train import told
    from ivr.commands.train import train as run
    from ivr.commands.train_report import report as page

    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=1)
        outcome = asyncio.run(
            run(
                settings_of(settings),
                since=since.date() if since else None,
                dry_run=dry_run,
                progress=lambda what, done, of: bar.update(task, description=what, completed=done, total=of),
            )
        )
    for line in told(outcome, dry_run=dry_run):
        print(line)
    if report is not None:
        report.write_text(page(outcome), encoding="utf-8")
    if outcome.objections:
        raise typer.Exit(1)


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
    folder: Annotated[Path, typer.Option(help="Where the demonstration keeps its files.")] = Path("var/demo"),
) -> None:
    """Show the whole system at work: a demonstration bank, a private Asterisk, real calls, a real browser."""
    from ivr.demo.show import run

    raise typer.Exit(run(folder, once=once))


if __name__ == "__main__":
    main()
