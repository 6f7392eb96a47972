"""Rules on values: set before they are used on every way, of a kind that fits, and never a secret."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from menus.conditions import expressions_of, values_named, values_of
from menus.given import gives
from menus.operations import OPERATIONS
from menus.prompt_text import Slot
from menus.rules.finding import Finding, Loc, advice, fault, unknown
from menus.rules.known import Known, secret
from menus.rules.outline import Outline
from menus.rules.places import prompts_of
from menus.schema import Callback, Collect, Dip, OpenCase, Route, Send, Set, Step, Transact
from menus.schema.words import LAST_AGENT
from menus.values import ValueKind

#: How values are spoken: kind of slot → kind of value.
_SPOKEN: Mapping[str, ValueKind] = {
    "number": ValueKind.NUMBER, "count": ValueKind.NUMBER, "ordinal": ValueKind.NUMBER,
    "digits": ValueKind.DIGITS, "groups": ValueKind.DIGITS,
    "money": ValueKind.MONEY, "date": ValueKind.DATE, "time": ValueKind.TIME,
}  # fmt: skip
#: What waiting callers are told, and the slots that it must have with the way in which they are best spoken.
WAITING_SLOTS: Mapping[str, Mapping[str, str]] = {
    "position": {"position": "number"},
    "less_than": {"most": "count"},
    "between": {"least": "count", "most": "count"},
    "more_than": {"least": "count"},
}


@dataclass(frozen=True, slots=True)
class Use:
    """A value that is used somewhere."""

    step: str
    loc: Loc  #: where it is used
    name: str
    kind: ValueKind | None = None  #: what it must be; None when any kind will do
    asked: bool = False  #: a condition asks for it, and does not hold while it is not set
    optional: bool = False  #: it may be left unset on some ways
    keeps_secrets: bool = False  #: the bank may be given what nobody else may


def kinds_of(outline: Outline) -> Mapping[str, frozenset[ValueKind]]:
    """Every value that a step may give, with the kinds that it may have; of `set` steps too."""
    found = {name: set(kinds) for name, kinds in values_of(outline.book).items()}
    for step in outline.book.steps.values():
        for name, text in step.values.items() if isinstance(step, Set) else ():
            kind = outline.conditions.kind_of(text)
            found.setdefault(name, set()).update([kind] if kind else [])
    return {name: frozenset(kinds) for name, kinds in found.items()}


def secrets_of(outline: Outline) -> Mapping[str, ValueKind]:
    """The values that callers type and nobody but the bank may see, with their kinds."""
    steps = outline.book.steps.values()
    return {step.into: ValueKind(step.type) for step in steps if isinstance(step, Collect) and step.secret}


def _secret_given(use: Use, kind: ValueKind, known: Known) -> Iterator[Finding]:
    if use.kind is not None and use.kind is not kind:
        yield fault(use.loc, "wrong-kind", f"{use.name!r} is of the kind {kind}; {use.kind} is needed here")
    elif not known.at(use.step, secret(use.name)):
        way = known.without(use.step, secret(use.name))
        message = f"{use.name!r} is not typed {way}; let every way come over a step that collects it"
        yield fault(use.loc, "unset-value", message)


def values(outline: Outline, known: Known) -> Iterator[Finding]:
    """Values that no step gives, that some way leaves unset, that do not fit, or that are secret."""
    kinds, secrets = kinds_of(outline), secrets_of(outline)
    yield from _two_kinds(outline, kinds, secrets)
    for use in _uses(outline):
        if use.name in secrets and use.keeps_secrets:
            yield from _secret_given(use, secrets[use.name], known)
        elif use.name in secrets:
            message = f"{use.name!r} is secret: it is never kept, spoken or handed on; take it out here"
            yield fault(use.loc, "secret-used", message)
        elif use.name not in kinds:
            if not use.asked:  # `bad-condition` tells of those
                yield unknown(use.loc, "unknown-value", "value of the call", use.name, kinds)
        elif use.kind is not None and kinds[use.name] and use.kind not in kinds[use.name]:
            message = f"{use.name!r} is of the kind {min(kinds[use.name])}; {use.kind} is needed here"
            yield fault(use.loc, "wrong-kind", message)
        elif not use.optional and not known.at(use.step, use.name):
            way = known.without(use.step, use.name)
            if use.asked:
                message = f"{use.name!r} is not set {way}, and a condition over it does not hold then; set it before"
                yield advice(use.loc, "maybe-unset", message)
            else:
                message = f"{use.name!r} is not set {way}; let every way come over a step that sets it"
                yield fault(use.loc, "unset-value", message)


def slots(outline: Outline, known: Known) -> Iterator[Finding]:
    """Slots of prompts and messages: nothing fills them, not on every way, or not with what they speak."""
    kinds, secrets = kinds_of(outline), secrets_of(outline)
    book = outline.book
    told: set[tuple[Loc, str]] = set()
    for step, loc, place, texts, more in _said(outline):
        for language, text in texts.items():
            where = (*place, language)
            for slot in sorted(outline.slots_of(text), key=lambda slot: slot.name):
                given = more.get(slot.name)
                fits = frozenset([given]) if given else kinds.get(slot.name, frozenset())
                for finding in _slot(where, slot, fits, slot.name in secrets and not given):
                    if (where, finding.message) not in told:
                        told.add((where, finding.message))
                        yield finding
                if fits and not given and step and not known.at(step, slot.name):
                    way = known.without(step, slot.name)
                    if (loc, slot.name) not in told:
                        told.add((loc, slot.name))
                        message = (
                            f"says {slot.name!r}, which is not set {way}; let every way come over a step that sets it"
                        )
                        yield fault(loc, "unset-value", message)
    for role, name in book.waiting:
        for language, text in book.prompts[name].text.items() if name in book.prompts else ():
            filled = {slot.name for slot in outline.slots_of(text)}
            for needed, kind in WAITING_SLOTS.get(role, {}).items():
                if needed not in filled:
                    lacking = f"the slot {{{needed}:{kind}}} is missing"
                    yield fault(("prompts", name, "text", language), "missing-slot", lacking)


def _slot(where: Loc, slot: Slot, fits: frozenset[ValueKind], hidden: bool) -> Iterator[Finding]:
    if hidden:
        yield fault(where, "secret-used", f"{slot.name!r} is secret and never spoken; take the slot out")
    elif not fits:
        message = f"nothing fills {{{slot.name}}} where this is said; name a value that a step on the way gives"
        yield fault(where, "unfilled-slot", message)
    elif (needed := _SPOKEN.get(slot.kind)) is not None and needed not in fits:
        kind = min(fits)
        able = [spoken for spoken, value in _SPOKEN.items() if value is kind]
        advice_ = f"write {{{slot.name}:{able[0]}}}" if able else "it cannot be spoken"
        yield fault(where, "wrong-slot", f"{slot.name!r} is of the kind {kind}, not {needed}; {advice_}")


def _said(outline: Outline) -> Iterator[tuple[str, Loc, Loc, Mapping[str, str], Mapping[str, ValueKind]]]:
    """Everything that is said: step, where it is named, where its words stand, the words, values of this place."""
    book = outline.book
    for role, name in book.waiting:
        if name in book.prompts:
            filled = dict.fromkeys(WAITING_SLOTS.get(role, ()), ValueKind.NUMBER)
            yield "", ("waiting", role), ("prompts", name, "text"), book.prompts[name].text, filled
    for role in ("announced", "asked"):
        told: str | None = getattr(book.recorded, role, None)
        if told is not None and told in book.prompts:
            yield "", ("recorded", role), ("prompts", told, "text"), book.prompts[told].text, {}
    for role in ("frozen", "unfrozen"):
        if (named := getattr(book, role)) in book.prompts:
            yield "", (role,), ("prompts", named, "text"), book.prompts[named].text, {}
    for step_name, step in book.steps.items():
        for loc, name in prompts_of(step):
            if name in book.prompts:
                where: Loc = ("steps", step_name, *loc)
                more = _given_here(step, loc)
                yield step_name, where, ("prompts", name, "text"), book.prompts[name].text, more
        if isinstance(step, Send) and step.template in book.templates:
            template = book.templates[step.template]
            where = ("steps", step_name, "template")
            yield step_name, where, ("templates", step.template, "text"), template.text, {}


def _given_here(step: Step, loc: Loc) -> Mapping[str, ValueKind]:
    """Values that a step gives to a prompt of its own, besides those of the call."""
    if isinstance(step, Collect) and loc[0] == "confirm" and not step.secret:
        return {step.into: ValueKind(step.type)}
    if isinstance(step, Transact) and step.do in OPERATIONS and loc[0] in ("say", "each"):
        operation = OPERATIONS[step.do]
        rows = operation.rows.get(str(loc[1]), {}) if loc[0] == "each" else {}
        return {**operation.gives, **rows}
    return {}


def _uses(outline: Outline) -> Iterator[Use]:
    """Every value that a step or a condition uses, slots aside."""
    for name, step in outline.book.steps.items():
        at: Loc = ("steps", name)
        if isinstance(step, OpenCase | Callback | Route):
            for field in ("severity", "about", "against"):
                if (value := getattr(step, field)) is not None and (field, value) != ("against", LAST_AGENT):
                    yield Use(name, (*at, field), value, ValueKind.TEXT, optional=True)
        if isinstance(step, Transact) and step.do in OPERATIONS:
            operation = OPERATIONS[step.do]
            for field, value in step.given.items():
                needed = {**operation.needs, **operation.may_have}.get(field)
                if not value.isdigit():
                    yield Use(name, (*at, "given", field), value, needed, keeps_secrets=True)
        elif isinstance(step, Callback):
            if step.at is not None:
                yield Use(name, (*at, "at"), step.at, ValueKind.TIME)
            if step.number is not None:
                yield Use(name, (*at, "number"), step.number, ValueKind.DIGITS)
        elif isinstance(step, OpenCase) and step.recording is not None:
            yield Use(name, (*at, "recording"), step.recording, ValueKind.TEXT)
    for loc, text, asked in expressions_of(outline.book):
        if "values." in text:
            for value in values_named(text):
                bare = value.removesuffix("_in_days")
                yield Use(str(loc[1]), loc, bare if bare != value else value, asked=asked)


def _two_kinds(
    outline: Outline, kinds: Mapping[str, frozenset[ValueKind]], secrets: Mapping[str, ValueKind]
) -> Iterator[Finding]:
    """A value that steps give in different kinds, or that is secret in one step and plain in another."""
    mixed = {name for name, found in kinds.items() if len(found) > 1}
    for name, step in outline.book.steps.items():
        for loc, value in _gives(step):
            if value in mixed:
                told = " and ".join(sorted(kinds[value]))
                message = f"{value!r} is {told} in different steps; give each kind a name of its own"
                yield fault(("steps", name, *loc), "two-kinds", message)
                mixed.discard(value)
            elif value in secrets and not (isinstance(step, Collect) and step.secret):
                message = f"{value!r} is secret in another step; a secret has a name of its own"
                yield fault(("steps", name, *loc), "secret-used", message)


def _gives(step: Step) -> Iterator[tuple[Loc, str]]:
    for name in () if isinstance(step, OpenCase | Callback) else gives(step):
        if isinstance(step, Transact):
            yield ("do",), name
        elif isinstance(step, Set):
            yield ("values", name), name
        else:
            yield ("into", name) if isinstance(step, Dip) else ("into",), name
