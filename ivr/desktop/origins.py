"""Which pages may talk to us: our own, as browsers name them, and those that the settings list."""

import ipaddress
from collections.abc import Iterable

from starlette.requests import HTTPConnection


class Origins:
    """Knows our own origins.

    A browser that came to an address of this machine may call itself by that address; names, and whatever stands
    before a proxy, must be listed. A name that a foreign DNS answer points at us is not ours.
    """

    def __init__(self, listed: Iterable[str]) -> None:
        self._listed = frozenset(origin.rstrip("/").lower() for origin in listed)

    def own(self, connection: HTTPConnection) -> bool:
        """Whether the request comes from a page of ours; a request that does not say where it comes from does not."""
        origins = connection.headers.getlist("origin")
        if len(origins) != 1:
            return False
        origin = origins[0].lower()
        return origin in self._listed or origin in self._by_address(connection)

    def _by_address(self, connection: HTTPConnection) -> frozenset[str]:
        host, port = connection.scope.get("server") or ("", None)
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return frozenset()
        names = {f"[{address}]" if address.version == 6 else str(address)}
        if address.is_loopback:
            names |= {"localhost", "127.0.0.1", "[::1]"}
        ports = {"", f":{port}"} if port == 80 else {f":{port}"}
        return frozenset(f"http://{name}{suffix}" for name in names for suffix in ports)
