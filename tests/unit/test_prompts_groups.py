"""Long numbers in prompts: the pause between two groups is longer than within one, and every sound is there."""

from ivr.prompts.utterances import GROUP_PAUSE_MS, PIECE_PAUSE_MS, all_of, of_prompt
from ivr.testing.books import small_book
from menus.schema import MenuBook, Prompt


def _book() -> MenuBook:
    number = Prompt(text={"en": "The account {account:groups} is yours.", "zh": "账号{account:groups}。"})
    book = small_book()
    return book.model_copy(update={"prompts": {**book.prompts, "number": number}})


def test_a_card_is_heard_in_four_groups_with_a_pause_between() -> None:
    said = of_prompt(_book(), "number", "en", account="6225880000000014")
    pauses = [one.pause_ms for one in said[1:-1]]
    assert [place for place, pause in enumerate(pauses, 1) if pause == GROUP_PAUSE_MS] == [4, 8, 12]
    assert set(pauses) == {GROUP_PAUSE_MS, PIECE_PAUSE_MS}
    assert GROUP_PAUSE_MS > PIECE_PAUSE_MS


def test_every_digit_is_rendered_with_both_pauses() -> None:
    book = _book()
    rendered = set(all_of(book))
    for language in book.languages:
        for number in ("0123456789", "9876543210", "13800000001", "1"):
            assert set(of_prompt(book, "number", language, account=number)) <= rendered
