"""One of the two books that are compared, with how long what it says takes."""

from dataclasses import dataclass
from functools import cached_property

from menus.pace import Durations
from menus.replay.routes import Routes
from menus.schema import Menu, MenuBook, Option


@dataclass(frozen=True)
class Side:
    """A book with how long what it says takes."""

    book: MenuBook
    durations: Durations

    @cached_property
    def routes(self) -> Routes:
        """The ways through the book."""
        return Routes(self.book)

    @cached_property
    def _options_s(self) -> dict[tuple[str, str, str], float]:
        return {}

    def option_s(self, menu: str, option: Option, language: str) -> float:
        """Seconds that an option takes to say; what was worked out once is kept."""
        asked = (menu, option.id, language)
        if (known := self._options_s.get(asked)) is None:
            known = self._options_s[asked] = self.durations.option_s(menu, option, language)
        return known

    def menu(self, name: str) -> Menu | None:
        """The menu of that name."""
        step = self.book.steps.get(name)
        return step if isinstance(step, Menu) else None

    def greeting_s(self, menu: Menu, language: str, *, again: bool) -> float:
        """Seconds of what is said before the options."""
        greeting = menu.greeting_again if again else menu.greeting
        return 0.0 if greeting is None else self.durations.prompt_s(greeting, language)
