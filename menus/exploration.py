"""Which new options are tried out on which customers: drawn by lot for a month, the same lot on every node."""

from datetime import date

from menus.facts import CallerFacts
from menus.lot import lot, within
from menus.schema import Menu, MenuBook


def drawn_to_try(book: MenuBook, name: str, facts: CallerFacts, on: date, salt: str) -> tuple[str, ...]:
    """The options of a menu that this customer is drawn for in the month of that day, in the order of the lots.

    Nobody but the one customer of a number is drawn: of others nothing is learned.
    """
    menu = book.steps[name]
    assert isinstance(menu, Menu), f"{name} is not a menu"
    share = (menu.gate or book.gate).explore
    if share <= 0 or menu.order == "fixed" or facts.customer_id is None:
        return ()
    asked = f"{salt}\0explore\0{facts.customer_id}\0{name}"
    lots = sorted((lot(f"{asked}.{one.id}\0{on:%Y-%m}"), one.id) for one in menu.options if one.explore)
    return tuple(option for drawn, option in lots if within(drawn, share))
