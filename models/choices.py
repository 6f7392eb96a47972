"""Which published versions of the menu book are in use: one for everybody, perhaps a canary for some callers."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from menus.lot import lot, within
from models.errors import ModelsError


class NoSuchChoice(ModelsError):
    """The books in use cannot be changed in this way."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What is in use from a moment on."""

    stable: int  #: version for everybody
    canary: int | None = None  #: version that is tried with some callers
    share: float = 0.0  #: of callers who get the canary, 0 to 1
    number: int = 0  #: of this choice in the log; 0 before anything was ever chosen
    at: float = 0.0
    by: str = ""  #: who chose it
    message: str = ""

    @property
    def versions(self) -> tuple[int, ...]:
        """The versions in use, the stable one first."""
        return (self.stable,) if self.canary is None else (self.stable, self.canary)

    def version_for(self, caller: str) -> int:
        """The version that this caller hears: the same in every call, and whoever has the canary keeps it as it grows.

        The canary's number is the salt, so that each canary is tried with other callers.
        """
        if self.canary is None:
            return self.stable
        return self.canary if within(lot(f"canary {self.canary}\0{caller}"), self.share) else self.stable


#: From what is in use to what shall be. Raises NoSuchChoice.
Change = Callable[[Choice], Choice]


def for_everybody(version: int) -> Change:
    """That version for everybody; a canary ends."""
    return lambda choice: replace(choice, stable=version, canary=None, share=0.0)


def for_share(version: int, share: float) -> Change:
    """That version for a share of callers, in place of the canary that may be running."""

    def change(choice: Choice) -> Choice:
        _check(share)
        if version == choice.stable:
            raise NoSuchChoice(f"version {version} is what everybody hears already; there is nothing to try")
        return replace(choice, canary=version, share=share)

    return change


def canary_share(share: float) -> Change:
    """Another share for the canary that is running."""

    def change(choice: Choice) -> Choice:
        _check(share)
        return replace(choice, canary=_running(choice), share=share)

    return change


def promote(choice: Choice) -> Choice:
    """The canary for everybody."""
    return replace(choice, stable=_running(choice), canary=None, share=0.0)


def stop(choice: Choice) -> Choice:
    """Nobody hears the canary any more."""
    _running(choice)
    return replace(choice, canary=None, share=0.0)


def _running(choice: Choice) -> int:
    if choice.canary is None:
        raise NoSuchChoice(f"no canary is running: everybody hears version {choice.stable}")
    return choice.canary


def _check(share: float) -> None:
    if not 0 < share <= 1:
        raise NoSuchChoice("the share of callers is above 0 and at most 100 percent")
