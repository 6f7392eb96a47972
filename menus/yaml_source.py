"""YAML text → pydantic model, or every fault of the text with its line and column.

Scalars stay text until the model decides what they are, so `no`, `0123`, `17:30` and `+1800` are never guessed at.
Limits keep the time bounded for hostile text. `read_yaml` is the way in; the loader of books uses `parse` and `build`.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from menus.yaml_shape import close_match, misspellings, quoted

M = TypeVar("M", bound=BaseModel)

MOST_BYTES = 2 * 1024 * 1024  #: a large bank's book is below 200 kB
MOST_DEPTH = 50  #: a book needs 6
MOST_NODES = 20_000  #: of one file; a menu of nine options has about 250
MOST_FAULTS = 200  #: nobody reads more; the last one says that there are more

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NOTHING = frozenset({"", "~", "null", "Null", "NULL"})


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing wrong in a file; prints as `file:line:col: code: message`."""

    file: str
    line: int  #: from 1
    col: int  #: from 1
    code: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.col}: {self.code}: {self.message}"


class Faults(Exception):
    """Everything that is wrong in one or more files."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        found = sorted(set(faults))
        if len(found) > MOST_FAULTS:
            last = found[MOST_FAULTS - 1]
            more = Fault(last.file, last.line, last.col, "more", f"and {len(found) - MOST_FAULTS} further faults")
            found = [*found[:MOST_FAULTS], more]
        self.faults: tuple[Fault, ...] = tuple(found)
        super().__init__("\n".join(map(str, self.faults)))


@dataclass(slots=True)
class Node:
    """A piece of YAML and where it stands; a scalar is text, or None when nothing is written."""

    file: str
    line: int
    col: int
    value: "str | list[Node] | dict[str, Node] | None"
    keys: dict[str, tuple[int, int]] = field(default_factory=dict)  #: of a mapping: line and column of each key
    size: int = 1  #: of a whole file: how many values it has

    def fault(self, code: str, message: str) -> Fault:
        """A fault at this place."""
        return Fault(self.file, self.line, self.col, code, message)

    def fault_at_key(self, key: str, code: str, message: str) -> Fault:
        """A fault at a key of this mapping."""
        line, col = self.keys.get(key, (self.line, self.col))
        return Fault(self.file, line, col, code, message)

    def plain(self) -> Any:
        """Dictionaries, lists, text and None."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value

    def child(self, part: str | int) -> "Node | None":
        """The value under a key or at an index; None when there is none."""
        if isinstance(self.value, dict):
            return self.value.get(str(part))
        if isinstance(self.value, list) and isinstance(part, int) and part < len(self.value):
            return self.value[part]
        return None

    def at(self, loc: Sequence[str | int]) -> "Node":
        """The node that a pydantic `loc` means, or the nearest above it; union tags within `loc` are passed over."""
        return self._walk(loc)[1]

    def _walk(self, loc: Sequence[str | int]) -> "tuple[int, Node]":
        if not loc:
            return 0, self
        below = self.child(loc[0])
        passed = self._walk(loc[1:]) if len(loc) > 1 else (0, self)
        if below is None:
            return passed
        steps, node = below._walk(loc[1:])
        return max(passed, (steps + 1, node), key=lambda found: found[0])


def read_yaml(text: str, file: str, model: type[M]) -> M:
    """The model that the text describes; `file` is the name shown in faults. Raises Faults with all of them."""
    node, faults = parse(text, file)
    built, more = build(node, model) if node else (None, [])
    if built is None or faults or more:
        raise Faults([*faults, *more])
    return built


def parse(text: str, file: str) -> tuple[Node | None, list[Fault]]:
    """The tree of the text as far as it could be read, and what is wrong with its YAML. Empty text is no keys."""
    at_top = Node(file, 1, 1, {})
    if len(text) > MOST_BYTES or len(text.encode("utf-8", "surrogatepass")) > MOST_BYTES:
        return None, [at_top.fault("too-large", f"the file is larger than {MOST_BYTES // 1024} KiB")]
    if odd := _UNPRINTABLE.search(text):
        before = text[: odd.start()]
        line, col = before.count("\n") + 1, len(before) - before.rfind("\n")
        return None, [Fault(file, line, col, "unprintable", f"the character U+{ord(odd[0]):04X} may not stand in YAML")]
    return _Builder(file, at_top).read(text)


def build(node: Node, model: type[M]) -> tuple[M | None, list[Fault]]:
    """The model from a tree, or None and all faults that keep it from being one."""
    data = node.plain()
    faults = [_misspelling(node, *found) for found in misspellings(data, model, MOST_FAULTS)]
    seen = {(fault.file, fault.line, fault.col) for fault in faults}
    try:
        built = model.model_validate(data)
    except ValidationError as invalid:
        for error in invalid.errors(include_url=False, include_input=False)[:MOST_FAULTS]:
            fault = _translate(node, error)
            if (fault.file, fault.line, fault.col) not in seen:
                faults.append(fault)
        return None, faults
    return (None, faults) if faults else (built, [])


def _misspelling(root: Node, path: tuple[str | int, ...], code: str, message: str) -> Fault:
    if code == "unknown-key":
        return root.at(path[:-1]).fault_at_key(str(path[-1]), code, message)
    return root.at(path).fault(code, message)


def _translate(root: Node, error: Any) -> Fault:
    kind, loc, context = error["type"], error["loc"], error.get("ctx", {})
    message = str(error["msg"]).removeprefix("Value error, ").removeprefix("Assertion failed, ")
    if loc and loc[-1] == "[key]":
        return root.at(loc[:-2]).fault_at_key(str(loc[-2]), "wrong-value", message)
    node = root.at(loc)
    if kind == "missing":
        return node.fault("missing", f"{quoted(loc[-1])} is missing")
    if kind == "extra_forbidden":
        return root.at(loc[:-1]).fault_at_key(str(loc[-1]), "unknown-key", f"{quoted(loc[-1])} is not known here")
    if kind == "union_tag_not_found":
        return node.fault("missing", f"{context['discriminator']} is missing")
    if node.value is None and node is not root:
        return node.fault("empty", "nothing is written here (an unquoted # begins a comment; ~ and null mean nothing)")
    if kind == "union_tag_invalid":
        node = node.child(str(context["discriminator"]).strip("'")) or node
        return node.fault("wrong-value", _one_of(context["tag"], str(context["expected_tags"])))
    if kind in ("literal_error", "enum"):
        return node.fault("wrong-value", _one_of(node.value, str(context["expected"])))
    if kind in ("dict_type", "mapping_type", "model_type"):
        message = "keys with values are expected here"
    elif kind in ("list_type", "tuple_type"):
        message = "a list is expected here"
    elif kind == "string_type":
        message = "one text is expected here"
    return node.fault("wrong-value", message[:1].lower() + message[1:])


def _one_of(written: object, expected: str) -> str:
    wanted = re.findall(r"'([^']*)'", expected)
    return f"{quoted(written)} is not one of {', '.join(wanted)}{close_match(str(written), wanted)}"


class _Builder:
    """Builds the tree from parser events, so that every limit holds before any work is done beyond it."""

    def __init__(self, file: str, empty: Node) -> None:
        self.file = file
        self.root: Node | None = None
        self.empty = empty
        self.faults: list[Fault] = []
        self.open: list[Node] = []  # collections around the present place
        self.key: list[Node | None] = []  # per open collection: the key whose value comes next

    def read(self, text: str) -> tuple[Node | None, list[Fault]]:
        nodes = 0
        try:
            for event in self._events(text):
                nodes += isinstance(event, yaml.NodeEvent)
                if nodes > MOST_NODES:
                    self._fault(event, "too-many", f"the file has more than {MOST_NODES} values")
                    return None, self.faults
                if len(self.open) > MOST_DEPTH:
                    self._fault(event, "too-deep", f"values are nested more than {MOST_DEPTH} deep")
                    return None, self.faults
                if isinstance(event, yaml.DocumentStartEvent) and self.root is not None:
                    self._fault(event, "second-document", "a file holds one document; take away the line ---")
                    break
                if len(self.faults) > MOST_FAULTS:
                    self._fault(event, "more", "and more of these, which are not listed")
                    return None, self.faults
                self._take(event)
        except yaml.MarkedYAMLError as broken:
            at_end = "end of stream" in str(
                broken.problem
            )  # what was never closed is worth more than where the file ends
            mark = (broken.context_mark if at_end else None) or broken.problem_mark or broken.context_mark
            line, col = (mark.line + 1, mark.column + 1) if mark else (1, 1)
            self.faults.append(Fault(self.file, line, col, "syntax", _advice(text, line, broken)))
            return None, self.faults
        except yaml.YAMLError as broken:
            self.faults.append(self.empty.fault("syntax", " ".join(str(broken).split())))
            return None, self.faults
        root = self.root or self.empty
        root.size = nodes
        return root, self.faults

    def _events(self, text: str) -> Iterator[Any]:
        events: Iterator[Any] = yaml.parse(text, Loader=_LOADER)
        return events

    def _fault(self, event: Any, code: str, message: str) -> None:
        mark = event.start_mark
        self.faults.append(Fault(self.file, mark.line + 1, mark.column + 1, code, message))

    def _take(self, event: Any) -> None:
        kind = type(event)
        if kind is yaml.ScalarEvent:
            self._look_at(event)
            nothing = not event.style and event.value in _NOTHING
            self._place(self._node(event, None if nothing else event.value))
        elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
            self._look_at(event)
            node = self._node(event, {} if kind is yaml.MappingStartEvent else [])
            self._place(node)
            self.open.append(node)
            self.key.append(None)
        elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
            self.open.pop()
            self.key.pop()
        elif kind is yaml.AliasEvent:
            self._fault(event, "alias", f'*{event.anchor} repeats another place; write it out, or quote a key as "*"')
            self._place(self._node(event, None))

    def _look_at(self, event: Any) -> None:
        if event.anchor is not None:
            self._fault(event, "anchor", f"&{event.anchor} names a place for repetition; write values out instead")
        if event.tag is not None:
            self._fault(event, "tag", f"tags such as {event.tag[:40]} are not used; fields know their types")

    def _node(self, event: Any, value: Any) -> Node:
        mark = event.start_mark
        return Node(self.file, mark.line + 1, mark.column + 1, value)

    def _place(self, node: Node) -> None:
        if not self.open:
            self.root = node
            return
        around = self.open[-1]
        if isinstance(around.value, list):
            around.value.append(node)
        elif self.key[-1] is None:
            self.key[-1] = node
        elif isinstance(around.value, dict):
            self._enter(around, around.value, self.key[-1], node)
            self.key[-1] = None

    def _enter(self, around: Node, entries: dict[str, Node], key: Node, node: Node) -> None:
        name = key.value
        if not isinstance(name, str):
            self.faults.append(key.fault("bad-key", "a key is one word here; quote it if it is a sign"))
        elif name == "<<":
            self.faults.append(key.fault("merge", "<< merges another mapping; write the keys out instead"))
        elif name in entries:
            first, _ = around.keys[name]
            self.faults.append(key.fault("duplicate-key", f"{quoted(name)} stands here twice, first in line {first}"))
        else:
            entries[name] = node
            around.keys[name] = (key.line, key.col)


def _advice(text: str, line: int, broken: yaml.MarkedYAMLError) -> str:
    problem = " ".join(f"{broken.context or ''} {broken.problem or 'cannot be read'}".split())
    lines = text.split("\n")
    written = lines[line - 1].strip() if line <= len(lines) else ""
    if re.match(r"(- )?\*", written) or re.search(r":\s+\*", written):
        return f'{problem}; * alone means a repetition in YAML: write star, or quote it as "*"'
    if "\t" in lines[line - 1][: len(lines[line - 1]) - len(written)] if line <= len(lines) else False:
        return f"{problem}; indent with spaces, not with tabs"
    if re.search(r":\s+[@`%]", written):
        return f"{problem}; quote a text that begins with @, ` or %"
    if re.search(r":\s[^\"'].*:\s", written):
        return f"{problem}; quote a text that contains a colon"
    return problem
