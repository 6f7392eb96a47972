"""The manager interface of a loopback Asterisk, for tests and benches; misbehaves when told to."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

Fields = Mapping[str, str]


class SimulatedManager:
    """A manager interface: logs in, answers, tells events; every action it got is kept in `actions`."""

    def __init__(self, user: str = "ringwise", secret: str = "s3cret") -> None:  # noqa: S107  # a test's secret
        self.user, self.secret = user, secret
        self.port = 0
        self.actions: list[dict[str, str]] = []
        self.logins = 0
        self.channels: list[dict[str, str]] = []
        self.devices: dict[str, str] = {}  #: device → state
        self.started_at = ("2026-11-23", "22:08:40")  #: identity of the switch's process
        self.variables: dict[str, str] = {}  #: of the switch, or of any channel
        self.boots = True  #: says FullyBooted after a login
        self.silent = False  #: reads and says nothing
        self.stopping = False  #: was told to stop gracefully: refuses everything while calls go on
        self.unanswered: set[str] = set()  #: names of actions that get no answer
        self.messages: dict[str, str] = {}  #: action → words of its answer
        self.on_action: Callable[[dict[str, str]], Awaitable[None]] | None = None
        self._server: asyncio.Server | None = None
        self._links: set[asyncio.StreamWriter] = set()

    async def start(self, port: int = 0) -> int:
        """Listen on loopback; answers with the port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self.port

    async def stop(self) -> None:
        """Close the port and every link."""
        if self._server is not None:
            self._server.close()
        self.cut()
        if self._server is not None:
            await self._server.wait_closed()

    def cut(self) -> None:
        """Reset every link."""
        for writer in tuple(self._links):
            writer.transport.abort()

    def send(self, data: bytes) -> None:
        """Any bytes to every link."""
        for writer in tuple(self._links):
            writer.write(data)

    def tell(self, name: str, **fields: str) -> None:
        """An event to every link."""
        self.send(_block({"Event": name, **fields}))

    def asked(self, name: str) -> list[dict[str, str]]:
        """The actions of this name that came in."""
        return [action for action in self.actions if action["Action"] == name]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._links.add(writer)
        try:
            writer.write(b"Asterisk Call Manager/11.0.0\r\n")
            while True:
                block = (await reader.readuntil(b"\r\n\r\n")).decode()
                action = dict(line.split(": ", 1) for line in block.strip().split("\r\n"))
                self.actions.append(action)
                if self.on_action is not None:
                    await self.on_action(action)
                if self.silent or action["Action"] in self.unanswered:
                    continue
                answers = self._answers(action)
                writer.write(b"".join(map(_block, answers)))
                if action["Action"] == "Login" and answers[0]["Response"] == "Error":
                    return
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            self._links.discard(writer)
            writer.close()

    def _answers(self, action: Fields) -> list[Fields]:
        name, tag = action["Action"], {"ActionID": action["ActionID"]}
        if self.stopping:
            return [{"Response": "Error", **tag, "Message": "Asterisk is shutting down"}]
        if name == "Login":
            if (action.get("Username"), action.get("Secret")) != (self.user, self.secret):
                return [{"Response": "Error", **tag, "Message": "Authentication failed"}]
            self.logins += 1
            booted = [{"Event": "FullyBooted", "Uptime": "110", "Status": "Fully Booted"}] if self.boots else []
            return [{"Response": "Success", **tag, "Message": "Authentication accepted"}, *booted]
        if name == "CoreStatus":
            date, time = self.started_at
            return [{"Response": "Success", **tag, "CoreStartupDate": date, "CoreStartupTime": time}]
        if name == "CoreShowChannels":
            first = {"Response": "Success", **tag, "EventList": "start", "Message": "Channels will follow"}
            lines = [{"Event": "CoreShowChannel", **tag, **channel} for channel in self.channels]
            last = {"Event": "CoreShowChannelsComplete", **tag, "EventList": "Complete"}
            return [first, *lines, last]
        if name == "DeviceStateList":
            first = {"Response": "Success", **tag, "EventList": "start", "Message": "Device State Changes will follow"}
            told = [{"Event": "DeviceStateChange", **tag, "Device": d, "State": s} for d, s in self.devices.items()]
            return [first, *told, {"Event": "DeviceStateListComplete", **tag, "EventList": "Complete"}]
        if name == "Getvar":
            variable = action["Variable"]
            return [{"Response": "Success", **tag, "Variable": variable, "Value": self.variables.get(variable, "")}]
        if name == "Hangup" and action["Channel"] not in {channel["Channel"] for channel in self.channels}:
            return [{"Response": "Error", **tag, "Message": "No such channel"}]
        return [{"Response": "Success", **tag, "Message": self.messages.get(name, f"{name} done")}]


def _block(fields: Fields) -> bytes:
    return ("".join(f"{key}: {value}\r\n" for key, value in fields.items()) + "\r\n").encode()
