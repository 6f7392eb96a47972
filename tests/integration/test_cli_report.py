"""`ivr report` on calls that were really walked, from a file that they were stored in."""

import asyncio
import json
import time
from pathlib import Path

import pytest

from ivr.testing.command import ivr
from models.database import Database
from models.tables import AgentRow, CallEventRow, CallRow, NeedRow, OfferRow, ToldWaitRow

pytestmark = pytest.mark.usefixtures("cli_url")

ORDER = [("balance", 2.0), ("transfer", 3.0), ("complaint", 4.0)]


async def _calls(url: str, now: float, callers: int) -> None:
    """Two arms of callers: the personal one chooses after 4 to 8 seconds, the static one five later."""
    async with Database.opened(url) as database, database.write() as session:
        for number in range(callers * 2):
            held, at = "drawn" if number % 2 else None, now - 3600 + number
            id_ = f"c{number}"
            session.add(
                CallRow(id=id_, uniqueid=id_, channel="c", node="a", state="ended", started_at=at, ended_at=at + 60,
                        ani=f"+86138{number:08}", result="served", reason="agent")
            )  # fmt: skip
            await session.flush()
            record = {"personal": True, "language": "en", "segment": None, "held": held, "held_out": held is not None,
                      "promoted": [], "seconds": dict(ORDER)}  # fmt: skip
            order = [{"option": option, "task": option} for option, _ in ORDER]
            chosen = at + 4 + number // 2 % 5 + 5 * bool(held)
            for when, kind, data in (
                (at, "menu", {"menu": "main", "order": order, "record": record}),
                (chosen, "key", {"menu": "main", "option": "transfer", "task": "transfer", "key": "2"}),
            ):
                session.add(CallEventRow(call_id=id_, at=when, kind=kind, data=data))


def test_the_report_tells_arms_figures_and_a_plain_sentence(cli_url: str, tmp_path: Path) -> None:
    asyncio.run(_calls(cli_url, time.time(), 40))
    ran = ivr("report", "menus", "--since", "2h", "--html", "menus.html")
    assert (ran.status, ran.err) == (0, "")
    assert "80 calls of 80 callers with a personal menu" in ran.out
    assert "static: 40 calls drawn" in ran.out
    assert "With the personal order callers reach what they want 5.00 s sooner (personal less static: " in ran.out
    assert (
        "visits with a wrong key: not enough calls to tell; personal less static lies between -8.8 and 8.8 "
        "percentage points." in ran.out
    )
    assert "Switch cost: not enough calls to tell." in ran.out
    page = (tmp_path / "menus.html").read_text(encoding="utf-8")
    assert "5.00 s sooner" in page
    assert page.count("<svg") >= 4
    told = json.loads(ivr("report", "menus", "--since", "2h", "--json").out)
    everybody = told["groups"][0]
    assert everybody["arms"]["personal"]["figures"]["target_s"]["value"] == pytest.approx(6.0)
    assert everybody["arms"]["static"]["figures"]["target_s"]["value"] == pytest.approx(11.0)
    assert everybody["difference"]["target_s"]["told"] == "lower"
    assert [group["kind"] for group in told["groups"]] == ["all", "menu", "segment", "language"]


def test_without_calls_the_report_says_so_and_a_wrong_span_is_told(cli_url: str) -> None:
    assert "0 calls of 0 callers with a personal menu" in ivr("report", "menus").out
    ran = ivr("report", "menus", "--since", "a week")
    assert (ran.status, ran.out) == (1, "")
    assert "'a week' is no span of time" in ran.err


def test_with_one_arm_alone_nothing_is_compared(cli_url: str) -> None:
    asyncio.run(_calls(cli_url, time.time(), 0))
    asyncio.run(_one_call(cli_url, time.time()))
    assert "not enough calls to tell: there are only calls with the personal order." in ivr("report", "menus").out


async def _one_call(url: str, now: float) -> None:
    async with Database.opened(url) as database, database.write() as session:
        session.add(CallRow(id="x", uniqueid="x", channel="c", node="a", state="ended", started_at=now - 60,
                            ended_at=now - 5, ani="+8613800000001", result="left", reason="in_menu"))  # fmt: skip
        await session.flush()
        record = {"language": "en", "held_out": False, "promoted": []}
        session.add(CallEventRow(call_id="x", at=now - 50, kind="menu",
                                 data={"menu": "main", "order": [], "record": record}))  # fmt: skip


async def _told(url: str, now: float) -> None:
    async with Database.opened(url) as database, database.write() as session:
        session.add(CallRow(id="x", uniqueid="x", channel="c", node="a", state="waiting", started_at=now - 900))
        await session.flush()
        need = NeedRow(call_id="x", queue="cards", required={}, language="en", not_agents=[], since=now - 800,
                       state="waiting")  # fmt: skip
        session.add(need)
        await session.flush()
        for at, most in ((now - 7300, 5), (now - 800, 5), (now - 400, 10)):
            session.add(ToldWaitRow(need_id=need.id, at=at, least_min=2, most_min=most, mean_s=200, ahead=2, agents=3))
        session.add(ToldWaitRow(need_id=need.id, at=now - 300, mean_s=900, ahead=9, agents=3))  # nobody was told


def test_told_waits_of_the_last_hours_are_held_against_what_came_of_them(cli_url: str) -> None:
    assert "nobody was told an expected wait within 7d" in ivr("report", "waits").out
    asyncio.run(_told(cli_url, time.time()))
    ran = ivr("report", "waits", "--since", "2h")
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.splitlines()[1].split() == ["cards", "formula", "2", "1", "0%", "0", "1", "5.5", "min"]
    (queue,) = json.loads(ivr("report", "waits", "--json").out)["queues"]
    assert (queue["told"], queue["later"], queue["bias_s"]) == (3, 2, None)


async def _offers(url: str, now: float) -> None:
    """Grace: one answered, one missed, two refused, an old one; Tom: one refused."""
    made = [(1, "completed", None), (1, "missed", None), (1, "refused", "wrong_skill"), (1, "refused", "wrong_skill"),
            (2, "refused", "technical")]  # fmt: skip
    async with Database.opened(url) as database, database.write() as session:
        for number, name in enumerate(["grace", "tom"], 1):
            session.add(AgentRow(id=number, name=name, full_name=name, password_hash="", phone="PJSIP/x"))
        session.add(CallRow(id="c1", uniqueid="c1", channel="c", node="a", state="ended", started_at=now))
        await session.flush()
        for number, (agent, state, reason) in enumerate([*made, (1, "missed", None)]):
            at = now - 60 * number if number < len(made) else now - 90 * 86400
            need = NeedRow(call_id="c1", queue="general", required={}, language="en", not_agents=[], since=at,
                           state="closed", closed_at=at)  # fmt: skip
            session.add(need)
            await session.flush()
            session.add(
                OfferRow(call_id="c1", need_id=need.id, agent_id=agent, node="a", fence=1, state=state, why={},
                         made_at=at, closed_at=at, refused_for=reason)
            )  # fmt: skip


def test_offers_are_counted_by_agent_with_the_reasons_of_refusals(cli_url: str) -> None:
    asyncio.run(_offers(cli_url, time.time() - 60))
    ran = ivr("report", "offers", "--since", "1d")
    assert (ran.status, ran.err) == (0, "")
    head, grace, tom = (line.split() for line in ran.out.splitlines())
    assert head[:4] == ["agent", "offers", "answered", "missed"]
    assert grace == ["grace", "4", "1", "1", "0", "0", "2", "0", "0", "wrong_skill=2"]
    assert tom == ["tom", "1", "0", "0", "0", "0", "1", "0", "0", "technical=1"]
    told = json.loads(ivr("report", "offers", "--since", "1d", "--json").out)
    assert told["agents"][1] == {
        "agent": "tom", "offers": 1, "states": {"refused": 1}, "refused_for": {"technical": 1}
    }  # fmt: skip
