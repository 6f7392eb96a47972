"""How Asterisk's words for an unanswered phone are read; each row was seen on Asterisk 22.10.1."""

import pytest

from ivr.asterisk.leg import unanswered
from ivr.ports import DialStatus


@pytest.mark.parametrize(
    ("phone", "status", "cause", "rang", "expected"),
    [
        ("rings until the time is over", "NOANSWER", "0", True, DialStatus.NO_ANSWER),
        ("rings, an older call was declined", "NOANSWER", "21", True, DialStatus.NO_ANSWER),
        ("does not answer SIP at all", "NOANSWER", "3", False, DialStatus.UNREACHABLE),
        ("480 at once", "NOANSWER", "19", False, DialStatus.UNREACHABLE),
        ("486 at once", "BUSY", "17", False, DialStatus.BUSY),
        ("486 after ringing: the user pressed reject", "BUSY", "17", True, DialStatus.DECLINED),
        ("603 at once", "CHANUNAVAIL", "21", False, DialStatus.DECLINED),
        ("603 after ringing", "CHANUNAVAIL", "21", True, DialStatus.DECLINED),
        ("503", "CONGESTION", "34", False, DialStatus.UNREACHABLE),
        ("not registered", "CHANUNAVAIL", "3", False, DialStatus.UNREACHABLE),
        ("a word of a later Asterisk", "INVALIDARGS", "", False, DialStatus.UNREACHABLE),
        ("no word at all", "", "", False, DialStatus.UNREACHABLE),
    ],
)
def test_an_unanswered_phone_is_told_by_status_cause_and_ringing(
    phone: str, status: str, cause: str, rang: bool, expected: DialStatus
) -> None:
    assert unanswered(status, cause, rang=rang) is expected, phone
