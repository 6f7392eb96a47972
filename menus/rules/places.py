"""Where in a book its menus, options and names stand."""

from collections.abc import Iterator

from menus.rules.finding import Loc
from menus.schema import Goodbye, Menu, MenuBook, Option, Route, Say, Step


def menus_of(book: MenuBook) -> Iterator[tuple[str, Menu]]:
    """Every menu and its name."""
    yield from ((name, step) for name, step in book.steps.items() if isinstance(step, Menu))


def options_of(book: MenuBook) -> Iterator[tuple[Loc, Option]]:
    """Every option of every menu and where it stands."""
    for name, menu in menus_of(book):
        yield from ((("steps", name, "options", index), option) for index, option in enumerate(menu.options))


def prompts_used(book: MenuBook) -> Iterator[tuple[Loc, str]]:
    """Every name of a prompt that the book refers to."""
    for role, name in book.waiting:
        yield ("waiting", role), name
    for step_name, step in book.steps.items():
        loc: Loc = ("steps", step_name)
        if isinstance(step, Say | Goodbye):
            yield from (((*loc, "prompts", index), name) for index, name in enumerate(step.prompts))
        elif isinstance(step, Menu):
            heads = (("greeting", step.greeting), ("greeting_again", step.greeting_again), ("closing", step.closing))
            yield from (((*loc, role), name) for role, name in heads if name is not None)
            for role, prompts in (("no_input", step.no_input.prompts), ("invalid", step.invalid.prompts)):
                yield from (((*loc, role, "prompts", index), name) for index, name in enumerate(prompts))


def targets_of(step: Step) -> list[tuple[Loc, str]]:
    """Every step that may follow this one; loc within the step."""
    if isinstance(step, Goodbye):
        return []
    if isinstance(step, Menu):
        chosen: list[tuple[Loc, str]] = [
            (("options", index, "then"), option.then) for index, option in enumerate(step.options)
        ]
        return [*chosen, *targets_without_choice(step)]
    return targets_without_choice(step)


def targets_without_choice(step: Step) -> list[tuple[Loc, str]]:
    """The steps that follow when the caller chooses nothing: silent, or wrong keys only."""
    if isinstance(step, Goodbye):
        return []
    if isinstance(step, Menu):
        return [(("no_input", "then"), step.no_input.then), (("invalid", "then"), step.invalid.then)]
    if isinstance(step, Route):
        return [(("then",), step.then), (("otherwise",), step.otherwise)]
    return [(("then",), step.then)]
