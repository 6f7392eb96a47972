"""Rules over a whole book: what none of its parts can break alone. docs/checks.md tells of each.

Each rule is a function that yields findings; what several rules ask of a book is worked out once, in its `Outline`.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import TypedDict

from menus.rules import (
    asking,
    bank,
    expressions,
    flow,
    keys,
    languages,
    names,
    options,
    outside,
    people,
    values,
)
from menus.rules.finding import Finding, first
from menus.rules.known import Known
from menus.rules.outline import Outline
from menus.schema import MenuBook

Rule = Callable[[Outline], Iterator[Finding]]
KnownRule = Callable[[Outline, Known], Iterator[Finding]]


class Site(TypedDict, total=False):
    """What is known of the site that a book is for; what is left out is not judged."""

    queues: Collection[str] | None  #: every queue there is
    skills: Collection[str]  #: every skill there is; none are judged when empty
    telling_waits: Collection[str]  #: those of them that tell callers the expected wait
    tiers: int | None  #: how many tiers of complaints there are
    recording: Mapping[str, str] | None  #: queue → how its callers are told: announced, asked
    time_zone: str | None
    outbound: Collection[str] | None  #: beginnings of numbers that may be called
    webhooks: Collection[str] | None  #: beginnings of addresses that may be asked


NAMES: tuple[Rule, ...] = (
    names.unknown_steps,
    names.unknown_prompts,
    names.unknown_tasks,
    names.unknown_segments,
    names.unknown_templates,
    names.unknown_numbers,
    names.unknown_hours,
    languages.unknown_languages,
    languages.missing_languages,
    keys.book_keys,
    keys.clashing_keys,
    keys.dialled_numbers,
    expressions.conditions,
    expressions.calendar,
    bank.operations,
    asking.entries,
    asking.recordings,
    asking.surveys,
    outside.callbacks_nobody_makes,
)
WAYS: tuple[Rule, ...] = (
    flow.unreachable_steps,
    flow.silent_loops,
    flow.endless_loops,
    flow.deep_menus,
    flow.rings_out,
    flow.lone_ways,
    names.never_promoted,
    expressions.unused_hours,
    options.length_of_menus,
    options.duplicate_options,
    people.explored_complaint,
    people.reused_complaint_key,
    keys.order_of_keys,
)
#: Rules that ask what is certain at a step, whatever way a call came there.
CERTAIN: tuple[KnownRule, ...] = (
    people.way_to_a_person,
    values.values,
    values.slots,
    bank.unverified,
    bank.telling_options,
    asking.callbacks,
)
#: Rules that read words, and so need them to be there.
WORDS: tuple[Rule, ...] = (
    people.late_for_a_person,
    people.far_from_a_person,
    options.length_of_labels,
    options.alike_labels,
)


def check(
    book: MenuBook,
    queues: Collection[str] | None = None,
    skills: Collection[str] = (),
    telling_waits: Collection[str] = (),
    tiers: int | None = None,
    recording: Mapping[str, str] | None = None,
    time_zone: str | None = None,
    outbound: Collection[str] | None = None,
    webhooks: Collection[str] | None = None,
) -> list[Finding]:
    """What the rules find in a book for a site as `Site` tells of it; None is not judged."""
    if beyond := list(expressions.too_many(book)):
        return beyond
    outline = Outline(book)
    found = [finding for rule in NAMES for finding in first(rule(outline))]
    found += first(outside.unsafe_numbers(outline, outbound))
    found += first(outside.unsafe_addresses(outline, webhooks))
    if skills:
        found += first(names.unknown_skills(book, skills))
    if tiers is not None:
        found += first(names.unknown_tiers(book, tiers))
    if queues is not None:
        found += first(names.unknown_queues(book, queues))
        found += names.waits_nobody_tells(book, telling_waits)
    found += first(asking.unsaid_recording(book, recording or {}))
    if time_zone is not None:
        found += names.other_time_zone(book, time_zone)
    names_are_known = all(finding.warning or not finding.code.startswith(("unknown-", "missing-")) for finding in found)
    known = Known(outline)
    for certain in CERTAIN:
        found += first(certain(outline, known))
    for rule in (*WAYS, *(WORDS if names_are_known else ())):
        found += first(rule(outline))
    return found
