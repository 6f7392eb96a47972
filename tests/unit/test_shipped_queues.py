"""The shipped book: who waits may leave a voice message, ask to be called back, or go back, at any moment."""

from pathlib import Path

import pytest

from menus.loader import load_book
from menus.schema import Callback, MenuBook, Record, Route

ROOT = Path(__file__).parents[2]
#: A lost card is not left on a machine: when nobody comes, the card desk is called.
NEVER_LEFT = {"lost_card_queue"}


@pytest.fixture(scope="module")
def book() -> MenuBook:
    return load_book(ROOT / "config" / "menus")


def test_every_queue_is_left_by_key_for_a_voice_message_and_for_a_callback_that_keeps_the_place(book: MenuBook) -> None:
    queues = {name: step for name, step in book.steps.items() if isinstance(step, Route)}
    assert len(queues) > 8
    for name, step in queues.items():
        targets = [book.steps[way.then] for way in step.ways]
        voice = [one for one in targets if isinstance(one, Record)]
        kept = [one for one in targets if isinstance(one, Callback) and one.time == "keep_place"]
        assert (name, bool(voice), bool(kept)) == (name, name not in NEVER_LEFT, name not in NEVER_LEFT)


def test_star_leads_back_from_every_queue(book: MenuBook) -> None:
    assert book.back_key == "*"
    for name, step in book.steps.items():
        assert not isinstance(step, Route) or all(way.key != "*" for way in step.ways), name
