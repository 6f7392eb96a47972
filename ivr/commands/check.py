"""`ivr check`: everything that is wrong in settings, queues and menu book, before anything runs on them."""

from ivr.errors import Misconfigured
from ivr.queues import load as load_queues
from ivr.settings import Settings
from menus.loader import examine_folder
from models.database import address
from models.errors import BadAddress


def check(settings: Settings) -> list[str]:
    """What to print: warnings, then what is there. Raises Misconfigured with every fault of all files."""
    faults: list[str] = []
    queues = None
    try:
        queues = load_queues(settings.book.queues).queues
    except Misconfigured as wrong:
        faults.append(str(wrong))
    try:
        address(settings.database_url)
    except BadAddress as wrong:
        faults.append(f"database.url: {wrong}")
    examined = examine_folder(settings.book.folder, queues=queues, time_zone=settings.time_zone)
    warnings = [f"{warning} (warning)" for warning in examined.warnings]
    if examined.book is None or faults:
        raise Misconfigured("\n".join([*faults, *map(str, examined.faults), *warnings]))
    book = examined.book
    return [
        *warnings,
        f"{settings.book.queues}: fine: queues {', '.join(queues or ())}",
        f"{settings.book.folder}: fine: {len(book.steps)} steps, {len(book.prompts)} prompts in "
        + ", ".join(book.languages),
    ]
