"""Reading YAML: nothing is guessed, every fault has its place, hostile text costs little."""

import contextlib
import time
from collections.abc import Mapping
from typing import Annotated, Literal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, field_validator

from menus.loader import examine
from menus.yaml_source import MOST_BYTES, MOST_DEPTH, MOST_FAULTS, MOST_NODES, Faults, parse, read_yaml


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Dog(Part):
    kind: Literal["dog"]
    bark: int = 1


class Cat(Part):
    kind: Literal["cat"]
    purr: float
    cat: str = ""  # named like the tag, to see that positions are still found


class Place(Part):
    text: str = ""
    number: int = 0
    weight: float = 0.0
    on: bool = False
    maybe: str | None = None
    words: tuple[str, ...] = ()
    inner: "Place | None" = None
    pets: Mapping[str, Annotated[Dog | Cat, Field(discriminator="kind")]] = Field(default_factory=dict)
    size: Literal["small", "large"] = "small"

    @field_validator("text")
    @classmethod
    def _not_rude(cls, value: str) -> str:
        if value == "rude":
            raise ValueError("mind your words")
        return value


def faults_of(text: str) -> list[str]:
    with pytest.raises(Faults) as raised:
        read_yaml(text, "f", Place)
    return [str(fault) for fault in raised.value.faults]


def places_of(text: str) -> list[str]:
    with pytest.raises(Faults) as raised:
        read_yaml(text, "f", Place)
    return [f"{fault.line}:{fault.col} {fault.code}" for fault in raised.value.faults]


def test_empty_text_is_a_model_of_defaults() -> None:
    assert read_yaml("", "f", Place) == read_yaml("# only a comment\n", "f", Place) == Place()


@pytest.mark.parametrize(
    "written", ["no", "0123", "17:30", "+18005550123", "1_000", "1e3", "on", "2026-12-01", "0x1F", ".inf"]
)
def test_scalars_stay_text_where_text_is_meant(written: str) -> None:
    assert read_yaml(f"text: {written}", "f", Place).text == written


def test_scalars_become_what_the_field_is() -> None:
    place = read_yaml("{number: -12, weight: 2.5, on: true, words: [1, b], text: '~', maybe: null}", "f", Place)
    assert place == Place(number=-12, weight=2.5, on=True, words=("1", "b"), text="~", maybe=None)


@pytest.mark.parametrize("written", ["yes", "no", "on", "off", "1", "0", "True", "t", '"yes"'])
def test_truth_is_true_or_false_and_nothing_else(written: str) -> None:
    (fault,) = faults_of(f"on: {written}")
    assert fault.startswith("f:1:5: not-true-or-false: ")
    assert "write one of these two" in fault


@pytest.mark.parametrize("written", ["0123", "1:30", "12e3", "1_000", "0x1F", "1.0", "+5", " '5 '", "٣", "9" * 5000])
def test_whole_numbers_are_digits_without_leading_zeros(written: str) -> None:
    (fault,) = faults_of(f"number: {written}")
    assert "not-a-number" in fault
    assert len(fault) < 200


@pytest.mark.parametrize("written", ["12e3", ".inf", ".nan", "nan", "1_0.5", "01.5", "1.", ".5"])
def test_numbers_are_plain_decimals(written: str) -> None:
    assert places_of(f"weight: {written}") == ["1:9 not-a-number"]


def test_nothing_where_something_is_needed_is_named() -> None:
    (fault,) = faults_of("text: # note\n")
    assert fault.startswith("f:1:6: empty: nothing is written here (an unquoted # begins a comment")
    assert places_of("words: [a, ~]") == ["1:12 empty"]
    assert places_of("pets:") == ["1:6 empty"]


def test_every_fault_is_named_at_once_in_the_order_of_lines() -> None:
    text = "numbr: 1\non: yes\ntext: rude\nnumber: 07\nnumber: 8\nsize: larg\npets: {a: {kind: cow}, b: {kind: cat}}\n"
    assert faults_of(text) == [
        "f:1:1: unknown-key: 'numbr' is not known here; known are inner, maybe, number, on, pets, size, text, weight, "
        "words",
        "f:2:5: not-true-or-false: 'yes' is neither true nor false; write one of these two",
        "f:3:7: wrong-value: mind your words",
        "f:4:9: not-a-number: '07' is not a whole number; write digits only, without leading zeros",
        "f:5:1: duplicate-key: 'number' stands here twice, first in line 4",
        "f:6:7: wrong-value: 'larg' is not one of small, large; did you mean 'large'?",
        "f:7:18: wrong-value: 'cow' is not one of dog, cat",
        "f:7:27: missing: 'purr' is missing",
    ]


def test_a_near_miss_of_a_key_is_suggested() -> None:
    assert faults_of("wieght: 1")[0].endswith("; did you mean 'weight'?")
    assert "did you mean 'bark'" in faults_of("pets: {rex: {kind: dog, barc: 2}}")[0]


def test_positions_within_tagged_unions_are_those_of_the_value() -> None:
    assert places_of("pets:\n  tom: {kind: cat, cat: tom, purr: loud}\n") == ["2:36 not-a-number"]
    assert places_of("pets:\n  tom: {kind: cat, cat: [], purr: 1}\n") == ["2:25 wrong-value"]
    assert places_of("pets:\n  tom:\n    purr: 1\n") == ["3:5 missing"]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a: &x 1", "1:4 anchor"),
        ("text: *x", "1:7 alias"),
        ("<<: {}", "1:1 merge"),
        ("text: !!python/name:os.system x", "1:7 tag"),
        ("? [a]\n: 1", "1:3 bad-key"),
        ("~: 1", "1:1 bad-key"),
        ("text: a\n---\ntext: b", "2:1 second-document"),
        ("[a]", "1:1 wrong-value"),
        ("text: a\0b", "1:8 unprintable"),
        ("text: \ud800", "1:7 unprintable"),
        ("text: 'a", "1:7 syntax"),
    ],
)
def test_what_yaml_allows_and_a_file_of_ours_does_not(text: str, place: str) -> None:
    assert place in places_of(text)


def test_a_star_as_a_key_gets_advice() -> None:
    (fault,) = faults_of("*: x")
    assert fault.startswith("f:1:2: syntax: ")
    assert 'write star, or quote it as "*"' in fault


def test_tabs_and_colons_get_advice() -> None:
    assert "indent with spaces" in faults_of("inner:\n\ttext: a")[0]
    assert "quote a text that contains a colon" in faults_of("text: press one: balance")[0]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a: [" * 2000, "too-deep"),
        ("- " * 2000, "too-deep"),
        ("{a: " * 2000, "too-deep"),
        ("words: [" + "x," * MOST_NODES + "]", "too-many"),
        ("text: " + "x" * MOST_BYTES, "too-large"),
        ("text: " + "界" * (MOST_BYTES // 3), "too-large"),
        ("a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40)), "alias"),
        ("".join(f"key{n}: 1\n" for n in range(9000)), "unknown-key"),
        ("words: " + "\n" * 500_000 + " [", "syntax"),
    ],
    ids=["flow", "dashes", "braces", "many", "large", "large-in-bytes", "bomb", "unknown", "blank"],
)
@pytest.mark.fault("S1", "hostile YAML")
def test_hostile_files_are_refused_quickly(text: str, code: str) -> None:
    began = time.process_time()
    with pytest.raises(Faults) as raised:
        read_yaml(text, "f", Place)
    assert time.process_time() - began < 2.0
    assert code in {fault.code for fault in raised.value.faults}
    assert len(raised.value.faults) <= MOST_FAULTS + 1


def test_as_deep_as_allowed_is_read() -> None:
    depth = MOST_DEPTH - 1
    assert read_yaml("inner: {" + "inner: {" * (depth - 1) + "}" * depth, "f", Place).inner is not None


YAML_LIKE = st.text(st.sampled_from(list("ab:-[]{}&*!|>#'\"%@`,? \n\t01~<é界\0\ud800")), max_size=120)


@settings(max_examples=400, deadline=2000)
@given(st.one_of(YAML_LIKE, st.text(max_size=200), st.binary(max_size=200).map(lambda raw: raw.decode("latin-1"))))
@example("*: x\n")
@example("? ")
@example("- - - :")
def test_any_text_is_read_or_refused_with_faults(text: str) -> None:
    root, faults = parse(text, "f")
    assert root is not None or faults
    assert all(fault.line >= 1 and fault.col >= 1 for fault in faults)
    with contextlib.suppress(Faults):
        read_yaml(text, "f", Place)
    examined = examine({"f": text})
    assert examined.book is None
    assert examined.faults
