"""A graph as text: Mermaid, which many viewers draw, and DOT for Graphviz."""

import json
import re
from collections.abc import Iterator

from menus.graph import Exit, Graph, Node
from menus.graph.colours import group_of


def mermaid(graph: Graph) -> str:
    """The graph in Mermaid's words."""
    ids = {name: f"n{index}" for index, name in enumerate(graph.nodes)}
    lines = ["---", f"title: {json.dumps(_printable(graph.title), ensure_ascii=False)}", "---", "flowchart LR"]
    for name, node in graph.nodes.items():
        lines.append(f'  {ids[name]}["{_mermaid(_title(node))}"]:::{node.kind}')
    for name, leaving in _edges(graph):
        label = _mermaid(_label(leaving))
        lines.append(f'  {ids[name]} -->|"{label}"| {ids[leaving.to]}')
    for kind in graph.kinds:
        group = group_of(kind)
        lines.append(f"  classDef {kind} fill:{group.pale},stroke:{group.colour},color:#111827")
    return "\n".join(lines) + "\n"


def dot(graph: Graph) -> str:
    """The graph in Graphviz's words."""
    lines = [
        "digraph book {",
        f"  label={_dot(graph.title)}; labelloc=t; rankdir=LR; nodesep=0.3; ranksep=1.2;",
        '  node [shape=box, style="rounded,filled", fontname="sans-serif", fontsize=11];',
        '  edge [fontname="sans-serif", fontsize=9];',
    ]
    for name, node in graph.nodes.items():
        group = group_of(node.kind)
        look = f'fillcolor="{group.pale}", color="{group.colour}"'
        lines.append(f"  {_dot(name)} [label={_dot(_title(node))}, {look}];")
    for name, leaving in _edges(graph):
        width = 1 + 4 * (leaving.share or 0)
        lines.append(f"  {_dot(name)} -> {_dot(leaving.to)} [label={_dot(_label(leaving))}, penwidth={width:.1f}];")
    return "\n".join([*lines, "}"]) + "\n"


def _edges(graph: Graph) -> Iterator[tuple[str, Exit]]:
    for name, node in graph.nodes.items():
        yield from ((name, leaving) for leaving in node.exits if leaving.to in graph.nodes)


def _title(node: Node) -> str:
    calls = "" if node.calls is None else f"\n{node.calls} calls"
    return f"{node.name}\n{node.kind}{calls}"


def _label(leaving: Exit) -> str:
    """Key and label, condition, seconds, traffic: what is known of it."""
    parts = [f"{leaving.key} {leaving.label}".strip()]
    if leaving.condition:
        parts.append(leaving.condition if leaving.label == "if" else f"if {leaving.condition}")
    if leaving.heard_s is not None:
        parts.append(f"{leaving.heard_s:.0f} s")
    if leaving.calls is not None:
        share = "" if leaving.share is None else f" = {leaving.share:.0%}"
        parts.append(f"{leaving.calls} calls{share}")
    return "\n".join(parts)


def _mermaid(text: str) -> str:
    """Text that Mermaid takes as it is: what has a meaning there is written as a number."""
    escaped = "".join(f"#{ord(sign)};" if sign in '"#&<>[]{}|`\\;:' else sign for sign in _printable(text))
    return escaped.replace("\n", "<br>")


def _dot(text: str) -> str:
    inside = _printable(text).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{inside}"'


def _printable(text: str) -> str:
    return re.sub(r"[\x00-\x09\x0b-\x1f\x7f]", " ", text)
