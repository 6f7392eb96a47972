"""What a person can mend is told in a sentence, or a line per fault, with status 1: never as a traceback."""

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ivr.__main__ import main
from ivr.testing.books import SMALL
from ivr.testing.command import ivr

COMMANDS = (["serve"], ["publish", "-m", "x"], ["books"], ["agent", "list"], ["bank", "fill"])
QUEUES = "version: 1\nqueues: {general: {skills: {general: 1}}}\n"


@pytest.fixture(autouse=True)
def _operator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RINGWISE_DATABASE_URL", raising=False)
    monkeypatch.delenv("RINGWISE_SETTINGS", raising=False)
    monkeypatch.setenv("RINGWISE_AMI_SECRET", "not asked for")
    monkeypatch.setenv("RINGWISE_WEB_SECRET", "0123456789abcdef0123456789abcdef")


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], None]:
    """Puts down a site of its own: settings with these lines, a small book, its queue."""

    def site(lines: str = "") -> None:
        (tmp_path / "config" / "menus").mkdir(parents=True)
        (tmp_path / "config" / "menus" / "book.yaml").write_text(SMALL, encoding="utf-8")
        (tmp_path / "config" / "queues.yaml").write_text(QUEUES, encoding="utf-8")
        (tmp_path / "config" / "settings.yaml").write_text(
            f"book: {{folder: menus, queues: queues.yaml}}\nami: {{port: 1}}\n{lines}", encoding="utf-8"
        )

    return site


@pytest.fixture(scope="module")
def prompts(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Lets a site make its sounds where the sites of other tests made theirs."""
    return f"prompts: {{folder: {tmp_path_factory.mktemp('prompts')}}}\n"


@contextmanager
def taken_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield int(listener.getsockname()[1])


@pytest.mark.parametrize("command", [*COMMANDS, ["check"], ["migrate"], ["doctor"]], ids=" ".join)
def test_a_settings_file_that_is_not_there_is_named(command: list[str]) -> None:
    ran = ivr(*command, "--settings", "none.yaml")
    assert (ran.status, ran.err) == (1, "none.yaml: cannot be read: No such file or directory\n")


def test_the_settings_file_may_be_named_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RINGWISE_SETTINGS", "elsewhere.yaml")
    assert ivr("check").err == "elsewhere.yaml: cannot be read: No such file or directory\n"


@pytest.mark.parametrize("command", [*COMMANDS, ["check"], ["migrate"], ["doctor"]], ids=" ".join)
def test_an_unknown_key_is_named_with_its_line_and_what_was_meant(
    command: list[str], write: Callable[[str], None]
) -> None:
    write("fastagy: {port: 1}\n")
    ran = ivr(*command)
    assert (ran.status, ran.out) == (1, "")
    assert ran.err == "config/settings.yaml:3:1: unknown-key: 'fastagy' is not known here; did you mean 'fastagi'?\n"


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_database_that_does_not_exist_is_not_made_but_missed(command: list[str], tmp_path: Path) -> None:
    ran = ivr(*command)
    assert (ran.status, ran.err) == (1, "the database var/ringwise.db does not exist: run `ivr migrate`\n")
    assert not (tmp_path / "var").exists()


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.fault("A13", "start with a database that is not migrated")
def test_a_database_without_our_tables_asks_to_be_migrated(command: list[str], tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "ringwise.db").touch()
    ran = ivr(*command)
    assert ran.status == 1
    assert ran.err.startswith("the database is at revision none, not ")
    assert ran.err.endswith(": run `ivr migrate`\n")


@pytest.mark.parametrize("command", [*COMMANDS, ["migrate"]], ids=" ".join)
def test_a_database_that_is_away_is_a_sentence(
    command: list[str], monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int
) -> None:
    monkeypatch.setenv("RINGWISE_DATABASE_URL", f"postgresql://me:hidden@127.0.0.1:{unused_tcp_port}/ringwise")
    ran = ivr(*command)
    assert ran.status == 1
    assert ran.err.startswith("the database cannot be reached: ")
    assert len(ran.err.splitlines()) == 1
    assert "hidden" not in ran.err


@pytest.mark.parametrize("command", [*COMMANDS, ["migrate"]], ids=" ".join)
def test_an_address_that_is_no_database_is_a_sentence_without_the_password(
    command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RINGWISE_DATABASE_URL", "mysql://me:hidden@host/ringwise")
    ran = ivr(*command)
    assert (ran.status, ran.err) == (1, "mysql://me:***@host/ringwise: only sqlite and postgresql can be used\n")


def test_a_database_folder_that_cannot_be_made_is_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("RINGWISE_DATABASE_URL", f"sqlite:///{tmp_path}/file/ringwise.db")
    ran = ivr("migrate")
    assert (ran.status, len(ran.err.splitlines())) == (1, 1)
    assert str(tmp_path / "file") in ran.err


@pytest.mark.parametrize("name", ["RINGWISE_AMI_SECRET", "RINGWISE_WEB_SECRET"])
def test_a_secret_that_is_not_set_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(name)
    ran = ivr("serve")
    assert (ran.status, ran.err) == (
        1,
        f"{name} is not set in the environment; secrets are never read from a file\n",
    )


def test_a_web_secret_that_is_too_short_is_refused(
    monkeypatch: pytest.MonkeyPatch, write: Callable[[str], None], prompts: str
) -> None:
    write(prompts)
    ivr("migrate")
    monkeypatch.setenv("RINGWISE_WEB_SECRET", "short")
    ran = ivr("serve")
    assert (ran.status, ran.err) == (1, "the web secret must have at least 16 characters\n")


def test_a_desktop_port_in_use_is_a_sentence(write: Callable[[str], None], prompts: str) -> None:
    with taken_port() as port:
        write(f"{prompts}web: {{port: {port}}}\n")
        ivr("migrate")
        ran = ivr("serve")
    assert ran.status == 1
    assert ran.err == (
        f"port {port} on 127.0.0.1 is in use by another program; stop it, or set web.port to a free port\n"
    )


@pytest.mark.fault("A13", "start with a port that is taken")
def test_a_call_port_in_use_is_a_sentence_though_work_had_begun(write: Callable[[str], None], prompts: str) -> None:
    with taken_port() as port:
        write(f"{prompts}web: {{port: 0}}\nfastagi: {{port: {port}}}\n")
        ivr("migrate")
        ran = ivr("serve", "--json")
    assert ran.status == 1
    told = [line for line in ran.err.splitlines() if not line.startswith("{")]  # the rest is the log
    assert told == [line for line in told if line.startswith(f"FastAGI cannot listen on 127.0.0.1:{port}: ")]
    assert len(told) == 1


def test_check_names_the_faults_of_queues_and_book_together(write: Callable[[str], None], tmp_path: Path) -> None:
    write()
    (tmp_path / "config" / "queues.yaml").write_text("version: 1\nqueues: {general: {skils: {}}}\n", encoding="utf-8")
    book = tmp_path / "config" / "menus" / "book.yaml"
    book.write_text(SMALL.replace("prompts: [welcome]", "prompts: [welcom]"), encoding="utf-8")
    ran = ivr("check")
    assert ran.status == 1
    assert {line.split(":")[0] for line in ran.err.splitlines()} == {"config/queues.yaml", "config/menus/book.yaml"}
    assert "did you mean 'skills'?" in ran.err
    assert "did you mean 'welcome'?" in ran.err


def test_check_refuses_a_database_address_that_cannot_be_used_and_keeps_its_password(
    write: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    write()
    monkeypatch.setenv("RINGWISE_DATABASE_URL", "mysql://me:hidden@host/name")
    ran = ivr("check")
    assert ran.status == 1
    assert ran.err.startswith("database.url: mysql://me:***@host/name: only sqlite and postgresql can be used")


def test_check_says_what_is_there_when_nothing_is_wrong(write: Callable[[str], None]) -> None:
    write()
    ran = ivr("check")
    assert (ran.status, ran.err) == (0, "")
    settings, warning, *others = ran.out.splitlines()
    assert settings == "config/settings.yaml: fine"
    assert warning.startswith("config/menus/book.yaml:52:84: rings-out: ")
    assert warning.endswith("offer a callback or a recording (warning)")
    assert others == [
        "config/queues.yaml: fine: queues general",
        "config/menus: fine: 8 steps, 10 prompts in en, zh",
    ]


def test_check_is_told_to_take_warnings_for_faults(write: Callable[[str], None]) -> None:
    write()
    ran = ivr("check", "--strict")
    assert (ran.status, ran.out) == (1, "config/settings.yaml: fine\n")
    assert ran.err.startswith("config/menus/book.yaml:52:84: rings-out: ")


def test_check_tells_editors_and_pipelines_of_faults_in_json(write: Callable[[str], None]) -> None:
    write("fastagi: {prot: 1}\n")
    ran = ivr("check", "--json")
    (found,) = json.loads(ran.out)
    message = found.pop("message")
    assert ran.status == 1
    assert found == {
        "file": "config/settings.yaml", "line": 3, "col": 11, "code": "unknown-key", "severity": "error",
        "help": "docs/checks.md#unknown-key",
    }  # fmt: skip
    assert "did you mean 'port'?" in message


def test_warnings_in_json_leave_the_status_at_nothing_wrong(write: Callable[[str], None]) -> None:
    write()
    ran = ivr("check", "--json")
    (found,) = json.loads(ran.out)
    assert (ran.status, ran.err) == (0, "")
    assert (found["severity"], found["code"], found["line"]) == ("warning", "rings-out", 52)


def test_hours_tells_the_next_two_weeks_and_the_holidays_of_the_calendar(
    write: Callable[[str], None], tmp_path: Path
) -> None:
    write("clock_ahead_s: 8640000\n")
    book = tmp_path / "config" / "menus" / "book.yaml"
    calendar = 'calendar: {country: CN, hours: {service: "Mo-Fr 09:00-17:00; PH off"}}\nentry: hello\n'
    book.write_text(SMALL.replace("entry: hello\n", calendar), encoding="utf-8")
    lines = ivr("hours").out.splitlines()
    assert lines[0] == "service: Mo-Fr 09:00-17:00; PH off"
    assert f"{datetime.now(ZoneInfo('Asia/Shanghai')) + timedelta(days=100):%Y-%m-%d}" in lines[1]
    assert len([line for line in lines if " 09:00-17:00" in line or "closed" in line]) == 15
    assert any("National Day" in line for line in lines)


def test_without_any_settings_the_shipped_example_is_checked() -> None:
    ran = ivr("check")
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.startswith("no settings file: defaults\n")
    assert "queues general, payments, cards" in ran.out


def test_migrate_names_the_database_that_it_brought_up_to_date(write: Callable[[str], None]) -> None:
    write("database: {url: sqlite:///site.db}\n")
    ran = ivr("migrate")
    assert (ran.status, ran.out) == (0, "sqlite+aiosqlite:///config/site.db: the database is up to date\n")


@pytest.mark.parametrize("command", [["serve"], ["publish", "-m", "x"]], ids=" ".join)
def test_a_broken_book_is_named_line_by_line_when_there_is_no_good_one(
    command: list[str], write: Callable[[str], None], tmp_path: Path
) -> None:
    write("web: {port: 0}\nfastagi: {port: 0}\n")
    ivr("migrate")
    book = tmp_path / "config" / "menus" / "book.yaml"
    book.write_text(SMALL.replace("key: 2", "key: 1").replace("then: cards", "then: cads"), encoding="utf-8")
    ran = ivr(*command)
    assert ran.status == 1
    assert all(line.startswith("config/menus/book.yaml:") for line in ran.err.splitlines())
    assert "duplicate-key" in ran.err
    assert "did you mean 'cards'?" in ran.err


def test_prompts_that_cannot_be_made_are_told_without_a_traceback(
    write: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    write()
    ivr("migrate")
    monkeypatch.setenv("PATH", "")
    ran = ivr("publish", "-m", "x")
    assert ran.status == 1
    assert ran.err.startswith("espeak-ng is not installed")
    assert len(ran.err.splitlines()) == 1


def test_a_folder_that_cannot_be_written_is_told_without_a_traceback(
    write: Callable[[str], None], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    write("prompts: {folder: ../file/prompts}\n")
    ivr("migrate")
    ran = ivr("publish", "-m", "x")
    assert (ran.status, ran.err) == (1, "file/prompts: Not a directory\n")


def test_a_changed_book_is_published_as_a_new_version_and_the_same_one_is_not(
    write: Callable[[str], None], tmp_path: Path
) -> None:
    write()
    ivr("migrate")
    assert ivr("publish", "-m", "first").out.startswith("published version 1\n")
    assert ivr("publish", "-m", "the same").out.startswith("published version 1\n")
    book = tmp_path / "config" / "menus" / "book.yaml"
    book.write_text(SMALL.replace("Welcome.", "Good day."), encoding="utf-8")
    assert ivr("publish", "-m", "second").out.startswith("published version 2\n")
    told = [line.split() for line in ivr("books").out.splitlines()[:2]]
    assert [(line[0], line[-1]) for line in told] == [("2", "second"), ("1", "first")]


def test_a_site_without_a_published_book_says_so() -> None:
    ivr("migrate")
    assert ivr("books").out == "nothing was published yet; `ivr publish` does it\n"


def test_the_doctor_ends_with_status_1_when_there_is_a_fault() -> None:
    ran = ivr("doctor")
    assert ran.status == 1
    assert "fault    database: " in ran.out
    assert ran.err == ""


def test_a_command_that_does_not_exist_is_a_usage_error() -> None:
    assert ivr("migrat").status == 2


def test_a_defect_of_ours_is_shown_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def isatty(self) -> bool:
            raise KeyError("ours")

    monkeypatch.setattr("sys.stdin", Broken())
    monkeypatch.setattr("sys.argv", ["ivr", "agent", "password", "anna"])
    with pytest.raises(KeyError, match="ours"):
        main()
