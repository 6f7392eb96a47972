"""Cases from the command line: what is open, and its end."""

import asyncio
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from ivr.testing.command import ivr
from models.cases import CaseBook
from models.database import Database
from routing.errands import NewCase

pytestmark = pytest.mark.usefixtures("cli_url")
ANI = "+8613800000001"


async def _complain(url: str, call_id: str, days: int, *, ago_days: int = 0) -> str:
    async with Database.opened(url) as database:
        case = NewCase("A card was charged twice", 2, days, call_id, None, ANI, None)
        now = datetime.now(UTC).timestamp() - 86400 * ago_days
        return (await CaseBook(database, ZoneInfo("Asia/Shanghai")).open(case, now=now)).number


def test_open_cases_are_listed_with_the_next_one_due_first_and_masked_numbers(cli_url: str) -> None:
    assert ivr("cases", "list").out == "no case is open\n"
    later, late = asyncio.run(_complain(cli_url, "c1", 9)), asyncio.run(_complain(cli_url, "c2", 1, ago_days=5))
    head, first, second = ivr("cases", "list").out.splitlines()
    assert head.split()[:4] == ["case", "about", "tier", "handler"]
    assert (first.split()[0], first.split()[-1]) == (late, "overdue")
    assert second.split()[0] == later
    assert "overdue" not in second
    assert ANI not in first + second
    assert ANI in ivr("cases", "list", "--numbers").out


def test_a_case_is_closed_once_and_one_that_nobody_knows_is_named(cli_url: str) -> None:
    number = asyncio.run(_complain(cli_url, "c1", 5))
    assert ivr("cases", "close", number).out == f"case {number} is closed\n"
    assert ivr("cases", "list").out == "no case is open\n"
    assert ivr("cases", "close", number).out == f"case {number} was closed before\n"
    wrong = ivr("cases", "close", "7")
    assert (wrong.status, wrong.err) == (1, "no case has the number '7'\n")


def test_a_case_is_assigned_escalated_and_shown_with_everything_that_was_done(cli_url: str) -> None:
    number = asyncio.run(_complain(cli_url, "c1", 5))
    added = ivr("agent", "add", "grace", "--full-name", "Grace Chen", "--phone", "PJSIP/agent-101", "--skill",
                "complaints=2", "--generate")  # fmt: skip
    assert added.status == 0
    assert ivr("cases", "assign", number, "grace").out == f"case {number} is handled by grace\n"
    assert "grace" in ivr("cases", "list").out
    assert ivr("cases", "escalate", number, "--note", "beyond us").out == f"case {number} is of tier 3\n"
    shown = ivr("cases", "show", number).out
    assert "moved from tier 2 to 3: beyond us" in shown
    assert "given to grace" in shown
    assert ANI not in shown
    assert ivr("cases", "list", "--due", "1").out == "no case is due within 1 hours\n"
    assert ivr("cases", "close", number, "--note", "refunded").status == 0
    assert "closed: refunded" in ivr("cases", "show", number).out
    late = ivr("cases", "escalate", number)
    assert (late.status, late.err) == (1, f"case {number} is closed\n")
    assert ivr("cases", "assign", number, "nobody").status == 1
