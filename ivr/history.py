"""History that is too old to be used is deleted, once a day, where the site wants that."""

import structlog

from ivr.ports import Clock
from ivr.recordings import AGAIN_S, DAY_S
from ivr.settings import Personal
from models.history import History
from routing.errors import StoreAway

log = structlog.get_logger()


class HistoryKeeper:
    """Deletes what is older than `personal.history_days` if `personal.delete_history` says so."""

    def __init__(self, history: History, settings: Personal, clock: Clock) -> None:
        self._history, self._settings, self._clock = history, settings, clock

    async def run(self) -> None:
        """Sweep at the start and every day, until cancelled."""
        while self._settings.delete_history:
            pause_s = DAY_S
            try:
                deleted = await self.sweep()
                if deleted:
                    log.info("old history was deleted", count=deleted)
            except StoreAway as fault:
                pause_s = AGAIN_S
                log.warning("old history could not be deleted; it is tried again", why=str(fault))
            except Exception:
                log.exception("old history could not be deleted")
            await self._clock.sleep(pause_s)

    async def sweep(self) -> int:
        """Delete what is too old; how many events there were. Raises StoreAway."""
        return await self._history.delete_before(self._clock.now() - self._settings.history_days * DAY_S)
