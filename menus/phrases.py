"""The sentence that an option is spoken with."""

from menus.schema import MenuBook, Option
from menus.spoken import key_word


def option_text(book: MenuBook, option: Option, language: str) -> str:
    """What is said for an option during a call in this language: "For transfers, press two."."""
    voice = option.voice_in(language)
    phrase = book.option_phrase[voice]
    return phrase.replace("{label}", option.label[voice]).replace("{key}", key_word(option.key, voice))
