"""The command line: serve, check, publish, migrate, doctor, agent, bank, demo."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from ivr import logs
from ivr.errors import Misconfigured
from ivr.settings import Settings, load

cli = typer.Typer(
    name="ivr",
    help="Ringwise: an IVR and call-routing engine on Asterisk.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
SettingsFile = Annotated[
    Path | None, typer.Option("--settings", "-s", help="Settings file; default config/settings.yaml if it is there.")
]


def main() -> None:
    """Run a command; a configuration fault is a sentence and exit status 1, never a traceback."""
    try:
        cli()
    except Misconfigured as fault:
        print(fault, file=sys.stderr)
        sys.exit(1)


def _settings(path: Path | None) -> Settings:
    usual = Path("config/settings.yaml")
    return load(path or (usual if usual.exists() else None))


@cli.command()
def serve(
    settings: SettingsFile = None,
    json_logs: Annotated[bool, typer.Option("--json", help="Log lines as JSON even in a terminal.")] = False,
) -> None:
    """Run the engine: take calls from Asterisk, serve the agents' desktop."""
    from ivr.app import serve as run

    logs.set_up(as_json=True if json_logs else None)
    asyncio.run(run(_settings(settings)))


@cli.command()
def migrate(settings: SettingsFile = None) -> None:
    """Bring the database to this version's tables."""
    from models.migrate import migrate as run

    asyncio.run(run(_settings(settings).database_url))
    print("the database is up to date")


@cli.command()
def check(settings: SettingsFile = None) -> None:
    """Check settings, queues and the menu book; name every fault with file, line and column."""
    from ivr.queues import load as load_queues
    from menus.loader import examine_folder

    read = _settings(settings)
    examined = examine_folder(read.book.folder, queues=load_queues(read.book.queues).queues)
    for warning in examined.warnings:
        print(f"{warning} (warning)")
    if examined.book is None:
        raise Misconfigured("\n".join(map(str, examined.faults)))
    book = examined.book
    spoken = ", ".join(book.languages)
    print(f"{read.book.folder}: fine: {len(book.steps)} steps, {len(book.prompts)} prompts in {spoken}")


@cli.command()
def publish(
    message: Annotated[str, typer.Option("--message", "-m", help="What has changed, for the record.")],
    settings: SettingsFile = None,
) -> None:
    """Check the menu book, render its prompts and publish it; running engines take it over for new calls."""
    from ivr.editions import publish_folder

    version = asyncio.run(publish_folder(_settings(settings), message))
    print(f"published version {version}")


@cli.command()
def doctor(settings: SettingsFile = None) -> None:
    """Check the installation from outside: Asterisk, AMI privileges, dialplan, FastAGI, sounds, database, clock."""
    from ivr.doctor import examine

    findings = examine(_settings(settings))
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
