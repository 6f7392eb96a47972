"""The socket below the socket: uvicorn's WebSocket protocol with an end for browsers that do not read."""

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

LINGER_S = 2.0  #: from our wish to close until the connection is cut
MOST_UNSENT = 32 * 1024  #: bytes in the write buffer before senders wait


class SocketProtocol(WebSocketsSansIOProtocol):
    """Closing a transport waits for its unsent bytes, for ever if nobody reads them; this one is cut in the end."""

    async def run_asgi(self) -> None:
        """Serve one socket, then cut the connection if it does not close by itself."""
        self.transport.set_write_buffer_limits(high=MOST_UNSENT)
        try:
            await super().run_asgi()
        finally:
            self._cut_soon()

    def shutdown(self) -> None:
        """The server stops."""
        super().shutdown()
        self._cut_soon()

    def handle_ping(self) -> None:
        """Answer a ping, but not to somebody who pings and never reads: pongs would pile up without a bound."""
        if self.writable.is_set():
            super().handle_ping()
        else:
            self.transport.abort()

    def _cut_soon(self) -> None:
        self.loop.call_later(LINGER_S, self.transport.abort)
