"""Work that a node does again and again: what goes wrong in one round is told, and stops no other."""

from collections.abc import Awaitable, Callable

import structlog

from routing.errors import StoreAway

log = structlog.get_logger()


async def rounds(
    work: Callable[[], Awaitable[object]],
    pause: Callable[[], Awaitable[object]],
    *,
    away: str,
    failed: str,
    pause_first: bool = False,
) -> None:
    """Do it, pause, and so on until cancelled; `away` is told when the store is away, `failed` of any other fault."""
    if pause_first:
        await pause()
    while True:
        try:
            await work()
        except StoreAway:
            log.warning(away)
        except Exception:
            log.exception(failed)
        await pause()
