"""The small book as a scene for rehearsals, and scenarios on it."""

from functools import cache

from ivr.parts import Edition
from ivr.queues import Queue
from ivr.rehearsal.files import Part, parsed
from ivr.rehearsal.node import Scene, rehearsed
from ivr.rehearsal.player import Played
from ivr.rehearsal.twin import play_on_twins
from ivr.settings import Settings
from ivr.testing.books import SMALL
from ivr.testing.stage import silent_catalogue
from menus.loader import parse_book

#: Callers that scenarios of tests may name.
CALLERS = """\
version: 1
callers:
  transferrer: {number: "+8613800000001", name: Li Na, language: en, habits: [{task: transfer, day: 1}]}
  chinese: {number: "+8613800000002", name: 王芳, language: zh}
  stranger: {number: "+8613900000009"}
agents:
  grace: {full_name: Grace Wong, talks: 5s}
  away: {answers: false}
  late: {comes_after: 30s}
scenarios:
"""


@cache
def small_scene(text: str = SMALL) -> Scene:
    """A book, the small one unless told otherwise, with one queue."""
    book = parse_book({"small.yaml": text})
    queues = {"general": Queue(skills={"general": 1}), "other": Queue(skills={"other": 1})}
    return Scene(Edition.of(1, book, silent_catalogue(book)), queues, rehearsed(Settings()))


def scenarios(text: str, scene: Scene | None = None) -> list[Part]:
    """Scenarios as a file would hold them, below the callers and agents of tests. Raises Faults."""
    scene = scene or small_scene()
    return parsed(CALLERS + text, "s.yaml", scene.edition.book, scene.queues)


def played(steps: str, *more: str, scene: Scene | None = None) -> Played:
    """One scenario of these steps, played; `more` are further lines of it."""
    extra = "".join(f"    {line}\n" for line in more)
    there = "" if any(line.startswith("agents:") for line in more) else "    agents: [grace]\n"
    text = f"  - name: A call of the tests\n{there}{extra}    steps: [{steps}]\n"
    return play_on_twins(scenarios(text, scene)[0], scene or small_scene())
