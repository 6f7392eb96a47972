"""What can go wrong inside routing."""


class RoutingError(Exception):
    """A routing rule was broken."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.__doc__ or "")


class IllegalMove(RoutingError):
    """This state does not know this event; nothing was changed."""

    def __init__(self, noun: str, state: object, event: object) -> None:
        self.noun, self.state, self.event = noun, state, event
        super().__init__(f"{noun} in state {state!s} cannot take event {event!s}; nothing was changed")


class StoreAway(RoutingError):
    """The database cannot be reached or is locked by another; what was asked was not done and may be tried again."""
