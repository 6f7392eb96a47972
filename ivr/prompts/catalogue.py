"""The rendered sounds of a book: made at publish time, found by name in a call.

Files are named by what they hold (text, voice, engine version, or the bytes of a recording), so a sound is made once,
two books can share a folder, and a changed word makes a new file. `index.json` tells which file says what.
"""

import json
import os
import tempfile
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from hashlib import sha256
from pathlib import Path
from typing import Any

from ivr.errors import Misconfigured
from ivr.ports import Clip
from ivr.prompts.sound import NotASound, from_wav, levelled, seconds_of, to_wav, trimmed
from ivr.prompts.speech import CannotSpeak, Speech
from ivr.prompts.utterances import Utterance, all_of, of_option, of_prompt
from menus.errors import UnknownPrompt
from menus.schema import Menu, MenuBook

Progress = Callable[[int, int, str], None]  #: (done, of, text)

_SOUND_VERSION = "1"  #: changes whenever sound.py makes another sound of the same speech
_MOST_RECORDING_BYTES = 64 * 1024 * 1024
_MOST_SHOWN = 20
_INDEX = "index.json"


class MissingSounds(Misconfigured):
    """Sound files of the book are not there; `ivr publish` renders them."""


class Catalogue:
    """Clips by the names of a book."""

    def __init__(self, book: MenuBook, clips: Mapping[Utterance, Clip]) -> None:
        self._book = book
        self._clips = clips
        self._options: dict[tuple[str, str, str, str | None], Clip] = {}  #: found before; as many as the book has

    @classmethod
    def load(cls, folder: Path, book: MenuBook, *, sound_prefix: Path | str | None = None) -> "Catalogue":
        """The sounds that were rendered before. Raises MissingSounds, which names what is missing."""
        try:
            listed = json.loads((folder / _INDEX).read_text(encoding="utf-8"))["clips"]
            files = {Utterance(**entry["says"]): str(entry["file"]) for entry in listed}
        except (OSError, ValueError, KeyError, TypeError) as fault:
            raise MissingSounds(f"{folder / _INDEX}: no list of rendered prompts ({fault})") from fault
        return cls(book, _clips(folder, {said: files.get(said, "") for said in all_of(book)}, sound_prefix))

    def prompt(self, name: str, language: str, **values: Any) -> tuple[Clip, ...]:
        """The clips of a prompt. Raises UnknownPrompt, UnfitValue."""
        return tuple(self._clip(said, name) for said in of_prompt(self._book, name, language, **values))

    def option(self, menu: str, option: str, language: str, key: str | None = None) -> Clip:
        """The clip of an option during a call in this language, on its own key or another. Raises UnknownPrompt."""
        asked = (menu, option, language, key)
        if (found := self._options.get(asked)) is not None:
            return found
        step = self._book.steps.get(menu)
        if isinstance(step, Menu):
            for offered in step.offered(language):
                if offered.id == option and key in (None, *step.keys_for(offered, language)):
                    clip = self._clip(of_option(self._book, offered, language, key), f"{menu}.{option}")
                    return self._options.setdefault(asked, clip)
        on_key = "" if key is None else f" on key {key}"
        raise UnknownPrompt(f"the menu {menu!r} has no option {option!r}{on_key} in {language!r}")

    def all(self) -> tuple[Clip, ...]:
        """Every clip of the book."""
        return tuple(self._clips.values())

    def _clip(self, said: Utterance, name: str) -> Clip:
        clip = self._clips[said]
        return Clip(clip.sound, clip.text, clip.seconds, name)


def render(
    book: MenuBook,
    folder: Path,
    speech: Speech,
    progress: Progress | None = None,
    *,
    sound_prefix: Path | str | None = None,
    recordings: Path | None = None,
    digests: Mapping[str, str] | None = None,
) -> Catalogue:
    """Make the sounds that the folder lacks, and the catalogue of all.

    `sound_prefix` is the folder as Asterisk sees it (its absolute path when None); `recordings` holds the recorded
    files that the book names; `digests` tells what they held when the book was published (None: what they hold now), so
    that what was rendered from them then is found again though they are gone. Without a speech program a folder that is
    complete still serves. Raises Misconfigured with every text that could not be made.
    """
    wanted = all_of(book)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        files = _names(wanted, speech, recorded(book, recordings) if digests is None else digests)
    except CannotSpeak as fault:
        try:
            return Catalogue.load(folder, book, sound_prefix=sound_prefix)
        except MissingSounds as missing:
            raise MissingSounds(f"{fault}; and not everything was rendered before: {missing}") from fault
    lacking = {file: said for said, file in files.items() if seconds_of(folder / f"{file}.wav") is None}
    failed: list[str] = []
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1, thread_name_prefix="prompts") as pool:
        jobs = {
            pool.submit(_make, folder / f"{file}.wav", said, speech, recordings, digests): said
            for file, said in lacking.items()
        }
        for done, job in enumerate(as_completed(jobs), start=1):
            said = jobs[job]
            try:
                job.result()
            except (CannotSpeak, NotASound, OSError) as fault:
                failed.append(f"{said.recording or said.text!r} ({said.language}): {fault}")
            if progress is not None:
                progress(done, len(jobs), said.text)
    if failed:
        raise Misconfigured("prompts could not be rendered:\n" + "\n".join(_shown(sorted(failed))))
    clips = _clips(folder, files, sound_prefix)
    listed = _of_other_books(folder, files) + [
        {
            "file": files[said],
            "seconds": clip.seconds,
            "says": {name: getattr(said, name) for name in Utterance.__slots__},
        }
        for said, clip in clips.items()
    ]
    _write(folder / _INDEX, json.dumps({"clips": listed}, ensure_ascii=False, indent=1).encode("utf-8"))
    return Catalogue(book, clips)


def _of_other_books(folder: Path, mine: Mapping[Utterance, str]) -> list[dict[str, Any]]:
    """What the list of a folder says of sounds that are there and not of this book: books may share a folder."""
    try:
        listed = json.loads((folder / _INDEX).read_text(encoding="utf-8"))["clips"]
        return [
            entry
            for entry in listed
            if Utterance(**entry["says"]) not in mine and (folder / f"{entry['file']}.wav").is_file()
        ]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def recorded(book: MenuBook, recordings: Path | None) -> dict[str, str]:
    """The SHA-256 of each recording that the book names, by its name. Raises Misconfigured with all missing ones."""
    digests: dict[str, str] = {}
    missing: list[str] = []
    for said in all_of(book):
        if said.recording and said.recording not in digests:
            try:
                digests[said.recording] = sha256(_recorded(said, recordings)).hexdigest()
            except OSError as fault:
                place = f" ({fault.filename})" if fault.filename else ""
                missing.append(f"recording {said.recording!r} of {said.text!r}: {fault.strerror or fault}{place}")
    if missing:
        raise Misconfigured("\n".join(_shown(missing)))
    return digests


def _names(wanted: Iterable[Utterance], speech: Speech, digests: Mapping[str, str]) -> dict[Utterance, str]:
    """File names without ending: [0-9a-f] only. Raises CannotSpeak."""
    names: dict[Utterance, str] = {}
    for said in wanted:
        if said.recording:
            parts = ["recording", digests[said.recording]]
        else:
            parts = ["speech", speech.identity(said.language), said.text]
        key = json.dumps([_SOUND_VERSION, said.pause_ms, *parts])
        names[said] = sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return names


def _recorded(said: Utterance, recordings: Path | None) -> bytes:
    if recordings is None:
        raise FileNotFoundError("no folder of recordings is known")
    with (recordings.absolute() / f"{said.recording}.wav").open("rb") as file:
        return file.read(_MOST_RECORDING_BYTES)


def _make(
    path: Path, said: Utterance, speech: Speech, recordings: Path | None, digests: Mapping[str, str] | None
) -> None:
    if said.recording:
        content = _recorded(said, recordings)
        if digests is not None and sha256(content).hexdigest() != digests[said.recording]:
            raise NotASound("the recording is another one than was published; `ivr publish` takes it over")
        sound = levelled(from_wav(content))
    else:
        sound = levelled(trimmed(from_wav(speech.speak(said.text, said.language))))
    if not len(sound):
        raise CannotSpeak("there is nothing to hear")
    _write(path, to_wav(sound, said.pause_ms / 1000))


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all, and readable by Asterisk's user."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    try:
        with open(handle, "wb") as file:
            file.write(content)
            os.fchmod(file.fileno(), 0o644)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _clips(folder: Path, files: Mapping[Utterance, str], sound_prefix: Path | str | None) -> dict[Utterance, Clip]:
    prefix = str(sound_prefix) if sound_prefix is not None else str(folder.absolute())
    clips: dict[Utterance, Clip] = {}
    missing: list[str] = []
    for said, file in files.items():
        seconds = seconds_of(folder / f"{file}.wav") if file else None
        if seconds is None:
            missing.append(f"{said.text!r} ({said.language})" + (f": {file}.wav" if file else ""))
        else:
            clips[said] = Clip(f"{prefix}/{file}", said.text, seconds)
    if missing:
        raise MissingSounds(f"{folder}: {len(missing)} sounds are missing or broken:\n" + "\n".join(_shown(missing)))
    return clips


def _shown(lines: list[str]) -> list[str]:
    more = len(lines) - _MOST_SHOWN
    return lines if more <= 0 else [*lines[:_MOST_SHOWN], f"and {more} more"]
