"""Who calls in `ivr call`: a customer of the settings' database if it is there, else a caller of the scenario files.

The database is read and closed before the call begins; nothing is ever written to it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from ivr.bank.sql import SqlBank
from ivr.errors import Misconfigured
from ivr.numbers import e164
from ivr.ports import CustomerView
from ivr.rehearsal.callers import move_in, number_of
from ivr.rehearsal.holdings import holdings_of, payees_for
from ivr.rehearsal.schema import Caller, ScenarioFile
from ivr.settings import Settings
from ivr.testing.accounts import MemoryAccount
from ivr.testing.stage import Stage
from menus.facts import CallerFacts
from menus.yaml_shape import close_match
from menus.yaml_source import Faults, read_yaml
from models.customers import Customers
from models.errors import ModelsError
from models.migrate import opened
from routing.errors import StoreAway

#: Nobody waits on a line for this look-up.
_PATIENCE_S = 5.0


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody who calls, and where we know them from."""

    ani: str | None
    told: str  #: in words
    facts: CallerFacts | None = None  #: from the database
    views: tuple[CustomerView, ...] = ()
    holdings: tuple[MemoryAccount, ...] = ()  #: theirs, and those of whom they may pay to
    callers: Mapping[str, Caller] = field(default_factory=dict)  #: of a scenario file

    def move_in(self, stage: Stage, now: datetime) -> None:
        """Let the twins know who this is."""
        move_in(stage, self.callers, now)
        if self.facts is not None and self.ani is not None:
            stage.store.facts[self.ani] = (self.facts,)
            stage.bank.customers.extend(self.views)
            stage.bank.accounts |= {account.customer_id: account for account in self.holdings}


async def identify(settings: Settings, wish: str | None, places: Path, now: datetime) -> Identity:
    """Who is meant by a number or by a name in the scenario files. Raises Misconfigured for neither."""
    files, fault = _files(places)
    if wish is None:
        return Identity(None, "a number that is withheld")
    for path, file in files.items():
        if wish in file.callers:
            caller = file.callers[wish]
            return Identity(number_of(caller), f"{wish} of {path}", callers=file.callers)
    ani = e164(wish, settings.country)
    if ani is None:
        names = [name for file in files.values() for name in file.callers]
        raise Misconfigured(
            f"--as {wish}: neither a telephone number such as +8613800000001 nor a caller of {places}"
            f"{close_match(wish, names)}"
        )
    found = await _in_database(settings, ani, now)
    if isinstance(found, Identity):
        return found
    for path, file in files.items():
        for name, caller in file.callers.items():
            if number_of(caller) == ani:
                return Identity(ani, f"{name} of {path} ({found})", callers=file.callers)
    return Identity(ani, f"a number that nobody has: {found}{fault}")


async def _in_database(settings: Settings, ani: str, now: datetime) -> Identity | str:
    """The customers of that number, or why there are none."""
    try:
        async with opened(settings.database_url) as database:
            at = now.timestamp()
            facts = await Customers(database, settings.zone, history_days=settings.personal.history_days).find(
                ani, now=at, deadline_s=_PATIENCE_S
            )
            views = await SqlBank(database, settings.zone).customers_by_number(ani, now=at)
            ours = [await holdings_of(database, view, now) for view in views]
            others = await payees_for(database, frozenset(view.id for view in views)) if views else []
    except (ModelsError, StoreAway) as fault:
        return f"no database: {fault}"
    if not views:
        return "not in the database"
    names = " and ".join(view.name for view in views)
    return Identity(ani, f"{names}, from the database", facts=facts, views=views, holdings=(*ours, *others))


def _files(places: Path) -> tuple[dict[Path, ScenarioFile], str]:
    """Scenario files that can be read, and a word on one that cannot."""
    files: dict[Path, ScenarioFile] = {}
    fault = ""
    for path in sorted(places.glob("*.y*ml")) if places.is_dir() else ():
        try:
            files[path] = read_yaml(path.read_text(encoding="utf-8-sig"), str(path), ScenarioFile)
        except Faults as wrong:
            fault = f"; {wrong.faults[0]}"
        except (OSError, UnicodeDecodeError):
            fault = f"; {path} cannot be read"
    return files, fault
