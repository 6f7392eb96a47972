"""What a rule finds in a book."""

from collections.abc import Iterable
from dataclasses import dataclass

from menus.yaml_shape import Loc, close_match


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that a rule does not allow, or advises against."""

    loc: Loc
    code: str
    message: str
    warning: bool = False


def fault(loc: Loc, code: str, message: str) -> Finding:
    """A finding that keeps the book from being used."""
    return Finding(loc, code, message)


def advice(loc: Loc, code: str, message: str) -> Finding:
    """A finding that a careful author would heed."""
    return Finding(loc, code, message, warning=True)


def unknown(loc: Loc, code: str, what: str, name: str, known: Iterable[str]) -> Finding:
    """A name that means nothing, with the nearest one that does."""
    return fault(loc, code, f"no {what} is called {name!r}{close_match(name, known)}")
