"""Agents from the command line: who is added signs in, and what is wrong is said before anything is stored."""

import asyncio
import os
import select
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import update

from ivr.testing.books import SMALL
from ivr.testing.command import Ran, ivr
from models.agents import MOST_PASSWORD, Agents
from models.database import Database
from models.supervision import SupervisorActs
from models.tables import AgentRow
from routing.agent import AgentEvent, AgentState
from routing.views import AgentCard

PASSWORD = "correct horse"
PATIENCE_S = 30.0


@pytest.fixture(autouse=True)
def _site(cli_url: str) -> None:
    """Every command works on a database of its own."""


def add(name: str = "anna", *more: str, typed: str = PASSWORD + "\n") -> Ran:
    arguments = ("--full-name", "Anna 安娜", "--phone", "PJSIP/agent-101", "--skill", "general=5")
    return ivr("agent", "add", name, *arguments, *more, typed=typed)


def signs_in(name: str, password: str) -> AgentCard | None:
    async def check() -> AgentCard | None:
        async with Database.opened(os.environ["RINGWISE_DATABASE_URL"]) as database:
            return await Agents(database).check_password(name, password)

    return asyncio.run(check())


def put_in_a_call(name: str) -> None:
    async def work() -> None:
        async with Database.opened(os.environ["RINGWISE_DATABASE_URL"]) as database, database.write() as session:
            await session.execute(update(AgentRow).where(AgentRow.name == name).values(state=AgentState.BUSY))

    asyncio.run(work())


def test_an_agent_who_was_added_signs_in_with_their_phone_and_skills() -> None:
    ran = add("anna", "--skill", "lang:en=10")
    assert (ran.status, ran.err) == (0, "")
    assert PASSWORD not in ran.out
    card = signs_in("anna", PASSWORD)
    assert card is not None
    assert (card.full_name, card.phone) == ("Anna 安娜", "PJSIP/agent-101")
    assert card.skills == {"general": 5, "lang:en": 10}
    assert signs_in("anna", PASSWORD + " ") is None


def test_an_agent_without_a_language_is_added_and_what_is_missing_is_said() -> None:
    assert "gets no calls yet" in add().out
    assert "gets no calls yet" not in ivr("agent", "skills", "anna", "--skill", "lang:zh=5").out


def test_a_generated_password_is_told_once_and_works() -> None:
    told = add("anna", "--generate", typed="").out.splitlines()[-1]
    assert told.startswith("password: ")
    assert told.endswith("(shown only now)")
    assert signs_in("anna", told.split()[1]) is not None
    assert told.split()[1] not in ivr("agent", "list").out


def test_a_password_in_a_terminal_is_asked_for_twice_and_not_shown(tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "ivr", "agent", "add", "anna", "--full-name", "Anna", "--phone", "PJSIP/a"]
    process = subprocess.Popen(
        ["setsid", "--ctty", "--wait", *command, "--skill", "lang:en=5"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    os.close(theirs)
    try:
        shown = _answer(ours, b"Password of anna") + _answer(ours, b"The same again")
        process.wait(timeout=PATIENCE_S)
        shown += _rest(ours)
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    assert process.returncode == 0, shown.decode()
    assert PASSWORD.encode() not in shown
    assert signs_in("anna", PASSWORD) is not None


def _answer(terminal: int, question: bytes) -> bytes:
    """Type the password once the question stands there; its last space comes after echo is off."""
    shown = b""
    while question + b": " not in shown:
        assert select.select([terminal], [], [], PATIENCE_S)[0], f"never asked {question!r}: {shown!r}"
        shown += os.read(terminal, 1024)
    os.write(terminal, PASSWORD.encode() + b"\n")
    return shown


def _rest(terminal: int) -> bytes:
    shown = b""
    try:
        while part := os.read(terminal, 1024):
            shown += part
    except OSError:  # Linux's way to say that nobody holds the other end
        pass
    return shown


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["Anna"], "is no sign-in name"),
        (["an na"], "is no sign-in name"),
        (["anna", "--phone", "SIP/101"], "is no phone"),
        (["anna", "--phone", "PJSIP/a&PJSIP/b"], "is no phone"),
        (["anna", "--full-name", " "], "the full name must be"),
        (["anna", "--full-name", "A\nB"], "the full name must be"),
        (["anna", "--skill", "cards"], "--skill cards: write each skill once"),
        (["anna", "--skill", "cards=0"], "a level is a number from 1"),
        (["anna", "--skill", "cards=eleven"], "a level is a number from 1"),
        (["anna", "--skill", "general=4"], "--skill general=4: write each skill once"),
        (["anna", "--skill", "Cards=5"], "--skill Cards=5: 'Cards' does not fit; a skill is lower-case"),
        (["anna", "--skill", "-cards"], "has no skill 'cards' to take away"),
    ],
)
def test_what_is_wrong_with_an_agent_is_one_sentence_and_nothing_is_stored(arguments: list[str], sentence: str) -> None:
    ran = add(*arguments)
    assert (ran.status, ran.out) == (1, "")
    assert sentence in ran.err
    assert len(ran.err.splitlines()) == 1
    assert "there are no agents" in ivr("agent", "list").out


def test_a_short_password_is_refused() -> None:
    ran = add(typed="short\n")
    assert (ran.status, ran.err) == (1, "a password has at least 10 characters; nothing was changed\n")


def test_a_password_that_is_longer_than_signing_in_takes_is_refused() -> None:
    refused = add(typed="x" * (MOST_PASSWORD + 1) + "\n")
    assert (refused.status, refused.err) == (1, "a password has at most 256 characters; nothing was changed\n")
    assert add(typed="x" * MOST_PASSWORD + "\n").status == 0


def test_a_name_is_given_once() -> None:
    add()
    ran = add(typed="another password\n")
    assert (ran.status, ran.err) == (1, "an agent 'anna' exists already\n")
    assert signs_in("anna", PASSWORD) is not None


def test_the_list_tells_names_phones_states_and_skills_in_columns() -> None:
    add("bert", "--skill", "lang:en=5", "--supervisor")
    add("anna", "--full-name", "Anna Adler")
    assert ivr("agent", "list").out.splitlines() == [
        "anna  Anna Adler  PJSIP/agent-101  –  logged_out  agent       general=5",
        "bert  Anna 安娜   PJSIP/agent-101  –  logged_out  supervisor  general=5 lang:en=5",
    ]


def test_a_new_password_replaces_the_old_one() -> None:
    add()
    assert ivr("agent", "password", "anna", typed="a new password\n").status == 0
    assert signs_in("anna", PASSWORD) is None
    assert signs_in("anna", "a new password") is not None


def test_skills_are_given_changed_and_taken_away_and_the_others_stay() -> None:
    add("anna", "--skill", "cards=3")
    ran = ivr("agent", "skills", "anna", "--skill", "cards=7", "--skill", "-general", "--skill", "lang:en=5")
    assert (ran.status, ran.out) == (0, "anna: Anna 安娜, PJSIP/agent-101, cards=7 lang:en=5\n")


def test_a_skill_that_is_not_there_cannot_be_taken_away() -> None:
    add()
    ran = ivr("agent", "skills", "anna", "--skill", "-cards")
    assert (ran.status, ran.out, ran.err) == (1, "", "anna has no skill 'cards' to take away\n")


def undeclared(tmp_path: Path) -> tuple[str, str]:
    """A site that has declared no skills, with a step that asks for `vip`."""
    (tmp_path / "menus").mkdir()
    book = SMALL.replace("reason: General,", "reason: General, needs: {vip: 3},")
    (tmp_path / "menus" / "book.yaml").write_text(book, encoding="utf-8")
    queues = "version: 1\nqueues: {general: {skills: {general: 1}}, cards: {skills: {cards: 1}}}\n"
    (tmp_path / "queues.yaml").write_text(queues, encoding="utf-8")
    settings = tmp_path / "settings.yaml"
    settings.write_text("book: {folder: menus, queues: queues.yaml}\n", encoding="utf-8")
    return "--settings", str(settings)


def test_where_none_is_declared_a_skill_that_no_queue_and_no_step_asks_for_is_told(tmp_path: Path) -> None:
    site = undeclared(tmp_path)
    told = add("anna", "--skill", "card=3", "--skill", "vip=3", "--skill", "lang:en=5", *site).out.splitlines()
    assert [line for line in told if "asks for" in line] == [told[1]]
    assert told[1].endswith("queues.yaml asks for the skill 'card'; did you mean 'cards'?")
    assert "asks for" not in ivr("agent", "skills", "anna", "--skill", "cards=3", "--skill", "-card", *site).out


def test_a_skill_that_is_taken_away_makes_older_decisions_void() -> None:
    add("anna", "--skill", "lang:en=5")
    before = signs_in("anna", PASSWORD)
    ivr("agent", "skills", "anna", "--skill", "-lang:en")
    after = signs_in("anna", PASSWORD)
    assert before is not None
    assert after is not None
    assert after.version > before.version


@pytest.mark.parametrize(
    "command", [["password"], ["skills", "--skill", "cards=1"], ["phone", "PJSIP/x"], ["remove"], ["pause"], ["logout"]]
)
def test_an_agent_who_does_not_exist_is_named(command: list[str]) -> None:
    ran = ivr("agent", command[0], "nobody", *command[1:], typed=PASSWORD + "\n")
    assert (ran.status, ran.out, ran.err) == (1, "", "no agent is called 'nobody'\n")


def test_another_phone_is_kept_and_a_misspelt_one_refused() -> None:
    add()
    assert ivr("agent", "phone", "anna", "PJSIP/agent-107").out.startswith("anna: Anna 安娜, PJSIP/agent-107, ")
    assert "is no phone" in ivr("agent", "phone", "anna", "agent-108").err
    assert "PJSIP/agent-107" in ivr("agent", "list").out


def say(name: str, *events: AgentEvent) -> None:
    async def work() -> None:
        async with Database.opened(os.environ["RINGWISE_DATABASE_URL"]) as database:
            card = await Agents(database).by_name(name)
            assert card is not None
            for event in events:
                await Agents(database).say(card.id, event, now=1000.0)

    asyncio.run(work())


def test_a_supervisor_pauses_an_agent_and_signs_them_out() -> None:
    add()
    assert ivr("agent", "pause", "anna").err == "anna is not signed in\n"
    say("anna", AgentEvent.SIGN_IN, AgentEvent.READY)
    ran = ivr("agent", "pause", "anna", "--reason", "training")
    assert (ran.status, ran.out) == (0, "anna is paused\n")
    assert " paused " in ivr("agent", "list").out
    assert ivr("agent", "logout", "anna").out == "anna is signed out\n"
    assert " logged_out " in ivr("agent", "list").out
    assert ivr("agent", "logout", "anna").err == "anna is not signed in\n"


def test_a_pause_during_a_call_counts_from_its_end_on_and_nobody_is_signed_out_of_a_call() -> None:
    add()
    say("anna", AgentEvent.SIGN_IN, AgentEvent.READY)
    put_in_a_call("anna")
    assert ivr("agent", "logout", "anna").err == "anna is in a call; `ivr agent pause anna` counts from its end on\n"
    assert ivr("agent", "pause", "anna").out == "anna is paused as soon as the call is over\n"


def test_a_pause_reason_that_nobody_knows_is_refused_with_the_nearest_one() -> None:
    add()
    err = ivr("agent", "pause", "anna", "--reason", "trainig").err
    assert err.endswith("write one of break, meal, training, back_office, supervisor; did you mean 'training'?\n")


def test_who_was_removed_is_not_listed_nor_let_in_until_a_password_takes_them_back() -> None:
    add()
    ran = ivr("agent", "remove", "anna")
    assert (ran.status, ran.out) == (0, "anna is removed and cannot sign in any more\n")
    assert "there are no agents" in ivr("agent", "list").out
    assert signs_in("anna", PASSWORD) is None
    assert signs_in("anna", "") is None
    assert add().err == "an agent 'anna' was removed; `ivr agent password anna` takes them back\n"
    ivr("agent", "password", "anna", typed="a new password\n")
    card = signs_in("anna", "a new password")
    assert card is not None
    assert (card.phone, card.skills) == ("PJSIP/agent-101", {"general": 5})


def test_a_role_is_given_and_taken_away_and_what_supervisors_did_is_listed() -> None:
    add("anna")
    assert ivr("agent", "role", "anna", "supervisor").out == "anna is a supervisor\n"
    assert "  supervisor  " in ivr("agent", "list").out
    assert ivr("agent", "role", "anna", "agent").out == "anna is an agent\n"
    assert "  agent  " in ivr("agent", "list").out
    assert ivr("agent", "role", "bert", "supervisor").status == 1
    assert ivr("agent", "role", "anna", "boss").status != 0
    assert ivr("agent", "acts").out == "supervisors did nothing yet\n"

    async def act() -> None:
        async with Database.opened(os.environ["RINGWISE_DATABASE_URL"]) as database:
            acts = SupervisorActs(database)
            await acts.done(await acts.begun(1, "pause", 1, now=1_790_000_000.0))
            await acts.begun(1, "sign_out", 1, now=1_790_000_060.0)

    asyncio.run(act())
    assert ivr("agent", "acts").out.splitlines() == [
        "2026-09-21 22:14:20  anna  sign_out  anna  -  (not carried out)",
        "2026-09-21 22:13:20  anna  pause     anna  -",
    ]


def test_auto_answer_is_for_one_agent_or_as_the_settings_say(tmp_path: Path) -> None:
    add()
    (tmp_path / "site.yaml").write_text("phones: {auto_answer: true}\n", encoding="utf-8")
    for wanted, more, said in (
        ("on", (), "PJSIP/agent-101 of anna is asked to pick up by itself"),
        ("off", (), "PJSIP/agent-101 of anna does not pick up by itself"),
        ("settings", (), "PJSIP/agent-101 of anna does not pick up by itself"),
        ("settings", ("--settings", "site.yaml"), "PJSIP/agent-101 of anna is asked to pick up by itself"),
    ):
        assert ivr("agent", "auto-answer", "anna", wanted, *more).out.strip() == said
    ran = ivr("agent", "auto-answer", "bert", "on")
    assert (ran.status, ran.out) == (1, "")
    assert "no agent is called 'bert'" in ran.err
