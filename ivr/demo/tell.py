"""Tells a call as it happens, from its record in the database."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rich.console import Console
from sqlalchemy import select

from models.database import Database
from models.tables import CallEventRow, CallRow, OfferRow

#: Seconds between two looks at the record.
LOOK_EVERY_S = 0.1


class Storyteller:
    """Follows one caller's newest call and prints every step of it."""

    def __init__(self, database: Database, console: Console, *, ani: str | None, after_id: int) -> None:
        self._database, self._console, self._ani = database, console, ani
        self._last = after_id
        self.call_id: str | None = None
        self.events: list[tuple[str, Mapping[str, Any]]] = []

    async def follow(self) -> None:
        """Print until the call has ended. The caller sets the deadline."""
        while not await self._look():
            await asyncio.sleep(LOOK_EVERY_S)

    async def _look(self) -> bool:
        async with self._database.read() as session:
            rows = (
                await session.execute(
                    select(CallEventRow, CallRow.ani)
                    .join(CallRow, CallRow.id == CallEventRow.call_id)
                    .where(CallEventRow.id > self._last)
                    .order_by(CallEventRow.id)
                )
            ).all()
        for event, ani in rows:
            self._last = event.id
            if self.call_id is None and ani == self._ani:
                self.call_id = event.call_id
            if event.call_id == self.call_id:
                self.events.append((event.kind, event.data))
                told = tell(event.kind, event.data)
                if told:
                    self._console.print(f"    {told}", highlight=False)
                if event.kind == "ended":
                    return True
        return False

    def told(self, prompt: str) -> bool:
        """Whether a prompt was heard to its end."""
        clips = [clip for kind, data in self.events if kind == "prompts" for clip in data["clips"]]
        last = [clip for clip in clips if clip["prompt"] == prompt][-1:]
        return bool(last) and last[0]["heard_s"] >= last[0]["of_s"] > 0

    def first(self, kind: str) -> Mapping[str, Any] | None:
        """The first event of a kind, if there was one."""
        return next((data for found, data in self.events if found == kind), None)

    async def offers(self) -> list[OfferRow]:
        """The offers that were made for this call, oldest first."""
        async with self._database.read() as session:
            found = await session.scalars(
                select(OfferRow).where(OfferRow.call_id == self.call_id).order_by(OfferRow.id)
            )
            return list(found)


async def newest_event(database: Database) -> int:
    """Id of the last event so far, 0 without any."""
    async with database.read() as session:
        return await session.scalar(select(CallEventRow.id).order_by(CallEventRow.id.desc()).limit(1)) or 0


def tell(kind: str, data: Mapping[str, Any]) -> str:
    """One event in words; empty for what needs no words."""
    match kind:
        case "identified":
            who = {0: "nobody we know", 1: "one customer"}.get(data["matches"], f"{data['matches']} customers")
            return f"[dim]the number belongs to {who}; language {data['language']}; {data['ms']} ms[/]"
        case "menu":
            order = ", ".join(
                f"[bold]{option['option']}[/]" if option["promoted"] else option["option"] for option in data["order"]
            )
            return f"[dim]order for this caller: {order}[/]"
        case "prompts":
            return "\n    ".join(
                f"hears   [cyan]{clip['text']}[/]"
                + (
                    ""
                    if clip["heard_s"] >= clip["of_s"] - 0.05
                    else f" [dim](cut short after {clip['heard_s']:.1f} s)[/]"
                )
                for clip in data["clips"]
                if clip["heard_s"] > 0
            )
        case "key":
            return f"presses [bold yellow]{data['key']}[/] [dim]({data['option']})[/]"
        case "no_input" | "invalid" | "repeated" | "back":
            return f"[dim]{kind.replace('_', ' ')}[/]"
        case "need":
            return f"waits   in queue [bold]{data['queue']}[/] [dim]({data['reason']})[/]"
        case "verified":
            return "[dim]the caller has proved to be the customer[/]"
        case "offer":
            return f"[dim]offered to {data['agent']}[/]"
        case "popped":
            shown = "stands on the screen of" if data["shown"] else "did not reach the screen of"
            return f"[green]the pop {shown} {data['agent']}[/] [dim]({data['ms']} ms)[/]"
        case "ringing":
            return f"[dim]{data['agent']}'s phone rings[/]"
        case "answered":
            return f"talks   with [bold]{data['agent']}[/]"
        case "offer_closed":
            return f"[dim]{data['agent']}: {data['how'].replace('_', ' ')}[/]"
        case "ended":
            return f"[dim]ended: {data.get('result')}/{data.get('reason')}[/]"
    return ""


def _heard(clip: Mapping[str, Any]) -> str:
    whole = clip["heard_s"] >= clip["of_s"] - 0.05
    cut = "" if whole else f" [dim](cut short after {clip['heard_s']:.1f} s)[/]"
    return f"hears   [cyan]{clip['text']}[/]{cut}"


def on_the_wall(moment: str) -> str:
    """A date of the demonstration as people say it."""
    return datetime.fromisoformat(moment).strftime("%-d %B %Y, %H:%M")
