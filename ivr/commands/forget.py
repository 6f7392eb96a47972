"""`ivr forget`: everything of a customer, or of a number that belongs to nobody, is deleted or made anonymous."""

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ivr.commands.columns import aligned
from ivr.commands.options import SettingsFile, settings_of
from ivr.errors import Misconfigured
from ivr.settings import Settings

if TYPE_CHECKING:
    from models.forgetting import Forgetting, Forgotten, Progress, Report

_MOST_ID = 2**31 - 1


def forget(
    who: Annotated[str, typer.Argument(metavar="CUSTOMER|NUMBER", help="A customer's id, or a number as +86….")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be done.")] = False,
    keep_opt_out: Annotated[
        bool, typer.Option("--keep-opt-out", help="Keep the number on the list of those who want no messages.")
    ] = False,
    settings: SettingsFile = None,
) -> None:
    """Forget a customer, or a number of nobody: rows, recordings, everything that tells of them. Cannot be undone."""
    read = settings_of(settings)
    report = asyncio.run(_forget(read, who, dry_run=dry_run, keep_opt_out=keep_opt_out))
    for line in told(report, who, dry_run=dry_run):
        print(line)


async def _forget(settings: Settings, named: str, *, dry_run: bool, keep_opt_out: bool) -> "Report":
    from rich.console import Console
    from rich.progress import Progress as Bar

    from models.forgetting import Forgetting
    from models.migrate import opened

    async def delete_files(ids: Sequence[str]) -> int:
        return await asyncio.to_thread(_deleted, settings.recordings.folder, ids)

    async with opened(settings.database_url) as database:
        forgetting = Forgetting(database)
        console = Console(stderr=True)
        with Bar(console=console, transient=True, disable=not console.is_terminal) as bar:
            tasks = {name: bar.add_task(name, total=None, visible=False) for name in ("events", "calls")}

            def progress(what: str, done: int, of: int) -> None:
                bar.update(tasks[what], completed=done, total=of, visible=True)

            found = await _found(forgetting, named, progress)
            return await forgetting.forget(
                found, files=None if dry_run else delete_files, keep_opt_outs=keep_opt_out, progress=progress
            )


async def _found(forgetting: "Forgetting", named: str, progress: "Progress") -> "Forgotten":
    if re.fullmatch(r"\+[1-9][0-9]{3,14}", named):
        customers = await forgetting.customers_of(named)
        if customers:
            listed = " and ".join(map(str, customers))
            raise Misconfigured(f"{named} belongs to customer {listed}; forget the customer by that id")
        return await forgetting.find(number=named, progress=progress)
    if re.fullmatch(r"[0-9]{1,10}", named) and int(named) <= _MOST_ID:
        return await forgetting.find(customer_id=int(named), progress=progress)
    raise Misconfigured(f"{named!r} is neither the id of a customer nor a whole number such as +8613800000001")


def told(report: "Report", who: str, *, dry_run: bool) -> list[str]:
    """What was done, or would be, as lines."""
    from models.personal_data import HOLDINGS

    if report.nothing:
        return [f"nothing is known of {who}"]
    rows = [(name, str(count), str(HOLDINGS[name].fate)) for name, count in report.rows.items()]
    lines = aligned([("table", "rows", "would be" if dry_run else "were"), *rows])
    if report.recordings and not dry_run:
        lines.append(f"{report.files} files of {report.recordings} recordings were deleted")
        if report.files < report.recordings:
            lines.append("the others did not lie in the folder of recordings on this machine: look on the other nodes")
    return lines


def _deleted(folder: Path, ids: Sequence[str]) -> int:
    count = 0
    for id_ in ids:
        if "/" not in id_ and (file := folder / f"{id_}.wav").is_file():
            file.unlink(missing_ok=True)
            count += 1
    return count
