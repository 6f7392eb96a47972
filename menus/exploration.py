"""Which new options are tried out on which customers: drawn by lot for a month, the same lot on every node."""

from datetime import date
from hashlib import sha256

from menus.facts import CallerFacts
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
    caller = str(facts.customer_id)
    lots = sorted((lot(caller, f"{name}.{one.id}", on, salt), one.id) for one in menu.options if one.explore)
    return tuple(option for drawn, option in lots if drawn < share * 2**64)


def lot(caller: str, option: str, on: date, salt: str) -> int:
    """A caller's number for an option in the month of that day, evenly from 0 up to 2 to the power of 64."""
    text = f"{salt}\0explore\0{caller}\0{option}\0{on:%Y-%m}"
    return int.from_bytes(sha256(text.encode("utf-8", "surrogatepass")).digest()[:8])
