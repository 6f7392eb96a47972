"""What must be said for a book whose options may be offered on other keys than their own."""

import pytest

from ivr.prompts.catalogue import Catalogue
from ivr.prompts.utterances import Utterance, all_of, of_option
from ivr.testing.books import SMALL, small_book
from ivr.testing.stage import silent_catalogue
from menus.errors import UnknownPrompt
from menus.loader import parse_book
from menus.schema import Menu, MenuBook


def _renumbered() -> MenuBook:
    text = SMALL.replace("order: personal", "order: personal\n    keys: renumber")
    return parse_book(
        {"small.yaml": text.replace("task: balance, label", "task: balance, recording: {en: hers}, label")}
    )


def _texts(book: MenuBook, word: str) -> set[str]:
    return {said.text for said in all_of(book) if word in said.text and said.language == "en"}


def test_an_option_is_rendered_on_every_key_that_it_may_be_offered_on() -> None:
    assert _texts(_renumbered(), "transfers") == {f"For transfers, press {key}." for key in ("one", "two", "three")}
    assert _texts(_renumbered(), "complaint") == {"For a complaint, press five."}
    assert _texts(small_book(), "transfers") == {"For transfers, press two."}


def test_a_recording_stands_for_its_own_key_and_speech_for_the_others() -> None:
    book = _renumbered()
    main = book.steps["main"]
    assert isinstance(main, Menu)
    balance = main.options[0]
    assert of_option(book, balance, "en", "1") == Utterance("en", "For balance, press one.", recording="hers")
    assert of_option(book, balance, "en", "2") == Utterance("en", "For balance, press two.")


def test_an_option_has_no_clip_on_a_key_that_it_is_never_offered_on() -> None:
    catalogue: Catalogue = silent_catalogue(_renumbered())
    assert catalogue.option("main", "transfer", "en", "3").text == "For transfers, press three."
    assert catalogue.option("main", "transfer", "en").text == "For transfers, press two."
    with pytest.raises(UnknownPrompt, match="'transfer' on key 4"):
        catalogue.option("main", "transfer", "en", "4")
