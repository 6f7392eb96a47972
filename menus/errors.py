"""Faults of using menus wrongly; what is wrong in a file is a `Fault` of menus/yaml_source.py."""


class MenusError(Exception):
    """A menu book was used in a way that it does not provide for."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.__doc__ or "")


class IllegalInput(MenusError):
    """This kind of step does not take this kind of input."""


class UnknownPrompt(MenusError):
    """The book has no prompt or option of this name in this language."""


class Unexplained(MenusError):
    """This decision record cannot be explained by this book."""


class UnfitValue(MenusError):
    """A slot of a prompt lacks its value, or the value cannot be spoken that way."""


class BadModel(MenusError):
    """This is not a model that this version can use."""


class TooLittleHistory(MenusError):
    """There is too little history to learn from."""
