"""A brake on guessing passwords: wrong ones lock a name for a growing while and slow an address down."""

import ipaddress
from dataclasses import dataclass

FREE_PER_NAME = 5  #: wrong passwords in a row for one name before it is locked
FIRST_LOCK_S = 15.0  #: doubles with each further wrong password
LONGEST_LOCK_S = 900.0
FORGOTTEN_S = 3600.0  #: without a wrong password for that long, a name starts anew
FREE_PER_ADDRESS = 50  #: wrong passwords at once from one address: a whole site may come through one proxy
ADDRESS_EVERY_S = 15.0  #: thereafter one in this time
MOST_REMEMBERED = 10_000  #: names, and as many addresses; whose last attempt is longest ago is forgotten first


@dataclass(slots=True)
class _Count:
    wrong: float = 0.0
    last_at: float = 0.0


class Guesses:
    """Counts wrong passwords per name and per address. Times are seconds of a clock that never goes back."""

    def __init__(self) -> None:
        self._names: dict[str, _Count] = {}
        self._addresses: dict[str, _Count] = {}

    def take(self, name: str, address: str, *, now: float) -> float:
        """Seconds to wait, or 0: then the attempt is counted as wrong, so that many at once gain nothing."""
        by_name, by_address = self._name(name, now), self._address(address, now)
        wait_s = max(_name_wait_s(by_name, now), (by_address.wrong - FREE_PER_ADDRESS + 1) * ADDRESS_EVERY_S)
        if wait_s > 0:
            return wait_s
        for counts, key, count in ((self._names, name, by_name), (self._addresses, _network(address), by_address)):
            count.wrong += 1
            count.last_at = now
            counts.pop(key, None)
            if len(counts) >= MOST_REMEMBERED:
                del counts[next(iter(counts))]
            counts[key] = count
        return 0.0

    def right(self, name: str, address: str) -> None:
        """The password was right: the name starts anew, the address gets this attempt back."""
        self._names.pop(name, None)
        _take_back(self._addresses, _network(address))

    def unknown(self, name: str, address: str) -> None:
        """The password could not be checked: the attempt does not count."""
        _take_back(self._names, name)
        _take_back(self._addresses, _network(address))

    def _name(self, name: str, now: float) -> _Count:
        count = self._names.get(name)
        return count if count is not None and now - count.last_at <= FORGOTTEN_S else _Count()

    def _address(self, address: str, now: float) -> _Count:
        count = self._addresses.get(_network(address), _Count(last_at=now))
        count.wrong = max(0.0, count.wrong - (now - count.last_at) / ADDRESS_EVERY_S)
        count.last_at = now
        return count


def _name_wait_s(count: _Count, now: float) -> float:
    if count.wrong < FREE_PER_NAME:
        return 0.0
    lock_s: float = FIRST_LOCK_S * 2 ** min(count.wrong - FREE_PER_NAME, 16)
    return count.last_at + min(lock_s, LONGEST_LOCK_S) - now


def _take_back(counts: dict[str, _Count], key: str) -> None:
    count = counts.get(key)
    if count is not None:
        count.wrong = max(0.0, count.wrong - 1)


def _network(address: str) -> str:
    """An IPv4 address itself, or the /64 of an IPv6 address: one customer of a provider has all of it."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((parsed, 64), strict=False)) if parsed.version == 6 else address
