"""Where a wish of one book is found in another: the same option, or one for the same task, behind the fewest menus."""

from collections import deque
from collections.abc import Iterator

from menus.replay.journeys import PASSED
from menus.schema import Menu, MenuBook, Option, SetLanguage

Route = tuple[tuple[str, str], ...]  #: (menu, option) until the wish is chosen
_Place = tuple[str, str]  #: (step, language of the call)


class Routes:
    """The ways through one book; what was found is kept, as much as books and their options are many."""

    def __init__(self, book: MenuBook) -> None:
        self._book = book
        self._found: dict[tuple[str, str, str, str, str | None, str], Route | None] = {}

    def to(self, start: str, begun: str, menu: str, option: str, task: str | None, language: str) -> Route | None:
        """From a step to a wish: in the menu that it was chosen in, else in the nearest that has it; None for nowhere.

        `begun`: the language at the start; `language`: the one that the wish is offered in. Conditions are taken to
        hold.
        """
        asked = (start, begun, menu, option, task, language)
        if asked not in self._found:
            self._found[asked] = self._search(*asked)
        return self._found[asked]

    def _search(
        self, start: str, begun: str, menu: str, option: str, task: str | None, language: str
    ) -> Route | None:  # fmt: skip
        ways: dict[_Place, Route] = dict.fromkeys(self._menus_from(start, begun), ())
        queue = deque(ways)
        nearest: Route | None = None
        while queue:
            place = queue.popleft()
            name, spoken = place
            step = self._book.steps[name]
            assert isinstance(step, Menu)
            match = matching(step, option, task, language, same_menu=name == menu) if spoken == language else None
            if match is not None:
                route = (*ways[place], (name, match.id))
                if name == menu:
                    return route
                nearest = nearest or route
            for offered in step.offered(spoken):
                for following in self._menus_from(offered.then, spoken):
                    if following not in ways:
                        ways[following] = (*ways[place], (name, offered.id))
                        queue.append(following)
        return nearest

    def _menus_from(self, start: str, language: str) -> Iterator[_Place]:
        """The menus that a caller comes to from a step, before anything that they may have come for."""
        waiting = deque([(start, language)])
        seen = set(waiting)
        while waiting:
            name, spoken = place = waiting.popleft()
            step = self._book.steps.get(name)
            if isinstance(step, Menu):
                yield place
            elif step is not None and step.kind in PASSED:
                after = step.language if isinstance(step, SetLanguage) else spoken
                further = [one for to in step.exits().values() if (one := (to, after)) not in seen]
                seen.update(further)
                waiting += further


def matching(menu: Menu, option: str, task: str | None, language: str, *, same_menu: bool) -> Option | None:
    """The option of a menu that is the same wish: by id and task, by task, or in its own menu by id alone."""
    offered = menu.offered(language)
    for one in offered:
        if one.id == option and one.task == task:
            return one
    if task is not None:
        for one in offered:
            if one.task == task:
                return one
    return next((one for one in offered if same_menu and one.id == option), None)
