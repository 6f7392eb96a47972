"""Why a caller heard their menus as they did: from the record of a call, or worked out afresh for a moment."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from ivr.errors import Misconfigured
from ivr.numbers import e164, masked
from ivr.pacing import rendered
from ivr.queues import load as load_queues
from ivr.settings import Settings
from ivr.shelf import Shelf, Volume
from menus.conditions import Conditions
from menus.errors import Unexplained
from menus.explanation import Explained, explain
from menus.exploration import drawn_to_try
from menus.facts import CallerFacts
from menus.hours import Hours
from menus.learning.ranker import Ranker
from menus.personalise import spoken_menu
from menus.picture import CallNow, picture
from menus.schema import Menu, MenuBook
from menus.trial import held
from menus.walk import enter
from menus.yaml_shape import close_match
from models.books import Books
from models.customers import Customers
from models.database import Database
from models.decisions import Decided, decisions_of
from models.routed import Routed, routed
from routing.complaints import Because, spoken
from routing.errors import StoreAway

Result = TypeVar("Result")

#: Nobody waits on a line for this look-up.
_PATIENCE_S = 5.0


@dataclass(frozen=True, slots=True)
class Told:
    """What is told of a call or of a caller."""

    title: str
    menus: tuple[Explained, ...]
    complaints: tuple[str, ...] = ()  #: to which tier a complaint came, and why
    routing: tuple[Routed, ...] = ()  #: each need of the call, with its offers
    unexplained: tuple[str, ...] = ()  #: records that could not be explained, and why

    @property
    def is_sound(self) -> bool:
        """Whether every record was given again bit for bit."""
        return not self.unexplained and not any(menu.differs for menu in self.menus)


async def of_call(
    settings: Settings, database: Database, call_id: str, ranker: Callable[[str], Ranker | None], now: float
) -> Told:
    """Every menu and every offer of a call, from their decision records. Raises Misconfigured, StoreAway."""
    found = await decisions_of(database, call_id)
    if found is None:
        raise Misconfigured(f"there is no call {call_id!r}; the ids are in the table `calls` and in the log")
    needs = await _patiently(routed(database, call_id, now=now))
    if not found.menus and not found.tiers and not needs:
        raise Misconfigured(f"call {call_id} heard no menu and asked for no agent: there is nothing to explain")
    volume = await Shelf(Books(database), settings).version(found.book_version)
    customers = _customers(settings, database)
    told: list[Explained] = []
    unexplained: list[str] = []
    for one in found.menus:
        try:
            told.append(
                explain(
                    volume.book,
                    one.record,
                    await _facts(customers, found.ani, one),
                    ranker(str(one.record.get("ranker"))),
                )
            )
        except Unexplained as fault:
            unexplained.append(str(fault))
    at = datetime.fromtimestamp(found.started_at, settings.zone)
    title = f"call {found.call_id} from {masked(found.ani)}, {at:%Y-%m-%d %H:%M}, {volume.title}"
    complaints = tuple(_placed(one["tier"], one["why"], f" at {one['step']}") for one in found.tiers)
    return Told(title, tuple(told), complaints, needs, tuple(unexplained))


async def of_caller(
    settings: Settings, database: Database, number: str, at: datetime, menu: str | None, ranker: Ranker
) -> Told:
    """Every personal menu, or the one that is named, as this number would hear it. Raises Misconfigured, StoreAway.

    What earlier calls left behind (a frozen menu, steadiness) is that of now; queues are taken as empty.
    """
    ani = e164(number, settings.country)
    if ani is None:
        raise Misconfigured(f"{number!r} is no telephone number; write it as +8613800000001")
    facts = await _patiently(_customers(settings, database).with_number(ani, now=at.timestamp()))
    if facts.matches == 0:
        raise Misconfigured(f"nobody has the number {ani}: who is not known hears the book's order, rules aside")
    shelf = Shelf(Books(database), settings)
    choice = await Books(database).choice()
    volume = await (shelf.folder() if choice is None else shelf.version(choice.version_for(ani)))
    records = await asyncio.to_thread(_records, settings, volume, facts, at, _named(volume.book, menu), ranker)
    whose = f"customer {facts.customer_id}" if facts.customer_id is not None else f"{facts.matches} customers"
    title = f"{masked(ani)}, {whose}, {at:%Y-%m-%d %H:%M}, {volume.title}"
    rules = load_queues(settings.book.queues).complaints
    found = rules.place(facts, at.timestamp())
    return Told(title, records, (_placed(found.tier, found.why, " now"),))


def _placed(tier: int, why: Sequence[Because], where: str) -> str:
    """To which tier a complaint comes, and why, in plain English."""
    return f"a complaint{where} is of tier {tier}: {'; '.join(map(spoken, why)) or 'nothing asks for more'}"


async def _facts(customers: Customers, ani: str | None, one: Decided) -> CallerFacts | None:
    """What was known of the customer then, as far as it is still stored."""
    if one.customer_id is None:
        return None
    return await _patiently(customers.with_id(one.customer_id, ani=ani, now=one.at))


def _customers(settings: Settings, database: Database) -> Customers:
    """As calls ask for them."""
    return Customers(database, settings.zone, history_days=settings.personal.history_days)


async def _patiently(asked: Awaitable[Result]) -> Result:
    """An answer of the database. Raises StoreAway, also when it is late: nothing known would explain another order."""
    try:
        async with asyncio.timeout(_PATIENCE_S):
            return await asked
    except TimeoutError as late:
        raise StoreAway(f"the database did not answer within {_PATIENCE_S:g} s") from late


def _named(book: MenuBook, menu: str | None) -> tuple[str, ...]:
    if menu is not None:
        if not isinstance(book.steps.get(menu), Menu):
            menus = [name for name, step in book.steps.items() if isinstance(step, Menu)]
            raise Misconfigured(f"the book has no menu {menu!r}{close_match(menu, menus)}")
        return (menu,)
    personal = tuple(name for name, step in book.steps.items() if isinstance(step, Menu) and step.order == "personal")
    if not personal:
        raise Misconfigured("the book has no menu with `order: personal`; --menu NAME explains another one")
    return personal


def _records(
    settings: Settings, volume: Volume, facts: CallerFacts, at: datetime, names: tuple[str, ...], ranker: Ranker
) -> tuple[Explained, ...]:
    book, personal = volume.book, settings.personal
    language = enter(book, facts.language).language
    conditions, now = Conditions(book), at.astimezone(book.zone)
    call = CallNow(language=language)
    told = picture(facts, Hours(book.calendar, book.zone).today(now), call, {})
    caller = str(facts.customer_id) if facts.customer_id is not None else facts.ani
    why_held = held(caller, at.date(), salt=personal.salt, share=personal.hold_out, cycle_days=personal.cycle_days)
    explained = []
    for name in names:
        menu = book.steps[name]
        assert isinstance(menu, Menu)
        spoken = spoken_menu(
            book, name, facts, at, language, ranker,
            held_out=why_held is not None,
            again=False,
            hidden=[one.id for one in menu.options if one.when and not conditions.holds(one.when, told)],
            ruled=[one.id for one in menu.options if one.promote_when and conditions.holds(one.promote_when, told)],
            seconds=_seconds(settings, book, name, menu, language),
            held=why_held,
            drawn=drawn_to_try(book, name, facts, at.date(), personal.salt),
        )  # fmt: skip
        explained.append(explain(book, spoken.record, facts, ranker))
    return tuple(explained)


def _seconds(settings: Settings, book: MenuBook, name: str, menu: Menu, language: str) -> Mapping[str, float] | None:
    """Of the rendered sounds; None where they are not there: then they are judged by their length."""
    durations = rendered(settings.prompts.folder, book)
    if durations is None:
        return None
    return {option.id: durations.option_s(name, option, language) for option in menu.offered(language)}
