"""One caller's FastAGI connection behind its header: commands, answers and the end.

panoramisk's Request is the frame; reading, deadlines and hang-up are ours, because the stock ones fall out of step at a
hang-up and wait for ever for some answers.
"""

import asyncio
import secrets
from typing import Final

from panoramisk.fast_agi import Application, Request

from ivr.asterisk.header import Header
from ivr.asterisk.wire import Reply, ReplyParser, Signal, Verb, encode
from ivr.errors import EngineFault, HungUp, LineBroken

#: A true header has about 1 kB; also the longest line that is read as an answer.
MOST_HEADER_BYTES: Final = 64 * 1024
#: How long the switch may take to echo the first word.
PROOF_S: Final = 5.0
#: How long a finished line may take to close politely.
CLOSE_S: Final = 1.0


class AgiLine(Request):  # type: ignore[misc]  # panoramisk has no types
    """One caller's FastAGI connection behind its header: one command at a time, each with a deadline."""

    def __init__(self, app: Application, header: Header, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        super().__init__(app, header.fields, reader, writer)
        self.gone = asyncio.Event()  #: set as soon as no command can reach the caller any more
        self.dead_man_at: float | None = None  #: loop time at which the switch takes the call away by itself
        self._loop = asyncio.get_running_loop()
        self._turn = asyncio.Lock()
        self._parser = ReplyParser()
        self._answer: asyncio.Future[Reply] | None = None
        self._end: EngineFault | None = HungUp() if header.hung_up else None
        if self._end is not None:
            self.gone.set()

    async def send_command(self, verb: Verb, *args: str, deadline_s: float | None) -> Reply:
        """One command and its answer. Raises HungUp or LineBroken; an answer that still came is not lost to a hang-up.

        A command that gets no answer in time, or is cancelled, breaks the line: its answer may come later and would be
        taken for that of the next command.
        """
        line = encode(verb, *args)
        async with self._turn:
            self._raise_if_over()
            self._answer = self._loop.create_future()
            try:
                async with asyncio.timeout(deadline_s):
                    self.writer.write(line)
                    reply = await self._answer
            except TimeoutError:
                self.break_off(f"no answer to {verb} within {deadline_s} s")
            except asyncio.CancelledError:
                self.break_off(f"{verb} was cancelled")
                raise
            finally:
                self._answer = None
            if isinstance(self._end, LineBroken):
                self._raise_if_over()
            return reply

    async def listen(self) -> None:
        """Read what the switch says until the line ends; a hang-up is noticed here even between two commands."""
        try:
            while True:
                said = await self._read_result()
                if said is Signal.HANGUP:
                    self._over(self._hang_up())
                elif self._answer is None or self._answer.done():
                    raise LineBroken("an answer that nobody asked for")
                else:
                    self._answer.set_result(said)
        except (asyncio.IncompleteReadError, OSError):
            self._over(self._hang_up())
            self._fail_answer()
        except asyncio.LimitOverrunError:
            self.break_off(f"an answer of more than {MOST_HEADER_BYTES} bytes")
        except LineBroken as fault:
            self.break_off(str(fault))

    async def _read_result(self) -> Reply | Signal:
        """The next thing the switch says."""
        while True:
            said = self._parser.feed(await self.reader.readuntil(b"\n"))
            if said is not None:
                return said

    async def prove(self) -> None:
        """Make sure that nothing stands between the header and the first answer. Raises HungUp or LineBroken.

        A name with an empty line in it ends the header early; the rest of the true header, and whatever the name
        forged, would be read as answers. Only Asterisk's echo of a word that nobody could know may come first.
        """
        word = secrets.token_hex(8)
        reply = await self.send_command(Verb.GET_FULL_VARIABLE, word, deadline_s=PROOF_S)
        if reply.value != word:
            self.break_off("bytes behind the empty line of the header")
            self._raise_if_over()

    def break_off(self, why: str) -> None:
        """Give the line up at once: half a command must not run, and the dialplan takes the call on."""
        if not isinstance(self._end, LineBroken):
            self._end = LineBroken(why)
        self.gone.set()
        self._fail_answer()
        self.writer.transport.abort()

    async def close(self) -> None:
        """Close a line that is done with."""
        self.writer.close()
        try:
            async with asyncio.timeout(CLOSE_S):
                await self.writer.wait_closed()
        except (TimeoutError, OSError):
            self.writer.transport.abort()

    def _hang_up(self) -> EngineFault:
        """Why the switch ended the line: past its own deadline it was not the caller."""
        if self.dead_man_at is not None and self._loop.time() >= self.dead_man_at:
            return LineBroken("the switch took the call away after its deadline")
        return HungUp()

    def _over(self, why: EngineFault) -> None:
        if self._end is None:
            self._end = why
        self.gone.set()

    def _fail_answer(self) -> None:
        if self._answer is not None and not self._answer.done() and self._end is not None:
            self._answer.set_exception(self._end)

    def _raise_if_over(self) -> None:
        if self._end is not None:
            raise type(self._end)(str(self._end))
