"""The book as a graph and as a picture: every way is there, nothing crosses a box, and no text is ever markup."""

import re
from itertools import pairwise
from xml.etree import ElementTree as xml

import pytest

from ivr.testing.books import SMALL, book_with_a_menu_after_talks, small_book
from menus.graph import Graph, Traffic, graph_of
from menus.graph.layout import BOX, GAP, drawing_of, text_px, wrapped
from menus.graph.svg import svg
from menus.graph.text import dot, mermaid
from menus.loader import read_book
from menus.schema import MenuBook

HOSTILE = "<script>alert(1)</script>&\"']]>\u202e{x}|`"


def _large_book(menus: int = 16) -> MenuBook:
    """A book of some hundred steps: menus under menus, loops back, long labels."""
    lines = []
    for number in range(menus):
        options = "\n".join(
            f"      - {{id: o{n}, key: {n}, label: {{en: choice {n} of menu {number} with a rather long name, "
            f"zh: 选择{n}}}, then: {f'm{number * 2 + n}' if n < 3 and number * 2 + n < menus else f'r{number}x{n}'}}}"
            for n in range(1, 6)
        )
        ends = "    no_input: {prompts: [silent], then: main}\n    invalid: {prompts: [wrong], then: nobody}"
        lines.append(f"  m{number}:\n    kind: menu\n    options:\n{options}\n{ends}")
        lines += [
            f"  r{number}x{n}: {{kind: route, queue: general, reason: R, then: thanks, otherwise: m{number}}}"
            for n in range(1, 6)
        ]
    return read_book({"book.yaml": SMALL.replace("then: cards}", "then: m0}") + "\n".join(lines) + "\n"})


def test_every_step_and_every_way_is_in_the_graph() -> None:
    book = book_with_a_menu_after_talks()
    graph = graph_of(book)
    assert {name: dict(step.exits()) for name, step in book.steps.items()} == {
        name: {leaving.where: leaving.to for leaving in node.exits}
        for name, node in graph.nodes.items()
        if node.kind != "entry"
    }
    assert graph.nodes["☎ book"].exits[0].to == "hello"


def test_ways_have_key_label_condition_and_seconds() -> None:
    text = SMALL.replace("{id: lost, key: 1,", "{id: lost, key: 1, when: customer.known,")
    graph = graph_of(read_book({"book.yaml": text}), language="zh")
    lost, agent, silence, wrong = graph.nodes["cards"].exits
    assert (lost.key, lost.label, lost.condition) == ("1", "挂失", "customer.known")
    assert (silence.label, wrong.label) == ("silence", "wrong key")
    assert lost.heard_s is not None
    assert agent.heard_s is not None
    assert lost.heard_s < agent.heard_s
    assert silence.heard_s is None


def test_an_option_is_heard_later_than_those_before_it() -> None:
    heard = [leaving.heard_s for leaving in graph_of(small_book()).nodes["main"].exits if leaving.heard_s]
    assert len(heard) == 6  # English is not offered to who hears English
    assert all(sooner < later for sooner, later in pairwise(heard))


def test_traffic_is_told_by_way_as_calls_and_share() -> None:
    traffic = Traffic(
        visits={"main": 200, "cards": 50},
        moves={("main", "cards", "cards"): 50, ("main", "gave_up", "general"): 20, ("main", "invalid", "general"): 5},
        entries={"": 200},
    )
    graph = graph_of(small_book(), traffic=traffic)
    told = {leaving.where: (leaving.calls, leaving.share) for leaving in graph.nodes["main"].exits}
    assert told["options.2.then"] == (50, 0.25)
    assert told["no_input.then"] == (20, 0.1)
    assert told["invalid.then"] == (5, 0.025)
    assert told["options.0.then"] == (0, 0.0)
    assert graph.nodes["☎ book"].calls == 200


def test_without_history_nothing_is_said_of_traffic() -> None:
    graph = graph_of(small_book())
    assert {leaving.calls for node in graph.nodes.values() for leaving in node.exits} == {None}
    assert " calls" not in svg(graph)


def test_one_menu_is_drawn_with_what_it_leads_to() -> None:
    graph = graph_of(_large_book(), menu="m1")
    assert graph.beginnings == ("m1",)
    assert graph.nodes["m3"].exits == ()  # another menu is named, not followed
    assert {"r1x5", "thanks"} <= graph.nodes.keys()
    assert "m7" not in graph.nodes


@pytest.fixture(scope="module")
def large() -> Graph:
    return graph_of(_large_book(), title="Large")


def test_no_box_covers_another_and_no_line_leaves_its_gap(large: Graph) -> None:
    drawing = drawing_of(large)
    assert len(drawing.boxes) > 100
    columns: dict[float, list[tuple[float, float]]] = {}
    for box in drawing.boxes.values():
        columns.setdefault(box.x, []).append((box.y, box.y + box.height))
    for boxes in columns.values():
        assert all(low[1] + GAP <= high[0] + 0.01 for low, high in pairwise(sorted(boxes)))
    xs = sorted(columns)
    for _, x1, y1, x2, y2 in drawing.lines():
        assert xs.index(x2) == xs.index(x1 - BOX) + 1
        assert 0 <= min(y1, y2) <= max(y1, y2) <= drawing.height


def test_every_way_is_a_line_or_names_its_step(large: Graph) -> None:
    drawing = drawing_of(large)
    ways = sum(len(node.exits) for node in large.nodes.values())
    named = sum(row.named for box in drawing.boxes.values() for row in box.rows)
    assert len(list(drawing.lines())) + named == ways
    assert named > 0


def test_a_long_chain_of_steps_is_drawn() -> None:
    chain = "\n".join(f"  s{n}: {{kind: say, prompts: [bye], then: s{n + 1}}}" for n in range(2000))
    text = SMALL.replace("then: main}", "then: s0}", 1) + f"{chain}\n  s2000: {{kind: goodbye}}\n"
    assert len(drawing_of(graph_of(read_book({"book.yaml": text}))).boxes) > 2000


def test_text_is_wrapped_to_its_room_and_cut_short_at_last() -> None:
    for text in ("a transfer to an account at another bank", "转账到其他银行的账户以及其他业务" * 3, "x" * 200):
        lines = wrapped(text, 150, 12, most=2)
        assert 1 < len(lines) <= 2
        assert all(text_px(line, 12) <= 150 for line in lines)
    assert wrapped("short", 150, 12, most=2) == ("short",)
    assert wrapped("", 150, 12, most=2) == ()
    assert wrapped("x" * 200, 150, 12, most=1)[0].endswith("…")


def _hostile() -> Graph:
    text = SMALL.replace("Small Bank", "'" + HOSTILE.replace("'", "''").replace("\u202e", "") + "'")
    text = text.replace("en: a lost card", "en: '<b>\"lost\" & | card; #1\\'")
    return graph_of(read_book({"book.yaml": text}))


def test_hostile_text_is_text_in_the_picture() -> None:
    root = xml.fromstring(svg(_hostile(), note=HOSTILE + "\x00\x1b\ud800"))
    tags = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert tags == {"svg", "style", "title", "rect", "g", "path", "text", "line", "circle"}
    said = [element.text for element in root.iter() if element.tag.endswith("text")]
    assert any(text and text.startswith("<script>alert(1)</script>") for text in said)
    assert any(text and text.startswith('<b>"lost" & | card') for text in said)


def test_hostile_text_is_text_in_mermaid_and_dot() -> None:
    drawn = mermaid(_hostile())
    label = r'"[^"<>|]*(<br>[^"<>|]*)*"'
    shape = re.compile(rf"  n\d+\[{label}\]:::\w+|  n\d+ -->\|{label}\| n\d+|  classDef .*")
    for line in drawn.splitlines()[4:]:
        assert shape.fullmatch(line), line
    assert '\\"lost\\" & | card; #1\\\\\\n' in dot(_hostile())


def test_mermaid_and_dot_have_every_step_and_way() -> None:
    graph = graph_of(small_book())
    ways = sum(len(node.exits) for node in graph.nodes.values())
    assert mermaid(graph).count(" -->|") == ways
    assert mermaid(graph).count(":::") == len(graph.nodes)
    assert dot(graph).count(" -> ") == ways
