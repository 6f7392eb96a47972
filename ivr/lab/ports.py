"""Ports that are free right now, for things that are started on this machine for a while."""

import socket
from contextlib import ExitStack

from ivr.errors import Misconfigured


def free_ports(count: int, kind: socket.SocketKind, host: str = "127.0.0.1") -> tuple[int, ...]:
    """Different ports that nobody has; held together while being found, so none comes twice."""
    with ExitStack() as held:
        found = []
        for _ in range(count):
            tried = held.enter_context(socket.socket(socket.AF_INET, kind))
            tried.bind((host, 0))
            found.append(int(tried.getsockname()[1]))
        return tuple(found)


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
