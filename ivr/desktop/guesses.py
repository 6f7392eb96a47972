"""A brake on guessing passwords: wrong ones in a row lock a name and an address for a growing while."""

import ipaddress
from dataclasses import dataclass

FREE_PER_NAME = 5  #: wrong passwords for one name before it is locked
FREE_PER_ADDRESS = 20  #: wrong passwords from one address before it is locked
FIRST_LOCK_S = 15.0  #: doubles with each further wrong password
LONGEST_LOCK_S = 900.0
FORGOTTEN_S = 3600.0  #: without a wrong password for that long, all is forgotten
MOST_REMEMBERED = 10_000


@dataclass(slots=True)
class _Count:
    wrong: int = 0
    last_at: float = 0.0


class Guesses:
    """Counts wrong passwords per name and per address. Times are seconds of a clock that never goes back."""

    def __init__(self) -> None:
        self._counts: dict[str, _Count] = {}

    def take(self, name: str, address: str, *, now: float) -> float:
        """Seconds to wait, or 0: then the attempt is counted as wrong, so that many at once gain nothing."""
        keys = ((f"name {name}", FREE_PER_NAME), (f"from {_network(address)}", FREE_PER_ADDRESS))
        wait = max(self._locked_s(key, free, now) for key, free in keys)
        if wait <= 0:
            for key, _ in keys:
                self._count(key, now)
        return max(wait, 0.0)

    def right(self, name: str, address: str) -> None:
        """The password was right: the name starts anew, the address gets this attempt back."""
        self._counts.pop(f"name {name}", None)
        self._take_back(f"from {_network(address)}")

    def unknown(self, name: str, address: str) -> None:
        """The password could not be checked: the attempt does not count."""
        self._take_back(f"name {name}")
        self._take_back(f"from {_network(address)}")

    def _take_back(self, key: str) -> None:
        count = self._counts.get(key)
        if count is not None:
            count.wrong -= 1

    def _locked_s(self, key: str, free: int, now: float) -> float:
        count = self._counts.get(key)
        if count is None or count.wrong < free:
            return 0.0
        lock_s: float = FIRST_LOCK_S * 2 ** min(count.wrong - free, 16)
        return count.last_at + min(lock_s, LONGEST_LOCK_S) - now

    def _count(self, key: str, now: float) -> None:
        count = self._counts.pop(key, None)
        if count is None or now - count.last_at > FORGOTTEN_S:
            count = _Count()
        count.wrong += 1
        count.last_at = now
        if len(self._counts) >= MOST_REMEMBERED:
            del self._counts[next(iter(self._counts))]  # the one whose last attempt is longest ago
        self._counts[key] = count


def _network(address: str) -> str:
    """An IPv4 address itself, or the /64 of an IPv6 address: one customer of a provider has all of it."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((parsed, 64), strict=False)) if parsed.version == 6 else address
