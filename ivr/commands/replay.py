"""`ivr replay`: what a changed book or model would have done to the calls of the last days."""

import asyncio
import json
import re
from pathlib import Path
from typing import Annotated, Any

import typer

from ivr.commands.options import SettingsFile, settings_of, span_s
from ivr.errors import Misconfigured

_SECONDS = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,3})?)s?")


def replay(
    book: Annotated[
        str | None,
        typer.Option("--book", metavar="FOLDER|VERSION", help="The changed book; default the book's folder."),
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", metavar="FILE|kernel", help="Rank anew by this instead of as recorded.")
    ] = None,
    since: Annotated[str, typer.Option("--since", help="Calls of so long: 30d or 12h.")] = "30d",
    as_json: Annotated[bool, typer.Option("--json", help="The report as JSON.")] = False,
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write a page with plots, too.")] = None,
    fail_over: Annotated[
        str | None,
        typer.Option(
            "--fail-over",
            metavar="SECONDS",
            help="Exit status 1 when the mean way to the target gets longer by more, or a wish cannot be reached.",
        ),
    ] = None,
    settings: SettingsFile = None,
) -> None:
    """Tell what a changed menu book, or another ranker, would have done to the calls that were really made."""
    from ivr.replaying import Wish, replayed
    from menus.replay.page import page

    read, limit_s = settings_of(settings), _limit_s(fail_over)
    if not span_s(since):
        raise Misconfigured("say of how many days or hours: 30d or 12h")
    with _Bar() as bar:
        found = asyncio.run(replayed(read, Wish(book, model, span_s(since)), bar.show))
    told = {**found.about, **found.report.to_json()}
    if html is not None:
        html.write_text(page(told, title=found.title, notes=found.notes), encoding="utf-8")
    if as_json:
        print(json.dumps(told, ensure_ascii=False, indent=1))
    else:
        _show(told, found.title, (*found.notes, *((f"{html}: written",) if html is not None else ())))
    if limit_s is not None and (found.report.total.unreachable or found.report.worse_by() > limit_s):
        raise typer.Exit(1)


def _limit_s(written: str | None) -> float | None:
    if written is None:
        return None
    found = _SECONDS.fullmatch(written)
    if found is None:
        raise Misconfigured(f"{written!r} is no number of seconds: write 2s or 0.5")
    return float(found[1])


class _Bar:
    """How far it is, on the terminal's error stream."""

    def __enter__(self) -> "_Bar":
        from rich.console import Console
        from rich.progress import Progress

        console = Console(stderr=True)
        self._bar = Progress(console=console, transient=True, disable=not console.is_terminal)
        self._task = self._bar.add_task("calls", total=None)
        self._bar.start()
        return self

    def show(self, done: int, of: int) -> None:
        self._bar.update(self._task, completed=done, total=of)

    def __exit__(self, *_: object) -> None:
        self._bar.stop()


def _show(told: dict[str, Any], title: str, notes: tuple[str, ...]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(soft_wrap=True, highlight=False, markup=False)
    console.print(title)
    for note in notes:
        console.print(note)
    share = told["reordered_share"]
    if not told["calls"]:
        return
    console.print(f"{share['share']:.1%} of {told['calls']:,} calls hear another order ({_percent(share['within'])})")
    table = Table("", "wishes", "actual s", "change", "expected s", "change", "unreachable", "deeper", "keys moved")
    groups = [("all", told["total"])] + [
        (f"{what} {name or '(none)'}", tally) for what, tallies in told["by"].items() for name, tally in tallies.items()
    ]
    for name, tally in groups:
        table.add_row(
            name,
            f"{tally['journeys']:,}",
            *_pair(tally["actual"]),
            *_pair(tally["expected"]),
            f"{tally['unreachable']:,}",
            f"{tally['deeper']:,}",
            f"{tally['keys_moved']:,}",
        )
    console.print(table)
    for line in _lines(told):
        console.print(line)


def _lines(told: dict[str, Any]) -> list[str]:
    """The findings, one a line."""
    lines = [
        f"nowhere any more: {one['option']} of {one['menu']}, {one['cases']:,} times (calls {', '.join(one['calls'])})"
        for one in told["unreachable"]
    ]
    lines += [
        f"behind more menus: {one['option']} of {one['menu']}, {one['cases']:,} times, now {one['way']}"
        for one in told["deeper"]
    ]
    lines += [
        f"key {one['key']} of {one['menu']} meant {one['option']}, would mean {one['now'] or 'nothing'}: "
        f"{one['cases']:,} times"
        for one in told["keys_moved"]
    ]
    lines += [
        f"later by {one['change_s']:.1f} s: {one['option']} of {one['menu']} in call {one['call']}"
        for one in told["worst"][:5]
    ]
    return lines + [
        f"the condition of {name} was not asked at the time ({count:,} times): taken as offered, not promoted"
        for name, count in told["conditions_not_asked"].items()
    ]


def _pair(pair: dict[str, Any]) -> tuple[str, str]:
    if not pair["cases"]:
        return "–", "–"
    within = pair["change_within_s"]
    sure = "" if within is None else f" ({within[0]:+.2f} … {within[1]:+.2f})"
    return f"{pair['before_s']:.1f} → {pair['after_s']:.1f}", f"{pair['change_s']:+.2f}{sure}"


def _percent(within: list[float]) -> str:
    return f"{within[0]:.1%} to {within[1]:.1%} with 95 % confidence"
