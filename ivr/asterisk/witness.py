"""An independent look at AMI through asterisk-ami, which the engine itself does not use; blocking, short-lived."""

import queue
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from asterisk.ami import Action, AMIClient

CONNECT_TIMEOUT_S = 3.0
ANSWER_TIMEOUT_S = 5.0
#: The library gives a link up that is silent for so long, and does not notice: longer than any examination.
_SILENCE_S = 120.0
_BANNER = b"Asterisk Call Manager/"


class AmiUnusable(Exception):
    """AMI cannot be asked: not reached, not understood or not answered."""


@dataclass(frozen=True, slots=True)
class AmiEvent:
    """One event."""

    name: str
    fields: Mapping[str, str]


class AmiWitness:
    """One login. Raises AmiUnusable when the other side is no AMI or does not answer."""

    def __init__(self, host: str, port: int) -> None:
        self._responses: queue.Queue[Any] = queue.Queue()
        self._events: queue.Queue[AmiEvent] = queue.Queue()
        self.seen: list[AmiEvent] = []  #: every event since the login
        self._number = 0
        _require_ami(host, port)
        self._client = AMIClient(address=host, port=port, timeout=_SILENCE_S)
        self._client.add_listener(on_response=self._answered, on_event=self._happened)

    def __enter__(self) -> Self:
        try:
            self._client.connect()
        except OSError as fault:
            raise AmiUnusable(f"the connection failed: {fault}") from fault
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(AmiUnusable):
            self.ask("Logoff")  # ends the library's thread; closing the socket alone does not
        self._client.disconnect()

    def log_in(self, user: str, secret: str) -> bool:
        """Whether this user and secret are accepted."""
        return bool(self.ask("Login", Username=user, Secret=secret).status == "Success")

    def ask(self, action: str, *, variables: Mapping[str, str] | None = None, **fields: str) -> "AmiAnswer":
        """Send an action and give its response. The library's own futures are not used: they warn and leak."""
        variables = variables or {}
        if any(sign in value for value in (*fields.values(), *variables.values()) for sign in "\r\n\0"):
            raise AmiUnusable(f"{action} would carry a line break")
        self._number += 1
        number = f"doctor-{self._number}"
        deadline = time.monotonic() + ANSWER_TIMEOUT_S
        try:
            self._client.send(Action(action, {"ActionID": number, **fields}, dict(variables)))
            while True:
                answer = self._responses.get(timeout=max(0.0, deadline - time.monotonic()))
                if answer.keys.get("ActionID") == number:
                    return AmiAnswer(answer.status, answer.keys)
        except queue.Empty:
            raise AmiUnusable(f"{action} was not answered within {ANSWER_TIMEOUT_S:.0f} s") from None
        except OSError as fault:
            raise AmiUnusable(f"the link broke at {action}: {fault}") from fault

    def ask_list(self, action: str, complete: str, **fields: str) -> "tuple[AmiEvent, ...] | None":
        """The events that answer an action, up to the one that closes the list; None when it is refused."""
        answer = self.ask(action, variables=None, **fields)
        if not answer.accepted:
            return None
        listed: list[AmiEvent] = []
        for event in self.events(deadline_s=ANSWER_TIMEOUT_S):
            if event.fields.get("ActionID") != answer.fields["ActionID"]:
                continue
            if event.name == complete:
                return tuple(listed)
            listed.append(event)
        raise AmiUnusable(f"the list of {action} did not end within {ANSWER_TIMEOUT_S:.0f} s")

    def events(self, *, deadline_s: float) -> Iterator[AmiEvent]:
        """Events as they come, until the deadline; those that nobody has taken yet are first."""
        until = time.monotonic() + deadline_s
        while True:
            try:
                yield self._events.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                return

    def _answered(self, source: AMIClient, response: Any) -> None:
        self._responses.put(response)

    def _happened(self, source: AMIClient, event: Any) -> None:
        happened = AmiEvent(event.name, event.keys)
        self.seen.append(happened)
        self._events.put(happened)


@dataclass(frozen=True, slots=True)
class AmiAnswer:
    """The response to an action."""

    status: str  #: Success or Error
    fields: Mapping[str, str]

    @property
    def accepted(self) -> bool:
        """Whether Asterisk did as it was told."""
        return self.status == "Success"

    @property
    def message(self) -> str:
        """What Asterisk said to it."""
        return self.fields.get("Message", "")


def _require_ami(host: str, port: int) -> None:
    """The library's thread dies unseen when the other side is silent or something else, so look first."""
    try:
        with socket.create_connection((host, port), timeout=CONNECT_TIMEOUT_S) as link:
            greeting = link.recv(len(_BANNER), socket.MSG_WAITALL)
    except TimeoutError as fault:
        raise AmiUnusable(f"nothing at {host}:{port} greets within {CONNECT_TIMEOUT_S:.0f} s") from fault
    except OSError as fault:
        raise AmiUnusable(f"{host}:{port} cannot be reached: {fault.strerror}") from fault
    if greeting != _BANNER:
        raise AmiUnusable(f"what listens at {host}:{port} is not AMI")
