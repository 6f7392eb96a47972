"""Signing in and out over real HTTP: what is refused, what is promised to browsers, and the server's own port."""

import asyncio
import socket

import pytest

from ivr.clock import SystemClock
from ivr.desktop.guesses import FREE_PER_NAME
from ivr.desktop.hub import SIGNED_OUT, Hub
from ivr.desktop.server import LARGEST_BODY, DesktopServer, build_app
from ivr.desktop.sessions import COOKIE
from ivr.errors import Misconfigured
from ivr.settings import Web
from ivr.testing.desktop import SECRET, RunningDesktop, ScriptedHandling, hear, running_desktop
from ivr.testing.pops import an_agent
from ivr.testing.roster import ScriptedRoster
from routing.agent import AgentState

CLOCK = SystemClock()


def a_roster() -> ScriptedRoster:
    return ScriptedRoster(an_agent(CLOCK.now(), state=AgentState.LOGGED_OUT), passwords={"grace": "right"})


async def wrong(desktop: RunningDesktop, password: str = "wrong") -> int:
    answer = await desktop.request("POST", "/sign-in", form={"name": "grace", "password": password})
    return answer.status


async def test_signing_in_leads_to_the_desktop_and_pauses_the_agent() -> None:
    roster = a_roster()
    async with running_desktop(roster, CLOCK) as desktop:
        assert (await desktop.request("GET", "/")).headers["location"] == "/sign-in"
        assert (await desktop.request("GET", "/sign-in")).status == 200
        cookie = await desktop.sign_in()
        assert roster.cards[1].state is AgentState.PAUSED
        assert roster.signs_of_life == [1]
        assert "desktop.js" in (await desktop.request("GET", "/", cookie=cookie)).body
        assert (await desktop.request("GET", "/sign-in", cookie=cookie)).headers["location"] == "/"


async def test_signing_in_a_second_time_changes_nothing_for_the_agent() -> None:
    roster = a_roster()
    async with running_desktop(roster, CLOCK) as desktop:
        await desktop.sign_in()
        roster.put(1, state=AgentState.BUSY)
        await desktop.sign_in()
        assert roster.cards[1].state is AgentState.BUSY


async def test_the_session_cookie_is_kept_from_scripts_and_other_sites() -> None:
    async with running_desktop(a_roster(), CLOCK) as desktop:
        answer = await desktop.request("POST", "/sign-in", form={"name": "grace", "password": "right"})
        attributes = answer.headers["set-cookie"].lower()
        assert attributes.startswith(COOKIE)
        assert "httponly" in attributes
        assert "samesite=strict" in attributes
        assert "max-age=43200" in attributes
        assert "secure" not in attributes


async def test_behind_tls_the_cookie_is_for_tls_only() -> None:
    web = Web(origins=("https://desk.bank.example",))
    async with running_desktop(a_roster(), CLOCK, web=web) as desktop:
        form = {"name": "grace", "password": "right"}
        answer = await desktop.request("POST", "/sign-in", form=form, origin="https://desk.bank.example")
        assert "secure" in answer.headers["set-cookie"].lower()


async def test_pages_of_the_other_nodes_may_read_our_answers_and_no_others_may() -> None:
    web = Web(nodes=("https://a.desk.example/", "https://b.desk.example"), cookie_domain="desk.example")
    async with running_desktop(a_roster(), CLOCK, web=web) as desktop:
        form = {"name": "grace", "password": "right"}
        answer = await desktop.request("POST", "/sign-in", form=form, origin="https://a.desk.example")
        assert "domain=desk.example" in answer.headers["set-cookie"].lower()
        cookie = answer.headers["set-cookie"].split(";")[0]
        theirs = await desktop.request("POST", "/ticket", cookie=cookie, origin="https://b.desk.example")
        assert theirs.status == 200
        assert theirs.headers["access-control-allow-origin"] == "https://b.desk.example"
        assert theirs.headers["access-control-allow-credentials"] == "true"
        assert theirs.headers["vary"] == "Origin"
        sources = theirs.headers["content-security-policy"]
        assert "connect-src 'self' https://a.desk.example wss://a.desk.example https://b.desk.example" in sources
        page = await desktop.request("GET", "/", cookie=cookie)
        assert 'data-nodes="https://a.desk.example https://b.desk.example"' in page.body
        ours = await desktop.request("POST", "/ticket", cookie=cookie)
        assert "access-control-allow-origin" not in ours.headers
        foreign = await desktop.request("POST", "/ticket", cookie=cookie, origin="https://desk.example")
        assert foreign.status == 403
        assert "access-control-allow-origin" not in foreign.headers


@pytest.mark.parametrize("origin", ["", "null", "http://evil.example", "https://127.0.0.1"])
@pytest.mark.parametrize("path", ["/sign-in", "/sign-out", "/ticket"])
async def test_nothing_can_be_posted_from_a_foreign_page(path: str, origin: str) -> None:
    roster = a_roster()
    async with running_desktop(roster, CLOCK) as desktop:
        cookie = await desktop.sign_in()
        roster.checked.clear()
        form = {"name": "grace", "password": "right"}
        answer = await desktop.request("POST", path, form=form, origin=origin, cookie=cookie)
        assert answer.status == 403
        assert "web.origins" in answer.body
        assert roster.checked == []
        assert roster.cards[1].state is AgentState.PAUSED


async def test_a_wrong_password_an_unknown_name_and_an_overlong_one_get_the_same_answer() -> None:
    async with running_desktop(a_roster(), CLOCK) as desktop:
        answers = [
            await desktop.request("POST", "/sign-in", form=form)
            for form in (
                {"name": "grace", "password": "wrong"},
                {"name": "nobody", "password": "wrong"},
                {"name": "grace", "password": "x" * 300},
                {"name": "n" * 300, "password": "x"},
                {"name": "grace"},
                {},
            )
        ]
        assert {(answer.status, answer.body) for answer in answers} == {(401, answers[0].body)}
        assert 'data-refused="wrong"' in answers[0].body
        assert all("set-cookie" not in answer.headers for answer in answers)


async def test_after_five_wrong_passwords_even_the_right_one_waits() -> None:
    roster = a_roster()
    async with running_desktop(roster, CLOCK) as desktop:
        assert [await wrong(desktop) for _ in range(FREE_PER_NAME)] == [401] * FREE_PER_NAME
        roster.checked.clear()
        answer = await desktop.request("POST", "/sign-in", form={"name": "GRACE ", "password": "right"})
        assert answer.status == 429
        assert 0 < int(answer.headers["retry-after"]) <= 15
        assert 'data-refused="locked"' in answer.body
        assert roster.checked == []


async def test_when_the_database_is_away_nobody_is_locked_out() -> None:
    roster = a_roster()
    roster.away = True
    async with running_desktop(roster, CLOCK) as desktop:
        assert [await wrong(desktop) for _ in range(FREE_PER_NAME * 2)] == [503] * FREE_PER_NAME * 2
        roster.away = False
        await desktop.sign_in()


async def test_a_form_that_is_too_large_is_refused_unread() -> None:
    roster = a_roster()
    async with running_desktop(roster, CLOCK) as desktop:
        form = {"name": "grace", "password": "x" * LARGEST_BODY}
        assert (await desktop.request("POST", "/sign-in", form=form)).status == 413
        assert roster.checked == []


async def test_signing_out_ends_the_session_even_for_who_has_kept_the_cookie() -> None:
    roster = a_roster()
    async with running_desktop(roster, CLOCK) as desktop:
        cookie = await desktop.sign_in()
        answer = await desktop.request("POST", "/sign-out", cookie=cookie)
        assert answer.headers["location"] == "/sign-in"
        assert roster.cards[1].state is AgentState.LOGGED_OUT
        await desktop.sign_in()
        assert (await desktop.request("GET", "/", cookie=cookie)).status == 303
        assert (await desktop.request("POST", "/ticket", cookie=cookie)).status == 401


async def test_nobody_signs_out_of_a_call() -> None:
    roster = a_roster()
    async with running_desktop(roster, CLOCK) as desktop:
        cookie = await desktop.sign_in()
        roster.put(1, state=AgentState.BUSY)
        answer = await desktop.request("POST", "/sign-out", cookie=cookie)
        assert answer.headers["location"] == "/"
        assert roster.cards[1].state is AgentState.BUSY
        assert (await desktop.request("GET", "/", cookie=cookie)).status == 200


@pytest.mark.parametrize("path", ["/", "/sign-in", "/static/desktop.js", "/healthz", "/nowhere"])
async def test_every_answer_tells_browsers_to_protect_the_agent(path: str) -> None:
    async with running_desktop(a_roster(), CLOCK) as desktop:
        headers = (await desktop.request("GET", path)).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["cache-control"] == ("no-cache" if path.startswith("/static/") else "no-store")
        assert "server" not in headers


async def test_scripts_come_with_the_type_that_nosniff_demands() -> None:
    async with running_desktop(a_roster(), CLOCK) as desktop:
        assert "javascript" in (await desktop.request("GET", "/static/desktop.js")).headers["content-type"]
        assert (await desktop.request("GET", "/static/../server.py")).status == 404
        assert (await desktop.request("GET", "/static/%2e%2e/server.py")).status == 404


async def test_healthz_says_what_is_wrong() -> None:
    parts = {"database": "ok", "asterisk": "no link for 12 s"}

    async def health() -> dict[str, str]:
        return parts

    async with running_desktop(a_roster(), CLOCK, health=health) as desktop:
        answer = await desktop.request("GET", "/healthz")
        assert answer.status == 503
        assert "no link for 12 s" in answer.body
        parts["asterisk"] = "ok"
        assert (await desktop.request("GET", "/healthz")).status == 200


async def test_metrics_count_attempts_to_sign_in() -> None:
    async with running_desktop(a_roster(), CLOCK) as desktop:
        await wrong(desktop)
        await desktop.sign_in()
        body = (await desktop.request("GET", "/metrics")).body
        assert 'ringwise_sign_ins_total{outcome="wrong"} 1.0' in body
        assert 'ringwise_sign_ins_total{outcome="right"} 1.0' in body


async def test_a_port_in_use_is_one_clear_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        roster = a_roster()
        app = build_app(
            roster, Hub(roster, CLOCK, lambda agent_id: _nothing()), CLOCK, Web(), SECRET, handling=ScriptedHandling()
        )
        with pytest.raises(Misconfigured, match=f"port {port} on 127.0.0.1 is in use by another program"):
            await DesktopServer(app, "127.0.0.1", port).start()


@pytest.mark.parametrize("host", ["203.0.113.7", "no.such.host.invalid"])
async def test_an_address_that_is_not_ours_is_one_clear_sentence(host: str) -> None:
    roster = a_roster()
    app = build_app(
        roster, Hub(roster, CLOCK, lambda agent_id: _nothing()), CLOCK, Web(), SECRET, handling=ScriptedHandling()
    )
    with pytest.raises(Misconfigured, match=host):
        await DesktopServer(app, host, 0).start()


async def _nothing() -> None:
    return None


async def test_a_new_password_and_a_sign_out_end_the_cookies_of_the_agent_on_every_node() -> None:
    roster = a_roster()
    async with running_desktop(roster, CLOCK) as here, running_desktop(roster, CLOCK) as there:

        async def lets_in(cookie: str) -> list[int]:
            answers = [await one.request("GET", "/", cookie=cookie) for one in (here, there)]
            answers += [await one.request("POST", "/ticket", cookie=cookie) for one in (here, there)]
            return [answer.status for answer in answers]

        first = await here.sign_in()
        assert await lets_in(first) == [200, 200, 200, 200]
        async with await there.open(first) as socket:
            await hear(socket, "state")
            roster.put(1, sessions=roster.cards[1].sessions + 1)  # as Agents.set_password does
            there.hub.changed(1)
            await asyncio.wait_for(socket.wait_closed(), 10)
            assert socket.close_code == SIGNED_OUT
        assert await lets_in(first) == [303, 303, 401, 401]
        second = await there.sign_in()
        await here.request("POST", "/sign-out", cookie=first)
        assert roster.cards[1].state is AgentState.PAUSED, "a worthless cookie signs nobody out"
        await here.request("POST", "/sign-out", cookie=second)
        third = await here.sign_in()
        assert await lets_in(second) == [303, 303, 401, 401]
        assert await lets_in(third) == [200, 200, 200, 200]
        roster.away = True
        assert await lets_in(third) == [200, 200, 200, 200], "the page itself says that the database is away"
