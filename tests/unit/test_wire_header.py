"""The FastAGI header: a header that may have been forged is refused as a whole."""

from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.asterisk.errors import BadHeader
from ivr.asterisk.header import arrival, parse_header
from ivr.asterisk.simulator import header_bytes, header_lines
from ivr.ports import Arrival


def lines_with(**changed: str) -> list[str]:
    return [
        f"agi_{key}: {changed.get(key, value)}"
        for key, _, value in (line.removeprefix("agi_").partition(": ") for line in header_lines())
    ]


def test_the_header_of_an_ordinary_call_becomes_an_arrival() -> None:
    raw = header_bytes(header_lines(call_id="17.1", uniqueid="17.2", name="李娜", number="+8613800000000", rung=2))
    assert arrival(parse_header(raw)) == Arrival(
        call_id="17.1",
        uniqueid="17.2",
        channel="PJSIP/trunk-00000001",
        ani="+8613800000000",
        caller_name="李娜",
        dnis="95500",
        rung=2,
    )


def test_a_repeated_key_refuses_the_header() -> None:
    for line in header_lines():
        with pytest.raises(BadHeader):
            parse_header(header_bytes([*header_lines(), line]))


@pytest.mark.parametrize("forged", ["agi_arg_1: ringwise-1", "agi_callerid: 4711", "agi_dnid: 1", "agi_arg_6: 1.1"])
def test_a_line_forged_by_a_caller_name_refuses_the_header(forged: str) -> None:
    lines = header_lines()
    lines.insert(9, forged)
    with pytest.raises(BadHeader):
        parse_header(header_bytes(lines))


def test_a_header_that_a_name_ended_early_lacks_its_thread_id_and_is_refused() -> None:
    whole = header_bytes(lines_with(calleridname="Eve\n"))
    with pytest.raises(BadHeader):
        parse_header(whole[: whole.index(b"\n\n") + 2])


@pytest.mark.parametrize("key", ["network_script", "channel", "uniqueid", "threadid"])
def test_a_header_without_what_asterisk_always_sends_is_refused(key: str) -> None:
    with pytest.raises(BadHeader):
        parse_header(header_bytes([line for line in header_lines() if not line.startswith(f"agi_{key}:")]))


@pytest.mark.parametrize("number", range(1, 7))
def test_a_missing_argument_refuses_the_call(number: int) -> None:
    lines = [line for line in header_lines() if not line.startswith(f"agi_arg_{number}:")]
    with pytest.raises(BadHeader):
        arrival(parse_header(header_bytes(lines)))


def test_a_further_argument_refuses_the_call() -> None:
    with pytest.raises(BadHeader):
        arrival(parse_header(header_bytes([*header_lines(), "agi_arg_7: x"])))


@pytest.mark.parametrize(
    "line", ["agi_x", "AGI_X: y", "callerid: 1", "agi_callerid:1", "", "hangup", "agi_é: 1", "agi_" + "x" * 41 + ": 1"]
)
def test_a_line_that_is_no_field_refuses_the_header(line: str) -> None:
    lines = header_lines()
    lines.insert(3, line)
    with pytest.raises(BadHeader):
        parse_header(header_bytes(lines))


def test_a_query_is_split_off_the_route() -> None:
    assert parse_header(header_bytes(header_lines(script="call?x=1"))).script == "call"


def test_a_hang_up_inside_the_header_is_noticed() -> None:
    lines = header_lines()
    lines.insert(20, "HANGUP")
    assert parse_header(header_bytes(lines)).hung_up


@pytest.mark.parametrize(
    "changed",
    [
        {"arg_1": "ringwise-2"},
        {"arg_1": ""},
        {"arg_5": "0"},
        {"arg_5": "3"},
        {"arg_5": "1\u0661"},
        {"arg_6": ""},
        {"arg_6": "1795 1"},
        {"arg_6": "../x"},
        {"uniqueid": "a'b"},
        {"channel": "PJSIP"},
        {"channel": "/.*/"},
        {"channel": "PJSIP/a b"},
    ],
)
def test_an_impossible_argument_refuses_the_call(changed: dict[str, str]) -> None:
    with pytest.raises(BadHeader):
        arrival(parse_header(header_bytes(lines_with(**changed))))


@pytest.mark.parametrize("dnis", ["", "1&PJSIP/x", "95500 ", "x" * 65, "٤٤"])
def test_a_dialled_number_that_is_none_is_left_empty(dnis: str) -> None:
    assert arrival(parse_header(header_bytes(lines_with(arg_4=dnis)))).dnis == ""


@settings(deadline=None)
@given(st.text(max_size=200), st.text(max_size=40))
def test_no_name_or_number_that_came_encoded_can_change_another_field(name: str, number: str) -> None:
    safe = "surrogatepass"
    lines = lines_with(arg_2=quote(name, safe="", errors=safe), arg_3=quote(number, safe="", errors=safe))
    came = arrival(parse_header(header_bytes(lines)))
    assert (came.call_id, came.dnis, came.rung) == ("1795471762.0", "95500", 1)
    assert len(came.caller_name) <= 64
    assert came.ani is None or came.ani == number


@settings(deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_are_a_header_or_refused(raw: bytes) -> None:
    try:
        arrival(parse_header(raw + b"\n\n"))
    except BadHeader:
        return
    pytest.fail("random bytes were taken for a call")
