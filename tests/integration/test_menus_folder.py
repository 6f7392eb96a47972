"""Books in folders: the shipped book is sound, and what cannot be read is named."""

from pathlib import Path

import pytest

from ivr.queues import load as load_queues
from ivr.testing.books import SMALL, small_book
from menus.loader import examine_folder, load_book
from menus.rules.outline import Outline
from menus.schema import Menu, schema_text
from menus.yaml_source import MOST_BYTES, Faults

CONFIG = Path(__file__).parents[2] / "config"


def test_the_shipped_book_has_no_faults_and_no_warnings() -> None:
    queues = load_queues(CONFIG / "queues.yaml").queues
    examined = examine_folder(CONFIG / "menus", queues=queues)
    assert (examined.faults, examined.warnings) == ((), ())


def test_the_shipped_book_has_complaint_on_7_and_the_agent_on_0() -> None:
    book = load_book(CONFIG / "menus")
    menus = [book.steps[name] for name in Outline(book).top_menus]
    assert menus
    for menu in menus:
        assert isinstance(menu, Menu)
        for language in book.languages:
            ends = [(option.task, option.key) for option in menu.offered(language)][-2:]
            assert ends == [("complaint", "7"), ("agent", "0")]


def test_the_schema_for_editors_is_current_and_every_file_names_it() -> None:
    message = "run: .venv/bin/python -m menus.schema > config/menus/book.schema.json"
    assert (CONFIG / "menus" / "book.schema.json").read_text(encoding="utf-8") == schema_text(), message
    for path in (CONFIG / "menus").glob("*.yaml"):
        assert path.read_text(encoding="utf-8").startswith("# yaml-language-server: $schema=book.schema.json\n")


def test_all_yaml_files_of_a_folder_make_one_book(tmp_path: Path) -> None:
    at = SMALL.index("steps:")
    (tmp_path / "one.yaml").write_text(SMALL[:at], encoding="utf-8")
    (tmp_path / "two.yml").write_text("\ufeff" + SMALL[at:], encoding="utf-8")
    (tmp_path / "notes.txt").write_text("not: [yaml", encoding="utf-8")
    assert load_book(tmp_path) == small_book()


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "bytes.yaml").write_bytes(b"version: 1\nname: caf\xe9\n")
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "huge.yaml").write_bytes(b"#" * (MOST_BYTES + 10))
    with pytest.raises(Faults) as raised:
        load_book(tmp_path)
    named = [(Path(fault.file).name, fault.line, fault.col, fault.code) for fault in raised.value.faults]
    assert named == [
        ("bytes.yaml", 2, 10, "not-utf8"),
        ("folder.yaml", 1, 1, "unreadable"),
        ("huge.yaml", 1, 1, "too-large"),
    ]


def test_a_folder_that_is_empty_or_missing_is_named(tmp_path: Path) -> None:
    for folder, code in ((tmp_path, "no-files"), (tmp_path / "nowhere", "unreadable")):
        with pytest.raises(Faults) as raised:
            load_book(folder)
        assert [fault.code for fault in raised.value.faults] == [code]


def test_a_recording_that_is_not_there_is_named_with_its_place_and_the_path_that_was_searched(tmp_path: Path) -> None:
    text = SMALL.replace("bye: {text:", "bye: {recording: {en: bye-2026}, text:").replace(
        "label: {en: balance, zh: 余额}", "label: {en: balance, zh: 余额}, recording: {zh: balance-zh}"
    )
    (tmp_path / "book.yaml").write_text(text, encoding="utf-8")
    faults = examine_folder(tmp_path).faults
    lines = text.splitlines()
    assert [(fault.code, lines[fault.line - 1][fault.col - 1 :].partition("}")[0]) for fault in faults] == [
        ("missing-recording", "bye-2026"),
        ("missing-recording", "balance-zh"),
    ]
    assert str(tmp_path / "recordings" / "bye-2026.wav") in faults[0].message
    (tmp_path / "recordings").mkdir()
    for name in ("bye-2026", "balance-zh"):
        (tmp_path / "recordings" / f"{name}.wav").touch()
    assert examine_folder(tmp_path).faults == ()
