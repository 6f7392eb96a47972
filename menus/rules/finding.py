"""What a rule finds in a book."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

from menus.yaml_shape import Loc as Loc
from menus.yaml_shape import close_match

#: That one rule tells of; nobody reads more.
MOST_FINDINGS = 200


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


def first(findings: Iterator[Finding]) -> list[Finding]:
    """As many findings of a rule as anybody reads; the last says if there are more."""
    found = list(islice(findings, MOST_FINDINGS))
    if next(findings, None) is not None:
        found.append(replace(found[-1], code="more", message="and more of these, which are not listed"))
    return found
