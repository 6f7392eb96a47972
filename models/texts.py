"""Foreign text made fit for a column: no NUL (PostgreSQL refuses it), no half characters, not too long."""


def stored(text: str, most: int) -> str:
    """The text as it is stored, at most that many characters."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")[:most]
