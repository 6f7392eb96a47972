"""Rules over a whole book: what none of its parts can break alone. Each is a function that yields findings."""

from collections.abc import Callable, Collection, Iterator

from menus.rules import flow, names, options
from menus.rules.finding import Finding
from menus.schema import MenuBook

Rule = Callable[[MenuBook], Iterator[Finding]]

NAMES: tuple[Rule, ...] = (
    names.unknown_steps,
    names.unknown_prompts,
    names.unknown_tasks,
    names.unknown_languages,
    names.missing_languages,
    names.misplaced_slots,
    options.clashing_options,
)
WAYS: tuple[Rule, ...] = (
    flow.unreachable_steps,
    flow.endless_loops,
    flow.deep_menus,
    options.length_of_menus,
    options.way_to_a_person,
    options.reused_complaint_key,
    options.order_of_keys,
)
#: Rules that read words, and so need them to be there.
WORDS: tuple[Rule, ...] = (options.late_for_a_person, options.alike_labels)


def check(book: MenuBook, queues: Collection[str] | None = None, time_zone: str | None = None) -> list[Finding]:
    """What the rules find; `queues` names every queue there is, `time_zone` the site's; None when that is not known."""
    found = [finding for rule in NAMES for finding in rule(book)]
    if queues is not None:
        found += names.unknown_queues(book, queues)
    if time_zone is not None:
        found += names.other_time_zone(book, time_zone)
    words_are_there = all(finding.warning for finding in found)
    for rule in (*WAYS, *(WORDS if words_are_there else ())):
        found += rule(book)
    return found
