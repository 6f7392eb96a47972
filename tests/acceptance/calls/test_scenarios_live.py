"""Mystery callers of the shipped book over real SIP: those scenarios that say `live: true`."""

from pathlib import Path

import pytest

from ivr.rehearsal.books import of_folder
from ivr.rehearsal.files import files_in, load
from ivr.rehearsal.live import play_live
from ivr.rehearsal.player import Played
from ivr.rehearsal.transcript import story
from ivr.settings import SHIPPED, Prompts
from ivr.settings import load as load_settings

pytestmark = pytest.mark.live

ROOT = Path(__file__).parents[3]
FEWEST = 4  #: that the shipped book has


def test_the_live_scenarios_of_the_shipped_book_hold_on_a_real_asterisk(tmp_path: Path) -> None:
    settings = load_settings(SHIPPED / "settings.yaml").model_copy(
        update={"prompts": Prompts(folder=ROOT / "var" / "prompts")}
    )
    scene = of_folder(settings)
    parts = load(files_in([SHIPPED / "menus" / "tests"]), scene.edition.book, scene.queues)
    results: list[Played] = []
    play_live(settings, scene, [part for part in parts if part.scenario.live], results.append, tmp_path)
    assert len(results) >= FEWEST
    assert [one.skipped for one in results if one.skipped] == []
    failed = [line for one in results if not one.ok for line in (one.part.scenario.name, *story(one))]
    assert failed == [], "\n".join(failed)
