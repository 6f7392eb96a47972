"""The demonstration bank from the command line."""

from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ivr.testing.command import ivr

SMALL = ("bank", "fill", "--customers", "20", "--until", "2026-12-01")


@pytest.fixture(autouse=True)
def _database(cli_url: str) -> None:
    """Every command works on a database of its own."""


def test_the_bank_is_filled_once_and_found_again() -> None:
    first = ivr(*SMALL)
    assert (first.status, first.err) == (0, "")
    assert first.out.startswith("20 customers with ")
    assert ivr(*SMALL).out == first.out.replace("\n", " were there already\n")


def test_the_history_ends_before_today_by_the_clock_of_the_engine(tmp_path: Path) -> None:
    settings = tmp_path / "settings.yaml"
    settings.write_text("clock_ahead_s: 8640000\n", encoding="utf-8")
    day = (datetime.now(ZoneInfo("Asia/Shanghai")) + timedelta(days=100)).date()
    assert f"before {day}" in ivr("bank", "fill", "--customers", "1", "-s", str(settings)).out


def test_another_bank_is_refused_until_a_refill_is_asked_for() -> None:
    ivr(*SMALL)
    refused = ivr(*SMALL, "--seed", "7")
    assert (refused.status, refused.out) == (1, "")
    assert "nothing was changed" in refused.err
    assert "--refill" in refused.err
    assert ivr(*SMALL, "--seed", "7", "--refill").status == 0


@pytest.mark.parametrize("wrong", [("--until", "tomorrow"), ("--customers", "0"), ("--seed", "one")], ids=" ".join)
def test_a_wrong_option_is_a_usage_error(wrong: tuple[str, str]) -> None:
    assert ivr("bank", "fill", *wrong).status == 2
