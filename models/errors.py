"""What can go wrong inside models. A database that is away is `routing.errors.StoreAway`."""

from routing.errors import StoreAway


class ModelsError(Exception):
    """The store could not do what was asked."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.__doc__ or "")


class BadAddress(ModelsError):
    """This is no address of a database that we can use."""


class NameTaken(ModelsError):
    """An agent with this name exists already."""


class UnknownCase(ModelsError):
    """No case has this number."""


class UnknownAgent(ModelsError):
    """There is no such agent."""


class AgentInCall(ModelsError):
    """This agent is in a call; nothing was changed."""


class CaseClosed(ModelsError):
    """This case is closed; nothing was changed."""


class NotNeutral(ModelsError):
    """The case is about this agent, who cannot handle it; nothing was changed."""


class AtTheTop(ModelsError):
    """The case is of the highest tier already; nothing was changed."""


class NotMigrated(ModelsError):
    """The database does not have the tables of this version; run `ivr migrate`."""


class StoreBusy(StoreAway):
    """The database is there, but others held what we needed for too long; nothing was done."""


class UnknownSkill(ModelsError):
    """The agent does not have this skill."""


class CallGoesOn(ModelsError):
    """A call of theirs goes on, or they are being called back; what it writes would be left. Try again afterwards."""
