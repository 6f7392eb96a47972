"""`ivr doctor`: looks at the installation from outside and says what is wrong and what to do about it."""

import asyncio
import os
import socket
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path

from ivr.asterisk.witness import AmiUnusable, AmiWitness
from ivr.clock import StoreClock, SystemClock
from ivr.doctor_switch import examine_switch
from ivr.finding import Finding, fault, fine, warning
from ivr.heartbeat import OFF_S
from ivr.settings import Settings
from models.database import Database, address
from models.errors import ModelsError
from models.migrate import revision_state
from models.nodes import switches
from routing.errors import StoreAway

#: An address of RFC 5737: the system is asked which way it would go there; nothing is sent.
_OUTSIDE = ("192.0.2.1", 9)
_CONNECT_TIMEOUT_S = 0.5


def examine(settings: Settings) -> tuple[Finding, ...]:
    """All findings, in the order in which to mend them. Blocking; takes about five seconds."""
    return tuple(_examine(settings))


def _examine(settings: Settings) -> Iterator[Finding]:
    yield from _programs()
    yield from _secrets()
    yield from _database(settings)
    sound, finding = _prompts(settings)
    yield finding
    yield from _ports_seen_from_outside(settings)
    if settings.clock_ahead_s:
        yield warning("clock", f"the engine's clock is {settings.clock_ahead_s:.0f} s ahead", "for rehearsals only")
    secret = os.environ.get("RINGWISE_AMI_SECRET")
    if secret:
        yield from _switch(settings, secret, sound)


def _programs() -> Iterator[Finding]:
    yield fine("programs", f"Python {sys.version.split()[0]}, panoramisk {version('panoramisk')}")


def _secrets() -> Iterator[Finding]:
    for name, advice in (
        ("RINGWISE_AMI_SECRET", "set it to the secret of ringwise-secret.conf; Asterisk was not looked at without it"),
        ("RINGWISE_WEB_SECRET", "set it to 32 or more random characters"),
    ):
        if not os.environ.get(name):
            yield fault("secrets", f"{name} is not set in the environment", advice)


def _database(settings: Settings) -> Iterator[Finding]:
    url = settings.database_url
    try:
        parsed = address(url)
        shown = parsed.render_as_string(hide_password=True)
        if parsed.get_backend_name() == "sqlite" and not Path(parsed.database or "").is_file():
            yield fault("database", f"{shown} does not exist", "run `ivr migrate`")
            return  # connecting would make an empty one
        state = asyncio.run(revision_state(url))
    except (StoreAway, ModelsError) as wrong:
        yield fault("database", f"cannot be used: {wrong}", "check `database.url`, and that the server runs")
        return
    if state.current:
        yield fine("database", f"{shown} is at revision {state.head}")
        yield _clock(url)
        yield from _switches(url)
    elif state.found is None:
        yield fault("database", f"{shown} has no tables", "run `ivr migrate`")
    else:
        says = f"{shown} is at revision {state.found}, this engine needs {state.head}"
        yield fault("database", says, "run `ivr migrate`")


def _clock(url: str) -> Finding:
    """Whether this machine's time of day is the database's, by which every engine goes."""

    async def ahead_s() -> float:
        async with Database.opened(url) as database:
            clock = StoreClock(SystemClock())
            await clock.read(database.time)
            return clock.machine_ahead_s

    try:
        return judged_clock(asyncio.run(ahead_s()))
    except StoreAway as wrong:
        return fault("database", f"does not tell the time: {wrong}", "look again once it is there")


def _switches(url: str) -> Iterator[Finding]:
    """Whether all engines of the database that live serve one Asterisk."""

    async def told() -> Mapping[str, str]:
        async with Database.opened(url) as database:
            return await switches(database)

    try:
        yield from judged_switches(asyncio.run(told()))
    except StoreAway:
        return  # told already


def judged_switches(told: Mapping[str, str]) -> Iterator[Finding]:
    """What is told of engines that live, by name, and the Asterisk that each serves."""
    if len(set(told.values())) > 1:
        each = ", ".join(f"{node} serves {switch}" for node, switch in sorted(told.items()))
        advice = "a database of its own for each Asterisk: calls, rooms and phones are those of one"
        yield fault("nodes", f"not all serve one Asterisk: {each}", advice)
    elif told:
        yield fine("nodes", f"{' and '.join(sorted(told))} serve one Asterisk")


def judged_clock(ahead_s: float) -> Finding:
    """What a machine whose time of day is so far ahead of the database's is told."""
    if abs(ahead_s) <= OFF_S:
        return fine("clock", "the database's is ours")
    says = f"this machine's is {abs(ahead_s):.0f} s {'ahead of' if ahead_s > 0 else 'behind'} the database's"
    return warning("clock", says, "keep both machines' time by NTP; the engine goes by the database's meanwhile")


def _prompts(settings: Settings) -> tuple[str, Finding]:
    """The shortest prompt as Asterisk names it, empty when there is none; and the finding."""
    folder = settings.prompts.folder
    try:
        sizes = [(file.stat().st_size, file) for file in folder.rglob("*.wav")]
    except OSError as wrong:
        return "", fault("prompts", f"{folder} cannot be read: {wrong.strerror}", "give the engine's user access to it")
    if not sizes:
        return "", fault("prompts", f"{folder} has no sound files", "run `ivr publish`, which renders them")
    shortest = min(sizes)[1]
    seen_in = (settings.prompts.seen_by_asterisk or folder).absolute()
    return str(seen_in / shortest.relative_to(folder).with_suffix("")), fine(
        "prompts", f"{len(sizes)} files in {folder}"
    )


def _ports_seen_from_outside(settings: Settings) -> Iterator[Finding]:
    """AMI and FastAGI have no encryption, and FastAGI no password: nobody else may reach them."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way_out:
        try:
            way_out.connect(_OUTSIDE)
        except OSError:
            return  # no network at all
        outside = str(way_out.getsockname()[0])
    for name, port, advice in (
        ("AMI", settings.ami.port, "bindaddr = 127.0.0.1 in manager.conf, or a packet filter"),
        ("FastAGI", settings.fastagi.port, "`fastagi.host: 127.0.0.1`, or a packet filter that lets only Asterisk in"),
    ):
        try:
            socket.create_connection((outside, port), timeout=_CONNECT_TIMEOUT_S).close()
        except OSError:
            continue
        yield warning(name, f"port {port} answers on {outside}, not only on loopback", advice)


def _switch(settings: Settings, secret: str, sound: str) -> Iterator[Finding]:
    address = f"{settings.ami.host}:{settings.ami.port}"
    try:
        with AmiWitness(settings.ami.host, settings.ami.port) as witness:
            if witness.log_in(settings.ami.user, secret):
                yield fine("AMI", f"{address} lets {settings.ami.user} in")
                yield from examine_switch(witness, settings, sound)
            else:
                advice = "compare RINGWISE_AMI_SECRET with ringwise-secret.conf, and `permit` in ringwise-manager.conf"
                yield fault("AMI", f"{address} refuses user {settings.ami.user}", advice)
    except AmiUnusable as wrong:
        advice = (
            "is Asterisk running, manager.conf enabled, ringwise-manager.conf included and ringwise-secret.conf there?"
        )
        yield fault("AMI", str(wrong), advice)
