"""The one encoder: whatever goes in comes out of Asterisk's own argument parser, or is refused."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.asterisk.errors import Refused
from ivr.asterisk.simulator import split_words
from ivr.asterisk.wire import MOST_FIELD_BYTES, MOST_LINE_BYTES, MOST_WORDS, App, Verb, check_field, encode


@pytest.mark.parametrize(
    ("verb", "args", "line"),
    [
        (Verb.ANSWER, (), b"ANSWER\n"),
        (Verb.STREAM_FILE, ("/p/hello", ""), b'STREAM FILE "/p/hello" ""\n'),
        (Verb.SET_VARIABLE, ("A", 'say "no" \\ twice'), b'SET VARIABLE "A" "say \\"no\\" \\\\ twice"\n'),
        (Verb.EXEC, (App.STOP_MUSIC,), b'EXEC "StopMusicOnHold"\n'),
    ],
)
def test_every_argument_is_quoted_and_escaped(verb: Verb, args: tuple[str, ...], line: bytes) -> None:
    assert encode(verb, *args) == line


@pytest.mark.parametrize("bad", ["a\rb", "a\nb", "a\0b", "a\n", "\n", "${SHELL(id)}", "x$[1+1]", "\ud800"])
def test_line_ends_nul_expressions_and_half_characters_are_refused(bad: str) -> None:
    with pytest.raises(Refused):
        encode(Verb.SET_VARIABLE, "A", bad)


@pytest.mark.parametrize("application", ["System", "AGI", "dial", "Dial ", "", "Originate"])
def test_exec_runs_only_listed_applications(application: str) -> None:
    with pytest.raises(Refused):
        encode(Verb.EXEC, application, "x")


def test_a_line_that_asterisk_would_cut_is_refused() -> None:
    fits = MOST_LINE_BYTES - len(b'SET VARIABLE "A" ""\n')
    assert len(encode(Verb.SET_VARIABLE, "A", "x" * fits)) == MOST_LINE_BYTES
    with pytest.raises(Refused):
        encode(Verb.SET_VARIABLE, "A", "x" * (fits + 1))


def test_more_words_than_asterisk_takes_are_refused() -> None:
    assert len(split_words(encode(Verb.STREAM_FILE, *["x"] * (MOST_WORDS - 2)).decode()[:-1])) == MOST_WORDS
    with pytest.raises(Refused):
        encode(Verb.STREAM_FILE, *["x"] * (MOST_WORDS - 1))


@settings(deadline=None)
@given(st.lists(st.text(alphabet=st.one_of(st.characters(), st.sampled_from('"\\ \t$é王')), max_size=40), max_size=6))
@pytest.mark.fault("B15", "any text as an argument of a command")
def test_any_text_comes_back_from_asterisks_parser_or_is_refused(args: list[str]) -> None:
    try:
        line = encode(Verb.SET_VARIABLE, *args)
    except Refused:
        joined = "".join(args)
        assert any(c in joined for c in "\r\n\0$") or any(0xD800 <= ord(c) <= 0xDFFF for c in joined)
        return
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert len(line) <= MOST_LINE_BYTES
    assert split_words(line.decode()[:-1]) == ["SET", "VARIABLE", *args]


@pytest.mark.parametrize("bad", ["x\r\nAction: Originate", "x\nAction: y", "x\0", "x" * 1001, "王" * 334, "\udc80"])
@pytest.mark.parametrize("name", ["Channel", "Variable", "Digit", "Username", "Secret", "Cause"])
def test_ami_values_that_would_become_another_line_never_reach_the_socket(name: str, bad: str) -> None:
    with pytest.raises(Refused):
        check_field(name, bad)


@pytest.mark.parametrize("name", ["", "Chan nel", "Channel:", "Channel\n", "Ch\0", "9x", "Kanal-ü"])
def test_ami_names_are_letters_digits_and_hyphens(name: str) -> None:
    with pytest.raises(Refused):
        check_field(name, "x")


def test_a_comma_in_an_ami_variable_would_set_a_second_variable() -> None:
    check_field("Channel", "a,b")
    check_field("Variable", "a=Smith%2C John")
    with pytest.raises(Refused):
        check_field("variable", "a=Smith, John,VIP=1")


def test_an_ami_variable_may_be_headers_of_the_invite_and_no_other_function() -> None:
    header = "PJSIP_HEADER(add,Call-Info)=<sip:ringwise>;answer-after=0"
    check_field("Variable", header)
    check_field("Variable", f"{header},PJSIP_HEADER(add,Alert-Info)=<http://x>;info=y")
    for bad in (f"{header},SHELL(x)=1", f"{header},a=1", "PJSIP_HEADER(remove,To)=", f"{header} ${{X}},a"):
        with pytest.raises(Refused):
            check_field("Variable", bad)


def test_an_ami_field_may_have_exactly_the_length_that_asterisk_takes() -> None:
    check_field("A", "x" * (MOST_FIELD_BYTES - 3))
    with pytest.raises(Refused):
        check_field("A", "x" * (MOST_FIELD_BYTES - 2))


@pytest.mark.parametrize("bad", ["x.wav", "x.wav,b,touch y", "x.wav,bi(Z)", "x.mp3,b", "x&y.wav,b", "a^b.wav,b"])
def test_mixmonitor_takes_a_sound_file_and_nothing_that_could_be_a_command(bad: str) -> None:
    assert encode(Verb.EXEC, App.MIX_MONITOR, "/rec/x.wav,b")
    with pytest.raises(Refused):
        encode(Verb.EXEC, App.MIX_MONITOR, bad)
