"""Prompts on disk: rendered once, whole, found by name, mended when broken; and the real espeak-ng."""

import json
import os
import shutil
import stat
import time
import wave
from pathlib import Path

import numpy as np
import pytest

from ivr.errors import Misconfigured
from ivr.prompts.catalogue import Catalogue, MissingSounds, render
from ivr.prompts.sound import RATE, from_wav, seconds_of, to_wav, trimmed
from ivr.prompts.speech import READINGS, CannotSpeak, EspeakSpeech, Speech
from ivr.testing.books import SMALL, small_book
from ivr.testing.speech import ToneSpeech
from menus.errors import UnfitValue, UnknownPrompt
from menus.loader import load_book, parse_book

BOOK = small_book()
BANK = Path(__file__).parents[2] / "config" / "menus"
KEPT = Path(__file__).parents[2] / "var" / "prompts"  # where real calls have theirs, too: made once
needs_espeak = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")


def test_every_prompt_and_option_is_rendered_in_both_languages(tmp_path: Path) -> None:
    speech = ToneSpeech()
    seen: list[tuple[int, int, str]] = []
    catalogue = render(BOOK, tmp_path, speech, lambda done, of, text: seen.append((done, of, text)))
    assert [done for done, _, _ in seen] == list(range(1, len(speech.said) + 1))
    assert {of for _, of, _ in seen} == {len(speech.said)}
    (welcome,) = catalogue.prompt("welcome", "zh")
    assert (welcome.text, welcome.prompt) == ("欢迎。", "welcome")
    option = catalogue.option("main", "transfer", "en")
    assert (option.text, option.prompt) == ("For transfers, press two.", "main.transfer")
    assert catalogue.option("main", "english", "zh").text == "For English, press four."
    for clip in catalogue.all():
        path = Path(clip.sound + ".wav")
        assert path.parent == tmp_path
        assert set(path.stem) <= set("0123456789abcdef")
        with wave.open(str(path)) as file:
            assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, RATE)
            assert clip.seconds == file.getnframes() / RATE > 0.1
        assert stat.S_IMODE(path.stat().st_mode) == 0o644  # Asterisk runs as another user


def test_slots_are_put_together_from_words(tmp_path: Path) -> None:
    catalogue = render(BOOK, tmp_path, ToneSpeech())
    assert [clip.text for clip in catalogue.prompt("place", "en", position=105)] == [
        "You are number", "one", "hundred", "and", "five"
    ]  # fmt: skip
    assert [clip.text for clip in catalogue.prompt("place", "zh", position=12)] == ["您是第", "十二", "位。"]
    assert {clip.prompt for clip in catalogue.prompt("place", "zh", position=2)} == {"place"}
    for position in (0, 1, 99, 100, 12_345, 10**6):
        for language in ("en", "zh"):
            assert all(clip.seconds > 0 for clip in catalogue.prompt("place", language, position=position))


def test_what_the_book_does_not_have_is_named(tmp_path: Path) -> None:
    catalogue = render(BOOK, tmp_path, ToneSpeech())
    with pytest.raises(UnknownPrompt, match="welcom"):
        catalogue.prompt("welcom", "en")
    with pytest.raises(UnknownPrompt, match="'fr'"):
        catalogue.prompt("welcome", "fr")
    with pytest.raises(UnknownPrompt, match="chinese"):
        catalogue.option("main", "chinese", "zh")
    with pytest.raises(UnfitValue, match="position"):
        catalogue.prompt("place", "en")
    with pytest.raises(UnfitValue):
        catalogue.prompt("place", "en", position="third")


def test_nothing_is_rendered_twice(tmp_path: Path) -> None:
    render(BOOK, tmp_path, ToneSpeech())
    again = ToneSpeech()
    render(BOOK, tmp_path, again)
    assert again.said == []


def test_only_a_changed_word_and_a_new_engine_are_rendered_anew(tmp_path: Path) -> None:
    render(BOOK, tmp_path, ToneSpeech())
    changed, speech = parse_book({"a": SMALL.replace("Once more.", "One more time.")}), ToneSpeech()
    render(changed, tmp_path, speech)
    assert speech.said == [("One more time.", "en")]
    newer = ToneSpeech(version="2")
    assert len(render(BOOK, tmp_path, newer).all()) == len(newer.said)


def test_empty_and_cut_off_files_are_made_again(tmp_path: Path) -> None:
    catalogue = render(BOOK, tmp_path, ToneSpeech())
    paths = [Path(catalogue.prompt(name, "en")[0].sound + ".wav") for name in ("welcome", "again", "bye", "silent")]
    paths[0].write_bytes(b"")
    paths[1].write_bytes(paths[1].read_bytes()[:-200])
    paths[2].unlink()
    paths[3].write_bytes(b"not a sound, but as long as one may be expected to be")
    with pytest.raises(MissingSounds, match="4 sounds are missing or broken") as raised:
        Catalogue.load(tmp_path, BOOK)
    assert "'Welcome.' (en)" in str(raised.value)
    speech = ToneSpeech()
    render(BOOK, tmp_path, speech)
    assert sorted(text for text, _ in speech.said) == ["Goodbye.", "I heard nothing.", "Once more.", "Welcome."]
    assert Catalogue.load(tmp_path, BOOK).prompt("welcome", "en") == catalogue.prompt("welcome", "en")


def test_a_rendered_folder_is_loaded_without_speech_and_under_the_name_that_asterisk_sees(tmp_path: Path) -> None:
    rendered = render(BOOK, tmp_path, ToneSpeech())
    loaded = Catalogue.load(tmp_path, BOOK, sound_prefix="/sounds/ringwise")
    (clip,), (there,) = rendered.prompt("welcome", "en"), loaded.prompt("welcome", "en")
    assert there.sound == "/sounds/ringwise/" + Path(clip.sound).name
    assert (there.text, there.seconds) == (clip.text, clip.seconds)
    assert len(loaded.all()) == len(rendered.all())


def test_without_an_index_the_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingSounds, match=r"index\.json"):
        Catalogue.load(tmp_path, BOOK)
    (tmp_path / "index.json").write_text("{")
    with pytest.raises(MissingSounds, match=r"index\.json"):
        Catalogue.load(tmp_path, BOOK)


def test_the_index_tells_which_file_says_what(tmp_path: Path) -> None:
    catalogue = render(BOOK, tmp_path, ToneSpeech())
    listed = json.loads((tmp_path / "index.json").read_text(encoding="utf-8"))["clips"]
    by_text = {(entry["says"]["text"], entry["says"]["language"]): entry["file"] for entry in listed}
    assert by_text["欢迎。", "zh"] == Path(catalogue.prompt("welcome", "zh")[0].sound).name


def test_two_books_share_a_folder_and_both_are_found_again(tmp_path: Path) -> None:
    other = parse_book({"small.yaml": SMALL.replace("Welcome.", "Hello and welcome.")})
    first, second = render(BOOK, tmp_path, ToneSpeech()), render(other, tmp_path, ToneSpeech())
    assert Catalogue.load(tmp_path, BOOK).prompt("welcome", "en") == first.prompt("welcome", "en")
    assert Catalogue.load(tmp_path, other).prompt("welcome", "en") == second.prompt("welcome", "en")
    Path(first.prompt("welcome", "en")[0].sound + ".wav").unlink()  # what is gone is not listed for ever
    render(other, tmp_path, ToneSpeech())
    assert "Welcome." not in (tmp_path / "index.json").read_text(encoding="utf-8")


def test_every_text_that_fails_is_named_and_no_broken_file_stays(tmp_path: Path) -> None:
    speech = ToneSpeech(mute=frozenset({"Welcome.", "再见。"}))
    with pytest.raises(Misconfigured) as raised:
        render(BOOK, tmp_path, speech)
    assert "'Welcome.' (en)" in str(raised.value)
    assert "'再见。' (zh)" in str(raised.value)
    assert not list(tmp_path.glob(".*"))
    assert all(seconds_of(path) for path in tmp_path.glob("*.wav"))


class NoSpeech(ToneSpeech):
    """A machine on which the speech program is missing."""

    def identity(self, language: str) -> str:
        raise CannotSpeak("espeak-ng is not installed")


def test_a_complete_folder_serves_without_a_speech_program(tmp_path: Path) -> None:
    rendered = render(BOOK, tmp_path, ToneSpeech())
    assert render(BOOK, tmp_path, NoSpeech()).prompt("bye", "en") == rendered.prompt("bye", "en")
    Path(rendered.prompt("bye", "en")[0].sound + ".wav").unlink()
    with pytest.raises(MissingSounds, match=r"espeak-ng is not installed[\s\S]*'Goodbye\.'"):
        render(BOOK, tmp_path, NoSpeech())


RECORDED = SMALL.replace("bye: {text:", "bye: {recording: {en: bye-2026}, text:").replace(
    "label: {en: balance, zh: 余额}", "label: {en: balance, zh: 余额}, recording: {zh: balance-zh}"
)


def test_a_recording_wins_over_speech(tmp_path: Path) -> None:
    studio, folder = tmp_path / "recordings", tmp_path / "prompts"
    studio.mkdir()
    voice = np.sin(np.arange(2 * RATE) / 3)
    for name in ("bye-2026", "balance-zh"):
        (studio / f"{name}.wav").write_bytes(to_wav(voice))
    book, speech = parse_book({"a": RECORDED}), ToneSpeech()
    catalogue = render(book, folder, speech, recordings=studio)
    assert ("Goodbye.", "en") not in speech.said
    assert ("再见。", "zh") in speech.said
    (bye,) = catalogue.prompt("bye", "en")
    assert bye.text == "Goodbye."
    assert bye.seconds == pytest.approx(2.35)
    assert catalogue.option("main", "balance", "zh").seconds == pytest.approx(2.35)
    (studio / "bye-2026.wav").write_bytes(to_wav(voice[:RATE]))
    assert render(book, folder, speech, recordings=studio).prompt("bye", "en")[0].seconds == pytest.approx(1.35)


def test_missing_and_unfit_recordings_are_named(tmp_path: Path) -> None:
    book = parse_book({"a": RECORDED})
    with pytest.raises(Misconfigured, match=rf"'bye-2026' of 'Goodbye\..*{tmp_path}/bye-2026\.wav"):
        render(book, tmp_path / "prompts", ToneSpeech(), recordings=tmp_path)
    for name in ("bye-2026", "balance-zh"):
        (tmp_path / f"{name}.wav").write_bytes(b"an mp3, perhaps: " + name.encode())
    with pytest.raises(Misconfigured, match=r"'bye-2026'.*not a WAV file"):
        render(book, tmp_path / "prompts", ToneSpeech(), recordings=tmp_path)


@pytest.mark.parametrize("speech", [ToneSpeech(), pytest.param(EspeakSpeech(), marks=needs_espeak)])
def test_every_speech_has_a_steady_identity_and_says_the_same_text_alike(speech: Speech) -> None:
    for text, language in (("Please hold.", "en"), ("请稍候。", "zh")):
        assert speech.identity(language) == speech.identity(language)
        sound = speech.speak(text, language)
        assert sound == speech.speak(text, language)
        assert len(trimmed(from_wav(sound))) > RATE / 4
    assert speech.identity("en") != speech.identity("zh")


@needs_espeak
def test_espeak_says_the_bank_s_words_at_an_even_loudness(tmp_path: Path) -> None:
    speech = EspeakSpeech()
    for text, language in (("Welcome to Harbour Bank.", "en"), ("欢迎致电海港银行。", "zh")):
        heard = trimmed(from_wav(speech.speak(text, language)))
        assert 1.0 < len(heard) / RATE < 4.0
    catalogue = render(BOOK, tmp_path, speech)
    loudness = []
    for clip in catalogue.all():
        with wave.open(clip.sound + ".wav") as file:
            samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2") / 32768
        active = samples[np.abs(samples) > np.abs(samples).max() / 100]
        loudness.append(20 * np.log10(np.sqrt(np.mean(active**2))))
    assert max(loudness) - min(loudness) < 3.0


@needs_espeak
def test_chinese_is_spoken_by_sounds_and_not_spelled_in_english(tmp_path: Path) -> None:
    speech = EspeakSpeech()
    seconds = [len(trimmed(from_wav(speech.speak(text, "zh")))) / RATE for text in ("海港银行", "余额和最近交易")]
    assert seconds[0] < 1.5  # the voice `cmn` of espeak-ng 1.51 needs twice as long for "hai three gang three …"
    assert seconds[1] < 2.6
    for word, reading in READINGS.items():
        assert speech.speak(word, "zh") == speech.speak(reading, "zh")


@needs_espeak
@pytest.mark.parametrize(
    "text", ["-v evil", "$(touch x); `id` | & \"' \\", "a\nb\0c", "<speak>x</speak>", "say " * 200]
)
def test_no_text_is_more_than_text_to_espeak(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert len(from_wav(EspeakSpeech().speak(text, "en"))) > 0
    assert list(tmp_path.iterdir()) == []


@needs_espeak
def test_a_text_without_sound_is_named(tmp_path: Path) -> None:
    book = parse_book({"a": SMALL.replace("en: Once more.", "en: '_'")})
    with pytest.raises(Misconfigured, match=r"'_'.*nothing to hear"):
        render(book, tmp_path, EspeakSpeech())


def script(folder: Path, body: str) -> str:
    """A program that stands in for espeak-ng and misbehaves."""
    path = folder / "speaker"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return str(path)


def test_a_speech_program_that_is_missing_fails_or_says_nothing_is_named(tmp_path: Path) -> None:
    with pytest.raises(CannotSpeak, match="apt-get install espeak-ng"):
        EspeakSpeech(str(tmp_path / "nowhere")).speak("a", "en")
    with pytest.raises(CannotSpeak, match=r"failed \(3\): out of voice"):
        EspeakSpeech(script(tmp_path, "echo out of voice >&2; exit 3")).speak("a", "en")
    with pytest.raises(CannotSpeak, match="made no sound"):
        EspeakSpeech(script(tmp_path, "cat >/dev/null")).speak("a", "en")
    with pytest.raises(CannotSpeak, match="no voice"):
        EspeakSpeech().speak("a", "fr")


def test_a_speech_program_that_hangs_is_ended(tmp_path: Path) -> None:
    speech = EspeakSpeech(script(tmp_path, f"echo $$ > {tmp_path}/pid; exec sleep 60"), timeout_s=0.3)
    began = time.monotonic()
    with pytest.raises(CannotSpeak, match=r"not done after 0\.3 s"):
        speech.speak("a", "en")
    assert time.monotonic() - began < 30
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


@needs_espeak
def test_complaint_and_agent_of_the_bank_are_heard_in_time_with_the_real_voice() -> None:
    book = load_book(BANK)
    catalogue = render(book, KEPT, EspeakSpeech())
    main = book.steps["main"]
    assert main.kind == "menu"
    assert main.greeting is not None
    for language in book.languages:
        (greeting,) = catalogue.prompt(main.greeting, language)
        options = [catalogue.option("main", option.id, language) for option in main.offered(language)]
        assert greeting.seconds + sum(clip.seconds for clip in options) < book.heard_within_s
        assert all(1.0 < clip.seconds < 4.5 for clip in options)
