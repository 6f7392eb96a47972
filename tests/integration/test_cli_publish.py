"""Publishing from the command line: what is in use changes only as it was told, and a rehearsal changes nothing."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from ivr.testing.books import SMALL
from ivr.testing.command import Ran, ivr

QUEUES = "version: 1\nqueues: {general: {skills: {general: 1}}}\n"


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What was spoken once is not spoken again in the next test."""
    return tmp_path_factory.mktemp("sounds")


@pytest.fixture(autouse=True)
def _site(cli_url: str, tmp_path: Path, sounds: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RINGWISE_SETTINGS", "settings.yaml")
    monkeypatch.setenv("SUDO_USER", "anna")
    (tmp_path / "menus").mkdir()
    (tmp_path / "queues.yaml").write_text(QUEUES, encoding="utf-8")
    (tmp_path / "settings.yaml").write_text(
        f"book: {{folder: menus, queues: queues.yaml}}\nprompts: {{folder: {sounds}}}\n", encoding="utf-8"
    )


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., None]:
    """Puts a book into the folder that says this."""

    def book(welcome: str, *changes: tuple[str, str]) -> None:
        text = SMALL.replace("Welcome.", welcome)
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        (tmp_path / "menus" / "book.yaml").write_text(text, encoding="utf-8")

    book("Welcome.")
    return book


def _lines(ran: Ran, status: int = 0) -> list[str]:
    assert (ran.status, ran.err) == (status, "")
    return ran.out.splitlines()


def _in_use() -> list[str]:
    """What `ivr books` says of who put what into use, without times."""
    told = _lines(ivr("books"))
    return [re.sub(r"^ +\S+ \S+  ", "", line) for line in told[told.index("") + 2 :]]


def test_publishing_says_who_hears_what(write: Callable[..., None]) -> None:
    assert _lines(ivr("publish", "-m", "first")) == ["published version 1", "everybody hears version 1"]
    write("Good day.")
    assert _lines(ivr("publish", "-m", "try", "--canary", "10")) == [
        "published version 2",
        "10 % of callers hear version 2, the others version 1",
    ]
    assert _lines(ivr("canary", "25%")) == ["25 % of callers hear version 2, the others version 1"]
    assert _lines(ivr("canary", "promote", "-m", "well received")) == ["everybody hears version 2"]
    assert _lines(ivr("rollback", "1")) == ["everybody hears version 1"]
    assert _lines(ivr("rollback", "1")) == ["everybody hears version 1 already: nothing to do"]
    assert _in_use() == [
        "anna  everybody hears version 1  (rollback to 1)",
        "anna  everybody hears version 2  (well received)",
        "anna  25 % of callers hear version 2, the others version 1  (canary 25%)",
        "anna  10 % of callers hear version 2, the others version 1  (try)",
        "anna  everybody hears version 1  (first)",
    ]


def test_the_list_of_books_tells_which_is_stable_and_which_is_tried(write: Callable[..., None]) -> None:
    assert _lines(ivr("books")) == ["nothing was published yet; `ivr publish` does it"]
    ivr("publish", "-m", "first")
    write("Good day.")
    ivr("publish", "-m", "second", "--canary", "12.5")
    told = [line.split() for line in _lines(ivr("books"))[:2]]
    assert [[line[0], *line[3:]] for line in told] == [["2", "canary", "12.5", "%", "second"], ["1", "stable", "first"]]
    assert _lines(ivr("canary", "stop")) == ["everybody hears version 1"]


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (["publish", "-m", "x"], "would publish version 3: everybody hears version 3; nothing was changed"),
        (["publish", "-m", "x", "--canary", "5"],
         "would publish version 3: 5 % of callers hear version 3, the others version 1; nothing was changed"),
        (["reload"], "would publish version 3 for everybody; nothing was changed"),
        (["rollback", "2"], "would be: everybody hears version 2; nothing was changed"),
        (["canary", "50"], "would be: 50 % of callers hear version 2, the others version 1; nothing was changed"),
        (["canary", "promote"], "would be: everybody hears version 2; nothing was changed"),
        (["canary", "stop"], "would be: everybody hears version 1; nothing was changed"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)  # fmt: skip
def test_a_rehearsal_tells_what_would_happen_and_changes_nothing(
    command: list[str], told: str, write: Callable[..., None]
) -> None:
    ivr("publish", "-m", "first")
    write("Good day.")
    ivr("publish", "-m", "second", "--canary", "10")
    write("Good evening.")
    before = ivr("books").out
    assert _lines(ivr(*command, "--dry-run"))[0] == told
    assert ivr("books").out == before


def test_a_rehearsal_of_the_first_publication_makes_no_sounds(write: Callable[..., None], sounds: Path) -> None:
    write("Nobody has ever said this.")
    before = set(sounds.iterdir())
    assert _lines(ivr("publish", "-m", "x", "--dry-run")) == [
        "would publish version 1 for everybody; nothing was changed"
    ]
    assert set(sounds.iterdir()) == before


def test_a_rehearsal_of_publishing_tells_what_differs_from_what_callers_hear(write: Callable[..., None]) -> None:
    ivr("publish", "-m", "first")
    write("Good day.")
    assert "  prompt welcome: says in en now “Good day.” (was “Welcome.”)" in _lines(
        ivr("publish", "-m", "x", "--dry-run")
    )


def test_a_reload_of_a_broken_folder_names_every_fault_and_leaves_what_is_in_use(write: Callable[..., None]) -> None:
    ivr("publish", "-m", "first")
    write("Good day.", ("label: {en: cards, zh: 银行卡}, then: cards", "label: {en: cards, zh: 银行卡}, then: cads"))
    ran = ivr("reload")
    assert ran.status == 1
    assert "did you mean 'cards'?" in ran.err
    assert ran.err.splitlines()[-1] == "not published: everybody hears version 1 still"
    assert _in_use() == ["anna  everybody hears version 1  (first)"]


def test_a_reload_tells_what_happened(write: Callable[..., None]) -> None:
    assert _lines(ivr("reload")) == ["published version 1", "everybody hears version 1"]
    assert _lines(ivr("reload")) == ["the folder is version 1, which is in use: nothing to do"]
    write("Good day.")
    assert _lines(ivr("reload", "-m", "greeting")) == ["published version 2", "everybody hears version 2"]
    ivr("rollback", "1")
    assert _lines(ivr("reload")) == [
        "the folder is version 2, which was published before and is not in use: left so",
        "everybody hears version 1",
        "`ivr publish` puts the folder into use",
    ]
    assert _lines(ivr("publish", "-m", "again"))[1] == "everybody hears version 2"


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (["rollback", "7"], "there is no version 7; `ivr books` lists them\n"),
        (["canary", "promote"], "no canary is running: everybody hears version 1\n"),
        (["canary", "10"], "no canary is running: everybody hears version 1\n"),
        (["canary", "some"], "'some' is no share of callers: write percent, such as 10\n"),
        (["canary", "101"], "the share of callers is above 0 and at most 100 percent\n"),
        (["canary", "0"], "the share of callers is above 0 and at most 100 percent\n"),
        (["canary", "nan"], "the share of callers is above 0 and at most 100 percent\n"),
        (["publish", "-m", "x", "--canary", "10"],
         "version 1 is what everybody hears already; there is nothing to try\n"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)  # fmt: skip
def test_what_cannot_be_put_into_use_is_told_in_a_sentence(
    command: list[str], told: str, write: Callable[..., None]
) -> None:
    ivr("publish", "-m", "first")
    ran = ivr(*command)
    assert (ran.status, ran.out, ran.err) == (1, "", told)
    assert len(_in_use()) == 1


@pytest.mark.parametrize("command", [["rollback", "1"], ["canary", "promote"], ["publish", "-m", "x", "--canary", "5"]])
def test_before_the_first_publication_nothing_can_be_chosen(command: list[str], write: Callable[..., None]) -> None:
    ran = ivr(*command)
    assert (ran.status, len(ran.err.splitlines())) == (1, 1)
    assert ran.err.startswith("nothing was published yet")


def test_what_differs_is_told_in_the_words_of_menus_and_by_the_exit_status(write: Callable[..., None]) -> None:
    ivr("publish", "-m", "first")
    assert _lines(ivr("diff")) == ["version 1 and the folder are the same"]
    write("Good day.", ("label: {en: cards, zh: 银行卡}, then: cards", "label: {en: cards, zh: 银行卡}, then: general"),
          ("label: {en: balance, zh: 余额}, then: general", "label: {en: balance, zh: 余额}, then: cards"),
          ("prompts: [silent], then: general}\n    invalid: {prompts: [wrong], then: general}",
           "prompts: [silent], then: main}\n    invalid: {prompts: [wrong], then: nobody}"))  # fmt: skip
    assert _lines(ivr("diff"), 1) == [
        "menu main: key 1 now goes to cards (was general)",
        "menu main: key 3 now goes to general (was cards)",
        "menu cards: no_input now goes to main (was general)",
        "menu cards: invalid now goes to nobody (was general)",
        "prompt welcome: says in en now “Good day.” (was “Welcome.”)",
    ]
    assert _lines(ivr("diff", "folder", "1"), 1)[1] == "menu main: key 3 now goes to cards (was general)"
    told = json.loads("\n".join(_lines(ivr("diff", "--json"), 1)))
    assert (told["old"], told["new"], len(told["changes"])) == ("version 1", "the folder", 5)
    assert told["changes"][1]["values"]["new"] == "general"


def test_an_old_version_can_be_compared_though_the_rules_refuse_it_now(write: Callable[..., None]) -> None:
    ivr("publish", "-m", "first")
    Path("queues.yaml").write_text(QUEUES.replace("general:", "others:", 1), encoding="utf-8")
    write("Welcome.", ("queue: general", "queue: others"))
    assert ivr("publish", "-m", "other queue").status == 0
    assert _lines(ivr("diff", "1", "2"), 1) == ["route general: queue is now others (was general)"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["7"], "there is no version 7; `ivr books` lists them\n"),
        (["one"], "'one' is no book: write the number of a version, or folder\n"),
        (["1", "²"], "'²' is no book: write the number of a version, or folder\n"),
    ],
)
def test_a_comparison_that_cannot_be_made_has_an_exit_status_of_its_own(
    arguments: list[str], told: str, write: Callable[..., None]
) -> None:
    ivr("publish", "-m", "first")
    ran = ivr("diff", *arguments)
    assert (ran.status, ran.out, ran.err) == (2, "", told)


def test_the_book_is_drawn_as_a_picture_and_as_text(write: Callable[..., None], tmp_path: Path) -> None:
    ivr("publish", "-m", "first")
    picture = _lines(ivr("graph"))
    assert picture[0].startswith("<svg ")
    assert picture[-1] == "</svg>"
    assert any("Small Bank · version 1" in line for line in picture)
    assert any("0 calls since" in line for line in picture)
    assert any("(measured)" in line for line in picture)  # the sounds of this version are there
    assert _lines(ivr("graph", "--format", "mermaid", "--since", "0"))[3] == "flowchart LR"
    assert _lines(ivr("graph", "--format", "dot", "--menu", "cards"))[0] == "digraph book {"
    file = tmp_path / "book.svg"
    write("Good day to everybody.")
    assert _lines(ivr("graph", "folder", "--out", str(file))) == [f"{file}: 9 steps of the folder"]
    drawn = file.read_text(encoding="utf-8")
    assert "Good day to everybody." in drawn
    assert "(estimated)" in drawn


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--menu", "card"], "the book has no step 'card'; did you mean 'cards'?\n"),
        (["--language", "fr"], "the book does not speak 'fr'; it speaks en, zh\n"),
        (["--since", "long"], "'long' is no span of time: write days as 30d or hours as 12h, or 0\n"),
        (["--out", "none/book.svg"], "none/book.svg: No such file or directory\n"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)  # fmt: skip
def test_a_picture_that_cannot_be_drawn_is_told_in_a_sentence(
    arguments: list[str], told: str, write: Callable[..., None]
) -> None:
    ivr("publish", "-m", "first")
    ran = ivr("graph", *arguments)
    assert (ran.status, ran.out, ran.err) == (1, "", told)
