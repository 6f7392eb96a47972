"""Long numbers are heard in groups: which digits belong together when an account, a card or a phone is spoken."""

#: From so many digits on it is a card, whose groups of four begin at the front.
CARD = 16
GROUP = 4


def grouped(value: str) -> tuple[str, ...]:
    """The digits of a text in groups of four and three: cards 4-4-4-4, phones 3-4-4; nothing but digits is kept."""
    digits = "".join(sign for sign in value if sign in "0123456789")
    if len(digits) <= GROUP + 1:
        return (digits,) if digits else ()
    threes = -len(digits) % GROUP
    lengths = [3] * threes + [GROUP] * ((len(digits) - 3 * threes) // GROUP)
    if len(digits) >= CARD:
        lengths.reverse()
    groups, at = [], 0
    for length in lengths:
        groups.append(digits[at : at + length])
        at += length
    return tuple(groups)
