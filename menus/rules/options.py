"""Rules on options: menus are short enough to follow, and no two options are taken for each other."""

import re
from collections import defaultdict
from collections.abc import Iterator

from menus.pace import estimated_s
from menus.rules.finding import Finding, Loc, advice, fault
from menus.rules.outline import Outline
from menus.schema import Option

MOST_OPTIONS = 12
ADVISED_OPTIONS = 9
#: Longer labels are not taken in at one hearing.
ADVISED_LABEL_S = 4.0

_SMALL_WORDS = frozenset({"a", "an", "the", "your", "my", "our", "to", "for", "about", "other", "another"})


def length_of_menus(outline: Outline) -> Iterator[Finding]:
    """Menus without options, or with more than anybody listens to."""
    for name, menu in outline.menus.items():
        loc: Loc = ("steps", name, "options")
        counts = [len(menu.offered(language)) for language in outline.book.languages]
        if min(counts) == 0:
            yield fault(loc, "no-options", "callers in one of the languages are offered nothing; offer them something")
        if max(counts) > MOST_OPTIONS:
            message = f"{max(counts)} options; at most {MOST_OPTIONS} can be followed: split the menu"
            yield fault(loc, "too-many-options", message)
        elif max(counts) > ADVISED_OPTIONS:
            message = f"{max(counts)} options; beyond {ADVISED_OPTIONS} callers stop listening: split the menu"
            yield advice(loc, "many-options", message)


def length_of_labels(outline: Outline) -> Iterator[Finding]:
    """Labels that take too long to say."""
    for name, menu in outline.menus.items():
        for index, option in enumerate(menu.options):
            for language, label in option.label.items():
                if (seconds := estimated_s(label)) > ADVISED_LABEL_S:
                    loc: Loc = ("steps", name, "options", index, "label", language)
                    yield advice(loc, "long-label", f"takes {seconds:.1f} s to say; say it in fewer words")


def duplicate_options(outline: Outline) -> Iterator[Finding]:
    """Two options of one menu that say the same, or do the same for the same task."""
    for name, menu in outline.menus.items():
        for language in outline.book.languages:
            said: dict[str, str] = {}
            done: dict[tuple[str, str | None, str | None], str] = {}
            for index, option in enumerate(menu.options):
                if not option.offered_in(language):
                    continue
                loc: Loc = ("steps", name, "options", index)
                label = option.label.get(option.voice_in(language), "").casefold()
                does = (option.then, option.task, option.when)
                if label in said:
                    message = f"says the same as {said[label]!r}; name what sets them apart"
                    yield fault((*loc, "label"), "duplicate-label", message)
                elif option.task is not None and does in done:
                    message = f"does the same as {done[does]!r}; take one away, or give it a task of its own"
                    yield advice((*loc, "then"), "duplicate-option", message)
                said.setdefault(label, option.id)
                done.setdefault(does, option.id)


def alike_labels(outline: Outline) -> Iterator[Finding]:
    """Labels of one menu that begin alike, so that callers cannot tell them apart until the end."""
    for name, menu in outline.menus.items():
        places = {id(option): index for index, option in enumerate(menu.options)}
        for language in outline.book.languages:
            heads: dict[str, list[Option]] = defaultdict(list)
            for option in menu.offered(language):
                if option.voice_in(language) == language:
                    heads[_head(option.label[language])].append(option)
            for head, options in heads.items():
                first, *others = (option.label[language] for option in options)
                if others and others[0].casefold() != first.casefold():
                    loc: Loc = ("steps", name, "options", places[id(options[1])], "label", language)
                    message = f"{others[0]!r} begins like {first!r}: {head!r}; begin with what sets them apart"
                    yield advice(loc, "alike-labels", message)


def _head(label: str) -> str:
    """The word that a label is told by; of Chinese, the first two signs."""
    word = next(
        (found[0] for found in re.finditer(r"\w+", label.lower()) if found[0] not in _SMALL_WORDS), label.lower()
    )
    return word[:2] if re.match("[\u3400-\u9fff]", word) else word
