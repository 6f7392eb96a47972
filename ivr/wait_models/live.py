"""The fitted model of waits of this node: served for the queues that it was trained on, the formula for all else."""

from pathlib import Path

import structlog
from prometheus_client import CollectorRegistry, Gauge

from ivr.ports import Clock
from ivr.published import LOOK_EVERY_S, Followed
from ivr.wait_models.content import CURRENT, read_waits
from routing.waits import Expected, Sight

log = structlog.get_logger()


class LiveWaits:
    """Serves the model in its folder and swaps it when it changes."""

    def __init__(self, folder: Path, clock: Clock, registry: CollectorRegistry | None = None) -> None:
        self._clock = clock
        self._followed = Followed(
            folder / CURRENT, read_waits, what="fitted model of waits", instead="formula", needed=False
        )
        self._told: set[str] = set()  #: queues of which was said that the model does not serve them
        self.faults = 0  #: waits that the model could not estimate
        if registry is not None:
            Gauge(
                "ringwise_wait_model_fallback", "1 while no fitted model of waits can be served", registry=registry
            ).set_function(lambda: float(self._followed.now is None))
            Gauge(
                "ringwise_wait_model_faults", "Waits that the fitted model could not estimate", registry=registry
            ).set_function(lambda: float(self.faults))

    def estimate(self, queue: str, sight: Sight, coverage: float) -> tuple[Expected, str] | None:
        """The expected wait by the model, and the model's short name; None where the formula must do."""
        fitted = self._followed.now
        if fitted is None:
            return None
        if queue not in fitted.served:
            self._tell(queue, "the fitted model of waits does not serve this queue", fitted.basis)
            return None
        try:
            return fitted.model.around(fitted.model.mean_s(queue, sight), coverage), fitted.basis
        except Exception:
            self.faults += 1
            log.exception("the fitted model could not estimate a wait; the formula does", queue=queue)
            return None

    async def look(self) -> None:
        """Take over the model in the folder if it is another one."""
        if await self._followed.look():
            self._told.clear()
            if (fitted := self._followed.now) is not None:
                log.info("fitted model of waits", name=fitted.basis, queues=list(fitted.served))

    async def follow(self) -> None:
        """Look for a newly published model again and again, until cancelled."""
        while True:
            try:
                await self.look()
            except Exception:
                log.exception("looking for a fitted model of waits failed; what serves goes on")
            await self._clock.sleep(LOOK_EVERY_S)

    def _tell(self, queue: str, what: str, basis: str) -> None:
        if queue not in self._told:
            self._told.add(queue)
            log.info(what, queue=queue, model=basis, instead="formula")
