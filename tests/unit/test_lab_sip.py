"""The robots' SIP: messages as bytes and back."""

import pytest

from ivr.lab.sip import Dialog, Message, offer_sound, response, sound_address

INVITE = (
    b"INVITE sip:agent-101@127.0.0.1:5099 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKa\r\n"
    b'Via: SIP/2.0/UDP 127.0.0.9:5060;branch=z9hG4bKb\r\nFrom: "Jos\xe9" <sip:138@127.0.0.1>;tag=far\r\n'
    b"To: <sip:agent-101@127.0.0.1>\r\nCall-ID: one\r\nCSeq: 7 INVITE\r\nContact: <sip:asterisk@127.0.0.1:5060>\r\n"
    b"Content-Length: 4\r\n\r\nbody"
)


def parsed(data: bytes) -> Message:
    message = Message.parse(data)
    assert message is not None
    return message


def test_message_keeps_headers_body_and_odd_bytes() -> None:
    invite = parsed(INVITE)
    assert (invite.method, invite.status, invite.body) == ("INVITE", 0, b"body")
    assert invite.first("call-id") == "one"
    assert dict(invite.headers)["from"].startswith(b'"Jos\xe9"')


@pytest.mark.parametrize("data", [b"", b"\r\n\r\n", b"hello", b"GET / HTTP/1.1\r\n\r\n"])
def test_datagram_that_is_no_sip_is_none(data: bytes) -> None:
    assert Message.parse(data) is None


def test_response_repeats_what_names_the_request_and_adds_the_tag_once() -> None:
    ringing = parsed(response(parsed(INVITE), 180, "Ringing", tag="near").bytes())
    assert ringing.status == 180
    assert [value for name, value in ringing.headers if name == "via"] == [
        b"SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKa",
        b"SIP/2.0/UDP 127.0.0.9:5060;branch=z9hG4bKb",
    ]
    assert ringing.first("to") == "<sip:agent-101@127.0.0.1>;tag=near"
    again = response(parsed(ringing.bytes()), 200, "OK", tag="near")
    assert again.first("to").count("tag=") == 1


def test_called_phone_hangs_up_with_its_own_name_first() -> None:
    dialog = Dialog.called(parsed(INVITE), ("127.0.0.1", 5099), "near")
    bye = parsed(dialog.request("BYE").bytes())
    assert bye.start == "BYE sip:asterisk@127.0.0.1:5060 SIP/2.0"
    assert bye.first("from") == "<sip:agent-101@127.0.0.1>;tag=near"
    assert bye.first("to").endswith(";tag=far")
    assert bye.first("call-id") == "one"


def test_acknowledgement_and_cancel_repeat_the_number_of_the_invite_and_bye_counts_on() -> None:
    dialog = Dialog(("127.0.0.2", 5000), b"<sip:a@b>;tag=1", b"<sip:c@d>", "sip:c@d")
    numbers = [dialog.request(method).first("CSeq") for method in ("INVITE", "ACK", "CANCEL", "BYE")]
    assert numbers == ["1 INVITE", "1 ACK", "1 CANCEL", "2 BYE"]


def test_sound_address_is_read_where_it_is_offered() -> None:
    assert sound_address(offer_sound(("127.0.0.2", 4000))) == ("127.0.0.2", 4000)
    assert sound_address(b"v=0\r\n") is None
