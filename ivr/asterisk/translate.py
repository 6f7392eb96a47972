"""AMI messages to our own events; what the engine does not use becomes None."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ivr.asterisk.wire import App
from ivr.ports import (
    ChannelGone,
    ChannelSeen,
    CustomerSaid,
    Fallback,
    PhoneAnswered,
    PhoneIs,
    PhoneRinging,
    PhoneState,
)


@dataclass(frozen=True, slots=True)
class Packet:
    """One AMI message, detached from panoramisk: every value is text, and a misspelt name is a KeyError."""

    name: str  #: of the event; empty for the answer to an action
    fields: Mapping[str, str]  #: by lower-case name; values of a repeated name are joined by newlines

    @classmethod
    def of(cls, message: Mapping[str, Any]) -> "Packet":
        """A panoramisk message as a packet."""
        fields = {
            str(key).lower(): "\n".join(map(str, value)) if isinstance(value, list) else str(value)
            for key, value in message.items()
        }
        return cls(fields.get("event", ""), fields)

    def __getitem__(self, name: str) -> str:
        return self.fields[name.lower()]

    def get(self, name: str, default: str = "") -> str:
        """The field, or the default when the message lacks it."""
        return self.fields.get(name.lower(), default)


def phone_of(channel: str) -> str:
    """PJSIP/agent-101 from PJSIP/agent-101-0000001a."""
    return channel.rpartition("-")[0] or channel


#: What Asterisk says of a device, as far as offers are concerned; whatever else it may say is unknown.
PHONES: Mapping[str, PhoneState] = {
    "NOT_INUSE": PhoneState.IDLE,
    **dict.fromkeys(("INUSE", "BUSY", "RINGING", "RINGINUSE", "ONHOLD"), PhoneState.IN_USE),
    **dict.fromkeys(("UNAVAILABLE", "INVALID"), PhoneState.UNREACHABLE),
}


def phone_is(packet: Packet) -> PhoneIs:
    """The state of one device."""
    return PhoneIs(packet["Device"], PHONES.get(packet["State"], PhoneState.UNKNOWN))


def translate(packet: Packet) -> PhoneRinging | PhoneAnswered | CustomerSaid | PhoneIs | ChannelGone | None:
    """What happened on the switch. Raises KeyError when an event lacks what it always has."""
    if packet.name == "Hangup":
        return ChannelGone(packet["Linkedid"], packet["Uniqueid"], packet.get("Cause") in DECLINED)
    if packet.name == "DialState" and packet["DialStatus"] == "RINGING":
        channel = packet["DestChannel"]
        return PhoneRinging(packet["DestLinkedid"], phone_of(channel), channel)
    if packet.name == "DialEnd" and packet["DialStatus"] == "ANSWER":
        channel = packet["DestChannel"]
        return PhoneAnswered(packet["DestLinkedid"], phone_of(channel), channel)
    if packet.name == "UserEvent" and packet["UserEvent"] == CUSTOMER_SAID:
        return CustomerSaid(packet["Call"])
    if packet.name == "DeviceStateChange" and packet["Device"].startswith("PJSIP/"):
        return phone_is(packet)
    return None


#: What the dialplan says when a customer who was called has answered what they were asked.
CUSTOMER_SAID = "RingwiseCustomerSaid"
#: Causes of ISDN with which a phone that was rung refuses: user busy, call rejected.
DECLINED = ("17", "21")
#: Where the dialplan serves callers without an engine.
STATIC = "ringwise-static"
#: What ConfBridge was started with: the room, how it is, and as who.
ROOM = re.compile(r"ringwise-(?P<room>\d+),ringwise-room,(?P<profile>ringwise-(?:agent|caller))")


def channel_seen(packet: Packet) -> ChannelSeen:
    """One line of the list of channels."""
    up = packet.get("ChannelStateDesc", "Up") == "Up"
    bridged = bool(packet.get("BridgeId"))
    fallback = None
    if packet.get("Context") == STATIC:
        fallback = Fallback.MESSAGE if packet.get("Exten") == "message" else Fallback.WAITS
    room, is_guest = None, False
    if packet.get("Application") == App.CONFERENCE and (found := ROOM.fullmatch(packet.get("ApplicationData"))):
        room, is_guest = int(found["room"]), found["profile"] == "ringwise-caller"
    return ChannelSeen(
        packet["Linkedid"], packet["Channel"], bridged, packet.get("Uniqueid"), up, fallback, room, is_guest
    )
