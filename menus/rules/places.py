"""Where in a book its menus, options and names stand."""

from collections.abc import Iterator, Mapping

from menus.rules.finding import Loc
from menus.schema import Collect, Matters, Menu, MenuBook, Option, Record, Route, Step, Survey, Transact, Verify


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
        if name is not None:
            yield ("waiting", role), name
    if book.calling_back is not None:
        yield ("calling_back", "greeting"), book.calling_back.greeting
    for role in ("announced", "asked"):
        if (said := getattr(book.recorded, role, None)) is not None:
            yield ("recorded", role), said
    for role in ("frozen", "unfrozen"):
        if (name := getattr(book, role)) is not None:
            yield (role,), name
    for step_name, step in book.steps.items():
        yield from (((("steps", step_name, *loc)), name) for loc, name in prompts_of(step))


#: Fields of steps that name one prompt.
_ONE = (
    "greeting", "greeting_again", "closing", "prompt", "confirm", "ask_customer", "ask_secret", "wrong", "wait",
    "review", "thanks", "case", "callback", "repeat",
)  # fmt: skip
#: Fields that name several, in a list or by a word.
_LISTS, _MAPPINGS = ("prompts", "say"), ("each", "repeat_named")


def prompts_of(step: Step) -> Iterator[tuple[Loc, str]]:
    """Every name of a prompt that a step says, and where within the step it stands."""
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
    return [(loc_of(where), target) for where, target in step.exits().items()]


#: By kind of step, the beginnings of exits that take something from the caller: a key, digits, words.
_CHOSEN: Mapping[type[Step], tuple[str, ...]] = {
    Menu: ("options.",),
    Collect: ("then",),
    Verify: ("then",),
    Record: ("then",),
    Matters: ("case_then", "callback_then"),
    Route: ("ways.",),
}


def chosen(step: Step, where: str) -> bool:
    """Whether a caller leaves a step by this exit only after pressing or saying something."""
    if isinstance(step, Transact) and step.confirm is not None:
        return where not in ("cancelled", "otherwise")
    return where.startswith(_CHOSEN.get(type(step), ()))


def loc_of(where: str) -> Loc:
    """The place within a step that `Step.exits` writes with dots."""
    return tuple(int(part) if part.isdigit() else part for part in where.split("."))
