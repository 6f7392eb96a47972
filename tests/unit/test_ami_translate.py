"""AMI messages to our events; the messages are those of Asterisk 22.10.1."""

import pytest

from ivr.asterisk.translate import Packet, channel_seen, phone_of, translate
from ivr.ports import ChannelGone, ChannelSeen, Fallback, PhoneAnswered, PhoneIs, PhoneRinging, PhoneState

DIAL = {
    "Channel": "PJSIP/trunk-00000000",
    "Uniqueid": "17.3",
    "Linkedid": "17.2",
    "DestChannel": "PJSIP/agent-101-0000001a",
    "DestUniqueid": "17.4",
    "DestLinkedid": "17.2",
}


@pytest.mark.parametrize(
    ("message", "event"),
    [
        (
            {"Event": "DialState", **DIAL, "DialStatus": "RINGING"},
            PhoneRinging("17.2", "PJSIP/agent-101", "PJSIP/agent-101-0000001a"),
        ),
        (
            {"Event": "DialEnd", **DIAL, "DialStatus": "ANSWER"},
            PhoneAnswered("17.2", "PJSIP/agent-101", "PJSIP/agent-101-0000001a"),
        ),
        (
            {"Event": "Hangup", "Channel": "PJSIP/a-1", "Uniqueid": "17.4", "Linkedid": "17.2", "Cause": "16"},
            ChannelGone("17.2", "17.4"),
        ),
        *(
            (
                {"Event": "Hangup", "Channel": "PJSIP/a-1", "Uniqueid": "17.4", "Linkedid": "17.2", "Cause": cause},
                ChannelGone("17.2", "17.4", declined=True),
            )
            for cause in ("17", "21")
        ),
        *(
            (
                {"Event": "DeviceStateChange", "Device": "PJSIP/agent-101", "State": said},
                PhoneIs("PJSIP/agent-101", state),
            )
            for said, state in {
                "NOT_INUSE": PhoneState.IDLE,
                "INUSE": PhoneState.IN_USE,
                "BUSY": PhoneState.IN_USE,
                "RINGING": PhoneState.IN_USE,
                "RINGINUSE": PhoneState.IN_USE,
                "ONHOLD": PhoneState.IN_USE,
                "UNAVAILABLE": PhoneState.UNREACHABLE,
                "INVALID": PhoneState.UNREACHABLE,
                "UNKNOWN": PhoneState.UNKNOWN,
                "OF_A_LATER_ASTERISK": PhoneState.UNKNOWN,
            }.items()
        ),
        ({"Event": "DeviceStateChange", "Device": "Queue:general", "State": "INUSE"}, None),
        ({"Event": "DialState", **DIAL, "DialStatus": "PROGRESS"}, None),
        ({"Event": "DialEnd", **DIAL, "DialStatus": "NOANSWER"}, None),
        ({"Event": "DialBegin", **DIAL}, None),
        ({"Event": "AnEventOfALaterAsterisk", "X": "y"}, None),
        ({"Response": "Success"}, None),
    ],
)
def test_each_message_means_one_event_or_none(message: dict[str, str], event: object) -> None:
    assert translate(Packet.of(message)) == event


@pytest.mark.parametrize("missing", ["DestChannel", "DestLinkedid", "DialStatus"])
def test_an_event_without_what_it_always_has_is_an_error(missing: str) -> None:
    message = {"Event": "DialEnd", **DIAL, "DialStatus": "ANSWER"}
    del message[missing]
    with pytest.raises(KeyError):
        translate(Packet.of(message))


@pytest.mark.parametrize(
    ("channel", "phone"),
    [
        ("PJSIP/agent-101-0000001a", "PJSIP/agent-101"),
        ("PJSIP/a-b-c-00000000", "PJSIP/a-b-c"),
        ("Local/1@x-00000001;2", "Local/1@x"),
        ("odd", "odd"),
    ],
)
def test_the_phone_is_the_channel_without_its_number(channel: str, phone: str) -> None:
    assert phone_of(channel) == phone


@pytest.mark.parametrize(("bridge", "bridged"), [("", False), ("b2f1", True)])
def test_a_line_of_the_list_of_channels_is_a_channel(bridge: str, bridged: bool) -> None:
    line = {"Event": "CoreShowChannel", "Channel": "PJSIP/a-1", "Uniqueid": "17.4", "Linkedid": "17.2"}
    assert channel_seen(Packet.of({**line, "BridgeId": bridge})) == ChannelSeen("17.2", "PJSIP/a-1", bridged, "17.4")


@pytest.mark.parametrize(
    ("application", "data", "room", "is_guest"),
    [
        ("ConfBridge", "ringwise-7,ringwise-room,ringwise-caller", 7, True),
        ("ConfBridge", "ringwise-7,ringwise-room,ringwise-agent", 7, False),
        ("ConfBridge", "lunch,default_bridge,default_user", None, False),
        ("Dial", "ringwise-7,ringwise-room,ringwise-agent", None, False),
    ],
)
def test_who_is_in_a_room_and_as_whom_is_known_by_what_the_channel_runs(
    application: str, data: str, room: int | None, is_guest: bool
) -> None:
    line = {"Event": "CoreShowChannel", "Channel": "PJSIP/a-1", "Uniqueid": "17.2", "Linkedid": "17.2"}
    seen = channel_seen(Packet.of({**line, "Application": application, "ApplicationData": data}))
    assert (seen.room, seen.is_guest) == (room, is_guest)


@pytest.mark.parametrize(
    ("extension", "fallback"),
    [("s", Fallback.WAITS), ("agent", Fallback.WAITS), ("complaint", Fallback.WAITS), ("message", Fallback.MESSAGE)],
)
def test_a_caller_in_the_menu_of_the_switch_is_known_by_the_place_in_the_dialplan(
    extension: str, fallback: Fallback
) -> None:
    line = {"Event": "CoreShowChannel", "Channel": "PJSIP/a-1", "Uniqueid": "17.2", "Linkedid": "17.2", "BridgeId": ""}
    assert channel_seen(Packet.of({**line, "Context": "ringwise-static", "Exten": extension})).fallback is fallback
    assert channel_seen(Packet.of({**line, "Context": "ringwise-ladder", "Exten": extension})).fallback is None
