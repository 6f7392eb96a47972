"""A book as a graph: steps with their ways out, how soon each option is heard, and what callers did. Pure."""

import re
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from menus.pace import Durations, estimated, heard_in_order_s
from menus.schema import (
    Callback,
    Collect,
    Dip,
    Goodbye,
    Goto,
    Matters,
    Menu,
    MenuBook,
    OpenCase,
    Record,
    Route,
    Say,
    Send,
    Set,
    SetLanguage,
    Step,
    Survey,
    Transact,
    Transfer,
    Verify,
)

#: An entry is drawn like a step of this kind; its name begins with this, as no step's does.
ENTRY, ENTRY_MARK = "entry", "☎ "


@dataclass(frozen=True, slots=True)
class Traffic:
    """What callers did: how many calls went through a step, and from a step by which way to which other."""

    visits: Mapping[str, int] = field(default_factory=dict)  #: step → calls
    moves: Mapping[tuple[str, str, str], int] = field(default_factory=dict)  #: (step, by which way, next step) → calls
    entries: Mapping[str, int] = field(default_factory=dict)  #: entry → calls; "" is the book's own


@dataclass(frozen=True, slots=True)
class Exit:
    """One way out of a step."""

    where: str  #: as in `Step.exits`: then, options.0.then …
    to: str
    label: str  #: what it is called
    key: str = ""
    condition: str = ""  #: offered, or taken, only while this holds
    heard_s: float | None = None  #: seconds until the option was said
    calls: int | None = None  #: that left by it; None without history
    share: float | None = None  #: of the calls that came to the step


@dataclass(frozen=True, slots=True)
class Node:
    """A step, or an entry."""

    name: str
    kind: str
    says: str  #: what it says or does, in a line or two
    exits: tuple[Exit, ...]
    calls: int | None = None


@dataclass(frozen=True, slots=True)
class Graph:
    """What is drawn."""

    title: str
    nodes: Mapping[str, Node]
    beginnings: tuple[str, ...]  #: nodes from which everything is reached
    measured: bool  #: seconds are those of the rendered sounds

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of node that there are, in the order in which they come."""
        return tuple(dict.fromkeys(node.kind for node in self.nodes.values()))


def graph_of(
    book: MenuBook,
    *,
    title: str = "",
    language: str | None = None,
    menu: str | None = None,
    durations: Durations | None = None,
    traffic: Traffic | None = None,
) -> Graph:
    """The graph of a book, or of what is reached from one step until the next menus. Raises KeyError for no step."""
    spoken = language if language in book.languages else book.languages[0]
    durations = durations or estimated(book)
    made = {name: _node(book, name, step, spoken, durations, traffic) for name, step in book.steps.items()}
    if menu is not None:
        nodes = dict(_within(made, menu))
        return Graph(title or f"{book.name}: {menu}", nodes, (menu,), durations.measured)
    entries = {node.name: node for node in _entries(book, traffic)}
    order = _reached({**entries, **made}, tuple(entries))
    nodes = {name: {**entries, **made}[name] for name in order}
    rest = [name for name in made if name not in nodes]  # nothing leads there; the book's checks warn of it
    nodes |= {name: made[name] for name in rest}
    return Graph(title or book.name, nodes, (*entries, *rest), durations.measured)


def _reached(nodes: Mapping[str, Node], beginnings: tuple[str, ...]) -> list[str]:
    """Names in the order in which callers can come to them, fewest steps first."""
    order = dict.fromkeys(beginnings)
    queue = deque(beginnings)
    while queue:
        for leaving in nodes[queue.popleft()].exits:
            if leaving.to in nodes and leaving.to not in order:
                order[leaving.to] = None
                queue.append(leaving.to)
    return list(order)


def _within(nodes: Mapping[str, Node], start: str) -> Iterator[tuple[str, Node]]:
    """One step and what it leads to; other menus are named, without what follows them."""
    seen = {start}
    queue = deque([start])
    while queue:
        node = nodes[queue.popleft()]
        if node.kind == "menu" and node.name != start:
            yield node.name, Node(node.name, node.kind, node.says, (), node.calls)
            continue
        yield node.name, node
        for leaving in node.exits:
            if leaving.to in nodes and leaving.to not in seen:
                seen.add(leaving.to)
                queue.append(leaving.to)


def _entries(book: MenuBook, traffic: Traffic | None) -> Iterator[Node]:
    for name, step in book.beginnings.items():
        entry = book.entries.get(name)
        says = ", ".join(entry.numbers) if entry else "every other number" if book.entries else "every number"
        if entry and entry.campaign:
            says += f" · {entry.campaign}"
        calls = None if traffic is None else traffic.entries.get(name, 0)
        leaving = Exit("then", step, "begins", calls=calls, share=None if not calls else 1.0)
        yield Node(f"{ENTRY_MARK}{name or 'book'}", ENTRY, says, (leaving,), calls)


def _node(book: MenuBook, name: str, step: Step, language: str, durations: Durations, traffic: Traffic | None) -> Node:
    calls = None if traffic is None else traffic.visits.get(name, 0)
    heard = heard_in_order_s(name, step, language, durations) if isinstance(step, Menu) else {}
    exits = []
    for leaving, ways in _exits(step, language):
        calls_by = None if traffic is None else sum(traffic.moves.get((name, way, leaving.to), 0) for way in ways)
        share = calls_by / calls if calls_by is not None and calls else None
        exits.append(replace(leaving, heard_s=heard.get(ways[0]), calls=calls_by, share=share))
    return Node(name, step.kind, _says(book, step, language), tuple(exits), calls)


def _exits(step: Step, language: str) -> Iterator[tuple[Exit, tuple[str, ...]]]:
    """Every way out, and by which words the record of calls knows it."""
    for where, to in step.exits().items():
        match where.split("."), step:
            case ["options", index, _], Menu():
                option = step.options[int(index)]
                voice = option.voice_in(language)
                label = option.label.get(voice) or next(iter(option.label.values()), option.id)
                yield Exit(where, to, label, option.key, option.when or ""), (option.id,)
            case ["cases", index, _], Goto():
                yield Exit(where, to, "if", "", step.cases[int(index)].when), (where,)
            case ["ways", index, _], Route():
                way = step.ways[int(index)]
                yield Exit(where, to, way.prompt.replace("_", " "), way.key, way.when or ""), (where,)
            case ["no_input", _], _:
                yield Exit(where, to, "silence"), (where, "gave_up")
            case ["invalid", _], _:
                yield Exit(where, to, "wrong key" if isinstance(step, Menu) else "wrong entry"), (where, "invalid")
            case ["refused", word], _:
                yield Exit(where, to, f"refused: {word.replace('_', ' ')}"), (where,)
            case ["then"], Goto(cases=[_, *_]):
                yield Exit(where, to, "otherwise"), (where,)
            case ["case_then" | "callback_then" as word], Matters():
                yield Exit(where, to, word.removesuffix("_then"), step.key), (where,)
            case ["otherwise"], _:
                yield Exit(where, to, where), (where, "gave_up")
            case _:
                yield Exit(where, to, where), (where, "")


def _says(book: MenuBook, step: Step, language: str) -> str:
    """What a step says or does, as plain words."""

    def words(*names: str | None) -> str:
        return " ".join(book.prompts[name].text.get(language, "") for name in names if name and name in book.prompts)

    match step:
        case Say() | Goodbye():
            return words(*step.prompts)
        case Menu():
            return words(step.greeting, step.closing)
        case Route():
            needs = ", ".join(f"{skill} ≥ {level}" for skill, level in step.needs.items())
            tier = f"tier {step.tier}" if step.tier > 1 else ""
            return " · ".join(filter(None, (f"queue {step.queue}", needs, tier)))
        case SetLanguage():
            return f"speaks {step.language} from now on"
        case Set():
            return ", ".join(f"{name} = {text}" for name, text in {**step.values, **step.remember}.items())
        case Collect():
            secret = " (secret)" if step.secret else ""
            return f"{step.into}: {step.type}{secret}. {words(step.prompt)}"
        case Verify():
            return f"by {step.by}, {step.tries} tries"
        case Transact():
            return f"{step.do}({', '.join(step.given)})"
        case Send():
            return f"sends {step.template} to the {step.to}"
        case Record():
            return f"records a {step.purpose}. {words(step.prompt)}"
        case OpenCase():
            return f"opens a case: {step.subject}"
        case Callback():
            return f"callback, {step.time.replace('_', ' ')}, queue {step.queue}"
        case Survey():
            return ", ".join(question.ask for question in step.questions)
        case Matters():
            return words(step.case, step.callback, step.repeat)
        case Transfer():
            return f"connects to {step.to}"
        case Dip():
            return re.sub(r"^https?://", "", step.url)
    return ""
