"""Where everything of a picture stands: steps in columns, each right of the step that leads to it first.

A way to the next column is a line in the gap between the two, so that no line ever crosses a box. Every other way
(back, far, or to a step that many lead to) is told by the name of its step, in the row where it begins.
"""

import unicodedata
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from menus.graph import Exit, Graph, Node

BOX, GUTTER, GAP = 286, 96, 20  #: widths of boxes and of the gaps beside and below them
HEAD, PAD, LINE, SMALL = 26, 9, 16, 14  #: heights
TEXT_PX, SMALL_PX = 12.5, 11.0  #: sizes of letters
KEY, SECONDS = 24, 42  #: widths kept for the key and the seconds of a row
#: Steps that more ways than this lead to are named instead of being drawn to.
MOST_LINES = 3

_NARROW = frozenset("iljtfrI.,:;'|!()[] ·")


@dataclass(frozen=True, slots=True)
class Row:
    """One way out, as it stands in its box."""

    leaving: Exit
    top: float  #: from the top of the box
    height: float
    label: tuple[str, ...]
    condition: tuple[str, ...]
    named: bool  #: by the step that it leads to, instead of a line
    more: bool  #: name and traffic stand on a line of their own


@dataclass(frozen=True, slots=True)
class Box:
    """One step, as it stands in the picture."""

    node: Node
    x: float
    y: float
    height: float
    says: tuple[str, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture with its size."""

    boxes: Mapping[str, Box]
    width: float
    height: float

    def lines(self) -> Iterator[tuple[Exit, float, float, float, float]]:
        """Every way that is drawn, with where it begins and ends."""
        for box in self.boxes.values():
            for row in box.rows:
                if not row.named:
                    to = self.boxes[row.leaving.to]
                    yield row.leaving, box.x + BOX, box.y + row.top + row.height / 2, to.x, to.y + HEAD / 2


def drawing_of(graph: Graph) -> Drawing:
    """The places of everything in a graph."""
    column, children = _columns(graph)
    ways_to: dict[str, set[str]] = {name: set() for name in graph.nodes}
    for name, node in graph.nodes.items():
        for leaving in node.exits:
            ways_to.setdefault(leaving.to, set()).add(name)

    def named(name: str, leaving: Exit) -> bool:
        if leaving.to not in graph.nodes or column[leaving.to] != column[name] + 1:
            return True
        return leaving.to not in children[name] and len(ways_to[leaving.to]) > MOST_LINES

    sized = {name: _box(node, [named(name, leaving) for leaving in node.exits]) for name, node in graph.nodes.items()}
    tops = _tops(graph.beginnings, column, children, {name: box.height for name, box in sized.items()})
    boxes = {
        name: Box(box.node, column[name] * (BOX + GUTTER), tops[name], box.height, box.says, box.rows)
        for name, box in sized.items()
    }
    width = max((box.x for box in boxes.values()), default=0) + BOX
    return Drawing(boxes, width, max((box.y + box.height for box in boxes.values()), default=0))


def _columns(graph: Graph) -> tuple[dict[str, int], dict[str, list[str]]]:
    """The column of each step, and the steps that stand right of it because it leads to them first."""
    column = dict.fromkeys(graph.beginnings, 0)
    children: dict[str, list[str]] = {name: [] for name in graph.nodes}
    queue = deque(graph.beginnings)
    while queue:
        name = queue.popleft()
        for leaving in graph.nodes[name].exits:
            if leaving.to in graph.nodes and leaving.to not in column:
                column[leaving.to] = column[name] + 1
                children[name].append(leaving.to)
                queue.append(leaving.to)
    return column, children


def _tops(
    beginnings: tuple[str, ...],
    column: Mapping[str, int],
    children: Mapping[str, list[str]],
    heights: Mapping[str, float],
) -> dict[str, float]:
    """How far down each box stands: below its neighbour, in the middle of those it leads to where there is room."""
    free = dict.fromkeys(range(max(column.values(), default=0) + 2), 0.0)
    tops: dict[str, float] = {}
    least: dict[str, float] = {}
    stack = [(name, False, 0.0) for name in reversed(beginnings)]
    while stack:
        name, placed, at_least = stack.pop()
        here = column[name]
        if not placed:
            least[name] = max(free[here], at_least)
            stack.append((name, True, 0.0))
            stack += [(child, False, least[name]) for child in reversed(children[name])]
            continue
        top = max(free[here], least[name])
        if children[name]:
            first, last = children[name][0], children[name][-1]
            top = max(top, (tops[first] + tops[last] + heights[last] - heights[name]) / 2)
        tops[name] = top
        free[here] = top + heights[name] + GAP
    return tops


def _box(node: Node, named: list[bool]) -> Box:
    says = wrapped(node.says, BOX - 2 * PAD, SMALL_PX, most=2)
    top: float = HEAD + (PAD / 2 + len(says) * SMALL if says else 0) + PAD / 2
    rows = []
    for leaving, is_named in zip(node.exits, named, strict=True):
        row = _row(leaving, top, is_named)
        rows.append(row)
        top += row.height
    return Box(node, 0, 0, top + (PAD / 2 if rows else 0), says, tuple(rows))


def _row(leaving: Exit, top: float, named: bool) -> Row:
    room = BOX - 2 * PAD - (KEY if leaving.key else 0) - (SECONDS if leaving.heard_s is not None else 0)
    label = wrapped(leaving.label, room, TEXT_PX, most=2)
    condition = leaving.condition if leaving.label == "if" else f"if {leaving.condition}" if leaving.condition else ""
    lines = wrapped(condition, BOX - 2 * PAD - KEY, SMALL_PX, most=3)
    if leaving.label == "if" and lines:
        label, lines = (), (f"if {lines[0]}", *lines[1:])
    more = leaving.heard_s is not None and (named or leaving.calls is not None)
    more |= len(label) != 1 or text_px(label[0], TEXT_PX) + _more_px(leaving, named) > room
    more &= named or leaving.calls is not None
    height = 6 + len(label) * LINE + len(lines) * SMALL + (SMALL if more else 0)
    return Row(leaving, top, height, label, lines, named, more)


def traffic_text(leaving: Exit) -> str:
    """Calls and their share; empty without history."""
    if leaving.calls is None:
        return ""
    return f"{leaving.calls:,}" + ("" if leaving.share is None else f" · {leaving.share:.0%}")


def _more_px(leaving: Exit, named: bool) -> float:
    """About how wide name and traffic are."""
    return (30 + text_px(f"→ {leaving.to}", SMALL_PX) if named else 0) + 12 + text_px(traffic_text(leaving), SMALL_PX)


def text_px(text: str, size: float) -> float:
    """About how wide a text is."""
    wide = sum(1.0 if unicodedata.east_asian_width(sign) in "WF" else _latin(sign) for sign in text)
    return wide * size


def _latin(sign: str) -> float:
    return 0.34 if sign in _NARROW else 0.74 if sign.isupper() or sign in "mwMW@%" else 0.61


def wrapped(text: str, room: float, size: float, *, most: int) -> tuple[str, ...]:
    """A text in lines that fit, the last one cut short with … when there is more."""
    lines: list[str] = []
    line = ""
    pieces = _pieces(text, room, size)
    for piece in pieces:
        if not line:
            line = piece.lstrip()
        elif text_px((line + piece).rstrip(), size) <= room:
            line += piece
        else:
            lines.append(line.rstrip())
            line = piece.lstrip()
    lines += [line.rstrip()] if line.strip() else []
    if len(lines) > most:
        last = lines[most - 1]
        while last and text_px(last + "…", size) > room:
            last = last[:-1]
        lines = [*lines[: most - 1], f"{last.rstrip()}…"]
    return tuple(lines)


def _pieces(text: str, room: float, size: float) -> Iterator[str]:
    """Where a line may be broken: before words, between Chinese signs, within a word that is too long."""
    word = ""
    for sign in text:
        wide = unicodedata.east_asian_width(sign) in "WF"
        if word and (sign.isspace() or wide or text_px(word + sign, size) > room):
            yield word
            word = ""
        word += sign
        if wide and not unicodedata.category(sign).startswith("P"):
            yield word
            word = ""
    if word:
        yield word
