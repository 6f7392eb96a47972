"""Rules on options: complaint and agent are always at hand, keys mean one thing, menus are short enough to follow."""

import re
from collections import defaultdict
from collections.abc import Iterator

from menus.pace import heard_after_s
from menus.rules.finding import Finding, Loc, advice, fault
from menus.rules.flow import top_menu
from menus.rules.places import menus_of
from menus.schema import AGENT_TASK, COMPLAINT_TASK, Menu, MenuBook, Option

MOST_OPTIONS = 12
ADVISED_OPTIONS = 9

_SMALL_WORDS = frozenset({"a", "an", "the", "your", "my", "our", "to", "for", "about", "other", "another"})


def clashing_options(book: MenuBook) -> Iterator[Finding]:
    """Two options on one key or under one id, and options on the keys that mean back and repeat everywhere."""
    if book.back_key == book.repeat_key:
        yield fault(("repeat_key",), "duplicate-key", f"key {book.back_key} cannot mean both back and repeat")
    for name, menu in menus_of(book):
        ids: set[str] = set()
        keys: dict[tuple[str, str], str] = {}
        for index, option in enumerate(menu.options):
            loc: Loc = ("steps", name, "options", index)
            if option.id in ids:
                yield fault((*loc, "id"), "duplicate-id", f"{option.id!r} stands twice in this menu")
            ids.add(option.id)
            if option.key in (book.back_key, book.repeat_key):
                yield fault((*loc, "key"), "global-key", f"key {option.key} means back or repeat in every menu")
            offered = [language for language in book.languages if option.offered_in(language)]
            taken = {keys[language, option.key] for language in offered if (language, option.key) in keys}
            if taken:
                yield fault((*loc, "key"), "duplicate-key", f"key {option.key} already means {min(taken)!r}")
            keys.update({(language, option.key): option.id for language in offered})


def length_of_menus(book: MenuBook) -> Iterator[Finding]:
    """Menus without options, or with more than anybody listens to."""
    for name, menu in menus_of(book):
        loc: Loc = ("steps", name, "options")
        counts = [len(menu.offered(language)) for language in book.languages]
        if min(counts) == 0:
            yield fault(loc, "no-options", "callers in one of the languages are offered nothing")
        if max(counts) > MOST_OPTIONS:
            yield fault(loc, "too-many-options", f"{max(counts)} options; at most {MOST_OPTIONS} can be followed")
        elif max(counts) > ADVISED_OPTIONS:
            yield advice(loc, "many-options", f"{max(counts)} options; beyond {ADVISED_OPTIONS} callers stop listening")


def way_to_a_person(book: MenuBook) -> Iterator[Finding]:
    """Complaint and agent: in the top menu, pinned, on one key everywhere; the agent in every menu."""
    top = top_menu(book)
    if top is None:
        yield fault(("entry",), "no-top-menu", "calls do not come to a menu from here, so nobody reaches an agent")
        return
    for task in (COMPLAINT_TASK, AGENT_TASK):
        key: str | None = None
        for name, menu in sorted(menus_of(book), key=lambda named: named[0] != top):
            for language in book.languages if name == top or task == AGENT_TASK else ():
                if not any(option.task == task for option in menu.offered(language)):
                    message = f"callers in {language!r} find no option with task: {task} here"
                    yield fault(("steps", name, "options"), f"no-{task}", message)
            for index, option in enumerate(menu.options):
                loc: Loc = ("steps", name, "options", index)
                if option.task == task and not option.pinned:
                    yield fault(loc, "not-pinned", f"the option with task: {task} needs pinned: true")
                if option.task == task and option.key != (key := key or option.key):
                    yield fault((*loc, "key"), "moved-key", f"{task} is on key {key} elsewhere; keep it there")


def reused_complaint_key(book: MenuBook) -> Iterator[Finding]:
    """Another matter on the key that means complaint in the top menu."""
    top = top_menu(book)
    menus = dict(menus_of(book))
    keys = {option.key for option in menus[top].options if option.task == COMPLAINT_TASK} if top else set()
    for name, menu in menus.items():
        for index, option in enumerate(menu.options):
            if option.key in keys and option.task != COMPLAINT_TASK:
                loc: Loc = ("steps", name, "options", index, "key")
                yield advice(loc, "complaint-key", f"key {option.key} means a complaint in the top menu")


def late_for_a_person(book: MenuBook) -> Iterator[Finding]:
    """Complaint and agent that are said later than the book promises, in the worst personal order."""
    top = top_menu(book)
    menu = book.steps.get(top) if top else None
    if not isinstance(menu, Menu):
        return
    for language in book.languages:
        for index, option in enumerate(menu.options):
            if option.task in (COMPLAINT_TASK, AGENT_TASK) and option in menu.offered(language):
                seconds = heard_after_s(book, menu, option, language)
                if seconds > book.heard_within_s:
                    message = (
                        f"heard after {seconds:.0f} s in {language!r}; the book promises {book.heard_within_s:g} s"
                    )
                    yield fault(("steps", str(top), "options", index), "heard-late", message)


def order_of_keys(book: MenuBook) -> Iterator[Finding]:
    """Keys that are not spoken in ascending order, or leave one out; 0 is the last."""
    for name, menu in menus_of(book):
        for language in book.languages:
            keys = [int(option.key) or 10 for option in menu.offered(language) if option.key.isdigit()]
            loc: Loc = ("steps", name, "options")
            if keys != sorted(keys):
                yield advice(loc, "key-order", f"the keys in {language!r} are not in ascending order")
            elif missing := sorted(set(range(1, max([key for key in keys if key < 10], default=0))) - set(keys)):
                yield advice(loc, "key-gap", f"key {missing[0]} is left out in {language!r}")


def alike_labels(book: MenuBook) -> Iterator[Finding]:
    """Labels of one menu that begin alike, so that callers cannot tell them apart until the end."""
    for name, menu in menus_of(book):
        for language in book.languages:
            heads: dict[str, list[Option]] = defaultdict(list)
            for option in menu.offered(language):
                if option.voice_in(language) == language:
                    heads[_head(option.label[language])].append(option)
            for head, options in heads.items():
                if len(options) > 1:
                    loc: Loc = ("steps", name, "options", menu.options.index(options[1]), "label", language)
                    message = f"{options[1].label[language]!r} begins like {options[0].label[language]!r}: {head!r}"
                    yield advice(loc, "alike-labels", message)


def _head(label: str) -> str:
    """The word that a label is told by; of Chinese, the first two signs."""
    word = next(
        (found[0] for found in re.finditer(r"\w+", label.lower()) if found[0] not in _SMALL_WORDS), label.lower()
    )
    return word[:2] if re.match("[\u3400-\u9fff]", word) else word
