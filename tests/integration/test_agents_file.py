"""Agents in a file: what is wrong is named with its place, and the database becomes as the file says."""

import asyncio
import os
from pathlib import Path

import pytest

from ivr.agents_file import load
from ivr.bank.staff import demo_agents
from ivr.errors import Misconfigured
from ivr.queues import load as load_queues
from ivr.settings import SHIPPED
from ivr.staff import Staff, Team
from ivr.testing.command import ivr
from models.agents import Agents
from models.database import Database
from routing.views import AgentCard

pytestmark = pytest.mark.usefixtures("cli_url")
STAFF = Staff(skills={"general": {"en": "General"}}, teams={"east": Team(name={"en": "East"}, skills={"general": 3})})


def cards() -> dict[str, AgentCard]:
    async def work() -> tuple[AgentCard, ...]:
        async with Database.opened(os.environ["RINGWISE_DATABASE_URL"]) as database:
            return await Agents(database).all()

    return {card.name: card for card in asyncio.run(work())}


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            "{full_name: A, phone: PJSIP/a, team: eats}",
            "unknown-team: no team 'eats' in `staff.teams`; did you mean",
        ),
        ("{full_name: A, phone: PJSIP/a, skills: {generl: 1}}", "unknown-skill: no skill 'generl' is declared"),
        ("{full_name: A, phone: PJSIP/a}", "no-skills: an agent needs skills, or a team that has some"),
        ("{full_name: A, phone: PJSIP/b, team: east}", "repeated: ann has this phone"),
        ("{full_name: A, phone: SIP/a, team: east}", "wrong-"),
        ("{full_name: A, phone: PJSIP/a, team: east, password: x}", "unknown-key: 'password' is not known here"),
    ],
)
def test_what_is_wrong_in_the_file_is_named_with_its_place(tmp_path: Path, line: str, told: str) -> None:
    file = tmp_path / "agents.yaml"
    file.write_text(f"version: 1\nagents:\n  ann: {{full_name: Ann, phone: PJSIP/b, team: east}}\n  bob: {line}\n")
    with pytest.raises(Misconfigured) as wrong:
        load(file, STAFF)
    assert str(wrong.value).startswith(f"{file}:4:")
    assert told in str(wrong.value)


def test_the_shipped_file_declares_the_agents_of_the_demonstration() -> None:
    staff = load_queues(SHIPPED / "queues.yaml").staff
    declared = load(SHIPPED / "agents.yaml", staff).agents
    assert {name: (one.full_name, one.phone, one.levels(staff)) for name, one in declared.items()} == {
        seed.name: (seed.full_name, seed.phone, dict(seed.skills)) for seed in demo_agents()
    }


def test_a_sync_makes_the_database_as_the_file_says_tells_what_changes_and_leaves_others_alone(tmp_path: Path) -> None:
    alone = ("--full-name", "Zoe", "--phone", "PJSIP/z", "--skill", "general=2", "--generate")
    assert ivr("agent", "add", "zoe", *alone).status == 0
    file = tmp_path / "agents.yaml"
    file.write_text("version: 1\nagents:\n  ann: {full_name: Ann, phone: PJSIP/b, team: service, skills: {cards: 2}}\n")
    sync = ("agent", "sync", "--file", str(file))
    planned = ivr(*sync, "--dry-run").out
    assert planned.splitlines() == [
        "ann: new: Ann, PJSIP/b, service, cards=2 general=3 lang:zh=5",
        "zoe: not in the file; stays as they are",
    ]
    assert set(cards()) == {"zoe"}
    made = ivr(*sync).out
    assert "ann: password: " in made
    assert dict(cards()["ann"].skills) == {"cards": 2, "general": 3, "lang:zh": 5}
    assert ivr(*sync).out.startswith("every agent of the file is as it says\n")
    file.write_text("version: 1\nagents:\n  ann: {full_name: Ann Li, phone: PJSIP/c, skills: {cards: 4}}\n")
    assert ivr(*sync).out.splitlines()[:-1] == [
        "ann: full name: Ann → Ann Li",
        "ann: phone: PJSIP/b → PJSIP/c",
        "ann: team: service → none",
        "ann: skill cards: 2 → 4",
        "ann: skill general: 3 → –",
        "ann: skill lang:zh: 5 → –",
    ]
    assert (cards()["ann"].phone, dict(cards()["ann"].skills), cards()["ann"].team) == ("PJSIP/c", {"cards": 4}, None)


def test_a_team_brings_its_skills_and_names_that_nobody_declared_are_refused() -> None:
    new = ("--full-name", "Ann", "--phone", "PJSIP/a", "--generate")
    assert ivr("agent", "add", "ann", *new, "--team", "complaints", "--skill", "complaints=4").status == 0
    assert dict(cards()["ann"].skills) == {"complaints": 4, "lang:en": 5, "lang:zh": 5}
    head, line = ivr("agent", "list", "--team", "complaints").out.splitlines()
    assert head == "complaints (Complaints), led by ruth"
    assert line.split()[:4] == ["ann", "Ann", "PJSIP/a", "complaints"]
    assert ivr("agent", "list", "--team", "service").out == "nobody is in the team service\n"
    assert ivr("agent", "team", "ann", "service").out == "ann is in the team service (Service)\n"
    wrong = ivr("agent", "add", "bob", *new, "--skill", "crads=4")
    assert (wrong.status, wrong.err) == (
        1, "--skill crads: no skill 'crads' is declared in `staff.skills`; did you mean 'cards'?\n",
    )  # fmt: skip
    assert ivr("agent", "add", "bob", *new, "--team", "servce").err.endswith("did you mean 'service'?\n")
    assert ivr("agent", "pause", "ann", "--reason", "brake").err.endswith("did you mean 'break'?\n")
