"""Folder of YAML files → MenuBook, or every fault of every file with its line."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Unpack

from menus.rules import Site, check
from menus.rules.names import recordings_used
from menus.schema import MenuBook
from menus.yaml_source import MOST_BYTES, Fault, Faults, Node, build, parse

_MOST_FILES = 200
#: Of all files together; 10,000 options are 220,000 values in 2 MB, and take a second to check. A hostile book within
#: these limits costs some seconds and less than 200 MB.
MOST_BOOK_NODES = 400_000
MOST_BOOK_BYTES = 16 * 1024 * 1024
_JOINED = ("prompts", "steps", "tasks")  #: keys that several files may each hold a part of


@dataclass(frozen=True, slots=True)
class Examined:
    """What came of looking at the files of a book."""

    book: MenuBook | None  #: None when there are faults
    faults: tuple[Fault, ...]
    warnings: tuple[Fault, ...]
    files: Mapping[str, str] = field(default_factory=dict)  #: the texts that were read, by name within the folder


def load_book(folder: Path, **site: Unpack[Site]) -> MenuBook:
    """The book in a folder, for a site as far as it is known. Raises Faults."""
    return _whole(examine_folder(folder, **site))


def parse_book(files: Mapping[str, str], **site: Unpack[Site]) -> MenuBook:
    """The book in these texts by file name. Raises Faults."""
    return _whole(examine(files, **site))


def read_book(files: Mapping[str, str]) -> MenuBook:
    """The book in these texts for looking at: its rules are not asked, so that an old version stays readable.

    Raises Faults when it is no book at all.
    """
    parsed = [parse(text, name) for name, text in files.items()]
    faults = [fault for _, found in parsed for fault in found]
    roots = [root for root, _ in parsed if root is not None and isinstance(root.value, dict)]
    book = None
    if roots and not faults:
        book, found = build(_join(roots, faults), MenuBook)
        faults += found
    if book is None or faults:
        raise Faults(tuple(sorted(faults)))
    return book


def _whole(examined: Examined) -> MenuBook:
    if examined.book is None:
        raise Faults(examined.faults)
    return examined.book


def examine_folder(folder: Path, **site: Unpack[Site]) -> Examined:
    """All faults and warnings of the *.yaml and *.yml files of a folder."""
    texts, faults = _read(folder)
    examined = examine(texts, recordings=folder / "recordings", **site)
    files = {Path(name).name: text for name, text in texts.items()}
    if faults:
        return Examined(None, (*faults, *examined.faults), examined.warnings, files)
    return Examined(examined.book, examined.faults, examined.warnings, files)


def _read(folder: Path) -> tuple[dict[str, str], list[Fault]]:
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix in (".yaml", ".yml"))
    except OSError as fault:
        return {}, [Fault(str(folder), 1, 1, "unreadable", f"the folder cannot be read: {fault.strerror}")]
    if not paths or len(paths) > _MOST_FILES:
        message = f"{len(paths)} files end in .yaml here; a book has from 1 to {_MOST_FILES}"
        return {}, [Fault(str(folder), 1, 1, "no-files" if not paths else "too-many-files", message)]
    texts: dict[str, str] = {}
    faults: list[Fault] = []
    for path in paths:
        if not path.is_file():  # opening a pipe would wait for ever
            faults.append(
                Fault(str(path), 1, 1, "unreadable", "the file cannot be read: this is no file, or it is gone")
            )
            continue
        try:
            with path.open("rb") as file:
                content = file.read(MOST_BYTES + 1)  # one byte too many makes `parse` refuse it
        except OSError as fault:
            faults.append(Fault(str(path), 1, 1, "unreadable", f"the file cannot be read: {fault.strerror}"))
            continue
        text, found = decoded(content, str(path))
        faults += found
        if text is not None:
            texts[str(path)] = text
        if sum(map(len, texts.values())) > MOST_BOOK_BYTES:
            break  # `examine` says so
    return texts, faults


def decoded(content: bytes, file: str) -> tuple[str | None, list[Fault]]:
    """The text of a file, or None and what is wrong with its bytes."""
    try:
        return content.decode("utf-8-sig"), []
    except UnicodeDecodeError as fault:
        before = content[: fault.start]
        line, col = before.count(b"\n") + 1, len(before) - before.rfind(b"\n")
        wide = content[:2] in (b"\xff\xfe", b"\xfe\xff")
        what = "the file is UTF-16" if wide else "this byte is not UTF-8"
        return None, [Fault(file, line, col, "not-utf8", f"{what}; save the file as UTF-8")]


def examine(files: Mapping[str, str], *, recordings: Path | None = None, **site: Unpack[Site]) -> Examined:
    """All faults and warnings of a book in these texts by file name; recordings are looked for if a folder is given."""
    faults: list[Fault] = []
    roots: list[Node] = []
    nodes = size = 0
    for name, text in files.items():
        size += len(text)
        root, found = parse(text, name) if size <= MOST_BOOK_BYTES else (None, [])
        nodes += root.size if root is not None else 0
        if size > MOST_BOOK_BYTES or nodes > MOST_BOOK_NODES:
            message = f"with this file the book has more than {MOST_BOOK_NODES} values, or {MOST_BOOK_BYTES} signs"
            return Examined(None, (*faults, Fault(name, 1, 1, "too-large", message)), ())
        faults += found
        if root is not None and isinstance(root.value, dict):
            roots.append(root)
        elif root is not None:
            faults.append(root.fault("wrong-value", "a file of a book holds keys with values"))
    if not roots:
        return Examined(None, tuple(faults), ())
    whole = _join(roots, faults)
    book, found = build(whole, MenuBook)
    complete = not faults  # a file that cannot be read lacks things that are no faults of the others
    told = {(fault.file, fault.line, fault.col) for fault in faults}
    faults += [
        fault
        for fault in found
        if (fault.file, fault.line, fault.col) not in told and (complete or fault.code != "missing")
    ]
    warnings: list[Fault] = []
    if book is not None:
        for finding in check(book, **site):
            node = whole.at(finding.loc)
            (warnings if finding.warning else faults).append(node.fault(finding.code, finding.message))
        faults += [] if recordings is None else _missing_recordings(book, whole, recordings.absolute())
    return Examined(None if faults else book, tuple(sorted(faults)), tuple(sorted(warnings)))


def _missing_recordings(book: MenuBook, whole: Node, folder: Path) -> list[Fault]:
    paths = [(loc, folder / f"{name}.wav") for loc, name in recordings_used(book)]
    return [
        whole.at(loc).fault("missing-recording", f"there is no file {path}")
        for loc, path in paths
        if not path.is_file()
    ]


def _join(roots: list[Node], faults: list[Fault]) -> Node:
    """One tree from those of all files; what two files hold is a fault."""
    whole = Node(roots[0].file, roots[0].line, roots[0].col, {})
    for root in roots:
        _add(whole, root, faults, join=_JOINED)
    return whole


def _add(whole: Node, part: Node, faults: list[Fault], join: Collection[str] = ()) -> None:
    entries, more = whole.value, part.value
    assert isinstance(entries, dict)
    assert isinstance(more, dict)
    for key, node in more.items():
        if key not in entries:
            joined = key in join and isinstance(node.value, dict)
            entries[key] = Node(node.file, node.line, node.col, {}) if joined else node
            whole.keys[key] = part.keys[key]
            if joined:
                _add(entries[key], node, faults)
        elif key in join and isinstance(node.value, dict) and isinstance(entries[key].value, dict):
            _add(entries[key], node, faults)
        else:
            first = entries[key]
            message = f"{key!r} stands here and in {first.file}:{first.line}"
            faults.append(part.fault_at_key(key, "clash", message))
