"""Faults at the edge to Asterisk; none of them ever carries text from a caller."""

from ivr.errors import EngineFault, LineBroken


class Refused(EngineFault):
    """A value that must never reach the switch; nothing was written."""


class BadHeader(EngineFault):
    """A FastAGI header that is not exactly what our dialplan sends; no field of it may be used."""


class NoApplication(LineBroken):
    """Asterisk lacks a dialplan application that the engine needs: load its module."""


class LoginRefused(EngineFault):
    """Asterisk refused the manager user or its secret, or the user lacks a class."""
