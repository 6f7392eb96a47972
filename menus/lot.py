"""The lot by which callers are drawn: the same on every node and for ever, as it comes from a text alone."""

from hashlib import sha256


def lot(text: str) -> int:
    """The number of a text, evenly from 0 up to 2 to the power of 64."""
    return int.from_bytes(sha256(text.encode("utf-8", "surrogatepass")).digest()[:8])


def within(drawn: int, share: float) -> bool:
    """Whether a lot is one of this share of all; a larger share takes in the smaller."""
    return drawn < share * 2**64
