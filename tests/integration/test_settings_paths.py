"""What a relative path in a settings file means: the same from every working directory."""

from pathlib import Path

import pytest

from ivr.settings import SHIPPED, load

WRITTEN = """\
database: {url: "sqlite:///../var/ringwise.db"}
prompts: {folder: ../var/prompts, seen_by_asterisk: /srv/prompts}
book: {folder: menus, queues: queues.yaml}
"""


def write(folder: Path, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    file = folder / "settings.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_paths_begin_at_the_folder_of_the_file(tmp_path: Path) -> None:
    settings = load(write(tmp_path / "etc", WRITTEN))
    assert settings.database_url == f"sqlite:///{tmp_path}/var/ringwise.db"
    assert settings.prompts.folder == tmp_path / "var" / "prompts"
    assert settings.prompts.seen_by_asterisk == Path("/srv/prompts")
    assert (settings.book.folder, settings.book.queues) == (
        tmp_path / "etc" / "menus",
        tmp_path / "etc" / "queues.yaml",
    )


def test_a_file_named_by_a_relative_path_means_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "etc", WRITTEN)
    monkeypatch.chdir(tmp_path)
    settings = load(Path("etc/settings.yaml"))
    assert settings.book.folder.absolute() == tmp_path / "etc" / "menus"
    assert settings.database_url == "sqlite:///var/ringwise.db"


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:////srv/ringwise.db",
        "sqlite+aiosqlite:////srv/ringwise.db",
        "postgresql://me@host/name",
        "sqlite:///:memory:",
    ],
)
def test_other_addresses_stay_as_they_are_written(tmp_path: Path, url: str) -> None:
    assert load(write(tmp_path, f'database: {{url: "{url}"}}\n')).database.url == url


def test_an_address_in_the_environment_belongs_to_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RINGWISE_DATABASE_URL", "sqlite:///here.db")
    assert load(write(tmp_path, WRITTEN)).database_url == "sqlite:///here.db"


def test_what_the_file_leaves_out_is_the_shipped_example(tmp_path: Path) -> None:
    settings = load(write(tmp_path, "node: node-b\n"))
    assert (settings.book.folder, settings.book.queues) == (SHIPPED / "menus", SHIPPED / "queues.yaml")
    assert settings.book.queues.is_file()
    assert settings.prompts.folder == Path("var/prompts")


def test_the_shipped_settings_name_the_shipped_book() -> None:
    settings = load(SHIPPED / "settings.yaml")
    assert (settings.book.folder, settings.book.queues) == (SHIPPED / "menus", SHIPPED / "queues.yaml")
    assert settings.prompts.folder == SHIPPED.parent / "var" / "prompts"
