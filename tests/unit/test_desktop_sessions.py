"""Sessions, tickets, own origins, and the brake on guessing."""

import pytest
from starlette.requests import HTTPConnection

from ivr.desktop.guesses import (
    ADDRESS_EVERY_S,
    FREE_PER_ADDRESS,
    FREE_PER_NAME,
    LONGEST_LOCK_S,
    MOST_REMEMBERED,
    Guesses,
)
from ivr.desktop.origins import Origins
from ivr.desktop.sessions import MOST_TICKETS, SESSION_S, TICKET_S, Session, Sessions, Tickets
from ivr.errors import Misconfigured
from ivr.testing.clock import FakeClock

SECRET = "sixteen or more of it"


def a_session(sessions: Sessions, agent_id: int = 1) -> Session:
    session = sessions.read(sessions.open(agent_id))
    assert session is not None
    return session


def test_a_cookie_names_its_agent_until_it_expires() -> None:
    clock = FakeClock()
    sessions = Sessions(SECRET, clock)
    cookie = sessions.open(4)
    clock.advance(SESSION_S - 1)
    session = sessions.read(cookie)
    assert session is not None
    assert session.agent_id == 4
    clock.advance(1)
    assert sessions.read(cookie) is None
    assert not sessions.open_still(session)


def test_an_ended_session_cannot_be_used_again() -> None:
    sessions = Sessions(SECRET, FakeClock())
    cookie = sessions.open(4)
    other = sessions.open(4)
    session = sessions.read(cookie)
    assert session is not None
    sessions.end(session)
    assert sessions.read(cookie) is None
    assert sessions.read(other) is not None


@pytest.mark.parametrize("cookie", [None, "", "x", "a.b.c", "W10.signature"])
def test_what_we_have_not_signed_is_no_session(cookie: str | None) -> None:
    assert Sessions(SECRET, FakeClock()).read(cookie) is None


def test_a_changed_cookie_and_one_of_another_secret_are_no_sessions() -> None:
    clock = FakeClock()
    sessions = Sessions(SECRET, clock)
    cookie = sessions.open(4)
    changed = "A" if cookie[-9] != "A" else "B"  # in the middle of the signature: its last letter has spare bits
    assert sessions.read(cookie[:-9] + changed + cookie[-8:]) is None
    assert Sessions("another secret of that length", clock).read(cookie) is None


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(Misconfigured, match="16 characters"):
        Sessions("short", FakeClock())


def test_a_ticket_opens_once() -> None:
    clock = FakeClock()
    tickets, session = Tickets(clock), a_session(Sessions(SECRET, clock))
    ticket = tickets.give(session)
    assert tickets.redeem(ticket, session)
    assert not tickets.redeem(ticket, session)


def test_a_ticket_lapses() -> None:
    clock = FakeClock()
    tickets, session = Tickets(clock), a_session(Sessions(SECRET, clock))
    ticket = tickets.give(session)
    clock.advance(TICKET_S)
    assert not tickets.redeem(ticket, session)


def test_a_ticket_is_no_use_to_another_session() -> None:
    clock = FakeClock()
    sessions, tickets = Sessions(SECRET, clock), Tickets(clock)
    mine, theirs = a_session(sessions, 1), a_session(sessions, 2)
    ticket = tickets.give(mine)
    assert not tickets.redeem(ticket, theirs)
    assert tickets.redeem(ticket, mine)


def test_unused_tickets_are_bounded_and_the_newest_kept() -> None:
    clock = FakeClock()
    tickets, session = Tickets(clock), a_session(Sessions(SECRET, clock))
    given = [tickets.give(session) for _ in range(MOST_TICKETS + 1)]
    assert not tickets.redeem(given[0], session)
    assert all(tickets.redeem(ticket, session) for ticket in given[1:])


def test_five_wrong_passwords_lock_a_name_for_longer_and_longer() -> None:
    guesses, now, waits = Guesses(), 0.0, []
    for _ in range(FREE_PER_NAME):
        assert guesses.take("grace", "10.0.0.1", now=now) == 0
    for _ in range(9):
        wait = guesses.take("grace", "10.0.0.2", now=now)
        waits.append(wait)
        now += wait
        assert guesses.take("grace", "10.0.0.2", now=now) == 0
    assert waits == sorted(waits)
    assert waits[:3] == [15, 30, 60]
    assert waits[-1] == LONGEST_LOCK_S


@pytest.mark.fault("G8", "10,000 guesses of a password")
def test_ten_thousand_guesses_an_hour_get_through_a_dozen_times() -> None:
    guesses = Guesses()
    tried = sum(guesses.take("grace", f"10.0.{i % 250}.1", now=i * 0.36) == 0 for i in range(10_000))
    assert tried <= 14


def test_many_guesses_at_the_same_moment_gain_nothing() -> None:
    guesses = Guesses()
    assert [guesses.take("grace", "10.0.0.1", now=0) == 0 for _ in range(8)] == [True] * 5 + [False] * 3


def test_one_address_cannot_try_one_password_on_every_name() -> None:
    guesses = Guesses()
    tried = [guesses.take(f"agent{i}", "10.0.0.1", now=0) == 0 for i in range(100)]
    assert sum(tried) == FREE_PER_ADDRESS
    assert guesses.take("agent0", "10.0.0.1", now=0) == ADDRESS_EVERY_S
    assert guesses.take("agent0", "10.0.0.1", now=ADDRESS_EVERY_S) == 0
    assert guesses.take("agent1", "10.0.0.1", now=ADDRESS_EVERY_S) == ADDRESS_EVERY_S


def test_a_site_behind_one_proxy_that_mistypes_now_and_then_is_never_stopped() -> None:
    guesses = Guesses()
    for i in range(1000):
        assert guesses.take(f"agent{i}", "10.0.0.1", now=i * ADDRESS_EVERY_S) == 0


def test_an_ipv6_network_counts_as_one_address() -> None:
    guesses = Guesses()
    tried = [guesses.take(f"agent{i}", f"2001:db8::{i:x}", now=0) == 0 for i in range(100)]
    assert sum(tried) == FREE_PER_ADDRESS


def test_the_right_password_forgives_the_name_but_not_the_address() -> None:
    guesses = Guesses()
    for _ in range(4):
        guesses.take("grace", "10.0.0.1", now=0)
    guesses.take("grace", "10.0.0.1", now=0)
    guesses.right("grace", "10.0.0.1")
    assert [guesses.take("grace", "10.0.0.9", now=0) == 0 for _ in range(6)] == [True] * 5 + [False]
    assert sum(guesses.take(f"agent{i}", "10.0.0.1", now=0) == 0 for i in range(100)) == FREE_PER_ADDRESS - 4


def test_a_password_that_could_not_be_checked_does_not_count_and_forgives_nothing() -> None:
    guesses = Guesses()
    for _ in range(4):
        guesses.take("grace", "10.0.0.1", now=0)
    for _ in range(10):
        assert guesses.take("grace", "10.0.0.1", now=0) == 0
        guesses.unknown("grace", "10.0.0.1")
    assert guesses.take("grace", "10.0.0.1", now=0) == 0
    assert guesses.take("grace", "10.0.0.1", now=0) > 0


def test_what_is_remembered_of_guesses_is_bounded() -> None:
    guesses = Guesses()
    for i in range(MOST_REMEMBERED * 2):
        guesses.take(f"name{i}", f"{i}", now=0)
    assert guesses.take("name0", "0", now=0) == 0
    assert len(guesses._names) == len(guesses._addresses) == MOST_REMEMBERED


def came(origin: str | None, server: tuple[str, int] = ("127.0.0.1", 8480), host: str = "x") -> HTTPConnection:
    headers = [(b"host", host.encode())] + ([(b"origin", origin.encode())] if origin is not None else [])
    return HTTPConnection({"type": "http", "headers": headers, "server": server})


@pytest.mark.parametrize("origin", ["http://127.0.0.1:8480", "http://localhost:8480", "http://[::1]:8480"])
def test_loopback_calls_itself_by_three_names(origin: str) -> None:
    assert Origins(()).own(came(origin))


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "",
        "null",
        "http://evil.example",
        "http://evil.example:8480",
        "http://127.0.0.1",
        "http://127.0.0.1:8481",
        "https://127.0.0.1:8480",
        "http://127.0.0.1:8480.evil.example",
        "http://10.0.0.5:8480",
    ],
)
def test_other_origins_are_foreign(origin: str | None) -> None:
    assert not Origins(()).own(came(origin))


def test_a_foreign_name_that_resolves_to_us_stays_foreign() -> None:
    assert not Origins(()).own(came("http://rebound.example:8480", host="rebound.example:8480"))


def test_an_address_of_this_machine_is_own_where_the_browser_arrived_at_it() -> None:
    assert Origins(()).own(came("http://10.0.0.5:8480", ("10.0.0.5", 8480)))
    assert Origins(()).own(came("http://10.0.0.5", ("10.0.0.5", 80)))
    assert not Origins(()).own(came("http://localhost:8480", ("10.0.0.5", 8480)))


def test_listed_origins_are_own_whatever_stands_before_us() -> None:
    assert Origins(("https://Desk.bank.example/",)).own(came("https://desk.bank.example"))
