"""`ivr train`: what is learned from a site's own history."""

import asyncio
import json
import os
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from ivr.commands.options import SettingsFile, settings_of
from ivr.errors import Misconfigured

Outcome = TypeVar("Outcome")

train = typer.Typer(name="train", invoke_without_command=True)

DryRun = Annotated[bool, typer.Option("--dry-run", help="Train and judge, publish nothing.")]
Since = Annotated[
    datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Learn from what happened on this day and later.")
]


@train.callback()
def menus(
    context: typer.Context,
    dry_run: DryRun = False,
    since: Since = None,
    report: Annotated[Path | None, typer.Option(help="Write tables and plots to this HTML file.")] = None,
    settings: SettingsFile = None,
) -> None:
    """Learn from the history which option callers want; publish the model only when it is better than what there is.

    `ivr train waits` learns expected waits instead.
    """
    if context.invoked_subcommand is not None:
        sources = [context.get_parameter_source(name) for name in context.params]
        if any(source is not None and source.name == "COMMANDLINE" for source in sources):
            raise Misconfigured(f"write the options after `{context.invoked_subcommand}`")
        return
    with _needing_the_libraries():
        from ivr.commands.train import told
        from ivr.commands.train import train as run
        from ivr.commands.train_report import report as page

    outcome = _outcome_of(run, settings, since=since, dry_run=dry_run)
    for line in told(outcome, dry_run=dry_run):
        print(line)
    if report is not None:
        report.write_text(page(outcome), encoding="utf-8")
    if outcome.objections:
        raise typer.Exit(1)


@train.command()
def waits(
    dry_run: DryRun = False,
    since: Since = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
    settings: SettingsFile = None,
) -> None:
    """Learn expected waits from those that were told; publish the model only when it is better than the formula."""
    with _needing_the_libraries():
        from ivr.commands.train_waits import plain, told
        from ivr.commands.train_waits import train_waits as run

    outcome = _outcome_of(run, settings, since=since, dry_run=dry_run)
    if as_json:
        print(json.dumps(plain(outcome), indent=1))
    else:
        for line in told(outcome, dry_run=dry_run):
            print(line)
    if outcome.objections:
        raise typer.Exit(1)


def _outcome_of(
    run: Callable[..., Coroutine[Any, Any, Outcome]], settings: Path | None, *, since: datetime | None, dry_run: bool
) -> Outcome:
    """Train, and show how far it is."""
    with _progress() as progress:
        day = since.date() if since else None
        return asyncio.run(run(settings_of(settings), since=day, dry_run=dry_run, progress=progress))


@contextmanager
def _needing_the_libraries() -> Iterator[None]:
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # engines on this machine must not wait for our threads
    try:
        yield
    except ModuleNotFoundError as missing:
        raise Misconfigured(f"training needs {missing.name}: install ringwise[train]; serving does not") from missing


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=1)
        yield lambda what, done, of: bar.update(task, description=what, completed=done, total=of)
