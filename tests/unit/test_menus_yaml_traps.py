"""What YAML makes of innocent writing, and what malice makes of YAML: clear words, little time, little memory."""
# ruff: noqa: E501 - pieces of books stand as their authors would write them

import os
import resource
import time

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ivr.testing.books import SMALL
from menus.conditions import Conditions
from menus.loader import MOST_BOOK_BYTES, MOST_BOOK_NODES, Examined, decoded, examine
from menus.yaml_source import MOST_BYTES, Fault

#: How many mutated books are tried; RINGWISE_FUZZ=20000 tries longer.
TRIES = int(os.environ.get("RINGWISE_FUZZ", "150"))


def found(content: bytes) -> Examined:
    """What the loader finds in a file with these bytes."""
    text, faults = decoded(content, "book.yaml")
    return examine({"book.yaml": text}) if text is not None else Examined(None, tuple(faults), ())


def one(old: str, new: str) -> Fault:
    """The first fault of the small book with one place written otherwise."""
    assert old in SMALL
    examined = found(SMALL.replace(old, new, 1).encode("utf-8", "surrogatepass"))
    assert examined.book is None
    return examined.faults[0]


@pytest.mark.parametrize(
    ("old", "new", "code", "said"),
    [
        ("heard_within_s: 30", "heard_within_s: 1:30", "not-a-number", "'1:30' is not a number"),
        ("heard_within_s: 30", "heard_within_s: 030", "not-a-number", "write it as 7 or 7.5"),
        ("version: 1", "version: 0x1", "not-a-number", "digits only"),
        ("tries: 2", "tries: 2.0", "not-a-number", "whole number"),
        ("pinned: true, label: {zh: 中文}", "pinned: yes, label: {zh: 中文}", "not-true-or-false", "neither true nor false"),
        ("key: 1, task: balance", "key: #, task: balance", "syntax", ""),
        ("key: 1, task: balance", "key: *, task: balance", "syntax", 'write star, or quote it as "*"'),
        ("key: 1, task: balance", "key: 01, task: balance", "wrong-value", "not a telephone key"),
        ("languages: [en, zh]", "languages: [en, zh, no]", "unknown-language", "'no'"),
        ("  main:\n    kind: menu", "  main:\n\tkind: menu", "syntax", "indent with spaces, not with tabs"),
        ("en: Welcome.", "en: Welcome: hello.", "syntax", "quote a text that contains a colon"),
        ("en: Welcome.", "en: @home.", "syntax", "quote a text that begins with @"),
        ("en: Welcome.", "en: Wel\0come.", "unprintable", "U+0000"),
        ("en: Welcome.", "en: Wel\x1bcome.", "unprintable", "U+001B"),
        ("en: Welcome.", "en: Wel\x85\x07come.", "unprintable", "U+0007"),
        ("entry: hello", "entry: hello\nentry: main", "duplicate-key", "stands here twice, first in line 5"),
        ("entry: hello", "? entry\n: hello\n? [entry]\n: hello", "bad-key", "one word"),
        ("entry: hello", "entry: ''", "wrong-value", "does not fit"),
        ("entry: hello", "entry: [hello]", "wrong-value", "one text is expected"),
        ("entry: hello", "entry: ! hello", "tag", "fields know their types"),
        ("name: Small Bank", "name: !!binary U21hbGw=", "tag", ""),
        ("name: Small Bank", "name: &n Small Bank", "anchor", "write values out"),
        ("name: Small Bank", "name: |\n  " + "x" * 100, "wrong-value", "80"),
        ("name: Small Bank", "name: " + "x" * 1_000_000, "wrong-value", "80"),
        ("name: Small Bank", "name: Small Bank\n...\nmore: 1", "syntax", ""),
        ("steps:\n", "steps: {\n", "syntax", ""),
        ("tasks:\n", "tasks: {a: {<<: {en: a}}}\ntasks2:\n", "merge", "write the keys out"),
    ],
)  # fmt: skip
@pytest.mark.fault("S2", "YAML that means something else than it looks like")
def test_a_trap_is_told_in_words_that_help(old: str, new: str, code: str, said: str) -> None:
    fault = one(old, new)
    assert (fault.code, said in fault.message) == (code, True), str(fault)
    assert len(str(fault)) < 400


def test_a_byte_that_is_not_utf8_has_its_place() -> None:
    (fault,) = found(SMALL.encode().replace(b"Welcome.", b"Wel\xffcome.")).faults
    line = SMALL[: SMALL.index("Welcome.")].count("\n") + 1
    assert (fault.line, fault.code) == (line, "not-utf8")
    (fault,) = found("version: 1".encode("utf-16")).faults
    assert "UTF-16" in fault.message


def test_half_a_character_is_no_text() -> None:
    assert (
        found(SMALL.replace("Welcome.", "Wel\ud800come.").encode("utf-8", "surrogatepass")).faults[0].code == "not-utf8"
    )
    assert examine({"a.yaml": SMALL.replace("Welcome.", "Wel\udfffcome.")}).faults[0].code == "unprintable"


@pytest.mark.parametrize(
    "content",
    [SMALL.encode("utf-8-sig"), SMALL.replace("\n", "\r\n").encode(), SMALL.replace("\n", "\r").encode(),
     ("# a comment\n\n" + SMALL + "\n\n# the end").encode(), ("%YAML 1.2\n---\n" + SMALL + "...\n").encode()],
    ids=["bom", "crlf", "cr", "comments", "one document"],
)  # fmt: skip
def test_a_mark_of_order_and_line_ends_of_other_machines_change_nothing(content: bytes) -> None:
    examined = found(content)
    assert examined.book == examine({"a.yaml": SMALL}).book
    assert examined.book is not None


def test_faults_have_the_same_place_whatever_ends_the_lines() -> None:
    wrong = SMALL.replace("language: zh, then: main", "language: fr, then: main")
    places = {
        (fault.line, fault.col, fault.code)
        for text in (wrong, wrong.replace("\n", "\r\n"), "\ufeff" + wrong)
        for fault in found(text.encode()).faults
    }
    assert len(places) == 1


BOMB = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 60))
HUGE = {
    "bomb": BOMB,
    "cycle": "steps: &s {a: *s}\n",
    "deep": "steps: " + "{a: " * 5000 + "}" * 5000,
    "deep lists": "steps: " + "[" * 5000,
    "deep dashes": "- " * 20_000,
    "many values": "steps: {" + ", ".join(f"s{n}: {{kind: goodbye}}" for n in range(10_000)) + "}",
    "large scalar": "name: " + "界" * (MOST_BYTES // 3 + 1),
    "long line of spaces": "name:" + " " * (MOST_BYTES - 10) + "x",
    "many documents": "---\n" * 100_000,
    "many colons": ": " * 100_000,
    "question marks": "? " * 10_000,
    "quotes": "'" * 100_000,
    "many anchors": "".join(f"- &a{n} x\n" for n in range(19_000)),
    "one key many times": "name: x\n" * 9_000,
    "many unknown keys": "".join(f"nam{n}: x\n" for n in range(9_000)),
    "long keys": "".join(f"{'k' * 1000}{n}: x\n" for n in range(1_500)),
    "percent": "%" * 100_000,
    "blank": "\n" * 2_000_000,
}


@pytest.mark.parametrize("text", HUGE.values(), ids=HUGE.keys())
def test_malice_costs_little(text: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.process_time()
    examined = found(text.encode())
    assert time.process_time() - began < 2.0
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 150 * 1024
    assert examined.book is None
    assert 0 < len(examined.faults) < 1000


def test_a_book_in_many_files_is_bounded_as_a_whole() -> None:
    values = "steps: {" + ", ".join(f"s{n}: {{}}" for n in range(9_000)) + "}"
    files = {
        f"f{n}.yaml": values.replace("s", f"x{n}_").replace(f"x{n}_tep", "step")
        for n in range(MOST_BOOK_NODES // 18_000 + 2)
    }
    fault = examine(files).faults[-1]
    assert (fault.code, str(MOST_BOOK_NODES) in fault.message) == ("too-large", True)
    large = "# " + "x" * (MOST_BYTES - 10)
    fault = examine({f"f{n}.yaml": large for n in range(MOST_BOOK_BYTES // MOST_BYTES + 1)}).faults[-1]
    assert (fault.code, fault.file) == ("too-large", f"f{MOST_BOOK_BYTES // MOST_BYTES}.yaml")


# --- chance ------------------------------------------------------------------------------------------------------------

PIECES = [
    b"&a ", b"*a ", b"<<: ", b"!!", b"? ", b": ", b"- ", b"{", b"}", b"[", b"]", b"'", b'"', b"|", b">", b"#", b"\t", b"\r", b"\0", b"\xff",
    b"\xef\xbb\xbf", b"\xed\xa0\x80", b"---\n", b"...\n", b"%YAML 1.2\n", b"~", b"null", b"no", b"0123", b"1:30", b"-1", b"9" * 30, b"\n", b"  ",
    "界".encode(), b"{x:number}", b"{{", b"kind: goto", b"when: ", b"values.x", b"(" * 40, b"then: main", b"*", b"key: star",
]  # fmt: skip
WHOLE = SMALL.encode()


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """The small book, cut, repeated and strewn with pieces of YAML and with chance."""
    content = WHOLE
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(content)))
        end = min(len(content), at + draw(st.integers(0, 200)))
        match draw(st.sampled_from(["insert", "delete", "repeat", "replace", "move"])):
            case "insert":
                content = content[:at] + draw(st.sampled_from(PIECES)) + content[at:]
            case "delete":
                content = content[:at] + content[end:]
            case "repeat":
                content = content[:end] + content[at:end] * draw(st.integers(1, 5)) + content[end:]
            case "replace":
                content = content[:at] + draw(st.binary(max_size=8)) + content[end:]
            case _:
                to = draw(st.integers(0, at))
                content = content[:to] + content[at:end] + content[to:at] + content[end:]
    return content


@settings(max_examples=TRIES, deadline=2000, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(mutated())
@example(WHOLE)
@pytest.mark.fault("S1", "mutated menu books")
def test_a_mutated_book_is_a_book_or_has_faults_with_places(content: bytes) -> None:
    examined = found(content)
    assert (examined.book is None) == bool(examined.faults)
    if examined.book is not None:
        assert Conditions(examined.book).faults == []
    lines = content.count(b"\n") + content.count(b"\r") + 1
    for fault in (*examined.faults, *examined.warnings):
        assert 1 <= fault.line <= lines + 1
        assert fault.col >= 1
        assert fault.message


@settings(max_examples=TRIES, deadline=2000)
@given(st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=20)), max_size=60).map(b"".join))
def test_bytes_of_chance_are_refused_with_faults(content: bytes) -> None:
    examined = found(content)
    assert examined.book is None
    assert examined.faults
