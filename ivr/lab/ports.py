"""Ports that are free right now, for things that are started on this machine for a while."""

import secrets
import socket
from contextlib import ExitStack, suppress
from pathlib import Path

from ivr.errors import Misconfigured

#: Lower ones are left to media; at least so many must be left to choose from.
LOWEST, FEWEST = 30_000, 1_000
#: How many are tried for one that is free.
TRIES = 100


def free_ports(count: int, kind: socket.SocketKind, host: str = "127.0.0.1") -> tuple[int, ...]:
    """Different ports that nobody has; held together while being found, so none comes twice.

    They are none of those that the kernel gives to outgoing connections: such a port may be taken by any program before
    it is used.
    """
    lowest_given = _lowest_given()
    with ExitStack() as held:
        found = []
        for _ in range(count):
            tried = held.enter_context(socket.socket(socket.AF_INET, kind))
            _bind(tried, host, lowest_given)
            found.append(int(tried.getsockname()[1]))
        return tuple(found)


def _lowest_given() -> int:
    """The lowest port that the kernel gives by itself."""
    try:
        return int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        return 0


def _bind(tried: socket.socket, host: str, lowest_given: int) -> None:
    if lowest_given - LOWEST >= FEWEST:
        for _ in range(TRIES):
            with suppress(OSError):
                tried.bind((host, LOWEST + secrets.randbelow(lowest_given - LOWEST)))
                return
    tried.bind((host, 0))


def require_free(port: int, kind: socket.SocketKind, host: str, purpose: str) -> None:
    """Raise Misconfigured when somebody has the port already."""
    with socket.socket(socket.AF_INET, kind) as tried:
        if kind == socket.SOCK_STREAM:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((host, port))
        except OSError as fault:
            raise Misconfigured(
                f"{purpose} needs port {port} on {host}, which cannot be had ({fault.strerror}); "
                "end the program that has it, or choose another port"
            ) from fault
