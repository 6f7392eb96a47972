"""The sentence that an option is spoken with."""

from menus.schema import MenuBook, Option
from menus.spoken import key_word


def option_text(book: MenuBook, option: Option, language: str, key: str | None = None) -> str:
    """What is said for an option during a call in this language, on its own key or another: For cards, press two."""
    voice = option.voice_in(language)
    phrase = book.option_phrase[voice]
    return phrase.replace("{label}", option.label[voice]).replace("{key}", key_word(key or option.key, voice))
