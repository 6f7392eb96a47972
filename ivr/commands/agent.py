"""`ivr agent`: who takes calls, with which phone and skills."""

import asyncio
import re
import secrets
import sys
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ivr.commands.agent_sync import sync
from ivr.commands.columns import aligned
from ivr.commands.options import SettingsFile, settings_of
from ivr.errors import Misconfigured
from ivr.queues import load as load_queues
from ivr.settings import Settings
from ivr.staff import Staff
from menus.loader import examine_folder
from menus.schema import SKILL, SKILL_ADVICE, Route
from menus.yaml_shape import close_match
from routing.agent import AgentEvent, AgentState
from routing.errors import IllegalMove
from routing.skills import LANGUAGE

if TYPE_CHECKING:
    from routing.views import AgentCard

agents = typer.Typer(
    name="agent",
    help="Agents: add, list, pause, log out, remove, set passwords, skills, phones and auto-answer.",
    no_args_is_help=True,
)

SHORTEST_PASSWORD = 10  #: characters
_NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")
_PHONE = re.compile(r"PJSIP/[A-Za-z0-9_.-]{1,74}")

Name = Annotated[str, typer.Argument(help="Sign-in name.")]
Skills = Annotated[
    list[str], typer.Option("--skill", metavar="NAME=LEVEL", help="Level 1 (junior) to 10 (senior); may be repeated.")
]
Generate = Annotated[bool, typer.Option("--generate", help="Make a password and print it once, instead of asking.")]


@agents.command("add")
def add(
    name: Name,
    full_name: Annotated[str, typer.Option(help="As colleagues write it.")],
    phone: Annotated[str, typer.Option(help="Endpoint in Asterisk, such as PJSIP/agent-101.")],
    skill: Skills = (),  # type: ignore[assignment]
    team: Annotated[str | None, typer.Option(help="Team of the file of queues; its skills come with it.")] = None,
    generate: Generate = False,
    supervisor: Annotated[bool, typer.Option("--supervisor", help="Sees the wall, and acts on agents.")] = False,
    settings: SettingsFile = None,
) -> None:
    """Add an agent. The password is asked for twice without being shown; from a pipe, it is one line."""
    from models.agents import Agents
    from models.migrate import opened

    read = settings_of(settings)
    levels, without = _wishes(skill)
    if without:
        raise Misconfigured(f"a new agent has no skill {without[0]!r} to take away")
    if not _NAME.fullmatch(name):
        raise Misconfigured(f"{name!r} is no sign-in name: up to 64 of a-z, 0-9 and . _ @ -, a letter or digit first")
    if not (full_name.strip() and full_name.isprintable() and len(full_name) <= 120):
        raise Misconfigured("the full name must be 1 to 120 printable characters")
    _check_phone(phone)
    staff = _staff(read)
    _check_team(team, staff)
    _check_declared(levels, staff)
    levels = {**(staff.teams[team].skills if team is not None else {}), **levels}
    if not levels:
        raise Misconfigured("an agent needs a --skill, or a --team that has some")
    password = _new_password(name, generate)

    async def work() -> "AgentCard":
        async with opened(read.database_url) as database:
            return await Agents(database).add(
                name, full_name.strip(), password, phone, levels, supervisor=supervisor, team=team
            )

    _tell(asyncio.run(work()))
    _tell_unasked(levels, read)
    _tell_password(password, generate)


agents.command("sync")(sync)


@agents.command("list")
def list_(
    team: Annotated[str | None, typer.Option(help="Only this team; `none` for who has none.")] = None,
    settings: SettingsFile = None,
) -> None:
    """Every agent: name, phone, team, state, role, skills."""
    from models.agents import Agents
    from models.migrate import opened

    read = settings_of(settings)

    async def work() -> "tuple[AgentCard, ...]":
        async with opened(read.database_url) as database:
            return await Agents(database).all()

    if team != "none":
        _check_team(team, _staff(read))
    cards = [card for card in asyncio.run(work()) if team is None or (card.team or "none") == team]
    teams = _staff(read).teams
    if not cards:
        print("there are no agents; `ivr agent add` adds one" if team is None else f"nobody is in the team {team}")
    elif team is not None and team in teams:
        print(teams[team].told(team))
    told = (
        (card.name, card.full_name, card.phone, card.team or "–", str(card.state), _role(card), _spoken(card))
        for card in cards
    )
    for line in aligned(told):
        print(line)


@agents.command("team")
def team_(
    name: Name,
    team: Annotated[str | None, typer.Argument(help="Team of the file of queues; without one, none.")] = None,
    settings: SettingsFile = None,
) -> None:
    """Move an agent to another team. Skills stay as they are."""
    from models.agents import Agents
    from models.migrate import opened

    read = settings_of(settings)
    _check_team(team, _staff(read))

    async def work() -> "AgentCard":
        async with opened(read.database_url) as database:
            return await Agents(database).set_team(name, team)

    card = asyncio.run(work())
    told = _staff(read).teams[card.team].told(card.team) if card.team else ""
    print(f"{card.name} is in the team {told}" if card.team else f"{card.name} is in no team")


@agents.command("password")
def password(name: Name, generate: Generate = False, settings: SettingsFile = None) -> None:
    """Set a new password. Windows in which the agent has signed in already close within seconds.

    It also takes back an agent who was removed, with phone and skills as they were.
    """
    from models.agents import Agents
    from models.migrate import opened

    read = settings_of(settings)
    new = _new_password(name, generate)

    async def work() -> None:
        async with opened(read.database_url) as database:
            await Agents(database).set_password(name, new)

    asyncio.run(work())
    print(f"{name} has a new password")
    _tell_password(new, generate)


@agents.command("skills")
def skills(
    name: Name,
    skill: Annotated[
        list[str],
        typer.Option("--skill", metavar="NAME=LEVEL | -NAME", help="A skill to give, or with - one to take away."),
    ],
    settings: SettingsFile = None,
) -> None:
    """Give an agent skills, or take some away; the others stay. Counts from the next call on."""
    from models.agents import Agents
    from models.migrate import opened

    read = settings_of(settings)
    levels, without = _wishes(skill)
    _check_declared(levels, _staff(read))

    async def work() -> "AgentCard":
        async with opened(read.database_url) as database:
            return await Agents(database).set_skills(name, levels, without=without)

    _tell(asyncio.run(work()))
    _tell_unasked(levels, read)


@agents.command("phone")
def phone(
    name: Name,
    endpoint: Annotated[str, typer.Argument(help="Endpoint in Asterisk, such as PJSIP/agent-101.")],
    settings: SettingsFile = None,
) -> None:
    """Give an agent another phone, from the next call on. Refused while they are in a call."""
    from models.agents import Agents
    from models.migrate import opened

    read = settings_of(settings)
    _check_phone(endpoint)

    async def work() -> "AgentCard":
        async with opened(read.database_url) as database:
            return await Agents(database).set_phone(name, endpoint)

    _tell(asyncio.run(work()))


class AutoAnswer(StrEnum):
    """Whether a phone is asked to pick up by itself."""

    ON = "on"
    OFF = "off"
    SETTINGS = "settings"  # as `phones.auto_answer` says


@agents.command("auto-answer")
def auto_answer(
    name: Name,
    wanted: Annotated[AutoAnswer, typer.Argument(help="on, off, or settings: as `phones.auto_answer` says.")],
    settings: SettingsFile = None,
) -> None:
    """Let the phone of an agent with a headset pick up by itself, from the next call on."""
    from models.agents import Agents
    from models.migrate import opened

    read = settings_of(settings)
    told = {AutoAnswer.ON: True, AutoAnswer.OFF: False}.get(wanted)

    async def work() -> "AgentCard":
        async with opened(read.database_url) as database:
            return await Agents(database).set_auto_answer(name, told)

    card = asyncio.run(work())
    picks_up = read.phones.auto_answer if told is None else told
    print(f"{card.phone} of {name} {'is asked to pick up' if picks_up else 'does not pick up'} by itself")


@agents.command("remove")
def remove(name: Name, settings: SettingsFile = None) -> None:
    """Sign an agent out for good. Refused while they are in a call.

    The record of their calls stays, and so does the name: `ivr agent password NAME` takes the agent back.
    """
    from models.agents import Agents
    from models.migrate import opened

    read = settings_of(settings)

    async def work() -> None:
        async with opened(read.database_url) as database:
            await Agents(database).remove(name, now=await database.time() + read.clock_ahead_s)

    asyncio.run(work())
    print(f"{name} is removed and cannot sign in any more")


@agents.command("pause")
def pause(
    name: Name,
    reason: Annotated[str, typer.Option(help="One of `staff.pauses` in the file of queues.")] = "supervisor",
    settings: SettingsFile = None,
) -> None:
    """Pause an agent who is signed in. In a call it counts from the call's end on; the agent can say ready again."""
    reasons = _staff(settings_of(settings)).pauses
    if reason not in reasons:
        raise Misconfigured(f"--reason {reason}: write one of {', '.join(reasons)}{close_match(reason, reasons)}")
    state = _let(name, AgentEvent.PAUSE, settings, reason)
    later = "" if state is AgentState.PAUSED else " as soon as the call is over"
    print(f"{name} is paused{later}")


@agents.command("logout")
def logout(name: Name, settings: SettingsFile = None) -> None:
    """Sign an agent out; signing in again needs the password only. Refused while they are in a call."""
    _let(name, AgentEvent.SIGN_OUT, settings)
    print(f"{name} is signed out")


def _let(name: str, event: AgentEvent, settings: Path | None, reason: str | None = None) -> AgentState:
    """Make a move of an agent in their place; the state afterwards. Raises Misconfigured when it cannot be made."""
    from models.agents import Agents
    from models.errors import UnknownAgent
    from models.migrate import opened

    read = settings_of(settings)

    async def work() -> "AgentCard":
        async with opened(read.database_url) as database:
            roster = Agents(database)
            card = await roster.by_name(name)
            if card is None:
                raise UnknownAgent(f"no agent is called {name!r}")
            return await roster.say(card.id, event, now=await database.time() + read.clock_ahead_s, reason=reason)

    try:
        return asyncio.run(work()).state
    except IllegalMove as refused:
        if refused.state == AgentState.LOGGED_OUT:
            raise Misconfigured(f"{name} is not signed in") from refused
        raise Misconfigured(f"{name} is in a call; `ivr agent pause {name}` counts from its end on") from refused


def _staff(settings: Settings) -> Staff:
    """What the site has declared; a file that cannot be read is told of by `ivr check`."""
    try:
        return load_queues(settings.book.queues).staff
    except Misconfigured:
        return Staff()


def _check_declared(skills: Iterable[str], staff: Staff) -> None:
    """Raises Misconfigured for a skill that the site has not declared."""
    for skill in skills:
        if not staff.knows(skill):
            raise Misconfigured(f"--skill {skill}: {staff.advice(skill)}")


def _check_team(team: str | None, staff: Staff) -> None:
    """Raises Misconfigured for a team that the site does not have."""
    if team is not None and team not in staff.teams:
        raise Misconfigured(f"--team {team}: no such team in `staff.teams`{close_match(team, staff.teams)}")


def _check_phone(phone: str) -> None:
    if not _PHONE.fullmatch(phone):
        raise Misconfigured(f"{phone!r} is no phone: write PJSIP/ and the endpoint's name, such as PJSIP/agent-101")


def _wishes(written: Iterable[str]) -> tuple[dict[str, int], list[str]]:
    """Skills to give and to take away, from NAME=LEVEL and -NAME. Raises Misconfigured."""
    levels: dict[str, int] = {}
    without: list[str] = []
    for wish in written:
        skill, _, level = wish.removeprefix("-").partition("=")
        takes = wish.startswith("-")
        if not re.fullmatch(SKILL, skill):
            raise Misconfigured(f"--skill {wish}: {skill!r} does not fit; {SKILL_ADVICE}")
        if takes != (level == "") or skill in levels or skill in without:
            raise Misconfigured(f"--skill {wish}: write each skill once, as NAME=LEVEL (or -NAME to take one away)")
        if takes:
            without.append(skill)
        elif re.fullmatch(r"[1-9]|10", level):
            levels[skill] = int(level)
        else:
            raise Misconfigured(f"--skill {wish}: a level is a number from 1 (junior) to 10 (senior)")
    return levels, without


def _new_password(name: str, generate: bool) -> str:
    from models.agents import MOST_PASSWORD

    if generate:
        return secrets.token_urlsafe(12)
    if sys.stdin.isatty():
        typed: str = typer.prompt(
            f"Password of {name}", hide_input=True, confirmation_prompt="The same again", err=True
        )
    else:
        typed = sys.stdin.readline().rstrip("\n")
    if len(typed) < SHORTEST_PASSWORD:
        raise Misconfigured(f"a password has at least {SHORTEST_PASSWORD} characters; nothing was changed")
    if len(typed) > MOST_PASSWORD:
        raise Misconfigured(f"a password has at most {MOST_PASSWORD} characters; nothing was changed")
    return typed


def _tell_password(password: str, generated: bool) -> None:
    if generated:
        print(f"password: {password}   (shown only now)")


def _tell(card: "AgentCard") -> None:
    print(f"{card.name}: {card.full_name}, {card.phone}, {_spoken(card)}")
    if not any(skill.startswith(LANGUAGE) for skill in card.skills):
        print("  gets no calls yet: an agent needs the language of the call, as in --skill lang:en=5")


def _tell_unasked(skills: Iterable[str], settings: Settings) -> None:
    """Name skills that neither a queue nor a step of the menu book asks for: they may be misspelt."""
    try:
        asked = load_queues(settings.book.queues).skills()
    except Misconfigured:
        return  # `ivr check` tells what is wrong with the file; nobody can say what it asks for
    book = examine_folder(settings.book.folder).book
    for step in book.steps.values() if book else ():
        asked |= {*step.needs} if isinstance(step, Route) else set()
    for skill in skills:
        if skill not in asked and not skill.startswith(LANGUAGE):
            print(f"  no queue of {settings.book.queues} asks for the skill {skill!r}{close_match(skill, asked)}")


def _role(card: "AgentCard") -> str:
    return "supervisor" if card.supervisor else "agent"


def _spoken(card: "AgentCard") -> str:
    return " ".join(f"{skill}={level}" for skill, level in sorted(card.skills.items())) or "no skills"
