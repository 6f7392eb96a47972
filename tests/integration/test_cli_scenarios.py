"""`ivr test` and `ivr call` from the command line: files, exit statuses, pipes, a terminal, published versions."""

import asyncio
import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest

from ivr.settings import SHIPPED
from ivr.testing.books import SMALL
from ivr.testing.command import ivr
from models.books import Books
from models.database import Database
from models.migrate import migrate

ROOT = Path(__file__).parents[2]
QUEUES = "version: 1\nqueues:\n  general: {skills: {general: 1}}\n"
PASSES = """\
version: 1
callers:
  li_na: {number: "+8613800000001", name: Li Na, language: en, habits: [{task: transfer, day: 1}]}
scenarios:
  - name: Who transfers on the first hears transfer first
    caller: li_na
    steps: [{first_option: transfer}, {hangs_up: true}]
  - name: An agent answers the key for an agent
    steps: [{presses: 0, while: main}, {reaches: general/anybody}, {ends: served/agent}]
"""
FAILS = """\
version: 1
scenarios:
  - name: Nobody says goodbye at once
    steps:
      - hears: welcome
      - next: bye
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A settings file beside a small book, its queues and its scenarios."""
    tests = tmp_path / "menus" / "tests"
    tests.mkdir(parents=True)
    (tmp_path / "menus" / "small.yaml").write_text(SMALL, encoding="utf-8")
    (tests / "passes.yaml").write_text(PASSES, encoding="utf-8")
    (tmp_path / "queues.yaml").write_text(QUEUES, encoding="utf-8")
    settings = tmp_path / "settings.yaml"
    settings.write_text(
        "book: {folder: menus, queues: queues.yaml}\ndatabase: {url: 'sqlite:///ringwise.db'}\n"
        "prompts: {folder: prompts}\n",
        encoding="utf-8",
    )
    return settings


def test_scenarios_beside_the_book_are_played_and_summed_up(site: Path) -> None:
    ran = ivr("test", "-s", str(site))
    assert ran.status == 0
    told = ran.out.splitlines()
    assert told[0].startswith("✔ Who transfers on the first hears transfer first")
    assert told[-1].startswith("2 passed in ")


def test_the_folder_of_scenarios_is_no_part_of_the_book(site: Path) -> None:
    assert ivr("check", "-s", str(site)).status == 0


def test_a_scenario_that_fails_is_told_with_its_story_and_in_junit(site: Path, tmp_path: Path) -> None:
    fails, report = tmp_path / "fails.yaml", tmp_path / "out" / "junit.xml"
    fails.write_text(FAILS, encoding="utf-8")
    ran = ivr("test", "-s", str(site), "--junit", str(report), str(fails), str(site.parent / "menus" / "tests"))
    assert ran.status == 1
    assert f"✘ {fails}:6: next: bye" in ran.out
    assert ran.out.splitlines()[-1].startswith("2 passed, 1 failed in ")
    suite = ElementTree.parse(report).getroot()
    assert {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "3", "failures": "1", "errors": "0", "skipped": "0",
    }  # fmt: skip
    cases = {case.get("name"): case for case in suite.iter("testcase")}
    broken = cases["Nobody says goodbye at once"]
    assert (broken.get("file"), broken.get("line"), broken.get("classname")) == (str(fails), "3", "fails")
    failure = broken.find("failure")
    assert failure is not None
    assert failure.get("message") == "said next was: Main menu. (main)"
    assert "Welcome." in (failure.text or "")
    assert all(case.find("failure") is None for name, case in cases.items() if name != broken.get("name"))


def test_junit_can_be_read_whatever_a_scenario_is_called(site: Path, tmp_path: Path) -> None:
    named, report = tmp_path / "bell\a.yaml", tmp_path / "junit.xml"
    named.write_text(FAILS.replace("Nobody says goodbye", '"A bell \\a rings"  #'), encoding="utf-8")
    assert ivr("test", "-s", str(site), "--junit", str(report), str(named)).status == 1
    (case,) = ElementTree.parse(report).getroot().iter("testcase")
    assert (case.get("name"), case.get("classname")) == ("A bell ? rings", "bell?")
    assert (case.get("file") or "").endswith("bell?.yaml")


def test_a_word_chooses_scenarios_and_a_word_that_fits_none_is_told(site: Path) -> None:
    assert ivr("test", "-s", str(site), "-k", "KEY FOR").out.splitlines()[-1].startswith("1 passed in ")
    nothing = ivr("test", "-s", str(site), "-k", "zebra")
    assert nothing.status == 2
    assert "none of 2 scenarios has 'zebra' in its name or file" in nothing.out


def test_what_is_wrong_with_a_file_is_told_by_line_and_nothing_is_played(site: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text(PASSES.replace("first_option: transfer", "first_option: transfr"), encoding="utf-8")
    ran = ivr("test", "-s", str(site), str(broken))
    assert ran.status == 1
    assert ran.out == ""
    assert ran.err == f"{broken}:7:28: unknown-name: no option is called 'transfr'; did you mean 'transfer'?\n"


@pytest.mark.parametrize("there", [False, True])
def test_a_place_without_scenarios_is_told(site: Path, tmp_path: Path, there: bool) -> None:
    place = tmp_path / "nowhere"
    if there:
        place.mkdir()
    ran = ivr("test", "-s", str(site), str(place))
    assert ran.status == 1
    assert ("no file here ends in .yaml" if there else "there is no such file or folder") in ran.err


def test_a_call_from_a_pipe_does_what_its_lines_say(site: Path) -> None:
    lines = "hear main.transfer\n3\nhear cards.lost\nfoo\n0\n"
    ran = ivr("call", "-s", str(site), "--fast", "--as", "li_na", "--at", "2026-12-01T09:00", typed=lines)
    assert ran.status == 0
    told = ran.out.splitlines()
    assert told[1] == f"you are li_na of {site.parent / 'menus' / 'tests' / 'passes.yaml'}"
    spoken = [line.split("hears")[1].strip() for line in told if " hears " in line]
    assert spoken[:3] == ["Welcome.  (0.9 s)", "Main menu.  (1.0 s)", "For transfers, press two.  (2.0 s)"]
    assert any("presses 3" in line for line in told)
    assert any("waits in general (General)" in line for line in told)
    assert "ended    served/agent, after" in ran.out
    assert any(line.startswith("why      main: transfer (") for line in told)
    assert "Li Na" in ran.out.split("what the agent reads:")[1]
    assert ran.err == "'foo' is not understood: write keys, wait SECONDS, say SECONDS, hear WORDS, or h to hang up\n"


def test_foreign_text_is_printed_as_it_is(site: Path) -> None:
    told = ivr("call", "-s", str(site), "--fast", "--dial", "[/x] [red]", typed="h\n")
    assert told.status == 0
    assert told.out.splitlines()[0].endswith("dialling [/x] [red]")
    assert "has '[/x] [red]' in its name" in ivr("test", "-s", str(site), "-k", "[/x] [red]").out


def test_without_agents_a_caller_waits_until_the_limit(site: Path) -> None:
    ran = ivr("call", "-s", str(site), "--fast", "--no-agents", typed="0\n")
    assert "ended    diverted/no_agents, after 9" in ran.out
    assert "you are a number that is withheld" in ran.out


def test_a_call_in_another_language_and_one_that_the_book_does_not_speak(site: Path) -> None:
    assert "欢迎。" in ivr("call", "-s", str(site), "--fast", "--lang", "zh", typed="h\n").out
    wrong = ivr("call", "-s", str(site), "--fast", "--lang", "fr", typed="h\n")
    assert (wrong.status, wrong.err) == (1, "--lang fr: the book speaks en, zh\n")


def test_a_caller_who_is_neither_number_nor_name_is_told_apart(site: Path) -> None:
    wrong = ivr("call", "-s", str(site), "--as", "li_nah", typed="")
    assert wrong.status == 1
    assert "neither a telephone number" in wrong.err
    assert "did you mean 'li_na'?" in wrong.err


def test_keys_come_at_their_time_through_a_real_pipe(site: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "ivr", "call", "-s", str(site), "--as", "+8613900000001"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
    ) as call:
        assert call.stdin is not None
        assert call.stdout is not None
        lines = iter(call.stdout.readline, "")
        assert any("hears        Welcome." in line for line in lines)
        call.stdin.write("3\n")
        call.stdin.flush()
        assert any("chooses      cards (key 3)" in line for line in lines)
        call.stdin.write("h\n")
        call.stdin.flush()
        assert any(line.startswith("ended    left/in_menu") for line in lines)
        assert call.wait(timeout=20) == 0


def test_a_telephone_in_a_terminal_takes_single_keys(site: Path) -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(ROOT)
        os.environ.update(PYTHONPATH=str(ROOT), TERM="xterm", COLUMNS="120")
        os.execv(sys.executable, [sys.executable, "-m", "ivr", "call", "-s", str(site), "--as", "li_na"])
    seen, keys = "", {"Welcome": "3", "cards.lost": "", "For a lost card": "h"}
    deadline = time.monotonic() + 40
    while time.monotonic() < deadline:
        if select.select([terminal], [], [], 0.2)[0]:
            try:
                seen += os.read(terminal, 65536).decode("utf-8", "replace")
            except OSError:  # the other side is gone
                break
        for words in [words for words in keys if words in seen]:
            os.write(terminal, keys.pop(words).encode())
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    assert status == 0
    assert "presses 3" in seen
    assert "╌" in seen  # the bar of what is being said
    assert "left/in_menu" in seen


def test_a_published_version_is_called_as_it_was(site: Path) -> None:
    url = f"sqlite:///{site.parent / 'ringwise.db'}"

    async def publish() -> None:
        await migrate(url)
        async with Database.opened(url) as database:
            files = {"small.yaml": SMALL.replace("en: Welcome.", "en: Good old days.")}
            await Books(database).publish(files, message="", now=1.0)

    asyncio.run(publish())
    before = (site.parent / "ringwise.db").read_bytes()
    ran = ivr("call", "-s", str(site), "--fast", "--version", "1", "--as", "+8613900000001", typed="h\n")
    assert ran.status == 0
    assert "version 1, " in ran.out
    assert "Good old days." in ran.out
    assert "not in the database" in ran.out
    assert (site.parent / "ringwise.db").read_bytes() == before
    none = ivr("call", "-s", str(site), "--fast", "--version", "2", typed="h\n")
    assert (none.status, none.err) == (1, "no version 2 was published; `ivr books` lists those that were\n")


def test_the_shipped_scenarios_all_hold() -> None:
    ran = ivr("test", "-s", str(SHIPPED / "settings.yaml"))
    assert ran.status == 0, ran.out + ran.err
