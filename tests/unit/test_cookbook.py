"""The cookbook keeps its word: every recipe is a sound book, and its mystery callers meet what they expect."""

import re
from pathlib import Path

import pytest

from ivr.parts import Edition
from ivr.queues import Queue
from ivr.rehearsal.files import parsed
from ivr.rehearsal.node import Scene, rehearsed
from ivr.rehearsal.transcript import story
from ivr.rehearsal.twin import play_on_twins
from ivr.settings import Outbound, Settings
from ivr.testing.stage import silent_catalogue
from menus.loader import examine

TEXT = (Path(__file__).parents[2] / "docs" / "cookbook.md").read_text(encoding="utf-8")
ALLOWED = ("https://status.example/", "https://policies.example/")


def _blocks(text: str) -> dict[str, str]:
    """The blocks of YAML by the word in their first line."""
    return {kind: body for kind, body in re.findall(r"```yaml\n# (\w+)\n(.*?)```", text, re.DOTALL)}


FRAME = _blocks(TEXT)["frame"]
RECIPES = {title: _blocks(body) for title, body in re.findall(r"^## (\d+\. .+?)\n(.*?)(?=^## )", TEXT, re.M | re.S)}


def test_there_are_ten_recipes_each_with_a_book_and_callers() -> None:
    assert len(RECIPES) == 10
    assert all(blocks.keys() == {"book", "scenarios"} for blocks in RECIPES.values())


@pytest.mark.parametrize("title", RECIPES)
def test_a_recipe_is_a_sound_book_whose_callers_meet_what_they_expect(title: str) -> None:
    texts = {"frame.yaml": FRAME, "recipe.yaml": RECIPES[title]["book"]}
    queues = {"general": Queue(skills={"general": 1})}
    examined = examine(texts, queues=queues, outbound=("+86",), webhooks=ALLOWED)
    assert examined.faults == ()
    assert [one for one in examined.warnings if one.file == "recipe.yaml"] == []
    assert examined.book is not None
    edition = Edition.of(1, examined.book, silent_catalogue(examined.book))
    settings = Settings(outbound=Outbound(allow=("+86",)))
    scene = Scene(edition, queues, rehearsed(settings))
    for part in parsed(RECIPES[title]["scenarios"], "scenarios.yaml", examined.book, queues):
        result = play_on_twins(part, scene)
        assert result.departure is None, f"{part.scenario.name}\n" + "\n".join(story(result))
