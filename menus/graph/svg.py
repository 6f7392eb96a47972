"""A graph as a picture: SVG, with letters escaped, for light and dark screens, without any program."""

import re
from collections.abc import Iterator
from html import escape

from menus.graph import Graph
from menus.graph.colours import GROUPS, group_of
from menus.graph.layout import (
    BOX,
    HEAD,
    KEY,
    LINE,
    PAD,
    SMALL,
    SMALL_PX,
    TEXT_PX,
    Box,
    Drawing,
    Row,
    drawing_of,
    text_px,
    traffic_text,
    wrapped,
)

MARGIN, TOP = 28, 96  #: around the picture; the title and the legend stand above it

#: The look, apart from the shapes; the page that shows the picture has it from the server as a style sheet.
STYLE = (
    """\
.book { font: 12.5px system-ui, "Noto Sans", "Helvetica Neue", Arial, "PingFang SC", "Microsoft YaHei",
  "Noto Sans CJK SC", sans-serif; }
.book .page { fill: #f6f8fa; }
.book .box { fill: #ffffff; stroke: #cbd3dc; }
.book text { fill: #131820; }
.book .title { font-size: 20px; font-weight: 650; }
.book .quiet { fill: #55606e; font-size: 11px; }
.book .head { font-weight: 650; fill: #ffffff; }
.book .kind { font-size: 10.5px; fill: #ffffff; opacity: 0.85; }
.book .if { fill: #8a4b00; font-size: 11px; }
.book .key { fill: #eef1f4; stroke: #b7c1cc; }
.book .key-sign { font-weight: 650; font-size: 11.5px; }
.book .rule { stroke: #e3e8ee; }
.book .way { fill: none; stroke: #7b8794; stroke-opacity: 0.75; }
.book .tip { fill: #7b8794; }
.book .busy { font-weight: 650; }
"""
    + "".join(f".book .{group.name} {{ fill: {group.colour}; }}\n" for group in GROUPS.values())
    + """\
@media (prefers-color-scheme: dark) {
.book .page { fill: #0e1216; }
.book .box { fill: #171d24; stroke: #3a4653; }
.book text { fill: #e8edf2; }
.book .head, .book .kind { fill: #ffffff; }
.book .quiet { fill: #9dabb9; }
.book .if { fill: #f0b661; }
.book .key { fill: #1f2730; stroke: #4b5866; }
.book .rule { stroke: #28323c; }
.book .way { stroke: #8695a5; }
.book .tip { fill: #8695a5; }
.book .says { fill: #64748b; }
.book .ends { fill: #4b5563; }
}
"""
)


def svg(graph: Graph, note: str = "", *, styled: bool = True) -> str:
    """The whole picture; `note` stands under its title. Not styled, it is for a page that has STYLE already."""
    drawing = drawing_of(graph)
    width = max(drawing.width, 900) + 2 * MARGIN
    height = drawing.height + TOP + MARGIN
    return "\n".join(_picture(graph, drawing, note, round(width), round(height), STYLE if styled else "")) + "\n"


def _picture(graph: Graph, drawing: Drawing, note: str, width: int, height: int, style: str) -> Iterator[str]:
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="book" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img" aria-label="{_safe(graph.title)}">'
    )
    if style:
        yield f"<style>{style}</style>"
    yield f"<title>{_safe(graph.title)}</title>"
    yield f'<rect class="page" width="{width}" height="{height}"/>'
    yield _text(MARGIN, 40, graph.title, "title")
    if note:
        yield _text(MARGIN, 60, note, "quiet")
    yield from _legend(graph)
    yield f'<g transform="translate({MARGIN} {TOP})">'
    for leaving, x1, y1, x2, y2 in drawing.lines():
        bend = (x2 - x1) / 2
        wide = 1.2 + 5 * (leaving.share or 0)
        end = x2 - 7
        yield (
            f'<path class="way" stroke-width="{wide:.1f}" d="M{x1:.0f} {y1:.1f} C{x1 + bend:.0f} {y1:.1f} '
            f'{end - bend:.0f} {y2:.1f} {end:.0f} {y2:.1f}"/>'
        )
        yield f'<path class="tip" d="M{x2 - 8:.0f} {y2 - 4.5:.1f} L{x2:.0f} {y2:.1f} L{x2 - 8:.0f} {y2 + 4.5:.1f} Z"/>'
    for box in drawing.boxes.values():
        yield from _box(graph, box)
    yield "</g>"
    yield "</svg>"


def _legend(graph: Graph) -> Iterator[str]:
    x = float(MARGIN)
    used = {group_of(kind).name for kind in graph.kinds}
    for name in (name for name in GROUPS if name in used):
        yield f'<rect class="{name}" x="{x:.0f}" y="72" width="11" height="11" rx="3"/>'
        yield _text(x + 16, 82, name, "quiet")
        x += 34 + text_px(name, SMALL_PX)
    seconds = "measured" if graph.measured else "estimated"
    yield _text(x + 8, 82, f"9 s: until the option was said ({seconds})    → name: goes on at that step", "quiet")


def _box(graph: Graph, box: Box) -> Iterator[str]:
    node, group = box.node, group_of(box.node.kind)
    yield f'<g class="step" data-step="{_safe(node.name)}" transform="translate({box.x:.0f} {box.y:.1f})">'
    yield f"<title>{_safe(f'{node.name}: {node.says}' if node.says else node.name)}</title>"
    yield f'<rect class="box" width="{BOX}" height="{box.height:.0f}" rx="8"/>'
    yield f'<path class="{group.name}" d="M0 8 Q0 0 8 0 H{BOX - 8} Q{BOX} 0 {BOX} 8 V{HEAD} H0 Z"/>'
    about = node.kind if node.calls is None else f"{node.kind} · {node.calls:,} calls"
    room = BOX - 3 * PAD - text_px(about, 10.5)
    yield _text(PAD, 18, "".join(wrapped(node.name, room, TEXT_PX + 0.5, most=1)), "head")
    yield _text(BOX - PAD, 17.5, about, "kind", end=True)
    y = HEAD + PAD / 2 + 10
    for line in box.says:
        yield _text(PAD, y, line, "quiet")
        y += SMALL
    for row in box.rows:
        yield from _row(graph, row)
    yield "</g>"


def _row(graph: Graph, row: Row) -> Iterator[str]:
    leaving = row.leaving
    yield f'<line class="rule" x1="1" x2="{BOX - 1}" y1="{row.top:.1f}" y2="{row.top:.1f}"/>'
    y = row.top + 3
    left = PAD + (KEY if leaving.key else 0)
    if leaving.key:
        yield f'<rect class="key" x="{PAD}" y="{y + 1:.1f}" width="17" height="15" rx="4"/>'
        sign_x = PAD + 8.5
        yield f'<text class="key-sign" text-anchor="middle" x="{sign_x}" y="{y + 13:.1f}">{_safe(leaving.key)}</text>'
    if leaving.heard_s is not None:
        yield _text(BOX - PAD, y + 13, f"{leaving.heard_s:.0f} s", "quiet", end=True)
    for line in row.label:
        y += LINE
        yield _text(left, y - 3, line, "")
    beside = left + text_px(row.label[0], TEXT_PX) + 10 if not row.more and row.label else left
    base = y - 3
    for line in row.condition:
        y += SMALL
        yield _text(left, y - 3, line, "if")
    if row.more:
        base = y + SMALL - 3
    traffic = traffic_text(leaving)
    if row.named:
        to = graph.nodes.get(leaving.to)
        group = group_of(to.kind if to else "goodbye")
        room = BOX - PAD - beside - 13 - (text_px(traffic, SMALL_PX) + 12 if traffic else 0)
        name = "".join(wrapped(f"→ {leaving.to}", room, SMALL_PX, most=1))
        yield f'<circle class="{group.name}" cx="{beside + 4:.0f}" cy="{base - 3.5:.1f}" r="4"/>'
        yield f'<g class="to" data-step="{_safe(leaving.to)}">{_text(beside + 13, base, name, "quiet")}</g>'
    if traffic:
        look = "quiet busy" if leaving.share and leaving.share >= 0.1 else "quiet"
        yield _text(BOX - PAD, base, traffic, look, end=True)


def _text(x: float, y: float, text: str, look: str, *, end: bool = False) -> str:
    anchor = ' text-anchor="end"' if end else ""
    named = f' class="{look}"' if look else ""
    return f'<text{named}{anchor} x="{x:.0f}" y="{y:.1f}">{_safe(text)}</text>'


def _safe(text: str) -> str:
    """Text that means nothing to XML; signs that XML has no room for are left out."""
    return escape(re.sub(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "", text), quote=True)
