"""Faults of the engine, each with its own verdict on how the call ends."""

from collections.abc import Iterator

from routing.call import Ending, Reason, Result


class EngineFault(Exception):
    """The engine could not go on."""

    ending = Ending(Result.FAILED, Reason.FAULT)

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.__doc__ or "")


class HungUp(EngineFault):
    """The caller has left; no command can reach the line any more."""

    ending = Ending(Result.LEFT, Reason.IN_MENU)


class LineBroken(EngineFault):
    """The link to the switch for this call is out of step or silent past its deadline; the dialplan takes over."""

    ending = Ending(Result.DIVERTED, Reason.FALLBACK)


class SwitchAway(EngineFault):
    """Asterisk's manager interface cannot be reached."""


class ActionUnknown(EngineFault):
    """An action was sent and the link broke before its answer; look at the state, never send it again."""


class Misconfigured(EngineFault):
    """A setting, file or privilege is wrong; nothing was started."""


class BankAway(EngineFault):
    """The bank's systems do not answer in time."""


class DipFailed(EngineFault):
    """Another system gave no good answer in time."""


class NotRecorded(EngineFault):
    """The switch cannot write into the folder of recordings."""


def leaves(fault: BaseException) -> Iterator[BaseException]:
    """The faults themselves, out of the groups in which tasks wrap them."""
    if isinstance(fault, BaseExceptionGroup):
        for part in fault.exceptions:
            yield from leaves(part)
    else:
        yield fault
