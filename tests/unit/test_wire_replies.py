"""The parser of AGI answers: data stays data, and what Asterisk never says breaks the line."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.asterisk.wire import MOST_BLOCK_LINES, Reply, ReplyParser, Signal
from ivr.errors import LineBroken


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        (b"200 result=0\n", Reply(200, "0")),
        (b"200 result=\n", Reply(200, "")),
        (b"200 result= (timeout)\n", Reply(200, "", "timeout")),
        (b"200 result=12 (timeout)\n", Reply(200, "12", "timeout")),
        (b"200 result=1 ()\n", Reply(200, "1", "")),
        (b"200 result=1 (hangup)\n", Reply(200, "1", "hangup")),
        (b"200 result=1 (HANGUP)\n", Reply(200, "1", "HANGUP")),
        (b"200 result=1 (a) endpos=3)\n", Reply(200, "1", "a) endpos=3")),
        (b"200 result=1 ((x) and (y))\n", Reply(200, "1", "(x) and (y)")),
        (b"200 result=0 (dtmf) endpos=99\n", Reply(200, "0", "dtmf", {"endpos": "99"})),
        (b"200 result=52 endpos=2560\n", Reply(200, "52", None, {"endpos": "2560"})),
        (b"200 result=-1 endpos=4160\n", Reply(200, "-1", None, {"endpos": "4160"})),
        (b"200 result=-2\n", Reply(200, "-2")),
        (b"200 result=1 (\xff)\n", Reply(200, "1", "\udcff")),
        (b"510 Invalid or unknown command\n", Reply(510, text="Invalid or unknown command")),
        (b"511 Command Not Permitted on a dead channel\n", Reply(511, text="Command Not Permitted on a dead channel")),
        (b"520 Invalid command syntax.\n", Reply(520, text="Invalid command syntax.")),
        (b"HANGUP\n", Signal.HANGUP),
        (b"100 result=0 Trying...\n", None),
    ],
)
def test_each_kind_of_answer_has_its_own_value(line: bytes, reply: object) -> None:
    assert ReplyParser().feed(line) == reply


def test_a_usage_text_of_several_lines_is_one_answer() -> None:
    parser = ReplyParser()
    lines = [
        b"520-Invalid command syntax.  Proper usage follows:\n",
        b"HANGUP\n",
        b"200 result=0\n",
        b"520 End of proper usage.\n",
    ]
    assert [parser.feed(line) for line in lines][:-1] == [None, None, None]
    assert parser.feed(b"200 result=7\n") == Reply(200, "7")


def test_a_usage_text_without_end_breaks_the_line() -> None:
    parser = ReplyParser()
    parser.feed(b"520-Usage\n")
    for _ in range(MOST_BLOCK_LINES - 1):
        parser.feed(b"more\n")
    with pytest.raises(LineBroken):
        parser.feed(b"more\n")


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b" \n",
        b"hangup\n",
        b"HANGUP \n",
        b"HANGUPS\n",
        b"200\n",
        b"200 \n",
        b"200 ok\n",
        b"200 result=1 (half\n",
        b"200 result=1 words\n",
        b"200result=1\n",
        b"201 result=1\n",
        b"999 result=1\n",
        b"520Invalid\n",
        b"agi_dnid: unknown\n",
        b"agi_arg_1: ringwise-1\n",
        b"\xff\xfe\n",
        b"\0\n",
    ],
)
def test_what_asterisk_never_says_breaks_the_line(line: bytes) -> None:
    with pytest.raises(LineBroken):
        ReplyParser().feed(line)


@settings(deadline=None)
@given(st.text(alphabet=st.characters(exclude_characters="\n", exclude_categories=("Cs",))))
def test_any_value_on_one_line_comes_back_unchanged(value: str) -> None:
    reply = ReplyParser().feed(f"200 result=1 ({value})\n".encode())
    assert isinstance(reply, Reply)
    assert reply.value == value


pieces = st.sampled_from(
    [b"200 ", b"result=", b"1", b" (", b")", b"HANGUP", b"520-", b"520 ", b"511 ", b"endpos=", b"\xff", b" ", b"-1"]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.lists(pieces, max_size=8), max_size=8))
@pytest.mark.fault("B14", "mutated AGI dialogues")
def test_mutated_dialogues_end_in_values_or_in_a_broken_line(dialogue: list[list[bytes]]) -> None:
    parser = ReplyParser()
    for line in dialogue:
        try:
            said = parser.feed(b"".join(line) + b"\n")
        except LineBroken:
            break
        assert said is None or said is Signal.HANGUP or (isinstance(said, Reply) and said.code in (200, 510, 511, 520))
