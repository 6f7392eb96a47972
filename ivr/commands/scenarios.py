"""`ivr test`: scenarios, one line each, the story of those that fail, and a summary."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from ivr.rehearsal import books
from ivr.rehearsal.files import Part, files_in, load
from ivr.rehearsal.junit import write
from ivr.rehearsal.node import Scene
from ivr.rehearsal.player import Played
from ivr.rehearsal.transcript import story
from ivr.rehearsal.twin import play_on_twins
from ivr.settings import Settings

FAILED, NOTHING = 1, 2  #: exit status: a scenario failed; nothing was played

Tell = Callable[[Played], None]


def run(
    settings: Settings, places: Sequence[Path], *, live: bool, junit: Path | None, word: str | None, folder: Path
) -> int:
    """Play what is asked for; answers with the exit status. Raises Faults for what is wrong in files."""
    console = Console(soft_wrap=True, highlight=False, markup=False)
    scene = books.of_folder(settings)
    every = load(files_in(places or [settings.book.folder / "tests"]), scene.edition.book, scene.queues)
    chosen = [
        part for part in every if word is None or word.casefold() in f"{part.file} {part.scenario.name}".casefold()
    ]
    if not chosen:
        what = f"none of {len(every)} scenarios has {word!r} in its name or file" if word else "there are no scenarios"
        console.print(what)
        return NOTHING
    began = time.monotonic()
    results: list[Played] = []

    def tell(played: Played) -> None:
        results.append(played)
        _tell(console, played)

    _play(settings, scene, chosen, tell, live=live, folder=folder)
    if junit is not None:
        write(junit, results, "ivr test --live" if live else "ivr test")
    failed = [one for one in results if not one.ok and one.skipped is None]
    skipped = sum(one.skipped is not None for one in results)
    passed = len(results) - len(failed) - skipped
    told = [f"{passed} passed", f"{len(failed)} failed" if failed else "", f"{skipped} skipped" if skipped else ""]
    console.print(
        f"{', '.join(filter(None, told))} in {time.monotonic() - began:.1f} s", style="red" if failed else "green"
    )
    if failed:
        return FAILED
    return 0 if passed else NOTHING


def _play(settings: Settings, scene: Scene, parts: Sequence[Part], tell: Tell, *, live: bool, folder: Path) -> None:
    if live:
        from ivr.rehearsal.live import play_live

        play_live(settings, scene, parts, tell, folder)
        return
    for part in parts:
        began = time.monotonic()
        played = play_on_twins(part, scene)
        played.took_s = time.monotonic() - began
        tell(played)


def _tell(console: Console, played: Played) -> None:
    part = played.part
    if played.skipped is not None:
        console.print(Text.assemble(("– ", "yellow"), part.scenario.name, (f"  skipped: {played.skipped}", "dim")))
        return
    mark, style = ("✔ ", "green") if played.ok else ("✘ ", "red")
    lasted = f"  {played.lasted_s:.0f} s" if played.ok else f"  {part.file}:{part.line}"
    console.print(Text.assemble((mark, style), part.scenario.name, (lasted, "dim")))
    if not played.ok:
        for line in story(played):
            console.print(Text(line, style="red" if line.startswith("  ✘") else ""))
