"""Telephone numbers: as sent by the carrier, as stored, as written to logs."""

import phonenumbers


def e164(ani: str | None, country: str) -> str | None:
    """A number in E.164 form, or None when it is no possible number; `country` is the default region."""
    if ani is None:
        return None
    try:
        parsed = phonenumbers.parse(ani, country)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(parsed):
        return None
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def is_mobile(number: str) -> bool:
    """Whether an E.164 number may be a mobile phone's; in some countries numbers do not tell."""
    try:
        kind = phonenumbers.number_type(phonenumbers.parse(number))
    except phonenumbers.NumberParseException:
        return False
    return kind in (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE)


def masked(number: str | None) -> str:
    """A number for logs: of more than six signs only the first three digits and the last two."""
    if not number:
        return "withheld"
    if len(number) <= 6:  # an extension or a service number
        return number
    return f"{number[: 4 if number.startswith('+') else 3]}…{number[-2:]}"
