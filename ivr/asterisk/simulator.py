"""Callers of a loopback Asterisk, for tests and benches: they knock at a FastAGI door and answer its commands.

They behave by default and misbehave when told to. What they say was copied from Asterisk 22.10.1.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote

#: Asterisk's own limit of words in one AGI line.
MOST_WORDS: Final = 128


def split_words(line: str) -> list[str]:
    """The words of an AGI line as Asterisk's parse_args (res_agi.c) sees them."""
    words: list[list[str]] = []
    quoted = escaped = False
    between = True
    for char in line:
        if char == '"' and not escaped:
            quoted = not quoted
            if quoted and between:
                words.append([])
                between = False
        elif char in " \t" and not quoted and not escaped:
            between = True
        elif char == "\\" and not escaped:
            escaped = True
        else:
            if between:
                if len(words) >= MOST_WORDS - 1:
                    continue
                words.append([])
                between = False
            words[-1].append(char)
            escaped = False
    return ["".join(word) for word in words]


def header_lines(
    *,
    call_id: str = "1795471762.0",
    uniqueid: str | None = None,
    channel: str = "PJSIP/trunk-00000001",
    name: str = "",
    number: str = "",
    dnis: str = "95500",
    rung: int = 1,
    script: str = "call",
    version: str = "ringwise-1",
) -> list[str]:
    """The header that Asterisk sends for a call through our dialplan, without the empty line."""
    plain = {
        "network": "yes",
        "network_script": script,
        "request": f"agi://127.0.0.1/{script}",
        "channel": channel,
        "language": "en",
        "type": channel.partition("/")[0],
        "uniqueid": call_id if uniqueid is None else uniqueid,
        "version": "22.10.1",
        "callerid": "unknown",
        "calleridname": "unknown",
        "callingpres": "67",
        "callingani2": "0",
        "callington": "0",
        "callingtns": "0",
        "dnid": dnis or "unknown",
        "rdnis": "unknown",
        "context": "ringwise-ladder",
        "extension": "s",
        "priority": "12",
        "enhanced": "0.0",
        "accountcode": "",
        "threadid": "140017612207808",
        "arg_1": version,
        "arg_2": quote(name, safe=""),
        "arg_3": quote(number, safe=""),
        "arg_4": dnis,
        "arg_5": str(rung),
        "arg_6": call_id,
    }
    return [f"agi_{key}: {value}" for key, value in plain.items()]


def header_bytes(lines: Sequence[str]) -> bytes:
    """Lines as they go over the wire, with the empty line."""
    return ("\n".join(lines) + "\n\n").encode("utf-8", "surrogateescape")


@dataclass(frozen=True, slots=True)
class Command:
    """One AGI command as Asterisk understood it."""

    words: tuple[str, ...]
    raw: bytes

    def starts(self, *words: str) -> bool:
        """Whether the command begins with these words."""
        return self.words[: len(words)] == words


class SimulatedLine:
    """One AGI connection from Asterisk's side, by hand: send a header, read commands, answer or not."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def knock(cls, port: int, header: bytes | None = None, *, host: str = "127.0.0.1") -> "SimulatedLine":
        """Connect and send a header: by default that of an ordinary call, nothing when it is empty."""
        line = cls(*await asyncio.open_connection(host, port))
        line.send(header_bytes(header_lines()) if header is None else header)
        return line

    def send(self, data: bytes) -> None:
        """Any bytes, right or wrong."""
        self.writer.write(data)

    async def command(self) -> Command | None:
        """The next command, or None when the engine has closed the line."""
        try:
            raw = await self.reader.readuntil(b"\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        return Command(tuple(split_words(raw.decode()[:-1])), raw)

    async def prove(self) -> None:
        """Echo the word by which the engine makes sure that it is in step."""
        command = await self.command()
        if command is not None:
            assert command.starts("GET", "FULL", "VARIABLE"), command
            self.send(f"200 result=1 ({command.words[3]})\n".encode())

    def hang_up(self) -> None:
        """End the line as Asterisk does with AGIEXITONHANGUP=yes."""
        self.writer.write(b"HANGUP\nHANGUP\n")
        self.writer.close()

    async def closed(self) -> bytes:
        """Wait until the engine closes the line; what it still sent."""
        try:
            return await self.reader.read()
        except ConnectionError:
            return b""

    def close(self) -> None:
        """Close our side, without a word."""
        self.writer.close()


@dataclass(slots=True)
class SimulatedCaller:
    """One caller who listens, presses keys and hangs up; answers commands as Asterisk does, in `pace` of real time."""

    header: list[str] = field(default_factory=header_lines)
    presses: Mapping[str, str] = field(default_factory=dict)  #: sound → key pressed while it plays
    lengths_s: Mapping[str, float] = field(default_factory=dict)  #: sound → its length, else 1 s
    dials: list[tuple[str, str, str]] = field(default_factory=list)  #: per Dial: DIALSTATUS, HANGUPCAUSE, RINGTIME_MS
    records: list[str] = field(default_factory=list)  #: answers to RECORD FILE, in order; else silence at once
    recorded: list[tuple[str, ...]] = field(default_factory=list)  #: words of each RECORD FILE
    pace: float = 0.0  #: real seconds per second of sound or waiting
    heard: list[str] = field(default_factory=list)
    dialled: list[str] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)
    _keys: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    _line: SimulatedLine | None = None

    @property
    def done(self) -> bool:
        """Whether the engine said that no further rung is needed."""
        return self.variables.get("IVR_DONE") == "1"

    def press(self, key: str) -> None:
        """Press a key now, or wake the channel with D."""
        self._keys.put_nowait(key)

    def hang_up(self) -> None:
        """Leave."""
        if self._line is not None:
            self._line.hang_up()

    async def call(self, port: int, *, host: str = "127.0.0.1") -> None:
        """Knock, and answer commands until the line ends."""
        self._line = line = await SimulatedLine.knock(port, header_bytes(self.header), host=host)
        coming = asyncio.create_task(line.command())
        try:
            while (command := await coming) is not None:
                coming = asyncio.create_task(line.command())
                answering = asyncio.create_task(self.answer(command))
                await asyncio.wait((coming, answering), return_when=asyncio.FIRST_COMPLETED)
                if not answering.done():
                    answering.cancel()  # any byte, and the end of the line, stops what plays, without an answer
                else:
                    line.send((await answering).encode() + b"\n")
        finally:
            coming.cancel()
            line.close()

    async def answer(self, command: Command) -> str:
        """What Asterisk says to a command."""
        words = command.words
        if command.starts("STREAM", "FILE"):
            return await self._stream(words[2], words[3])
        if command.starts("WAIT", "FOR", "DIGIT"):
            key = await self._key(int(words[3]) / 1000)
            return f"200 result={ord(key) if key else 0}"
        if command.starts("SET", "VARIABLE"):
            self.variables[words[2]] = words[3]
            return "200 result=1"
        if command.starts("GET", "VARIABLE"):
            return f"200 result=1 ({self.variables.get(words[2], '')})"
        if command.starts("GET", "FULL", "VARIABLE"):
            return f"200 result=1 ({words[3]})"
        if command.starts("EXEC", "Dial"):
            self.dialled.append(words[2])
            outcome = self.dials.pop(0) if self.dials else ("ANSWER", "16", "2")
            self.variables.update(zip(("DIALSTATUS", "HANGUPCAUSE", "RINGTIME_MS"), outcome, strict=True))
            await asyncio.sleep(self.pace)
            return "200 result=0"
        if command.starts("RECORD", "FILE"):
            self.recorded.append(words[2:])
            return self.records.pop(0) if self.records else "200 result=118000 (timeout) endpos=8000"
        if command.starts("CHANNEL", "STATUS"):
            return "200 result=6"
        if command.starts("ANSWER") or command.starts("EXEC"):
            return "200 result=0"
        return "510 Invalid or unknown command"

    async def _stream(self, sound: str, stops: str) -> str:
        self.heard.append(sound)
        length_s = self.lengths_s.get(sound, 1.0)
        pressed = self.presses.get(sound, "")
        if pressed and pressed in stops:
            await asyncio.sleep(length_s * self.pace / 2)
            return f"200 result={ord(pressed)} endpos={int(length_s * 4000)}"
        await asyncio.sleep(length_s * self.pace)
        return f"200 result=0 endpos={int(length_s * 8000)}"

    async def _key(self, seconds: float) -> str | None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds * self.pace):
                return await self._keys.get()
        return None
