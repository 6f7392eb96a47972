"""How long a book takes to say, measured on its rendered sounds."""

from pathlib import Path

from ivr.prompts.catalogue import Catalogue, MissingSounds
from menus.errors import UnfitValue
from menus.pace import Durations, estimated
from menus.schema import MenuBook, Option


def durations_of(catalogue: Catalogue, book: MenuBook) -> Durations:
    """Seconds of the clips; what has places for values is judged by its length."""
    judged = estimated(book)

    def prompt_s(prompt: str, language: str) -> float:
        try:
            return sum(clip.seconds for clip in catalogue.prompt(prompt, language))
        except UnfitValue:
            return judged.prompt_s(prompt, language)

    def option_s(menu: str, option: Option, language: str) -> float:
        return catalogue.option(menu, option.id, language).seconds

    return Durations(prompt_s, option_s, measured=True)


def rendered(folder: Path, book: MenuBook) -> Durations | None:
    """Those of the sounds in this folder, if they are there for all of the book."""
    try:
        return durations_of(Catalogue.load(folder, book), book)
    except MissingSounds:
        return None
