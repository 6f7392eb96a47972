"""What a page may say, and what foreign text looks like when it reaches the screen."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.desktop.messages import (
    LONGEST_NOTE,
    NotAMessage,
    Pause,
    Ready,
    Shown,
    WrapUp,
    read,
    speaks_other_version,
)
from ivr.desktop.views import LONGEST_NAME, note_text, plain, pop_part
from ivr.testing.pops import a_customer, a_pop
from routing.agent import PAUSE_REASONS

NOW = 1_790_000_000.0


def said(kind: str, **fields: object) -> str:
    return json.dumps({"v": 1, "type": kind, **fields})


def test_each_kind_of_message_is_read_as_its_type() -> None:
    assert read(said("ready")) == Ready(type="ready")
    assert read(said("shown", offer_id=7, fence=3)) == Shown(type="shown", offer_id=7, fence=3)
    wrap_up = read(said("wrap_up", offer_id=7, disposition="resolved", note="done", then="pause", reason="meal"))
    assert isinstance(wrap_up, WrapUp)
    assert (wrap_up.disposition, wrap_up.then, wrap_up.reason) == ("resolved", "pause", "meal")


@pytest.mark.parametrize("reason", [*PAUSE_REASONS, "prayer"])
def test_any_word_may_be_the_reason_of_a_pause_as_the_site_says_which_there_are(reason: str) -> None:
    assert read(said("pause", reason=reason)) == Pause(type="pause", reason=reason)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        "ready",
        said("listen_in"),  # a supervisor's message
        said("ready", agent_id=2),  # nobody speaks for another
        said("pause", reason="Coffee!"),
        said("pause"),
        said("shown", offer_id="7", fence=3),
        said("shown", offer_id=-1, fence=3),
        said("shown", offer_id=2**60, fence=3),
        said("shown", offer_id=7.5, fence=3),
        said("wrap_up", offer_id=7, disposition="bribed", note=""),
        said("wrap_up", offer_id=7, disposition="resolved", note="x" * (LONGEST_NOTE + 1)),
        said("wrap_up", offer_id=7, disposition="resolved", note="", then="logged_out"),
        json.dumps({"v": 2, "type": "ready"}),
        json.dumps({"type": "ready", "v": "1"}),
        "[" * 8000,
        '{"v":1,"type":"ready","x":' + '{"a":' * 2000 + "1" + "}" * 2001,
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(NotAMessage):
        read(text)


@given(st.text(max_size=200))
def test_no_text_whatever_makes_reading_fail_in_another_way(text: str) -> None:
    with pytest.raises(NotAMessage):
        read(text)


def test_a_page_of_another_version_is_told_apart_from_nonsense() -> None:
    assert speaks_other_version('{"v": 2, "type": "hello", "ticket": "x"}')
    assert not speaks_other_version('{"v": 1, "type": "nonsense"}')
    assert not speaks_other_version("[" * 20000)
    assert not speaks_other_version("nonsense")


@pytest.mark.parametrize(
    ("foreign", "shown"),
    [
        ("<img src=x onerror=alert(1)>", "<img src=x onerror=alert(1)>"),
        ("a\u202ecod.exe", "acod.exe"),
        ("zero\u200bwidth\u2060and\ufeffmarks", "zerowidthandmarks"),
        ("line\r\nbreak\tand\x00null", "line break andnull"),
        ("\u2066isolate\u2069", "isolate"),
        ("王 建国", "王 建国"),
        ("👩‍🚀 Ana", "👩🚀 Ana"),  # the joiner is invisible, too
        ("half \ud83d pair", "half pair"),
        ("  spaces   everywhere  ", "spaces everywhere"),
        ("\u200b" * 500 + "far behind nothing", "far behind n…"),
    ],
)
def test_foreign_text_loses_what_cannot_be_seen(foreign: str, shown: str) -> None:
    assert plain(foreign, LONGEST_NAME) == shown


@given(st.text(max_size=3000), st.integers(min_value=1, max_value=200))
def test_foreign_text_is_one_short_line_that_can_be_sent(text: str, longest: int) -> None:
    line = plain(text, longest)
    assert len(line) <= longest
    assert "\n" not in line
    line.encode()


def test_a_note_keeps_its_lines_and_nothing_invisible() -> None:
    assert note_text("first\r\nsecond\u202e\x07 \n\n") == "first\nsecond"


def test_ten_thousand_characters_of_name_reach_the_page_as_sixty_four() -> None:
    part = pop_part(a_pop(NOW, caller_name="n" * 10_000, customer=a_customer(NOW, name="é" * 10_000)))
    assert len(part.caller_name) == 64
    assert part.customer is not None
    assert len(part.customer.name) == 64
    assert part.customer.name.endswith("…")
