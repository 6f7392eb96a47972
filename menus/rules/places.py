"""Where in a book its menus, options and names stand."""

from collections.abc import Iterator

from menus.rules.finding import Loc
from menus.schema import Collect, Menu, MenuBook, Option, Route, Step, Survey


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
    if book.calling_back is not None:
        yield ("calling_back", "greeting"), book.calling_back.greeting
    for role in ("frozen", "unfrozen"):
        if (name := getattr(book, role)) is not None:
            yield (role,), name
    for step_name, step in book.steps.items():
        yield from (((("steps", step_name, *loc)), name) for loc, name in _prompts_of(step))


#: Fields of steps that name one prompt.
_ONE = (
    "greeting", "greeting_again", "closing", "prompt", "confirm", "ask_customer", "ask_secret", "wrong", "wait",
    "review", "thanks", "case", "callback", "repeat",
)  # fmt: skip
#: Fields that name several, in a list or by a word.
_LISTS, _MAPPINGS = ("prompts", "say"), ("each", "repeat_named")


def _prompts_of(step: Step) -> Iterator[tuple[Loc, str]]:
    for role in _ONE:
        if isinstance(name := getattr(step, role, None), str):
            yield (role,), name
    for role in _LISTS:
        yield from (((role, index), name) for index, name in enumerate(getattr(step, role, ())))
    for role in _MAPPINGS:
        yield from (((role, word), name) for word, name in getattr(step, role, {}).items())
    for role in ("no_input", "invalid"):
        if (rule := getattr(step, role, None)) is not None:
            yield from (((role, "prompts", index), name) for index, name in enumerate(rule.prompts))
    if isinstance(step, Survey):
        yield from ((("questions", index, "prompt"), one.prompt) for index, one in enumerate(step.questions))
    if isinstance(step, Route):
        yield from ((("ways", index, "prompt"), way.prompt) for index, way in enumerate(step.ways))


def targets_of(step: Step) -> list[tuple[Loc, str]]:
    """Every step that may follow this one; loc within the step."""
    return [(_loc(where), target) for where, target in step.exits().items()]


def targets_without_choice(step: Step) -> list[tuple[Loc, str]]:
    """The steps that follow when the caller chooses nothing: silent, or wrong keys only."""
    exits = list(step.exits().items())
    if isinstance(step, Menu):
        exits = [(where, target) for where, target in exits if not where.startswith("options.")]
    elif isinstance(step, Collect):
        exits = [(where, target) for where, target in exits if where != "then"]
    elif isinstance(step, Route):
        exits = [(where, target) for where, target in exits if not where.startswith("ways.")]
    return [(_loc(where), target) for where, target in exits]


def _loc(where: str) -> Loc:
    return tuple(int(part) if part.isdigit() else part for part in where.split("."))
