"""The header of a FastAGI connection: strict, because a caller's name or number may have forged parts of it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ivr.asterisk.errors import BadHeader
from ivr.asterisk.text import caller_name, caller_number, decode
from ivr.ports import Arrival

#: What the dialplan and this file agree on: six arguments, in the order of `arrival`.
CONTRACT: Final = "ringwise-1"
_ARGS: Final = 6
_REQUIRED: Final = ("agi_network_script", "agi_channel", "agi_uniqueid", "agi_threadid")

_KEY = re.compile(r"agi_[a-z0-9_]{1,40}")
_ID = re.compile(r"[A-Za-z0-9_.-]{1,150}")
_CHANNEL = re.compile(r"[A-Za-z][A-Za-z0-9]*/[\x21-\x7e]{1,150}")
_DNIS = re.compile(r"[A-Za-z0-9+*#_.-]{1,64}")


@dataclass(frozen=True, slots=True)
class Header:
    """A header of the right shape."""

    script: str  #: path of the URL, without its query
    fields: Mapping[str, str]
    hung_up: bool  #: the caller had left before the header ended


def parse_header(raw: bytes) -> Header:
    """The header up to and with its empty line. Raises BadHeader when any of it may have been forged.

    Neither the first nor the last of a repeated key is safe: a forged line stands behind some true ones and before
    others. So a repeated key and a missing thread id refuse the whole header; `arrival` refuses missing arguments.
    """
    if not raw.endswith(b"\n\n"):
        raise BadHeader("the header has no end")
    fields: dict[str, str] = {}
    hung_up = False
    for line in raw[:-2].decode("utf-8", "surrogateescape").split("\n"):
        if line == "HANGUP":
            hung_up = True
            continue
        key, colon, value = line.partition(": ")
        if not colon or not _KEY.fullmatch(key):
            raise BadHeader("a line that is no AGI field")
        if key in fields:
            raise BadHeader(f"{key} twice")
        fields[key] = value
    for key in _REQUIRED:
        if key not in fields:
            raise BadHeader(f"{key} is missing")
    script = fields["agi_network_script"].partition("?")[0]
    return Header(script, fields, hung_up)


def arrival(header: Header) -> Arrival:
    """The call as the dialplan describes it. Raises BadHeader for another dialplan's arguments or an impossible id."""
    fields = header.fields
    wanted = [f"agi_arg_{n}" for n in range(1, _ARGS + 1)]
    found = {key for key in fields if key.startswith("agi_arg_")}
    if found != set(wanted):
        raise BadHeader(f"{len(found)} arguments where the dialplan of {CONTRACT} sends {_ARGS}")
    version, name, number, dnis, rung, linkedid = (fields[key] for key in wanted)
    channel, uniqueid = fields["agi_channel"], fields["agi_uniqueid"]
    if version != CONTRACT:
        raise BadHeader(f"the dialplan does not speak {CONTRACT}; include the one that this release ships")
    if not _ID.fullmatch(linkedid) or not _ID.fullmatch(uniqueid):
        raise BadHeader("an impossible call id")
    if not _CHANNEL.fullmatch(channel):
        raise BadHeader("an impossible channel name")
    if rung not in ("1", "2"):
        raise BadHeader("an impossible rung")
    return Arrival(
        call_id=linkedid,
        uniqueid=uniqueid,
        channel=channel,
        ani=caller_number(decode(number)),
        caller_name=caller_name(decode(name)),
        dnis=dnis if _DNIS.fullmatch(dnis) else "",
        rung=int(rung),
    )
