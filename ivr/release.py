"""Which version of the code this is."""

from importlib.metadata import PackageNotFoundError, version


def code_version() -> str:
    """As installed; `checkout` where it is not."""
    try:
        return version("ringwise")
    except PackageNotFoundError:
        return "checkout"
