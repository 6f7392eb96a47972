"""Ports that are free right now, for things that are started on this machine for a while."""

import secrets
import socket
from contextlib import suppress
from pathlib import Path

from ivr.errors import Misconfigured

#: From here to where media begin. Where the kernel gives ports of these to outgoing connections, it chooses.
LOWEST, HIGHEST = 10_240, 19_999
#: How many are tried for one that is free.
TRIES = 100

_taken: list[socket.socket] = []  # what this process has found stays its own until it ends


def free_ports(count: int, kind: socket.SocketKind, host: str = "127.0.0.1") -> tuple[int, ...]:
    """Different ports that nobody has, and that no other process will find here while this one lives.

    Where that is possible they are none of those that the kernel gives to outgoing connections: such a port may be
    taken by any program before it is used. Raises Misconfigured when none is found.
    """
    return tuple(_free_port(kind, host) for _ in range(count))


def _free_port(kind: socket.SocketKind, host: str) -> int:
    lowest_given = _lowest_given()
    for _ in range(TRIES):
        port = LOWEST + secrets.randbelow(HIGHEST - LOWEST + 1) if lowest_given > HIGHEST else 0
        with socket.socket(socket.AF_INET, kind) as tried, suppress(OSError):
            tried.bind((host, port))
            port = int(tried.getsockname()[1])
            if _is_taken(port):
                continue
            return port
    raise Misconfigured(f"no free port was found on {host}")


def _is_taken(port: int) -> bool:
    """Whether another process has found this port; else it is ours now. An abstract name goes when its owner ends."""
    claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        claim.bind(f"\0ringwise-port-{port}")
    except OSError:
        claim.close()
        return True
    _taken.append(claim)
    return False


def _lowest_given() -> int:
    """The lowest port that the kernel gives by itself."""
    try:
        return int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        return 0


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
