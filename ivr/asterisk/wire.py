"""AGI and AMI text: the only encoder of what we write, and the parser of AGI answers. Bytes and values, no sockets."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Final, Literal

from ivr.asterisk.errors import Refused
from ivr.errors import LineBroken

#: Asterisk before 22.6 cuts a line at 2,047 bytes and runs the rest as a new command; this is a security limit.
MOST_LINE_BYTES: Final = 2000
#: Asterisk splits an AGI line into at most so many words.
MOST_WORDS: Final = 100
#: Asterisk refuses an AMI header line of more than 1,024 bytes, and then the whole action.
MOST_FIELD_BYTES: Final = 1000
#: Usage texts are a few lines; a longer block is not an answer.
MOST_BLOCK_LINES: Final = 200


class Verb(StrEnum):
    """Every AGI command that the engine knows."""

    ANSWER = "ANSWER"
    CHANNEL_STATUS = "CHANNEL STATUS"
    EXEC = "EXEC"
    GET_FULL_VARIABLE = "GET FULL VARIABLE"
    GET_VARIABLE = "GET VARIABLE"
    RECORD_FILE = "RECORD FILE"
    SET_VARIABLE = "SET VARIABLE"
    STREAM_FILE = "STREAM FILE"
    WAIT_FOR_DIGIT = "WAIT FOR DIGIT"


class App(StrEnum):
    """Every dialplan application that EXEC may run."""

    CONFERENCE = "ConfBridge"
    DIAL = "Dial"
    MIX_MONITOR = "MixMonitor"
    START_MUSIC = "StartMusicOnHold"
    STOP_MIX_MONITOR = "StopMixMonitor"
    STOP_MUSIC = "StopMusicOnHold"


_LINE_ENDS = re.compile(r"[\r\n\0]")
_EVALUATED = re.compile(r"\$[{\[]")
#: MixMonitor takes a file and `b`: only what is said while bridged. A third argument would be a command of the shell.
_MIX_MONITOR = re.compile(r"[^,^&|]+\.wav,b")
#: A variable may be headers of the INVITE that goes out with a call, and no other function.
_HEADER = r"PJSIP_HEADER\(add,[A-Za-z-]{1,40}\)=[A-Za-z0-9<>:;=./@_ -]{1,120}"
_HEADERS = re.compile(f"{_HEADER}(?:,{_HEADER})*")
_FIELD_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]*")


def encode(verb: Verb, *args: str) -> bytes:
    """One AGI command as the bytes of one write, newline included.

    Every argument is quoted. Raises Refused for line ends and NUL, for text that Asterisk would evaluate, for an
    application that is not listed, and for lines that Asterisk would cut.
    """
    if verb is Verb.EXEC and args[:1] and args[0] not in App.__members__.values():
        raise Refused(f"EXEC of an application that is not listed: {args[0]!r}")
    if verb is Verb.EXEC and args[0] == App.MIX_MONITOR and not (len(args) == 2 and _MIX_MONITOR.fullmatch(args[1])):
        raise Refused("MixMonitor with more than a sound file and the option b")
    for arg in args:
        if _LINE_ENDS.search(arg):
            raise Refused(f"{verb}: an argument holds CR, LF or NUL")
        if _EVALUATED.search(arg):
            raise Refused(f"{verb}: an argument holds a dialplan expression")
    if len(verb.split()) + len(args) > MOST_WORDS:
        raise Refused(f"{verb}: more than {MOST_WORDS} words")
    quoted = ('"' + arg.replace("\\", "\\\\").replace('"', '\\"') + '"' for arg in args)
    try:
        line = (" ".join((verb.value, *quoted)) + "\n").encode("utf-8")
    except UnicodeEncodeError:
        raise Refused(f"{verb}: an argument is not Unicode text") from None
    if len(line) > MOST_LINE_BYTES:
        raise Refused(f"{verb}: {len(line)} bytes, at most {MOST_LINE_BYTES}")
    return line


def check_field(name: str, value: str) -> None:
    """Refuse an AMI header that would become more than one line or more than one variable. Raises Refused."""
    if not _FIELD_NAME.fullmatch(name):
        raise Refused("the name of an AMI field holds more than letters, digits and hyphens")
    if _LINE_ENDS.search(value):
        raise Refused(f"AMI field {name} holds CR, LF or NUL")
    try:
        size = len(f"{name}: {value}".encode())
    except UnicodeEncodeError:
        raise Refused(f"AMI field {name} is not Unicode text") from None
    if size > MOST_FIELD_BYTES:
        raise Refused(f"AMI field {name} has {size} bytes, at most {MOST_FIELD_BYTES}")
    if name.lower() == "variable" and "," in value and not _HEADERS.fullmatch(value):
        raise Refused("AMI field Variable holds a comma, which would set a second variable")


class Signal(Enum):
    """What the switch says without having been asked."""

    HANGUP = "HANGUP"


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to one AGI command."""

    code: int  #: 200 done, 510 unknown command, 511 the channel is dead, 520 wrong usage
    result: str = ""
    value: str | None = None  #: what stood in parentheses; None when there were none, which is not the same as empty
    fields: Mapping[str, str] = field(default_factory=dict)  #: endpos and the like
    text: str = ""  #: Asterisk's own words when the code is not 200


class ReplyParser:
    """Lines of the switch, one at a time, to answers; keeps its place in usage texts of several lines."""

    def __init__(self) -> None:
        self._block: list[str] = []

    def feed(self, line: bytes) -> Reply | Literal[Signal.HANGUP] | None:
        """What this line completes: an answer, the out-of-band hang-up, or nothing yet.

        Raises LineBroken for anything that Asterisk never says, because then later answers cannot be trusted.
        """
        text = line.removesuffix(b"\n").decode("utf-8", "surrogateescape")
        if self._block:
            return self._usage_line(text)
        if text == "HANGUP":
            return Signal.HANGUP
        code, gap, rest = text[:3], text[3:4], text[4:]
        if gap == " ":
            if code == "200":
                return _success(rest)
            if code == "100":
                return None
            if code in ("510", "511", "520"):
                return Reply(int(code), text=rest)
        elif code == "520" and gap == "-":
            self._block.append(rest)
            return None
        raise LineBroken("the switch said something that is no answer to an AGI command")

    def _usage_line(self, text: str) -> Reply | None:
        if text.startswith("520 "):
            told = "\n".join(self._block)
            self._block.clear()
            return Reply(520, text=told)
        if len(self._block) >= MOST_BLOCK_LINES:
            raise LineBroken("the switch does not end its usage text")
        self._block.append(text)
        return None


_RESULT = re.compile(r"result=(\S*)(?: (.*))?", re.DOTALL)
_FIELD = re.compile(r"(\w+)=(\S*)")


def _success(rest: str) -> Reply:
    """`result=R`, then perhaps a value in parentheses, then perhaps fields. The value may itself hold parentheses."""
    found = _RESULT.fullmatch(rest)
    if not found:
        raise LineBroken("an answer 200 without a result")
    result, tail = found[1], found[2] or ""
    value: str | None = None
    if tail.startswith("("):
        value, closed, tail = tail[1:].rpartition(")")
        if not closed:
            raise LineBroken("an answer whose value does not end on its line")
    fields: dict[str, str] = {}
    for word in tail.split():
        pair = _FIELD.fullmatch(word)
        if not pair:
            raise LineBroken("an answer 200 with words that are no fields")
        fields[pair[1]] = pair[2]
    return Reply(200, result, value, fields)
